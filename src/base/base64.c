#include "base/base64.h"

static const char alphabets[2][65] = {
    [BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

bool base64_add(struct buf *out, enum base64_form form, struct bytes b, struct err *err)
{
    const char *a = alphabets[form];
    size_t len = out->len;

    for (size_t i = 0; i < b.len; i += 3) {
        size_t n = b.len - i < 3 ? b.len - i : 3;
        uint32_t v = (uint32_t)b.p[i] << 16 | (n > 1 ? (uint32_t)b.p[i + 1] << 8 : 0) | (n > 2 ? b.p[i + 2] : 0);
        char c[4] = {a[v >> 18], a[v >> 12 & 63], n > 1 ? a[v >> 6 & 63] : '=', n > 2 ? a[v & 63] : '='};

        if (!buf_add(out, c, form == BASE64_URL ? n + 1 : 4, err)) {
            out->len = len;
            return false;
        }
    }
    return true;
}

static int digit_value(uint8_t c, enum base64_form form)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == (form == BASE64_URL ? '-' : '+')) {
        return 62;
    }
    return c == (form == BASE64_URL ? '_' : '/') ? 63 : -1;
}

/* One group of 2 to 4 digits gives n - 1 bytes. */
static bool group_decode(const uint8_t *d, size_t n, size_t at, enum base64_form form, struct buf *out, struct err *err)
{
    uint8_t bytes[3];
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++) {
        int x = digit_value(d[i], form);

        if (x < 0) {
            return FAIL(err, REASON_BASE64_DIGIT, at + i, "byte 0x%02x is no base64 digit", d[i]);
        }
        v |= (uint32_t)x << (18 - 6 * i);
    }
    if ((n == 2 && (v & 0xffff) != 0) || (n == 3 && (v & 0xff) != 0)) {
        return FAIL(err, REASON_BASE64_DIGIT, at + n - 1, "unused bits of the last digit are set");
    }
    bytes[0] = (uint8_t)(v >> 16);
    bytes[1] = (uint8_t)(v >> 8);
    bytes[2] = (uint8_t)v;
    return buf_add(out, bytes, n - 1, err);
}

bool base64_decode(struct bytes text, enum base64_form form, struct buf *out, struct err *err)
{
    size_t len = out->len;
    size_t n = text.len;

    if (form == BASE64_STANDARD) {
        if (n % 4 != 0) {
            return FAIL(err, REASON_BASE64_LENGTH, n, "%zu digits, not a multiple of 4", n);
        }
        n -= n != 0 && text.p[n - 1] == '=';
        n -= n != 0 && n != text.len && text.p[n - 1] == '=';
    }
    if (n % 4 == 1) {
        return FAIL(err, REASON_BASE64_LENGTH, n, "%zu digits cannot end a text", n);
    }
    for (size_t i = 0; i < n; i += 4) {
        if (!group_decode(text.p + i, n - i < 4 ? n - i : 4, i, form, out, err)) {
            out->len = len;
            return false;
        }
    }
    return true;
}
