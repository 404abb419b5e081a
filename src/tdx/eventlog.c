#include "tdx/eventlog.h"

#include "base/limits.h"
#include "tdx/log_form.h"

const struct log_algorithm log_algorithms[LOG_ALGORITHMS] = {
    {0x0004, 20, false, HASH_SHA256, "sha1"},
    {0x000B, SHA256_SIZE, true, HASH_SHA256, "sha256"},
    {EVENTLOG_ALG_SHA384, SHA384_SIZE, true, HASH_SHA384, "sha384"},
    {0x000D, SHA512_SIZE, true, HASH_SHA512, "sha512"},
    {0x0012, 32, false, HASH_SHA256, "sm3"}};

void log_digest_add(struct eventlog_event *e, uint16_t alg, uint16_t size, const uint8_t *value)
{
    struct eventlog_digest *d = &e->digests[e->digest_count++];

    d->alg = alg;
    d->size = size;
    memcpy(d->value, value, size);
    if (alg == EVENTLOG_ALG_SHA384) {
        memcpy(e->sha384, value, SHA384_SIZE);
        e->has_sha384 = true;
    }
}

static bool form_open(const struct eventlog_form *form, struct bytes bytes, struct eventlog *out, struct err *err)
{
    struct eventlog log = {.form = form, .rest = cursor_init(bytes.p, bytes.len), .payload = BUF(LIMIT_LOG_EVENT)};

    if (bytes.len > LIMIT_LOG) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "a log of %zu bytes", bytes.len);
    }
    if (form->open != NULL && !form->open(&log, err)) {
        eventlog_done(&log);
        return false;
    }
    *out = log;
    return true;
}

bool eventlog_open_any(struct bytes bytes, struct eventlog *out, struct err *err)
{
    /* In the order in which they are tried; the last one takes what is left and says what is wrong. */
    static const struct eventlog_form *const forms[] = {&log_dstack, &log_aael, &log_ima, &log_tcg};
    size_t i = 0;

    while (!forms[i]->is(bytes)) {
        i++;
    }
    return form_open(forms[i], bytes, out, err);
}

bool eventlog_open(struct bytes bytes, struct eventlog *out, struct err *err)
{
    struct eventlog log;

    if (!form_open(&log_tcg, bytes, &log, err)) {
        return false;
    }
    log.sha384 = true;
    for (size_t i = 0; i < log.algorithm_count; i++) {
        if (log.algorithms[i].id == EVENTLOG_ALG_SHA384) {
            *out = log;
            return true;
        }
    }
    return FAIL(err, REASON_LOG_ALGORITHM, 0, "the log has no SHA-384 digests");
}

void eventlog_done(struct eventlog *log)
{
    json_decref(log->root);
    buf_done(&log->payload);
}

bool eventlog_next(struct eventlog *log, struct eventlog_event *out, bool *more, struct err *err)
{
    struct eventlog_event e = {.number = log->next_number,
                               .offset = log->root != NULL ? ERR_NOWHERE : log->rest.offset,
                               .coverage = EVENTLOG_OF_DATA};
    bool there;

    if (!log->form->next(log, &e, &there, err)) {
        return false;
    }
    *more = there;
    if (!there) {
        return true;
    }
    if (e.number == LIMIT_LOG_EVENTS) {
        return FAIL(err, REASON_LOG_LIMIT, e.offset, "more than %d events", LIMIT_LOG_EVENTS);
    }
    if (log->sha384 && !e.has_sha384) {
        return FAIL(err, REASON_LOG_ALGORITHM, e.offset, "event %zu has no SHA-384 digest", e.number);
    }
    log->next_number++;
    *out = e;
    return true;
}

void eventlog_fold(uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], const struct eventlog_event *e)
{
    if (e->index != 0 && e->type != EVENTLOG_EV_NO_ACTION) {
        hash_extend(registers[e->index - 1], e->sha384);
    }
}

bool eventlog_replay(struct bytes bytes, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                     struct err *err)
{
    uint8_t folded[EVENTLOG_REGISTERS][SHA384_SIZE];
    struct eventlog_event e;
    struct eventlog log;
    bool more, ok;

    if (!eventlog_open_any(bytes, &log, err)) {
        return false;
    }
    log.sha384 = true;
    memcpy(folded, registers, sizeof folded);
    while ((ok = eventlog_next(&log, &e, &more, err)) && more) {
        eventlog_fold(folded, &e);
    }
    if (ok) {
        memcpy(registers, folded, sizeof folded);
        *count = log.next_number;
    }
    eventlog_done(&log);
    return ok;
}

bool eventlog_covered(const struct eventlog_event *e)
{
    uint8_t digest[SHA384_SIZE];

    hash_bytes(HASH_SHA384, e->data, digest);
    return e->has_sha384 && memcmp(digest, e->sha384, sizeof digest) == 0;
}
