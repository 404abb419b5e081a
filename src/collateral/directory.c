#include "collateral/directory.h"

#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool name_is_collateral(const char *name)
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

static bool file_add(const char *path, const char *name, struct directory *d, struct err *err)
{
    struct document_file *f = &d->files[d->count];
    struct buf b = BUF(LIMIT_COLLATERAL);
    uint8_t *content;
    size_t len;

    if (d->count == LIMIT_COLLATERAL_FILES) {
        return FAIL(err, REASON_FILE_SIZE, ERR_NOWHERE, "%s: more than %d files", path, LIMIT_COLLATERAL_FILES);
    }
    if (!file_read(path, &b, err) || !buf_take(&b, &content, &len, err)) {
        buf_done(&b);
        return false;
    }
    f->name = strdup(name);
    f->content = bytes_of(content, len);
    d->count++;
    return f->name != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", path);
}

static bool entry_add(const char *dir, const char *name, struct directory *d, struct err *err)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
        return FAIL(err, REASON_FILE_ACCESS, ERR_NOWHERE, "%.60s...: the path is too long", dir);
    }
    return file_add(path, name, d, err);
}

bool directory_open(const char *path, struct directory *out, struct err *err)
{
    DIR *dir = opendir(path);
    struct directory d = {.count = 0};
    struct dirent *e;
    bool ok = true;

    if (dir == NULL) {
        return file_fail(err, path, errno);
    }
    while (ok && (e = readdir(dir)) != NULL) {
        ok = !name_is_collateral(e->d_name) || entry_add(path, e->d_name, &d, err);
    }
    (void)closedir(dir);
    if (!ok) {
        directory_close(&d);
        return false;
    }
    qsort(d.files, d.count, sizeof *d.files, compare);
    *out = d;
    return true;
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

bool directory_put(struct directory *d, const char *path, const char *name, struct err *err)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->files[i].name, name) == 0) {
            owned_free(d->files[i].name);
            owned_free(d->files[i].content.p);
            d->files[i] = d->files[--d->count];
            break;
        }
    }
    return file_add(path, name, d, err);
}

void directory_close(struct directory *d)
{
    for (size_t i = 0; i < d->count; i++) {
        owned_free(d->files[i].name);
        owned_free(d->files[i].content.p);
    }
    d->count = 0;
}
