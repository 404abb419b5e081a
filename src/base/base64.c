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

/* One more than the value of each byte that is a digit; 0 of all others. */
#define LETTERS \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, \
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, \
    ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, \
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, \
    ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, \
    ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, \
    ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
static const uint8_t values[2][256] = {
    [BASE64_STANDARD] = {LETTERS, ['+'] = 63, ['/'] = 64}, [BASE64_URL] = {LETTERS, ['-'] = 63, ['_'] = 64}};

/* One group of 2 to 4 digits gives n - 1 bytes. */
static bool group_decode(const uint8_t *d, size_t n, size_t at, enum base64_form form, uint8_t *out, struct err *err)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++) {
        const uint32_t x = values[form][d[i]];

        if (x == 0) {
            return FAIL(err, REASON_BASE64_DIGIT, at + i, "byte 0x%02x is no base64 digit", d[i]);
        }
        v |= (x - 1) << (18 - 6 * i);
    }
    if ((n == 2 && (v & 0xffff) != 0) || (n == 3 && (v & 0xff) != 0)) {
        return FAIL(err, REASON_BASE64_DIGIT, at + n - 1, "unused bits of the last digit are set");
    }
    for (size_t i = 0; i + 1 < n; i++) {
        out[i] = (uint8_t)(v >> (16 - 8 * i));
    }
    return true;
}

bool base64_decode(struct bytes text, enum base64_form form, struct buf *out, struct err *err)
{
    const uint8_t *const v = values[form], *const d = text.p;
    size_t n = text.len, i = 0;
    uint8_t *to;

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
    if (!buf_room(out, n / 4 * 3 + (n % 4 == 0 ? 0 : n % 4 - 1), &to, err)) {
        return false;
    }
    for (; i + 4 <= n; i += 4, to += 3) { /* whole groups; where one is none, the loop below says why */
        const uint32_t a = v[d[i]], b = v[d[i + 1]], c = v[d[i + 2]], e = v[d[i + 3]];
        const uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (e - 1);

        if (a == 0 || b == 0 || c == 0 || e == 0) {
            break;
        }
        to[0] = (uint8_t)(group >> 16);
        to[1] = (uint8_t)(group >> 8);
        to[2] = (uint8_t)group;
    }
    for (; i < n; i += 4, to += 3) {
        if (!group_decode(text.p + i, n - i < 4 ? n - i : 4, i, form, to, err)) {
            return false;
        }
    }
    buf_grew(out, n / 4 * 3 + (n % 4 == 0 ? 0 : n % 4 - 1));
    return true;
}
