/* What is computed, once for each instruction set. Every table gives the same bits as ref.c, for every input: the order
 * of each sum is fixed here (docs/engine.md), and lanes of a vector are different outputs, never parts of one sum,
 * except where this page says so.
 *
 * All functions: the caller's memory, no allocation, no failure; any thread, in the arithmetic environment of
 * engine/math.h. Rows of activations are padded to whole groups of 16 floats. */
#ifndef SOTTO_ENGINE_KERNELS_H
#define SOTTO_ENGINE_KERNELS_H

#include "model/quant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_ROWS 16   /* outputs in one panel */
#define KERNEL_TILE 12   /* tokens in the widest tile */
#define KERNEL_BLOCK 128 /* keys in one block of attention */
#define KERNEL_GROUP 8   /* queries that attend together at most */

/* How the input of a matrix product is stored. */
enum kernel_act {
    KERNEL_ACT_32,  /* int8 per 32 weights */
    KERNEL_ACT_256, /* int8 per 256 */
    KERNEL_ACT_F32,
    KERNEL_ACT_COUNT
};

/* A tile holds w tokens (12, 8, 4, 2 or 1). For each block in turn, w of each:
 *     ACT_32:  float d; int32 sum of q; float of that sum; int8 q[32]            44 bytes
 *     ACT_256: float d; int16 sum of q of each 16, 16 of them; int8 q[256]      292 bytes
 *     ACT_F32: float x                                                           4 bytes */
#define KERNEL_ACT_32_SIZE 44
#define KERNEL_ACT_256_SIZE 292

/* How 16 rows of weights are stored: block by block the bytes of the 16 rows' blocks as the file has them
 * (model/quant.c reads them), in another order (engine/panel.h makes it). First the fields: 16 d, then 16 m, dmin or
 * high scale bits, in the file's width. Then all other bytes, in the file's order, four of each row at a time in lines
 * of 64 bytes: row r's stand at 4 * r. So the lanes of a vector are rows: one `vpdpbusd` multiplies 16 of them by four
 * activations, and the 8 lines that 32 weights are unpacked to are half of an AMX tile.
 *     F32                  -       1 line: k's floats
 *     F16, BF16            values  -
 *     Q4_0, IQ4_NL, MXFP4  d       4 of nibbles: weights 4 j.. of line j low, 16 + 4 j.. high
 *     Q4_1                 d, m    4
 *     Q5_0                 d       1 of fifth bits, bit i weight i's; 4
 *     Q5_1                 d, m    1; 4
 *     Q8_0                 d       8: weights 4 j..
 *     Q2_K                 d, dmin 4 of scales and minima, 16 of 2-bit codes
 *     Q3_K                 d       8 of third bits, 16 of 2-bit codes, 3 of scales
 *     Q4_K                 d, dmin 3 of scales and minima, 32 of nibbles
 *     Q5_K                 d, dmin 3 of scales and minima, 8 of fifth bits, 32 of nibbles
 *     Q6_K                 d       32 of nibbles, 16 of high bit pairs, 4 of scales
 *     IQ4_XS               d, bits 1 of scales, 4 of nibbles for each 32 weights */
#define KERNEL_BYTES 210 /* of the file's largest block */

/* out[c * stride + row], c < w, row < 16: the products of one panel with one tile. */
typedef void kernel_tile(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride);

enum kernel_cache { /* how an element of the cache is stored */
                    KERNEL_CACHE_F32,
                    KERNEL_CACHE_F16,
                    KERNEL_CACHE_BF16,
                    KERNEL_CACHE_Q8_0,
};

#define KERNEL_QUERY_8 8 /* bytes before the codes of a query */

/* Up to 8 queries against one head's keys and values; q holds the scaled queries.
 *
 * Floats: key p, dimension d stands at k[(p / 16 * k_dim + d) * 16 + p % 16], value p at v[p * v_dim].
 * Q8_0, in bytes: of 16 keys their scales, float[16], then codes, int8[k_dim / 4][16][4], four dimensions of a key side
 * by side; of 16 values float[16], then int8[8][v_dim][2], two values side by side. A query is float scale, int32 sum
 * of its codes, int8[k_dim]. */
