/* A model's weights, read from a GGUF file: once, into private memory, hashed while it is read, then laid out in
 * panels. The file's own bytes are given back to the system matrix by matrix. */
#ifndef SOTTO_ENGINE_WEIGHTS_H
#define SOTTO_ENGINE_WEIGHTS_H

#include "base/arena.h"
#include "engine/embed.h"
#include "engine/engine.h"
#include "engine/panel.h"
#include "engine/pool.h"
#include "engine/shape.h"
#include "model/tokenizer.h"

/* One layer. What its family does not have is NULL, or a matrix without rows. Sizes are struct shape's. */
struct layer {
    bool slides;                                    /* attention reads a window of keys only */
    float *attn_norm, *ffn_norm;                    /* [embd] */
    float *post_attn_norm, *post_ffn_norm;          /* [embd] */
    struct matrix q, k, v, o;                       /* latent: q of [q_rank] or [embd], k gives kv_rank + rope_dim */
    float *q_bias, *k_bias, *v_bias, *o_bias;       /* as many as the matrix has rows */
    float *q_norm, *k_norm;                         /* [key_dim], for each head alike */
    float *sinks;                                   /* [heads] */
    struct matrix q_a;                              /* latent: [embd] to [q_rank] */
    float *q_a_norm, *kv_a_norm;                    /* [q_rank], [kv_rank] */
    struct matrix *k_b, *v_b;                       /* latent, for each head: [nope_dim] to [kv_rank] to [out_dim] */
    struct matrix gate, up, down;                   /* dense: [embd] to [ff] to [embd]; or the shared experts */
    struct matrix router;                           /* [embd] to [experts] */
    float *router_bias;                             /* [experts]; of sigmoid gates for the choice alone */
    struct matrix *gate_exps, *up_exps, *down_exps; /* for each expert: [embd] to [expert_ff] to [embd] */
    float *gate_bias, *up_bias, *down_bias;         /* [experts][expert_ff or embd] */
};

struct weights {
    struct shape shape;
    struct layer *layers;
    struct matrix embd, output; /* output is embd where the model has no head of its own */
    float *output_norm;         /* [embd] */
    float *rope_factors;        /* [rope_dim / 2] divisors of the frequencies; NULL: none */
    enum embed_pooling pooling;
    char quantization[16];
    uint64_t parameters;
    const struct quant_type *used[16]; /* the types of the matrices, each once */
    size_t used_count;
    struct buf chat_template; /* its text */
    struct arena tables;      /* layers, vectors, arrays of matrices */
    uint8_t *memory;          /* all panels */
    size_t memory_size;
};

/* In two steps, with the reasons of engine_open(). First the headers alone: shape, tokenizer (the caller's to free),
 * and every tensor's place; *w is for weights_done() whatever comes, and must stay where it is until the end. */
struct weights_opening;
MUST_USE bool weights_begin(const struct engine_source *source, const struct engine_setup *setup, struct weights *w,
                            struct tokenizer **tokenizer, struct weights_opening **out, struct err *err);
/* Then, if there is memory for the weights and the `computing` bytes that will be needed beside them, the rest. */
MUST_USE bool weights_end(struct weights_opening *o, const struct engine_setup *setup, double computing,
                          struct pool *pool, struct weights *w, struct identity *identity, struct err *err);
void weights_opening_free(struct weights_opening *o); /* NULL is accepted */
void weights_done(struct weights *w);                 /* an empty one is accepted */

/* Zeroed pages of their own, huge ones where the system has them; NULL: none left. */
void *weights_pages(size_t size);
void weights_pages_free(void *p, size_t size);

#endif
