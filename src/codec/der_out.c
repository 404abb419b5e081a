#include "codec/der_out.h"

#include "base/civil.h"

/* The length's bytes in their shortest form; how many. */
static size_t length_form(size_t len, uint8_t out[1 + sizeof(size_t)])
{
    size_t n = 0;

    if (len < 0x80) {
        out[0] = (uint8_t)len;
        return 1;
    }
    while (n < sizeof len && len >> (8 * n) != 0) {
        n++;
    }
    out[0] = (uint8_t)(0x80 | n);
    for (size_t i = 0; i < n; i++) {
        out[1 + i] = (uint8_t)(len >> (8 * (n - 1 - i)));
    }
    return 1 + n;
}

bool der_out_begin(struct buf *b, unsigned tag, size_t *mark, struct err *err)
{
    if (!buf_u8(b, (uint8_t)tag, err)) {
        return false;
    }
    *mark = b->len;
    return true;
}

bool der_out_end(struct buf *b, size_t mark, struct err *err)
{
    uint8_t form[1 + sizeof(size_t)];
    size_t content = b->len - mark;
    size_t n = length_form(content, form);

    if (!buf_zero(b, n, err)) {
        return false;
    }
    memmove(b->p + mark + n, b->p + mark, content);
    memcpy(b->p + mark, form, n);
    return true;
}

bool der_out_element(struct buf *b, unsigned tag, struct bytes content, struct err *err)
{
    uint8_t form[1 + sizeof(size_t)];
    size_t n = length_form(content.len, form);

    return buf_u8(b, (uint8_t)tag, err) && buf_add(b, form, n, err) && buf_add(b, content.p, content.len, err);
}

bool der_out_text(struct buf *b, unsigned tag, const char *text, struct err *err)
{
    return der_out_element(b, tag, bytes_of_str(text), err);
}

bool der_out_boolean(struct buf *b, bool v, struct err *err)
{
    const uint8_t content = v ? 0xff : 0x00;

    return der_out_element(b, DER_BOOLEAN, bytes_of(&content, 1), err);
}

static bool magnitude_out(struct buf *b, unsigned tag, struct bytes m, struct err *err)
{
    size_t mark;

    while (m.len > 1 && m.p[0] == 0) {
        m = bytes_of(m.p + 1, m.len - 1);
    }
    return der_out_begin(b, tag, &mark, err) && (m.len > 0 && m.p[0] < 0x80 ? true : buf_u8(b, 0, err)) &&
           buf_add(b, m.p, m.len, err) && der_out_end(b, mark, err);
}

bool der_out_uint(struct buf *b, unsigned tag, uint64_t v, struct err *err)
{
    uint8_t be[8];

    for (size_t i = 0; i < sizeof be; i++) {
        be[i] = (uint8_t)(v >> (8 * (sizeof be - 1 - i)));
    }
    return magnitude_out(b, tag, bytes_of(be, sizeof be), err);
}

bool der_out_positive(struct buf *b, struct bytes magnitude, struct err *err)
{
    return magnitude_out(b, DER_INTEGER, magnitude, err);
}

bool der_out_bits(struct buf *b, struct bytes bits, unsigned unused, struct err *err)
{
    size_t mark;

    return der_out_begin(b, DER_BIT_STRING, &mark, err) && buf_u8(b, (uint8_t)unused, err) &&
           buf_add(b, bits.p, bits.len, err) && der_out_end(b, mark, err);
}

bool der_out_time(struct buf *b, int64_t unix_time, struct err *err)
{
    struct civil t;
    bool utc;
    size_t mark;

    civil_from_unix(unix_time, &t);
    utc = t.year >= 1950 && t.year < 2050;
    return der_out_begin(b, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, &mark, err) &&
           (utc ? buf_printf(b, err, "%02d", t.year % 100) : buf_printf(b, err, "%04d", t.year)) &&
           buf_printf(b, err, "%02d%02d%02d%02d%02dZ", t.month, t.day, t.hour, t.minute, t.second) &&
           der_out_end(b, mark, err);
}

bool der_out_ecdsa(struct buf *b, struct bytes rs, struct err *err)
{
    size_t half = rs.len / 2, mark;

    return der_out_begin(b, DER_SEQUENCE, &mark, err) && der_out_positive(b, bytes_of(rs.p, half), err) &&
           der_out_positive(b, bytes_of(rs.p + half, half), err) && der_out_end(b, mark, err);
}
