#include "cli/quote_file.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "evidence/bundle.h"
#include "os/file.h"
#include "tdx/eventlog.h"

/* ---- bytes as text ---- */

/* Text may be wrapped and end in a newline; raw quotes begin with bytes that no text has. */
static bool is_text(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.p[i] >= 0x7f || (b.p[i] < 0x20 && b.p[i] != '\n' && b.p[i] != '\r' && b.p[i] != '\t')) {
            return false;
        }
    }
    return b.len > 0;
}

static bool begins(struct bytes b, const char *text)
{
    return b.len >= strlen(text) && memcmp(b.p, text, strlen(text)) == 0;
}

/* What stands between the two lines of an armour, whatever they call it. */
static struct bytes armour_open(struct bytes b)
{
    const uint8_t *line = begins(b, "-----BEGIN ") ? memchr(b.p, '\n', b.len) : NULL, *end;

    if (line == NULL) {
        return b;
    }
    b = bytes_of(line, b.len - (size_t)(line - b.p));
    end = memmem(b.p, b.len, "\n-----END ", 10);
    return end == NULL ? b : bytes_of(b.p, (size_t)(end - b.p));
}

/* Of either alphabet, padded or not, as the one that base64_decode() takes. */
static void base64_tidy(struct buf *text)
{
    while (text->len > 0 && text->p[text->len - 1] == '=') {
        text->len--;
    }
    for (size_t i = 0; i < text->len; i++) {
        text->p[i] = text->p[i] == '+' ? '-' : text->p[i] == '/' ? '_' : text->p[i];
    }
}

static bool text_decode(struct bytes b, struct buf *out, struct err *err)
{
    struct buf text = BUF(LIMIT_EVIDENCE);
    const size_t before = out->len;
    struct err ignored = {0};
    bool ok = true;

    b = armour_open(b);
    for (size_t i = 0; ok && i < b.len; i++) {
        ok = b.p[i] <= 0x20 || buf_u8(&text, b.p[i], err);
    }
    if (ok && begins(buf_bytes(&text), "0x")) {
        buf_drop(&text, 2);
    }
    if (ok && !hex_decode_all(buf_bytes(&text), out, &ignored)) {
        base64_tidy(&text);
        ok = base64_decode(buf_bytes(&text), BASE64_URL, out, err);
        if (!ok) {
            err_prefix(err, "no hexadecimal digits, and as base64");
        }
    }
    ok = ok && (out->len > before || FAIL(err, REASON_BASE64_LENGTH, 0, "nothing"));
    buf_done(&text);
    return ok;
}

/* ---- logs ---- */

static bool log_add(struct quote_file *f, struct bytes log, struct err *err)
{
    if (f->log_count == QUOTE_FILE_LOGS) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "more than %d logs", QUOTE_FILE_LOGS);
    }
    f->logs[f->log_count] = BUF(LIMIT_LOG);
    return buf_add(&f->logs[f->log_count++], log.p, log.len, err);
}

/* A list; the text of one, or of an agent's log; or a log's bytes as text. "" and null: none. */
static bool log_member(struct quote_file *f, const json_t *v, struct err *err)
{
    struct buf log = BUF(LIMIT_LOG);
    struct bytes text;
    bool ok;

    if (json_is_array(v)) {
        ok = json_print(v, &log, err) && log_add(f, buf_bytes(&log), err);
    } else if (json_is_string(v)) {
        text = bytes_of(json_string_value(v), json_string_length(v));
        ok = text.len == 0 || (memchr(text.p, ' ', text.len) != NULL || text.p[0] == '[' || text.p[0] == '{'
                                   ? log_add(f, text, err)
                                   : text_decode(text, &log, err) && log_add(f, buf_bytes(&log), err));
    } else {
        ok = json_is_null(v) || FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "neither a list nor a text");
    }
    buf_done(&log);
    return ok;
}

/* ---- the forms ---- */

