/* The graph: token ids in, logits out, over a cache of keys and values. One sequence. */
#ifndef SOTTO_ENGINE_FORWARD_H
#define SOTTO_ENGINE_FORWARD_H

#include "engine/weights.h"

struct forward;

struct forward_setup {
    const struct weights *weights; /* outlive it, as does the pool */
    const struct kernels *kernels;
    struct pool *pool;
    enum kernel_cache cache;
    unsigned chunk;           /* most tokens computed together */
    unsigned context;         /* most tokens cached */
    bool (*go_on)(void *arg); /* asked before each layer of more than one token; false: CANCELLED */
    void *arg;
};

#define FORWARD_HEAD_ROWS 48 /* tokens whose logits are computed together at most */

double forward_size(const struct forward_setup *setup); /* bytes that forward_new() will take */
MUST_USE bool forward_new(const struct forward_setup *setup, struct forward **out, struct err *err);
void forward_free(struct forward *f);
size_t forward_memory(const struct forward *f); /* bytes of the cache */

/* Computes n <= chunk tokens (ids within the vocabulary) behind the position tokens that are cached. MODEL_DEFECT,
 * CANCELLED. */
MUST_USE bool forward_tokens(struct forward *f, const uint32_t *ids, size_t n, size_t position, struct err *err);

/* Logits of the tokens first..first+n-1 of the last forward_tokens(), n <= FORWARD_HEAD_ROWS: rows *stride floats
 * apart, the caller's to change until the next call. MODEL_DEFECT: one is not finite. */
MUST_USE bool forward_logits(struct forward *f, size_t first, size_t n, float **out, size_t *stride, struct err *err);

/* The hidden state of token number `row` of the last forward_tokens(), behind the last norm: [embd], until the next
 * call. MODEL_DEFECT: it is not finite. */
MUST_USE bool forward_hidden(struct forward *f, size_t row, const float **out, struct err *err);

/* Zeroes what is left of positions 0..used-1 and of the last chunk. */
void forward_wipe(struct forward *f, size_t used);

#endif
