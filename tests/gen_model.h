/* Language models with random weights, as GGUF files in memory: of every family, for tests of whatever loads or serves
 * one. The same description gives the same bytes, always. */
#ifndef SOTTO_TESTS_GEN_MODEL_H
#define SOTTO_TESTS_GEN_MODEL_H

#include "base/buf.h"
#include "model/quant.h"

struct gen_model {
    const char *family; /* general.architecture: what the engine knows; NULL: "llama" */
    uint64_t seed;
    uint32_t layers, embd, ff, heads, kv_heads, head_dim, context;
    uint32_t experts, experts_used, expert_ff;   /* 0: none */
    uint32_t shared, dense, groups, groups_used; /* deepseek2: shared experts, first layers without experts */
    bool sigmoid;                                /* deepseek2's gates, with a bias on the choice; else a softmax */
    uint32_t window, period;                     /* of sliding layers; period 0: the file does not say */
    uint32_t q_rank, kv_rank, rope_dim, out_dim; /* deepseek2, whose head_dim is key_length_mla */
    const char *scaling;                         /* of RoPE: NULL, "linear" or "yarn", by 4 from a context of 64 */
    float magnitude;                             /* of what RoPE turns, rope.scaling.attn_factor; 0: not said */
    float soft_cap, final_cap;                   /* 0: none */
    uint32_t vocab; /* at least GEN_MODEL_VOCAB_MIN; the 256 bytes, then pairs of letters, then 3 control tokens */
    enum quant_id weights; /* of the layers' matrices: any type; rows are whole blocks of it */
    enum quant_id embedding;
    uint32_t mix; /* 0, or: each matrix of another type, the first of the mix-th of all; Q5_0 where a row of k is not
                     whole blocks of it, as others fall back */
    bool untied;  /* with a head of its own, of the embedding's type */
    bool rope_factors;         /* with rope_freqs.weight */
    bool add_bos;              /* a raw prompt begins with <|im_start|> */
    const char *chat_template; /* NULL: none */
    const char *defect;        /* NULL, or a tensor's name: its first weight or scale is infinite */
    const char *without;       /* NULL, or a key behind the family's name, or a tensor: left out */
    const char *extra; /* NULL, or a key behind the family's name, a u32 of 3; "v.x": a tensor that is none of ours */
};

#define GEN_MODEL_TYPES 16U
#define GEN_MODEL_VOCAB_MIN 260U
#define GEN_MODEL_VOCAB_MAX (259U + 676U)

/* 2 layers of 256, heads 4 over 2 of 64, vocabulary 320, tied, Q4_1 and Q8_0: as the demo model, smaller. */
struct gen_model gen_model_default(void);

/* A small one with all that sets a family apart: "llama", "llama-moe", "qwen2", "qwen3", "gemma3", "gpt-oss", "gptoss",
 * "deepseek2" (as V3), "deepseek2-lite" (as V2 Lite). Rows of whole blocks of 32. */
struct gen_model gen_model_family(const char *name);
/* The same with rows of 256, so that they are whole blocks of every type; 2 layers. */
struct gen_model gen_model_wide(const char *name);

MUST_USE bool gen_model_write(const struct gen_model *m, struct buf *out, struct err *err);

/* The same model in `count` files, as gguf-split writes them. */
MUST_USE bool gen_model_split(const struct gen_model *m, uint32_t count, struct buf *parts, struct err *err);
int gen_model_bytes_fd(struct bytes file); /* -1: none could be made */

/* A model of true shapes into a file: `like`'s metadata as they stand, and the tensors that the lines of tsv name
 * (name, dimensions with the fastest first as 3584x512, type; lines with # are comments), with random weights, written
 * piece by piece. */
struct gguf;
MUST_USE bool gen_model_shapes(struct bytes tsv, const struct gguf *like, int fd, struct err *err);

/* The file in an anonymous memory file, read position 0; -1: none could be made. */
int gen_model_fd(const struct gen_model *m, struct err *err);

#endif
