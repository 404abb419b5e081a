#include "codec/json_scan.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json_tree.h"

void json_scan_init(struct json_scan *s, struct bytes text)
{
    *s = (struct json_scan){.text = text};
}

static void space_skip(struct json_scan *s)
{
    const struct bytes t = s->text;

    while (s->at < t.len && t.p[s->at] <= ' ' &&
           (t.p[s->at] == ' ' || t.p[s->at] == '\n' || t.p[s->at] == '\r' || t.p[s->at] == '\t')) {
        s->at++;
    }
}

/* The byte at hand, or 0 at the end: 0 is nowhere allowed. */
static uint8_t peek(const struct json_scan *s)
{
    return s->at < s->text.len ? s->text.p[s->at] : 0;
}

/* ---- strings ---- */

/* The code unit of the "\uXXXX" at i, or -1. */
static int32_t unit_get(struct bytes s, size_t i)
{
    struct err ignored;
    uint8_t b[2];
    const bool ok = s.len >= 6 && i <= s.len - 6 && s.p[i] == '\\' && s.p[i + 1] == 'u' &&
                    hex_decode(bytes_of(s.p + i + 2, 4), b, 2, &ignored);

    return ok ? b[0] << 8 | b[1] : -1;
}

/* The character of the escape whose backslash is at *i, and *i behind it; -1: it is none that may be. */
static int32_t escape_get(struct bytes s, size_t *i)
{
    static const char letters[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
    const uint8_t letter = *i + 1 < s.len ? s.p[*i + 1] : 0;
    const char *known = letter != 0 ? strchr(letters, letter) : NULL;
    int32_t unit, low;

    if (known != NULL) {
        *i += 2;
        return characters[known - letters];
    }
    unit = unit_get(s, *i);
    *i += 6;
    if (unit < 0xd800 || unit > 0xdfff) {
        return unit != 0 ? unit : -1;
    }
    low = unit_get(s, *i);
    *i += 6;
    return unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : -1;
}

static size_t utf8_put(uint32_t c, char *out)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t k = n - 1; k > 0; k--) {
        out[k] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[n] | c);
    return n;
}

size_t json_unescape(struct bytes text, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len;) {
        if (text.p[i] == '\\') {
            n += utf8_put((uint32_t)escape_get(text, &i), out + n);
        } else {
            out[n++] = (char)text.p[i++];
        }
    }
    return n;
}

/* A character of one byte that stands for itself. */
static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Whether eight bytes are such; may say no where it is so. */
static bool are_plain(const uint8_t *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t v;

    memcpy(&v, p, sizeof v);
    /* Without a high bit in v, a difference has one in a byte that was too small for it, or stands behind such a one.
     */
    return ((v | (v - 0x20 * ones) | ((v ^ '"' * ones) - ones) | ((v ^ '\\' * ones) - ones)) & high) == 0;
}

/* The string whose quote is at hand. */
static bool string_get(struct json_scan *s, struct json_token *t, struct err *err)
{
    const struct bytes in = s->text;
    const size_t begin = s->at + 1;
    size_t i = begin;

    t->type = JSON_STRING;
    t->escaped = false;
    for (;;) {
        while (in.len - i >= 8 && are_plain(in.p + i)) {
            i += 8;
        }
        while (i < in.len && is_plain(in.p[i])) {
            i++;
        }
        if (i == in.len) {
            return FAIL(err, REASON_JSON_FORM, i, "the text ends within a string");
        }
        if (in.p[i] == '"') {
            break;
        }
        if (in.p[i] == '\\') {
            const size_t at = i;

            t->escaped = true;
            if (escape_get(in, &i) < 0) {
                return FAIL(err, REASON_JSON_FORM, at, "no such escape");
            }
        } else if (in.p[i] < 0x20) {
            return FAIL(err, REASON_JSON_FORM, i, "a control character in a string");
        } else {
            const size_t n = utf8_length(in, i);

            if (n == 0) {
                return FAIL(err, REASON_JSON_FORM, i, "bytes that are not UTF-8");
            }
            i += n;
        }
    }
    t->text = bytes_of(in.p + begin, i - begin);
    s->at = i + 1;
    return true;
}

/* ---- numbers and words ---- */

/* One digit at least. */
static bool digits_skip(struct json_scan *s, const char *what, struct err *err)
{
    const size_t begin = s->at;

    while (peek(s) >= '0' && peek(s) <= '9') {
        s->at++;
    }
    return s->at > begin || FAIL(err, REASON_JSON_FORM, s->at, "no %s", what);
}

static bool integer_get(struct bytes digits, int64_t *out)
{
    const bool negative = digits.p[0] == '-';
    int64_t n = 0;

    for (size_t i = negative; i < digits.len; i++) {
        const int digit = digits.p[i] - '0';

        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, negative ? -digit : digit, &n)) {
            return false;
        }
    }
    *out = n;
    return true;
}

/* 2^1024 - 2^970, DBL_MAX and half a unit of its last place: what rounds to infinity is at least this. */
static const char overflow[] =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286"
    "416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571"
    "366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";

