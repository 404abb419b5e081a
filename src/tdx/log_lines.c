/* Logs of one line an event. Nothing is allocated.
 *
 * IMA, the kernel's ascii_runtime_measurements:
 *
 *     INDEX TEMPLATE-HASH ima-ng|ima-ngv2|ima-sig|ima-sigv2 [TYPE:]ALG:FILE-HASH PATH [SIGNATURE]
 *
 * The template hash is over each field behind its length as u32: "[TYPE:]ALG:", a zero byte and the hash; the path and
 * a zero byte; the signature. Index 10 and the other PCRs from 8 to 14 are RTMR2, 0 to 3 the registers of their number.
 * A hash of zeros is a violation, which extends the register with 0xFF.
 *
 * AAEL, the file of CoCo's attestation agent: "INIT ALG/VALUE", then "DOMAIN OPERATION CONTENT". Each line, the first
 * one too, is an event of RTMR3 whose digest is of the line. VALUE has to be zero: what else the register held is not
 * in the log.
 *
 * Each line ends in "\n"; the last may lack it. */
#include "base/hex.h"
#include "base/limits.h"
#include "tdx/log_form.h"

struct bytes log_field_take(struct cursor *c, char stop)
{
    const uint8_t *end = c->left > 0 ? memchr(c->next, stop, c->left) : NULL;
    struct cursor field = {0};
    struct err none;
    bool ok = cursor_take(c, end != NULL ? (size_t)(end - c->next) : c->left, &field, &none);

    (void)(ok && end != NULL && cursor_skip(c, 1, &none)); /* neither is beyond what is left */
    return cursor_rest(&field);
}

void log_file_hash_split(struct bytes word, struct bytes *algorithm, struct bytes *hash)
{
    size_t colon = word.len;

    while (colon > 0 && word.p[colon - 1] != ':') {
        colon--;
    }
    *algorithm = bytes_of(word.p, colon);
    *hash = bytes_of(word.p + colon, word.len - colon);
}

/* The next line without its end, printable throughout, and what it says. */
static bool line_next(struct eventlog *log, struct eventlog_event *e, bool *more,
                      bool (*read)(struct eventlog *log, struct cursor line, struct eventlog_event *e, struct err *err),
                      struct err *err)
{
    struct cursor line = log->rest;

    *more = line.left > 0;
    if (!*more) {
        return true;
    }
    e->data = log_field_take(&log->rest, '\n');
    if (e->data.len > LIMIT_LOG_EVENT) {
        return FAIL(err, REASON_LOG_LIMIT, e->offset, "a line of %zu bytes", e->data.len);
    }
    for (size_t i = 0; i < e->data.len; i++) {
        if (e->data.p[i] < ' ' || e->data.p[i] == 0x7F) {
            return FAIL(err, REASON_LOG_FORM, e->offset + i, "a control character in event %zu", e->number);
        }
    }
    line.left = e->data.len;
    return read(log, line, e, err);
}

/* ---- IMA ---- */

/* Spaces, one or two digits, a space. */
static bool ima_is(struct bytes log)
{
    size_t i = 0, digits;

    while (i < log.len && log.p[i] == ' ') {
        i++;
    }
    for (digits = i; i < log.len && log.p[i] >= '0' && log.p[i] <= '9';) {
        i++;
    }
    return i > digits && i < log.len && log.p[i] == ' ';
}

static bool index_read(struct bytes digits, size_t at, uint32_t *out, struct err *err)
{
    bool ok = digits.len == 1 || digits.len == 2;
    unsigned n = 0;

    for (size_t i = 0; ok && i < digits.len; i++) {
        ok = digits.p[i] >= '0' && digits.p[i] <= '9';
        n = 10 * n + (unsigned)(digits.p[i] - '0');
    }
    if (!ok) {
        return FAIL(err, REASON_LOG_FORM, at, "no index of a register");
    }
    if (n >= EVENTLOG_REGISTERS && (n < 8 || n > 14)) { /* CONFIG_IMA_MEASURE_PCR_IDX: 8 to 14 */
        return FAIL(err, REASON_LOG_REGISTER, at, "index %u", n);
    }
    *out = n < EVENTLOG_REGISTERS ? n + 1 : 3;
    return true;
}

static bool template_hash_read(struct bytes digits, size_t at, struct eventlog_event *e,
                               const struct log_algorithm **alg, struct err *err)
{
    uint8_t hash[HASH_SIZE_MAX];
    size_t i = 0;

    while (i < LOG_ALGORITHMS && digits.len != 2U * log_algorithms[i].size) {
        i++;
    }
    if (i == LOG_ALGORITHMS) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "a template hash of %zu digits", digits.len);
    }
    *alg = &log_algorithms[i];
    if (!hex_decode(digits, hash, (*alg)->size, err)) {
        err->offset = at;
        return false;
    }
    log_digest_add(e, (*alg)->id, (*alg)->size, hash);
    if (bytes_zero(bytes_of(hash, (*alg)->size))) {
        memset(e->sha384, 0xFF, sizeof e->sha384); /* a violation: the kernel extends with ones */
    }
    return true;
}

/* "[TYPE:]ALG:FILE-HASH PATH [SIGNATURE]". What the template's hash covers is shown, never judged (eventlog_print.c).
 */
