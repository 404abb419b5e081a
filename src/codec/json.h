/* JSON (RFC 8259), strict: one value and nothing behind it, no duplicate members, UTF-8 without a byte order mark, no
 * NUL and no lone surrogate in strings, integers of 64 bits, fractions within double's range, depth and number of
 * values bounded. Getters name the member in their errors and borrow from it.
 *
 * A value that was parsed is read-only, and part of one piece of memory that lives until each reference to any value in
 * it is given back; about 64 bytes a value beside the text. Values that json_object() and the like made can be changed,
 * and hold parsed ones. One thread at a time.
 *
 * What is hashed or signed is never printed again: json_parse_span() gives the exact bytes of a member's value. */
#ifndef SOTTO_CODEC_JSON_H
#define SOTTO_CODEC_JSON_H

#include "base/buf.h"

typedef struct json json_t;

typedef enum {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_INTEGER, /* it was written without point and exponent */
    JSON_REAL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
} json_type;

/* ---- reading ---- */

/* JSON_FORM (also for a member that is there twice), JSON_DEPTH, ARENA_FULL (too many values), NO_MEMORY. The offset is
 * that of the byte that cannot be; of a member that is there twice, that of the second. */
MUST_USE bool json_parse(struct bytes text, json_t **out, struct err *err);

/* The same, and the exact bytes of the value of a member of the outermost object (Intel's collateral is signed over
 * such); NULL, 0 where no member is spelled so: a name with escapes is not taken for the same. */
MUST_USE bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err);

/* The bytes are exactly those that json_print_canonical() would give for what they say: JSON_CANONICAL. */
MUST_USE bool json_parse_canonical(struct bytes text, json_t **out, struct err *err);

/* ---- looking ----
 *
 * v may be NULL or of another type: then there is nothing (NULL, 0, false). */

json_type json_typeof(const json_t *v); /* not of NULL */
bool json_is(const json_t *v, json_type type);
#define json_is_object(v) json_is(v, JSON_OBJECT)
#define json_is_array(v) json_is(v, JSON_ARRAY)
#define json_is_string(v) json_is(v, JSON_STRING)
#define json_is_integer(v) json_is(v, JSON_INTEGER)
#define json_is_real(v) json_is(v, JSON_REAL)
#define json_is_number(v) (json_is_integer(v) || json_is_real(v))
#define json_is_true(v) json_is(v, JSON_TRUE)
#define json_is_false(v) json_is(v, JSON_FALSE)
#define json_is_boolean(v) (json_is_true(v) || json_is_false(v))
#define json_is_null(v) json_is(v, JSON_NULL)

const char *json_string_value(const json_t *v); /* zero-terminated */
size_t json_string_length(const json_t *v);
int64_t json_integer_value(const json_t *v);
double json_number_value(const json_t *v); /* of an integer or a fraction, the nearest that there is */

json_t *json_object_get(const json_t *object, const char *name);
size_t json_object_size(const json_t *object);
/* The i-th member in order; NULL behind the last. */
json_t *json_object_at(const json_t *object, size_t i, const char **name);
json_t *json_array_get(const json_t *array, size_t i);
size_t json_array_size(const json_t *array);

#define json_object_foreach(object, name, v) \
    for (size_t member_ = 0; ((v) = json_object_at(object, member_, &(name))) != NULL; member_++)
#define json_array_foreach(array, i, v) for ((i) = 0; ((v) = json_array_get(array, i)) != NULL; (i)++)

/* Members of an object: JSON_MEMBER where it is missing, JSON_TYPE where it is another type, JSON_RANGE. */
MUST_USE bool json_get(const json_t *object, const char *member, json_type type, json_t **out, struct err *err);
MUST_USE bool json_get_str(const json_t *object, const char *member, const char **out, struct err *err);
MUST_USE bool json_get_u64(const json_t *object, const char *member, uint64_t max, uint64_t *out, struct err *err);
MUST_USE bool json_get_bool(const json_t *object, const char *member, bool *out, struct err *err);
/* 2 * len hexadecimal digits. */
MUST_USE bool json_get_hex(const json_t *object, const char *member, void *out, size_t len, struct err *err);
/* base64 (standard), appended to out. */
MUST_USE bool json_get_base64(const json_t *object, const char *member, struct buf *out, struct err *err);

/* Every member is one of names (ended by NULL): JSON_UNKNOWN names the first that is not. JSON_TYPE if no object. */
MUST_USE bool json_only(const json_t *object, const char *const *names, struct err *err);

/* ---- making ----
 *
 * NULL: no memory. Where a value is taken over, it is also when the call fails, and NULL makes it fail: one check at
 * the end covers making and storing. */

json_t *json_new(json_type type); /* empty, 0 */
#define json_object() json_new(JSON_OBJECT)
#define json_array() json_new(JSON_ARRAY)
#define json_null() json_new(JSON_NULL)
#define json_boolean(b) json_new((b) ? JSON_TRUE : JSON_FALSE)
json_t *json_string(const char *text);              /* NULL: also of NULL, or of what is not UTF-8 */
json_t *json_stringn(const char *text, size_t len); /* the same; may hold NUL */
json_t *json_integer(int64_t n);
json_t *json_real(double d); /* finite; printed with as few digits as tell it from every other */

json_t *json_incref(json_t *v); /* v, for one more owner */
void json_decref(json_t *v);    /* NULL is allowed */

struct json_member {
    const char *name;
    json_t *value; /* is taken over */
};

/* An object of {name, value} pairs, each name once. */
#define json_object_of(...) json_object_make((const struct json_member[]){__VA_ARGS__, {NULL, NULL}})
json_t *json_object_make(const struct json_member *members);
/* Another object of the same members, which can be changed. */
json_t *json_object_copy(const json_t *object);

/* -1: it failed, also for a container that was parsed. A member of the same name is replaced; *_new() take v over, the
 * others do not. */
int json_object_set_new(json_t *object, const char *name, json_t *v);
#define json_object_set(object, name, v) json_object_set_new(object, name, json_incref(v))
int json_array_insert_new(json_t *array, size_t at, json_t *v); /* at the most the size */
int json_array_append_new(json_t *array, json_t *v);
#define json_array_append(array, v) json_array_append_new(array, json_incref(v))
void json_array_truncate(json_t *array, size_t size); /* the first of them remain */

/* ---- printing ---- */

/* RFC 8785 (JCS), the one printer of what is hashed: objects, arrays, strings, booleans, null and integers of magnitude
 * below 2^53. JSON_RANGE for anything else. */
MUST_USE bool json_print_canonical(const json_t *value, struct buf *out, struct err *err);

/* Compact JSON for replies; members in order of insertion, fractions as they were written. */
MUST_USE bool json_print(const json_t *value, struct buf *out, struct err *err);

/* One string with its quotes, escaped; bytes that are not UTF-8 become U+FFFD. */
MUST_USE bool json_print_str(struct bytes s, struct buf *out, struct err *err);

#endif