/* At least `overflow`, by its decimal digits: no floating point, hence no locale and no rounding. */
static bool real_overflows(struct bytes s)
{
    char digits[sizeof overflow]; /* from the first one that is not 0; beyond so many they do not matter */
    size_t count = 0, i;
    int64_t point = 0; /* so many of them stand before the point */
    int64_t exponent = 0;
    bool behind = false, negative;

    memset(digits, '0', sizeof digits);
    for (i = s.p[0] == '-'; i < s.len && (s.p[i] | 0x20) != 'e'; i++) {
        if (s.p[i] == '.') {
            behind = true;
        } else if (count == 0 && s.p[i] == '0') {
            point -= behind;
        } else {
            point += !behind;
            digits[count < sizeof digits - 1 ? count : sizeof digits - 1] = (char)s.p[i];
            count++;
        }
    }
    negative = i + 1 < s.len && s.p[i + 1] == '-';
    for (i++; i < s.len; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9' && exponent < INT64_C(1000000000000)) {
            exponent = 10 * exponent + (s.p[i] - '0');
        }
    }
    point += negative ? -exponent : exponent;
    return count > 0 && (point > 309 || (point == 309 && memcmp(digits, overflow, sizeof overflow - 1) >= 0));
}

static bool number_get(struct json_scan *s, struct json_token *t, struct err *err)
{
    const size_t at = s->at;

    t->type = JSON_INTEGER;
    s->at += peek(s) == '-';
    if (peek(s) == '0') {
        s->at++; /* and no digit behind it: whatever follows cannot be one */
    } else if (!digits_skip(s, s->at == at ? "value" : "digit", err)) {
        return false;
    }
    if (peek(s) == '.') {
        t->type = JSON_REAL;
        s->at++;
        if (!digits_skip(s, "digit behind the point", err)) {
            return false;
        }
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        t->type = JSON_REAL;
        s->at++;
        s->at += peek(s) == '+' || peek(s) == '-';
        if (!digits_skip(s, "digit in the exponent", err)) {
            return false;
        }
    }
    t->text = bytes_of(s->text.p + at, s->at - at);
    if (t->type == JSON_INTEGER) {
        return integer_get(t->text, &t->integer) || FAIL(err, REASON_JSON_FORM, at, "an integer of more than 64 bits");
    }
    return !real_overflows(t->text) || FAIL(err, REASON_JSON_FORM, at, "a number beyond double's range");
}

static bool word_get(struct json_scan *s, struct json_token *t)
{
    for (size_t i = 0; i < sizeof json_words / sizeof *json_words; i++) {
        const size_t n = strlen(json_words[i]);

        if (s->text.len - s->at >= n && memcmp(s->text.p + s->at, json_words[i], n) == 0) {
            t->type = JSON_TRUE + (json_type)i;
            s->at += n;
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static bool container_open(struct json_scan *s, json_type type, struct json_token *t, struct err *err)
{
    if (s->depth == LIMIT_JSON_DEPTH) {
        return FAIL(err, REASON_JSON_DEPTH, s->at, "more than %d levels", LIMIT_JSON_DEPTH);
    }
    t->type = type;
    s->depth++;
    s->at++;
    s->first = true;
    return true;
}

bool json_scan_value(struct json_scan *s, struct json_token *t, struct err *err)
{
    space_skip(s);
    t->at = s->at;
    if (++s->values > LIMIT_JSON_VALUES) {
        return FAIL(err, REASON_ARENA_FULL, s->at, "more than %d values", LIMIT_JSON_VALUES);
    }
    switch (peek(s)) {
    case '{':
        return container_open(s, JSON_OBJECT, t, err);
    case '[':
        return container_open(s, JSON_ARRAY, t, err);
    case '"':
        return string_get(s, t, err);
    case 't':
    case 'f':
    case 'n':
        return word_get(s, t) || FAIL(err, REASON_JSON_FORM, s->at, "no value");
    default:
        return number_get(s, t, err);
    }
}

bool json_scan_next(struct json_scan *s, bool object, bool *more, struct err *err)
{
    space_skip(s);
    *more = peek(s) != (object ? '}' : ']');
    if (!*more) {
        s->first = false;
        s->depth--;
        s->at++;
        return true;
    }
    if (s->first) {
        s->first = false;
        return true;
    }
    if (peek(s) != ',') {
        return FAIL(err, REASON_JSON_FORM, s->at, "neither a comma nor the end");
    }
    s->at++;
    return true;
}

bool json_scan_name(struct json_scan *s, struct json_token *t, struct err *err)
{
    space_skip(s);
    t->at = s->at;
    if (peek(s) != '"') {
        return FAIL(err, REASON_JSON_FORM, s->at, "no member's name");
    }
    if (!string_get(s, t, err)) {
        return false;
    }
    space_skip(s);
    if (peek(s) != ':') {
        return FAIL(err, REASON_JSON_FORM, s->at, "no colon");
    }
    s->at++;
    return true;
}

bool json_scan_end(struct json_scan *s, struct err *err)
{
    space_skip(s);
    return s->at == s->text.len || FAIL(err, REASON_JSON_FORM, s->at, "something behind the value");
}

bool json_scan_again(struct json_scan *s, const struct json_token *t, struct bytes before)
{
    if (before.len == 0 || s->text.len - t->at < before.len || memcmp(s->text.p + t->at, before.p, before.len) != 0) {
        return false;
    }
    s->at = t->at + before.len;
    s->depth--;
    s->first = false;
    return true;
}
