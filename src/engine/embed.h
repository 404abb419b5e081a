/* The embedding of a text: hidden states behind the last norm, pooled as the file says. Pure. */
#ifndef SOTTO_ENGINE_EMBED_H
#define SOTTO_ENGINE_EMBED_H

#include "model/gguf.h"

enum embed_pooling { /* ARCHITECTURE.pooling_type, as llama.cpp numbers them */
                     EMBED_NONE,
                     EMBED_MEAN,
                     EMBED_FIRST,
                     EMBED_LAST,
                     EMBED_RANK,
};

/* EMBED_LAST where the file says nothing, or none: it is made to complete texts. GGUF_KEY_*, MODEL_ARCHITECTURE. */
MUST_USE bool embed_pooling_read(const struct gguf *g, enum embed_pooling *out, struct err *err);

/* Whether the token at a position counts. */
bool embed_takes(enum embed_pooling pooling, size_t position, size_t count);

/* sum[i] + row[i]: positions ascending, whatever the chunks. */
void embed_add(const float *row, size_t n, double *sum);

/* The embedding, of so many tokens that have been taken. */
void embed_end(const double *sum, size_t taken, size_t n, float *out);

/* To length 1; zeroes stay. */
void embed_normalise(float *v, size_t n);

#endif
