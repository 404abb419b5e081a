#include "store/store.h"

#include "model/identity.h"
#include "model/summary.h"
#include "os/file.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP MIB(1)
#define TEMP_TRIES 100

/* A file without its name yet: locked, so that nobody takes it for a leftover. */
struct temp {
    int fd;
    char path[STORE_PATH_MAX];
};

/* Between its making and its lock somebody may have removed it as a leftover: then it has no name, and another one is
 * made. */
static bool temp_open(const struct store *s, const char *folder, struct temp *t, struct err *err)
{
    struct stat st = {.st_nlink = 0};

    t->fd = -1;
    for (int i = 0; i < TEMP_TRIES && st.st_nlink == 0; i++) {
        if (t->fd >= 0) {
            (void)close(t->fd);
            t->fd = -1;
        }
        if (!layout_path(s, t->path, err, "%s/" LAYOUT_TEMP_PREFIX "XXXXXX", folder)) {
            return false;
        }
        t->fd = mkostemp(t->path, O_CLOEXEC);
        if (t->fd < 0 || flock(t->fd, LOCK_EX) != 0 || fchmod(t->fd, 0644) != 0 || fstat(t->fd, &st) != 0) {
            return file_fail(err, t->path, errno);
        }
    }
    return st.st_nlink != 0 || FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s: removed while it was made", t->path);
}