static bool template_check(struct cursor c, bool sig, const struct log_algorithm *alg, struct eventlog_event *e,
                           struct err *err)
{
    uint8_t bytes[LIMIT_LOG_EVENT / 2];
    struct bytes algorithm, hash, signature;

    log_file_hash_split(log_field_take(&c, ' '), &algorithm, &hash);
    if (algorithm.len <= 1 || hash.len < 2 || hash.len / 2 > HASH_SIZE_MAX || c.left == 0 ||
        !hex_decode(hash, bytes, hash.len / 2, &(struct err){0})) {
        return FAIL(err, REASON_LOG_FORM, c.offset, "event %zu: no file hash and path", e->number);
    }
    if (!alg->computed) {
        return true;
    }
    e->coverage = EVENTLOG_OF_TEMPLATE;
    if (!sig) {
        return true;
    }
    (void)log_field_take(&c, ' ');
    signature = cursor_rest(&c);
    return hex_decode(signature, bytes, signature.len / 2, &(struct err){0}) ||
           FAIL(err, REASON_LOG_FORM, c.offset, "event %zu: no signature", e->number);
}

static bool ima_read(struct eventlog *log, struct cursor line, struct eventlog_event *e, struct err *err)
{
    static const struct {
        const char *name;
        bool sig;
    } templates[] = {{"ima-ng", false}, {"ima-sig", true}, {"ima-ngv2", false}, {"ima-sigv2", true}};
    const struct log_algorithm *alg;
    struct bytes name;
    size_t at;

    (void)log;
    e->coverage = EVENTLOG_UNKNOWN;
    while (line.left > 0 && *line.next == ' ') { /* the kernel right-aligns the index */
        (void)log_field_take(&line, ' ');
    }
    at = line.offset;
    if (!index_read(log_field_take(&line, ' '), at, &e->index, err)) {
        return false;
    }
    at = line.offset;
    if (!template_hash_read(log_field_take(&line, ' '), at, e, &alg, err)) {
        return false;
    }
    at = line.offset;
    name = log_field_take(&line, ' ');
    if (name.len == 0 || line.left == 0) {
        return FAIL(err, REASON_LOG_FORM, at, "event %zu: no template", e->number);
    }
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        if (bytes_equal(name, bytes_of_str(templates[i].name))) {
            return template_check(line, templates[i].sig, alg, e, err);
        }
    }
    return true;
}

static bool ima_next(struct eventlog *log, struct eventlog_event *e, bool *more, struct err *err)
{
    return line_next(log, e, more, ima_read, err);
}

const struct eventlog_form log_ima = {"ima", false, ima_is, NULL, ima_next};

/* ---- CoCo's attestation agent ---- */

static bool aael_is(struct bytes log)
{
    return log.len >= 5 && memcmp(log.p, "INIT ", 5) == 0;
}

/* INIT ALG/VALUE */
static bool init_read(struct eventlog *log, struct cursor line, struct err *err)
{
    const struct bytes word = log_field_take(&line, ' ');
    const size_t at = line.offset;
    struct bytes name, value;
    size_t i = 0;

    if (!bytes_equal(word, bytes_of_str("INIT"))) {
        return FAIL(err, REASON_LOG_FORM, 0, "the first line is not INIT");
    }
    name = log_field_take(&line, '/');
    value = cursor_rest(&line);
    while (i < LOG_ALGORITHMS &&
           !(log_algorithms[i].computed && bytes_equal(name, bytes_of_str(log_algorithms[i].name)))) {
        i++;
    }
    if (i == LOG_ALGORITHMS) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "INIT with another algorithm than sha256, sha384, sha512");
    }
    if (value.len != 2U * log_algorithms[i].size) {
        return FAIL(err, REASON_LOG_FORM, line.offset, "a register of %zu digits", value.len);
    }
    for (size_t n = 0; n < value.len; n++) {
        if (value.p[n] != '0') {
            return FAIL(err, REASON_LOG_FORM, line.offset + n,
                        "the register held something that the log does not have");
        }
    }
    log->alg = &log_algorithms[i];
    return true;
}

/* DOMAIN OPERATION [CONTENT] */
static bool aael_read(struct eventlog *log, struct cursor line, struct eventlog_event *e, struct err *err)
{
    uint8_t digest[HASH_SIZE_MAX];

    if (log->alg == NULL) {
        if (!init_read(log, line, err)) {
            return false;
        }
    } else if (log_field_take(&line, ' ').len == 0 || log_field_take(&line, ' ').len == 0) {
        return FAIL(err, REASON_LOG_FORM, e->offset, "event %zu has no domain and operation", e->number);
    }
    e->index = EVENTLOG_REGISTERS;
    hash_bytes(log->alg->hash, e->data, digest);
    log_digest_add(e, log->alg->id, log->alg->size, digest);
    e->coverage = EVENTLOG_WHOLE;
    return true;
}

static bool aael_next(struct eventlog *log, struct eventlog_event *e, bool *more, struct err *err)
{
    return line_next(log, e, more, aael_read, err);
}

const struct eventlog_form log_aael = {"aael", false, aael_is, NULL, aael_next};
