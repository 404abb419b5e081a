#include "chat/jinja_parts.h"
#include "codec/utf8.h"
#include "model/unicode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const struct jinja_value jinja_undefined = {.type = JINJA_UNDEFINED}, jinja_none = {.type = JINJA_NONE};

struct jinja_value jinja_bool(bool b)
{
    return (struct jinja_value){.type = JINJA_BOOL, .boolean = b};
}

struct jinja_value jinja_int(int64_t n)
{
    return (struct jinja_value){.type = JINJA_INT, .integer = n};
}

struct jinja_value jinja_of(struct jinja_str s)
{
    return (struct jinja_value){.type = JINJA_STR, .str = s};
}

struct jinja_value jinja_text(const char *s)
{
    return jinja_of((struct jinja_str){.p = (const uint8_t *)s, .len = strlen(s)});
}

struct jinja_str jinja_part(struct jinja_str s, size_t from, size_t to)
{
    return (struct jinja_str){.p = s.p + from, .user = s.user != NULL ? s.user + from : NULL, .len = to - from};
}

bool jinja_str_is(struct jinja_str s, const char *text)
{
    return strlen(text) == s.len && memcmp(text, s.p, s.len) == 0;
}

const char *jinja_type_name(const struct jinja_value *v)
{
    static const char *const names[] = {"undefined", "none",       "a boolean", "a number",    "a number",
                                        "a text",    "a list",     "a mapping", "a namespace", "a loop",
                                        "a macro",   "a function", "a method"};

    return names[v->type];
}

void jinja_error(struct jinja_run *r, const char *fmt, ...)
{
    char what[160];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    err_set(r->err, REASON_CHAT_FORM, ERR_NOWHERE, "line %u of the chat template: %s", r->line, what);
}

bool jinja_step(struct jinja_run *r, size_t bytes)
{
    r->steps += 1 + bytes / 64;
    return r->steps <= JINJA_STEPS_MAX ||
           FAIL(r->err, REASON_CHAT_FORM, ERR_NOWHERE, "line %u of the chat template: more than %d steps", r->line,
                JINJA_STEPS_MAX);
}

/* ---- lists, dictionaries ---- */

/* Room for one more of a growing array in the arena. */
static bool grow(struct jinja_run *r, void **items, size_t count, size_t *room, size_t size)
{
    const size_t wanted = *room == 0 ? 4 : *room * 2;
    void *more;

    if (count < *room) {
        return true;
    }
    if (!arena_alloc(&r->arena, wanted, size, &more, r->err)) {
        return false;
    }
    if (count > 0) {
        memcpy(more, *items, count * size);
    }
    *items = more;
    *room = wanted;
    return true;
}

bool jinja_append(struct jinja_run *r, struct jinja_list *list, struct jinja_value v)
{
    void *items = list->items;

    if (!jinja_step(r, 0) || !grow(r, &items, list->count, &list->room, sizeof *list->items)) {
        return false;
    }
    list->items = items;
    list->items[list->count++] = v;
    return true;
}

bool jinja_list_new(struct jinja_run *r, struct jinja_value *out)
{
    void *list = NULL;

    if (!arena_alloc(&r->arena, 1, sizeof(struct jinja_list), &list, r->err)) {
        return false;
    }
    *out = (struct jinja_value){.type = JINJA_LIST, .list = list};
    return true;
}

bool jinja_dict_new(struct jinja_run *r, enum jinja_type type, struct jinja_value *out)
{
    void *dict;

    if (!arena_alloc(&r->arena, 1, sizeof(struct jinja_dict), &dict, r->err)) {
        return false;
    }
    *out = (struct jinja_value){.type = type, .dict = dict};
    return true;
}

static bool same(struct jinja_str a, struct jinja_str b)
{
    return bytes_equal(bytes_of(a.p, a.len), bytes_of(b.p, b.len));
}

static struct jinja_value *find(const struct jinja_dict *d, struct jinja_str key)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->pairs[i].key.type == JINJA_STR && same(d->pairs[i].key.str, key)) {
            return &d->pairs[i].value;
        }
    }
    return NULL;
}

const struct jinja_value *jinja_find(const struct jinja_dict *d, struct jinja_str key)
{
    return find(d, key);
}

