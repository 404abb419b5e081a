#include "chat/schema.h"

#include "base/limits.h"
#include "chat/schema_parts.h"

#include <stdlib.h>

#define SCHEMA_DEPTH_MAX 64
#define REPEATS_MAX 4096
#define VALUES_MAX 65536
#define NAME_MAX_LENGTH 256

bool schema_fail(struct schema *c, const char *what)
{
    return FAIL(c->err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "%s", what);
}

static bool form_fail(struct schema *c, const char *what)
{
    return FAIL(c->err, REASON_SCHEMA_FORM, ERR_NOWHERE, "%s", what);
}

static bool rule_of(struct schema *c, const json_t *schema, uint32_t *out);

/* A count; fallback where there is none. */
static bool count_get(struct schema *c, const json_t *schema, const char *name, size_t fallback, size_t *out)
{
    const json_t *v = json_object_get(schema, name);

    *out = fallback;
    if (v == NULL) {
        return true;
    }
    if (!json_is_integer(v) || json_integer_value(v) < 0) {
        return FAIL(c->err, REASON_SCHEMA_FORM, ERR_NOWHERE, "\"%s\" is no count", name);
    }
    if (json_integer_value(v) > REPEATS_MAX) {
        return FAIL(c->err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "\"%s\" above %d", name, REPEATS_MAX);
    }
    *out = (size_t)json_integer_value(v);
    return true;
}

