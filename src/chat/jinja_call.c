#include "base/civil.h"
#include "chat/jinja_parts.h"

#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- arguments ---- */

const struct jinja_value *jinja_arg(const struct jinja_args *a, size_t place, const char *name,
                                    const struct jinja_value *fallback)
{
    size_t positional = 0;

    for (size_t i = 0; i < a->count; i++) {
        if (a->names[i].p == NULL ? positional++ == place : jinja_str_is(a->names[i], name)) {
            return &a->values[i];
        }
    }
    return fallback;
}

bool jinja_int_arg(struct jinja_run *r, const struct jinja_args *a, size_t place, const char *name, int64_t fallback,
                   int64_t *out)
{
    const struct jinja_value *v = jinja_arg(a, place, name, NULL);

    *out = fallback;
    if (v == NULL || v->type == JINJA_NONE) {
        return true;
    }
    if (v->type != JINJA_INT && v->type != JINJA_BOOL) {
        return JINJA_FAIL(r, "\"%s\" is %s and not a number", name, jinja_type_name(v));
    }
    *out = v->type == JINJA_INT ? v->integer : v->boolean;
    return true;
}

bool jinja_str_arg(struct jinja_run *r, const struct jinja_args *a, size_t place, const char *name,
                   const char *fallback, struct jinja_str *out)
{
    const struct jinja_value *v = jinja_arg(a, place, name, NULL);

    if (v == NULL || v->type == JINJA_NONE) {
        *out = jinja_text(fallback).str;
        return true;
    }
    if (v->type != JINJA_STR) {
        return JINJA_FAIL(r, "\"%s\" is %s and not a text", name, jinja_type_name(v));
    }
    *out = v->str;
    return true;
}

bool jinja_bool_arg(const struct jinja_args *a, size_t place, const char *name)
{
    const struct jinja_value *v = jinja_arg(a, place, name, NULL);

    return v != NULL && jinja_true(v);
}

/* ---- members ---- */

bool jinja_dict_items(struct jinja_run *r, const struct jinja_dict *d, bool keys, bool values, struct jinja_value *out)
{
    struct jinja_value pair;
    bool ok = jinja_list_new(r, out);

    for (size_t i = 0; ok && i < d->count; i++) {
        if (keys && values) {
            ok = jinja_list_new(r, &pair) && jinja_append(r, pair.list, d->pairs[i].key) &&
                 jinja_append(r, pair.list, d->pairs[i].value) && jinja_append(r, out->list, pair);
        } else {
            ok = jinja_append(r, out->list, keys ? d->pairs[i].key : d->pairs[i].value);
        }
    }
    return ok;
}

static struct jinja_value loop_member(const struct jinja_loop *l, struct jinja_str name)
{
    const int64_t i = (int64_t)l->index, count = (int64_t)l->items->count;
    const struct {
        const char *name;
        struct jinja_value value;
    } members[] = {
        {"index", jinja_int(i + 1)},
        {"index0", jinja_int(i)},
        {"revindex", jinja_int(count - i)},
        {"revindex0", jinja_int(count - i - 1)},
        {"first", jinja_bool(i == 0)},
        {"last", jinja_bool(i + 1 == count)},
        {"length", jinja_int(count)},
        {"previtem", i > 0 ? l->items->items[i - 1] : jinja_undefined},
        {"nextitem", i + 1 < count ? l->items->items[i + 1] : jinja_undefined},
    };

    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        if (jinja_str_is(name, members[m].name)) {
            return members[m].value;
        }
    }
    return jinja_undefined;
}

enum method {
    METHOD_CAPITALIZE,
    METHOD_ENDSWITH,
    METHOD_FIND,
    METHOD_FORMAT,
    METHOD_JOIN,
    METHOD_LOWER,
    METHOD_LSTRIP,
    METHOD_REPLACE,
    METHOD_RSTRIP,
    METHOD_SPLIT,
    METHOD_STARTSWITH,
    METHOD_STRIP,
    METHOD_TITLE,
    METHOD_UPPER,
    METHOD_GET, /* from here on of dictionaries */
    METHOD_ITEMS,
    METHOD_KEYS,
    METHOD_VALUES,
};

static const char *const methods[] = {"capitalize", "endswith", "find",   "format", "join",       "lower",
                                      "lstrip",     "replace",  "rstrip", "split",  "startswith", "strip",
                                      "title",      "upper",    "get",    "items",  "keys",       "values"};

