/* The reader: one pass over the received bytes. */
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json_tree.h"

#include <stdlib.h>

#define TREE_MEMORY MIB(256) /* LIMIT_JSON_VALUES bounds it before */
#define SORTED_FROM 16       /* members; below, comparing all is as fast */

struct open {
    struct json_member member;
    size_t at; /* where it begins */
};

struct reader {
    struct bytes text;
    size_t at, values;
    unsigned depth;
    struct json_tree *tree;
    struct buf open;    /* struct open: what is in containers that have not ended, the innermost's last */
    char *free;         /* where the next characters go: with its zero a string is no longer than with its quotes */
    const char *wanted; /* the outermost object's member whose bytes are; NULL: none */
    struct bytes span;
};

/* The byte at hand, or 0 at the end: 0 is nowhere allowed. */
static uint8_t peek(const struct reader *r)
{
    return r->at < r->text.len ? r->text.p[r->at] : 0;
}

static void space_skip(struct reader *r)
{
    const struct bytes s = r->text;
    size_t i = r->at;

    while (i < s.len && s.p[i] <= ' ' && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t')) {
        i++;
    }
    r->at = i;
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

/* The string whose quote is at hand. */
static bool string_get(struct reader *r, const char **text, size_t *len, struct err *err)
{
    const struct bytes s = r->text;
    char *out = r->free;
    size_t i = r->at + 1, run, n;

    for (run = i;; run = i) {
        int32_t character;

        while (i < s.len && (n = json_plain_length(s, i)) > 0) {
            i += n;
        }
        memcpy(out, s.p + run, i - run);
        out += i - run;
        if (i == s.len) {
            return FAIL(err, REASON_JSON_FORM, i, "the text ends within a string");
        }
        if (s.p[i] == '"') {
            break;
        }
        if (s.p[i] != '\\') {
            return FAIL(err, REASON_JSON_FORM, i, "%s in a string", s.p[i] < 0x20 ? "a control character" : "no UTF-8");
        }
        run = i;
        character = escape_get(s, &i);
        if (character < 0) {
            return FAIL(err, REASON_JSON_FORM, run, "no such escape");
        }
        out += utf8_put((uint32_t)character, out);
    }
    *text = r->free;
    *len = (size_t)(out - r->free);
    *out = '\0';
    r->free = out + 1;
    r->at = i + 1;
    return true;
}

/* ---- numbers ---- */

/* One digit at least. */
static bool digits_skip(struct reader *r, const char *what, struct err *err)
{
    const size_t begin = r->at;

    while (peek(r) >= '0' && peek(r) <= '9') {
        r->at++;
    }
    return r->at > begin || FAIL(err, REASON_JSON_FORM, r->at, "no %s", what);
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

/* At least `overflow`, by its decimal digits: no floating point, hence no locale and no rounding. `digits` has room. */
static bool real_overflows(struct bytes s, char *digits)
{
    int64_t point = 0, exponent = 0; /* so many digits stand before the point, from the first that is not 0 */
    bool behind = false, small;
    size_t i, n = 0;

    for (i = s.p[0] == '-'; i < s.len && (s.p[i] | 0x20) != 'e'; i++) {
        if (s.p[i] == '.') {
            behind = true;
        } else if (n == 0 && s.p[i] == '0') {
            point -= behind;
        } else {
            point += !behind;
            digits[n++] = (char)s.p[i];
        }
    }
    digits[n] = '\0';
    small = i + 1 < s.len && s.p[i + 1] == '-';
    for (; i < s.len; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9' && exponent < INT64_C(1000000000000)) {
            exponent = 10 * exponent + (s.p[i] - '0');
        }
    }
    point += small ? -exponent : exponent;
    return n > 0 && (point > 309 || (point == 309 && strcmp(digits, overflow) >= 0)); /* whose last is not 0 */
}

static bool number_get(struct reader *r, json_t *v, struct err *err)
{
    const size_t at = r->at;
    struct bytes text;

    v->type = JSON_INTEGER;
    r->at += peek(r) == '-';
    if (peek(r) == '0') {
        r->at++; /* and no digit behind it: whatever follows cannot be one */
    } else if (!digits_skip(r, r->at == at ? "value" : "digit", err)) {
        return false;
    }
    if (peek(r) == '.') {
        v->type = JSON_REAL;
        r->at++;
        if (!digits_skip(r, "digit behind the point", err)) {
            return false;
        }
    }
    if ((peek(r) | 0x20) == 'e') {
        v->type = JSON_REAL;
        r->at++;
        r->at += peek(r) == '+' || peek(r) == '-';
        if (!digits_skip(r, "digit in the exponent", err)) {
            return false;
        }
    }
    text = bytes_of(r->text.p + at, r->at - at);
    if (v->type == JSON_INTEGER) {
        return integer_get(text, &v->integer) || FAIL(err, REASON_JSON_FORM, at, "an integer of more than 64 bits");
    }
    if (real_overflows(text, r->free)) {
        return FAIL(err, REASON_JSON_FORM, at, "a number beyond double's range");
    }
    v->text = memcpy(r->free, text.p, text.len);
    v->len = text.len;
    r->free += text.len + 1; /* the arena's zero is behind it */
    return true;
}

/* ---- containers ---- */

static int name_compare(const void *a, const void *b)
{
    return strcmp(((const struct open *)a)->member.name, ((const struct open *)b)->member.name);
}

/* No name is there twice. May leave them in another order. */
static bool names_check(struct open *open, size_t count, struct err *err)
{
    const struct open *twice = NULL;

    if (count > SORTED_FROM) {
        qsort(open, count, sizeof *open, name_compare);
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t k = count > SORTED_FROM ? i - 1 : 0; k < i; k++) {
            if (name_compare(&open[i], &open[k]) == 0) {
                twice = open[i].at > open[k].at ? &open[i] : &open[k];
            }
        }
    }
    return twice == NULL || FAIL(err, REASON_JSON_FORM, twice->at, "a member is there twice");
}