static int text_compare(const void *a, const void *b)
{
    const struct bytes *x = a, *y = b;
    const int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* Up to which byte all of them are the same: they are sorted. */
static size_t same_until(const struct bytes *texts, size_t count, size_t n)
{
    const struct bytes *last = &texts[count - 1];

    while (n < texts->len && n < last->len && texts->p[n] == last->p[n]) {
        n++;
    }
    return n;
}

/* How many of them have the first one's n-th byte. */
static size_t group_size(const struct bytes *texts, size_t count, size_t n)
{
    size_t same = 1;

    while (same < count && texts[same].p[n] == texts->p[n]) {
        same++;
    }
    return same;
}

/* One of the texts, which are sorted and the same up to their n-th byte: a tree, so that there is one way to read the
 * beginning that some share. */
static void texts_say(struct schema *c, uint32_t rule, const struct bytes *texts, size_t count, size_t n)
{
    uint32_t branch = UINT32_MAX;
    bool more = false;

    grammar_begin(c->g, rule);
    while (count > 0 && texts->len == n) { /* one that ends here, and what is the same */
        more = true;
        texts++;
        count--;
    }
    for (size_t i = 0, size; i < count; i += size) {
        const uint32_t r = grammar_rule(c->g);
        size_t until;

        size = group_size(texts + i, count - i, n);
        until = same_until(texts + i, size, n);
        branch = branch == UINT32_MAX ? r : branch;
        if (more) {
            grammar_or(c->g);
        }
        more = true;
        grammar_text(c->g, bytes_of(texts[i].p + n, until - n));
        grammar_use(c->g, r);
    }
    grammar_end(c->g);
    for (size_t i = 0, size; i < count && !grammar_failed(c->g); i += size, branch++) {
        size = group_size(texts + i, count - i, n);
        texts_say(c, branch, texts + i, size, same_until(texts + i, size, n));
    }
}

/* One of the list's values, or this one. */
static bool literals_rule(struct schema *c, const json_t *list, const json_t *one, uint32_t *out)
{
    const size_t count = one != NULL ? 1 : json_array_size(list);
    struct bytes *texts = calloc(count, sizeof *texts);
    struct buf all = BUF(GRAMMAR_ELEMENTS_MAX);
    size_t start = 0;
    bool ok = texts != NULL || FAIL(c->err, REASON_NO_MEMORY, ERR_NOWHERE, "a schema");

    for (size_t i = 0; ok && i < count; i++) {
        ok = json_print(one != NULL ? one : json_array_get(list, i), &all, c->err) ||
             (c->err->reason == REASON_BUF_FULL && schema_fail(c, "an enum, a const or a name that is too long"));
        texts[i].len = all.len - start;
        start = all.len;
    }
    if (ok) {
        const uint8_t *p = all.p;

        for (size_t i = 0; i < count; i++) {
            texts[i].p = p;
            p += texts[i].len;
        }
        qsort(texts, count, sizeof *texts, text_compare);
        *out = grammar_rule(c->g);
        texts_say(c, *out, texts, count, 0);
    }
    free(texts);
    buf_done(&all);
    return ok;
}

static bool list_check(struct schema *c, const json_t *list, const char *name)
{
    return json_array_size(list) > 0 ||
           FAIL(c->err, REASON_SCHEMA_FORM, ERR_NOWHERE, "\"%s\" is no list, or an empty one", name);
}

/* The rules of all of a list's schemas; free() them. */
static bool rules_of(struct schema *c, const json_t *list, const char *name, uint32_t **out, size_t *count)
{
    const size_t n = json_array_size(list);
    bool ok = true;

    if (!list_check(c, list, name)) {
        return false;
    }
    *out = calloc(n, sizeof **out);
    if (*out == NULL) {
        return FAIL(c->err, REASON_NO_MEMORY, ERR_NOWHERE, "a schema");
    }
    *count = n;
    for (size_t i = 0; ok && i < n; i++) {
        ok = rule_of(c, json_array_get(list, i), &(*out)[i]);
    }
    return ok;
}

static bool either_of(struct schema *c, const json_t *list, const char *name, uint32_t *out)
{
    uint32_t *rules = NULL;
    size_t count;
    const bool ok = rules_of(c, list, name, &rules, &count);

    if (ok) {
        *out = schema_either(c, rules, count);
    }
    free(rules);
    return ok;
}

/* ---- objects ---- */

static bool is_required(const json_t *schema, const char *name)
{
    const json_t *list = json_object_get(schema, "required"), *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && strcmp(json_string_value(v), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Each name that is required has a schema, so that its place is known. */
static bool required_check(struct schema *c, const json_t *schema, bool open)
{
    const json_t *list = json_object_get(schema, "required"), *v;
    size_t i;

    if (list != NULL && !json_is_array(list)) {
        return form_fail(c, "\"required\" is no list");
    }
    if (json_array_size(list) > SCHEMA_SEEN_MAX) {
        return schema_fail(c, "\"required\" with more than 4,096 names");
    }
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v)) {
            return form_fail(c, "\"required\" holds what is no name");
        }
        if (json_object_get(json_object_get(schema, "properties"), json_string_value(v)) == NULL) {
            return open ? FAIL(c->err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE,
                               "\"%.60s\" is required and not among the properties", json_string_value(v))
                        : FAIL(c->err, REASON_SCHEMA_FORM, ERR_NOWHERE, "\"%.60s\" is required and cannot be there",
                               json_string_value(v));
        }
    }
    return true;
}

struct names {
    const char *const *p;
    size_t count;
};

/* A name that is none of these, from the n-th character on, of those that begin with the first n of p[0]: none is
 * written in another way, with escapes. */
