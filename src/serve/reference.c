#include "serve/reference.h"

#include "base/hex.h"
#include "page/page.h"
#include "serve/measure.h"
#include "serve/supplies.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* In the order of the digits, each once: where a library was mapped must not decide what is printed. */
static bool list_add(json_t *out, const char *member, const uint8_t digest[SHA384_SIZE], struct err *err)
{
    char hex[2 * SHA384_SIZE + 1];
    size_t at = 0;
    int order = -1;
    json_t *list = json_object_get(out, member);

    if (list == NULL) {
        list = json_array();
        (void)json_object_set_new(out, member, list);
    }
    hex_encode(bytes_of(digest, SHA384_SIZE), hex);
    for (; at < json_array_size(list); at++) {
        order = strcmp(json_string_value(json_array_get(list, at)), hex);
        if (order >= 0) {
            break;
        }
    }
    return order == 0 || json_array_insert_new(list, at, json_string(hex)) == 0 ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "reference values");
}

static bool program_add(json_t *out, struct err *err)
{
    struct buf event = BUF(LIMIT_LOG_EVENT);
    uint8_t digest[SHA384_SIZE];
    json_t *v = NULL, *files, *file;
    size_t i;
    bool ok = measure_program_event(&event, err) && json_parse(buf_bytes(&event), &v, err) &&
              json_get(v, "files", JSON_ARRAY, &files, err);

    if (ok) {
        json_array_foreach(files, i, file)
        {
            ok =
                ok && json_get_hex(file, "sha384", digest, sizeof digest, err) && list_add(out, "program", digest, err);
        }
    }
    json_decref(v);
    buf_done(&event);
    return ok;
}

static bool config_add(const struct config *c, json_t *out, struct err *err)
{
    struct buf event = BUF(LIMIT_LOG_EVENT);
    uint8_t digest[SHA384_SIZE];
    bool ok = config_event(c, &event, err);

    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&event), digest);
    }
    buf_done(&event);
    return ok && list_add(out, "config", digest, err);
}

static bool file_identity(int fd, const char *name, struct identity *out, struct err *err)
{
    struct identity_reader *r = NULL;
    uint8_t *piece = malloc(MIB(1));
    ssize_t n = 0;
    bool ok = piece != NULL ? identity_reader_new(&r, err) : FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);

    while (ok && ((n = read(fd, piece, MIB(1))) > 0 || (n < 0 && errno == EINTR))) {
        ok = n < 0 || identity_reader_add(r, bytes_of(piece, (size_t)n), err);
    }
    if (ok && n < 0) {
        ok = FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: %s", name, strerror(errno));
    }
    ok = ok && identity_reader_end(r, out, err);
    identity_reader_free(r);
    free(piece);
    return ok;
}

/* Each file is read whole, and must be what the store says that it is. */
static bool model_read(const struct store_model *m, const struct engine_part *files, struct buf *manifest,
                       struct err *err)
{
    struct identity ids[LIMIT_MODEL_FILES];
    uint8_t model_id[SHA384_SIZE];
    struct store_headers headers;
    bool ok;

    for (size_t i = 0; i < m->file_count; i++) {
        if (!file_identity(files[i].fd, m->name, &ids[i], err)) {
            return false;
        }
        if (memcmp(ids[i].sha256, m->files[i].sha256, SHA256_SIZE) != 0) {
            return FAIL(err, REASON_MODEL_DIGEST, ERR_NOWHERE, "%s: file %zu of %zu in the store is damaged", m->name,
                        i + 1, m->file_count);
        }
    }
    if (!store_headers_read(files, m->file_count, &headers, err)) {
        return false;
    }
    gguf_identity(&headers.all, &ids[0]);
    ok = measure_manifest(m->name, ids, m->file_count, model_id, manifest, err);
    store_headers_done(&headers);
    return ok;
}

static bool model_add(const struct config *c, json_t *out, struct err *err)
{
    struct buf manifest = BUF(LIMIT_MANIFEST);
    uint8_t digest[SHA384_SIZE];
    struct engine_part files[LIMIT_MODEL_FILES];
    struct store store;
    struct store_model m;
    size_t opened = 0;
    bool ok = supplies_model(c, &store, &m, err);

    while (ok && opened < m.file_count) {
        files[opened].name = m.name;
        ok = store_open_file(&store, &m, opened, &files[opened].fd, err);
        opened += ok ? 1 : 0;
    }
    ok = ok && model_read(&m, files, &manifest, err);
    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&manifest), digest);
    }
    buf_done(&manifest);
    while (opened > 0) {
        (void)close(files[--opened].fd);
    }
    return ok && list_add(out, "model", digest, err);
}

bool reference_print(const struct config *c, struct buf *out, struct err *err)
{
    json_t *v = json_object();
    uint8_t web[SHA384_SIZE];
    bool ok = v != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "reference values");

    ok = ok && program_add(v, err) && config_add(c, v, err) && page_manifest_sha384(web, err) &&
         list_add(v, "web", web, err) && model_add(c, v, err) && json_print_canonical(v, out, err);
    json_decref(v);
    return ok;
}
