#include "tdx/textlog.h"

#include "base/hex.h"
#include "base/limits.h"

static const struct {
    uint16_t alg;
    bool computed;
    enum hash_alg hash;
    size_t size;
    const char *name;
} algorithms[] = {{EVENTLOG_ALG_SHA1, false, HASH_SHA256, 20, "sha1"},
                  {EVENTLOG_ALG_SHA256, true, HASH_SHA256, SHA256_SIZE, "sha256"},
                  {EVENTLOG_ALG_SHA384, true, HASH_SHA384, SHA384_SIZE, "sha384"},
                  {EVENTLOG_ALG_SHA512, true, HASH_SHA512, SHA512_SIZE, "sha512"}};

#define ALGORITHM_COUNT (sizeof algorithms / sizeof *algorithms)

bool textlog_open(struct bytes text, struct textlog *out, struct err *err)
{
    if (text.len > LIMIT_LOG) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "a log of %zu bytes", text.len);
    }
    *out = (struct textlog){.rest = cursor_init(text.p, text.len)};
    return true;
}

/* The next line without its end, printable throughout. */
static bool line_take(struct textlog *log, struct cursor *line, bool *more, struct err *err)
{
    const struct bytes rest = cursor_rest(&log->rest);
    const uint8_t *end = rest.len > 0 ? memchr(rest.p, '\n', rest.len) : NULL;
    const size_t len = end != NULL ? (size_t)(end - rest.p) : rest.len;

    *more = rest.len > 0;
    if (!*more) {
        return true;
    }
    if (log->next_number == LIMIT_LOG_EVENTS) {
        return FAIL(err, REASON_LOG_LIMIT, log->rest.offset, "more than %d events", LIMIT_LOG_EVENTS);
    }
    if (len > LIMIT_LOG_EVENT) {
        return FAIL(err, REASON_LOG_LIMIT, log->rest.offset, "a line of %zu bytes", len);
    }
    for (size_t i = 0; i < len; i++) {
        if (rest.p[i] < ' ' || rest.p[i] == 0x7F) {
            return FAIL(err, REASON_LOG_FORM, log->rest.offset + i, "a control character in event %zu",
                        log->next_number);
        }
    }
    return cursor_take(&log->rest, len, line, err) && (end == NULL || cursor_skip(&log->rest, 1, err));
}

/* Up to the next byte `stop`, which is passed over, or to the end. */
static bool field_take(struct cursor *c, char stop, struct bytes *out, struct err *err)
{
    const struct bytes rest = cursor_rest(c);
    const uint8_t *end = rest.len > 0 ? memchr(rest.p, stop, rest.len) : NULL;
    struct cursor field;

    if (!cursor_take(c, end != NULL ? (size_t)(end - rest.p) : rest.len, &field, err)) {
        return false;
    }
    *out = cursor_rest(&field);
    return end == NULL || cursor_skip(c, 1, err);
}

static void digest_set(struct eventlog_event *e, size_t alg)
{
    e->digest_count = 1;
    e->digests[0].alg = algorithms[alg].alg;
    e->digests[0].size = (uint16_t)algorithms[alg].size;
    if (algorithms[alg].alg == EVENTLOG_ALG_SHA384) {
        memcpy(e->sha384, e->digests[0].value, SHA384_SIZE);
        e->has_sha384 = true;
    }
}

/* ---- IMA ---- */

static bool index_read(struct bytes digits, size_t at, uint32_t *out, struct err *err)
{
    unsigned n = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.len > 2 || digits.p[i] < '0' || digits.p[i] > '9') {
            return FAIL(err, REASON_LOG_FORM, at, "no index of a register");
        }
        n = 10 * n + (unsigned)(digits.p[i] - '0');
    }
    if (digits.len == 0) {
        return FAIL(err, REASON_LOG_FORM, at, "no index of a register");
    }
    if (n >= EVENTLOG_REGISTERS && (n < 8 || n > 14)) { /* CONFIG_IMA_MEASURE_PCR_IDX: 8 to 14 */
        return FAIL(err, REASON_LOG_REGISTER, at, "index %u", n);
    }
    *out = n < EVENTLOG_REGISTERS ? n + 1 : 3;
    return true;
}

