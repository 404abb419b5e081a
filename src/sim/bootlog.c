#include "sim/bootlog.h"

#include "base/hex.h"
#include "crypto/hash.h"
#include "tdx/eventlog.h"

#define EV_SEPARATOR 0x00000004u
#define EV_EFI_ACTION 0x80000007u
#define TAG_SIMULATED 0x554D4953u /* "SIMU" in the order of the bytes */

/* Each of a type whose digest is over its whole data. Index 1..3 are RTMR0..2. */
static const struct event {
    uint32_t index, type;
    const char *text; /* NULL: the separator's four zero bytes; of EV_EVENT_TAG: what the id belongs to */
} events[] = {
    {1, EVENTLOG_EV_EVENT_TAG, "SIMULATED firmware"},
    {1, EV_SEPARATOR, NULL},
    {2, EV_EFI_ACTION, "Calling EFI Application from Boot Option"},
    {2, EVENTLOG_EV_EVENT_TAG, "SIMULATED boot loader"},
    {2, EV_SEPARATOR, NULL},
    {2, EV_EFI_ACTION, "Exit Boot Services Invocation"},
    {2, EV_EFI_ACTION, "Exit Boot Services Returned with Success"},
    {3, EVENTLOG_EV_EVENT_TAG, "SIMULATED kernel"},
};

static bool header_print(struct buf *out, struct err *err)
{
    static const char signature[16] = "Spec ID Event03";
    size_t size;
    struct buf spec = BUF(64);
    bool ok;

    /* platform class 0, version 2.0, errata 0, 8-byte integers, one algorithm, no vendor information */
    ok = buf_add(&spec, signature, sizeof signature, err) && buf_u32le(&spec, 0, err) && buf_u8(&spec, 0, err) &&
         buf_u8(&spec, 2, err) && buf_u8(&spec, 0, err) && buf_u8(&spec, 2, err) && buf_u32le(&spec, 1, err) &&
         buf_u16le(&spec, EVENTLOG_ALG_SHA384, err) && buf_u16le(&spec, SHA384_SIZE, err) && buf_u8(&spec, 0, err);
    size = spec.len;
    ok = ok && buf_u32le(out, 1, err) && buf_u32le(out, EVENTLOG_EV_NO_ACTION, err) && buf_zero(out, 20, err) &&
         buf_u32le(out, (uint32_t)size, err) && buf_add(out, spec.p, size, err);
    buf_done(&spec);
    return ok;
}

static bool data_print(const struct event *e, const char *id, struct buf *data, struct err *err)
{
    if (e->text == NULL) {
        return buf_zero(data, 4, err);
    }
    if (e->type != EVENTLOG_EV_EVENT_TAG) {
        return buf_str(data, e->text, err);
    }
    return buf_u32le(data, TAG_SIMULATED, err) && buf_u32le(data, (uint32_t)(strlen(e->text) + 1 + strlen(id)), err) &&
           buf_printf(data, err, "%s %s", e->text, id);
}

static bool event_print(const struct event *e, const char *id, struct buf *out, struct err *err)
{
    struct buf data = BUF(256);
    uint8_t digest[SHA384_SIZE];
    bool ok = data_print(e, id, &data, err);

    hash_bytes(HASH_SHA384, buf_bytes(&data), digest);
    ok = ok && buf_u32le(out, e->index, err) && buf_u32le(out, e->type, err) && buf_u32le(out, 1, err) &&
         buf_u16le(out, EVENTLOG_ALG_SHA384, err) && buf_add(out, digest, sizeof digest, err) &&
         buf_u32le(out, (uint32_t)data.len, err) && buf_add(out, data.p, data.len, err);
    buf_done(&data);
    return ok;
}

bool bootlog_print(const uint8_t id[BOOTLOG_ID_SIZE], struct buf *out, struct err *err)
{
    char digits[2 * BOOTLOG_ID_SIZE + 1];

    hex_encode(bytes_of(id, BOOTLOG_ID_SIZE), digits);
    if (!header_print(out, err)) {
        return false;
    }
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (!event_print(&events[i], digits, out, err)) {
            return false;
        }
    }
    return true;
}