static uint32_t other_name(struct schema *c, const struct names *names, size_t n)
{
    const uint32_t r = grammar_rule(c->g);
    struct {
        uint8_t byte;
        uint32_t rule;
    } next[128];
    uint8_t others[32] = {0};
    size_t count = 0;
    bool ends = false, wide = true;

    for (unsigned b = 0x20; b < 0x80; b++) {
        if (b != '"' && b != '\\') {
            others[b / 8] |= (uint8_t)(1U << (b % 8));
        }
    }
    for (size_t i = 0; i < names->count; i++) {
        const uint8_t b = (uint8_t)names->p[i][n];
        size_t same = i + 1;

        if (b == 0) {
            ends = true;
            continue;
        }
        wide = wide && b < 0x80;
        others[b / 8] &= (uint8_t) ~(1U << (b % 8));
        while (same < names->count && (uint8_t)names->p[same][n] == b) {
            same++;
        }
        if (b < 0x80 && b != '\\' && b != '"') {
            const struct names group = {names->p + i, same - i};

            next[count].byte = b;
            next[count++].rule = other_name(c, &group, n + 1);
        }
        i = same - 1;
    }
    grammar_begin(c->g, r);
    grammar_set(c->g, others);
    grammar_use(c->g, c->name_rest);
    for (size_t i = 0; i < count; i++) {
        grammar_or(c->g);
        grammar_range(c->g, next[i].byte, next[i].byte);
        grammar_use(c->g, next[i].rule);
    }
    if (wide) {
        grammar_or(c->g);
        grammar_use(c->g, c->wide);
        grammar_use(c->g, c->name_rest);
    }
    if (!ends) {
        grammar_or(c->g);
        schema_say(c, "\"");
    }
    grammar_end(c->g);
    return r;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Any name but those of the properties. */
static bool other_names(struct schema *c, const json_t *properties, uint32_t *out)
{
    const size_t count = json_object_size(properties);
    const char **all = calloc(count + 1, sizeof *all);
    const char *name;
    const json_t *v;
    size_t n = 0;
    uint32_t plain, rest;

    if (all == NULL) {
        return FAIL(c->err, REASON_NO_MEMORY, ERR_NOWHERE, "a schema");
    }
    json_object_foreach(properties, name, v)
    {
        if (strlen(name) > NAME_MAX_LENGTH) {
            free(all);
            return schema_fail(c, "a property's name of more than 256 bytes, where others may come");
        }
        all[n++] = name;
    }
    qsort(all, n, sizeof *all, name_compare);
    plain = grammar_rule(c->g);
    grammar_begin(c->g, plain);
    schema_set(c, "\"\\", true);
    grammar_or(c->g);
    grammar_use(c->g, c->wide);
    grammar_end(c->g);
    rest = schema_repeat(c, plain, 0, SCHEMA_NO_END);
    {
        const uint32_t parts[] = {rest, c->quote};

        c->name_rest = schema_sequence(c, parts, 2);
    }
    {
        const struct names names = {all, n};
        const uint32_t parts[] = {c->quote, other_name(c, &names, 0)};

        *out = schema_sequence(c, parts, 2);
    }
    free(all);
    return true;
}

/* The members of an object from one of them on, in order. */
struct members {
    uint32_t some; /* at least one of them, without a comma in front */
    uint32_t rest; /* with one, or nothing */
    bool any;      /* there are some */
    bool needed;   /* some must be there */
};

/* The rules in front of one more member, optional ones again or not. */
static void member_put(struct schema *c, struct members *m, uint32_t pair, bool needed, bool again)
{
    const uint32_t some = grammar_rule(c->g), rest = grammar_rule(c->g);

    grammar_begin(c->g, some);
    grammar_use(c->g, pair);
    grammar_use(c->g, c->space);
    grammar_use(c->g, again ? rest : m->rest);
    if (!needed && m->any) {
        grammar_or(c->g);
        grammar_use(c->g, m->some);
    }
    grammar_end(c->g);
    m->needed = m->needed || needed;
    grammar_begin(c->g, rest);
    if (!m->needed) {
        grammar_or(c->g);
    }
    schema_say(c, ",");
    grammar_use(c->g, c->space);
    grammar_use(c->g, some);
    grammar_end(c->g);
    m->some = some;
    m->rest = rest;
    m->any = true;
}

/* What may follow the members that are named. */
static bool members_open(struct schema *c, const json_t *schema, struct members *m)
{
    const json_t *more = json_object_get(schema, "additionalProperties");
    const json_t *properties = json_object_get(schema, "properties");
    uint32_t name, value = c->value;

    *m = (struct members){.rest = schema_text(c, "")};
    if (json_is_false(more) || (more == NULL && properties != NULL)) {
        return true;
    }
    if (!other_names(c, properties, &name) || (json_is_object(more) && !rule_of(c, more, &value))) {
        return false;
    }
    member_put(c, m, schema_pair(c, name, value), false, true);
    return true;
}

static bool member_add(struct schema *c, const json_t *schema, const char *name, const json_t *value, struct members *m)
{
    json_t *text = json_string(name);
    uint32_t key, of;
    bool ok = text != NULL || FAIL(c->err, REASON_NO_MEMORY, ERR_NOWHERE, "a schema");

    ok = ok && literals_rule(c, NULL, text, &key) && rule_of(c, value, &of);
    json_decref(text);
    if (ok) {
        member_put(c, m, schema_pair(c, key, of), is_required(schema, name), false);
    }
    return ok;
}

static bool object_rule(struct schema *c, const json_t *schema, uint32_t *out)
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *more = json_object_get(schema, "additionalProperties");
    const bool open = !json_is_false(more) && (more != NULL || properties == NULL);
    const char *name;
    const json_t *v;
    struct members m;

    if (properties != NULL && !json_is_object(properties)) {
        return form_fail(c, "\"properties\" is no object");
    }
    if (more != NULL && !json_is_boolean(more) && !json_is_object(more)) {
        return form_fail(c, "\"additionalProperties\" is no schema");
    }
    if (!required_check(c, schema, open) || !members_open(c, schema, &m)) {
        return false;
    }
    for (size_t i = json_object_size(properties); i > 0; i--) {
        v = json_object_at(properties, i - 1, &name);
        if (!member_add(c, schema, name, v, &m)) {
            return false;
        }
    }
    *out = grammar_rule(c->g);
    grammar_begin(c->g, *out);
    schema_say(c, "{");
    grammar_use(c->g, c->space);
    if (m.any) {
        grammar_use(c->g, m.some);
    }
    schema_say(c, "}");
    if (m.any && !m.needed) {
        grammar_or(c->g);
        schema_say(c, "{");
        grammar_use(c->g, c->space);
        schema_say(c, "}");
    }
    grammar_end(c->g);
    return true;
}