static bool template_hash_read(struct bytes digits, size_t at, struct eventlog_event *e, size_t *alg, struct err *err)
{
    uint8_t all = 0;

    for (*alg = 0; *alg < ALGORITHM_COUNT && digits.len != 2 * algorithms[*alg].size; ++*alg) {
    }
    if (*alg == ALGORITHM_COUNT) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "a template hash of %zu digits", digits.len);
    }
    if (!hex_decode(digits, e->digests[0].value, algorithms[*alg].size, err)) {
        err->offset = at;
        return false;
    }
    digest_set(e, *alg);
    for (size_t i = 0; i < algorithms[*alg].size; i++) {
        all |= e->digests[0].value[i];
    }
    if (all == 0) {
        memset(e->sha384, 0xFF, sizeof e->sha384); /* a violation: the kernel extends with ones */
    }
    return true;
}

static void field_hash(struct hash *h, size_t len)
{
    const uint8_t le[] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};

    hash_add(h, bytes_of(le, sizeof le));
}

/* The signature's bytes from their digits. */
static bool signature_hash(struct hash *h, struct bytes digits)
{
    uint8_t byte;

    if (digits.len % 2 != 0) {
        return false;
    }
    field_hash(h, digits.len / 2);
    for (size_t i = 0; i < digits.len; i += 2) {
        if (!hex_decode(bytes_of(digits.p + i, 2), &byte, 1, &(struct err){0})) {
            return false;
        }
        hash_add(h, bytes_of(&byte, 1));
    }
    return true;
}

/* [TYPE:]ALG:DIGITS, split at the last colon, and the space behind. */
static bool file_hash_take(struct cursor *c, struct bytes *alg, uint8_t digest[HASH_SIZE_MAX], size_t *len,
                           size_t number, struct err *err)
{
    struct bytes word;
    size_t colon;

    if (!field_take(c, ' ', &word, err)) {
        return false;
    }
    for (colon = word.len; colon > 0 && word.p[colon - 1] != ':'; colon--) {
    }
    *len = (word.len - colon) / 2;
    *alg = bytes_of(word.p, colon);
    return (colon > 1 && *len > 0 && *len <= HASH_SIZE_MAX && c->left > 0 &&
            hex_decode(bytes_of(word.p + colon, word.len - colon), digest, *len, &(struct err){0})) ||
           FAIL(err, REASON_LOG_FORM, c->offset, "event %zu: no file hash and path", number);
}

/* The template's hash computed again; *known stays false where its algorithm is not computed here. */
static bool template_check(struct cursor c, bool sig, size_t alg, struct textlog_event *ev, struct err *err)
{
    struct bytes file_alg, path, signature = bytes_of(NULL, 0);
    uint8_t digest[HASH_SIZE_MAX];
    struct hash h;
    size_t len;

    if (!file_hash_take(&c, &file_alg, digest, &len, ev->e.number, err)) {
        return false;
    }
    path = cursor_rest(&c);
    if (sig) {
        if (!field_take(&c, ' ', &path, err)) {
            return false;
        }
        signature = cursor_rest(&c);
    }
    if (!algorithms[alg].computed) {
        return true;
    }
    hash_init(&h, algorithms[alg].hash);
    field_hash(&h, file_alg.len + 1 + len);
    hash_add(&h, file_alg);
    hash_add(&h, bytes_of("", 1));
    hash_add(&h, bytes_of(digest, len));
    field_hash(&h, path.len + 1);
    hash_add(&h, path);
    hash_add(&h, bytes_of("", 1));
    if (sig && !signature_hash(&h, signature)) {
        return FAIL(err, REASON_LOG_FORM, c.offset, "event %zu: no signature", ev->e.number);
    }
    hash_end(&h, digest);
    ev->known = true;
    ev->covered = memcmp(digest, ev->e.digests[0].value, algorithms[alg].size) == 0;
    return true;
}

