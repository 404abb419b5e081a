/* The reference: plain C, every operation in the order that docs/engine.md lays down. The other files must give the
 * same bits. Compiled with -mfma -mf16c, for fma is part of the arithmetic. */
#include "engine/kernels/exp.h"
#include "engine/panel.h"

#include <immintrin.h>

#define ROWS KERNEL_ROWS

static float f16_at(const uint8_t *p)
{
    uint16_t bits;

    memcpy(&bits, p, sizeof bits);
    return _cvtsh_ss(bits);
}

static bool quantise_32(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 32; b++, x += 32, p += (size_t)w * KERNEL_ACT_32_SIZE) {
        int8_t q[32];
        int32_t sum = 0;
        float d, as_float;

        if (!quantise_all(x, 32, &d, q)) {
            return false;
        }
        for (int i = 0; i < 32; i++) {
            sum += q[i];
        }
        as_float = (float)sum;
        memcpy(p + 4 * c, &d, 4);
        memcpy(p + 4 * w + 4 * c, &sum, 4);
        memcpy(p + 8 * w + 4 * c, &as_float, 4);
        memcpy(p + 12 * w + 32 * c, q, 32);
    }
    return true;
}

static bool quantise_256(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 256; b++, x += 256, p += (size_t)w * KERNEL_ACT_256_SIZE) {
        int8_t q[256];
        int16_t sums[16];
        float d;

        if (!quantise_all(x, 256, &d, q)) {
            return false;
        }
        for (int s = 0; s < 16; s++) {
            int sum = 0;

            for (int i = 0; i < 16; i++) {
                sum += q[16 * s + i];
            }
            sums[s] = (int16_t)sum;
        }
        memcpy(p + 4 * c, &d, 4);
        memcpy(p + 4 * w + 32 * c, sums, 32);
        memcpy(p + 36 * w + 256 * c, q, 256);
    }
    return true;
}

static float float_at(const uint8_t *p)
{
    float x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* ---- Matrix products: a panel of 16 rows with a tile of w tokens; out[c * stride + r] is row r with token c. ---- */

/* Row r of the panel has `blocks` weights, token c of the tile as many floats: x[k * w + c]. */
static void product_floats(const struct quant_type *type, const uint8_t *panel, const uint8_t *tile, size_t blocks,
                           unsigned w, float *out, size_t stride)
{
    const float *x = (const void *)tile;

    for (unsigned r = 0; r < ROWS; r++) {
        float acc[KERNEL_TILE] = {0};

        for (size_t k = 0; k < blocks; k++) {
            float weight;

            type->values(panel + (k * ROWS + r) * type->bytes, 1, &weight);
            for (unsigned c = 0; c < w; c++) {
                acc[c] = __builtin_fmaf(weight, x[k * w + c], acc[c]);
            }
        }
        for (unsigned c = 0; c < w; c++) {
            out[c * stride + r] = acc[c];
        }
    }
}

/* Row r has `blocks` blocks of n = 32 or 256 weights, (d * scale) * code - dmin * min; token c of the tile as many
 * blocks of n values, da * q. All that is whole is added up exactly, once a block:
 *     S = sum of scale * code * q        B = sum of min * q        over the block's n
 *     product = sum over the blocks of   S * (d * da) - B * (dmin * da) */
static void product_blocks(const struct quant_type *type, const uint8_t *panel, const uint8_t *tile, size_t blocks,
                           unsigned w, float *out, size_t stride)
{
    size_t n = type->weights, size = n == 32 ? KERNEL_ACT_32_SIZE : KERNEL_ACT_256_SIZE;

    for (unsigned r = 0; r < ROWS; r++) {
        float acc[KERNEL_TILE] = {0};

        for (size_t b = 0; b < blocks; b++) {
            const uint8_t *a = tile + b * w * size;
            struct quant_block block = {0};
            uint8_t bytes[KERNEL_BYTES];

            panel_block_get(type->id, panel + b * ROWS * type->bytes, r, bytes);
            type->read(bytes, &block);
            for (unsigned c = 0; c < w; c++) {
                const int8_t *q = (const int8_t *)(a + (size - n) * w + n * c);
                float da = float_at(a + 4 * c);
                int32_t s_sum = 0, b_sum = 0;

                for (size_t i = 0; i < n; i++) {
                    s_sum += block.scale[i / 16] * block.code[i] * q[i];
                    b_sum += block.min[i / 16] * q[i];
                }
                acc[c] = __builtin_fmaf((float)s_sum, block.d * da, acc[c]);
                if (type->minimum) {
                    acc[c] = __builtin_fmaf((float)b_sum, -(block.dmin * da), acc[c]);
                }
            }
        }
        for (unsigned c = 0; c < w; c++) {
            out[c * stride + r] = acc[c];
        }
    }
}

#define TILE(type) \
    static void tile_##type(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride) \
    { \
        const struct quant_type *t = quant_type_get(QUANT_##type); \
\
        (t->weights == 1 ? product_floats : product_blocks)(t, panel, tile, blocks, w, out, stride); \
    }
KERNEL_TYPES(TILE)

/* 16 partial sums: i+8, i+4, i+2, i+1. */
static float tree(float *lane)
{
    for (int half = 8; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) {
            lane[i] = lane[i] + lane[i + half];
        }
    }
    return lane[0];
}

static void norm(const float *x, const float *weight, float eps, size_t n, float *out)
{
    float lane[16] = {0}, scale;

    for (size_t i = 0; i < n; i++) {
        lane[i % 16] = __builtin_fmaf(x[i], x[i], lane[i % 16]);
    }
    scale = 1.0F / __builtin_sqrtf(tree(lane) / (float)n + eps);
    for (size_t i = 0; i < n; i++) {
        out[i] = (x[i] * scale) * weight[i];
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] + y[i];
    }
}

