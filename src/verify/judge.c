#include "verify/judge.h"

#include "base/civil.h"
#include "base/hex.h"
#include "crypto/sig.h"

#include <stdarg.h>
#include <stdio.h>

enum requirement {
    ALWAYS,
    DOCUMENT,
    URL,
    CONNECTION,
    SERVICE,
    LOG,
    DATA,
    DEMAND,
};

static const struct {
    const char *name;
    enum requirement required;
    const char *sentence;
} facts[FACT_COUNT] = {
#define F(name, required, sentence) [FACT_##name] = {#name, required, sentence},
    FACTS(F)
#undef F
};

void judge_init(struct judge *j, enum subject subject, const struct verify_input *in, struct verdict *out)
{
    const bool document = subject == SUBJECT_DOCUMENT, service = subject != SUBJECT_QUOTE;
    const bool required[] = {[ALWAYS] = true,
                             [DOCUMENT] = document,
                             [URL] = document && in->nonce_required,
                             [CONNECTION] = document && in->connection_required,
                             [SERVICE] = service,
                             [LOG] = service || in->log_count > 0,
                             [DATA] = service || in->report_data_count > 0,
                             [DEMAND] = false};
    struct second *second = j->second;

    memset(j, 0, sizeof *j);
    j->second = second;
    j->facts = out->facts;
    j->in = in;
    j->policy = in->policy;
    j->policy_builtin = in->policy->builtin;
    memcpy(j->policy_sha384, in->policy->sha384, sizeof j->policy_sha384);
    j->subject = subject;
    j->v = out;
    j->tcb_status = -1;
    for (size_t i = 0; i < FACT_COUNT; i++) {
        struct fact *f = &j->facts[i];

        f->name = facts[i].name;
        f->state = FACT_IS_UNKNOWN;
        f->reason = REASON_FACT_UNKNOWN;
        f->required = required[facts[i].required];
        f->text[0] = f->expected[0] = f->seen[0] = '\0'; /* judge_end() gives one to who has none */
    }
}

void judge_drop(struct judge *j)
{
    piece_unref(j->tcb_piece);
    piece_unref(j->qe_piece);
    j->tcb_piece = j->qe_piece = NULL;
    if (j->has_early) {
        judge_drop(&j->second->j);
        j->has_early = false;
    }
}

/* Cut where it is too long. */
static void text_put(char *out, size_t size, const char *text)
{
    const size_t len = strlen(text), n = len < size ? len : size - 1;

    memcpy(out, text, n);
    out[n] = '\0';
}

void fact_affirm(struct judge *j, enum fact_id id)
{
    j->touched[id] = true;
    j->facts[id].state = FACT_AFFIRMED;
    j->facts[id].reason = REASON_OK;
    text_put(j->facts[id].text, sizeof j->facts[id].text, facts[id].sentence);
}

/* "sentence of the reason: detail", without bytes that could forge a line. */
__attribute__((format(printf, 5, 0))) static void fact_set(struct judge *j, enum fact_id id, enum fact_state state,
                                                           enum reason reason, const char *fmt, va_list args)
{
    struct fact *f = &j->facts[id];
    char detail[200] = "";

    j->touched[id] = true;
    f->state = state;
    f->reason = reason;
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    for (char *p = detail; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f) {
            *p = '?';
        }
    }
    if (detail[0] != '\0') {
        (void)snprintf(f->text, sizeof f->text, "%s: %s", reason_text(f->reason), detail);
    } else {
        text_put(f->text, sizeof f->text, reason_text(f->reason));
    }
}

void fact_refute(struct judge *j, enum fact_id id, enum reason reason, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fact_set(j, id, FACT_REFUTED, reason, fmt, args);
    va_end(args);
}

void fact_unknown(struct judge *j, enum fact_id id, enum reason reason, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fact_set(j, id, FACT_IS_UNKNOWN, reason, fmt, args);
    va_end(args);
}

void fact_fail(struct judge *j, enum fact_id id, const struct err *err)
{
    const enum reason_kind kind = reason_kind(err->reason);

    /* A library or machine that failed says nothing about the evidence. */
    if (kind == REASON_KIND_UNKNOWN || kind == REASON_KIND_SYSTEM || kind == REASON_KIND_INTERNAL) {
        fact_unknown(j, id, err->reason, "%s", err->detail);
    } else if (err->offset != ERR_NOWHERE) {
        fact_refute(j, id, err->reason, "%s (byte %zu)", err->detail, err->offset);
    } else {
        fact_refute(j, id, err->reason, "%s", err->detail);
    }
}

bool piece_check(struct piece *p, const uint8_t key_xy[64], struct bytes message, const uint8_t rs[64], struct err *err)
{
    if (p != NULL && p->is_signed && memcmp(p->signer_xy, key_xy, sizeof p->signer_xy) == 0) {
        return true;
    }
    if (!sig_check(SIG_P256, bytes_of(key_xy, 64), message, bytes_of(rs, 64), err)) {
        return false;
    }
    if (p != NULL) {
        p->is_signed = true;
        memcpy(p->signer_xy, key_xy, sizeof p->signer_xy);
    }
    return true;
}

