/* What is computed, once for each instruction set. Every table gives the same bits as ref.c, for every input: the order
 * of each sum is fixed here (docs/engine.md), and lanes of a vector are different outputs, never parts of one sum,
 * except where this page says so.
 *
 * All functions: the caller's memory, no allocation, no failure; any thread, in the arithmetic environment of
 * engine/math.h. Rows of activations are padded to whole groups of 16 floats. */
#ifndef SOTTO_ENGINE_KERNELS_H
#define SOTTO_ENGINE_KERNELS_H

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

/* How 16 rows of weights are stored, block by block (engine/panel.h makes them). Nibble types: byte 4 * row + t of line
 * j holds weight 4 * j + t in the low and 16 + 4 * j + t in the high nibble. */
enum kernel_panel {
    KERNEL_PANEL_F32,  /* per k: float[16] */
    KERNEL_PANEL_F16,  /* per k: f16[16] */
    KERNEL_PANEL_Q4_0, /* per 32 k: f16 d[16]; 4 lines of 64 bytes */
    KERNEL_PANEL_Q4_1, /* f16 d[16]; f16 m[16]; 4 lines */
    KERNEL_PANEL_Q8_0, /* f16 d[16]; 8 lines: byte 4 * row + t of line j is weight 4 * j + t, plus 128 */
    KERNEL_PANEL_Q4_K, /* per 256 k: 16 blocks as they stand in the file, 144 bytes each */
    KERNEL_PANEL_Q6_K, /* 210 bytes each */
    KERNEL_PANEL_COUNT
};

/* out[c * stride + row], c < w, row < 16: the products of one panel with one tile. */
typedef void kernel_tile(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride);

enum kernel_cache { /* how an element of the cache is stored */
                    KERNEL_CACHE_F32,
                    KERNEL_CACHE_F16,
                    KERNEL_CACHE_BF16,
};

/* Up to 8 queries against one head's keys and values. Key p, dimension d stands at k[(p / 16 * k_dim + d) * 16 + p %
 * 16], value p at v[p * v_dim]; q holds the scaled queries. */
struct kernel_attention {
    const void *k, *v;
    enum kernel_cache cache;
    size_t k_dim, v_dim;          /* multiples of 16 */
    unsigned count;               /* queries, at most KERNEL_GROUP */
    const float *q[KERNEL_GROUP]; /* k_dim floats */
    float *out[KERNEL_GROUP];     /* v_dim floats */
    size_t from[KERNEL_GROUP];    /* query i reads keys from[i]..limit[i]-1, at least one */
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

struct kernels {
    const char *name;
    kernel_tile *tile[KERNEL_PANEL_COUNT];     /* NULL: the reference's is used (engine/isa.h) */
    const char *tile_name[KERNEL_PANEL_COUNT]; /* whose it is: isa_tile() says */

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
    void (*attention)(const struct kernel_attention *a);
};

extern const struct kernels kernels_ref, kernels_avx2, kernels_avx512;

#endif