bool jinja_set(struct jinja_run *r, struct jinja_dict *d, struct jinja_value key, struct jinja_value v)
{
    struct jinja_value *at = key.type == JINJA_STR ? find(d, key.str) : NULL;
    void *pairs = d->pairs;

    if (at != NULL) {
        *at = v;
        return jinja_step(r, 16 * d->count);
    }
    if (!jinja_step(r, 16 * d->count) || !grow(r, &pairs, d->count, &d->room, sizeof *d->pairs)) {
        return false;
    }
    d->pairs = pairs;
    d->pairs[d->count++] = (struct jinja_pair){key, v};
    return true;
}

/* ---- from JSON ---- */

static bool user_str(struct jinja_run *r, const char *p, size_t len, struct jinja_value *out)
{
    void *room;

    if (!jinja_step(r, len) || !arena_alloc(&r->arena, 2, len, &room, r->err)) {
        return false;
    }
    memcpy(room, p, len);
    memset((uint8_t *)room + len, 1, len);
    *out = jinja_of((struct jinja_str){.p = room, .user = (uint8_t *)room + len, .len = len});
    return true;
}

static bool list_from_json(struct jinja_run *r, const json_t *json, struct jinja_value *out)
{
    struct jinja_value v;
    const json_t *item;
    size_t i;

    if (!jinja_list_new(r, out)) {
        return false;
    }
    json_array_foreach(json, i, item)
    {
        if (!jinja_from_json(r, item, &v) || !jinja_append(r, out->list, v)) {
            return false;
        }
    }
    return true;
}

/* Members are not looked for before they are added: the parser has refused those that are there twice. */
static bool dict_from_json(struct jinja_run *r, const json_t *json, struct jinja_value *out)
{
    struct jinja_value key, v;
    const char *name;
    json_t *item;

    if (!jinja_dict_new(r, JINJA_DICT, out)) {
        return false;
    }
    json_object_foreach(json, name, item)
    {
        void *pairs = out->dict->pairs;

        if (!user_str(r, name, strlen(name), &key) || !jinja_from_json(r, item, &v) ||
            !grow(r, &pairs, out->dict->count, &out->dict->room, sizeof *out->dict->pairs)) {
            return false;
        }
        out->dict->pairs = pairs;
        out->dict->pairs[out->dict->count++] = (struct jinja_pair){key, v};
    }
    return true;
}

bool jinja_from_json(struct jinja_run *r, const json_t *json, struct jinja_value *out)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return dict_from_json(r, json, out);
    case JSON_ARRAY:
        return list_from_json(r, json, out);
    case JSON_STRING:
        return user_str(r, json_string_value(json), json_string_length(json), out);
    case JSON_INTEGER:
        *out = jinja_int(json_integer_value(json));
        return true;
    case JSON_REAL:
        *out = (struct jinja_value){.type = JINJA_FLOAT, .real = json_number_value(json)};
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = jinja_bool(json_is_true(json));
        return true;
    case JSON_NULL:
        *out = jinja_none;
        return true;
    }
    return JINJA_FAIL(r, "JSON of no type");
}

/* ---- comparing ---- */

static bool is_number(const struct jinja_value *v)
{
    return v->type == JINJA_BOOL || v->type == JINJA_INT || v->type == JINJA_FLOAT;
}

static double number(const struct jinja_value *v)
{
    return v->type == JINJA_FLOAT ? v->real : v->type == JINJA_INT ? (double)v->integer : (double)v->boolean;
}

bool jinja_true(const struct jinja_value *v)
{
    switch ((int)v->type) {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
        return false;
    case JINJA_BOOL:
        return v->boolean;
    case JINJA_INT:
        return v->integer != 0;
    case JINJA_FLOAT:
        return v->real < 0 || v->real > 0;
    case JINJA_STR:
        return v->str.len > 0;
    case JINJA_LIST:
        return v->list->count > 0;
    case JINJA_DICT:
        return v->dict->count > 0;
    default:
        break;
    }
    return true;
}

static bool lists_equal(struct jinja_run *r, const struct jinja_list *a, const struct jinja_list *b, bool *out)
{
    *out = a->count == b->count;
    for (size_t i = 0; *out && i < a->count; i++) {
        if (!jinja_equal(r, &a->items[i], &b->items[i], out)) {
            return false;
        }
    }
    return true;
}

