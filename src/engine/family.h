/* The families of models that one forward function computes. All are decoders of the same plan (engine/forward.h);
 * a row says what a family adds to it. Sizes are the file's own metadata (engine/shape.h). */
#ifndef SOTTO_ENGINE_FAMILY_H
#define SOTTO_ENGINE_FAMILY_H

#include "base/bytes.h"
#include "engine/kernels/kernels.h"

enum family_experts {
    FAMILY_DENSE,   /* never */
    FAMILY_EITHER,  /* where expert_count says so */
    FAMILY_EXPERTS, /* always, in every layer */
};

struct family {
    const char *name;      /* general.architecture, and what its keys begin with */
    bool neox;             /* RoPE turns the pairs (i, i + n/2); else (2i, 2i + 1) */
    bool rope_factors;     /* may have rope_freqs.weight: divisors of the frequencies (llama 3.1) */
    bool qkv_bias;         /* added to Q, K and V */
    bool o_bias;           /* added behind the output projection */
    bool qk_norm;          /* RMS norm of each head of Q and K, before RoPE */
    bool post_norms;       /* a norm behind attention and one behind the feed-forward block, before each is added */
    bool embedding_scale;  /* embeddings times sqrt(embd) */
    bool sinks;            /* a score without a value for each head, in the softmax */
    bool mla;              /* latent attention: one KV head holds what keys and values are made from */
    uint32_t window;       /* period of the sliding layers: all but each window-th slide; 0: none does */
    enum kernel_gate gate; /* between the products of the feed-forward block */
    enum family_experts experts;
    bool expert_bias;       /* of the router and of each expert */
    double rope_base;       /* where the file does not say */
    double rope_base_slide; /* of sliding layers, where the file does not say; 0: as the others */
    const char *scaling;    /* of RoPE, where the file gives a factor and no type */
    float eps;              /* of the norms, where the file does not say; 0: it must */
    const char *attn_output, *attn_sinks, *ffn_norm; /* tensors whose names differ */
    bool vision; /* tensors v.* and mm.* of a vision part may stand in the file, and are left out */
};

const struct family *family_find(struct bytes name); /* NULL: not one of ours */

#endif
