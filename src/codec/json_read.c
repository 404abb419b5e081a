/* The reader: one pass over the received bytes, every byte looked at once. */
#include "base/limits.h"
#include "codec/json_tree.h"
#include "codec/utf8.h"

#include <stdlib.h>

#define TREE_MEMORY MIB(256) /* LIMIT_JSON_VALUES bounds it before */
#define SORTED_FROM 16       /* members; below, looking at all is as fast */
#define NODES 64             /* that are taken at once */

struct open {
    struct json_member member;
    size_t at; /* of an object's: where its name begins */
};

struct reader {
    struct bytes text;
    size_t at;
    size_t values; /* counted at "{[,:", behind each of which one can stand */
    unsigned depth;
    struct json_tree *tree;
    struct open *open; /* of all containers that are open, the innermost's last */
    size_t open_count, open_room;
    char *free; /* where the next characters go: with its zero a string is no longer than with its quotes */
    json_t *nodes;
    size_t nodes_left;
    const char *wanted; /* the outermost object's member whose bytes are; NULL: none */
    struct bytes span;
};

static void space_skip(struct reader *r)
{
    const struct bytes s = r->text;

    while (r->at < s.len && (s.p[r->at] == ' ' || s.p[r->at] == '\n' || s.p[r->at] == '\r' || s.p[r->at] == '\t')) {
        r->at++;
    }
}

/* The byte at hand, or 0 at the end: 0 is nowhere allowed. */
static uint8_t peek(const struct reader *r)
{
    return r->at < r->text.len ? r->text.p[r->at] : 0;
}

static bool value_count(struct reader *r, struct err *err)
{
    return ++r->values <= LIMIT_JSON_VALUES ||
           FAIL(err, REASON_ARENA_FULL, r->at, "more than %d values", LIMIT_JSON_VALUES);
}

/* ---- strings ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* The code unit of the "\uXXXX" at i, or -1. */
static int32_t unit_get(struct bytes s, size_t i)
{
    int32_t unit = 0;

    if (s.len < 6 || i > s.len - 6 || s.p[i] != '\\' || s.p[i + 1] != 'u') {
        return -1;
    }
    for (size_t k = 2; k < 6; k++) {
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
    const char *known = letter != 0 ? strchr(letters, letter) : NULL;
    int32_t high, low;

    if (known != NULL) {
        *i += 2;
        return characters[known - letters];
    }
    high = unit_get(s, *i);
    if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff)) {
        return -1;
    }
    *i += 6;
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    low = unit_get(s, *i);
    if (low < 0xdc00 || low > 0xdfff) {
        return -1;
    }
    *i += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static size_t utf8_put(uint32_t c, char *out)
{
    const size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

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
    size_t i = r->at + 1;

    while (i < s.len && s.p[i] != '"') {
        const size_t at = i;

        while (i < s.len && json_is_plain(s.p[i])) {
            i++;
        }
        if (i < s.len && s.p[i] >= 0x80) {
            const size_t n = utf8_length(s, i);

            if (n == 0) {
                return FAIL(err, REASON_JSON_FORM, i, "bytes that are not UTF-8");
            }
            i += n;
        }
        if (i > at) {
            memcpy(out, s.p + at, i - at);
            out += i - at;
        } else if (s.p[i] == '\\') {
            const int32_t character = escape_get(s, &i);

            if (character < 0) {
                return FAIL(err, REASON_JSON_FORM, at, "no such escape");
            }
            out += utf8_put((uint32_t)character, out);
        } else {
            return FAIL(err, REASON_JSON_FORM, i, "a control character in a string");
        }
    }
    if (i == s.len) {
        return FAIL(err, REASON_JSON_FORM, i, "the text ends within a string");
    }
    *text = r->free;
    *len = (size_t)(out - r->free);
    *out = '\0';
    r->free = out + 1;
    r->at = i + 1;
    return true;
}