static bool value_get(struct reader *r, json_t **out, struct err *err);

/* An element, or a name and its value; and the space behind it. */
static bool member_get(struct reader *r, bool named, struct err *err)
{
    struct open o = {.at = r->at};
    struct bytes name = {.p = NULL}; /* as it is spelled */
    size_t len, at;

    if (named) {
        if (peek(r) != '"') {
            return FAIL(err, REASON_JSON_FORM, r->at, "no member's name");
        }
        if (!string_get(r, &o.member.name, &len, err)) {
            return false;
        }
        name = bytes_of(r->text.p + o.at + 1, r->at - o.at - 2);
        space_skip(r);
        if (peek(r) != ':') {
            return FAIL(err, REASON_JSON_FORM, r->at, "no colon");
        }
        r->at++;
        space_skip(r);
    }
    at = r->at;
    if (!value_get(r, &o.member.value, err)) {
        return false;
    }
    if (named && r->depth == 1 && r->wanted != NULL && bytes_equal(name, bytes_of_str(r->wanted))) {
        r->span = bytes_of(r->text.p + at, r->at - at);
    }
    space_skip(r);
    return buf_add(&r->open, &o, sizeof o, err);
}

static bool container_get(struct reader *r, json_t *v, struct err *err)
{
    const uint8_t close = peek(r) == '{' ? '}' : ']';
    const size_t first = r->open.len;
    struct open *open;
    void *memory;

    v->type = close == '}' ? JSON_OBJECT : JSON_ARRAY;
    if (++r->depth > LIMIT_JSON_DEPTH) {
        return FAIL(err, REASON_JSON_DEPTH, r->at, "more than %d levels", LIMIT_JSON_DEPTH);
    }
    r->at++;
    space_skip(r);
    for (; peek(r) != close; v->count++) {
        if (v->count > 0) {
            if (peek(r) != ',') {
                return FAIL(err, REASON_JSON_FORM, r->at, "neither a comma nor the end");
            }
            r->at++;
            space_skip(r);
        }
        if (!member_get(r, v->type == JSON_OBJECT, err)) {
            return false;
        }
    }
    r->depth--;
    r->at++;
    if (v->count == 0) {
        return true;
    }
    if (!arena_alloc(&r->tree->arena, v->count, sizeof *v->members, &memory, err)) {
        return false;
    }
    v->members = memory;
    open = (struct open *)(void *)(r->open.p + first);
    for (size_t i = 0; i < v->count; i++) {
        v->members[i] = open[i].member;
    }
    r->open.len = first;
    return v->type == JSON_ARRAY || names_check(open, v->count, err);
}

/* The value at hand. Calls itself through container_get(), LIMIT_JSON_DEPTH levels deep at most. */
static bool value_get(struct reader *r, json_t **out, struct err *err)
{
    json_t *v;
    void *memory;

    if (++r->values > LIMIT_JSON_VALUES) {
        return FAIL(err, REASON_ARENA_FULL, r->at, "more than %d values", LIMIT_JSON_VALUES);
    }
    if (!arena_alloc(&r->tree->arena, 1, sizeof *v, &memory, err)) {
        return false;
    }
    *out = v = memory;
    v->tree = r->tree;
    switch (peek(r)) {
    case '{':
    case '[':
        return container_get(r, v, err);
    case '"':
        v->type = JSON_STRING;
        return string_get(r, &v->text, &v->len, err);
    case 't':
    case 'f':
    case 'n':
        for (v->type = JSON_TRUE; v->type <= JSON_NULL; v->type++) {
            const struct bytes word = bytes_of_str(json_words[v->type - JSON_TRUE]);

            if (r->text.len - r->at >= word.len && memcmp(r->text.p + r->at, word.p, word.len) == 0) {
                r->at += word.len;
                return true;
            }
        }
        return FAIL(err, REASON_JSON_FORM, r->at, "no value");
    default:
        return number_get(r, v, err);
    }
}

bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err)
{
    struct reader r = {.text = text, .wanted = member, .open = BUF(TREE_MEMORY), .tree = malloc(sizeof *r.tree)};
    json_t *root;
    void *memory;
    bool ok;

    if (r.tree == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "JSON of %zu bytes", text.len);
    }
    *r.tree = (struct json_tree){.arena = ARENA(TREE_MEMORY), .refs = 1};
    ok = arena_alloc(&r.tree->arena, text.len + 1, 1, &memory, err);
    if (ok) {
        r.free = memory;
        space_skip(&r);
        ok = value_get(&r, &root, err);
        space_skip(&r);
    }
    if (ok && r.at != text.len) {
        ok = FAIL(err, REASON_JSON_FORM, r.at, "something behind the value");
    }
    buf_done(&r.open);
    if (!ok) {
        arena_done(&r.tree->arena);
        free(r.tree);
        return false;
    }
    *out = root;
    *span = r.span;
    return true;
}

bool json_parse(struct bytes text, json_t **out, struct err *err)
{
    struct bytes none;

    return json_parse_span(text, NULL, out, &none, err);
}
