/* How a value of codec/json.h lies in memory: for the files json*.c alone. */
#ifndef SOTTO_CODEC_JSON_TREE_H
#define SOTTO_CODEC_JSON_TREE_H

#include "base/arena.h"
#include "codec/json.h"
#include "codec/utf8.h"

struct json {
    json_type type;
    unsigned refs;          /* to a value that was made */
    struct json_tree *tree; /* that it was parsed with; NULL: it was made */
    union {
        struct {
            struct json_member *members; /* in order; those of arrays have no names */
            size_t count;
            json_t *next; /* made, without references: what is to be freed after it */
        };
        struct {
            const char *text; /* of strings and fractions; zero-terminated */
            size_t len;
        };
        int64_t integer;
    };
};

/* What was parsed from one text. */
struct json_tree {
    struct arena arena;
    unsigned refs; /* to any of its values */
};

/* Of JSON_TRUE and what follows it. */
static const char json_words[][6] = {"true", "false", "null"};

/* Bytes of the character at i < s.len, where it is one that stands for itself in a string; else 0. */
static inline size_t json_plain_length(struct bytes s, size_t i)
{
    const uint8_t c = s.p[i];

    return c >= 0x80 ? utf8_length(s, i) : c >= 0x20 && c != '"' && c != '\\';
}

#endif