/* ---- arrays ---- */

/* The rule from the i-th item on, given that from the next one. */
static uint32_t item_add(struct schema *c, size_t i, size_t least, uint32_t item, uint32_t next)
{
    const uint32_t r = grammar_rule(c->g);

    grammar_begin(c->g, r);
    if (i >= least) {
        grammar_or(c->g);
    }
    if (i > 0) {
        schema_say(c, ",");
        grammar_use(c->g, c->space);
    }
    grammar_use(c->g, item);
    grammar_use(c->g, c->space);
    grammar_use(c->g, next);
    grammar_end(c->g);
    return r;
}

/* Behind the items that are listed: none, or any number of one kind. */
static uint32_t items_tail(struct schema *c, bool more, uint32_t item)
{
    const uint32_t r = grammar_rule(c->g);

    grammar_begin(c->g, r);
    if (more) {
        grammar_or(c->g);
        schema_say(c, ",");
        grammar_use(c->g, c->space);
        grammar_use(c->g, item);
        grammar_use(c->g, c->space);
        grammar_use(c->g, r);
    }
    grammar_end(c->g);
    return r;
}

static bool array_rule(struct schema *c, const json_t *schema, uint32_t *out)
{
    const json_t *items = json_object_get(schema, "items"), *prefix = json_object_get(schema, "prefixItems");
    uint32_t *firsts = NULL, item = c->value, next;
    size_t least, most, count = 0, listed = 1;
    bool ok = count_get(c, schema, "minItems", 0, &least) && count_get(c, schema, "maxItems", SCHEMA_NO_END, &most);

    if (ok && json_is_array(items)) { /* as drafts before 2020-12 had it */
        prefix = items;
        items = json_object_get(schema, "additionalItems");
    }
    ok = ok && (prefix == NULL || rules_of(c, prefix, "prefixItems", &firsts, &count)) &&
         (items == NULL || json_is_boolean(items) || rule_of(c, items, &item));
    if (ok && json_is_false(items) && most > count) {
        most = count;
    }
    if (ok && least > most) {
        ok = form_fail(c, "an array that has more items than it may");
    }
    if (ok) {
        listed = listed < count ? count : listed;
        listed = listed < least ? least : listed;
        listed = most != SCHEMA_NO_END ? most : listed;
        next = items_tail(c, most == SCHEMA_NO_END, item);
        for (size_t i = listed; i > 0; i--) {
            next = item_add(c, i - 1, least, i - 1 < count ? firsts[i - 1] : item, next);
        }
        *out = grammar_rule(c->g);
        grammar_begin(c->g, *out);
        schema_say(c, "[");
        grammar_use(c->g, c->space);
        grammar_use(c->g, next);
        schema_say(c, "]");
        grammar_end(c->g);
    }
    free(firsts);
    return ok;
}

