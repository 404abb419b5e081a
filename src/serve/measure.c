#include "serve/measure.h"

#include "base/hex.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "evidence/manifest.h"
#include "model/gguf.h"
#include "os/file.h"
#include "page/page.h"
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct mapped {
    unsigned long start, end, inode;
    unsigned device_major, device_minor;
    char perms[5];
    char path[4096];
};

/* One line of /proc/self/maps; false: no file behind it. */
static bool line_parse(const char *line, struct mapped *m)
{
    m->path[0] = '\0';
    return sscanf(line, "%lx-%lx %4s %*x %x:%x %lu %4095[^\n]", &m->start, &m->end, m->perms, &m->device_major,
                  &m->device_minor, &m->inode, m->path) == 7 &&
           m->inode != 0 && m->path[0] == '/';
}

/* The mapping's own file where the kernel lets us (root), else the file of that name if it is still the same one. */
static int mapped_open(const struct mapped *m)
{
    char path[80];
    struct stat st;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", m->start, m->end);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fd = open(m->path, O_RDONLY | O_CLOEXEC);
    }
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_ino != m->inode)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool on_dm_verity(int fd)
{
    char path[80], uuid[16] = "";
    struct stat st;
    FILE *f;

    if (fstat(fd, &st) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/dm/uuid", major(st.st_dev), minor(st.st_dev));
    f = fopen(path, "re");
    if (f != NULL) {
        (void)!fgets(uuid, sizeof uuid, f);
        (void)fclose(f);
    }
    return strncmp(uuid, "CRYPT-VERITY-", 13) == 0;
}

static const char *backing_of(int fd)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    const int have = fcntl(fd, F_GET_SEALS);
    struct statx sx;

    if (have >= 0 && (have & seals) == seals) {
        return "memfd";
    }
    if (statx(fd, "", AT_EMPTY_PATH, 0, &sx) == 0 && (sx.stx_attributes & STATX_ATTR_VERITY) != 0) {
        return "verity";
    }
    return on_dm_verity(fd) ? "verity" : "disk";
}

static bool file_add(json_t *files, int fd, const char *path, bool is_program, struct err *err)
{
    const char *slash = strrchr(path, '/');
    uint8_t digest[SHA384_SIZE];
    char hex[2 * SHA384_SIZE + 1];
    json_t *f;

    if (json_array_size(files) == MEASURE_FILES_MAX) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "more than %d files are mapped", MEASURE_FILES_MAX);
    }
    if (!spawn_fd_sha384(fd, path, digest, err)) {
        return false;
    }
    hex_encode(bytes_of(digest, sizeof digest), hex);
    f = json_object_of({"name", json_string(is_program ? "sotto" : slash + 1)}, {"sha384", json_string(hex)},
                       {"backing", json_string(backing_of(fd))});
    return json_array_append_new(files, f) == 0 || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the program event");
}

static bool mapped_add(json_t *files, const struct mapped *m, struct err *err)
{
    int fd = mapped_open(m);
    bool ok;

    if (fd < 0) {
        return FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%.200s is mapped, but is another file now", m->path);
    }
    ok = file_add(files, fd, m->path, false, err);
    (void)close(fd);
    return ok;
}

static bool same_file(const struct mapped *a, const struct mapped *b)
{
    return a->inode == b->inode && a->device_major == b->device_major && a->device_minor == b->device_minor;
}

/* Where the program itself is mapped: an address of its own code says so. */
static bool is_program(const struct mapped *m)
{
    const uintptr_t here = (uintptr_t)&measure_program_event;

    return m->start <= here && here < m->end;
}

/* Each file once: its mappings stand side by side, and a file that was measured is not measured again. program: a
 * mapping of the executable. */
static bool maps_walk(FILE *maps, const struct mapped *program, json_t *files, struct err *err)
{
    struct mapped *seen = calloc(MEASURE_FILES_MAX, sizeof *seen);
    size_t count = 0;
    struct mapped m;
    char line[4352];
    bool ok = seen != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the program event");

    while (ok && fgets(line, sizeof line, maps) != NULL) {
        bool known = !line_parse(line, &m) || same_file(&m, program);

        for (size_t i = 0; !known && i < count; i++) {
            known = same_file(&m, &seen[i]);
        }
        if (!known && count == MEASURE_FILES_MAX) {
            ok = FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "too many mapped files");
        } else if (!known) {
            seen[count++] = m;
            ok = mapped_add(files, &m, err);
        }
    }
    free(seen);
    return ok;
}

static bool program_find(FILE *maps, struct mapped *out, struct err *err)
{
    char line[4352];

    while (fgets(line, sizeof line, maps) != NULL) {
        if (line_parse(line, out) && is_program(out)) {
            rewind(maps);
            return true;
        }
    }
    return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "/proc/self/maps: the program is not there");
}

