#include "evidence/event.h"

#include "base/cursor.h"
#include "base/limits.h"

#define REGISTER_RTMR3 4
#define EV_NO_ACTION 3
#define EV_EVENT_TAG 6
#define TAG_ID 0x4F545453 /* "STTO" in memory order */
#define ALG_SHA384 0x000C
#define HEADER_LEN (4 + 4 + 4 + 2 + SHA384_SIZE + 4)

/* What each kind holds, beside "kind" and "v". */
static const struct {
    const char *name;
    const char *members[5];
} kinds[] = {
    [EVENT_START] = {"start", {"kind", "v", "number", "boot_id", "numerics"}},
    [EVENT_PROGRAM] = {"program", {"kind", "v", "files"}},
    [EVENT_CONFIG] = {"config", {"kind", "v", "settings"}},
    [EVENT_WEB] = {"web", {"kind", "v", "sha384"}},
    [EVENT_POLICY] = {"policy", {"kind", "v", "sha384"}},
    [EVENT_MODEL] = {"model", {"kind", "v", "manifest"}},
    [EVENT_GPU] = {"gpu", {"kind", "v", "evidence_sha384", "verdict"}},
    [EVENT_READY] = {"ready", {"kind", "v"}},
    [EVENT_UNLOAD] = {"unload", {"kind", "v", "model_id"}},
    [EVENT_KEY_EPOCH] = {"key-epoch", {"kind", "v", "keyset_sha384"}},
};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

const char *event_kind_name(enum event_kind k)
{
    return kinds[k].name;
}

/* TCG_PCClientPCREvent with a TCG_EfiSpecIDEvent (TCG PC Client Platform Firmware Profile, section 10.4.5.1). */
bool event_log_begin(struct buf *log, struct err *err)
{
    static const char signature[16] = "Spec ID Event03";
    const uint32_t event_len = sizeof signature + 4 + 4 + 4 + 4 + 1;
    size_t len = log->len;

    if (buf_u32le(log, 0, err) && buf_u32le(log, EV_NO_ACTION, err) && buf_zero(log, 20, err) &&
        buf_u32le(log, event_len, err) && buf_add(log, signature, sizeof signature, err) && buf_u32le(log, 0, err) &&
        buf_u8(log, 0, err) && buf_u8(log, 2, err) && buf_u8(log, 105, err) && buf_u8(log, 2, err) &&
        buf_u32le(log, 1, err) && buf_u16le(log, ALG_SHA384, err) && buf_u16le(log, SHA384_SIZE, err) &&
        buf_u8(log, 0, err)) {
        return true;
    }
    log->len = len;
    return false;
}

bool event_log_begin_check(struct bytes log, struct err *err)
{
    /* index, platform class, errata, size of UINTN: where writers of logs differ */
    static const struct {
        size_t at;
        uint8_t max;
    } choices[] = {{0, 1}, {48, 1}, {54, UINT8_MAX}, {55, 2}};
    struct buf own = BUF(256);
    bool ok = event_log_begin(&own, err);

    ok = ok && (log.len >= own.len || FAIL(err, REASON_BYTES_SHORT, log.len, "the log ends within its first record"));
    for (size_t i = 0; ok && i < sizeof choices / sizeof *choices; i++) {
        if (log.p[choices[i].at] <= choices[i].max) {
            own.p[choices[i].at] = log.p[choices[i].at];
        }
    }
    ok = ok && (memcmp(own.p, log.p, own.len) == 0 ||
                FAIL(err, REASON_EVENT_FORM, 0, "the log does not begin with a Spec ID event for SHA-384 alone"));
    buf_done(&own);
    return ok;
}

bool event_add(struct buf *log, struct bytes content, uint8_t digest[SHA384_SIZE], struct err *err)
{
    struct buf event = BUF(LIMIT_LOG_EVENT);
    uint8_t d[SHA384_SIZE];
    size_t len = log->len;
    bool ok = false;

    if (content.len > LIMIT_LOG_EVENT - 8) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "an event of %zu bytes", content.len);
    }
    if (buf_u32le(&event, TAG_ID, err) && buf_u32le(&event, (uint32_t)content.len, err) &&
        buf_add(&event, content.p, content.len, err)) {
        hash_bytes(HASH_SHA384, buf_bytes(&event), d);
        ok = buf_u32le(log, REGISTER_RTMR3, err) && buf_u32le(log, EV_EVENT_TAG, err) && buf_u32le(log, 1, err) &&
             buf_u16le(log, ALG_SHA384, err) && buf_add(log, d, sizeof d, err) &&
             buf_u32le(log, (uint32_t)event.len, err) && buf_add(log, event.p, event.len, err);
    }
    if (ok) {
        memcpy(digest, d, sizeof d);
    } else {
        log->len = len;
    }
    buf_done(&event);
    return ok;
}

static bool members_check(const json_t *v, enum event_kind kind, size_t at, struct err *err)
{
    const char *const *names = kinds[kind].members;
    size_t count = 0;

    while (count < 5 && names[count] != NULL) {
        if (json_object_get(v, names[count]) == NULL) {
            return FAIL(err, REASON_EVENT_FORM, at, "%s: no member \"%s\"", kinds[kind].name, names[count]);
        }
        count++;
    }
    return json_object_size(v) == count ||
           FAIL(err, REASON_EVENT_FORM, at, "%s: more members than its %zu", kinds[kind].name, count);
}

static bool kind_find(const json_t *v, size_t at, enum event_kind *out, struct err *err)
{
    struct err e = {0};
    const char *name;
    uint64_t version;

    if (!json_is_object(v) || !json_get_str(v, "kind", &name, &e) || !json_get_u64(v, "v", 1, &version, &e) ||
        version != 1) {
        return FAIL(err, REASON_EVENT_FORM, at, "no object with a kind and \"v\":1");
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out = (enum event_kind)i;
            return true;
        }
    }
    return FAIL(err, REASON_EVENT_KIND, at, "kind \"%.60s\"", name);
}

bool event_parse(struct bytes event, enum event_kind *kind, json_t **out, struct bytes *content, struct err *err)
{
    struct cursor c = cursor_init(event.p, event.len), text;
    uint32_t tag, len;
    enum event_kind k;
    json_t *v = NULL;

    if (!cursor_u32le(&c, &tag, err) || !cursor_u32le(&c, &len, err)) {
        return false;
    }
    if (tag != TAG_ID) {
        return FAIL(err, REASON_EVENT_FORM, 0, "tag id 0x%08x is not ours", tag);
    }
    if (!cursor_take(&c, len, &text, err) || !cursor_end(&c, err)) {
        return false;
    }
    if (!json_parse_canonical(cursor_rest(&text), &v, err)) {
        err->offset = text.offset;
        return false;
    }
    if (!kind_find(v, text.offset, &k, err) || !members_check(v, k, text.offset, err)) {
        json_decref(v);
        return false;
    }
    *kind = k;
    *out = v;
    *content = cursor_rest(&text);
    return true;
}