/* ---- numbers ---- */

/* An inclusive bound as a whole number; *given: there is one. */
static bool bound_get(struct schema *c, const json_t *schema, bool upper, bool whole, int64_t *out, bool *given)
{
    const json_t *at = json_object_get(schema, upper ? "maximum" : "minimum");
    const json_t *beyond = json_object_get(schema, upper ? "exclusiveMaximum" : "exclusiveMinimum");
    const int64_t far = 999999999999999;

    *given = at != NULL || beyond != NULL;
    if (!*given) {
        return true;
    }
    if ((at != NULL && !json_is_number(at)) || (beyond != NULL && !json_is_number(beyond))) {
        return schema_fail(c, "a bound that is no number");
    }
    if ((at != NULL && beyond != NULL) || (beyond != NULL && !whole)) {
        return schema_fail(c, "exclusiveMinimum or exclusiveMaximum of what is not an integer");
    }
    at = at != NULL ? at : beyond;
    if (!json_is_integer(at) || json_integer_value(at) > far || json_integer_value(at) < -far) {
        return schema_fail(c, "minimum or maximum that is not a whole number of at most 15 digits");
    }
    *out = json_integer_value(at) + (beyond == NULL ? 0 : upper ? -1 : 1);
    return true;
}

static bool number_rule(struct schema *c, const json_t *schema, bool whole, uint32_t *out)
{
    int64_t low = 0, high = 0;
    bool has_low, has_high;

    if (json_object_get(schema, "multipleOf") != NULL) {
        return schema_fail(c, "multipleOf");
    }
    if (!bound_get(c, schema, false, whole, &low, &has_low) || !bound_get(c, schema, true, whole, &high, &has_high)) {
        return false;
    }
    if (has_low && has_high && low > high) {
        return form_fail(c, "a number whose minimum is above its maximum");
    }
    *out = !has_low && !has_high ? (whole ? c->integer : c->number)
                                 : schema_range(c, has_low ? &low : NULL, has_high ? &high : NULL, whole);
    return true;
}

/* ---- one schema ---- */

/* What asks for a form in ways that are not held. */
static bool unsupported_check(struct schema *c, const json_t *schema)
{
    static const char *const names[] = {"not",
                                        "if",
                                        "then",
                                        "else",
                                        "dependentRequired",
                                        "dependentSchemas",
                                        "dependencies",
                                        "patternProperties",
                                        "propertyNames",
                                        "contains",
                                        "minContains",
                                        "maxContains",
                                        "unevaluatedProperties",
                                        "unevaluatedItems",
                                        "minProperties",
                                        "maxProperties",
                                        "$dynamicRef",
                                        "$recursiveRef"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (json_object_get(schema, names[i]) != NULL) {
            return FAIL(c->err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "the keyword \"%s\"", names[i]);
        }
    }
    return !json_is_true(json_object_get(schema, "uniqueItems")) || schema_fail(c, "uniqueItems");
}

/* Members that say something about the form, beside one that says all of it. */
static bool alone_check(struct schema *c, const json_t *schema, const char *name)
{
    static const char *const others[] = {"type",
                                         "properties",
                                         "required",
                                         "items",
                                         "prefixItems",
                                         "enum",
                                         "const",
                                         "anyOf",
                                         "oneOf",
                                         "allOf",
                                         "$ref",
                                         "pattern",
                                         "minLength",
                                         "maxLength",
                                         "minimum",
                                         "maximum",
                                         "minItems",
                                         "maxItems",
                                         "additionalProperties"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(others[i], name) != 0 && strcmp(others[i], "type") != 0 &&
            json_object_get(schema, others[i]) != NULL) {
            return FAIL(c->err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "\"%s\" beside \"%s\"", others[i], name);
        }
    }
    return true;
}

