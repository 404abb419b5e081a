/* Special tokens in text: which stretches spell one. Used by the tokenizer alone. */
#ifndef SOTTO_MODEL_SPECIAL_H
#define SOTTO_MODEL_SPECIAL_H

#include "model/tokenizer.h"
#include "model/vocabulary.h"

struct special_token {
    struct bytes text;
    uint32_t id;
    bool defined; /* a user-defined one; else a control or unknown one */
    bool mark;    /* templates and parsers use it: never recognised in a user's text */
};

/* All special tokens of a vocabulary, sorted by text. */
struct special {
    struct special_token *tokens;
    size_t count;
    size_t first[257]; /* by first byte: the first of those that begin with it or a larger one */
};

/* TOKENIZER_FORM: one is longer than 256 bytes. */
MUST_USE bool special_init(const struct vocabulary *v, struct bytes chat_template, struct special *out,
                           struct err *err);
void special_done(struct special *s);

struct special_found {
    size_t at, len;
    uint32_t id;
};

struct special_list { /* in order of at, not overlapping */
    struct special_found *p;
    size_t count, cap;
};

/* Appends what text.p[start .. start + len) spells, at counted from text.p. Longer tokens come first, as in llama.cpp:
 * of two that overlap the longer one counts, wherever it begins; then the lower id; then the earlier. */
MUST_USE bool special_find(const struct special *s, struct bytes text, size_t start, size_t len,
                           enum tokenizer_allow allow, struct special_list *out, struct err *err);

#endif
