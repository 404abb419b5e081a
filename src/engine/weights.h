/* A model's weights and what its graph needs to know, read from a GGUF file: once, into private memory, hashed while it
 * is read, then laid out in panels. The file's own bytes are given back to the system tensor by tensor. */
#ifndef SOTTO_ENGINE_WEIGHTS_H
#define SOTTO_ENGINE_WEIGHTS_H

#include "engine/embed.h"
#include "engine/engine.h"
#include "engine/panel.h"
#include "engine/pool.h"
#include "model/tokenizer.h"

struct shape {
    uint32_t layers, embd, ff, heads, kv_heads, head_dim, rope_dim, vocab, trained_context;
    float eps;
    double rope_base;
};

struct layer {
    float *attn_norm, *ffn_norm; /* embd floats each */
    struct matrix q, k, v, o, gate, up, down;
};

struct weights {
    struct shape shape;
    struct layer *layers;
    struct matrix embd, output; /* output is embd where the model has no head of its own */
    float *output_norm;
    float *rope_factors; /* rope_dim / 2 divisors of the frequencies; NULL: none */
    enum embed_pooling pooling;
    char quantization[16];
    uint64_t parameters;
    const struct quant_type *used[16]; /* the types of the matrices, each once */
    size_t used_count;
    struct buf chat_template; /* its text */
    uint8_t *memory;          /* all panels */
    size_t memory_size;
};

/* The reasons of engine_open(). The tokenizer is the caller's to free. */
MUST_USE bool weights_open(const struct engine_source *source, const struct engine_setup *setup, struct pool *pool,
                           struct weights *out, struct tokenizer **tokenizer, struct identity *identity,
                           struct err *err);
void weights_done(struct weights *w); /* an empty one is accepted */

/* Zeroed pages of their own, huge ones where the system has them; NULL: none left. */
void *weights_pages(size_t size);
void weights_pages_free(void *p, size_t size);

#endif
