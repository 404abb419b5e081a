#include "chat/jinja_parts.h"

#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- tests ---- */

#define BIT(type) (1U << (type))
#define NUMBERS (BIT(JINJA_BOOL) | BIT(JINJA_INT) | BIT(JINJA_FLOAT))
#define RUNS (BIT(JINJA_LIST) | BIT(JINJA_DICT) | BIT(JINJA_STR) | BIT(JINJA_UNDEFINED)) /* undefined: an empty one */
#define CALLABLE (BIT(JINJA_MACRO) | BIT(JINJA_FUNCTION) | BIT(JINJA_METHOD))

enum test {
    TEST_TYPE, /* it is one of these types */
    TEST_TRUE,
    TEST_FALSE,
    TEST_ODD,
    TEST_EVEN,
    TEST_DIVISIBLE, /* from here on with another side */
    TEST_EQUAL,
    TEST_UNEQUAL,
    TEST_IN,
    TEST_LESS,
    TEST_GREATER,
};

static const struct {
    const char *name;
    enum test test;
    unsigned types;
} tests[] = {
    {"defined", TEST_TYPE, ~BIT(JINJA_UNDEFINED)},
    {"undefined", TEST_TYPE, BIT(JINJA_UNDEFINED)},
    {"none", TEST_TYPE, BIT(JINJA_NONE)},
    {"boolean", TEST_TYPE, BIT(JINJA_BOOL)},
    {"string", TEST_TYPE, BIT(JINJA_STR)},
    {"number", TEST_TYPE, NUMBERS},
    {"integer", TEST_TYPE, BIT(JINJA_INT)},
    {"float", TEST_TYPE, BIT(JINJA_FLOAT)},
    {"mapping", TEST_TYPE, BIT(JINJA_DICT)},
    {"iterable", TEST_TYPE, RUNS},
    {"sequence", TEST_TYPE, RUNS},
    {"callable", TEST_TYPE, CALLABLE},
    {"true", TEST_TRUE, 0},
    {"false", TEST_FALSE, 0},
    {"odd", TEST_ODD, 0},
    {"even", TEST_EVEN, 0},
    {"divisibleby", TEST_DIVISIBLE, 0},
    {"equalto", TEST_EQUAL, 0},
    {"eq", TEST_EQUAL, 0},
    {"sameas", TEST_EQUAL, 0},
    {"ne", TEST_UNEQUAL, 0},
    {"in", TEST_IN, 0},
    {"lt", TEST_LESS, 0},
    {"lessthan", TEST_LESS, 0},
    {"gt", TEST_GREATER, 0},
    {"greaterthan", TEST_GREATER, 0},
};

