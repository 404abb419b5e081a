#include "base/base64.h"
#include "base/hex.h"
#include "codec/json_tree.h"
#include "codec/utf8.h"

#include <stdlib.h>

/* ---- making ---- */

static json_t *value_new(json_type type)
{
    json_t *v = calloc(1, sizeof *v);

    if (v != NULL) {
        v->type = type;
        v->refs = 1;
    }
    return v;
}

json_t *json_object(void)
{
    return value_new(JSON_OBJECT);
}

json_t *json_array(void)
{
    return value_new(JSON_ARRAY);
}

json_t *json_boolean(bool b)
{
    return value_new(b ? JSON_TRUE : JSON_FALSE);
}

json_t *json_null(void)
{
    return value_new(JSON_NULL);
}

json_t *json_integer(int64_t n)
{
    json_t *v = value_new(JSON_INTEGER);

    if (v != NULL) {
        v->integer = n;
    }
    return v;
}

/* Zero-terminated; NULL also for what is not UTF-8. */
static char *text_new(const char *text, size_t len)
{
    const struct bytes b = bytes_of(text, len);
    char *copy;

    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_length(b, i);
        if (n == 0) {
            return NULL;
        }
    }
    copy = calloc(len + 1, 1);
    return copy == NULL || len == 0 ? copy : memcpy(copy, text, len);
}

json_t *json_text_new(json_type type, const char *text, size_t len)
{
    json_t *v = value_new(type);

    if (v != NULL) {
        v->len = len;
        v->text = text_new(text, len);
        if (v->text == NULL) {
            free(v);
            return NULL;
        }
    }
    return v;
}

json_t *json_stringn(const char *text, size_t len)
{
    return json_text_new(JSON_STRING, text, len);
}

json_t *json_string(const char *text)
{
    return text == NULL ? NULL : json_stringn(text, strlen(text));
}

json_t *json_incref(json_t *v)
{
    if (v != NULL) {
        ++*(v->tree != NULL ? &v->tree->refs : &v->refs);
    }
    return v;
}

/* One reference less. A container that then has none comes before *dead, and is returned. */
static json_t *release(json_t *v, json_t *dead)
{
    if (v == NULL || --*(v->tree != NULL ? &v->tree->refs : &v->refs) > 0) {
        return dead;
    }
    if (v->tree != NULL) {
        struct json_tree *tree = v->tree;

        arena_done(&tree->arena);
        free(tree);
        return dead;
    }
    if (v->type == JSON_OBJECT || v->type == JSON_ARRAY) {
        v->next = dead;
        return v;
    }
    if (v->type == JSON_STRING || v->type == JSON_REAL) {
        free((void *)(uintptr_t)v->text);
    }
    free(v);
    return dead;
}

/* By a list, not by recursion: however deep the values are. */
void json_decref(json_t *v)
{
    json_t *dead = release(v, NULL);

    while (dead != NULL) {
        v = dead;
        dead = v->next;
        for (size_t i = 0; i < v->count; i++) {
            free((void *)(uintptr_t)v->members[i].name);
            dead = release(v->members[i].value, dead);
        }
        free(v->members);
        free(v);
    }
}

static int member_insert(json_t *container, size_t at, struct json_member m)
{
    if (container->count == container->room) {
        const size_t room = container->room == 0 ? 8 : 2 * container->room;
        struct json_member *more = realloc(container->members, room * sizeof *more);

        if (more == NULL) {
            return -1;
        }
        container->members = more;
        container->room = room;
    }
    memmove(container->members + at + 1, container->members + at, (container->count - at) * sizeof m);
    container->members[at] = m;
    container->count++;
    return 0;
}

static struct json_member *member_find(const json_t *object, const char *name)
{
    for (size_t i = 0; i < object->count; i++) {
        if (strcmp(object->members[i].name, name) == 0) {
            return &object->members[i];
        }
    }
    return NULL;
}

int json_object_set_new(json_t *object, const char *name, json_t *v)
{
    struct json_member m = {.value = v}, *old;

    if (v == NULL || !json_is_object(object) || object->tree != NULL) {
        json_decref(v);
        return -1;
    }
    old = member_find(object, name);
    if (old != NULL) {
        json_decref(old->value);
        old->value = v;
        return 0;
    }
    m.name = text_new(name, strlen(name));
    if (m.name == NULL || member_insert(object, object->count, m) != 0) {
        free((void *)(uintptr_t)m.name);
        json_decref(v);
        return -1;
    }
    return 0;
}

int json_object_set(json_t *object, const char *name, json_t *v)
{
    return json_object_set_new(object, name, json_incref(v));
}

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

