#include "engine/load.h"

#include "engine/weights.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE MIB(1)
#define PAGE 4096U

void *weights_pages(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(p, size, MADV_HUGEPAGE);
    (void)madvise(p, size, MADV_DONTDUMP);
    return p;
}

void weights_pages_free(void *p, size_t size)
{
    if (p != NULL) {
        (void)munmap(p, size);
    }
}

void load_done(struct load *l)
{
    weights_pages_free(l->p, l->length);
    *l = (struct load){0};
}

void load_release(struct load *l, size_t from, size_t size)
{
    size_t first = (from + PAGE - 1) / PAGE * PAGE, last = (from + size) / PAGE * PAGE;

    if (last > first) {
        (void)madvise(l->p + first, last - first, MADV_DONTNEED);
    }
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* One file of the source, which has `before` bytes of `total` in front of it. */
struct reading {
    const struct engine_source *source;
    struct engine_part part;
    uint64_t before, total;
};

static bool read_all(const struct reading *f, struct load *l, struct identity_reader *r, struct err *err)
{
    uint8_t beyond;

    for (size_t done = 0; done < l->length;) {
        size_t want = l->length - done < PIECE ? l->length - done : PIECE;
        ssize_t n = pread(f->part.fd, l->p + done, want, (off_t)done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return FAIL(err, REASON_FILE_IO, done, "%s: reading failed", f->part.name);
        }
        if (n == 0) {
            return FAIL(err, REASON_FILE_CHANGED, done, "%s: became shorter than %zu bytes", f->part.name, l->length);
        }
        if (!identity_reader_add(r, bytes_of(l->p + done, (size_t)n), err)) {
            return false;
        }
        done += (size_t)n;
        if (f->source->progress != NULL) {
            f->source->progress(f->source->arg, f->before + done, f->total);
        }
    }
    if (pread(f->part.fd, &beyond, 1, (off_t)l->length) > 0) {
        return FAIL(err, REASON_FILE_CHANGED, l->length, "%s: became longer than %zu bytes", f->part.name, l->length);
    }
    return true;
}

static bool file_load(const struct reading *f, struct load *out, struct identity *identity, struct err *err)
{
    struct identity_reader *r = NULL;
    struct load l = {0};
    struct stat before, after;
    bool ok = false;

    if (fstat(f->part.fd, &before) != 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: no file", f->part.name);
    }
    l.length = (size_t)before.st_size;
    l.p = weights_pages(l.length);
    if (l.p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s: %zu bytes", f->part.name, l.length);
    }
    if (!identity_reader_new(&r, err) || !read_all(f, &l, r, err)) {
        goto out;
    }
    if (fstat(f->part.fd, &after) != 0 || !same(&before, &after)) {
        (void)FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s: size or times changed", f->part.name);
        goto out;
    }
    ok = identity_reader_end(r, identity, err);
out:
    identity_reader_free(r);
    if (!ok) {
        load_done(&l);
        return false;
    }
    *out = l;
    return true;
}

static struct engine_part part_at(const struct engine_source *s, size_t i)
{
    return i == 0 ? (struct engine_part){s->fd, s->name} : s->more[i - 1];
}

static bool sizes_check(const struct engine_source *s, uint64_t available, double need, uint64_t *total,
                        struct err *err)
{
    uint64_t wanted;

    *total = 0;
    for (size_t i = 0; i <= s->more_count; i++) {
        struct engine_part part = part_at(s, i);
        struct stat st;

        if (fstat(part.fd, &st) != 0) {
            return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: no file", part.name);
        }
        if (!S_ISREG(st.st_mode) || st.st_size <= 0) {
            return FAIL(err, REASON_GGUF_MAGIC, 0, "%s: not a regular file with something in it", part.name);
        }
        *total += (uint64_t)st.st_size;
    }
    wanted = (uint64_t)((double)*total * need);
    if (available == 0) {
        available = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    return wanted <= available ||
           FAIL(err, REASON_MODEL_MEMORY, ERR_NOWHERE, "%s: needs %llu MB, there are %llu MB", s->name,
                (unsigned long long)(wanted / 1000000), (unsigned long long)(available / 1000000));
}

bool load_files(const struct engine_source *source, uint64_t available, double need, struct load *out,
                struct identity *identity, struct err *err)
{
    struct reading f = {.source = source};

    if (!sizes_check(source, available, need, &f.total, err)) {
        return false;
    }
    for (size_t i = 0; i <= source->more_count; i++) {
        f.part = part_at(source, i);
        if (!file_load(&f, &out[i], &identity[i], err)) {
            return false;
        }
        f.before += out[i].length;
    }
    return true;
}
