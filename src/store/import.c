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

/* The whole source into to, hashed on the way. */
static bool copy(const struct store_import *in, int to, const char *to_path, struct layout_layer *out, struct err *err)
{
    uint8_t *step = malloc(STEP);
    struct hash h;
    struct stat st;
    bool ok = step != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", STEP);

    ok = ok && (fstat(in->fd, &st) == 0 || file_fail(err, in->path, errno));
    ok = ok && (S_ISREG(st.st_mode) || FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s is no file", in->path));
    hash_init(&h, HASH_SHA256);
    out->size = 0;
    while (ok) {
        ssize_t n = pread(in->fd, step, STEP, (off_t)out->size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            ok = n == 0 || file_fail(err, in->path, errno);
            break;
        }
        hash_add(&h, bytes_of(step, (size_t)n));
        out->size += (uint64_t)n;
        ok = file_write_fd(to, to_path, bytes_of(step, (size_t)n), err);
        if (ok && in->progress != NULL) {
            in->progress(in->arg, out->size, (uint64_t)st.st_size);
        }
    }
    hash_end(&h, out->sha256);
    free(step);
    return ok;
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
    return FAIL(err, REASON_MODEL_DIGEST, ERR_NOWHERE, "%s: its SHA-256 begins with %s", in->path, hex);
}

/* The model's file becomes a blob; m gets what its metadata says. */
static bool model_put(const struct store *s, const struct store_import *in, struct layout_layer *layer,
                      struct store_model *m, struct err *err)
{
    struct buf header = BUF(0);
    struct gguf g = {.memory = ARENA(0)}, whole = {.memory = ARENA(0)};
    struct summary about;
    struct temp temp;
    char path[STORE_PATH_MAX];
    bool ok = temp_open(s, "/blobs", &temp, err) && copy(in, temp.fd, temp.path, layer, err) &&
              digest_check(in, layer->sha256, err) && store_header(temp.fd, in->path, &header, &g, err) &&
              gguf_join(&g, 1, &whole, err); /* a part of a split model is none */

    if (ok) {
        summary_make(&g, &about);
        (void)snprintf(m->format, sizeof m->format, "gguf");
        (void)snprintf(m->family, sizeof m->family, "%s", about.architecture);
        (void)snprintf(m->parameters, sizeof m->parameters, "%s", about.parameters);
        (void)snprintf(m->file_type, sizeof m->file_type, "%s", about.file_type);
        memcpy(m->blob, layer->sha256, SHA256_SIZE);
        m->blob_size = layer->size;
        ok = layout_blob_path(s, layer->sha256, path, err) && temp_name(&temp, path, err);
    }
    gguf_done(&whole);
    gguf_done(&g);
    buf_done(&header);
    temp_done(&temp);
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

static bool config_put(const struct store *s, const struct store_model *m, struct layout_layer *layer, struct err *err)
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
    struct layout_layer model, config;
    struct buf manifest = BUF(LIMIT_MANIFEST);
    char path[STORE_PATH_MAX], printed[STORE_NAME_SIZE];
    bool ok;

    if (!name_parse(in->name, &name, err) || !layout_path(s, path, err, "/blobs") || !file_mkdir(path, 0755, err)) {
        return false;
    }
    name_print(&name, printed);
    ok = model_put(s, in, &model, &m, err) && config_put(s, &m, &config, err) &&
         layout_manifest_print(&config, &model, &manifest, err) && manifest_path(s, &name, path, err) &&
         text_put(s, "", buf_bytes(&manifest), path, err) && store_find(s, printed, out, err);
    buf_done(&manifest);
    return ok;
}
