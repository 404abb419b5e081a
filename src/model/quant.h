/* The tensor types of GGUF: their names, sizes, and the exact float32 values that their blocks mean.
 *
 * A row of a tensor is a whole number of blocks. Dequantisation rounds after the product and after the sum, in the
 * order (d * scale) * q - (dmin * min), never fused, so that the bits are the same everywhere; blocks are little-endian
 * and need no alignment. Pure; any thread. */
#ifndef SOTTO_MODEL_QUANT_H
#define SOTTO_MODEL_QUANT_H

#include "base/bytes.h"

enum quant_id { /* as GGUF numbers them */
                QUANT_F32 = 0,
                QUANT_F16 = 1,
                QUANT_Q4_0 = 2,
                QUANT_Q4_1 = 3,
                QUANT_Q5_0 = 6,
                QUANT_Q5_1 = 7,
                QUANT_Q8_0 = 8,
                QUANT_Q2_K = 10,
                QUANT_Q3_K = 11,
                QUANT_Q4_K = 12,
                QUANT_Q5_K = 13,
                QUANT_Q6_K = 14,
                QUANT_IQ4_NL = 20,
                QUANT_IQ4_XS = 23,
                QUANT_BF16 = 30,
                QUANT_MXFP4 = 39,
};

#define QUANT_IDS 40U

/* What a block of 32 or 256 weights says, in whole numbers: weight i is
 * (d * scale[i / 16]) * code[i] - dmin * min[i / 16], without the last term where the type has no minimum. */
struct quant_block {
    float d, dmin;
    int8_t code[256], scale[16], min[16];
};

struct quant_type {
    enum quant_id id;
    const char *name; /* "Q4_K" */
    uint32_t weights; /* in one block: 1, 32 or 256 */
    uint32_t bytes;   /* of one block */
    bool minimum;
    void (*read)(const uint8_t *block, struct quant_block *out);     /* into a zeroed one; NULL: floats */
    void (*values)(const uint8_t *values, size_t count, float *out); /* NULL: not floats */
};

/* NULL: not one of the table, all of whose ids are below QUANT_IDS. Static. */
const struct quant_type *quant_type_get(uint32_t id);
const struct quant_type *quant_type_find(const char *name); /* either case: "q4_k" */

/* count blocks at blocks -> count * type->weights floats. */
void quant_dequantise(const struct quant_type *type, const uint8_t *blocks, size_t count, float *out);

/* What the nibbles of IQ4_NL and IQ4_XS, and of MXFP4, stand for. */
extern const int8_t quant_iq4_values[16], quant_mxfp4_values[16];

/* One value. Exact; NaN stays NaN. */
float quant_f16(uint16_t bits);
float quant_bf16(uint16_t bits);

#endif
