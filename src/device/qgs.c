#include "device/qgs.h"

#include "base/cursor.h"

#define MAJOR 1
#define REPORT_SIZE 1024

enum type {
    GET_QUOTE_REQUEST = 0,
    GET_QUOTE_RESPONSE = 1,
};

struct header {
    uint16_t major, minor;
    uint32_t type, size, error;
};

static bool header_print(uint32_t type, size_t body, uint32_t error, struct buf *out, struct err *err)
{
    size_t size = QGS_HEADER_SIZE + body;

    return buf_u32be(out, (uint32_t)size, err) && buf_u16le(out, MAJOR, err) && buf_u16le(out, 0, err) &&
           buf_u32le(out, type, err) && buf_u32le(out, (uint32_t)size, err) && buf_u32le(out, error, err);
}

/* The header, which must be of this type and speak of this many bytes; a newer minor version may be read as an older
 * one. */
static bool header_parse(struct cursor *c, uint32_t type, size_t size, enum reason why, struct header *out,
                         struct err *err)
{
    struct header h;

    if (!cursor_u16le(c, &h.major, err) || !cursor_u16le(c, &h.minor, err) || !cursor_u32le(c, &h.type, err) ||
        !cursor_u32le(c, &h.size, err) || !cursor_u32le(c, &h.error, err)) {
        err->reason = why;
        return false;
    }
    if (h.major != MAJOR) {
        return FAIL(err, why, 0, "message version %u, not %d", h.major, MAJOR);
    }
    if (h.type != type) {
        return FAIL(err, why, 4, "message type %u, not %u", h.type, type);
    }
    if (h.size != size) {
        return FAIL(err, why, 8, "the message says %u bytes, but has %zu", h.size, size);
    }
    *out = h;
    return true;
}

bool qgs_request_print(struct bytes report, struct buf *out, struct err *err)
{
    return header_print(GET_QUOTE_REQUEST, 8 + report.len, QGS_SUCCESS, out, err) &&
           buf_u32le(out, (uint32_t)report.len, err) && buf_u32le(out, 0, err) &&
           buf_add(out, report.p, report.len, err);
}

/* Two sizes, and that they are exactly what is left. */
static bool sizes_parse(struct cursor *c, enum reason why, uint32_t *first, uint32_t *second, struct err *err)
{
    if (!cursor_u32le(c, first, err) || !cursor_u32le(c, second, err)) {
        err->reason = why;
        return false;
    }
    if ((uint64_t)*first + *second != c->left) {
        return FAIL(err, why, QGS_HEADER_SIZE, "%u and %u bytes are announced, %zu are there", *first, *second,
                    c->left);
    }
    return true;
}

bool qgs_request_parse(struct bytes message, struct bytes *report, struct err *err)
{
    struct cursor c = cursor_init(message.p, message.len), part;
    struct header h;
    uint32_t report_size, ids_size;

    if (!header_parse(&c, GET_QUOTE_REQUEST, message.len, REASON_SIM_FORM, &h, err) ||
        !sizes_parse(&c, REASON_SIM_FORM, &report_size, &ids_size, err)) {
        return false;
    }
    if (report_size != REPORT_SIZE) {
        return FAIL(err, REASON_SIM_FORM, QGS_HEADER_SIZE, "a report of %u bytes, not %d", report_size, REPORT_SIZE);
    }
    if (!cursor_take(&c, report_size, &part, err) || !cursor_skip(&c, ids_size, err) || !cursor_end(&c, err)) {
        return false;
    }
    *report = cursor_rest(&part);
    return true;
}

bool qgs_response_print(uint32_t error, struct bytes id, struct bytes quote, struct buf *out, struct err *err)
{
    return header_print(GET_QUOTE_RESPONSE, 8 + id.len + quote.len, error, out, err) &&
           buf_u32le(out, (uint32_t)id.len, err) && buf_u32le(out, (uint32_t)quote.len, err) &&
           buf_add(out, id.p, id.len, err) && buf_add(out, quote.p, quote.len, err);
}

bool qgs_response_parse(struct bytes message, struct bytes *quote, struct err *err)
{
    struct cursor c = cursor_init(message.p, message.len);
    struct header h;
    uint32_t id_size, quote_size;

    if (!header_parse(&c, GET_QUOTE_RESPONSE, message.len, REASON_DEVICE_EVIDENCE, &h, err)) {
        return false;
    }
    if (h.error != QGS_SUCCESS) {
        return FAIL(err, REASON_DEVICE_FAILED, 12, "the quoting service says error 0x%x", h.error);
    }
    if (!sizes_parse(&c, REASON_DEVICE_EVIDENCE, &id_size, &quote_size, err)) {
        return false;
    }
    if (quote_size == 0) {
        return FAIL(err, REASON_QUOTE_EMPTY, QGS_HEADER_SIZE + 4, "a quote of 0 bytes");
    }
    if (!cursor_skip(&c, id_size, err)) {
        return false;
    }
    *quote = cursor_rest(&c);
    return true;
}