static bool dicts_equal(struct jinja_run *r, const struct jinja_dict *a, const struct jinja_dict *b, bool *out)
{
    *out = a->count == b->count;
    for (size_t i = 0; *out && i < a->count; i++) {
        const struct jinja_value *other = a->pairs[i].key.type == JINJA_STR ? find(b, a->pairs[i].key.str) : NULL;

        *out = other != NULL;
        if (!jinja_step(r, 16 * b->count) || (*out && !jinja_equal(r, &a->pairs[i].value, other, out))) {
            return false;
        }
    }
    return true;
}

bool jinja_equal(struct jinja_run *r, const struct jinja_value *a, const struct jinja_value *b, bool *out)
{
    bool ok = jinja_step(r, a->type == JINJA_STR ? a->str.len : 0);

    if (!ok || ++r->depth > JINJA_DEPTH_MAX) {
        return ok ? JINJA_FAIL(r, "nested too deeply") : false;
    }
    if (is_number(a) && is_number(b)) {
        *out = a->type != JINJA_FLOAT && b->type != JINJA_FLOAT ? (a->type == JINJA_INT ? a->integer : a->boolean) ==
                                                                      (b->type == JINJA_INT ? b->integer : b->boolean)
                                                                : !(number(a) < number(b)) && !(number(a) > number(b));
    } else if (a->type != b->type) {
        *out = false;
    } else if (a->type == JINJA_STR) {
        *out = same(a->str, b->str);
    } else if (a->type == JINJA_LIST) {
        ok = lists_equal(r, a->list, b->list, out);
    } else if (a->type == JINJA_DICT) {
        ok = dicts_equal(r, a->dict, b->dict, out);
    } else {
        *out = a->type == JINJA_UNDEFINED || a->type == JINJA_NONE;
    }
    r->depth--;
    return ok;
}

bool jinja_order(struct jinja_run *r, const struct jinja_value *a, const struct jinja_value *b, int *out)
{
    if (is_number(a) && is_number(b)) {
        *out = (number(a) > number(b)) - (number(a) < number(b));
        return true;
    }
    if (a->type == JINJA_STR && b->type == JINJA_STR) {
        const size_t len = a->str.len < b->str.len ? a->str.len : b->str.len;
        const int c = len > 0 ? memcmp(a->str.p, b->str.p, len) : 0;

        *out = c != 0 ? (c > 0) - (c < 0) : (a->str.len > b->str.len) - (a->str.len < b->str.len);
        return jinja_step(r, len);
    }
    return JINJA_FAIL(r, "%s is compared with %s", jinja_type_name(a), jinja_type_name(b));
}

bool jinja_contains(struct jinja_run *r, const struct jinja_value *in, const struct jinja_value *v, bool *out)
{
    *out = false;
    if (in->type == JINJA_UNDEFINED) {
        return true;
    }
    if (in->type == JINJA_STR && v->type == JINJA_STR) {
        *out = v->str.len == 0 || memmem(in->str.p, in->str.len, v->str.p, v->str.len) != NULL;
        return jinja_step(r, in->str.len);
    }
    if (in->type == JINJA_DICT || in->type == JINJA_NAMESPACE) {
        *out = v->type == JINJA_STR && find(in->dict, v->str) != NULL;
        return jinja_step(r, 16 * in->dict->count);
    }
    if (in->type != JINJA_LIST) {
        return JINJA_FAIL(r, "%s is looked for in %s", jinja_type_name(v), jinja_type_name(in));
    }
    for (size_t i = 0; !*out && i < in->list->count; i++) {
        if (!jinja_equal(r, &in->list->items[i], v, out)) {
            return false;
        }
    }
    return true;
}

static size_t utf8_next(struct jinja_str s, size_t at)
{
    const size_t n = utf8_length(bytes_of(s.p, s.len), at);

    return at + (n == 0 ? 1 : n);
}

bool jinja_items(struct jinja_run *r, const struct jinja_value *v, const struct jinja_list **out)
{
    struct jinja_value list;

    if (v->type == JINJA_LIST) {
        *out = v->list;
        return true;
    }
    if (!jinja_list_new(r, &list)) {
        return false;
    }
    *out = list.list;
    if (v->type == JINJA_UNDEFINED) {
        return true;
    }
    if (v->type == JINJA_DICT) {
        for (size_t i = 0; i < v->dict->count; i++) {
            if (!jinja_append(r, list.list, v->dict->pairs[i].key)) {
                return false;
            }
        }
        return true;
    }
    if (v->type != JINJA_STR) {
        return JINJA_FAIL(r, "%s is no list", jinja_type_name(v));
    }
    for (size_t i = 0, next; i < v->str.len; i = next) {
        next = utf8_next(v->str, i);
        if (!jinja_append(r, list.list, jinja_of(jinja_part(v->str, i, next)))) {
            return false;
        }
    }
    return true;
}