/* "#", "#/$defs/name": JSON pointers (RFC 6901) into the same schema. */
static bool ref_find(struct schema *c, const char *ref, const json_t **out)
{
    const json_t *at = c->root;

    if (ref[0] != '#') {
        return schema_fail(c, "$ref to another document");
    }
    for (ref++; *ref == '/' && at != NULL;) {
        char name[256];
        size_t len = 0;

        for (ref++; *ref != 0 && *ref != '/'; ref++) {
            const bool escaped = ref[0] == '~' && (ref[1] == '0' || ref[1] == '1');

            if (len + 1 == sizeof name) {
                return schema_fail(c, "$ref with a long name");
            }
            name[len++] = escaped ? (ref[1] == '0' ? '~' : '/') : *ref;
            ref += escaped;
        }
        name[len] = 0;
        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10)) : json_object_get(at, name);
    }
    *out = at;
    return (at != NULL && *ref == 0) || form_fail(c, "$ref to what is not there");
}

static bool is_object_alone(const json_t *schema)
{
    static const char *const others[] = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (json_object_get(schema, others[i]) != NULL) {
            return false;
        }
    }
    return json_is_object(json_object_get(schema, "properties"));
}

/* All of several objects: their properties together. */
static bool all_rule(struct schema *c, const json_t *list, uint32_t *out)
{
    json_t *all = json_object(), *properties = json_object(), *required = json_array();
    const json_t *one, *v, *more = NULL;
    const char *name;
    size_t i, k;
    bool ok = (all != NULL && properties != NULL && required != NULL) ||
              FAIL(c->err, REASON_NO_MEMORY, ERR_NOWHERE, "a schema");

    json_array_foreach(list, i, one)
    {
        const json_t *ref = json_object_get(one, "$ref");

        ok = ok && (!json_is_string(ref) || ref_find(c, json_string_value(ref), &one));
        if (!ok || !is_object_alone(one) || !unsupported_check(c, one)) {
            ok = ok && schema_fail(c, "allOf of what are not all objects with properties");
            break;
        }
        if (json_object_size(json_object_get(one, "properties")) + json_object_size(properties) > SCHEMA_SEEN_MAX) {
            ok = schema_fail(c, "a schema of too many parts, or nested too deeply");
            break;
        }
        json_object_foreach(json_object_get(one, "properties"), name, v)
        {
            ok = ok && (json_object_get(properties, name) == NULL || schema_fail(c, "allOf with a property twice")) &&
                 json_object_set(properties, name, (json_t *)(uintptr_t)v) == 0;
        }
        json_array_foreach(json_object_get(one, "required"), k, v)
        {
            ok = ok && json_array_append(required, (json_t *)(uintptr_t)v) == 0;
        }
        more = json_is_true(json_object_get(one, "additionalProperties"))
                   ? more
                   : json_object_get(one, "additionalProperties");
    }
    ok = ok && (more == NULL || json_is_false(more) || schema_fail(c, "allOf with additionalProperties")) &&
         json_object_set(all, "properties", properties) == 0 && json_object_set(all, "required", required) == 0 &&
         object_rule(c, all, out);
    json_decref(all);
    json_decref(properties);
    json_decref(required);
    return ok;
}

static bool typed_rule(struct schema *c, const json_t *schema, const char *type, uint32_t *out)
{
    if (strcmp(type, "object") == 0) {
        return object_rule(c, schema, out);
    }
    if (strcmp(type, "array") == 0) {
        return array_rule(c, schema, out);
    }
    if (strcmp(type, "string") == 0) {
        return schema_string(c, schema, out);
    }
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0) {
        return number_rule(c, schema, type[0] == 'i', out);
    }
    *out = strcmp(type, "boolean") == 0 ? c->boolean : c->null;
    return strcmp(type, "boolean") == 0 || strcmp(type, "null") == 0 || form_fail(c, "a type that JSON has not");
}

