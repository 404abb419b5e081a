#include "device/td_frame.h"

#include "base/cursor.h"

#define VERSION 1

bool td_frame_print(unsigned kind, struct bytes payload, struct buf *out, struct err *err)
{
    return buf_u16le(out, VERSION, err) && buf_u16le(out, (uint16_t)kind, err) &&
           buf_u32le(out, (uint32_t)payload.len, err) && buf_add(out, payload.p, payload.len, err);
}

bool td_frame_parse(const uint8_t in[TD_FRAME_HEADER_SIZE], size_t max, struct td_frame_header *out, struct err *err)
{
    struct cursor c = cursor_init(in, TD_FRAME_HEADER_SIZE);
    uint16_t version, kind;
    uint32_t len;

    if (!cursor_u16le(&c, &version, err) || !cursor_u16le(&c, &kind, err) || !cursor_u32le(&c, &len, err)) {
        return false;
    }
    if (version != VERSION) {
        return FAIL(err, REASON_SIM_FORM, 0, "version %u, not %d", version, VERSION);
    }
    if (len > max) {
        return FAIL(err, REASON_SIM_FORM, 4, "a payload of %u bytes, at most %zu", len, max);
    }
    *out = (struct td_frame_header){.kind = kind, .len = len};
    return cursor_end(&c, err);
}
