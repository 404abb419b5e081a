#include "tdx/dstack.h"

#include "base/hex.h"
#include "base/limits.h"

#include <stdio.h>

bool dstack_open(struct bytes text, struct dstack *out, struct err *err)
{
    struct dstack log = {.payload = BUF(LIMIT_LOG_EVENT)};
    const json_t *member;
    json_t *inner = NULL;

    if (text.len > LIMIT_LOG) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "a log of %zu bytes", text.len);
    }
    if (!json_parse(text, &log.root, err)) {
        return false;
    }
    log.events = log.root;
    member = json_object_get(log.root, "event_log");
    if (json_is_string(member)) {
        const struct bytes s = bytes_of(json_string_value(member), json_string_length(member));
        const bool ok = json_parse(s, &inner, err);

        json_decref(log.root);
        if (!ok) {
            err_prefix(err, "event_log");
            err->offset = ERR_NOWHERE; /* it would be one of the text within */
            return false;
        }
        log.events = log.root = inner;
    } else if (member != NULL) {
        log.events = member;
    }
    if (!json_is_array(log.events)) {
        json_decref(log.root);
        return FAIL(err, REASON_LOG_FORM, ERR_NOWHERE, "neither a list of events nor an object with `event_log`");
    }
    *out = log;
    return true;
}

void dstack_done(struct dstack *log)
{
    json_decref(log->root);
    buf_done(&log->payload);
}

static void digest_v1(struct bytes name, struct bytes payload, uint8_t out[SHA384_SIZE])
{
    static const uint8_t head[] = {0x01, 0x00, 0x00, 0x08, ':'};
    struct hash h;

    hash_init(&h, HASH_SHA384);
    hash_add(&h, bytes_of(head, sizeof head));
    hash_add(&h, name);
    hash_add(&h, bytes_of_str(":"));
    hash_add(&h, payload);
    hash_end(&h, out);
}

/* Version 2, and the form that it had before its release. */
static json_t *preimage_v2(json_t *name, const char *payload, bool draft)
{
    json_t *v = json_object();

    if (json_object_set(v, draft ? "event" : "name", name) != 0 ||
        json_object_set_new(v, draft ? "event_type" : "type", json_integer(DSTACK_EVENT)) != 0 ||
        json_object_set_new(v, "payload", json_string(payload)) != 0 ||
        (draft && json_object_set_new(v, "version", json_integer(2)) != 0)) {
        json_decref(v);
        return NULL;
    }
    return v;
}

static bool digest_v2(json_t *name, struct bytes payload, bool draft, uint8_t out[SHA384_SIZE], struct err *err)
{
    struct buf text = BUF(8 * LIMIT_LOG_EVENT), digits = BUF(2 * LIMIT_LOG_EVENT + 1);
    json_t *v = NULL;
    bool ok = hex_add(&digits, payload, err) && buf_u8(&digits, 0, err);

    if (ok) {
        v = preimage_v2(name, (const char *)digits.p, draft);
        ok = v != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "an event of dstack");
    }
    ok = ok && json_print_canonical(v, &text, err);
    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&text), out);
    }
    json_decref(v);
    buf_done(&digits);
    buf_done(&text);
    return ok;
}

/* An event of dstack's own: the digest computed if there is none, or compared. A log without versions may be of either.
 * The first colon ends the name in version 1: a name with one in it could as well be a shorter one. */
static bool runtime_digest(const json_t *v, json_t *name, struct dstack_event *ev, struct err *err)
{
    uint8_t v1[SHA384_SIZE], v2[SHA384_SIZE], draft[SHA384_SIZE];
    const bool clear = memchr(ev->name.p, ':', ev->name.len) == NULL;
    uint64_t version = 0;

    if (json_object_get(v, "version") != NULL && !json_get_u64(v, "version", 2, &version, err)) {
        return false;
    }
    digest_v1(ev->name, ev->e.data, v1);
    if (!digest_v2(name, ev->e.data, false, v2, err) || !digest_v2(name, ev->e.data, true, draft, err)) {
        return false;
    }
    if (!ev->e.has_sha384) {
        memcpy(ev->e.sha384, version == 2 ? v2 : v1, SHA384_SIZE);
        ev->e.has_sha384 = true;
    }
    ev->covered =
        (version != 2 && clear && memcmp(ev->e.sha384, v1, sizeof v1) == 0) ||
        (version != 1 && (memcmp(ev->e.sha384, v2, sizeof v2) == 0 || memcmp(ev->e.sha384, draft, sizeof draft) == 0));
    return true;
}

