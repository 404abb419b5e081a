#include "base/hex.h"
#include "codec/json_tree.h"

#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

json_t *json_new(json_type type)
{
    json_t *v = calloc(1, sizeof *v);

    if (v != NULL) {
        v->type = type;
        v->refs = 1;
    }
    return v;
}

json_t *json_integer(int64_t n)
{
    json_t *v = json_new(JSON_INTEGER);

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

json_t *json_stringn(const char *text, size_t len)
{
    json_t *v = json_new(JSON_STRING);

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

json_t *json_string(const char *text)
{
    return text == NULL ? NULL : json_stringn(text, strlen(text));
}

static unsigned *refs_of(json_t *v)
{
    return v->tree != NULL ? &v->tree->refs : &v->refs;
}

json_t *json_incref(json_t *v)
{
    if (v != NULL) {
        ++*refs_of(v);
    }
    return v;
}

/* A prompt or an answer may stand there. */
static void text_free(const char *text)
{
    if (text != NULL) {
        char *p = (char *)(uintptr_t)text;

        explicit_bzero(p, strlen(p));
        free(p);
    }
}

/* One reference less. Of containers that have none then a list is made, from *dead on. */
static void release(json_t *v, json_t **dead)
{
    if (v == NULL || --*refs_of(v) > 0) {
        return;
    }
    if (v->tree != NULL) {
        struct json_tree *tree = v->tree;

        arena_done(&tree->arena);
        free(tree);
    } else if (v->type == JSON_OBJECT || v->type == JSON_ARRAY) {
        v->next = *dead;
        *dead = v;
    } else {
        text_free(v->type == JSON_STRING || v->type == JSON_REAL ? v->text : NULL);
        free(v);
    }
}

/* By a list, not by recursion: however deep the values are. */
void json_decref(json_t *v)
{
    json_t *dead = NULL;

    release(v, &dead);
    while (dead != NULL) {
        v = dead;
        dead = v->next;
        for (size_t i = 0; i < v->count; i++) {
            text_free(v->members[i].name);
            release(v->members[i].value, &dead);
        }
        free(v->members);
        free(v);
    }
}

/* Takes the name over too. */
static int member_insert(json_t *container, json_type type, size_t at, char *name, json_t *v)
{
    const bool ok = v != NULL && json_is(container, type) && container->tree == NULL && at <= container->count &&
                    (type == JSON_ARRAY || name != NULL);
    struct json_member *m = ok ? realloc(container->members, (container->count + 1) * sizeof *m) : NULL;

    if (m == NULL) {
        text_free(name);
        json_decref(v);
        return -1;
    }
    container->members = m;
    memmove(m + at + 1, m + at, (container->count++ - at) * sizeof *m);
    m[at] = (struct json_member){.name = name, .value = v};
    return 0;
}

static struct json_member *member_find(const json_t *object, const char *name)
{
    for (size_t i = 0; i < json_object_size(object); i++) {
        if (strcmp(object->members[i].name, name) == 0) {
            return &object->members[i];
        }
    }
    return NULL;
}

int json_object_set_new(json_t *object, const char *name, json_t *v)
{
    struct json_member *old = v != NULL ? member_find(object, name) : NULL;

    if (old != NULL && object->tree == NULL) {
        json_decref(old->value);
        old->value = v;
        return 0;
    }
    return member_insert(object, JSON_OBJECT, json_object_size(object), text_new(name, strlen(name)), v);
}

int json_array_insert_new(json_t *array, size_t at, json_t *v)
{
    return member_insert(array, JSON_ARRAY, at, NULL, v);
}

int json_array_append_new(json_t *array, json_t *v)
{
    return json_array_insert_new(array, json_array_size(array), v);
}

/* ---- looking ---- */

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

json_t *json_object_get(const json_t *object, const char *name)
{
    const struct json_member *m = member_find(object, name);

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

static const char *const type_names[] = {"an object", "an array", "a string", "an integer",
                                         "a number",  "true",     "false",    "null"};

bool json_get(const json_t *object, const char *member, json_type type, json_t **out, struct err *err)
{
    json_t *v = json_object_get(object, member);

    if (v == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member);
    }
    if (v->type != type) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%s\" is %s, not %s", member, type_names[v->type],
                    type_names[type]);
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