static bool files_list(json_t *files, struct err *err)
{
    int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    struct mapped m;
    bool ok = program >= 0 && maps != NULL;

    if (!ok) {
        err_set(err, REASON_FILE_IO, ERR_NOWHERE, "/proc/self: %s", strerror(errno));
    }
    ok = ok && file_add(files, program, "/proc/self/exe", true, err) && program_find(maps, &m, err) &&
         maps_walk(maps, &m, files, err);
    if (maps != NULL) {
        (void)fclose(maps);
    }
    if (program >= 0) {
        (void)close(program);
    }
    return ok;
}

/* Takes over the event. */
static bool event_print(json_t *event, struct buf *out, struct err *err)
{
    bool ok =
        event != NULL ? json_print_canonical(event, out, err) : FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "an event");

    json_decref(event);
    return ok;
}

bool measure_program_event(struct buf *out, struct err *err)
{
    json_t *files = json_array();

    if (files == NULL || !files_list(files, err)) {
        json_decref(files);
        return files != NULL ? false : FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the program event");
    }
    return event_print(json_object_of({"kind", json_string("program")}, {"v", json_integer(1)}, {"files", files}), out,
                       err);
}

bool measure_start_event(uint64_t number, const char *boot_id, struct buf *out, struct err *err)
{
    return event_print(json_object_of({"kind", json_string("start")}, {"v", json_integer(1)},
                                      {"number", json_integer((int64_t)number)}, {"boot_id", json_string(boot_id)},
                                      {"numerics", json_integer(ENGINE_NUMERICS)}),
                       out, err);
}

static bool digest_event(const char *kind, const char *member, const uint8_t *digest, struct buf *out, struct err *err)
{
    char hex[2 * SHA384_SIZE + 1] = "";

    if (digest != NULL) {
        hex_encode(bytes_of(digest, SHA384_SIZE), hex);
    }
    return event_print(json_object_of({"kind", json_string(kind)}, {"v", json_integer(1)}, {member, json_string(hex)}),
                       out, err);
}

bool measure_web_event(struct buf *out, struct err *err)
{
    uint8_t digest[SHA384_SIZE];

    return page_manifest_sha384(digest, err) && digest_event("web", "sha384", digest, out, err);
}

bool measure_policy_event(struct bytes policy, struct buf *out, struct err *err)
{
    uint8_t digest[SHA384_SIZE];

    hash_bytes(HASH_SHA384, policy, digest);
    return digest_event("policy", "sha384", policy.p != NULL ? digest : NULL, out, err);
}

bool measure_model_event(struct bytes manifest, struct buf *out, struct err *err)
{
    json_t *m;

    return json_parse_canonical(manifest, &m, err) &&
           event_print(json_object_of({"kind", json_string("model")}, {"v", json_integer(1)}, {"manifest", m}), out,
                       err);
}

bool measure_keyset_event(struct bytes keyset, struct buf *out, struct err *err)
{
    uint8_t digest[SHA384_SIZE];

    hash_bytes(HASH_SHA384, keyset, digest);
    return digest_event("key-epoch", "keyset_sha384", digest, out, err);
}

bool measure_manifest(const char *name, const struct identity *ids, size_t count, uint8_t model_id[SHA384_SIZE],
                      struct buf *out, struct err *err)
{
    struct manifest_file files[LIMIT_MODEL_FILES] = {0};
    struct manifest m = {.files = files, .file_count = count};

    (void)snprintf(m.name, sizeof m.name, "%s", name);
    for (size_t i = 0; i < count; i++) {
        struct manifest_file *f = &files[i];

        gguf_part_name((uint32_t)i, (uint32_t)count, f->name);
        f->length = ids[i].length;
        memcpy(f->sha256, ids[i].sha256, sizeof f->sha256);
        memcpy(f->tree_root, ids[i].tree_root, sizeof f->tree_root);
        manifest_file_id(f->length, f->tree_root, f->file_id);
    }
    manifest_model_id(files, count, m.model_id);
    memcpy(m.tokenizer_sha256, ids[0].tokenizer_sha256, sizeof m.tokenizer_sha256);
    memcpy(m.template_sha256, ids[0].template_sha256, sizeof m.template_sha256);
    hash_bytes(HASH_SHA256, bytes_of_str("{}"), m.defaults_sha256);
    if (!manifest_print(&m, out, err)) {
        return false;
    }
    memcpy(model_id, m.model_id, SHA384_SIZE);
    return true;
}

bool measure_boot_id(char out[33], struct err *err)
{
    struct buf b = BUF(256);
    size_t n = 0;

    if (!file_read("/proc/sys/kernel/random/boot_id", &b, err)) {
        return false;
    }
    for (size_t i = 0; i < b.len && n < 32; i++) {
        if (b.p[i] != '-' && b.p[i] != '\n') {
            out[n++] = (char)b.p[i];
        }
    }
    out[n] = '\0';
    buf_done(&b);
    return n == 32 || FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "the boot id has %zu digits", n);
}