/* Others' JSON. */
static bool wrapped_open(const json_t *o, struct quote_file *f, struct err *err)
{
    static const char *const quotes[] = {"quote", "intel_quote", "td_quote"};
    static const char *const logs[] = {"cc_eventlog", "event_log", "aa_eventlog"};
    const json_t *quote = NULL, *v;
    bool ok;

    if (json_is_object(json_object_get(o, "tdx"))) {
        o = json_object_get(o, "tdx");
    }
    for (size_t i = 0; quote == NULL && i < sizeof quotes / sizeof *quotes; i++) {
        quote = json_object_get(o, quotes[i]);
    }
    if (!json_is_string(quote)) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no text \"quote\"");
    }
    ok = text_decode(bytes_of(json_string_value(quote), json_string_length(quote)), &f->quote, err);
    if (!ok) {
        err_prefix(err, "quote");
    }
    for (size_t i = 0; ok && i < sizeof logs / sizeof *logs; i++) {
        v = json_object_get(o, logs[i]);
        ok = v == NULL || log_member(f, v, err);
        if (!ok) {
            err_prefix(err, logs[i]);
        }
    }
    return ok;
}

static bool document_open(struct bytes text, struct quote_file *f, struct err *err)
{
    struct document d;
    bool ok = document_parse(text, &d, err);

    if (ok) {
        ok = buf_add(&f->quote, d.quote.p, d.quote.len, err) && (d.boot_log.p == NULL || log_add(f, d.boot_log, err)) &&
             log_add(f, d.event_log, err);
        document_done(&d);
    }
    return ok;
}

static bool bundle_open(struct bytes text, struct quote_file *f, struct err *err)
{
    struct bundle b;
    bool ok = bundle_parse(text, &b, err);

    if (!ok) {
        return false;
    }
    f->is_document = document_is(b.evidence);
    ok = f->is_document ? document_open(b.evidence, f, err) : buf_add(&f->quote, b.evidence.p, b.evidence.len, err);
    for (size_t i = 0; ok && i < b.log_count; i++) {
        ok = log_add(f, b.logs[i], err);
    }
    bundle_done(&b);
    return ok;
}

static bool json_open(struct bytes text, struct quote_file *f, struct err *err)
{
    json_t *o = NULL;
    bool ok;

    if (bundle_is(text)) {
        f->is_bundle = true;
        return bundle_open(text, f, err);
    }
    if (!json_parse(text, &o, err)) {
        return false;
    }
    f->is_document = json_object_get(o, "v") != NULL || json_object_get(o, "keyset") != NULL;
    ok = f->is_document ? document_open(text, f, err) : wrapped_open(o, f, err);
    json_decref(o);
    return ok;
}

bool quote_file_open(struct bytes file, struct quote_file *out, struct err *err)
{
    bool ok;

    *out = (struct quote_file){.quote = BUF(LIMIT_EVIDENCE)};
    if (begins(file, "\xef\xbb\xbf")) { /* some editors' mark of UTF-8 */
        file = bytes_of(file.p + 3, file.len - 3);
    }
    if (document_is(file)) {
        ok = json_open(file, out, err);
    } else if (begins(file, "[")) {
        ok = FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "a list: a log goes with --log beside its quote");
    } else {
        ok = is_text(file) ? text_decode(file, &out->quote, err) : buf_add(&out->quote, file.p, file.len, err);
    }
    if (!ok) {
        quote_file_close(out);
    }
    return ok;
}

void quote_file_close(struct quote_file *f)
{
    buf_done(&f->quote);
    while (f->log_count > 0) {
        buf_done(&f->logs[--f->log_count]);
    }
}

bool quote_file_decode(struct bytes file, struct buf *out, struct err *err)
{
    struct quote_file f;
    bool ok = quote_file_open(file, &f, err);

    if (ok) {
        ok = buf_add(out, f.quote.p, f.quote.len, err);
        quote_file_close(&f);
    }
    return ok;
}

bool quote_file_read(const char *path, struct buf *out, struct err *err)
{
    return strcmp(path, "-") == 0 ? file_read_fd(0, "standard input", out, err) : file_read(path, out, err);
}

static bool is_firmwares(struct bytes bytes)
{
    struct eventlog log;
    struct err ignored;

    return eventlog_open(bytes, &log, &ignored);
}

bool quote_file_log(struct quote_file *f, const char *path, struct err *err)
{
    struct buf log = BUF(LIMIT_LOG);
    bool ok = quote_file_read(path, &log, err) && log_add(f, buf_bytes(&log), err);

    for (size_t i = f->log_count; ok && i > 1 && is_firmwares(buf_bytes(&log)); i--) {
        const struct buf last = f->logs[i - 1];

        if (is_firmwares(buf_bytes(&f->logs[i - 2]))) {
            break;
        }
        f->logs[i - 1] = f->logs[i - 2];
        f->logs[i - 2] = last;
    }
    buf_done(&log);
    return ok;
}