bool jinja_length(struct jinja_run *r, const struct jinja_value *v, int64_t *out)
{
    *out = 0;
    switch ((int)v->type) {
    case JINJA_UNDEFINED:
        return true;
    case JINJA_STR:
        for (size_t i = 0; i < v->str.len; i = utf8_next(v->str, i)) {
            (*out)++;
        }
        return jinja_step(r, v->str.len);
    case JINJA_LIST:
        *out = (int64_t)v->list->count;
        return true;
    case JINJA_DICT:
        *out = (int64_t)v->dict->count;
        return true;
    default:
        break;
    }
    return JINJA_FAIL(r, "%s has no length", jinja_type_name(v));
}

/* ---- to text ---- */

void jinja_out_init(struct jinja_out *out)
{
    *out = (struct jinja_out){BUF(JINJA_OUTPUT_MAX), BUF(JINJA_OUTPUT_MAX)};
}

void jinja_out_done(struct jinja_out *out)
{
    buf_done(&out->text);
    buf_done(&out->user);
}

bool jinja_put(struct jinja_run *r, struct jinja_out *out, struct jinja_str s)
{
    if (s.len == 0) {
        return true;
    }
    return jinja_step(r, s.len) && buf_add(&out->text, s.p, s.len, r->err) &&
           (s.user != NULL ? buf_add(&out->user, s.user, s.len, r->err) : buf_zero(&out->user, s.len, r->err));
}

bool jinja_out_take(struct jinja_run *r, struct jinja_out *out, struct jinja_str *s)
{
    void *room;

    if (!arena_alloc(&r->arena, 2, out->text.len, &room, r->err)) {
        return false;
    }
    if (out->text.len > 0) {
        memcpy(room, out->text.p, out->text.len);
        memcpy((uint8_t *)room + out->text.len, out->user.p, out->text.len);
    }
    *s = (struct jinja_str){.p = room, .user = (uint8_t *)room + out->text.len, .len = out->text.len};
    return true;
}

static bool put_text(struct jinja_run *r, struct jinja_out *out, const char *s)
{
    return jinja_put(r, out, jinja_text(s).str);
}

/* The shortest digits that read back as the same number, with a point or an exponent: 1.0, 0.1, 1e+30. */
static bool put_real(struct jinja_run *r, struct jinja_out *out, double v)
{
    char text[40];

    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (!(strtod(text, NULL) < v) && !(strtod(text, NULL) > v)) {
            break;
        }
    }
    if (strpbrk(text, ".en") == NULL && (v >= 1e16 || v <= -1e16)) {
        (void)snprintf(text, sizeof text, "%.16e", v); /* 17 digits before the point */
    } else if (strpbrk(text, ".en") == NULL) {
        memcpy(text + strlen(text), ".0", 3);
    } else if (strchr(text, 'e') != NULL && v < 1e16 && v > -1e16 && (v >= 1e-4 || v <= -1e-4)) {
        (void)snprintf(text, sizeof text, "%.1f", v); /* 1e+02 is 100.0 */
    }
    return put_text(r, out, text);
}

static bool put_int(struct jinja_run *r, struct jinja_out *out, int64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    return put_text(r, out, text);
}

static bool is_printable(uint32_t c)
{
    const enum unicode_class class = unicode_class(c);

    return c == ' ' || (class != UNICODE_OTHER && class != UNICODE_SPACE);
}

/* 'text' as Python writes it. */
static bool put_quoted(struct jinja_run *r, struct jinja_out *out, struct jinja_str s)
{
    const bool single = memchr(s.p, '\'', s.len) != NULL && memchr(s.p, '"', s.len) == NULL;
    const char *quote = single ? "\"" : "'";
    bool ok = put_text(r, out, quote);

    for (size_t i = 0, n; ok && i < s.len; i += n) {
        uint32_t c;
        char text[16];

        n = unicode_decode(bytes_of(s.p, s.len), i, &c);
        if (c == '\\' || c == (uint8_t)quote[0]) {
            ok = put_text(r, out, "\\") && jinja_put(r, out, jinja_part(s, i, i + n));
        } else if (is_printable(c)) {
            ok = jinja_put(r, out, jinja_part(s, i, i + n));
        } else {
            (void)snprintf(text, sizeof text,
                           c == '\n'     ? "\\n"
                           : c == '\t'   ? "\\t"
                           : c == '\r'   ? "\\r"
                           : c < 0x100   ? "\\x%02x"
                           : c < 0x10000 ? "\\u%04x"
                                         : "\\U%08x",
                           c);
            ok = put_text(r, out, text);
        }
    }
    return ok && put_text(r, out, quote);
}

