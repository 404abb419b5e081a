#include "evidence/manifest.h"

#include "base/hex.h"
#include "base/limits.h"
#include "crypto/tagged.h"

#include <stdlib.h>

#define FILES_MAX 256
#define LENGTH_MAX 9007199254740991U /* what JSON can say */

static void uint_le(uint64_t v, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

void manifest_file_id(uint64_t length, const uint8_t tree_root[SHA256_SIZE], uint8_t out[SHA384_SIZE])
{
    uint8_t len[8], chunk[4];
    const struct bytes fields[] = {bytes_of(len, 8), bytes_of(chunk, 4), bytes_of(tree_root, SHA256_SIZE)};

    uint_le(length, 8, len);
    uint_le(MANIFEST_CHUNK, 4, chunk);
    tagged_hash(HASH_SHA384, "sotto/model/v1", fields, 3, out);
}

void manifest_model_id(const struct manifest_file *files, size_t count, uint8_t out[SHA384_SIZE])
{
    struct bytes ids[FILES_MAX];

    if (count == 1) {
        memcpy(out, files[0].file_id, SHA384_SIZE);
        return;
    }
    count = count < FILES_MAX ? count : FILES_MAX;
    for (size_t i = 0; i < count; i++) {
        ids[i] = bytes_of(files[i].file_id, SHA384_SIZE);
    }
    tagged_hash(HASH_SHA384, "sotto/model-set/v1", ids, count, out);
}

static bool hex_member(struct buf *out, const char *before, const uint8_t *p, size_t n, struct err *err)
{
    return buf_str(out, before, err) && hex_add(out, bytes_of(p, n), err) && buf_u8(out, '"', err);
}

static bool file_print(const struct manifest_file *f, struct buf *out, struct err *err)
{
    return hex_member(out, "{\"file_id\":\"", f->file_id, SHA384_SIZE, err) &&
           buf_printf(out, err, ",\"length\":%llu,\"name\":", (unsigned long long)f->length) &&
           json_print_str(bytes_of_str(f->name), out, err) &&
           hex_member(out, ",\"sha256\":\"", f->sha256, SHA256_SIZE, err) &&
           hex_member(out, ",\"tree_root\":\"", f->tree_root, SHA256_SIZE, err) && buf_u8(out, '}', err);
}

bool manifest_print(const struct manifest *m, struct buf *out, struct err *err)
{
    size_t len = out->len;
    bool ok = hex_member(out, "{\"defaults_sha256\":\"", m->defaults_sha256, SHA256_SIZE, err) &&
              buf_str(out, ",\"files\":[", err);

    for (size_t i = 0; ok && i < m->file_count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && file_print(&m->files[i], out, err);
    }
    ok = ok && hex_member(out, "],\"model_id\":\"", m->model_id, SHA384_SIZE, err) && buf_str(out, ",\"name\":", err) &&
         json_print_str(bytes_of_str(m->name), out, err) &&
         hex_member(out, ",\"template_sha256\":\"", m->template_sha256, SHA256_SIZE, err) &&
         hex_member(out, ",\"tokenizer_sha256\":\"", m->tokenizer_sha256, SHA256_SIZE, err) &&
         buf_str(out, ",\"v\":1}", err);
    if (!ok) {
        out->len = len;
    }
    return ok;
}

static bool name_get(const json_t *v, char out[256], struct err *err)
{
    const char *s;

    if (!json_get_str(v, "name", &s, err)) {
        return false;
    }
    if (strlen(s) == 0 || strlen(s) >= 256) {
        return FAIL(err, REASON_MANIFEST_FORM, ERR_NOWHERE, "a name of %zu bytes", strlen(s));
    }
    memcpy(out, s, strlen(s) + 1);
    return true;
}

static bool file_parse(const json_t *v, struct manifest_file *f, struct err *err)
{
    static const char *const names[] = {"name", "length", "sha256", "tree_root", "file_id", NULL};
    uint8_t id[SHA384_SIZE];

    if (!json_only(v, names, err) || !name_get(v, f->name, err) ||
        !json_get_u64(v, "length", LENGTH_MAX, &f->length, err) ||
        !json_get_hex(v, "sha256", f->sha256, SHA256_SIZE, err) ||
        !json_get_hex(v, "tree_root", f->tree_root, SHA256_SIZE, err) ||
        !json_get_hex(v, "file_id", f->file_id, SHA384_SIZE, err)) {
        return false;
    }
    manifest_file_id(f->length, f->tree_root, id);
    return memcmp(id, f->file_id, sizeof id) == 0 ||
           FAIL(err, REASON_MANIFEST_FORM, ERR_NOWHERE, "file_id does not follow from length and tree_root");
}

static bool files_parse(const json_t *root, struct manifest *m, struct err *err)
{
    struct manifest_file *files;
    json_t *list;
    size_t count;

    if (!json_get(root, "files", JSON_ARRAY, &list, err)) {
        return false;
    }
    count = json_array_size(list);
    if (count == 0 || count > FILES_MAX) {
        return FAIL(err, REASON_MANIFEST_FORM, ERR_NOWHERE, "%zu files", count);
    }
    files = calloc(count, sizeof *files);
    if (files == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu files", count);
    }
    m->files = files;
    m->file_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!file_parse(json_array_get(list, i), &files[i], err)) {
            return false;
        }
    }
    return true;
}

bool manifest_parse(const json_t *value, struct manifest *out, struct err *err)
{
    static const char *const names[] = {
        "v", "name", "files", "model_id", "tokenizer_sha256", "template_sha256", "defaults_sha256", NULL};
    struct manifest m = {0};
    uint8_t id[SHA384_SIZE];
    uint64_t version;

    if (!json_only(value, names, err) || !json_get_u64(value, "v", 1, &version, err) || !name_get(value, m.name, err) ||
        !files_parse(value, &m, err) || !json_get_hex(value, "model_id", m.model_id, SHA384_SIZE, err) ||
        !json_get_hex(value, "tokenizer_sha256", m.tokenizer_sha256, SHA256_SIZE, err) ||
        !json_get_hex(value, "template_sha256", m.template_sha256, SHA256_SIZE, err) ||
        !json_get_hex(value, "defaults_sha256", m.defaults_sha256, SHA256_SIZE, err)) {
        goto fail;
    }
    manifest_model_id(m.files, m.file_count, id);
    if (version != 1 || memcmp(id, m.model_id, sizeof id) != 0) {
        (void)FAIL(err, REASON_MANIFEST_FORM, ERR_NOWHERE, "model_id does not follow from the files");
        goto fail;
    }
    *out = m;
    return true;
fail:
    manifest_done(&m);
    err->reason = err->reason == REASON_NO_MEMORY ? REASON_NO_MEMORY : REASON_MANIFEST_FORM;
    return false;
}

void manifest_done(struct manifest *m)
{
    union {
        const struct manifest_file *in;
        void *out;
    } files = {.in = m->files}; /* parsed: its own memory */

    free(files.out);
    m->files = NULL;
    m->file_count = 0;
}
