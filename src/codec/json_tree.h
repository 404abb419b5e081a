/* How a value of codec/json.h lies in memory: for the files json*.c alone. */
#ifndef SOTTO_CODEC_JSON_TREE_H
#define SOTTO_CODEC_JSON_TREE_H

#include "base/arena.h"
#include "codec/json.h"

struct json {
    json_type type;
    unsigned refs;          /* to a value that was made */
    struct json_tree *tree; /* that it was parsed with; NULL: it was made */
    union {
        struct {
            struct json_member *members; /* in order; those of arrays have no names */
            size_t count, room;
            union {
                const struct json_member **sorted; /* parsed: by name where there are many, else NULL */
                json_t *next;                      /* made: that is to be freed after it */
            };
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

/* A string, or a fraction that is spelled so. NULL: no memory, or not UTF-8. */
json_t *json_text_new(json_type type, const char *text, size_t len);

/* A character that stands for itself in a string. */
static inline bool json_is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* For qsort() and bsearch() over pointers to members. */
int json_name_compare(const void *a, const void *b);

#endif
