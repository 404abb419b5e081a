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

static bool model_add(const struct config *c, json_t *out, struct err *err)
{
    struct buf header = BUF(LIMIT_GGUF_HEADER), manifest = BUF(LIMIT_MANIFEST);
    uint8_t model_id[SHA384_SIZE], digest[SHA384_SIZE];
    struct store store;
    struct store_model m;
    struct identity id = {0};
    struct gguf g = {0};
    int fd = -1;
    bool ok = supplies_model(c, &store, &m, err) && store_open_blob(&store, &m, &fd, err) &&
              file_identity(fd, m.name, &id, err);

    if (ok && memcmp(id.sha256, m.blob, SHA256_SIZE) != 0) {
        ok = FAIL(err, REASON_MODEL_DIGEST, ERR_NOWHERE, "%s: the file in the store is damaged", m.name);
    }
    if (ok && lseek(fd, 0, SEEK_SET) != 0) {
        ok = FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: %s", m.name, strerror(errno));
    }
    if (ok && (ok = store_header(fd, m.name, &header, &g, err))) {
        gguf_identity(&g, &id);
        ok = measure_manifest(m.name, &id, model_id, &manifest, err);
    }
    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&manifest), digest);
    }
    gguf_done(&g);
    buf_done(&header);
    buf_done(&manifest);
    if (fd >= 0) {
        (void)close(fd);
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
