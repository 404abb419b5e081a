/* The sizes of a model's graph, from its metadata. */
#ifndef SOTTO_ENGINE_SHAPE_H
#define SOTTO_ENGINE_SHAPE_H

#include "engine/family.h"
#include "model/gguf.h"

/* How positions turn heads (engine/rope.h). */
struct rope {
    double base;
    double factor;   /* positions are stretched by it; 1: not */
    bool yarn;       /* slow pairs only, by their number of turns in the original context; else all alike */
    double original; /* tokens of the context that the model was trained with before */
    double beta_fast, beta_slow, share;
    double magnitude; /* of what is turned */
};

#define SHAPE_EXPERTS_MAX 1024U
#define SHAPE_HEAD_DIM_MAX 1024U

struct shape {
    const struct family *family;
    uint32_t layers, embd, ff, vocab, trained_context;
    uint32_t heads, kv_heads;
    uint32_t key_dim, value_dim; /* of a head, as attention reads them */
    uint32_t rope_dim;           /* values of a head that turn: the first, of a latent head the last */
    float eps;
    float scale;               /* of the queries */
    float soft_cap, final_cap; /* of scores and of logits; 0: none */
    struct rope rope[2];       /* of the layers, of the sliding layers */
    uint32_t window;           /* keys that a sliding layer reads, the query's own among them; 0: no layer slides */
    uint32_t period;           /* of the sliding layers, as struct family has it */

    uint32_t q_rank, kv_rank;   /* latent attention; q_rank 0: Q is not compressed */
    uint32_t nope_dim, out_dim; /* of a head before compression: of a key what does not turn, of a value all */

    uint32_t experts, experts_used; /* 0: none */
    uint32_t expert_ff, shared_ff;  /* of one expert; of the shared ones together, 0: none */
    uint32_t dense_layers;          /* the first so many have no experts */
    bool sigmoid;                   /* gates are sigmoids, else a softmax */
    bool normalised;                /* the chosen ones' gates are made to add up to 1 */
    float expert_scale;             /* of their sum */
    uint32_t groups, groups_used;   /* of experts that are chosen from; 0: no groups */
};

/* MODEL_ARCHITECTURE, GGUF_KEY_*; the key is named. vocab is left to the tensors. */
MUST_USE bool shape_read(const struct gguf *g, struct shape *out, struct err *err);

#endif