/* What the schema speaks of, where it does not say. */
static const char *type_guess(const json_t *schema)
{
    static const struct {
        const char *member, *type;
    } hints[] = {{"properties", "object"},
                 {"required", "object"},
                 {"additionalProperties", "object"},
                 {"items", "array"},
                 {"prefixItems", "array"},
                 {"minItems", "array"},
                 {"maxItems", "array"},
                 {"pattern", "string"},
                 {"minLength", "string"},
                 {"maxLength", "string"},
                 {"format", "string"},
                 {"minimum", "number"},
                 {"maximum", "number"},
                 {"multipleOf", "number"},
                 {"exclusiveMinimum", "number"},
                 {"exclusiveMaximum", "number"}};

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (json_object_get(schema, hints[i].member) != NULL) {
            return hints[i].type;
        }
    }
    return NULL;
}

static bool types_rule(struct schema *c, const json_t *schema, const json_t *types, uint32_t *out)
{
    uint32_t rules[8];
    const json_t *v;
    size_t i;

    if (json_array_size(types) == 0 || json_array_size(types) > 8) {
        return form_fail(c, "\"type\" is neither a name nor a list of names");
    }
    json_array_foreach(types, i, v)
    {
        if (!json_is_string(v) || !typed_rule(c, schema, json_string_value(v), &rules[i])) {
            return json_is_string(v) ? false : form_fail(c, "a type that is no name");
        }
    }
    *out = schema_either(c, rules, i);
    return true;
}

static bool form_rule(struct schema *c, const json_t *schema, uint32_t *out)
{
    const json_t *type = json_object_get(schema, "type");
    const char *guess;

    if (json_is_string(type)) {
        return typed_rule(c, schema, json_string_value(type), out);
    }
    if (type != NULL) {
        return types_rule(c, schema, type, out);
    }
    guess = type_guess(schema);
    *out = c->value;
    return guess == NULL || typed_rule(c, schema, guess, out);
}

static bool schema_rule(struct schema *c, const json_t *schema, uint32_t *out)
{
    static const char *const whole[] = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};
    const json_t *v = NULL, *target;
    size_t i = 0;

    while (i < sizeof whole / sizeof *whole && (v = json_object_get(schema, whole[i])) == NULL) {
        i++;
    }
    if (!unsupported_check(c, schema) || (v != NULL && !alone_check(c, schema, whole[i]))) {
        return false;
    }
    switch (i) {
    case 0:
        return (json_is_string(v) || form_fail(c, "$ref that is no text")) &&
               ref_find(c, json_string_value(v), &target) && rule_of(c, target, out);
    case 1:
        return literals_rule(c, NULL, v, out);
    case 2:
        return list_check(c, v, whole[i]) && literals_rule(c, v, NULL, out);
    case 3:
    case 4:
        return either_of(c, v, whole[i], out);
    case 5:
        return json_array_size(v) == 1 ? rule_of(c, json_array_get(v, 0), out) : all_rule(c, v, out);
    default:
        return form_rule(c, schema, out);
    }
}

/* One rule for one schema, so that schemas can hold themselves. */
static bool rule_of(struct schema *c, const json_t *schema, uint32_t *out)
{
    uint32_t inner;

    if (json_is_true(schema)) {
        *out = c->value;
        return true;
    }
    if (!json_is_object(schema)) {
        return json_is_false(schema) ? schema_fail(c, "the schema false") : form_fail(c, "a schema that is no object");
    }
    for (size_t i = 0; i < c->seen_count; i++) {
        if (c->seen[i].schema == schema) {
            *out = c->seen[i].rule;
            return true;
        }
    }
    if (c->seen_count == SCHEMA_SEEN_MAX || ++c->depth > SCHEMA_DEPTH_MAX || grammar_failed(c->g)) {
        return schema_fail(c, "a schema of too many parts, or nested too deeply");
    }
    *out = grammar_rule(c->g);
    c->seen[c->seen_count].schema = schema;
    c->seen[c->seen_count++].rule = *out;
    if (!schema_rule(c, schema, &inner)) {
        return false;
    }
    c->depth--;
    grammar_begin(c->g, *out);
    grammar_use(c->g, inner);
    grammar_end(c->g);
    return true;
}

