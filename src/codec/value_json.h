/* jansson's names for codec/value.h, in builds without jansson. Included by codec/json.h alone. */
#ifndef SOTTO_CODEC_VALUE_JSON_H
#define SOTTO_CODEC_VALUE_JSON_H

#include "codec/value.h"

typedef struct value json_t;
typedef enum value_type json_type;
typedef int64_t json_int_t;

#define JSON_OBJECT VALUE_OBJECT
#define JSON_ARRAY VALUE_ARRAY
#define JSON_STRING VALUE_STRING
#define JSON_INTEGER VALUE_INTEGER
#define JSON_REAL VALUE_REAL
#define JSON_TRUE VALUE_TRUE
#define JSON_FALSE VALUE_FALSE
#define JSON_NULL VALUE_NULL

#define json_typeof(v) ((v)->type)
#define json_is_object(v) value_is(v, VALUE_OBJECT)
#define json_is_array(v) value_is(v, VALUE_ARRAY)
#define json_is_string(v) value_is(v, VALUE_STRING)
#define json_is_integer(v) value_is(v, VALUE_INTEGER)
#define json_is_true(v) value_is(v, VALUE_TRUE)
#define json_is_false(v) value_is(v, VALUE_FALSE)
#define json_is_null(v) value_is(v, VALUE_NULL)
#define json_is_boolean(v) (json_is_true(v) || json_is_false(v))

#define json_object() value_new(VALUE_OBJECT)
#define json_array() value_new(VALUE_ARRAY)
#define json_null() value_new(VALUE_NULL)
#define json_true() value_new(VALUE_TRUE)
#define json_false() value_new(VALUE_FALSE)
#define json_boolean(b) value_new((b) ? VALUE_TRUE : VALUE_FALSE)
#define json_string(text) value_new_string(text)
#define json_integer(n) value_new_integer(n)
#define json_incref(v) value_ref(v)
#define json_decref(v) value_unref(v)

#define json_object_get(object, name) value_get(object, name)
#define json_object_size(object) value_count(object, VALUE_OBJECT)
#define json_object_set_new(object, name, v) value_set_new(object, name, v)
#define json_object_set(object, name, v) value_set_new(object, name, value_ref(v))
#define json_array_get(array, i) value_at(array, i)
#define json_array_size(array) value_count(array, VALUE_ARRAY)
#define json_array_append_new(array, v) value_append_new(array, v)
#define json_array_append(array, v) value_append_new(array, value_ref(v))

#define json_object_foreach(object, key, v) \
    for (size_t member_ = 0; \
         member_ < value_count(object, VALUE_OBJECT) && \
         ((key) = (object)->members[member_].name, (v) = (object)->members[member_].value, (v) != NULL); \
         member_++)
#define json_array_foreach(array, i, v) \
    for ((i) = 0; (i) < value_count(array, VALUE_ARRAY) && ((v) = (array)->members[i].value, (v) != NULL); (i)++)

static inline const char *json_string_value(const json_t *v)
{
    return value_is(v, VALUE_STRING) ? v->text : NULL;
}

static inline size_t json_string_length(const json_t *v)
{
    return value_is(v, VALUE_STRING) ? v->len : 0;
}

static inline json_int_t json_integer_value(const json_t *v)
{
    return value_is(v, VALUE_INTEGER) ? v->integer : 0;
}

#endif