int json_array_insert_new(json_t *array, size_t at, json_t *v)
{
    const struct json_member m = {.value = v};

    if (v == NULL || !json_is_array(array) || array->tree != NULL || at > array->count ||
        member_insert(array, at, m) != 0) {
        json_decref(v);
        return -1;
    }
    return 0;
}

int json_array_append_new(json_t *array, json_t *v)
{
    return json_array_insert_new(array, json_array_size(array), v);
}

int json_array_append(json_t *array, json_t *v)
{
    return json_array_append_new(array, json_incref(v));
}

void json_array_truncate(json_t *array, size_t size)
{
    while (json_array_size(array) > size && array->tree == NULL) {
        json_decref(array->members[--array->count].value);
    }
}

/* ---- looking ---- */

json_type json_typeof(const json_t *v)
{
    return v->type;
}

bool json_is(const json_t *v, json_type type)
{
    return v != NULL && v->type == type;
}

const char *json_string_value(const json_t *v)
{
    return json_is_string(v) ? v->text : NULL;
}

size_t json_string_length(const json_t *v)
{
    return json_is_string(v) ? v->len : 0;
}

int64_t json_integer_value(const json_t *v)
{
    return json_is_integer(v) ? v->integer : 0;
}

int json_name_compare(const void *a, const void *b)
{
    return strcmp((*(const struct json_member *const *)a)->name, (*(const struct json_member *const *)b)->name);
}

json_t *json_object_get(const json_t *object, const char *name)
{
    const struct json_member key = {.name = name}, *const wanted = &key, *m;

    if (!json_is_object(object)) {
        return NULL;
    }
    if (object->tree != NULL && object->sorted != NULL) {
        const struct json_member **found =
            bsearch(&wanted, object->sorted, object->count, sizeof *object->sorted, json_name_compare);

        return found == NULL ? NULL : (*found)->value;
    }
    m = member_find(object, name);
    return m == NULL ? NULL : m->value;
}

size_t json_object_size(const json_t *object)
{
    return json_is_object(object) ? object->count : 0;
}

json_t *json_object_at(const json_t *object, size_t i, const char **name)
{
    if (i >= json_object_size(object)) {
        return NULL;
    }
    *name = object->members[i].name;
    return object->members[i].value;
}

size_t json_array_size(const json_t *array)
{
    return json_is_array(array) ? array->count : 0;
}

json_t *json_array_get(const json_t *array, size_t i)
{
    return i < json_array_size(array) ? array->members[i].value : NULL;
}

static const char *type_name(json_type t)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};

    return names[t];
}

bool json_get(const json_t *object, const char *member, json_type type, json_t **out, struct err *err)
{
    json_t *v = json_object_get(object, member);

    if (v == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member);
    }
    if (json_typeof(v) != type) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%s\" is %s, not %s", member, type_name(json_typeof(v)),
                    type_name(type));
    }
    *out = v;
    return true;
}

bool json_get_str(const json_t *object, const char *member, const char **out, struct err *err)
{
    json_t *v;

    if (!json_get(object, member, JSON_STRING, &v, err)) {
        return false;
    }
    *out = json_string_value(v);
    return true;
}

bool json_get_u64(const json_t *object, const char *member, uint64_t max, uint64_t *out, struct err *err)
{
    json_t *v;
    int64_t n;

    if (!json_get(object, member, JSON_INTEGER, &v, err)) {
        return false;
    }
    n = json_integer_value(v);
    if (n < 0 || (uint64_t)n > max) {
        return FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "\"%s\" is %lld, not within 0..%llu", member, (long long)n,
                    (unsigned long long)max);
    }
    *out = (uint64_t)n;
    return true;
}

bool json_get_bool(const json_t *object, const char *member, bool *out, struct err *err)
{
    const json_t *v = json_object_get(object, member);

    if (v == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member);
    }
    if (!json_is_boolean(v)) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%s\" is %s, not true or false", member,
                    type_name(json_typeof(v)));
    }
    *out = json_is_true(v);
    return true;
}

bool json_get_hex(const json_t *object, const char *member, void *out, size_t len, struct err *err)
{
    const char *s;

    if (!json_get_str(object, member, &s, err)) {
        return false;
    }
    if (!hex_decode(bytes_of_str(s), out, len, err)) {
        err->offset = ERR_NOWHERE; /* it counted within the member */
        err_prefix(err, member);
        return false;
    }
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

bool json_only(const json_t *object, const char *const *names, struct err *err)
{
    const char *key;
    json_t *v;

    if (!json_is_object(object)) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "not an object");
    }
    json_object_foreach(object, key, v)
    {
        size_t i = 0;

        while (names[i] != NULL && strcmp(names[i], key) != 0) {
            i++;
        }
        if (names[i] == NULL) {
            return FAIL(err, REASON_JSON_UNKNOWN, ERR_NOWHERE, "member \"%.100s\"", key);
        }
    }
    return true;
}
