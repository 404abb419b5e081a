#include "evidence/document.h"

#include "base/hex.h"
#include "base/limits.h"
#include "evidence/member.h"

static bool path_print(const struct document *d, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, "\",\"nonce_path\":[", err);

    for (size_t i = 0; ok && i < d->nonce_path_len; i++) {
        ok = buf_str(out, i == 0 ? "\"" : ",\"", err) && hex_add(out, bytes_of(d->nonce_path[i], SHA256_SIZE), err) &&
             buf_u8(out, '"', err);
    }
    return ok && buf_printf(out, err, "],\"nonce_index\":%zu,\"nonce_count\":%zu", d->nonce_index, d->nonce_count);
}

bool document_print(const struct document *d, struct buf *out, struct err *err)
{
    size_t len = out->len;

    if (member_bytes_print(out, "{\"v\":1,\"tee\":\"tdx\",\"quote\":", d->quote, err) &&
        member_bytes_print(out, ",\"boot_log\":", d->boot_log, err) &&
        member_bytes_print(out, ",\"event_log\":", d->event_log, err) &&
        member_bytes_print(out, ",\"keyset\":", d->keyset, err) && buf_str(out, ",\"nonce\":\"", err) &&
        hex_add(out, bytes_of(d->nonce, NONCE_SIZE), err) && path_print(d, out, err) &&
        member_bytes_print(out, ",\"devices\":", d->devices, err) &&
        buf_printf(out, err,
                   ",\"log_in\":\"%s\",\"collateral\":", d->log_in == LOG_IN_RTMR3 ? "rtmr3" : "report-data") &&
        member_files_print(d->files, d->file_count, out, err) && buf_u8(out, '}', err)) {
        return true;
    }
    out->len = len;
    return false;
}

bool document_is(struct bytes evidence)
{
    size_t i = 0;

    while (i < evidence.len && memchr(" \t\r\n", evidence.p[i], 4) != NULL) {
        i++;
    }
    return i < evidence.len && evidence.p[i] == '{';
}

/* ---- parsing ---- */

/* Nothing at all is no JSON array, and has the digest that stands for "none". */
static bool devices_get(struct arena *a, const json_t *root, struct bytes *out, struct err *err)
{
    return member_bytes(a, root, "devices", LIMIT_DEVICES, true, out, err) &&
           (out->p == NULL || out->len > 0 || FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "devices is empty"));
}

static bool path_parse(const json_t *root, struct document *d, struct err *err)
{
    uint64_t index, count;
    json_t *path;

    if (!json_get_hex(root, "nonce", d->nonce, NONCE_SIZE, err) ||
        !json_get_u64(root, "nonce_index", LIMIT_NONCES, &index, err) ||
        !json_get_u64(root, "nonce_count", LIMIT_NONCES, &count, err) ||
        !json_get(root, "nonce_path", JSON_ARRAY, &path, err)) {
        return false;
    }
    d->nonce_index = (size_t)index;
    d->nonce_count = (size_t)count;
    d->nonce_path_len = json_array_size(path);
    if (d->nonce_path_len > TREE_PATH_MAX) {
        return FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "a nonce path of %zu nodes", d->nonce_path_len);
    }
    for (size_t i = 0; i < d->nonce_path_len; i++) {
        const json_t *v = json_array_get(path, i);

        if (!json_is_string(v) ||
            !hex_decode(bytes_of(json_string_value(v), json_string_length(v)), d->nonce_path[i], SHA256_SIZE, err)) {
            return FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "nonce_path: node %zu is not 64 hexadecimal digits", i);
        }
    }
    return true;
}

static bool place_parse(const json_t *root, struct document *d, struct err *err)
{
    const char *tee, *place;
    uint64_t version;

    if (!json_get_u64(root, "v", 1, &version, err) || !json_get_str(root, "tee", &tee, err) ||
        !json_get_str(root, "log_in", &place, err)) {
        return false;
    }
    if (version != 1 || strcmp(tee, "tdx") != 0 || (strcmp(place, "rtmr3") != 0 && strcmp(place, "report-data") != 0)) {
        return FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "version, tee or log_in have another value");
    }
    d->log_in = strcmp(place, "rtmr3") == 0 ? LOG_IN_RTMR3 : LOG_IN_REPORT_DATA;
    return true;
}

bool document_parse(struct bytes text, struct document *out, struct err *err)
{
    static const char *const names[] = {"v",       "tee",    "quote",      "boot_log",    "event_log",
                                        "keyset",  "nonce",  "nonce_path", "nonce_index", "nonce_count",
                                        "devices", "log_in", "collateral", NULL};
    struct document d = {0};
    struct arena *a;
    json_t *root = NULL;
    bool ok;

    if (text.len > LIMIT_EVIDENCE) {
        return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "%zu bytes of evidence, at most %zu", text.len, LIMIT_EVIDENCE);
    }
    d.memory = a = member_memory_new(err);
    ok = a != NULL && json_parse(text, &root, err) && json_only(root, names, err) && place_parse(root, &d, err) &&
         member_bytes(a, root, "quote", LIMIT_QUOTE, false, &d.quote, err) &&
         member_bytes(a, root, "boot_log", LIMIT_LOG, true, &d.boot_log, err) &&
         member_bytes(a, root, "event_log", LIMIT_LOG, false, &d.event_log, err) &&
         member_bytes(a, root, "keyset", LIMIT_KEYSET, false, &d.keyset, err) && path_parse(root, &d, err) &&
         devices_get(a, root, &d.devices, err) && member_files(a, root, &d.files, &d.file_count, err);
    json_decref(root);
    if (!ok) {
        document_done(&d);
        return false;
    }
    *out = d;
    return true;
}

void document_done(struct document *d)
{
    member_memory_free(d->memory);
    *d = (struct document){0};
}
