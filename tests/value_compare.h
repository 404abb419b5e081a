/* codec/value.h against jansson, its oracle: both take a text or both refuse it, and then say the same. */
#ifndef SOTTO_TESTS_VALUE_COMPARE_H
#define SOTTO_TESTS_VALUE_COMPARE_H

#include "codec/json.h"
#include "codec/value.h"

#include <stdlib.h>

static inline bool value_same(const struct value *v, const json_t *o)
{
    size_t i = 0;
    const char *name;
    json_t *member;

    if ((int)v->type != (int)json_typeof(o)) {
        return false;
    }
    switch (v->type) {
    case VALUE_OBJECT:
        json_object_foreach((json_t *)(uintptr_t)o, name, member)
        {
            if (i >= v->count || v->members[i].name_len != strlen(name) || strcmp(v->members[i].name, name) != 0 ||
                !value_same(v->members[i].value, member) || value_get(v, name) != v->members[i].value) {
                return false;
            }
            i++;
        }
        return i == v->count;
    case VALUE_ARRAY:
        json_array_foreach(o, i, member)
        {
            if (value_at(v, i) == NULL || !value_same(value_at(v, i), member)) {
                return false;
            }
        }
        return i == v->count;
    case VALUE_STRING:
        return v->len == json_string_length(o) && memcmp(v->text, json_string_value(o), v->len + 1) == 0;
    case VALUE_INTEGER:
        return v->integer == json_integer_value(o);
    case VALUE_REAL: {
        const double mine = strtod(v->text, NULL), theirs = json_real_value(o);

        return memcmp(&mine, &theirs, sizeof mine) == 0;
    }
    case VALUE_TRUE:
    case VALUE_FALSE:
    case VALUE_NULL:
        return true;
    }
    return false;
}

/* *accepted: both took it. False: they disagree. */
static inline bool value_agrees(struct bytes text, bool *accepted)
{
    struct value *v = NULL;
    struct err mine = {0}, theirs = {0};
    json_t *o = NULL;
    const bool a = value_parse(text, &v, &mine), b = json_parse(text, &o, &theirs);
    const bool same = a == b && (!a || value_same(v, o));

    *accepted = a && b;
    value_unref(v);
    json_decref(o);
    return same;
}

#endif
