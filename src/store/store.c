#include "store/store.h"

#include "os/file.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEVELS 4 /* HOST/NAMESPACE/MODEL/TAG */
#define MODELS_MAX 65536

/* Temporary files that nobody holds any more: whoever writes one keeps it locked until it has its name. What cannot be
 * removed does no harm, so errors are not the caller's. */
static void leftovers_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (dir == NULL) {
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        int fd;

        if (strncmp(entry->d_name, LAYOUT_TEMP_PREFIX, strlen(LAYOUT_TEMP_PREFIX)) != 0) {
            continue;
        }
        fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) {
            if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
                (void)unlinkat(dirfd(dir), entry->d_name, 0);
            }
            (void)close(fd);
        }
    }
    (void)closedir(dir);
}

bool store_open(const char *root, struct store *out, struct err *err)
{
    struct store s = {0};
    const char *home = getenv("HOME");
    char blobs[STORE_PATH_MAX];
    int n;

    root = root != NULL ? root : getenv("SOTTO_MODELS");
    root = root != NULL && *root != '\0' ? root : getenv("OLLAMA_MODELS");
    if (root != NULL && *root != '\0') {
        n = snprintf(s.root, sizeof s.root, "%s", root);
    } else if (home != NULL && *home != '\0') {
        n = snprintf(s.root, sizeof s.root, "%s/.sotto/models", home);
    } else {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "no place for models: set SOTTO_MODELS");
    }
    if (n < 0 || (size_t)n >= sizeof s.root - 256) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "the path of the model store is too long");
    }
    if (!layout_path(&s, blobs, err, "/blobs")) {
        return false;
    }
    leftovers_remove(s.root);
    leftovers_remove(blobs);
    *out = s;
    return true;
}

/* A blob of at most max bytes, whole. */
static bool blob_read(const struct store *s, const struct store_layer *layer, size_t max, struct buf *out,
                      struct err *err)
{
    char path[STORE_PATH_MAX];
    uint8_t sha256[SHA256_SIZE];

    *out = BUF(max);
    if (!layout_blob_path(s, layer->sha256, path, err) || !file_read(path, out, err)) {
        return false;
    }
    hash_bytes(HASH_SHA256, buf_bytes(out), sha256);
    if (out->len != layer->size || memcmp(sha256, layer->sha256, sizeof sha256) != 0) {
        return FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "%s: the bytes do not have the digest", path);
    }
    return true;
}

/* The manifest at path and what it names. parts: the four names on its path. */
static bool model_read(const struct store *s, const char *path, char parts[LEVELS][STORE_NAME_SIZE],
                       struct store_model *out, struct err *err)
{
    struct store_model m = {0};
    struct store_name name = {0};
    struct store_layer config;
    struct buf text = BUF(LIMIT_MANIFEST), config_text = BUF(0);
    char spelled[4 * STORE_NAME_SIZE];
    struct stat st;
    bool ok;

    (void)snprintf(spelled, sizeof spelled, "%s/%s/%s:%s", parts[0], parts[1], parts[2], parts[3]);
    ok = name_parse(spelled, &name, err) && file_read(path, &text, err) &&
         (stat(path, &st) == 0 || file_fail(err, path, errno)) &&
         layout_manifest_parse(buf_bytes(&text), &m, &config, err) &&
         blob_read(s, &config, LIMIT_MANIFEST, &config_text, err) &&
         layout_config_parse(buf_bytes(&config_text), &m, err);
    buf_done(&text);
    buf_done(&config_text);
    if (!ok) {
        err->reason = err->reason == REASON_NO_MEMORY ? REASON_NO_MEMORY : REASON_STORE_FORM;
        err_prefix(err, spelled);
        return false;
    }
    name_print(&name, m.name);
    m.modified = st.st_mtime;
    *out = m;
    return true;
}