static bool put_list(struct jinja_run *r, struct jinja_out *out, const struct jinja_list *list)
{
    bool ok = put_text(r, out, "[");

    for (size_t i = 0; ok && i < list->count; i++) {
        ok = (i == 0 || put_text(r, out, ", ")) && jinja_print(r, out, &list->items[i], true);
    }
    return ok && put_text(r, out, "]");
}

static bool put_dict(struct jinja_run *r, struct jinja_out *out, const struct jinja_dict *d)
{
    bool ok = put_text(r, out, "{");

    for (size_t i = 0; ok && i < d->count; i++) {
        ok = (i == 0 || put_text(r, out, ", ")) && jinja_print(r, out, &d->pairs[i].key, true) &&
             put_text(r, out, ": ") && jinja_print(r, out, &d->pairs[i].value, true);
    }
    return ok && put_text(r, out, "}");
}

static bool print_inner(struct jinja_run *r, struct jinja_out *out, const struct jinja_value *v, bool quoted)
{
    switch ((int)v->type) {
    case JINJA_UNDEFINED:
        return !quoted || put_text(r, out, "Undefined");
    case JINJA_NONE:
        return put_text(r, out, "None");
    case JINJA_BOOL:
        return put_text(r, out, v->boolean ? "True" : "False");
    case JINJA_INT:
        return put_int(r, out, v->integer);
    case JINJA_FLOAT:
        return put_real(r, out, v->real);
    case JINJA_STR:
        return quoted ? put_quoted(r, out, v->str) : jinja_put(r, out, v->str);
    case JINJA_LIST:
        return put_list(r, out, v->list);
    case JINJA_DICT:
        return put_dict(r, out, v->dict);
    default:
        break;
    }
    return JINJA_FAIL(r, "%s is printed", jinja_type_name(v));
}

bool jinja_print(struct jinja_run *r, struct jinja_out *out, const struct jinja_value *v, bool quoted)
{
    bool ok;

    if (++r->depth > JINJA_DEPTH_MAX) {
        return JINJA_FAIL(r, "nested too deeply");
    }
    ok = print_inner(r, out, v, quoted);
    r->depth--;
    return ok;
}

bool jinja_to_str(struct jinja_run *r, const struct jinja_value *v, struct jinja_str *out)
{
    struct jinja_out text;
    bool ok;

    if (v->type == JINJA_STR) {
        *out = v->str;
        return true;
    }
    jinja_out_init(&text);
    ok = jinja_print(r, &text, v, false) && jinja_out_take(r, &text, out);
    jinja_out_done(&text);
    return ok;
}

/* ---- to JSON, as Python's json.dumps() writes it ---- */

