/* The reference: plain C, every operation in the order that docs/engine.md lays down. The other files must give the
 * same bits. Compiled with -mfma -mf16c, for fma is part of the arithmetic. */
#include "engine/kernels/exp.h"
#include "engine/kernels/kernels.h"

#include <immintrin.h>

#define ROWS KERNEL_ROWS

static float f16_at(const uint8_t *p)
{
    uint16_t bits;

    memcpy(&bits, p, sizeof bits);
    return _cvtsh_ss(bits);
}

static uint32_t abs_bits(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return u & 0x7fffffffU;
}

/* amax over the block decides the scale; below 2^-100 all is 0. False: not finite. */
static bool quantise_block(const float *x, size_t n, float *d, int8_t *q)
{
    uint32_t most = 0;
    float amax, id;

    for (size_t i = 0; i < n; i++) {
        most = abs_bits(x[i]) > most ? abs_bits(x[i]) : most;
    }
    if (most >= 0x7f800000U) {
        return false;
    }
    memcpy(&amax, &most, sizeof amax);
    if (amax < 0x1p-100F) {
        *d = 0.0F;
        memset(q, 0, n);
        return true;
    }
    *d = amax / 127.0F;
    id = 127.0F / amax;
    for (size_t i = 0; i < n; i++) {
        q[i] = (int8_t)_mm_cvtss_si32(_mm_set_ss(x[i] * id)); /* to nearest even */
    }
    return true;
}