static void gate_silu(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = silu_ref(gate[i], up[i]);
    }
}

static void gate_gelu(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = gelu_ref(gate[i], up[i]);
    }
}

static void gate_clamp(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = clamp_ref(gate[i], up[i]);
    }
}

static void to_f16(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
    }
}

static float element(const void *p, enum kernel_cache cache, size_t i)
{
    uint32_t bits = 0;
    float x;

    if (cache == KERNEL_CACHE_F32) {
        return ((const float *)p)[i];
    }
    if (cache == KERNEL_CACHE_F16) {
        return f16_at((const uint8_t *)p + 2 * i);
    }
    memcpy((uint8_t *)&bits + 2, (const uint8_t *)p + 2 * i, 2);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* What is known of a query after some blocks: the largest score, the sum of exp(score - m), the weighted values. */
struct part {
    float m, l, *o;
};

static float score_floats(const struct kernel_attention *a, unsigned i, size_t p)
{
    const float *q = a->q[i];
    float score = 0.0F;

    for (size_t d = 0; d < a->k_dim; d++) {
        score = __builtin_fmaf(q[d], element(a->k, a->cache, (p / 16 * a->k_dim + d) * 16 + p % 16), score);
    }
    return score;
}

static float score_codes(const struct kernel_attention *a, unsigned i, size_t p)
{
    const uint8_t *q = a->q[i], *keys = (const uint8_t *)a->k + p / 16 * 16 * (a->k_dim + 4);
    int32_t sum = 0;

    for (size_t d = 0; d < a->k_dim; d++) {
        sum += (int8_t)q[KERNEL_QUERY_8 + d] * (int8_t)keys[64 + (d / 4 * 16 + p % 16) * 4 + d % 4];
    }
    return (float)sum * (float_at(q) * float_at(keys + 4 * (p % 16)));
}

static void values_floats(const struct kernel_attention *a, const float *weight, size_t first, size_t end, float *o)
{
    for (size_t d = 0; d < a->v_dim; d++) {
        float acc = 0.0F;

        for (size_t p = first; p < end; p++) {
            acc = __builtin_fmaf(weight[p % KERNEL_BLOCK], element(a->v, a->cache, p * a->v_dim + d), acc);
        }
        o[d] = acc;
    }
}

/* The weights, times the values' scales, become whole numbers as well: 0..16383, so that a block's sums are exact. */
static void values_codes(const struct kernel_attention *a, const float *weight, size_t first, size_t end, float *o)
{
    const size_t size = 16 * (a->v_dim + 4); /* of 16 values */
    const uint8_t *v = a->v;
    float w[KERNEL_BLOCK], most = 0.0F;
    int32_t whole[KERNEL_BLOCK];
    bool none;

    for (size_t p = first; p < end; p++) {
        float x = weight[p % KERNEL_BLOCK] * float_at(v + p / 16 * size + 4 * (p % 16));

        w[p % KERNEL_BLOCK] = x;
        most = x > most ? x : most;
    }
    none = most < 0x1p-100F;
    for (size_t p = first; p < end; p++) {
        float x = none ? 0.0F : w[p % KERNEL_BLOCK] * (16383.0F / most);

        whole[p % KERNEL_BLOCK] = _mm_cvtss_si32(_mm_set_ss(x)); /* to nearest even */
    }
    for (size_t d = 0; d < a->v_dim; d++) {
        int32_t sum = 0;

        for (size_t p = first; p < end; p++) {
            sum += whole[p % KERNEL_BLOCK] * (int8_t)v[p / 16 * size + 64 + (p % 16 / 2 * a->v_dim + d) * 2 + p % 2];
        }
        o[d] = (float)sum * (most / 16383.0F);
    }
}

/* Keys first..end-1, all of one block. */
static void block_compute(const struct kernel_attention *a, unsigned i, size_t first, size_t end, struct part *out)
{
    const bool codes = a->cache == KERNEL_CACHE_Q8_0;
    float s[KERNEL_BLOCK], lane[16] = {0};

    out->m = -EXP_INFINITY;
    for (size_t p = first; p < end; p++) {
        float score = (codes ? score_codes : score_floats)(a, i, p);

        score = a->soft_cap != 0.0F ? soft_cap_ref(score, a->soft_cap) : score;
        s[p % KERNEL_BLOCK] = score;
        out->m = score > out->m ? score : out->m;
    }
    for (size_t p = first; p < end; p++) {
        float e = exp_ref(s[p % KERNEL_BLOCK] - out->m);

        s[p % KERNEL_BLOCK] = e;
        lane[p % 16] = lane[p % 16] + e;
    }
    out->l = tree(lane);
    (codes ? values_codes : values_floats)(a, s, first, end, out->o);
}

static void fold(struct part *all, const struct part *next, size_t n)
{
    float m = all->m > next->m ? all->m : next->m, fa = exp_ref(all->m - m), fb = exp_ref(next->m - m);

    all->m = m;
    all->l = __builtin_fmaf(all->l, fa, next->l * fb);
    for (size_t d = 0; d < n; d++) {
        all->o[d] = __builtin_fmaf(all->o[d], fa, next->o[d] * fb);
    }
}

static void attention(const struct kernel_attention *a)
{
    for (unsigned i = 0; i < a->count; i++) {
        struct part all = {.o = a->out[i]}, next = {.o = a->scratch};

        for (size_t first = a->from[i], end; first < a->limit[i]; first = end) {
            end = (first / KERNEL_BLOCK + 1) * KERNEL_BLOCK;
            end = a->limit[i] < end ? a->limit[i] : end;
            block_compute(a, i, first, end, first == a->from[i] ? &all : &next);
            if (first != a->from[i]) {
                fold(&all, &next, a->v_dim);
            }
        }
        if (a->sinks) {
            next.m = a->sink[i];
            next.l = 1.0F;
            memset(next.o, 0, a->v_dim * sizeof *next.o);
            fold(&all, &next, a->v_dim);
        }
        for (size_t d = 0; d < a->v_dim; d++) {
            all.o[d] = all.o[d] / all.l;
        }
    }
}

const struct kernels kernels_ref = {
    .name = "ref",
    .tile = {KERNEL_TYPES(KERNEL_ENTRY)},
    .quantise_32 = quantise_32,
    .quantise_256 = quantise_256,
    .norm = norm,
    .add = add,
    .gate = {[KERNEL_GATE_SILU] = gate_silu, [KERNEL_GATE_GELU] = gate_gelu, [KERNEL_GATE_CLAMP] = gate_clamp},
    .accumulate = accumulate,
    .exp = exp_all,
    .soft_cap = soft_cap_all,
    .to_f16 = to_f16,
    .to_bf16 = to_bf16_all,
    .quantise = quantise_all,
    .attention = attention,
};
