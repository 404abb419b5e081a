#include "engine/load.h"

#include "engine/weights.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE MIB(1)
#define FIRST MIB(1) /* most headers are shorter */
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
    identity_reader_free(l->reader);
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

bool load_begin(struct engine_part part, struct load *out, struct err *err)
{
    struct load l = {.part = part};

    if (fstat(part.fd, &l.before) != 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: no file", part.name);
    }
    if (!S_ISREG(l.before.st_mode) || l.before.st_size <= 0) {
        return FAIL(err, REASON_GGUF_MAGIC, 0, "%s: not a regular file with something in it", part.name);
    }
    l.length = (size_t)l.before.st_size;
    l.p = weights_pages(l.length);
    if (l.p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s: %zu bytes", part.name, l.length);
    }
    if (!identity_reader_new(&l.reader, err)) {
        load_done(&l);
        return false;
    }
    *out = l;
    return true;
}

/* The file up to byte `end`, hashed. */
static bool read_on(struct load *l, size_t end, struct load_progress *progress, struct err *err)
{
    while (l->done < end) {
        size_t want = end - l->done < PIECE ? end - l->done : PIECE;
        ssize_t n = pread(l->part.fd, l->p + l->done, want, (off_t)l->done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return FAIL(err, REASON_FILE_IO, l->done, "%s: reading failed", l->part.name);
        }
        if (n == 0) {
            return FAIL(err, REASON_FILE_CHANGED, l->done, "%s: became shorter than %zu bytes", l->part.name,
                        l->length);
        }
        if (!identity_reader_add(l->reader, bytes_of(l->p + l->done, (size_t)n), err)) {
            return false;
        }
        l->done += (size_t)n;
        progress->done += (uint64_t)n;
        if (progress->source->progress != NULL) {
            progress->source->progress(progress->source->arg, progress->done, progress->total);
        }
    }
    return true;
}

bool load_header(struct load *l, struct load_progress *progress, struct gguf *out, struct err *err)
{
    const size_t most = l->length < LIMIT_GGUF_HEADER ? l->length : LIMIT_GGUF_HEADER;

    for (size_t want = FIRST;; want *= 4) {
        want = want < most ? want : most;
        if (!read_on(l, want, progress, err)) {
            return false;
        }
        if (gguf_parse_header(bytes_of(l->p, want), l->length, out, err)) {
            out->file = bytes_of(l->p, l->length); /* the rest comes into its place */
            return true;
        }
        if (err->reason != REASON_BYTES_SHORT) {
            err_prefix(err, l->part.name);
            return false;
        }
        if (want == most) {
            return FAIL(err, REASON_FILE_SIZE, most, "%s: the metadata takes more than %zu bytes", l->part.name, most);
        }
    }
}

bool load_end(struct load *l, struct load_progress *progress, struct identity *identity, struct err *err)
{
    struct stat after;
    uint8_t beyond;

    if (!read_on(l, l->length, progress, err)) {
        return false;
    }
    if (pread(l->part.fd, &beyond, 1, (off_t)l->length) > 0) {
        return FAIL(err, REASON_FILE_CHANGED, l->length, "%s: became longer than %zu bytes", l->part.name, l->length);
    }
    if (fstat(l->part.fd, &after) != 0 || !same(&l->before, &after)) {
        return FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s: size or times changed", l->part.name);
    }
    return identity_reader_end(l->reader, identity, err);
}

uint64_t load_available(uint64_t memory)
{
    return memory != 0 ? memory : (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}