/* The name counts only once the bytes are on the disk, and then the folder is. */
static bool temp_name(struct temp *t, const char *path, struct err *err)
{
    char folder[STORE_PATH_MAX];
    int fd;
    bool ok;

    if (fsync(t->fd) != 0 || rename(t->path, path) != 0) {
        return file_fail(err, path, errno);
    }
    t->path[0] = '\0';
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = (fd >= 0 && fsync(fd) == 0) || file_fail(err, folder, errno);
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static void temp_done(struct temp *t)
{
    if (t->fd >= 0) {
        if (t->path[0] != '\0') {
            (void)unlink(t->path);
        }
        (void)close(t->fd);
    }
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* One of the model's files, on its way into the store. */
struct copying {
    const struct store_import *in;
    const struct engine_part *from;
    const struct temp *to;
    uint64_t before, total; /* bytes in front of this file, of all */
};

/* Hashed on the way. */
static bool copy(const struct copying *c, struct store_layer *out, struct err *err)
{
    uint8_t *step = malloc(STEP);
    struct hash h;
    struct stat before, after;
    bool ok = step != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", STEP);

    ok = ok && (fstat(c->from->fd, &before) == 0 || file_fail(err, c->from->name, errno));
    hash_init(&h, HASH_SHA256);
    out->size = 0;
    while (ok) {
        ssize_t n = pread(c->from->fd, step, STEP, (off_t)out->size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            ok = n == 0 || file_fail(err, c->from->name, errno);
            break;
        }
        hash_add(&h, bytes_of(step, (size_t)n));
        out->size += (uint64_t)n;
        ok = file_write_fd(c->to->fd, c->to->path, bytes_of(step, (size_t)n), err);
        if (ok && c->in->progress != NULL) {
            c->in->progress(c->in->arg, c->before + out->size, c->total);
        }
    }
    hash_end(&h, out->sha256);
    free(step);
    ok = ok && (fstat(c->from->fd, &after) == 0 || file_fail(err, c->from->name, errno));
    return ok && ((unchanged(&before, &after) && out->size == (uint64_t)before.st_size) ||
                  FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s: size or times changed", c->from->name));
}

static bool digest_check(const struct store_import *in, const uint8_t seen[SHA256_SIZE], struct err *err)
{
    char hex[17];

    if (in->sha256 == NULL || memcmp(in->sha256, seen, SHA256_SIZE) == 0) {
        return true;
    }
    for (int i = 0; i < 8; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", seen[i]);
    }
    return FAIL(err, REASON_MODEL_DIGEST, ERR_NOWHERE, "%s: its SHA-256 begins with %s", in->files[0].name, hex);
}

static bool sizes_add(const struct store_import *in, uint64_t *total, struct err *err)
{
    *total = 0;
    for (size_t i = 0; i < in->file_count; i++) {
        struct stat st;

        if (fstat(in->files[i].fd, &st) != 0) {
            return file_fail(err, in->files[i].name, errno);
        }
        if (!S_ISREG(st.st_mode)) {
            return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s is no file", in->files[i].name);
        }
        *total += (uint64_t)st.st_size;
    }
    return true;
}

/* What the files say of the model, as they lie in the store now. */
static bool files_check(const struct store_import *in, const struct temp *temps, struct store_model *m, struct err *err)
{
    struct engine_part files[LIMIT_MODEL_FILES];
    struct store_headers h;
    struct summary about;

    for (size_t i = 0; i < in->file_count; i++) {
        files[i] = (struct engine_part){temps[i].fd, in->files[i].name};
    }
    if (!store_headers_read(files, in->file_count, &h, err)) {
        return false;
    }
    summary_make(&h.all, &about);
    (void)snprintf(m->family, sizeof m->family, "%s", about.architecture);
    (void)snprintf(m->parameters, sizeof m->parameters, "%s", about.parameters);
    (void)snprintf(m->file_type, sizeof m->file_type, "%s", about.file_type);
    store_headers_done(&h);
    return true;
}

/* The model's files become blobs; m gets what their metadata says. */
static bool model_put(const struct store *s, const struct store_import *in, struct store_model *m, struct err *err)
{
    struct temp *temps = calloc(in->file_count, sizeof *temps);
    struct copying c = {.in = in};
    size_t opened = 0;
    char path[STORE_PATH_MAX];
    bool ok = (temps != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu files", in->file_count)) &&
              sizes_add(in, &c.total, err);

    for (size_t i = 0; ok && i < in->file_count; i++) {
        c.from = &in->files[i];
        c.to = &temps[i];
        ok = temp_open(s, "/blobs", &temps[opened++], err) && copy(&c, &m->files[i], err);
        c.before += m->files[i].size;
    }
    m->file_count = in->file_count;
    ok = ok && digest_check(in, m->files[0].sha256, err) && files_check(in, temps, m, err);
    for (size_t i = 0; ok && i < in->file_count; i++) {
        ok = layout_blob_path(s, m->files[i].sha256, path, err) && temp_name(&temps[i], path, err);
    }
    while (opened > 0) {
        temp_done(&temps[--opened]);
    }
    free(temps);
    return ok;
}

static bool text_put(const struct store *s, const char *folder, struct bytes text, const char *path, struct err *err)
{
    struct temp temp;
    bool ok =
        temp_open(s, folder, &temp, err) && file_write_fd(temp.fd, temp.path, text, err) && temp_name(&temp, path, err);

    temp_done(&temp);
    return ok;
}

static bool config_put(const struct store *s, const struct store_model *m, struct store_layer *layer, struct err *err)
{
    struct buf text = BUF(LIMIT_MANIFEST);
    char path[STORE_PATH_MAX];
    bool ok = layout_config_print(m, &text, err);

    if (ok) {
        hash_bytes(HASH_SHA256, buf_bytes(&text), layer->sha256);
        layer->size = text.len;
        ok = layout_blob_path(s, layer->sha256, path, err) && text_put(s, "/blobs", buf_bytes(&text), path, err);
    }
    buf_done(&text);
    return ok;
}

/* Where the manifest goes: a name that is there in another case keeps its spelling. */
static bool manifest_path(const struct store *s, const struct store_name *n, char path[STORE_PATH_MAX], struct err *err)
{
    char printed[STORE_NAME_SIZE];
    struct store_name spelled = *n;
    struct store_model old;
    struct err ignored;

    name_print(n, printed);
    if (store_find(s, printed, &old, &ignored) && !name_parse(old.name, &spelled, err)) {
        return false;
    }
    if (!layout_path(s, path, err, "/manifests/%s/%s/%s", spelled.host, spelled.namespace, spelled.model) ||
        !file_mkdir(path, 0755, err)) {
        return false;
    }
    return layout_path(s, path, err, "/manifests/%s/%s/%s/%s", spelled.host, spelled.namespace, spelled.model,
                       spelled.tag);
}

bool store_import(const struct store *s, const struct store_import *in, struct store_model *out, struct err *err)
{
    struct store_model m = {0};
    struct store_name name;
    struct store_layer config;
    struct buf manifest = BUF(LIMIT_MANIFEST);
    char path[STORE_PATH_MAX], printed[STORE_NAME_SIZE];
    bool ok;

    if (in->file_count > LIMIT_MODEL_FILES) {
        return FAIL(err, REASON_GGUF_SPLIT, ERR_NOWHERE, "%zu files, at most %d", in->file_count, LIMIT_MODEL_FILES);
    }
    if (!name_parse(in->name, &name, err) || !layout_path(s, path, err, "/blobs") || !file_mkdir(path, 0755, err)) {
        return false;
    }
    name_print(&name, printed);
    ok = model_put(s, in, &m, err) && config_put(s, &m, &config, err) &&
         layout_manifest_print(&config, &m, &manifest, err) && manifest_path(s, &name, path, err) &&
         text_put(s, "", buf_bytes(&manifest), path, err) && store_find(s, printed, out, err);
    buf_done(&manifest);
    return ok;
}