/* Digest: 96 digits, or none where it can be computed. */
static bool digest_get(const json_t *v, struct eventlog_event *e, struct err *err)
{
    const char *digits = "";

    if (json_object_get(v, "digest") != NULL && !json_get_str(v, "digest", &digits, err)) {
        return false;
    }
    if (digits[0] == '\0' && e->type == DSTACK_EVENT) {
        return true;
    }
    if (strlen(digits) != 2 * SHA384_SIZE) {
        return FAIL(err, REASON_LOG_ALGORITHM, ERR_NOWHERE, "a digest of %zu digits", strlen(digits));
    }
    e->has_sha384 = hex_decode(bytes_of_str(digits), e->sha384, SHA384_SIZE, err);
    if (!e->has_sha384) {
        err->offset = ERR_NOWHERE;
    }
    return e->has_sha384;
}

static bool event_get(struct dstack *log, const json_t *v, struct dstack_event *ev, struct err *err)
{
    static const char *const names[] = {"imr",           "event_type", "digest",     "event",
                                        "event_payload", "version",    "hash_input", NULL};
    struct buf *payload = &log->payload;
    uint64_t imr, type;
    const char *digits;
    json_t *name;

    if (!json_only(v, names, err) || !json_get_u64(v, "imr", UINT32_MAX, &imr, err) ||
        !json_get_u64(v, "event_type", UINT32_MAX, &type, err) || !json_get(v, "event", JSON_STRING, &name, err) ||
        !json_get_str(v, "event_payload", &digits, err)) {
        return false;
    }
    if (imr >= EVENTLOG_REGISTERS) {
        return FAIL(err, REASON_LOG_REGISTER, ERR_NOWHERE, "imr %llu", (unsigned long long)imr);
    }
    if (strlen(digits) > 2 * LIMIT_LOG_EVENT) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "a payload of %zu bytes", strlen(digits) / 2);
    }
    ev->e.index = (uint32_t)imr + 1;
    ev->e.type = (uint32_t)type;
    ev->name = bytes_of(json_string_value(name), json_string_length(name));
    payload->len = 0;
    if (!hex_decode_all(bytes_of_str(digits), payload, err)) {
        err->offset = ERR_NOWHERE;
        return false;
    }
    ev->e.data = payload->len > 0 ? buf_bytes(payload) : bytes_of("", 0);
    return digest_get(v, &ev->e, err) && (ev->e.type != DSTACK_EVENT || runtime_digest(v, name, ev, err));
}

bool dstack_next(struct dstack *log, struct dstack_event *out, bool *more, struct err *err)
{
    struct dstack_event ev = {.e = {.number = log->next_number, .offset = ERR_NOWHERE}};
    char prefix[32];

    if (log->next_number == json_array_size(log->events)) {
        *more = false;
        return true;
    }
    if (log->next_number == LIMIT_LOG_EVENTS) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "more than %d events", LIMIT_LOG_EVENTS);
    }
    if (!event_get(log, json_array_get(log->events, log->next_number), &ev, err)) {
        (void)snprintf(prefix, sizeof prefix, "event %zu", log->next_number);
        err_prefix(err, prefix);
        return false;
    }
    ev.e.digest_count = 1;
    ev.e.digests[0].alg = EVENTLOG_ALG_SHA384;
    ev.e.digests[0].size = SHA384_SIZE;
    memcpy(ev.e.digests[0].value, ev.e.sha384, SHA384_SIZE);
    log->next_number++;
    *out = ev;
    *more = true;
    return true;
}