/* How many values there are in it, up to one more than are allowed: members are looked for one after the other. */
static size_t values_count(const json_t *v, size_t count)
{
    const char *name;
    const json_t *inner;
    size_t i;

    json_object_foreach(v, name, inner)
    {
        count = count > VALUES_MAX ? count : values_count(inner, count);
    }
    json_array_foreach(v, i, inner)
    {
        count = count > VALUES_MAX ? count : values_count(inner, count);
    }
    return count + 1;
}

static bool begin(struct schema **out, struct err *err)
{
    struct schema *c = calloc(1, sizeof *c);

    if (c == NULL || !grammar_new(&c->g, err)) {
        free(c);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a schema");
    }
    c->err = err;
    schema_base_make(c);
    *out = c;
    return true;
}

/* schema NULL: any object. */
static bool root_of(struct schema *c, const json_t *schema, uint32_t *out)
{
    c->root = schema;
    *out = c->object;
    return (values_count(schema, 0) <= VALUES_MAX || schema_fail(c, "a schema of more than 65,536 values")) &&
           (schema == NULL || rule_of(c, schema, out));
}

static bool end(struct schema *c, bool ok, uint32_t root, struct grammar **out)
{
    ok = ok && grammar_close(c->g, root, c->err);
    if (ok) {
        *out = c->g;
    } else {
        grammar_free(c->g);
    }
    free(c);
    return ok;
}

bool schema_compile(const json_t *schema, struct grammar **out, struct err *err)
{
    struct schema *c;
    uint32_t root = 0;
    bool ok;

    if (!begin(&c, err)) {
        return false;
    }
    ok = root_of(c, schema, &root);
    return end(c, ok, root, out);
}

static bool is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";

    return name != NULL && name[0] != 0 && name[strspn(name, letters)] == 0;
}

static bool call_of(struct schema *c, const json_t *function, const struct output_call *form, uint32_t *out)
{
    const char *name = json_string_value(json_object_get(function, "name"));
    const json_t *parameters = json_object_get(function, "parameters");
    uint32_t parts[5];

    if (!is_name(name)) {
        return form_fail(c, "a tool's name of other than letters, digits and \"_.:-\"");
    }
    parameters = json_object_size(parameters) == 0 ? NULL : parameters;
    parts[0] = schema_text(c, form->open);
    parts[1] = schema_text(c, name);
    parts[2] = schema_text(c, form->between);
    parts[4] = schema_text(c, form->close);
    if (!root_of(c, parameters, &parts[3])) {
        return false;
    }
    *out = schema_sequence(c, parts, 5);
    return true;
}

#define TOOLS_MAX 256

bool schema_compile_call(const json_t *tools, const char *name, const struct output_call *form, struct grammar **out,
                         struct err *err)
{
    uint32_t calls[TOOLS_MAX];
    struct schema *c;
    const json_t *tool;
    size_t count = 0, i;
    bool ok = true;

    if (!begin(&c, err)) {
        return false;
    }
    json_array_foreach(tools, i, tool)
    {
        const json_t *function = json_object_get(tool, "function");
        const char *its = json_string_value(json_object_get(function, "name"));

        if (ok && (name[0] == 0 || (its != NULL && strcmp(its, name) == 0))) {
            ok = (count < TOOLS_MAX || schema_fail(c, "more than 256 tools")) &&
                 call_of(c, function, form, &calls[count]);
            count++;
        }
    }
    ok = ok && (count > 0 || form_fail(c, "no tool of that name"));
    return end(c, ok, ok ? schema_either(c, calls, count) : 0, out);
}
