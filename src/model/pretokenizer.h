/* How text is cut into words before bytes are merged: hand-written scanners for the patterns that models were trained
 * with, chosen by the exact name in tokenizer.ggml.pre. Pure. */
#ifndef SOTTO_MODEL_PRETOKENIZER_H
#define SOTTO_MODEL_PRETOKENIZER_H

#include "base/bytes.h"

enum pretokenizer_cut { /* what earlier patterns have cut out before the last one sees the text */
                        CUT_NOTHING,
                        CUT_NUMBERS,
                        CUT_NUMBERS_CJK,
};

struct pretokenizer {
    const char *name;
    size_t (*next)(const struct pretokenizer *p, struct bytes text, size_t at);
    enum pretokenizer_cut cut;
    unsigned digits;  /* at most so many numbers to a word; 0: any */
    bool cased;       /* capital and small letters apart */
    bool whole_words; /* a word that is a token as it stands is not merged */
    bool add_bos;     /* where the file does not say */
};

const struct pretokenizer *pretokenizer_find(struct bytes name); /* NULL: unknown */

/* The end of the word that begins at `at` < text.len: greater than at, at most text.len. Linear in the word's length.
 */
size_t pretokenizer_next(const struct pretokenizer *p, struct bytes text, size_t at);

#endif