/* ---- numbers and words ---- */

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
    const uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t n = 0;

    for (size_t i = negative; i < digits.len; i++) {
        const unsigned digit = digits.p[i] - (unsigned)'0';

        if (n > (limit - digit) / 10) {
            return false;
        }
        n = 10 * n + digit;
    }
    *out = negative ? (int64_t)(~n + 1) : (int64_t)n;
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
    if (peek(r) == 'e' || peek(r) == 'E') {
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
    if (real_overflows(text)) {
        return FAIL(err, REASON_JSON_FORM, at, "a number beyond double's range");
    }
    v->text = memcpy(r->free, text.p, text.len);
    v->len = text.len;
    r->free += text.len + 1; /* the arena's zero is behind it */
    return true;
}

static bool word_get(struct reader *r, const char *word, json_type type, json_t *v, struct err *err)
{
    const size_t n = strlen(word);

    if (r->text.len - r->at < n || memcmp(r->text.p + r->at, word, n) != 0) {
        return FAIL(err, REASON_JSON_FORM, r->at, "no value");
    }
    v->type = type;
    r->at += n;
    return true;
}

/* ---- containers ---- */

static bool open_add(struct reader *r, struct json_member m, size_t at, struct err *err)
{
    if (r->open_count == r->open_room) {
        const size_t room = r->open_room == 0 ? 64 : 2 * r->open_room;
        struct open *more = realloc(r->open, room * sizeof *more);

        if (more == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu values", room);
        }
        r->open = more;
        r->open_room = room;
    }
    r->open[r->open_count++] = (struct open){.member = m, .at = at};
    return true;
}

/* The index of an object of many members. *twice: one of two that have one name. */
static bool members_sort(struct reader *r, json_t *object, const struct json_member **twice, struct err *err)
{
    const struct json_member **sorted;
    void *memory;

    if (!arena_alloc(&r->tree->arena, object->count, sizeof *sorted, &memory, err)) {
        return false;
    }
    object->sorted = sorted = memory;
    for (size_t i = 0; i < object->count; i++) {
        sorted[i] = &object->members[i];
    }
    qsort(sorted, object->count, sizeof *sorted, json_name_compare);
    for (size_t i = 1; i < object->count; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            *twice = sorted[i] > sorted[i - 1] ? sorted[i] : sorted[i - 1];
        }
    }
    return true;
}

/* The open members from `first` are those of v, which ends here. */
static bool container_close(struct reader *r, json_t *v, size_t first, struct err *err)
{
    const struct json_member *twice = NULL;
    void *memory;

    r->depth--;
    r->at++;
    v->count = r->open_count - first;
    r->open_count = first;
    if (v->count == 0) {
        return true;
    }
    if (!arena_alloc(&r->tree->arena, v->count, sizeof *v->members, &memory, err)) {
        return false;
    }
    v->members = memory;
    for (size_t i = 0; i < v->count; i++) {
        v->members[i] = r->open[first + i].member;
        for (size_t k = 0; v->type == JSON_OBJECT && v->count <= SORTED_FROM && k < i; k++) {
            twice = strcmp(v->members[i].name, v->members[k].name) == 0 ? &v->members[i] : twice;
        }
    }
    if (v->type == JSON_OBJECT && v->count > SORTED_FROM && !members_sort(r, v, &twice, err)) {
        return false;
    }
    return twice == NULL ||
           FAIL(err, REASON_JSON_FORM, r->open[first + (size_t)(twice - v->members)].at, "a member is there twice");
}

/* The name at hand and its colon. *wanted: it is spelled like the one whose value's bytes are. */
static bool name_get(struct reader *r, const char **name, bool *wanted, struct err *err)
{
    const size_t at = r->at;
    size_t len;

    if (peek(r) != '"') {
        return FAIL(err, REASON_JSON_FORM, at, "no member's name");
    }
    if (!string_get(r, name, &len, err)) {
        return false;
    }
    *wanted = r->wanted != NULL && r->depth == 1 &&
              bytes_equal(bytes_of(r->text.p + at + 1, r->at - at - 2), bytes_of_str(r->wanted));
    space_skip(r);
    if (peek(r) != ':') {
        return FAIL(err, REASON_JSON_FORM, r->at, "no colon");
    }
    if (!value_count(r, err)) {
        return false;
    }
    r->at++;
    space_skip(r);
    return true;
}