/* The entry of folder that equals want whatever its case, with its own spelling. false: none. */
static bool entry_find(const char *folder, const char *want, char out[STORE_NAME_SIZE])
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool found = false;

    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        found = name_equal(entry->d_name, want);
        if (found) {
            (void)snprintf(out, STORE_NAME_SIZE, "%s", entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

static bool path_append(char path[STORE_PATH_MAX], const char *name)
{
    size_t len = strlen(path);

    return (size_t)snprintf(path + len, STORE_PATH_MAX - len, "/%s", name) < STORE_PATH_MAX - len;
}

bool store_find(const struct store *s, const char *name, struct store_model *out, struct err *err)
{
    char path[STORE_PATH_MAX], parts[LEVELS][STORE_NAME_SIZE], printed[STORE_NAME_SIZE];
    struct store_name n;
    const char *wanted[LEVELS];

    if (!name_parse(name, &n, err) || !layout_path(s, path, err, "/manifests")) {
        return false;
    }
    name_print(&n, printed);
    wanted[0] = n.host;
    wanted[1] = n.namespace;
    wanted[2] = n.model;
    wanted[3] = n.tag;
    for (int i = 0; i < LEVELS; i++) {
        if (!entry_find(path, wanted[i], parts[i]) || !path_append(path, parts[i])) {
            return FAIL(err, REASON_MODEL_ABSENT, ERR_NOWHERE, "model %s is not in %s", printed, s->root);
        }
    }
    return model_read(s, path, parts, out, err);
}

struct listing {
    const struct store *store;
    struct store_model *models;
    size_t count, cap;
    struct err *damaged;
    char parts[LEVELS][STORE_NAME_SIZE];
};

static bool listing_add(struct listing *l, const char *path, struct err *err)
{
    struct store_model m;
    struct err why;

    if (!model_read(l->store, path, l->parts, &m, &why)) {
        if (l->damaged != NULL && l->damaged->reason == REASON_OK) {
            *l->damaged = why;
        }
        return true;
    }
    if (l->count == l->cap) {
        size_t cap = l->cap != 0 ? l->cap * 2 : 16;
        struct store_model *p = cap <= MODELS_MAX ? reallocarray(l->models, cap, sizeof *p) : NULL;

        if (p == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu models", cap);
        }
        l->models = p;
        l->cap = cap;
    }
    l->models[l->count++] = m;
    return true;
}

/* Level by level; a folder that is not there holds nothing. */
static bool walk(struct listing *l, const char *folder, int level, struct err *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool ok = dir != NULL || errno == ENOENT || errno == ENOTDIR || file_fail(err, folder, errno);

    while (ok && dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[STORE_PATH_MAX];

        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(l->parts[level], STORE_NAME_SIZE, "%s", entry->d_name);
        (void)snprintf(path, sizeof path, "%s", folder);
        if (path_append(path, entry->d_name)) {
            ok = level + 1 < LEVELS ? walk(l, path, level + 1, err) : listing_add(l, path, err);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return ok;
}

static int model_order(const void *a, const void *b)
{
    const struct store_model *x = a, *y = b;

    return strcmp(x->name, y->name);
}

bool store_list(const struct store *s, struct store_model **out, size_t *count, struct err *damaged, struct err *err)
{
    struct listing l = {.store = s, .damaged = damaged};
    char path[STORE_PATH_MAX];

    if (damaged != NULL) {
        *damaged = (struct err){.reason = REASON_OK};
    }
    if (!layout_path(s, path, err, "/manifests") || !walk(&l, path, 0, err)) {
        free(l.models);
        return false;
    }
    if (l.count != 0) {
        qsort(l.models, l.count, sizeof *l.models, model_order);
    }
    *out = l.models;
    *count = l.count;
    return true;
}

bool store_open_file(const struct store *s, const struct store_model *m, size_t index, int *fd, struct err *err)
{
    char path[STORE_PATH_MAX];
    struct stat st;
    int f;

    if (!layout_blob_path(s, m->files[index].sha256, path, err)) {
        return false;
    }
    f = open(path, O_RDONLY | O_CLOEXEC);
    if (f < 0) {
        return errno == ENOENT ? FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "%s: its file %s is missing", m->name, path)
                               : file_fail(err, path, errno);
    }
    if (fstat(f, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != m->files[index].size) {
        (void)close(f);
        return FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "%s: %s does not have %llu bytes", m->name, path,
                    (unsigned long long)m->files[index].size);
    }
    *fd = f;
    return true;
}