int jinja_test_find(struct jinja_str name)
{
    for (size_t i = 0; i < COUNT(tests); i++) {
        if (jinja_str_is(name, tests[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

static bool test_divisible(struct jinja_run *r, const struct jinja_value *v, int64_t by, int64_t rest, bool *out)
{
    if (v->type != JINJA_INT || by == 0) {
        return JINJA_FAIL(r, "%s is divided", jinja_type_name(v));
    }
    *out = by == -1 ? rest == 0 : (v->integer % by != 0) == (rest != 0);
    return true;
}

/* Those with another side, beside divisibleby. */
static bool test_pair(struct jinja_run *r, enum test which, const struct jinja_value *v,
                      const struct jinja_value *other, bool *out)
{
    int order;

    switch ((int)which) {
    case TEST_IN:
        return jinja_contains(r, other, v, out);
    case TEST_EQUAL:
        return jinja_equal(r, v, other, out);
    case TEST_UNEQUAL:
        if (!jinja_equal(r, v, other, out)) {
            return false;
        }
        *out = !*out;
        return true;
    default:
        if (!jinja_order(r, v, other, &order)) {
            return false;
        }
        *out = which == TEST_LESS ? order < 0 : order > 0;
        return true;
    }
}

bool jinja_test(struct jinja_run *r, int test, const struct jinja_value *v, const struct jinja_args *args, bool *out)
{
    const enum test which = tests[test].test;
    int64_t by;

    if (which >= TEST_DIVISIBLE && args->count == 0) {
        return JINJA_FAIL(r, "the test \"%s\" without its other side", tests[test].name);
    }
    switch ((int)which) {
    case TEST_TYPE:
        *out = (tests[test].types & BIT(v->type)) != 0;
        return true;
    case TEST_TRUE:
    case TEST_FALSE:
        *out = v->type == JINJA_BOOL && v->boolean == (which == TEST_TRUE);
        return true;
    case TEST_ODD:
    case TEST_EVEN:
        return test_divisible(r, v, 2, which == TEST_ODD, out);
    case TEST_DIVISIBLE:
        return jinja_int_arg(r, args, 0, "num", 0, &by) && test_divisible(r, v, by, 0, out);
    default:
        return test_pair(r, which, v, jinja_arg(args, 0, "other", &jinja_undefined), out);
    }
}

/* ---- filters ---- */

enum filter {
    FILTER_ABS,
    FILTER_DEFAULT,
    FILTER_FLOAT,
    FILTER_INT,
    FILTER_LENGTH,
    FILTER_TOJSON,
    FILTER_DICTSORT, /* up to LIST: filter_items() */
    FILTER_FIRST,
    FILTER_ITEMS,
    FILTER_JOIN,
    FILTER_LAST,
    FILTER_MAP,
    FILTER_MAX,
    FILTER_MIN,
    FILTER_REJECT,
    FILTER_REJECTATTR,
    FILTER_REVERSE,
    FILTER_SELECT,
    FILTER_SELECTATTR,
    FILTER_SORT,
    FILTER_UNIQUE,
    FILTER_LIST,
    FILTER_CAPITALIZE, /* from here on: filter_text() */
    FILTER_INDENT,
    FILTER_LOWER,
    FILTER_REPLACE,
    FILTER_SAFE,
    FILTER_STRING,
    FILTER_TITLE,
    FILTER_TRIM,
    FILTER_UPPER,
};

static const struct {
    const char *name;
    enum filter filter;
} filters[] = {
    {"abs", FILTER_ABS},
    {"capitalize", FILTER_CAPITALIZE},
    {"count", FILTER_LENGTH},
    {"d", FILTER_DEFAULT},
    {"default", FILTER_DEFAULT},
    {"dictsort", FILTER_DICTSORT},
    {"first", FILTER_FIRST},
    {"float", FILTER_FLOAT},
    {"indent", FILTER_INDENT},
    {"int", FILTER_INT},
    {"items", FILTER_ITEMS},
    {"join", FILTER_JOIN},
    {"last", FILTER_LAST},
    {"length", FILTER_LENGTH},
    {"list", FILTER_LIST},
    {"lower", FILTER_LOWER},
    {"map", FILTER_MAP},
    {"max", FILTER_MAX},
    {"min", FILTER_MIN},
    {"reject", FILTER_REJECT},
    {"rejectattr", FILTER_REJECTATTR},
    {"replace", FILTER_REPLACE},
    {"reverse", FILTER_REVERSE},
    {"safe", FILTER_SAFE},
    {"select", FILTER_SELECT},
    {"selectattr", FILTER_SELECTATTR},
    {"sort", FILTER_SORT},
    {"string", FILTER_STRING},
    {"title", FILTER_TITLE},
    {"tojson", FILTER_TOJSON},
    {"trim", FILTER_TRIM},
    {"unique", FILTER_UNIQUE},
    {"upper", FILTER_UPPER},
};

int jinja_filter_find(struct jinja_str name)
{
    for (size_t i = 0; i < COUNT(filters); i++) {
        if (jinja_str_is(name, filters[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

static struct jinja_args args_behind(const struct jinja_args *a, size_t n)
{
    n = n < a->count ? n : a->count;
    return (struct jinja_args){a->values + n, a->names + n, a->count - n};
}

/* Those of a list; of what is false, none at all, as map and select take it. */
static bool items_if_true(struct jinja_run *r, const struct jinja_value *v, const struct jinja_list **out)
{
    static const struct jinja_list none;

    *out = &none;
    return !jinja_true(v) || jinja_items(r, v, out);
}

/* select, reject and their like: (test, its arguments...), behind the member's name where there is one. */
static bool filter_select(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args, bool member,
                          bool wanted, struct jinja_value *out)
{
    struct jinja_args rest = args_behind(args, member);
    const struct jinja_list *items;
    struct jinja_str path = {0}, name = {0};
    int test = -1;

    if (!items_if_true(r, v, &items) || !jinja_list_new(r, out) ||
        (member && !jinja_str_arg(r, args, 0, "attribute", "", &path)) ||
        !jinja_str_arg(r, &rest, 0, "test", "", &name)) {
        return false;
    }
    if (rest.count > 0) {
        test = jinja_test_find(name);
        if (test < 0) {
            return JINJA_FAIL(r, "a test that is not known");
        }
        rest = args_behind(&rest, 1);
    }
    for (size_t i = 0; i < items->count; i++) {
        struct jinja_value of = items->items[i];
        bool holds;

        if (member && !jinja_path_get(r, &items->items[i], path, &of)) {
            return false;
        }
        holds = test < 0 && jinja_true(&of);
        if ((test >= 0 && !jinja_test(r, test, &of, &rest, &holds)) ||
            (holds == wanted && !jinja_append(r, out->list, items->items[i]))) {
            return false;
        }
    }
    return true;
}

/* map(attribute=name), map(filter, its arguments...). */
static bool filter_map(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args,
                       struct jinja_value *out)
{
    const struct jinja_value *fallback = jinja_arg(args, 9, "default", NULL);
    const struct jinja_args rest = args_behind(args, 1);
    const struct jinja_list *items;
    struct jinja_str path, name;
    struct jinja_value mapped;
    int filter;

    if (!items_if_true(r, v, &items) || !jinja_list_new(r, out) || !jinja_str_arg(r, args, 9, "attribute", "", &path) ||
        !jinja_str_arg(r, args, 0, "name", "", &name)) {
        return false;
    }
    filter = path.len > 0 ? 0 : jinja_filter_find(name);
    if (filter < 0 || (path.len == 0 && filters[filter].filter == FILTER_MAP)) {
        return JINJA_FAIL(r, "map with a filter that is not known");
    }
    for (size_t i = 0; i < items->count; i++) {
        if (!(path.len > 0 ? jinja_path_get(r, &items->items[i], path, &mapped)
                           : jinja_filter(r, filter, &items->items[i], &rest, &mapped))) {
            return false;
        }
        if (!jinja_append(r, out->list, mapped.type == JINJA_UNDEFINED && fallback != NULL ? *fallback : mapped)) {
            return false;
        }
    }
    return true;
}

static bool filter_json(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args,
                        struct jinja_value *out)
{
    const struct jinja_value *separators = jinja_arg(args, 2, "separators", NULL);
    struct jinja_json_form form = {.ascii = jinja_bool_arg(args, 9, "ensure_ascii"),
                                   .sorted = jinja_bool_arg(args, 9, "sort_keys")};
    struct jinja_out text;
    struct jinja_str all;
    bool ok = jinja_int_arg(r, args, 0, "indent", -1, &form.indent);

    if (ok && form.indent > 100) {
        return JINJA_FAIL(r, "an indent of %lld", (long long)form.indent);
    }
    form.between = jinja_text(form.indent < 0 ? ", " : ",").str;
    form.colon = jinja_text(": ").str;
    if (separators != NULL && separators->type == JINJA_LIST && separators->list->count == 2 &&
        separators->list->items[0].type == JINJA_STR && separators->list->items[1].type == JINJA_STR) {
        form.between = separators->list->items[0].str;
        form.colon = separators->list->items[1].str;
    }
    jinja_out_init(&text);
    ok = ok && jinja_print_json(r, &text, v, &form, 0) && jinja_out_take(r, &text, &all);
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

static bool filter_reverse(struct jinja_run *r, const struct jinja_value *v, struct jinja_value *out)
{
    const struct jinja_list *items;
    struct jinja_value list;

    if (!jinja_items(r, v, &items) || !jinja_list_new(r, &list)) {
        return false;
    }
    for (size_t i = items->count; i > 0; i--) {
        if (!jinja_append(r, list.list, items->items[i - 1])) {
            return false;
        }
    }
    *out = list;
    return v->type != JINJA_STR || jinja_join(r, jinja_text("").str, &list, out);
}

/* What is no number gives the default. */
static bool filter_number(struct jinja_run *r, enum filter which, const struct jinja_value *v,
                          const struct jinja_args *args, struct jinja_value *out)
{
    const struct jinja_value *fallback = jinja_arg(args, 0, "default", NULL);
    char text[64];
    char *end = text;
    double real = v->type == JINJA_FLOAT ? v->real : v->type == JINJA_INT ? (double)v->integer : 0;
    bool known = v->type == JINJA_INT || v->type == JINJA_FLOAT || v->type == JINJA_BOOL;

    if (v->type == JINJA_INT || v->type == JINJA_FLOAT) {
        *out = *v;
    } else if (v->type == JINJA_STR && v->str.len < sizeof text && memchr(v->str.p, 0, v->str.len) == NULL) {
        memcpy(text, v->str.p, v->str.len);
        text[v->str.len] = 0;
        real = strtod(text, &end);
        known = end != text && *end == 0;
        *out = jinja_int(real > -9e15 && real < 9e15 && *end == 0 ? (int64_t)real : 0);
        real = *end == 0 ? real : 0;
    } else {
        *out = jinja_int(v->type == JINJA_BOOL && v->boolean);
        real = (double)out->integer;
    }
    if (!known && fallback != NULL && which != FILTER_ABS) {
        *out = *fallback;
    } else if (which == FILTER_FLOAT) {
        *out = (struct jinja_value){.type = JINJA_FLOAT, .real = real};
    } else if (which == FILTER_INT && out->type == JINJA_FLOAT) {
        if (!(real > -9e15 && real < 9e15)) {
            return JINJA_FAIL(r, "a number that is too large");
        }
        *out = jinja_int((int64_t)real);
    } else if (which == FILTER_ABS && out->type == JINJA_INT && out->integer < 0) {
        *out = jinja_int(out->integer == INT64_MIN ? INT64_MAX : -out->integer);
    } else if (which == FILTER_ABS && out->type == JINJA_FLOAT && real <= 0) {
        out->real = 0 - real;
    }
    return true;
}

/* Those that work on a text, of which they make one first. */
static bool filter_text(struct jinja_run *r, enum filter which, const struct jinja_value *v,
                        const struct jinja_args *args, struct jinja_value *out)
{
    struct jinja_str s, set;

    if (!jinja_to_str(r, v, &s)) {
        return false;
    }
    switch ((int)which) {
    case FILTER_CAPITALIZE:
        return jinja_recase(r, s, CASE_CAPITALIZE, out);
    case FILTER_TITLE:
        return jinja_recase(r, s, CASE_TITLE, out);
    case FILTER_UPPER:
        return jinja_recase(r, s, CASE_UPPER, out);
    case FILTER_LOWER:
        return jinja_recase(r, s, CASE_LOWER, out);
    case FILTER_INDENT:
        return jinja_indent(r, s, args, out);
    case FILTER_REPLACE:
        return jinja_replace(r, s, args, out);
    case FILTER_TRIM:
        if (!jinja_str_arg(r, args, 0, "chars", "", &set) || !jinja_step(r, s.len)) {
            return false;
        }
        *out = jinja_of(jinja_strip(s, true, true, set.len > 0 ? &set : NULL));
        return true;
    default: /* string, safe */
        *out = jinja_of(s);
        return true;
    }
}

static bool filter_end(struct jinja_run *r, const struct jinja_value *v, bool last, struct jinja_value *out)
{
    const struct jinja_list *items;

    if (!jinja_items(r, v, &items)) {
        return false;
    }
    *out = items->count > 0 ? items->items[last ? items->count - 1 : 0] : jinja_undefined;
    return true;
}

static bool filter_join(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args,
                        struct jinja_value *out)
{
    const struct jinja_value *attribute = jinja_arg(args, 1, "attribute", NULL);
    const struct jinja_str name = jinja_text("attribute").str;
    struct jinja_value member, mapped = *v;
    struct jinja_str between;

    if (attribute != NULL) {
        member = *attribute;
        if (!filter_map(r, v, &(const struct jinja_args){&member, &name, 1}, &mapped)) {
            return false;
        }
    }
    return jinja_str_arg(r, args, 0, "d", "", &between) && jinja_join(r, between, &mapped, out);
}

/* Letters count as small ones unless the caller says case_sensitive. */
static struct jinja_value sort_key(struct jinja_run *r, const struct jinja_value *v, bool exact)
{
    struct jinja_value low = *v;
    struct err kept = *r->err;

    if (v->type == JINJA_STR && !exact && !jinja_recase(r, v->str, CASE_LOWER, &low)) {
        *r->err = kept; /* with a sigma: as it is */
        low = *v;
    }
    return low;
}

/* By insertion, so that equal ones keep their order. pairs: by the first of each, as dictsort does. */
static bool filter_sort(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args, bool pairs,
                        struct jinja_value *out)
{
    const bool exact = jinja_bool_arg(args, pairs ? 0 : 1, "case_sensitive");
    const bool reverse = jinja_bool_arg(args, pairs ? 2 : 0, "reverse");
    const struct jinja_value *attribute = jinja_arg(args, 2, "attribute", NULL);
    const struct jinja_list *items;
    struct jinja_list keys = {0};

    if (!jinja_items(r, v, &items) || !jinja_list_new(r, out)) {
        return false;
    }
    for (size_t i = 0; i < items->count; i++) {
        struct jinja_value of = pairs ? items->items[i].list->items[0] : items->items[i];
        size_t at = i;
        int order = 0;

        if (!pairs && attribute != NULL && attribute->type == JINJA_STR &&
            !jinja_path_get(r, &items->items[i], attribute->str, &of)) {
            return false;
        }
        of = sort_key(r, &of, exact);
        if (!jinja_append(r, out->list, items->items[i]) || !jinja_append(r, &keys, of)) {
            return false;
        }
        while (at > 0) {
            if (!jinja_order(r, &of, &keys.items[at - 1], &order)) {
                return false;
            }
            if (reverse ? order <= 0 : order >= 0) {
                break;
            }
            out->list->items[at] = out->list->items[at - 1];
            keys.items[at] = keys.items[at - 1];
            at--;
        }
        out->list->items[at] = items->items[i];
        keys.items[at] = of;
    }
    return true;
}

/* The first of the largest or the smallest. */
static bool filter_most(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args, int sign,
                        struct jinja_value *out)
{
    const bool exact = jinja_bool_arg(args, 0, "case_sensitive");
    const struct jinja_value *attribute = jinja_arg(args, 1, "attribute", NULL);
    const struct jinja_list *items;
    struct jinja_value best = jinja_undefined;
    int order = 1;

    *out = jinja_undefined;
    if (!jinja_items(r, v, &items)) {
        return false;
    }
    for (size_t i = 0; i < items->count; i++) {
        struct jinja_value key = items->items[i];

        if (attribute != NULL && attribute->type == JINJA_STR &&
            !jinja_path_get(r, &items->items[i], attribute->str, &key)) {
            return false;
        }
        key = sort_key(r, &key, exact);
        if (i > 0 && !jinja_order(r, &key, &best, &order)) {
            return false;
        }
        if (i == 0 || order * sign > 0) {
            best = key;
            *out = items->items[i];
        }
    }
    return true;
}

static bool filter_unique(struct jinja_run *r, const struct jinja_value *v, const struct jinja_args *args,
                          struct jinja_value *out)
{
    const bool exact = jinja_bool_arg(args, 0, "case_sensitive");
    const struct jinja_value *attribute = jinja_arg(args, 1, "attribute", NULL);
    const struct jinja_list *items;
    struct jinja_value seen;

    if (!jinja_items(r, v, &items) || !jinja_list_new(r, out) || !jinja_list_new(r, &seen)) {
        return false;
    }
    for (size_t i = 0; i < items->count; i++) {
        struct jinja_value key = items->items[i];
        bool there;

        if (attribute != NULL && attribute->type == JINJA_STR &&
            !jinja_path_get(r, &items->items[i], attribute->str, &key)) {
            return false;
        }
        key = sort_key(r, &key, exact);
        if (!jinja_contains(r, &seen, &key, &there) ||
            (!there && (!jinja_append(r, seen.list, key) || !jinja_append(r, out->list, items->items[i])))) {
            return false;
        }
    }
    return true;
}

/* Those that work on a list, or make one. */
static bool filter_items(struct jinja_run *r, enum filter which, const struct jinja_value *v,
                         const struct jinja_args *args, struct jinja_value *out)
{
    const struct jinja_list *items;
    struct jinja_value pairs;

    switch ((int)which) {
    case FILTER_DICTSORT:
        return v->type == JINJA_DICT
                   ? jinja_dict_items(r, v->dict, true, true, &pairs) && filter_sort(r, &pairs, args, true, out)
                   : JINJA_FAIL(r, "dictsort of %s", jinja_type_name(v));
    case FILTER_SORT:
        return filter_sort(r, v, args, false, out);
    case FILTER_UNIQUE:
        return filter_unique(r, v, args, out);
    case FILTER_FIRST:
    case FILTER_LAST:
        return filter_end(r, v, which == FILTER_LAST, out);
    case FILTER_ITEMS:
        return v->type == JINJA_DICT        ? jinja_dict_items(r, v->dict, true, true, out)
               : v->type == JINJA_UNDEFINED ? jinja_list_new(r, out)
                                            : JINJA_FAIL(r, "items of %s", jinja_type_name(v));
    case FILTER_JOIN:
        return filter_join(r, v, args, out);
    case FILTER_MAP:
        return filter_map(r, v, args, out);
    case FILTER_MAX:
    case FILTER_MIN:
        return filter_most(r, v, args, which == FILTER_MAX ? 1 : -1, out);
    case FILTER_REJECT:
    case FILTER_SELECT:
        return filter_select(r, v, args, false, which == FILTER_SELECT, out);
    case FILTER_REJECTATTR:
    case FILTER_SELECTATTR:
        return filter_select(r, v, args, true, which == FILTER_SELECTATTR, out);
    case FILTER_REVERSE:
        return filter_reverse(r, v, out);
    default: /* list */
        if (!jinja_items(r, v, &items)) {
            return false;
        }
        *out = (struct jinja_value){.type = JINJA_LIST, .list = (struct jinja_list *)(uintptr_t)items};
        return true;
    }
}

bool jinja_filter(struct jinja_run *r, int filter, const struct jinja_value *v, const struct jinja_args *args,
                  struct jinja_value *out)
{
    const enum filter which = filters[filter].filter;
    int64_t length;

    switch ((int)which) {
    case FILTER_DEFAULT:
        *out = v->type == JINJA_UNDEFINED || (jinja_bool_arg(args, 1, "boolean") && !jinja_true(v))
                   ? *jinja_arg(args, 0, "default_value", &(const struct jinja_value){.type = JINJA_STR})
                   : *v;
        return true;
    case FILTER_ABS:
    case FILTER_FLOAT:
    case FILTER_INT:
        return filter_number(r, which, v, args, out);
    case FILTER_LENGTH:
        if (!jinja_length(r, v, &length)) {
            return false;
        }
        *out = jinja_int(length);
        return true;
    case FILTER_TOJSON:
        return filter_json(r, v, args, out);
    default:
        return which <= FILTER_LIST ? filter_items(r, which, v, args, out) : filter_text(r, which, v, args, out);
    }
}
