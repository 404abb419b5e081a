/* JSON (RFC 8259) one token at a time, over the received bytes: no allocation, no recursion, every byte looked at once.
 * Strict: UTF-8 without a byte order mark, no NUL in strings, no lone surrogates, integers of 64 bits, fractions within
 * double's range, depth and number of values bounded, one value and nothing behind it. Duplicate members are the
 * caller's to refuse: only it remembers names.
 *
 *     pull_init(&p, text); while (pull_next(&p, &t, err) && t.kind != PULL_END) ...
 *
 * A member is its PULL_NAME and then its value. */
#ifndef SOTTO_CODEC_PULL_H
#define SOTTO_CODEC_PULL_H

#include "base/bytes.h"
#include "base/err.h"

enum pull_kind {
    PULL_OBJECT,
    PULL_OBJECT_END,
    PULL_ARRAY,
    PULL_ARRAY_END,
    PULL_NAME,
    PULL_STRING,
    PULL_INTEGER,
    PULL_REAL,
    PULL_TRUE,
    PULL_FALSE,
    PULL_NULL,
    PULL_END, /* of the text */
};

struct pull_token {
    enum pull_kind kind;
    bool escaped;      /* of a name or string: it has escapes, see pull_unescape() */
    struct bytes text; /* as received: of a name or string what is between its quotes */
    int64_t integer;
    size_t at; /* where it begins */
};

struct pull {
    struct bytes text;
    size_t at;
    size_t values; /* counted at "{[,:", behind each of which one can stand */
    unsigned depth;
    uint64_t objects; /* bit n: level n + 1 is an object, not an array */
    int expect;
};

void pull_init(struct pull *p, struct bytes text);

/* JSON_FORM, JSON_DEPTH, ARENA_FULL (too many values); the offset is that of the byte that cannot be. After an error or
 * PULL_END it must not be called again. */
MUST_USE bool pull_next(struct pull *p, struct pull_token *t, struct err *err);

/* The characters of a name or string that pull_next() gave; at most text.len bytes into out. Returns their number. */
size_t pull_unescape(struct bytes text, char *out);

#endif
