/* What pre-tokenizers ask of a character: its general category's first letter (L, N, M, P, S), or whether it is a space
 * (property White_Space, whatever the category). The table is made by tools/unicode_tables.py. Pure. */
#ifndef SOTTO_MODEL_UNICODE_H
#define SOTTO_MODEL_UNICODE_H

#include "base/bytes.h"

enum unicode_class {
    UNICODE_OTHER, /* C*: controls, formats, private and unassigned ones */
    UNICODE_MARK,
    UNICODE_PUNCTUATION,
    UNICODE_SYMBOL,
    UNICODE_LETTER,
    UNICODE_NUMBER,
    UNICODE_SPACE,
};

enum unicode_class unicode_class(uint32_t code);

/* The capital or the small letters of a character, itself where it has none; their number, 1 to 3. Whatever stands
 * beside it: a capital sigma is not known to end a word. */
size_t unicode_recase(uint32_t code, bool upper, uint32_t out[3]);

#define UNICODE_INVALID 0xfffdU

/* The character at text.p[at] (at < text.len) and its length in bytes. A byte that begins no whole, shortest UTF-8
 * sequence is a character of its own: length 1, UNICODE_INVALID. */
size_t unicode_decode(struct bytes text, size_t at, uint32_t *code);

/* 1..4 bytes into out; code is below 0x110000. */
size_t unicode_encode(uint32_t code, uint8_t out[4]);

struct unicode_range {
    uint32_t first, last;
    enum unicode_class class;
};
extern const struct unicode_range unicode_ranges[]; /* sorted, disjoint */
extern const size_t unicode_range_count;
extern const char unicode_version[]; /* "15.1.0" */

struct unicode_case { /* every step-th from first to last has its other one at that distance */
    uint32_t first, last, step;
    int32_t distance;
};
extern const struct unicode_case unicode_lowers[], unicode_uppers[]; /* sorted, disjoint */
extern const size_t unicode_lower_count, unicode_upper_count;
struct unicode_several {
    uint32_t code;
    bool upper;
    uint32_t to[3]; /* then 0 */
};
extern const struct unicode_several unicode_several[];
extern const size_t unicode_several_count;

#endif
