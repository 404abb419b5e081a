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

bool base64_decode(struct bytes text, enum base64_form form, struct buf *out, struct err *err)
{
    uint8_t values[256] = {0}; /* one more than that of each digit */
    const uint8_t *const d = text.p;
    size_t n = text.len, i = 0, size;
    uint8_t *to;

    for (uint8_t k = 0; k < 64; k++) {
        values[(uint8_t)alphabets[form][k]] = k + 1;
    }
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
    size = n / 4 * 3 + n % 4 * 3 / 4;
    if (!buf_room(out, size, &to, err)) {
        return false;
    }
    for (; i + 4 <= n; i += 4, to += 3) { /* whole groups; where one is none, the loop below says why */
        const uint32_t a = values[d[i]], b = values[d[i + 1]], c = values[d[i + 2]], e = values[d[i + 3]];
        const uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (e - 1);

        if (a == 0 || b == 0 || c == 0 || e == 0) {
            break;
        }
        to[0] = (uint8_t)(group >> 16);
        to[1] = (uint8_t)(group >> 8);
        to[2] = (uint8_t)group;
    }
    for (; i < n; i += 4) { /* groups of 2 to 4 digits, a byte less each */
        const size_t count = n - i < 4 ? n - i : 4;
        uint32_t v = 0;

        for (size_t k = 0; k < count; k++) {
            const uint8_t digit = d[i + k];

            if (values[digit] == 0) {
                return FAIL(err, REASON_BASE64_DIGIT, i + k, "byte 0x%02x is no base64 digit", digit);
            }
            v |= (uint32_t)(values[digit] - 1) << (18 - 6 * k);
        }
        if ((v << 8 * (count - 1) & 0xffffff) != 0) {
            return FAIL(err, REASON_BASE64_DIGIT, i + count - 1, "unused bits of the last digit are set");
        }
        for (size_t k = 0; k + 1 < count; k++) {
            *to++ = (uint8_t)(v >> (16 - 8 * k));
        }
    }
    buf_grew(out, size);
    return true;
}
