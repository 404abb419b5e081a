#include "attest/ask.h"

#include "base/base64.h"
#include "base/limits.h"
#include "codec/json.h"

bool ask_policy_id_check(const char *id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return id[0] != '\0' && id[0] != '.' && strlen(id) < ASK_POLICY_ID_SIZE && id[strspn(id, allowed)] == '\0';
}

static bool policies_parse(const json_t *root, struct ask *a, struct err *err)
{
    const json_t *list = json_object_get(root, "policy_ids");

    if (list == NULL || json_is_null(list)) {
        return true;
    }
    if (!json_is_array(list) || json_array_size(list) > ASK_POLICIES_MAX) {
        return FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "policy_ids is no list of at most %d", ASK_POLICIES_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));

        if (id == NULL || !ask_policy_id_check(id)) {
            return FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "policy_ids: entry %zu is no policy's id", i);
        }
        memcpy(a->policy_ids[i], id, strlen(id) + 1);
        a->policy_count++;
    }
    return true;
}

static bool hash_parse(const json_t *root, struct ask *a, struct err *err)
{
    static const struct {
        const char *name;
        enum hash_alg alg;
    } names[] = {{"sha256", HASH_SHA256}, {"sha384", HASH_SHA384}, {"sha512", HASH_SHA512}};
    const char *name;

    a->runtime_hash = HASH_SHA384;
    if (json_object_get(root, "runtime_data_hash_algorithm") == NULL) {
        return true;
    }
    if (!json_get_str(root, "runtime_data_hash_algorithm", &name, err)) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) == 0) {
            a->runtime_hash = names[i].alg;
            return true;
        }
    }
    return FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "hash algorithm \"%.40s\"", name);
}

/* Trustee's clients send base64url, the replaced system's the standard alphabet: each has one spelling, so no text is
 * both and differs. */
static bool base64_either(const char *text, struct buf *out, struct err *err)
{
    enum base64_form form = strpbrk(text, "+/=") != NULL ? BASE64_STANDARD : BASE64_URL;

    return base64_decode(bytes_of_str(text), form, out, err);
}

static bool runtime_data_parse(const json_t *root, struct ask *a, struct err *err)
{
    static const char *const names[] = {"raw", "structured", NULL};
    const json_t *v = json_object_get(root, "runtime_data");
    const json_t *structured;
    const char *raw;

    if (v == NULL || json_is_null(v)) {
        return true;
    }
    if (!json_only(v, names, err)) {
        return false;
    }
    if (json_object_size(v) != 1) {
        return FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "runtime_data is raw or structured, not both or neither");
    }
    a->has_runtime_data = true;
    structured = json_object_get(v, "structured");
    if (structured != NULL) {
        return json_print_canonical(structured, &a->runtime_data, err);
    }
    a->runtime_data_is_raw = true;
    return json_get_str(v, "raw", &raw, err) && base64_either(raw, &a->runtime_data, err);
}

static bool log_get(const json_t *v, const char *member, struct buf *out, struct err *err)
{
    const json_t *log = json_object_get(v, member);

    return log == NULL || json_is_null(log) || json_get_base64(v, member, out, err);
}

static bool bare_parse(const json_t *v, struct ask *a, struct err *err)
{
    static const char *const names[] = {"quote", "cc_eventlog", "aa_eventlog", NULL};

    return json_only(v, names, err) && json_get_base64(v, "quote", &a->quote, err) &&
           log_get(v, "cc_eventlog", &a->boot_log, err) && log_get(v, "aa_eventlog", &a->event_log, err);
}

static bool evidence_parse(const json_t *root, struct ask *a, struct err *err)
{
    const char *text;
    json_t *v = NULL;
    bool ok;

    if (!json_get_str(root, "evidence", &text, err)) {
        return false;
    }
    if (!base64_decode(bytes_of_str(text), BASE64_URL, &a->text, err)) {
        err_prefix(err, "evidence");
        return false;
    }
    if (!json_parse(buf_bytes(&a->text), &v, err)) {
        err_prefix(err, "evidence");
        return false;
    }
    a->is_document = json_object_get(v, "v") != NULL;
    ok = a->is_document ? document_parse(buf_bytes(&a->text), &a->document, err) : bare_parse(v, a, err);
    json_decref(v);
    return ok;
}

bool ask_parse(struct bytes body, struct ask *out, struct err *err)
{
    static const char *const names[] = {"tee", "evidence", "policy_ids", "runtime_data", "runtime_data_hash_algorithm",
                                        NULL};
    struct ask a = {.text = BUF(LIMIT_EVIDENCE),
                    .quote = BUF(LIMIT_QUOTE),
                    .boot_log = BUF(LIMIT_LOG),
                    .event_log = BUF(LIMIT_LOG),
                    .runtime_data = BUF(LIMIT_KEYSET)};
    const char *tee;
    json_t *root = NULL;
    bool ok = json_parse(body, &root, err) && json_only(root, names, err) && json_get_str(root, "tee", &tee, err);

    ok = ok && (strcmp(tee, "tdx") == 0 || FAIL(err, REASON_TEE_UNSUPPORTED, ERR_NOWHERE, "tee \"%.40s\"", tee));
    ok = ok && policies_parse(root, &a, err) && hash_parse(root, &a, err) && runtime_data_parse(root, &a, err) &&
         evidence_parse(root, &a, err);
    json_decref(root);
    if (!ok) {
        ask_done(&a);
        return false;
    }
    *out = a;
    return true;
}

void ask_done(struct ask *a)
{
    document_done(&a->document);
    buf_done(&a->text);
    buf_done(&a->quote);
    buf_done(&a->boot_log);
    buf_done(&a->event_log);
    buf_done(&a->runtime_data);
}

size_t ask_logs(const struct ask *a, struct bytes out[2])
{
    size_t n = 0;

    if (a->boot_log.len > 0) {
        out[n++] = buf_bytes(&a->boot_log);
    }
    if (a->event_log.len > 0) {
        out[n++] = buf_bytes(&a->event_log);
    }
    return n;
}

size_t ask_report_data(const struct ask *a, uint8_t out[2][64])
{
    size_t len = a->runtime_data.len;

    memset(out, 0, 2 * sizeof *out);
    hash_bytes(a->runtime_hash, buf_bytes(&a->runtime_data), out[0]);
    if (!a->runtime_data_is_raw || len == 0 || len > sizeof out[1]) {
        return 1;
    }
    memcpy(out[1], a->runtime_data.p, len);
    return 2;
}