struct kernel_attention {
    const void *k, *v;
    enum kernel_cache cache;
    size_t k_dim, v_dim;         /* multiples of 16 */
    unsigned count;              /* queries, at most KERNEL_GROUP */
    const void *q[KERNEL_GROUP]; /* k_dim floats, or codes as above */
    float *out[KERNEL_GROUP];    /* v_dim floats */
    size_t from[KERNEL_GROUP];   /* query i reads keys from[i]..limit[i]-1, at least one */
    size_t limit[KERNEL_GROUP];
    float soft_cap; /* 0: none; else scores become soft_cap * tanh(score / soft_cap) */
    bool sinks;     /* a score without a key or value, folded in last */
    float sink[KERNEL_GROUP];
    float *scratch; /* KERNEL_GROUP * (KERNEL_BLOCK + v_dim) floats */
};

/* What stands between the two products of a feed-forward block. Each operation is rounded. */
enum kernel_gate {
    KERNEL_GATE_SILU, /* (g / (1 + exp(-g))) * u */
    KERNEL_GATE_GELU, /* the tanh form, which is g / (1 + exp(-2 z)), z = (g * sqrt(2/pi)) * (1 + (g * 0.044715) * g); *
                         u */
    KERNEL_GATE_CLAMP, /* g = min(g, 7), u within -7..7: (g / (1 + exp(-(g * 1.702)))) * (u + 1) */
    KERNEL_GATE_COUNT
};
typedef void kernel_gates(const float *gate, const float *up, size_t n, float *out);

/* X(Q4_0) for each type: tile_Q4_0 is its function, KERNEL_ENTRY its place in the table. */
/* clang-format off */
#define KERNEL_TYPES(X) \
    X(F32) X(F16) X(BF16) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) \
    X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(IQ4_NL) X(IQ4_XS) X(MXFP4)
/* clang-format on */
#define KERNEL_ENTRY(type) [QUANT_##type] = tile_##type,

struct kernels {
    const char *name;
    kernel_tile *tile[QUANT_IDS]; /* by enum quant_id; NULL where there is no such type */

    /* One token's row, n floats in whole blocks, into column c of a tile of w. False: not finite. */
    bool (*quantise_32)(const float *x, size_t n, void *tile, unsigned w, unsigned c);
    bool (*quantise_256)(const float *x, size_t n, void *tile, unsigned w, unsigned c);

    /* RMS norm: out = (x * (1 / sqrt(mean + eps))) * weight; the squares are summed in 16 lanes by index mod 16, then
     * i+8, i+4, i+2, i+1. */
    void (*norm)(const float *x, const float *weight, float eps, size_t n, float *out);
    void (*add)(float *x, const float *y, size_t n); /* x += y */
    kernel_gates *gate[KERNEL_GATE_COUNT];
    void (*accumulate)(float *x, const float *y, float w, size_t n); /* x = fma(w, y, x) */
    void (*exp)(float *x, size_t n);                                 /* x = exp(x) */
    void (*soft_cap)(float *x, float cap, size_t n);                 /* x = cap * tanh(x / cap) */
    void (*to_f16)(const float *x, size_t n, uint16_t *out);         /* to nearest even */
    void (*to_bf16)(const float *x, size_t n, uint16_t *out);        /* to nearest even; what is no number stays none */
    /* By the rule of activations, n values with one scale. False: not finite. */
    bool (*quantise)(const float *x, size_t n, float *d, int8_t *q);
    void (*attention)(const struct kernel_attention *a);
};

extern const struct kernels kernels_ref, kernels_avx2, kernels_avx512;

/* For the files that compute: loops over registers. A sanitizer would make too much of each turn. */
#define INLINE static inline __attribute__((always_inline))
#ifdef __has_feature
#define KERNEL_SANITIZED __has_feature(address_sanitizer)
#elif defined __SANITIZE_ADDRESS__
#define KERNEL_SANITIZED 1
#else
#define KERNEL_SANITIZED 0
#endif
#if KERNEL_SANITIZED
#define UNROLL
#elif defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
