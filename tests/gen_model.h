/* Small language models with random weights, as GGUF files in memory: for tests of whatever loads or serves one. The
 * same description gives the same bytes, always. */
#ifndef SOTTO_TESTS_GEN_MODEL_H
#define SOTTO_TESTS_GEN_MODEL_H

#include "base/buf.h"
#include "model/quant.h"

struct gen_model {
    uint64_t seed;
    uint32_t layers, embd, ff, heads, kv_heads, head_dim, context;
    uint32_t vocab; /* at least GEN_MODEL_VOCAB_MIN; the 256 bytes, then pairs of letters, then 3 control tokens */
    enum quant_id weights; /* of the layers' matrices: any type; rows are whole blocks of it */
    enum quant_id embedding;
    bool untied;                 /* with a head of its own, of the embedding's type */
    bool rope_factors;           /* with rope_freqs.weight */
    bool add_bos;                /* a raw prompt begins with <|im_start|> */
    const char *chat_template;   /* NULL: none */
    const char *rope_factor_key; /* NULL, or a key that scales positions by 4 */
    const char *defect;          /* NULL, or a tensor's name: its first weight or scale is infinite */
};

#define GEN_MODEL_VOCAB_MIN 260U
#define GEN_MODEL_VOCAB_MAX (259U + 676U)

/* 2 layers of 256, heads 4 over 2 of 64, vocabulary 320, tied, Q4_1 and Q8_0: as the demo model, smaller. */
struct gen_model gen_model_default(void);

MUST_USE bool gen_model_write(const struct gen_model *m, struct buf *out, struct err *err);

/* The file in an anonymous memory file, read position 0; -1: none could be made. */
int gen_model_fd(const struct gen_model *m, struct err *err);

#endif