/* The method of this name that v has; false: it has none. */
static bool method_find(const struct jinja_value *v, struct jinja_str name, int *out)
{
    const bool dict = v->type == JINJA_DICT;

    for (int i = dict ? METHOD_GET : 0; (dict || v->type == JINJA_STR) && i < (dict ? (int)COUNT(methods) : METHOD_GET);
         i++) {
        if (jinja_str_is(name, methods[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool jinja_attribute(struct jinja_run *r, const struct jinja_value *v, struct jinja_str name, struct jinja_value *out)
{
    const struct jinja_value *member;
    void *bound;
    int method;

    if (v->type == JINJA_UNDEFINED) {
        return JINJA_FAIL(r, "\"%.*s\" of something undefined", (int)(name.len < 40 ? name.len : 40),
                          (const char *)name.p);
    }
    if (v->type == JINJA_LOOP) {
        *out = loop_member(v->loop, name);
        return true;
    }
    if (method_find(v, name, &method)) {
        if (!arena_alloc(&r->arena, 1, sizeof(struct jinja_bound), &bound, r->err)) {
            return false;
        }
        *(struct jinja_bound *)bound = (struct jinja_bound){method, *v};
        *out = (struct jinja_value){.type = JINJA_METHOD, .method = bound};
        return true;
    }
    member = v->type == JINJA_DICT || v->type == JINJA_NAMESPACE ? jinja_find(v->dict, name) : NULL;
    *out = member != NULL ? *member : jinja_undefined;
    return jinja_step(r, member != NULL ? 16 * v->dict->count : 0);
}

bool jinja_subscript(struct jinja_run *r, const struct jinja_value *v, const struct jinja_value *key,
                     struct jinja_value *out)
{
    const struct jinja_value *member = NULL;
    const struct jinja_list *items;

    if (v->type == JINJA_UNDEFINED) {
        return JINJA_FAIL(r, "a member of something undefined");
    }
    if (key->type == JINJA_STR) {
        if (v->type == JINJA_DICT || v->type == JINJA_NAMESPACE) {
            member = jinja_find(v->dict, key->str);
        }
        if (member == NULL && v->type != JINJA_LIST) {
            return jinja_attribute(r, v, key->str, out);
        }
    } else if (key->type == JINJA_INT && (v->type == JINJA_LIST || v->type == JINJA_STR)) {
        if (!jinja_items(r, v, &items)) {
            return false;
        }
        const int64_t count = (int64_t)items->count, at = key->integer < 0 ? key->integer + count : key->integer;

        member = at >= 0 && at < count ? &items->items[at] : NULL;
    }
    *out = member != NULL ? *member : jinja_undefined;
    return true;
}

/* "a.b": members of members. */
bool jinja_path_get(struct jinja_run *r, const struct jinja_value *v, struct jinja_str path, struct jinja_value *out)
{
    *out = *v;
    for (size_t from = 0; from <= path.len;) {
        const uint8_t *dot = from < path.len ? memchr(path.p + from, '.', path.len - from) : NULL;
        const size_t to = dot != NULL ? (size_t)(dot - path.p) : path.len;
        const struct jinja_value of = *out;

        if (!jinja_subscript(r, &of, &(const struct jinja_value){.type = JINJA_STR, .str = jinja_part(path, from, to)},
                             out)) {
            return false;
        }
        from = to + 1;
    }
    return true;
}

/* ---- methods ---- */

/* startswith, endswith: one text, or a tuple of which one. */
static bool affix(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, bool end,
                  struct jinja_value *out)
{
    const struct jinja_value *v = jinja_arg(args, 0, "", &jinja_undefined);
    const struct jinja_list one = {.items = (struct jinja_value *)(uintptr_t)v, .count = 1};
    const struct jinja_list *all = v->type == JINJA_LIST ? v->list : &one;

    *out = jinja_bool(false);
    for (size_t i = 0; i < all->count; i++) {
        const struct jinja_str a = all->items[i].str;

        if (all->items[i].type != JINJA_STR) {
            return JINJA_FAIL(r, "a text begins or ends with %s", jinja_type_name(&all->items[i]));
        }
        if (s.len >= a.len && memcmp(s.p + (end ? s.len - a.len : 0), a.p, a.len) == 0) {
            *out = jinja_bool(true);
        }
    }
    return true;
}

static bool find_text(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out)
{
    const struct jinja_value head = jinja_of(s);
    struct jinja_value part;
    struct jinja_str what;
    const uint8_t *at;
    int64_t n = -1;

    if (!jinja_str_arg(r, args, 0, "sub", "", &what) || !jinja_step(r, s.len)) {
        return false;
    }
    at = what.len == 0 ? s.p : memmem(s.p, s.len, what.p, what.len);
    if (at != NULL) { /* in characters */
        part = jinja_of(jinja_part(head.str, 0, (size_t)(at - s.p)));
        if (!jinja_length(r, &part, &n)) {
            return false;
        }
    }
    *out = jinja_int(n);
    return true;
}

static bool dict_method(struct jinja_run *r, enum method which, const struct jinja_dict *d,
                        const struct jinja_args *args, struct jinja_value *out)
{
    const struct jinja_value *key = jinja_arg(args, 0, "key", &jinja_undefined), *member;

    if (which != METHOD_GET) {
        return jinja_dict_items(r, d, which != METHOD_VALUES, which != METHOD_KEYS, out);
    }
    member = key->type == JINJA_STR ? jinja_find(d, key->str) : NULL;
    *out = member != NULL ? *member : *jinja_arg(args, 1, "default", &jinja_none);
    return jinja_step(r, 16 * d->count);
}

bool jinja_method(struct jinja_run *r, const struct jinja_bound *m, const struct jinja_args *args,
                  struct jinja_value *out)
{
    const enum method which = (enum method)m->method;
    const struct jinja_str s = m->self.str;
    struct jinja_str set;

    if (which >= METHOD_GET) {
        return dict_method(r, which, m->self.dict, args, out);
    }
    switch ((int)which) {
    case METHOD_CAPITALIZE:
        return jinja_recase(r, s, CASE_CAPITALIZE, out);
    case METHOD_TITLE:
        return jinja_recase(r, s, CASE_TITLE, out);
    case METHOD_UPPER:
        return jinja_recase(r, s, CASE_UPPER, out);
    case METHOD_LOWER:
        return jinja_recase(r, s, CASE_LOWER, out);
    case METHOD_STARTSWITH:
    case METHOD_ENDSWITH:
        return affix(r, s, args, which == METHOD_ENDSWITH, out);
    case METHOD_FIND:
        return find_text(r, s, args, out);
    case METHOD_FORMAT:
        return jinja_format(r, s, args, out);
    case METHOD_JOIN:
        return jinja_join(r, s, jinja_arg(args, 0, "iterable", &jinja_undefined), out);
    case METHOD_REPLACE:
        return jinja_replace(r, s, args, out);
    case METHOD_SPLIT:
        return jinja_split(r, s, args, out);
    default: /* strip and its halves */
        if (!jinja_str_arg(r, args, 0, "chars", "", &set) || !jinja_step(r, s.len)) {
            return false;
        }
        *out = jinja_of(jinja_strip(s, which != METHOD_RSTRIP, which != METHOD_LSTRIP, set.len > 0 ? &set : NULL));
        return true;
    }
}

/* ---- functions ---- */

enum function {
    FUNCTION_DICT,
    FUNCTION_NAMESPACE,
    FUNCTION_RAISE,
    FUNCTION_RANGE,
    FUNCTION_STRFTIME,
};

static const char *const functions[] = {"dict", "namespace", "raise_exception", "range", "strftime_now"};

int jinja_function_find(struct jinja_str name)
{
    for (size_t i = 0; i < COUNT(functions); i++) {
        if (jinja_str_is(name, functions[i])) {
            return (int)i;
        }
    }
    return -1;
}

static bool dict_make(struct jinja_run *r, enum jinja_type type, const struct jinja_args *args, struct jinja_value *out)
{
    if (!jinja_dict_new(r, type, out)) {
        return false;
    }
    for (size_t i = 0; i < args->count; i++) {
        if (args->names[i].p == NULL) {
            return JINJA_FAIL(r, "a member without a name");
        }
        if (!jinja_set(r, out->dict, jinja_of(args->names[i]), args->values[i])) {
            return false;
        }
    }
    return true;
}

/* Of what the template says, only what is its own: the rest may be a prompt. */
static bool raise(struct jinja_run *r, const struct jinja_args *args)
{
    const struct jinja_value *v = jinja_arg(args, 0, "message", &jinja_undefined);
    char own[200];
    size_t len = 0;

    for (size_t i = 0; v->type == JINJA_STR && i < v->str.len && len + 1 < sizeof own; i++) {
        if (v->str.user == NULL || v->str.user[i] == 0) {
            own[len++] = (char)v->str.p[i];
        }
    }
    own[len] = 0;
    err_set(r->err, REASON_CHAT_FORM, ERR_NOWHERE, "the model's template refuses the chat: %s", own);
    return false;
}

static bool range(struct jinja_run *r, const struct jinja_args *args, struct jinja_value *out)
{
    int64_t from, to, step;

    if (!jinja_int_arg(r, args, 0, "start", 0, &from) || !jinja_int_arg(r, args, 1, "stop", 0, &to) ||
        !jinja_int_arg(r, args, 2, "step", 1, &step) || !jinja_list_new(r, out)) {
        return false;
    }
    if (args->count < 2) {
        to = from;
        from = 0;
    }
    if (step == 0 || from < -1000000 || from > 1000000 || to < -1000000 || to > 1000000 || step < -1000000 ||
        step > 1000000) {
        return JINJA_FAIL(r, "a range that is too large, or without a step");
    }
    for (int64_t i = from; step > 0 ? i < to : i > to; i += step) {
        if (!jinja_append(r, out->list, jinja_int(i))) {
            return false;
        }
    }
    return true;
}

static size_t clock_field(char *out, size_t size, char field, bool bare, const struct civil *c, int weekday, int day)
{
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    const int hour = c->hour % 12 == 0 ? 12 : c->hour % 12, width = bare ? 1 : 2;
    int n = -1;

    switch (field) {
    case 'Y':
        n = snprintf(out, size, "%04d", c->year);
        break;
    case 'y':
        n = snprintf(out, size, "%0*d", width, c->year % 100);
        break;
    case 'm':
        n = snprintf(out, size, "%0*d", width, c->month);
        break;
    case 'd':
        n = snprintf(out, size, "%0*d", width, c->day);
        break;
    case 'H':
        n = snprintf(out, size, "%0*d", width, c->hour);
        break;
    case 'I':
        n = snprintf(out, size, "%0*d", width, hour);
        break;
    case 'M':
        n = snprintf(out, size, "%0*d", width, c->minute);
        break;
    case 'S':
        n = snprintf(out, size, "%0*d", width, c->second);
        break;
    case 'j':
        n = snprintf(out, size, "%0*d", bare ? 1 : 3, day);
        break;
    case 'p':
        n = snprintf(out, size, "%s", c->hour < 12 ? "AM" : "PM");
        break;
    case 'B':
        n = snprintf(out, size, "%s", months[c->month - 1]);
        break;
    case 'b':
        n = snprintf(out, size, "%.3s", months[c->month - 1]);
        break;
    case 'A':
        n = snprintf(out, size, "%s", days[weekday]);
        break;
    case 'a':
        n = snprintf(out, size, "%.3s", days[weekday]);
        break;
    case '%':
        n = snprintf(out, size, "%%");
        break;
    default:
        break;
    }
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* UTC. */
static bool strftime_now(struct jinja_run *r, const struct jinja_args *args, struct jinja_value *out)
{
    struct civil now, year = {.month = 1, .day = 1};
    struct jinja_str form;
    int64_t began, days;
    char text[256];
    uint8_t *copy;
    size_t len = 0;

    civil_from_unix(r->now, &now);
    year.year = now.year;
    if (!jinja_str_arg(r, args, 0, "format", "", &form) || !civil_to_unix(&year, &began, r->err)) {
        return false;
    }
    if (form.user != NULL && memchr(form.user, 1, form.len) != NULL) {
        return JINJA_FAIL(r, "strftime_now with a form that is not the template's own");
    }
    days = r->now / 86400;
    for (size_t i = 0; i < form.len; i++) {
        size_t n = 1;

        if (len + 16 > sizeof text) {
            return JINJA_FAIL(r, "a time that is too long");
        }
        text[len] = (char)form.p[i];
        if (form.p[i] == '%') {
            const bool bare = i + 1 < form.len && form.p[i + 1] == '-';

            i += 1 + bare;
            n = i < form.len ? clock_field(text + len, sizeof text - len, (char)form.p[i], bare, &now,
                                           (int)((days + 4) % 7), (int)((r->now - began) / 86400) + 1)
                             : 0;
            if (n == 0) {
                return JINJA_FAIL(r, "strftime_now with a field that is not known");
            }
        }
        len += n;
    }
    if (!arena_copy(&r->arena, bytes_of(text, len), &copy, r->err)) {
        return false;
    }
    *out = jinja_of((struct jinja_str){.p = copy, .len = len});
    return true;
}

bool jinja_function(struct jinja_run *r, int function, const struct jinja_args *args, struct jinja_value *out)
{
    switch ((enum function)function) {
    case FUNCTION_DICT:
        return dict_make(r, JINJA_DICT, args, out);
    case FUNCTION_NAMESPACE:
        return dict_make(r, JINJA_NAMESPACE, args, out);
    case FUNCTION_RAISE:
        return raise(r, args);
    case FUNCTION_RANGE:
        return range(r, args, out);
    case FUNCTION_STRFTIME:
        return strftime_now(r, args, out);
    }
    return JINJA_FAIL(r, "a function that is not known");
}