static bool json_char(struct jinja_run *r, struct jinja_out *out, struct jinja_str s, uint32_t c)
{
    static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
    const char *at = c != 0 && c < 0x80 ? strchr(values, (int)c) : NULL;
    uint8_t user[12];
    char text[16];

    if (at != NULL) {
        (void)snprintf(text, sizeof text, "\\%c", letters[at - values]);
    } else if (c < 0x10000) {
        (void)snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    } else {
        (void)snprintf(text, sizeof text, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
                       (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
    }
    memset(user, s.user != NULL ? s.user[0] : 0, sizeof user);
    return jinja_put(r, out, (struct jinja_str){.p = (const uint8_t *)text, .user = user, .len = strlen(text)});
}

static uint32_t utf8_value(struct jinja_str s, size_t at, size_t len)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = s.p[at] & masks[len];

    for (size_t i = 1; i < len; i++) {
        c = c << 6 | (s.p[at + i] & 0x3f);
    }
    return c;
}

static bool json_str(struct jinja_run *r, struct jinja_out *out, struct jinja_str s, bool ascii)
{
    size_t plain = 0;
    bool ok = put_text(r, out, "\"");

    for (size_t i = 0, next; ok && i < s.len; i = next) {
        const uint8_t c = s.p[i];

        next = utf8_next(s, i);
        if (c < 0x20 || c == '"' || c == '\\' || (ascii && c >= 0x7f)) {
            ok = jinja_put(r, out, jinja_part(s, plain, i)) &&
                 json_char(r, out, jinja_part(s, i, next), utf8_value(s, i, next - i));
            plain = next;
        }
    }
    return ok && jinja_put(r, out, jinja_part(s, plain, s.len)) && put_text(r, out, "\"");
}

/* Between the items of a container, before the first one, and behind the last. */
static bool json_break(struct jinja_run *r, struct jinja_out *out, const struct jinja_json_form *form, bool comma,
                       size_t level)
{
    bool ok = !comma || jinja_put(r, out, form->between);

    if (form->indent < 0) {
        return ok;
    }
    ok = ok && put_text(r, out, "\n");
    for (size_t i = 0; ok && i < level * (size_t)form->indent; i++) {
        ok = put_text(r, out, " ");
    }
    return ok;
}

static int pair_compare(const void *a, const void *b)
{
    const struct jinja_str x = ((const struct jinja_pair *)a)->key.str, y = ((const struct jinja_pair *)b)->key.str;
    const size_t len = x.len < y.len ? x.len : y.len;
    const int c = len > 0 ? memcmp(x.p, y.p, len) : 0;

    return c != 0 ? c : (x.len > y.len) - (x.len < y.len);
}

static bool json_dict(struct jinja_run *r, struct jinja_out *out, const struct jinja_dict *d,
                      const struct jinja_json_form *form, size_t level)
{
    const struct jinja_pair *pairs = d->pairs;
    void *copy;
    bool ok = true;

    for (size_t i = 0; i < d->count; i++) {
        if (d->pairs[i].key.type != JINJA_STR) {
            return JINJA_FAIL(r, "a key that is no text, in tojson");
        }
    }
    if (form->sorted && d->count > 0) {
        if (!arena_alloc(&r->arena, d->count, sizeof *pairs, &copy, r->err)) {
            return false;
        }
        memcpy(copy, d->pairs, d->count * sizeof *pairs);
        qsort(copy, d->count, sizeof *pairs, pair_compare);
        pairs = copy;
    }
    ok = put_text(r, out, "{");
    for (size_t i = 0; ok && i < d->count; i++) {
        ok = json_break(r, out, form, i > 0, level + 1) && json_str(r, out, pairs[i].key.str, form->ascii) &&
             jinja_put(r, out, form->colon) && jinja_print_json(r, out, &pairs[i].value, form, level + 1);
    }
    return ok && (d->count == 0 || json_break(r, out, form, false, level)) && put_text(r, out, "}");
}

static bool json_list(struct jinja_run *r, struct jinja_out *out, const struct jinja_list *list,
                      const struct jinja_json_form *form, size_t level)
{
    bool ok = put_text(r, out, "[");

    for (size_t i = 0; ok && i < list->count; i++) {
        ok = json_break(r, out, form, i > 0, level + 1) && jinja_print_json(r, out, &list->items[i], form, level + 1);
    }
    return ok && (list->count == 0 || json_break(r, out, form, false, level)) && put_text(r, out, "]");
}

bool jinja_print_json(struct jinja_run *r, struct jinja_out *out, const struct jinja_value *v,
                      const struct jinja_json_form *form, size_t level)
{
    if (level > JINJA_DEPTH_MAX) {
        return JINJA_FAIL(r, "nested too deeply");
    }
    switch ((int)v->type) {
    case JINJA_NONE:
        return put_text(r, out, "null");
    case JINJA_BOOL:
        return put_text(r, out, v->boolean ? "true" : "false");
    case JINJA_INT:
        return put_int(r, out, v->integer);
    case JINJA_FLOAT:
        return put_real(r, out, v->real);
    case JINJA_STR:
        return json_str(r, out, v->str, form->ascii);
    case JINJA_LIST:
        return json_list(r, out, v->list, form, level);
    case JINJA_DICT:
        return json_dict(r, out, v->dict, form, level);
    default:
        break;
    }
    return JINJA_FAIL(r, "%s in tojson", jinja_type_name(v));
}
