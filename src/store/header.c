#include "store/store.h"

#include "os/file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST MIB(1)

/* More of the file into bytes, up to want in all. */
static bool fill(int fd, const char *path, size_t want, struct buf *bytes, struct err *err)
{
    while (bytes->len < want) {
        uint8_t *to;
        ssize_t n;

        if (!buf_room(bytes, want - bytes->len, &to, err)) {
            return false;
        }
        n = pread(fd, to, want - bytes->len, (off_t)bytes->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return file_fail(err, path, errno);
        }
        if (n == 0) {
            return FAIL(err, REASON_FILE_CHANGED, bytes->len, "%s: the file became shorter", path);
        }
        buf_grew(bytes, (size_t)n);
    }
    return true;
}

bool store_header(int fd, const char *path, struct buf *bytes, struct gguf *out, struct err *err)
{
    struct stat st;
    size_t length, most;

    if (fstat(fd, &st) != 0) {
        return file_fail(err, path, errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s is no file", path);
    }
    length = (size_t)st.st_size;
    most = length < LIMIT_GGUF_HEADER ? length : LIMIT_GGUF_HEADER;
    *bytes = BUF(LIMIT_GGUF_HEADER);
    for (size_t want = FIRST;; want *= 2) {
        if (!fill(fd, path, want < most ? want : most, bytes, err)) {
            break;
        }
        if (gguf_parse_header(buf_bytes(bytes), length, out, err)) {
            return true;
        }
        if (err->reason == REASON_BYTES_SHORT && want >= most && most < length) {
            err_set(err, REASON_FILE_SIZE, most, "%s: the metadata takes more than %zu bytes", path, most);
            break;
        }
        if (err->reason != REASON_BYTES_SHORT || want >= most) {
            err_prefix(err, path);
            break;
        }
    }
    buf_done(bytes);
    return false;
}

bool store_headers_read(const struct engine_part *files, size_t count, struct store_headers *out, struct err *err)
{
    struct store_headers h = {.bytes = calloc(count, sizeof *h.bytes), .files = calloc(count, sizeof *h.files)};
    bool ok = (h.bytes != NULL && h.files != NULL) || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu files", count);

    while (ok && h.count < count) {
        ok = store_header(files[h.count].fd, files[h.count].name, &h.bytes[h.count], &h.files[h.count], err);
        h.count += ok ? 1 : 0;
    }
    if (!ok || !gguf_join(h.files, count, &h.all, err)) {
        store_headers_done(&h);
        return false;
    }
    *out = h;
    return true;
}

void store_headers_done(struct store_headers *h)
{
    gguf_done(&h->all);
    for (size_t i = 0; i < h->count; i++) {
        gguf_done(&h->files[i]);
        buf_done(&h->bytes[i]);
    }
    free(h->files);
    free(h->bytes);
    *h = (struct store_headers){0};
}
