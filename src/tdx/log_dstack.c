/* dstack's event log: a JSON array of {"imr":0..3,"event_type","digest":hex,"event","event_payload":hex,"version":1|2,
 * "hash_input":hex}, the last two optional; or an object whose member "event_log" is such an array or its text.
 *
 * Events of type 0x08000001 are dstack's own. Their digest is SHA-384 of
 *
 *     version 1: u32 type, ":", event, ":", payload
 *     version 2: RFC 8785 JSON {"name":event,"payload":hex,"type":134217729}
 *
 *                or {"event":event,"event_type":134217729,"payload":hex,"version":2}, if the digest is of that
 *
 * and may be empty: then it is computed. Everything else is an event of the firmware's log, its data possibly left out.
 * LOG_ALGORITHM: a digest of another size, or none. No offsets but JSON's. */
#include "base/hex.h"
#include "base/limits.h"
#include "tdx/log_form.h"

#include <stdio.h>

static bool dstack_is(struct bytes log)
{
    size_t i = 0;

    while (i < log.len && memchr(" \n\r\t", log.p[i], 4) != NULL) {
        i++;
    }
    return i < log.len && (log.p[i] == '[' || log.p[i] == '{');
}

static bool dstack_open(struct eventlog *log, struct err *err)
{
    const json_t *member;

    if (!json_parse(cursor_rest(&log->rest), &log->root, err)) {
        return false;
    }
    log->events = log->root;
    member = json_object_get(log->root, "event_log");
    if (json_is_string(member)) {
        json_t *outer = log->root;
        const bool ok = json_parse(bytes_of(json_string_value(member), json_string_length(member)), &log->root, err);

        log->root = ok ? log->root : NULL;
        json_decref(outer);
        if (!ok) {
            err_prefix(err, "event_log");
            err->offset = ERR_NOWHERE; /* it would be one of the text within */
            return false;
        }
        log->events = log->root;
    } else if (member != NULL) {
        log->events = member;
    }
    return json_is_array(log->events) ||
           FAIL(err, REASON_LOG_FORM, ERR_NOWHERE, "neither a list of events nor an object with `event_log`");
}

static void digest_v1(const struct eventlog_event *e, uint8_t out[SHA384_SIZE])
{
    struct hash h;

    hash_init(&h, HASH_SHA384);
    hash_add(&h, bytes_of("\1\0\0\10:", 5));
    hash_add(&h, e->name);
    hash_add(&h, bytes_of_str(":"));
    hash_add(&h, e->data);
    hash_end(&h, out);
}

/* Of JSON: what stands before the name, before the payload and behind it. */
static bool digest_v2(const struct eventlog_event *e, const char *const around[3], uint8_t out[SHA384_SIZE],
                      struct err *err)
{
    struct buf text = BUF(8 * LIMIT_LOG_EVENT);
    const bool ok = buf_str(&text, around[0], err) && json_print_str(e->name, &text, err) &&
                    buf_str(&text, around[1], err) && hex_add(&text, e->data, err) && buf_str(&text, around[2], err);

    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&text), out);
    }
    buf_done(&text);
    return ok;
}

/* An event of dstack's own: the digest computed if there is none, or compared. A log without versions may be of either.
 * The first colon ends the name in version 1: a name with one in it could as well be a shorter one. */
static bool runtime_digest(const json_t *v, struct eventlog_event *e, struct err *err)
{
    static const char *const released[] = {"{\"name\":", ",\"payload\":\"", "\",\"type\":134217729}"};
    static const char *const draft[] = {"{\"event\":", ",\"event_type\":134217729,\"payload\":\"", "\",\"version\":2}"};
    uint8_t digests[3][SHA384_SIZE];
    const bool clear = memchr(e->name.p, ':', e->name.len) == NULL;
    uint64_t version = 0;

    if (json_object_get(v, "version") != NULL && !json_get_u64(v, "version", 2, &version, err)) {
        return false;
    }
    digest_v1(e, digests[0]);
    if (!digest_v2(e, released, digests[1], err) || !digest_v2(e, draft, digests[2], err)) {
        return false;
    }
    if (!e->has_sha384) {
        log_digest_add(e, EVENTLOG_ALG_SHA384, SHA384_SIZE, digests[version == 2]);
    }
    e->coverage = EVENTLOG_NOT;
    for (size_t i = version == 2 || !clear ? 1 : 0; i < (version == 1 ? 1 : 3); i++) {
        if (memcmp(e->sha384, digests[i], SHA384_SIZE) == 0) {
            e->coverage = EVENTLOG_WHOLE;
        }
    }
    return true;
}

/* Digest: 96 digits, or none where it can be computed. */
static bool digest_get(const json_t *v, struct eventlog_event *e, struct err *err)
{
    uint8_t digest[SHA384_SIZE];
    const char *digits = "";

    if (json_object_get(v, "digest") != NULL && !json_get_str(v, "digest", &digits, err)) {
        return false;
    }
    if (digits[0] == '\0' && e->type == EVENTLOG_DSTACK_EVENT) {
        return true;
    }
    if (strlen(digits) != 2 * sizeof digest) {
        return FAIL(err, REASON_LOG_ALGORITHM, ERR_NOWHERE, "a digest of %zu digits", strlen(digits));
    }
    if (!hex_decode(bytes_of_str(digits), digest, sizeof digest, err)) {
        return false;
    }
    log_digest_add(e, EVENTLOG_ALG_SHA384, SHA384_SIZE, digest);
    return true;
}

static bool event_get(const json_t *v, struct buf *payload, struct eventlog_event *e, struct err *err)
{
    static const char *const names[] = {"imr",           "event_type", "digest",     "event",
                                        "event_payload", "version",    "hash_input", NULL};
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
    e->index = (uint32_t)imr + 1;
    e->type = (uint32_t)type;
    e->name = bytes_of(json_string_value(name), json_string_length(name));
    payload->len = 0;
    if (!hex_decode_all(bytes_of_str(digits), payload, err)) {
        return false;
    }
    e->data = payload->len > 0 ? buf_bytes(payload) : bytes_of("", 0);
    e->coverage = payload->len > 0 ? EVENTLOG_OF_DATA : EVENTLOG_UNKNOWN; /* the data may have been left out */
    return digest_get(v, e, err) && (e->type != EVENTLOG_DSTACK_EVENT || runtime_digest(v, e, err));
}

static bool dstack_next(struct eventlog *log, struct eventlog_event *e, bool *more, struct err *err)
{
    char prefix[32];

    *more = e->number < json_array_size(log->events);
    if (!*more || event_get(json_array_get(log->events, e->number), &log->payload, e, err)) {
        return true;
    }
    (void)snprintf(prefix, sizeof prefix, "event %zu", e->number);
    err_prefix(err, prefix);
    err->offset = ERR_NOWHERE; /* it would be one of a member's text */
    return false;
}

const struct eventlog_form log_dstack = {"dstack", true, dstack_is, dstack_open, dstack_next};
