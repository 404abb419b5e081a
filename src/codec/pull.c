#include "codec/pull.h"

#include "base/limits.h"
#include "codec/utf8.h"

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind "[" */
    EXPECT_NAME_OR_END,  /* behind "{" */
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING,
};

_Static_assert(LIMIT_JSON_DEPTH <= 64, "struct pull has a bit for each level");

void pull_init(struct pull *p, struct bytes text)
{
    *p = (struct pull){.text = text, .values = 1, .expect = EXPECT_VALUE};
}

static void space_skip(struct pull *p)
{
    while (p->at < p->text.len && (p->text.p[p->at] == ' ' || p->text.p[p->at] == '\n' || p->text.p[p->at] == '\r' ||
                                   p->text.p[p->at] == '\t')) {
        p->at++;
    }
}

/* The byte at hand, or 0 at the end: 0 is nowhere allowed. */
static uint8_t peek(const struct pull *p)
{
    return p->at < p->text.len ? p->text.p[p->at] : 0;
}

static bool value_count(struct pull *p, struct err *err)
{
    return ++p->values <= LIMIT_JSON_VALUES ||
           FAIL(err, REASON_ARENA_FULL, p->at, "more than %d values", LIMIT_JSON_VALUES);
}

/* ---- strings ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* The code unit of the four digits at i, or -1. */
static int32_t unit_get(struct bytes s, size_t i)
{
    int32_t unit = 0;

    if (s.len < 4 || i > s.len - 4) {
        return -1;
    }
    for (size_t k = 0; k < 4; k++) {
        const int digit = hex_digit(s.p[i + k]);

        if (digit < 0) {
            return -1;
        }
        unit = 16 * unit + digit;
    }
    return unit;
}

/* The character of the escape whose backslash is at *i, and *i behind it; -1: it is none that may be. */
static int32_t escape_get(struct bytes s, size_t *i)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char characters[] = "\"\\/\b\f\n\r\t";
    const uint8_t letter = *i + 1 < s.len ? s.p[*i + 1] : 0;
    int32_t high, low;

    for (size_t k = 0; letters[k] != '\0'; k++) {
        if (letter == (uint8_t)letters[k]) {
            *i += 2;
            return characters[k];
        }
    }
    high = letter == 'u' ? unit_get(s, *i + 2) : -1;
    if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff)) {
        return -1;
    }
    *i += 6;
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    low = *i + 1 < s.len && s.p[*i] == '\\' && s.p[*i + 1] == 'u' ? unit_get(s, *i + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        return -1;
    }
    *i += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static bool string_get(struct pull *p, enum pull_kind kind, struct pull_token *t, struct err *err)
{
    const struct bytes s = p->text;
    const size_t begin = p->at + 1;
    size_t i = begin;

    t->kind = kind;
    t->escaped = false;
    while (i < s.len && s.p[i] != '"') {
        if (s.p[i] == '\\') {
            const size_t at = i;

            t->escaped = true;
            if (escape_get(s, &i) < 0) {
                return FAIL(err, REASON_JSON_FORM, at, "no such escape");
            }
        } else if (s.p[i] < 0x80) {
            if (s.p[i] < 0x20) {
                return FAIL(err, REASON_JSON_FORM, i, "a control character in a string");
            }
            i++;
        } else {
            const size_t n = utf8_length(s, i);

            if (n == 0) {
                return FAIL(err, REASON_JSON_FORM, i, "bytes that are not UTF-8");
            }
            i += n;
        }
    }
    if (i == s.len) {
        return FAIL(err, REASON_JSON_FORM, i, "the text ends within a string");
    }
    t->text = bytes_of(s.p + begin, i - begin);
    p->at = i + 1;
    return true;
}

static size_t utf8_put(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

size_t pull_unescape(struct bytes text, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len;) {
        if (text.p[i] != '\\') {
            out[n++] = (char)text.p[i++];
        } else {
            n += utf8_put((uint32_t)escape_get(text, &i), (uint8_t *)out + n);
        }
    }
    return n;
}

/* ---- numbers ---- */

/* One digit at least. */
static bool digits_skip(struct pull *p)
{
    const size_t begin = p->at;

    while (peek(p) >= '0' && peek(p) <= '9') {
        p->at++;
    }
    return p->at > begin;
}

static bool integer_get(struct pull_token *t, struct err *err)
{
    const bool negative = t->text.p[0] == '-';
    const uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t n = 0;

    for (size_t i = negative; i < t->text.len; i++) {
        const unsigned digit = t->text.p[i] - (unsigned)'0';

        if (n > (limit - digit) / 10) {
            return FAIL(err, REASON_JSON_FORM, t->at, "an integer of more than 64 bits");
        }
        n = 10 * n + digit;
    }
    t->integer = negative ? (int64_t)(~n + 1) : (int64_t)n;
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
    size_t i = 0, seen = 0; /* digits from the first one that is not 0 */
    int64_t point = 0;      /* so many of them stand before the point */
    int64_t exponent = 0;
    bool behind = false, sign;
    int order = 0;

    for (i = s.p[0] == '-'; i < s.len && (s.p[i] | 0x20) != 'e'; i++) {
        if (s.p[i] == '.') {
            behind = true;
            continue;
        }
        if (seen == 0 && s.p[i] == '0') {
            point -= behind;
            continue;
        }
        point += !behind;
        if (order == 0) {
            const char want = seen < sizeof overflow - 1 ? overflow[seen] : '0';

            order = (s.p[i] > (uint8_t)want) - (s.p[i] < (uint8_t)want);
        }
        seen++;
    }
    if (seen == 0) {
        return false;
    }
    for (; order == 0 && seen < sizeof overflow - 1; seen++) {
        order = overflow[seen] > '0' ? -1 : 0;
    }
    sign = i + 1 < s.len && s.p[i + 1] == '-';
    for (i++; i < s.len; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9' && exponent < INT64_C(1000000000000)) {
            exponent = 10 * exponent + (s.p[i] - '0');
        }
    }
    point += sign ? -exponent : exponent;
    return point > 309 || (point == 309 && order >= 0);
}