/* The DER of a P-256 key up to its point. */
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

void fact_unsigned(struct judge *j, enum fact_id id, const uint8_t key_xy[64])
{
    uint8_t spki[SHA256_SIZE];
    char digits[2 * SHA256_SIZE + 1], expected[sizeof j->facts->expected];
    struct hash h;

    hash_init(&h, HASH_SHA256);
    hash_add(&h, bytes_of(spki_head, sizeof spki_head));
    hash_add(&h, bytes_of(key_xy, 64));
    hash_end(&h, spki);
    hex_encode(bytes_of(spki, sizeof spki), digits);
    (void)snprintf(expected, sizeof expected, "a signature by the key %s", digits);
    fact_seen(j, id, expected, "one by another key, or over other bytes");
}

void fact_signature(struct judge *j, enum fact_id id, struct piece *p, const uint8_t key_xy[64], struct bytes message,
                    const uint8_t rs[64], enum reason reason, const char *what)
{
    struct err err = {0};

    if (piece_check(p, key_xy, message, rs, &err)) {
        fact_affirm(j, id);
    } else if (reason_kind(err.reason) == REASON_KIND_SYSTEM) {
        fact_fail(j, id, &err);
    } else {
        fact_refute(j, id, reason, "%s", what);
        fact_unsigned(j, id, key_xy);
    }
}

void fact_demand(struct judge *j, enum fact_id id)
{
    j->facts[id].required = true;
    j->touched[id] = true;
}

bool fact_is(const struct judge *j, enum fact_id id, enum fact_state state)
{
    return j->facts[id].state == state;
}

void fact_seen_hex(struct judge *j, enum fact_id id, struct bytes seen)
{
    if (2 * seen.len < sizeof j->facts[id].seen) {
        hex_encode(seen, j->facts[id].seen);
    }
}

void fact_hex(struct judge *j, enum fact_id id, struct bytes expected, struct bytes seen)
{
    if (2 * expected.len < sizeof j->facts[id].expected) {
        hex_encode(expected, j->facts[id].expected);
    }
    fact_seen_hex(j, id, seen);
}

void fact_seen(struct judge *j, enum fact_id id, const char *expected, const char *seen)
{
    text_put(j->facts[id].expected, sizeof j->facts[id].expected, expected);
    text_put(j->facts[id].seen, sizeof j->facts[id].seen, seen);
}

void fact_window(struct judge *j, enum fact_id id, int64_t from, int64_t to)
{
    char begin[CIVIL_ISO8601_SIZE], end[CIVIL_ISO8601_SIZE], window[2 * CIVIL_ISO8601_SIZE + 4];

    civil_print_iso8601(from, begin);
    civil_print_iso8601(to, end);
    (void)snprintf(window, sizeof window, "%s to %s", begin, end);
    civil_print_iso8601(j->in->time, begin);
    fact_seen(j, id, window, begin);
}

void fact_seen_unlisted(struct judge *j, enum fact_id id, const struct policy_list *l, const uint8_t *seen)
{
    char *expected = j->facts[id].expected;

    if (l->count == 1 && 2 * l->size < sizeof j->facts[id].expected) {
        hex_encode(bytes_of(l->values, l->size), expected);
    } else {
        (void)snprintf(expected, sizeof j->facts[id].expected, "one of %zu", l->count);
    }
    if (seen != NULL) {
        fact_seen_hex(j, id, bytes_of(seen, l->size));
    } else {
        (void)snprintf(j->facts[id].seen, sizeof j->facts[id].seen, "none");
    }
}

void judge_end(struct judge *j)
{
    struct verdict *v = j->v;
    bool refuted = false, unknown = false;

    for (size_t i = 0; i < FACT_COUNT; i++) {
        struct fact *f = &j->facts[i];

        if (!f->required && !j->touched[i]) {
            continue;
        }
        if (f->text[0] == '\0') {
            text_put(f->text, sizeof f->text, reason_text(f->reason));
        }
        refuted = refuted || (f->required && f->state == FACT_REFUTED);
        unknown = unknown || (f->required && f->state == FACT_IS_UNKNOWN);
        if (v->count != i) {
            v->facts[v->count] = *f;
        }
        v->count++;
    }
    /* Without an anchor there is no root fact that could be affirmed: the last branch is never taken then. */
    if (refuted) {
        v->result = VERDICT_REFUSED;
    } else if (unknown || j->anchor == ANCHOR_NONE) {
        v->result = VERDICT_UNDECIDED;
    } else {
        v->result = j->anchor == ANCHOR_INTEL ? VERDICT_VERIFIED : VERDICT_SIMULATED;
    }
}

bool claim_new(json_t *object, const char *name, json_t *value, struct err *err)
{
    return json_object_set_new(object, name, value) == 0 || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
}

bool claim_str(json_t *object, const char *name, const char *value, struct err *err)
{
    return claim_new(object, name, json_string(value), err);
}
