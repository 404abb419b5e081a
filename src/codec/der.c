#include "codec/der.h"

#include "base/civil.h"

bool der_is(const struct cursor *c, unsigned tag)
{
    return c->left > 0 && *c->next == tag;
}

/* Whose first byte is at c. */
static bool length_read(struct cursor *c, size_t *out, struct err *err)
{
    size_t at = c->offset, len = 0;
    uint8_t first, b;

    if (!cursor_u8(c, &first, err)) {
        return false;
    }
    if (first < 0x80) {
        *out = first;
        return true;
    }
    if (first > 0x84) {
        return FAIL(err, REASON_DER_LENGTH, at, "length byte 0x%02x", first);
    }
    for (int i = 0; i < (first & 0x7f); i++) {
        if (!cursor_u8(c, &b, err)) {
            return false;
        }
        len = len << 8 | b;
    }
    if (len < 0x80 || len >> (8 * ((first & 0x7f) - 1)) == 0) {
        return FAIL(err, REASON_DER_LENGTH, at, "%zu is not in its shortest form", len);
    }
    *out = len;
    return true;
}

bool der_next(struct cursor *c, struct der *out, struct err *err)
{
    struct cursor in = *c, content;
    uint8_t tag;
    size_t len;

    if (!cursor_u8(&in, &tag, err)) {
        return false;
    }
    if ((tag & 0x1f) == 0x1f) {
        return FAIL(err, REASON_DER_TAG, c->offset, "a tag of more than one byte");
    }
    if (!length_read(&in, &len, err) || !cursor_take(&in, len, &content, err)) {
        return false;
    }
    *out = (struct der){.tag = tag, .content = content, .whole = bytes_of(c->next, in.offset - c->offset)};
    *c = in;
    return true;
}

bool der_expect(struct cursor *c, unsigned tag, struct cursor *content, struct err *err)
{
    const struct cursor in = *c;
    struct der found;

    /* A length of one byte, and all there, as it nearly always is: a certificate is a hundred calls of this. */
    if (in.left >= 2 && in.next[0] == tag && in.next[1] < 0x80 && in.next[1] <= in.left - 2) {
        const size_t len = in.next[1];

        *c = (struct cursor){.next = in.next + 2 + len, .left = in.left - 2 - len, .offset = in.offset + 2 + len};
        *content = (struct cursor){.next = in.next + 2, .left = len, .offset = in.offset + 2};
        return true;
    }
    if (c->left > 0 && *c->next != tag) {
        return FAIL(err, REASON_DER_TAG, c->offset, "tag 0x%02x, not 0x%02x", *c->next, tag);
    }
    if (!der_next(c, &found, err)) {
        return false;
    }
    *content = found.content;
    return true;
}

/* X.690 8.3.2: no superfluous first byte; and not negative. */
static bool integer_check(const struct cursor *v, struct err *err)
{
    if (v->left == 0 || (v->left > 1 && v->next[0] == 0 && v->next[1] < 0x80) || v->next[0] >= 0x80) {
        return FAIL(err, REASON_DER_VALUE, v->offset, "an integer that is empty, negative or not in its shortest form");
    }
    return true;
}

bool der_positive(struct cursor *c, struct bytes *out, struct err *err)
{
    struct cursor v;

    if (!der_expect(c, DER_INTEGER, &v, err) || !integer_check(&v, err)) {
        return false;
    }
    *out = v.left > 1 && v.next[0] == 0 ? bytes_of(v.next + 1, v.left - 1) : cursor_rest(&v);
    return true;
}

bool der_uint(struct cursor *c, unsigned tag, uint64_t max, uint64_t *out, struct err *err)
{
    struct cursor v;
    uint64_t n = 0;

    if (!der_expect(c, tag, &v, err) || !integer_check(&v, err)) {
        return false;
    }
    for (size_t i = 0; i < v.left; i++) {
        if (n > UINT64_MAX >> 8) {
            return FAIL(err, REASON_DER_VALUE, v.offset, "an integer of %zu bytes", v.left);
        }
        n = n << 8 | v.next[i];
    }
    if (n > max) {
        return FAIL(err, REASON_DER_VALUE, v.offset, "%llu, at most %llu", (unsigned long long)n,
                    (unsigned long long)max);
    }
    *out = n;
    return true;
}

bool der_boolean(struct cursor *c, bool *out, struct err *err)
{
    struct cursor v;

    if (!der_expect(c, DER_BOOLEAN, &v, err)) {
        return false;
    }
    if (v.left != 1 || (v.next[0] != 0 && v.next[0] != 0xff)) {
        return FAIL(err, REASON_DER_VALUE, v.offset, "a boolean that is neither 00 nor FF");
    }
    *out = v.next[0] != 0;
    return true;
}

bool der_bits(struct cursor *c, struct bytes *out, struct err *err)
{
    struct cursor v;
    uint8_t unused;

    if (!der_expect(c, DER_BIT_STRING, &v, err) || !cursor_u8(&v, &unused, err)) {
        return false;
    }
    if (unused != 0) {
        return FAIL(err, REASON_DER_VALUE, v.offset - 1, "%u unused bits", unused);
    }
    *out = cursor_rest(&v);
    return true;
}

/* RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; seconds present; Z. */
bool der_time(struct cursor *c, int64_t *out, struct err *err)
{
    const bool utc = der_is(c, DER_UTC_TIME);
    char text[] = "....-..-..T..:..:..Z"; /* the points: its digits */
    struct cursor v;
    size_t digit = 0;
    int64_t t;

    if (!der_expect(c, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, &v, err)) {
        return false;
    }
    if (v.left != (utc ? 13 : 15) || v.next[v.left - 1] != 'Z' ||
        strspn((const char *)v.next, "0123456789") != v.left - 1) {
        return FAIL(err, REASON_DER_VALUE, v.offset, "a time that is not in RFC 5280's form");
    }
    if (utc) {
        memcpy(text, v.next[0] >= '5' ? "19" : "20", 2);
    }
    for (size_t i = utc ? 2 : 0; text[i] != '\0'; i++) {
        text[i] = text[i] == '.' ? (char)v.next[digit++] : text[i];
    }
    if (!civil_parse_iso8601(bytes_of(text, sizeof text - 1), &t, err)) {
        err->reason = REASON_DER_VALUE;
        err->offset = v.offset;
        return false;
    }
    if (!utc && memcmp(text, "2050", 4) < 0) {
        return FAIL(err, REASON_DER_VALUE, v.offset, "GeneralizedTime before 2050");
    }
    *out = t;
    return true;
}

bool der_ecdsa(struct bytes der, size_t half, uint8_t *rs, struct err *err)
{
    struct cursor c = cursor_init(der.p, der.len), pair;
    struct bytes part[2];

    if (!der_expect(&c, DER_SEQUENCE, &pair, err) || !cursor_end(&c, err) || !der_positive(&pair, &part[0], err) ||
        !der_positive(&pair, &part[1], err) || !cursor_end(&pair, err)) {
        return false;
    }
    if (part[0].len > half || part[1].len > half) {
        return FAIL(err, REASON_DER_VALUE, 0, "r or s of more than %zu bytes", half);
    }
    memset(rs, 0, 2 * half);
    memcpy(rs + half - part[0].len, part[0].p, part[0].len);
    memcpy(rs + 2 * half - part[1].len, part[1].p, part[1].len);
    return true;
}
