/* Inside of chat/schema*.c: a schema while it is made into rules. */
#ifndef SOTTO_CHAT_SCHEMA_PARTS_H
#define SOTTO_CHAT_SCHEMA_PARTS_H

#include "chat/schema.h"

#define SCHEMA_SEEN_MAX 4096
#define SCHEMA_NO_END SIZE_MAX

struct schema {
    struct grammar *g;
    const json_t *root;
    struct err *err;
    unsigned depth;
    struct { /* schemas that have a rule */
        const json_t *schema;
        uint32_t rule;
    } seen[SCHEMA_SEEN_MAX];
    size_t seen_count;
    /* rules */
    uint32_t space, wide, escape, character, digit, whole, quote, string, fraction, power, integer, number, boolean,
        null, value, object, array;
    uint32_t name_rest; /* the rest of any name, and its quote */
};

/* SCHEMA_UNSUPPORTED; always false. */
bool schema_fail(struct schema *c, const char *what);

/* ---- schema_base.c ---- */

void schema_base_make(struct schema *c);
void schema_say(struct schema *c, const char *text);                  /* in the rule that is said */
void schema_set(struct schema *c, const char *members, bool negated); /* one byte of ASCII, no control character */
uint32_t schema_text(struct schema *c, const char *text);
uint32_t schema_sequence(struct schema *c, const uint32_t *rules, size_t count);
uint32_t schema_either(struct schema *c, const uint32_t *rules, size_t count);
uint32_t schema_maybe(struct schema *c, uint32_t rule);
uint32_t schema_repeat(struct schema *c, uint32_t rule, size_t least, size_t most); /* most: SCHEMA_NO_END */
uint32_t schema_digits(struct schema *c, size_t least, size_t most);
uint32_t schema_pair(struct schema *c, uint32_t name, uint32_t value);

/* ---- schema_number.c ---- */

/* Numbers from low to high, both included; NULL: no bound. whole: integers only. */
uint32_t schema_range(struct schema *c, const int64_t *low, const int64_t *high, bool whole);

/* ---- schema_string.c ---- */

/* pattern, format, minLength and maxLength. */
bool schema_string(struct schema *c, const json_t *schema, uint32_t *out);

#endif