bool textlog_ima_next(struct textlog *log, struct textlog_event *out, bool *more, struct err *err)
{
    struct textlog_event ev = {.e = {.number = log->next_number, .offset = log->rest.offset}};
    static const struct {
        const char *name;
        bool sig;
    } templates[] = {{"ima-ng", false}, {"ima-sig", true}, {"ima-ngv2", false}, {"ima-sigv2", true}};
    struct textlog next = *log;
    struct bytes index, hash, name;
    struct cursor line;
    size_t alg, at;

    if (!line_take(&next, &line, more, err)) {
        return false;
    }
    if (!*more) {
        return true;
    }
    ev.e.data = cursor_rest(&line);
    while (line.left > 0 && *line.next == ' ') { /* the kernel right-aligns the index */
        if (!cursor_skip(&line, 1, err)) {
            return false;
        }
    }
    at = line.offset;
    if (!field_take(&line, ' ', &index, err) || !index_read(index, at, &ev.e.index, err)) {
        return false;
    }
    at = line.offset;
    if (!field_take(&line, ' ', &hash, err) || !template_hash_read(hash, at, &ev.e, &alg, err)) {
        return false;
    }
    at = line.offset;
    if (!field_take(&line, ' ', &name, err)) {
        return false;
    }
    if (name.len == 0 || line.left == 0) {
        return FAIL(err, REASON_LOG_FORM, at, "event %zu: no template", ev.e.number);
    }
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        if (bytes_equal(name, bytes_of_str(templates[i].name)) &&
            !template_check(line, templates[i].sig, alg, &ev, err)) {
            return false;
        }
    }
    next.next_number++;
    *log = next;
    *out = ev;
    return true;
}

/* ---- CoCo's attestation agent ---- */

/* INIT ALG/VALUE */
static bool init_read(struct cursor line, struct textlog *log, size_t *alg, struct err *err)
{
    struct bytes word, name, value;
    size_t at = line.offset;

    if (!field_take(&line, ' ', &word, err)) {
        return false;
    }
    if (!bytes_equal(word, bytes_of_str("INIT"))) {
        return FAIL(err, REASON_LOG_FORM, at, "the first line is not INIT");
    }
    at = line.offset;
    if (!field_take(&line, '/', &name, err)) {
        return false;
    }
    for (*alg = 1; *alg < ALGORITHM_COUNT && !bytes_equal(name, bytes_of_str(algorithms[*alg].name)); ++*alg) {
    }
    if (*alg == ALGORITHM_COUNT) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "INIT with another algorithm than sha256, sha384, sha512");
    }
    value = cursor_rest(&line);
    if (value.len != 2 * algorithms[*alg].size) {
        return FAIL(err, REASON_LOG_FORM, line.offset, "a register of %zu digits", value.len);
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] != '0') {
            return FAIL(err, REASON_LOG_FORM, line.offset + i,
                        "the register held something that the log does not have");
        }
    }
    log->alg = algorithms[*alg].alg;
    return true;
}

/* DOMAIN OPERATION [CONTENT] */
static bool record_check(struct cursor line, size_t number, struct err *err)
{
    const size_t at = line.offset;
    struct bytes domain, operation;

    if (!field_take(&line, ' ', &domain, err) || !field_take(&line, ' ', &operation, err)) {
        return false;
    }
    return (domain.len > 0 && operation.len > 0) ||
           FAIL(err, REASON_LOG_FORM, at, "event %zu has no domain and operation", number);
}

bool textlog_aael_next(struct textlog *log, struct textlog_event *out, bool *more, struct err *err)
{
    struct textlog_event ev = {
        .e = {.number = log->next_number, .offset = log->rest.offset, .index = EVENTLOG_REGISTERS}};
    struct textlog next = *log;
    struct cursor line;
    size_t alg = 0;

    if (!line_take(&next, &line, more, err)) {
        return false;
    }
    if (!*more) {
        return true;
    }
    if (log->alg == 0 ? !init_read(line, &next, &alg, err) : !record_check(line, ev.e.number, err)) {
        return false;
    }
    while (algorithms[alg].alg != next.alg) {
        alg++;
    }
    ev.e.data = cursor_rest(&line);
    hash_bytes(algorithms[alg].hash, ev.e.data, ev.e.digests[0].value);
    digest_set(&ev.e, alg);
    ev.known = ev.covered = true;
    next.next_number++;
    *log = next;
    *out = ev;
    return true;
}
