/* What the programs use, and the verifier does not. */
#include "base/base64.h"
#include "codec/json_scan.h"
#include "codec/json_tree.h"

#include <stdio.h>
#include <stdlib.h>

json_t *json_object_make(const struct json_member *members)
{
    json_t *object = json_object();
    bool ok = object != NULL;

    for (; members->name != NULL; members++) {
        ok = json_object_set_new(object, members->name, members->value) == 0 && ok;
    }
    if (!ok) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *json_object_copy(const json_t *object)
{
    json_t *copy = json_object(), *v;
    const char *name;

    json_object_foreach(object, name, v)
    {
        if (json_object_set(copy, name, v) != 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

void json_array_truncate(json_t *array, size_t size)
{
    while (json_array_size(array) > size && array->tree == NULL) {
        json_decref(array->members[--array->count].value);
    }
}

json_type json_typeof(const json_t *v)
{
    return v->type;
}

/* ---- fractions ----
 *
 * strtod() and printf() follow the locale of the process: ours never set one. */

double json_number_value(const json_t *v)
{
    return json_is_real(v) ? strtod(v->text, NULL) : (double)json_integer_value(v);
}

json_t *json_real(double d)
{
    char text[40];
    int digits = 15; /* what any double has; 17 are always enough */
    json_t *v;

    if (!(d - d <= 0)) { /* infinite, or no number */
        return NULL;
    }
    do {
        (void)snprintf(text, sizeof text - 2, "%.*g", digits, d);
    } while (digits++ < 17 && (strtod(text, NULL) < d || strtod(text, NULL) > d));
    if (strpbrk(text, ".e") == NULL) { /* or it would be read as an integer */
        memcpy(text + strlen(text), ".0", 3);
    }
    v = json_string(text);
    if (v != NULL) {
        v->type = JSON_REAL;
    }
    return v;
}

/* ---- getters ---- */

bool json_get_bool(const json_t *object, const char *member, bool *out, struct err *err)
{
    json_t *v = json_object_get(object, member);

    if (v != NULL && !json_is_boolean(v)) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%s\" is neither true nor false", member);
    }
    if (!json_is_false(v) && !json_get(object, member, JSON_TRUE, &v, err)) {
        return false;
    }
    *out = json_is_true(v);
    return true;
}

bool json_get_base64(const json_t *object, const char *member, struct buf *out, struct err *err)
{
    const char *s;

    if (!json_get_str(object, member, &s, err)) {
        return false;
    }
    if (!base64_decode(bytes_of_str(s), BASE64_STANDARD, out, err)) {
        err->offset = ERR_NOWHERE;
        err_prefix(err, member);
        return false;
    }
    return true;
}

/* ---- spans ---- */

/* The bytes of the value at hand, and behind it. Calls itself LIMIT_JSON_DEPTH levels deep at most. */
static bool value_span(struct json_scan *s, struct bytes *span, struct err *err)
{
    struct json_token t, name;
    struct bytes inner;
    bool more;

    if (!json_scan_value(s, &t, err)) {
        return false;
    }
    for (more = t.type == JSON_OBJECT || t.type == JSON_ARRAY; more;) {
        if (!json_scan_next(s, t.type == JSON_OBJECT, &more, err) ||
            (more && ((t.type == JSON_OBJECT && !json_scan_name(s, &name, err)) || !value_span(s, &inner, err)))) {
            return false;
        }
    }
    *span = bytes_of(s->text.p + t.at, s->at - t.at);
    return true;
}

/* The text was parsed before, so that the scanner's calls do not fail. */
static struct bytes member_span(struct bytes text, struct bytes member)
{
    struct bytes found = {.len = 0}, span;
    struct json_token t, name;
    struct err err = {0};
    struct json_scan s;
    bool more = true;

    json_scan_init(&s, text);
    if (!json_scan_value(&s, &t, &err) || t.type != JSON_OBJECT) {
        return found;
    }
    while (json_scan_next(&s, true, &more, &err) && more && json_scan_name(&s, &name, &err) &&
           value_span(&s, &span, &err)) {
        found = bytes_equal(name.text, member) ? span : found;
    }
    return found;
}

bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err)
{
    if (!json_parse(text, out, err)) {
        return false;
    }
    *span = member_span(text, bytes_of_str(member));
    return true;
}