static bool value_get(struct reader *r, json_t **out, struct err *err);

static bool member_get(struct reader *r, bool named, struct err *err)
{
    struct json_member m = {.name = NULL};
    const size_t name_at = r->at;
    bool wanted = false;
    size_t at;

    if (named && !name_get(r, &m.name, &wanted, err)) {
        return false;
    }
    at = r->at;
    if (!value_get(r, &m.value, err)) {
        return false;
    }
    if (wanted) {
        r->span = bytes_of(r->text.p + at, r->at - at);
    }
    return open_add(r, m, name_at, err);
}

static bool container_get(struct reader *r, json_t *v, struct err *err)
{
    const bool object = peek(r) == '{';
    const uint8_t close = object ? '}' : ']';
    const size_t first = r->open_count;

    v->type = object ? JSON_OBJECT : JSON_ARRAY;
    if (r->depth == LIMIT_JSON_DEPTH) {
        return FAIL(err, REASON_JSON_DEPTH, r->at, "more than %d levels", LIMIT_JSON_DEPTH);
    }
    if (!value_count(r, err)) {
        return false;
    }
    r->depth++;
    r->at++;
    space_skip(r);
    while (peek(r) != close || r->open_count > first) {
        if (!member_get(r, object, err)) {
            return false;
        }
        space_skip(r);
        if (peek(r) == close) {
            break;
        }
        if (peek(r) != ',') {
            return FAIL(err, REASON_JSON_FORM, r->at, "neither a comma nor the end");
        }
        if (!value_count(r, err)) {
            return false;
        }
        r->at++;
        space_skip(r);
    }
    return container_close(r, v, first, err);
}

/* The value at hand. Calls itself through container_get(), LIMIT_JSON_DEPTH levels deep at most. */
static bool value_get(struct reader *r, json_t **out, struct err *err)
{
    json_t *v;
    void *memory;

    if (r->nodes_left == 0) {
        if (!arena_alloc(&r->tree->arena, NODES, sizeof *v, &memory, err)) {
            return false;
        }
        r->nodes = memory;
        r->nodes_left = NODES;
    }
    r->nodes_left--;
    *out = v = r->nodes++; /* zero, as the arena gives it */
    v->tree = r->tree;
    switch (peek(r)) {
    case '{':
    case '[':
        return container_get(r, v, err);
    case '"':
        v->type = JSON_STRING;
        return string_get(r, &v->text, &v->len, err);
    case 't':
        return word_get(r, "true", JSON_TRUE, v, err);
    case 'f':
        return word_get(r, "false", JSON_FALSE, v, err);
    case 'n':
        return word_get(r, "null", JSON_NULL, v, err);
    default:
        return number_get(r, v, err);
    }
}

static bool text_get(struct reader *r, json_t **root, struct err *err)
{
    void *memory;

    if (!arena_alloc(&r->tree->arena, r->text.len + 1, 1, &memory, err)) {
        return false;
    }
    r->free = memory;
    space_skip(r);
    if (!value_get(r, root, err)) {
        return false;
    }
    space_skip(r);
    return r->at == r->text.len || FAIL(err, REASON_JSON_FORM, r->at, "something behind the value");
}

bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err)
{
    struct reader r = {.text = text, .values = 1, .wanted = member, .tree = calloc(1, sizeof *r.tree)};
    json_t *root;
    bool ok;

    if (r.tree == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "JSON of %zu bytes", text.len);
    }
    *r.tree = (struct json_tree){.arena = ARENA(TREE_MEMORY), .refs = 1};
    ok = text_get(&r, &root, err);
    free(r.open);
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