static bool quantise_32(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 32; b++, x += 32, p += (size_t)w * KERNEL_ACT_32_SIZE) {
        int8_t q[32];
        int32_t sum = 0;
        float d, as_float;

        if (!quantise_block(x, 32, &d, q)) {
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

        if (!quantise_block(x, 256, &d, q)) {
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

static void tile_f32(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    const float *weights = panel, *x = tile;

    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            float acc = 0.0F;

            for (size_t k = 0; k < blocks; k++) {
                acc = __builtin_fmaf(weights[k * ROWS + r], x[k * w + c], acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

static void tile_f16(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    const uint8_t *weights = panel;
    const float *x = tile;

    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            float acc = 0.0F;

            for (size_t k = 0; k < blocks; k++) {
                acc = __builtin_fmaf(f16_at(weights + 2 * (k * ROWS + r)), x[k * w + c], acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

/* The weight codes of one row of a block of 32, without their offset. */
static int nibble(const uint8_t *lines, unsigned r, unsigned i)
{
    uint8_t byte = lines[i % 16 / 4 * 64 + 4 * r + i % 4];

    return i < 16 ? byte & 15 : byte >> 4;
}

static void tile_q4_0(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            const uint8_t *p = panel, *a = tile;
            float acc = 0.0F;

            for (size_t b = 0; b < blocks; b++, p += 288, a += (size_t)w * KERNEL_ACT_32_SIZE) {
                const int8_t *q = (const int8_t *)(a + 12 * w + 32 * c);
                int32_t sum = 0;

                for (unsigned i = 0; i < 32; i++) {
                    sum += (nibble(p + 32, r, i) - 8) * q[i];
                }
                acc = __builtin_fmaf((float)sum, f16_at(p + 2 * r) * float_at(a + 4 * c), acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

static void tile_q4_1(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            const uint8_t *p = panel, *a = tile;
            float acc = 0.0F;

            for (size_t b = 0; b < blocks; b++, p += 320, a += (size_t)w * KERNEL_ACT_32_SIZE) {
                const int8_t *q = (const int8_t *)(a + 12 * w + 32 * c);
                float da = float_at(a + 4 * c);
                int32_t sum = 0;

                for (unsigned i = 0; i < 32; i++) {
                    sum += nibble(p + 64, r, i) * q[i];
                }
                acc = __builtin_fmaf((float)sum, f16_at(p + 2 * r) * da, acc);
                acc = __builtin_fmaf(float_at(a + 8 * w + 4 * c), f16_at(p + 32 + 2 * r) * da, acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

static void tile_q8_0(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            const uint8_t *p = panel, *a = tile;
            float acc = 0.0F;

            for (size_t b = 0; b < blocks; b++, p += 544, a += (size_t)w * KERNEL_ACT_32_SIZE) {
                const int8_t *q = (const int8_t *)(a + 12 * w + 32 * c);
                int32_t sum = 0;

                for (unsigned i = 0; i < 32; i++) {
                    sum += (p[32 + i / 4 * 64 + 4 * r + i % 4] - 128) * q[i];
                }
                acc = __builtin_fmaf((float)sum, f16_at(p + 2 * r) * float_at(a + 4 * c), acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

/* The 6-bit scale and minimum of sub-block j of a Q4_K block, from its 12 bytes. */
static void q4_k_scale(const uint8_t *s, int j, int *scale, int *min)
{
    if (j < 4) {
        *scale = s[j] & 63;
        *min = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        *min = s[j + 4] >> 4 | (s[j] >> 6) << 4;
    }
}

/* S and B of a row's block of 256 with one token's codes. */
static void q4_k_sums(const uint8_t *block, const int8_t *q, const int16_t *sums, int32_t *s, int32_t *b)
{
    *s = 0;
    *b = 0;
    for (int j = 0; j < 8; j++) {
        const uint8_t *codes = block + 16 + j / 2 * 32;
        int scale, min, sum = 0;

        q4_k_scale(block + 4, j, &scale, &min);
        for (int i = 0; i < 32; i++) {
            sum += (j & 1 ? codes[i] >> 4 : codes[i] & 15) * q[32 * j + i];
        }
        *s += scale * sum;
        *b += min * (sums[2 * j] + sums[2 * j + 1]);
    }
}

static void tile_q4_k(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            const uint8_t *p = (const uint8_t *)panel + (size_t)144 * r, *a = tile;
            float acc = 0.0F;

            for (size_t b = 0; b < blocks; b++, p += 144 * ROWS, a += (size_t)w * KERNEL_ACT_256_SIZE) {
                float da = float_at(a + 4 * c);
                int16_t sums[16];
                int32_t sum, minimum;

                memcpy(sums, a + 4 * w + 32 * c, sizeof sums);
                q4_k_sums(p, (const int8_t *)(a + 36 * w + 256 * c), sums, &sum, &minimum);
                acc = __builtin_fmaf((float)sum, f16_at(p) * da, acc);
                acc = __builtin_fmaf((float)minimum, -(f16_at(p + 2) * da), acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

/* Two halves of 128 weights: 64 bytes of low nibbles, 32 bytes of two high bits, 8 scales each; a scale for each 16. */
static int32_t q6_k_sum(const uint8_t *block, const int8_t *q)
{
    int32_t s = 0;

    for (int g = 0; g < 16; g++) {
        int sum = 0;

        for (int i = 16 * g; i < 16 * g + 16; i++) {
            int half = i / 128, at = i % 128, low = block[64 * half + at % 64], high = block[128 + 32 * half + at % 32];
            int code = (at < 64 ? low & 15 : low >> 4) | (high >> (at / 32 * 2) & 3) << 4;

            sum += (code - 32) * q[i];
        }
        s += (int8_t)block[192 + g] * sum;
    }
    return s;
}

static void tile_q6_k(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride)
{
    for (unsigned c = 0; c < w; c++) {
        for (unsigned r = 0; r < ROWS; r++) {
            const uint8_t *p = (const uint8_t *)panel + (size_t)210 * r, *a = tile;
            float acc = 0.0F;

            for (size_t b = 0; b < blocks; b++, p += 210 * ROWS, a += (size_t)w * KERNEL_ACT_256_SIZE) {
                int32_t sum = q6_k_sum(p, (const int8_t *)(a + 36 * w + 256 * c));

                acc = __builtin_fmaf((float)sum, f16_at(p + 208) * float_at(a + 4 * c), acc);
            }
            out[c * stride + r] = acc;
        }
    }
}

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

/* Keys first..end-1, all of one block. */
static void block_compute(const struct kernel_attention *a, unsigned i, size_t first, size_t end, struct part *out)
{
    float s[KERNEL_BLOCK], lane[16] = {0};

    out->m = -EXP_INFINITY;
    for (size_t p = first; p < end; p++) {
        float score = 0.0F;

        for (size_t d = 0; d < a->k_dim; d++) {
            score = __builtin_fmaf(a->q[i][d], element(a->k, a->cache, (p / 16 * a->k_dim + d) * 16 + p % 16), score);
        }
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
    for (size_t d = 0; d < a->v_dim; d++) {
        float acc = 0.0F;

        for (size_t p = first; p < end; p++) {
            acc = __builtin_fmaf(s[p % KERNEL_BLOCK], element(a->v, a->cache, p * a->v_dim + d), acc);
        }
        out->o[d] = acc;
    }
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
    .tile = {[KERNEL_PANEL_F32] = tile_f32,
             [KERNEL_PANEL_F16] = tile_f16,
             [KERNEL_PANEL_Q4_0] = tile_q4_0,
             [KERNEL_PANEL_Q4_1] = tile_q4_1,
             [KERNEL_PANEL_Q8_0] = tile_q8_0,
             [KERNEL_PANEL_Q4_K] = tile_q4_k,
             [KERNEL_PANEL_Q6_K] = tile_q6_k},
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
    .attention = attention,
};
