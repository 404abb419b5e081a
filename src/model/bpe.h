/* Merging one word's neighbours, by bytes or by SentencePiece's characters. Used by the tokenizer alone. */
#ifndef SOTTO_MODEL_BPE_H
#define SOTTO_MODEL_BPE_H

#include "model/tokenizer.h"
#include "model/vocabulary.h"

struct bpe { /* memory that is used again from word to word; zero to begin with */
    struct bpe_symbol *symbols;
    struct bpe_pair *heap;
    size_t cap;
};

void bpe_done(struct bpe *b);

/* The pair of least rank is merged first, of equal ones the leftmost, until none is left. A byte that the vocabulary
 * has no token for gives no id, as in llama.cpp. n log n. */
MUST_USE bool bpe_word(struct bpe *b, const struct vocabulary *v, struct bytes word, struct tokenizer_ids *ids,
                       struct err *err);

#endif
