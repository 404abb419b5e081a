#include "base/hex.h"

static const char digits_of[] = "0123456789abcdef";

static void digits_put(struct bytes b, char *out)
{
    for (size_t i = 0; i < b.len; i++) {
        *out++ = digits_of[b.p[i] >> 4];
        *out++ = digits_of[b.p[i] & 15];
    }
}

void hex_encode(struct bytes b, char *out)
{
    digits_put(b, out);
    out[2 * b.len] = '\0';
}

bool hex_add(struct buf *out, struct bytes b, struct err *err)
{
    uint8_t *to;

    if (b.len > SIZE_MAX / 2 || !buf_room(out, 2 * b.len, &to, err)) {
        return b.len <= SIZE_MAX / 2 ? false : FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "%zu bytes as hex", b.len);
    }
    digits_put(b, (char *)to);
    buf_grew(out, 2 * b.len);
    return true;
}

static int digit_value(uint8_t c)
{
    const uint8_t lower = c | 0x20;

    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The digits are checked before the first byte is written, so that out stays untouched on failure. */
static bool digits_check(struct bytes d, struct err *err)
{
    for (size_t i = 0; i < d.len; i++) {
        if (digit_value(d.p[i]) < 0) {
            return FAIL(err, REASON_HEX_DIGIT, i, "byte 0x%02x is no hexadecimal digit", d.p[i]);
        }
    }
    return d.len % 2 == 0 || FAIL(err, REASON_HEX_LENGTH, d.len, "%zu digits, an odd number", d.len);
}

static void digits_convert(struct bytes d, uint8_t *out)
{
    for (size_t i = 0; i + 1 < d.len; i += 2) {
        *out++ = (uint8_t)(digit_value(d.p[i]) << 4 | digit_value(d.p[i + 1]));
    }
}

bool hex_decode(struct bytes d, void *out, size_t len, struct err *err)
{
    if (d.len / 2 != len) {
        return FAIL(err, REASON_HEX_LENGTH, d.len, "%zu digits, %zu bytes wanted", d.len, len);
    }
    if (!digits_check(d, err)) {
        return false;
    }
    digits_convert(d, out);
    return true;
}

bool hex_decode_all(struct bytes d, struct buf *out, struct err *err)
{
    uint8_t *to;

    if (!digits_check(d, err) || !buf_room(out, d.len / 2, &to, err)) {
        return false;
    }
    digits_convert(d, to);
    buf_grew(out, d.len / 2);
    return true;
}
