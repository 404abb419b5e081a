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

static bool read_all(const struct engine_source *source, struct load *l, struct identity_reader *r, struct err *err)
{
    uint8_t beyond;

    for (size_t done = 0; done < l->length;) {
        size_t want = l->length - done < PIECE ? l->length - done : PIECE;
        ssize_t n = pread(source->fd, l->p + done, want, (off_t)done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return FAIL(err, REASON_FILE_IO, done, "%s: reading failed", source->name);
        }
        if (n == 0) {
            return FAIL(err, REASON_FILE_CHANGED, done, "%s: became shorter than %zu bytes", source->name, l->length);
        }
        if (!identity_reader_add(r, bytes_of(l->p + done, (size_t)n), err)) {
            return false;
        }
        done += (size_t)n;
        if (source->progress != NULL) {
            source->progress(source->arg, done, l->length);
        }
    }
    if (pread(source->fd, &beyond, 1, (off_t)l->length) > 0) {
        return FAIL(err, REASON_FILE_CHANGED, l->length, "%s: became longer than %zu bytes", source->name, l->length);
    }
    return true;
}

static bool memory_check(const struct engine_source *source, uint64_t size, uint64_t available, double need,
                         struct err *err)
{
    uint64_t wanted = (uint64_t)((double)size * need);

    if (available == 0) {
        available = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    return wanted <= available ||
           FAIL(err, REASON_MODEL_MEMORY, ERR_NOWHERE, "%s: needs %llu MB, there are %llu MB", source->name,
                (unsigned long long)(wanted / 1000000), (unsigned long long)(available / 1000000));
}

bool load_file(const struct engine_source *source, uint64_t available, double need, struct load *out,
               struct identity *identity, struct err *err)
{
    struct identity_reader *r = NULL;
    struct load l = {0};
    struct stat before, after;
    bool ok = false;

    if (fstat(source->fd, &before) != 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: no file", source->name);
    }
    if (!S_ISREG(before.st_mode) || before.st_size <= 0) {
        return FAIL(err, REASON_GGUF_MAGIC, 0, "%s: not a regular file with something in it", source->name);
    }
    if (!memory_check(source, (uint64_t)before.st_size, available, need, err)) {
        return false;
    }
    l.length = (size_t)before.st_size;
    l.p = weights_pages(l.length);
    if (l.p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s: %zu bytes", source->name, l.length);
    }
    if (!identity_reader_new(&r, err) || !read_all(source, &l, r, err)) {
        goto out;
    }
    if (fstat(source->fd, &after) != 0 || !same(&before, &after)) {
        (void)FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s: size or times changed", source->name);
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