static bool number_get(struct pull *p, struct pull_token *t, struct err *err)
{
    bool real = false;

    p->at += peek(p) == '-';
    if (peek(p) == '0') {
        p->at++; /* and no digit behind it: whatever follows cannot be one */
    } else if (!digits_skip(p)) {
        return FAIL(err, REASON_JSON_FORM, p->at, "no digit");
    }
    if (peek(p) == '.') {
        real = true;
        p->at++;
        if (!digits_skip(p)) {
            return FAIL(err, REASON_JSON_FORM, p->at, "no digit behind the point");
        }
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        real = true;
        p->at++;
        p->at += peek(p) == '+' || peek(p) == '-';
        if (!digits_skip(p)) {
            return FAIL(err, REASON_JSON_FORM, p->at, "no digit in the exponent");
        }
    }
    t->text = bytes_of(p->text.p + t->at, p->at - t->at);
    t->kind = real ? PULL_REAL : PULL_INTEGER;
    if (!real) {
        return integer_get(t, err);
    }
    return !real_overflows(t->text) || FAIL(err, REASON_JSON_FORM, t->at, "a number beyond double's range");
}

/* ---- tokens ---- */

static bool word_get(struct pull *p, const char *word, enum pull_kind kind, struct pull_token *t, struct err *err)
{
    const size_t n = strlen(word);

    if (p->text.len - p->at < n || memcmp(p->text.p + p->at, word, n) != 0) {
        return FAIL(err, REASON_JSON_FORM, p->at, "no value");
    }
    t->kind = kind;
    t->text = bytes_of(p->text.p + p->at, n);
    p->at += n;
    return true;
}

static void value_behind(struct pull *p)
{
    p->expect = p->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static bool container_open(struct pull *p, bool object, struct pull_token *t, struct err *err)
{
    if (p->depth == LIMIT_JSON_DEPTH) {
        return FAIL(err, REASON_JSON_DEPTH, p->at, "more than %d levels", LIMIT_JSON_DEPTH);
    }
    if (!value_count(p, err)) {
        return false;
    }
    p->objects &= ~(UINT64_C(1) << p->depth);
    p->objects |= (uint64_t)object << p->depth;
    p->depth++;
    p->at++;
    p->expect = object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
    t->kind = object ? PULL_OBJECT : PULL_ARRAY;
    return true;
}

static bool in_object(const struct pull *p)
{
    return p->depth > 0 && (p->objects >> (p->depth - 1) & 1) != 0;
}

static void container_close(struct pull *p, struct pull_token *t)
{
    t->kind = in_object(p) ? PULL_OBJECT_END : PULL_ARRAY_END;
    p->depth--;
    p->at++;
    value_behind(p);
}

static bool value_get(struct pull *p, struct pull_token *t, struct err *err)
{
    bool ok;

    switch (peek(p)) {
    case '{':
    case '[':
        return container_open(p, peek(p) == '{', t, err);
    case '"':
        ok = string_get(p, PULL_STRING, t, err);
        break;
    case 't':
        ok = word_get(p, "true", PULL_TRUE, t, err);
        break;
    case 'f':
        ok = word_get(p, "false", PULL_FALSE, t, err);
        break;
    case 'n':
        ok = word_get(p, "null", PULL_NULL, t, err);
        break;
    default:
        ok = number_get(p, t, err);
        break;
    }
    if (ok) {
        value_behind(p);
    }
    return ok;
}

static bool name_get(struct pull *p, struct pull_token *t, struct err *err)
{
    if (peek(p) != '"') {
        return FAIL(err, REASON_JSON_FORM, p->at, "no member's name");
    }
    if (!string_get(p, PULL_NAME, t, err)) {
        return false;
    }
    space_skip(p);
    if (peek(p) != ':') {
        return FAIL(err, REASON_JSON_FORM, p->at, "no colon");
    }
    if (!value_count(p, err)) {
        return false;
    }
    p->at++;
    p->expect = EXPECT_VALUE;
    return true;
}

bool pull_next(struct pull *p, struct pull_token *t, struct err *err)
{
    const uint8_t close = in_object(p) ? '}' : ']';
    bool first = p->expect == EXPECT_NAME_OR_END || p->expect == EXPECT_VALUE_OR_END;

    space_skip(p);
    t->at = p->at;
    if (p->expect == EXPECT_NOTHING) {
        t->kind = PULL_END;
        return p->at == p->text.len || FAIL(err, REASON_JSON_FORM, p->at, "something behind the value");
    }
    if (p->expect == EXPECT_VALUE) {
        return value_get(p, t, err);
    }
    if (peek(p) == close) {
        container_close(p, t);
        return true;
    }
    if (!first) {
        if (peek(p) != ',') {
            return FAIL(err, REASON_JSON_FORM, p->at, "neither a comma nor the end");
        }
        if (!value_count(p, err)) {
            return false;
        }
        p->at++;
        space_skip(p);
        t->at = p->at;
    }
    return close == '}' ? name_get(p, t, err) : value_get(p, t, err);
}
