#include "collateral/directory.h"

#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 3 /* at a directory that is replaced while it is read */

bool directory_is_name(const char *name)
{
    static const char *const ends[] = {".json", ".pem", ".der"};
    size_t len = strlen(name);

    for (size_t i = 0; name[0] != '.' && i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);

        if (len > n && strcmp(name + len - n, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const struct document_file *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* The names and contents are this file's own allocations; the type that verify/ takes borrows. */
static void owned_free(const void *p)
{
    union {
        const void *in;
        void *out;
    } u = {.in = p};

    free(u.out);
}

/* Hands the buffer's bytes over. */
static bool file_take(struct directory *d, const char *name, struct buf *b, struct err *err)
{
    struct document_file *f = &d->files[d->count];
    char *copy;
    uint8_t *content;
    size_t len;

    if (d->count == LIMIT_COLLATERAL_FILES) {
        return FAIL(err, REASON_FILE_SIZE, ERR_NOWHERE, "%s: more than %d files", name, LIMIT_COLLATERAL_FILES);
    }
    copy = strdup(name);
    if (copy == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
    }
    if (!buf_take(b, &content, &len, err)) {
        free(copy);
        return false;
    }
    f->name = copy;
    f->content = bytes_of(content, len);
    d->times[d->count++] = 0;
    return true;
}

void directory_remove(struct directory *d, size_t i)
{
    owned_free(d->files[i].name);
    owned_free(d->files[i].content.p);
    d->count--;
    d->files[i] = d->files[d->count];
    d->times[i] = d->times[d->count];
}

bool directory_add(struct directory *d, const char *name, struct bytes content, struct err *err)
{
    struct buf b = BUF(LIMIT_COLLATERAL);
    bool ok;

    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->files[i].name, name) == 0) {
            directory_remove(d, i);
            break;
        }
    }
    ok = buf_add(&b, content.p, content.len, err) && file_take(d, name, &b, err);
    buf_done(&b);
    return ok;
}

struct bytes directory_get(const struct directory *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->files[i].name, name) == 0) {
            return d->files[i].content;
        }
    }
    return bytes_of(NULL, 0);
}

/* ---- reading ---- */

static bool file_read_at(int dir, const char *path, const char *name, struct directory *d, struct err *err)
{
    struct buf b = BUF(LIMIT_COLLATERAL);
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok;

    if (fd < 0) {
        bool failed = file_fail(err, name, errno);

        err_prefix(err, path);
        return failed;
    }
    ok = fstat(fd, &st) == 0 ? S_ISREG(st.st_mode) || file_fail(err, name, EISDIR) : file_fail(err, name, errno);
    ok = ok && file_read_fd(fd, name, &b, err) && file_take(d, name, &b, err);
    if (ok) {
        d->times[d->count - 1] = st.st_mtim.tv_sec;
    } else {
        err_prefix(err, path);
    }
    (void)close(fd);
    buf_done(&b);
    return ok;
}

static bool names_read(const char *path, struct directory *d, struct err *err)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    bool ok = true;

    if (dir == NULL) {
        return file_fail(err, path, errno);
    }
    while (ok && (e = readdir(dir)) != NULL) {
        ok = !directory_is_name(e->d_name) || file_read_at(dirfd(dir), path, e->d_name, d, err);
    }
    (void)closedir(dir);
    return ok;
}

bool directory_open(const char *path, struct directory *out, struct err *err)
{
    for (int i = 0;; i++) {
        struct directory d = {.count = 0};
        struct err why = {0};

        if (names_read(path, &d, &why)) {
            int64_t times[LIMIT_COLLATERAL_FILES];
            struct document_file files[LIMIT_COLLATERAL_FILES];

            memcpy(files, d.files, sizeof files);
            memcpy(times, d.times, sizeof times);
            qsort(d.files, d.count, sizeof *d.files, compare);
            for (size_t k = 0; k < d.count; k++) { /* the times follow their files */
                size_t from = 0;

                while (files[from].name != d.files[k].name) {
                    from++;
                }
                d.times[k] = times[from];
            }
            *out = d;
            return true;
        }
        directory_close(&d);
        if (why.reason != REASON_FILE_ABSENT || i == TRIES - 1 || access(path, F_OK) != 0) {
            *err = why;
            return false;
        }
    }
}

void directory_close(struct directory *d)
{
    for (size_t i = 0; i < d->count; i++) {
        owned_free(d->files[i].name);
        owned_free(d->files[i].content.p);
    }
    d->count = 0;
}
