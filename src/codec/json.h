/* JSON over jansson, strict: one value and nothing behind it, no duplicate members, UTF-8, no NUL in strings, depth and
 * size bounded. A value is jansson's json_t; json_decref() frees it. Getters name the member in their errors and borrow
 * from it.
 *
 * What is hashed or signed is never printed again: json_span() gives the exact bytes of a member's value. */
#ifndef SOTTO_CODEC_JSON_H
#define SOTTO_CODEC_JSON_H

#include "base/buf.h"

#ifdef SOTTO_JSON_OWN /* the verification library and wasm32 */
#include "codec/value_json.h"
#else
#include <jansson.h>
#endif

/* JSON_FORM (with jansson's offset), JSON_DEPTH, ARENA_FULL (too many values). */
MUST_USE bool json_parse(struct bytes text, json_t **out, struct err *err);

/* The exact bytes of the value of a member of the outermost object (Intel's collateral is signed over such).
 * JSON_MEMBER. text must have passed json_parse(). */
MUST_USE bool json_span(struct bytes text, const char *member, struct bytes *out, struct err *err);

/* Both at once; *span is NULL where no member is spelled so. */
MUST_USE bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err);

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

/* RFC 8785 (JCS), the one printer of what is hashed: objects, arrays, strings, booleans, null and integers of magnitude
 * below 2^53. JSON_RANGE for anything else. */
MUST_USE bool json_print_canonical(const json_t *value, struct buf *out, struct err *err);
/* The bytes are exactly those that json_print_canonical() would give for what they say: JSON_CANONICAL. */
MUST_USE bool json_parse_canonical(struct bytes text, json_t **out, struct err *err);

/* Compact JSON for replies; members in order of insertion. */
MUST_USE bool json_print(const json_t *value, struct buf *out, struct err *err);

/* One string with its quotes, escaped; bytes that are not UTF-8 become U+FFFD. */
MUST_USE bool json_print_str(struct bytes s, struct buf *out, struct err *err);

#endif
