/* AVX2 with FMA and F16C: the 16 lanes stand in two registers. */
#include "engine/kernels/exp.h"
#include "engine/kernels/kernels.h"

#include <immintrin.h>

/* ---- What kernels/tiles.h asks for. ---- */

#define LANES 8
#define COLUMNS 4
#define FULL_DOT 0
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef int16_t vw __attribute__((vector_size(4 * LANES)));
typedef int8_t vb __attribute__((vector_size(4 * LANES)));
typedef __m256 vf;

/* Signed codes: |code| with its sign on q. */
INLINE vi dot(vi t, vi codes, vi q, bool negative)
{
    __m256i w = (__m256i)codes, a = (__m256i)q;

    a = negative ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w)) : _mm256_maddubs_epi16(w, a);
    return (vi)((vw)t + (vw)a);
}

INLINE vi scaled(vi t, vi scale)
{
    return (vi)_mm256_madd_epi16((__m256i)t, (__m256i)scale);
}

INLINE vi whole(vi t)
{
    return scaled(t, (vi)_mm256_set1_epi16(1));
}

INLINE vi pairs(vi sum, vi words, vi q)
{
    return sum + scaled(words, q);
}

INLINE vi shuffle(vi x, int32_t pattern)
{
    const vi quarter = {0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c};

    return (vi)_mm256_shuffle_epi8((__m256i)x, (__m256i)(quarter + pattern));
}

INLINE vi lookup(vi codes, const int8_t table[16])
{
    return (vi)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table)), (__m256i)codes);
}

INLINE vi wide_8(const uint8_t *p)
{
    return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p));
}

INLINE vi wide_16(const uint8_t *p)
{
    return (vi)_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p));
}

INLINE vf halves(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}

INLINE vf fused(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

#include "engine/kernels/tiles.h"

/* ---- And what kernels/codes.h does. ---- */

INLINE vi words(const uint8_t *p)
{
    return (vi)_mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p));
}

INLINE void narrow(int16_t *p, vi v)
{
    __m256i x = _mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)v, (__m256i)v), 0x08);

    _mm_storeu_si128((void *)p, _mm256_castsi256_si128(x));
}

#include "engine/kernels/codes.h"

/* ---- Rows of floats: 16 lanes in two registers. ---- */

struct lanes {
    __m256 l, h;
};

INLINE struct lanes load(const float *p)
{
    return (struct lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

INLINE void store(float *p, struct lanes v)
{
    _mm256_storeu_ps(p, v.l);
    _mm256_storeu_ps(p + 8, v.h);
}

INLINE struct lanes set(float x)
{
    return (struct lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

/* 16 partial sums: i+8, i+4, i+2, i+1. */
INLINE float tree(struct lanes x)
{
    __m256 y = _mm256_add_ps(x.l, x.h);
    __m128 z = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));

    z = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(z, _mm_shuffle_ps(z, z, 1)));
}

static void norm(const float *x, const float *weight, float eps, size_t n, float *out)
{
    struct lanes sum = set(0.0F);
    float lane[16], scale;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        struct lanes v = load(x + i);

        sum.l = _mm256_fmadd_ps(v.l, v.l, sum.l);
        sum.h = _mm256_fmadd_ps(v.h, v.h, sum.h);
    }
    store(lane, sum);
    for (; i < n; i++) {
        lane[i % 16] = __builtin_fmaf(x[i], x[i], lane[i % 16]);
    }
    scale = 1.0F / __builtin_sqrtf(tree(load(lane)) / (float)n + eps);
    for (i = 0; i + 8 <= n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(scale));

        _mm256_storeu_ps(out + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
    }
    for (; i < n; i++) {
        out[i] = (x[i] * scale) * weight[i];
    }
}

static void add(float *x, const float *y, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    }
    for (; i < n; i++) {
        x[i] = x[i] + y[i];
    }
}

/* exp_ref() on 8 lanes. */
INLINE __m256 exp_lanes(__m256 x)
{
    const __m256 round = _mm256_set1_ps(EXP_ROUND);
    __m256 t = _mm256_fmadd_ps(x, _mm256_set1_ps(EXP_LOG2E), round), n = _mm256_sub_ps(t, round), r, p;
    __m256i e = _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_set1_epi32((int)EXP_ROUND_BITS - 127));

    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-EXP_LN2_HIGH), x);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-EXP_LN2_LOW), r);
    p = _mm256_fmadd_ps(_mm256_set1_ps(EXP_C7), r, _mm256_set1_ps(EXP_C6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_C5));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_C4));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_C3));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_C2));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(e, 23)));
    p = _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(EXP_LOW), _CMP_LT_OQ), p);
    return _mm256_blendv_ps(p, _mm256_set1_ps(EXP_INFINITY), _mm256_cmp_ps(x, _mm256_set1_ps(EXP_HIGH), _CMP_GT_OQ));
}

/* g / (1 + exp(x)) * u */
INLINE __m256 gated(__m256 g, __m256 x, __m256 u)
{
    return _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1.0F), exp_lanes(x))), u);
}

static void gate_silu(const float *gate, const float *up, size_t n, float *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 g = _mm256_loadu_ps(gate + i);

        _mm256_storeu_ps(out + i, gated(g, _mm256_xor_ps(g, _mm256_set1_ps(-0.0F)), _mm256_loadu_ps(up + i)));
    }
    for (; i < n; i++) {
        out[i] = silu_ref(gate[i], up[i]);
    }
}

static void gate_gelu(const float *gate, const float *up, size_t n, float *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 g = _mm256_loadu_ps(gate + i), z = _mm256_mul_ps(_mm256_mul_ps(g, _mm256_set1_ps(GELU_CUBE)), g);

        z = _mm256_mul_ps(_mm256_mul_ps(g, _mm256_set1_ps(GELU_SCALE)), _mm256_add_ps(_mm256_set1_ps(1.0F), z));
        _mm256_storeu_ps(out + i, gated(g, z, _mm256_loadu_ps(up + i)));
    }
    for (; i < n; i++) {
        out[i] = gelu_ref(gate[i], up[i]);
    }
}

static void gate_clamp(const float *gate, const float *up, size_t n, float *out)
{
    const __m256 limit = _mm256_set1_ps(CLAMP_LIMIT);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 g = _mm256_min_ps(limit, _mm256_loadu_ps(gate + i)), u = _mm256_min_ps(limit, _mm256_loadu_ps(up + i));

        u = _mm256_add_ps(_mm256_max_ps(_mm256_set1_ps(-CLAMP_LIMIT), u), _mm256_set1_ps(1.0F));
        _mm256_storeu_ps(out + i, gated(g, _mm256_mul_ps(g, _mm256_set1_ps(CLAMP_ALPHA)), u));
    }
    for (; i < n; i++) {
        out[i] = clamp_ref(gate[i], up[i]);
    }
}

static void to_f16(const float *x, size_t n, uint16_t *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        _mm_storeu_si128((void *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < n; i++) {
        out[i] = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
    }
}

/* ---- Attention. ---- */

/* 8 elements of the cache from place i on. */
INLINE __m256 cached(const void *p, enum kernel_cache cache, size_t i)
{
    const uint8_t *half = (const uint8_t *)p + 2 * i;

    if (cache == KERNEL_CACHE_F32) {
        return _mm256_loadu_ps((const float *)p + i);
    }
    if (cache == KERNEL_CACHE_F16) {
        return halves(half);
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)half)), 16));
}

/* The scores of n queries from `first` on with the 16 keys of a group. */
INLINE void scores(const struct kernel_attention *a, const enum kernel_cache cache, const unsigned n, unsigned first,
                   size_t key, float *s)
{
    struct lanes acc[COLUMNS];

    if (cache == KERNEL_CACHE_Q8_0) {
        scores_codes(a, n, first, key, s);
        return;
    }
    UNROLL
    for (unsigned c = 0; c < n; c++) {
        acc[c] = set(0.0F);
    }
    for (size_t d = 0; d < a->k_dim; d++) {
        __m256 l = cached(a->k, cache, (key / 16 * a->k_dim + d) * 16);
        __m256 h = cached(a->k, cache, (key / 16 * a->k_dim + d) * 16 + 8);

        UNROLL
        for (unsigned c = 0; c < n; c++) {
            __m256 q = _mm256_set1_ps(((const float *)a->q[first + c])[d]);

            acc[c].l = _mm256_fmadd_ps(q, l, acc[c].l);
            acc[c].h = _mm256_fmadd_ps(q, h, acc[c].h);
        }
    }
    UNROLL
    for (unsigned c = 0; c < n; c++) {
        store(s + (first + c) * KERNEL_BLOCK + key % KERNEL_BLOCK, acc[c]);
    }
}

/* Scores to exp(s - m), in place; m and l of one query's keys low..n-1 of a block. */
INLINE void weights(const struct kernel_attention *a, float *s, size_t low, size_t n, float *m, float *l)
{
    float lane[16] = {0};

    if (a->soft_cap != 0.0F) {
        soft_cap_all(s + low, a->soft_cap, n - low);
    }
    *m = -EXP_INFINITY;
    for (size_t j = low; j < n; j++) {
        *m = s[j] > *m ? s[j] : *m;
    }
    for (size_t j = low / 8 * 8; j < n; j += 8) {
        _mm256_storeu_ps(s + j, exp_lanes(_mm256_sub_ps(_mm256_loadu_ps(s + j), _mm256_set1_ps(*m))));
    }
    for (size_t j = low; j < n; j++) {
        lane[j % 16] = lane[j % 16] + s[j];
    }
    *l = tree(load(lane));
}

/* o = p * v over the keys low..n-1 of a block, 32 dimensions at once, then 16. */
INLINE void values(const struct kernel_attention *a, const enum kernel_cache cache, const unsigned vectors,
                   size_t start, size_t low, size_t n, const float *s, float *o, size_t d)
{
    __m256 acc[4];

    UNROLL
    for (unsigned i = 0; i < vectors; i++) {
        acc[i] = _mm256_setzero_ps();
    }
    for (size_t j = low; j < n; j++) {
        __m256 p = _mm256_set1_ps(s[j]);

        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            acc[i] = _mm256_fmadd_ps(p, cached(a->v, cache, (start + j) * a->v_dim + d + 8 * i), acc[i]);
        }
    }
    UNROLL
    for (unsigned i = 0; i < vectors; i++) {
        _mm256_storeu_ps(o + d + 8 * i, acc[i]);
    }
}

/* What came so far (m, l, out) and what comes next (o). */
INLINE void fold(float *out, float *m, float *l, const float *o, float next_m, float next_l, size_t n)
{
    float most = *m > next_m ? *m : next_m, fa = exp_ref(*m - most), fb = exp_ref(next_m - most);

    *m = most;
    *l = __builtin_fmaf(*l, fa, next_l * fb);
    for (size_t d = 0; d < n; d += 8) {
        __m256 next = _mm256_mul_ps(_mm256_loadu_ps(o + d), _mm256_set1_ps(fb));
        __m256 all = _mm256_loadu_ps(out + d);

        _mm256_storeu_ps(out + d, _mm256_fmadd_ps(all, _mm256_set1_ps(fa), next));
    }
}

INLINE void query_block(const struct kernel_attention *a, const enum kernel_cache cache, unsigned i, size_t start,
                        size_t low, size_t n, float *m, float *l)
{
    bool first = a->from[i] >= start;
    float *s = a->scratch + i * KERNEL_BLOCK, *o = first ? a->out[i] : a->scratch + KERNEL_GROUP * KERNEL_BLOCK;
    float next_m, next_l;
    size_t d = 0;

    weights(a, s, low, n, &next_m, &next_l);
    if (cache == KERNEL_CACHE_Q8_0) {
        values_codes(a, 1, start, &low, &n, s, o);
        d = a->v_dim;
    }
    for (; d + 32 <= a->v_dim; d += 32) {
        values(a, cache, 4, start, low, n, s, o, d);
    }
    for (; d < a->v_dim; d += 16) {
        values(a, cache, 2, start, low, n, s, o, d);
    }
    if (first) {
        *m = next_m;
        *l = next_l;
        return;
    }
    fold(a->out[i], m, l, o, next_m, next_l, a->v_dim);
}

INLINE void attend(const struct kernel_attention *a, const enum kernel_cache cache)
{
    float m[KERNEL_GROUP] = {0}, l[KERNEL_GROUP] = {0};
    size_t least = a->from[0], most = 0;

    for (unsigned i = 0; i < a->count; i++) {
        least = a->from[i] < least ? a->from[i] : least;
        most = a->limit[i] > most ? a->limit[i] : most;
    }
    for (size_t start = least / KERNEL_BLOCK * KERNEL_BLOCK; start < most; start += KERNEL_BLOCK) {
        size_t end = most < start + KERNEL_BLOCK ? most : start + KERNEL_BLOCK;

        for (size_t key = least > start ? least / 16 * 16 : start; key < end; key += 16) {
            unsigned i = 0;

            for (; i + COLUMNS <= a->count; i += COLUMNS) {
                scores(a, cache, COLUMNS, i, key, a->scratch);
            }
            for (; i < a->count; i++) {
                scores(a, cache, 1, i, key, a->scratch);
            }
        }
        for (unsigned i = 0; i < a->count; i++) {
            if (a->limit[i] > start && a->from[i] < end) {
                query_block(a, cache, i, start, a->from[i] > start ? a->from[i] - start : 0,
                            (a->limit[i] < end ? a->limit[i] : end) - start, &m[i], &l[i]);
            }
        }
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (a->sinks) {
            memset(a->scratch, 0, a->v_dim * sizeof *a->scratch);
            fold(a->out[i], &m[i], &l[i], a->scratch, a->sink[i], 1.0F, a->v_dim);
        }
        for (size_t d = 0; d < a->v_dim; d += 8) {
            _mm256_storeu_ps(a->out[i] + d, _mm256_div_ps(_mm256_loadu_ps(a->out[i] + d), _mm256_set1_ps(l[i])));
        }
    }
}

static void attention(const struct kernel_attention *a)
{
    if (a->cache == KERNEL_CACHE_F32) {
        attend(a, KERNEL_CACHE_F32);
    } else if (a->cache == KERNEL_CACHE_F16) {
        attend(a, KERNEL_CACHE_F16);
    } else if (a->cache == KERNEL_CACHE_BF16) {
        attend(a, KERNEL_CACHE_BF16);
    } else {
        attend(a, KERNEL_CACHE_Q8_0);
    }
}

/* ---- Activations. ---- */

/* The largest magnitude's bits over n floats, n a multiple of 32. */
INLINE uint32_t largest(const float *x, size_t n)
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i most = _mm256_setzero_si256();
    uint32_t lane[8], out = 0;

    for (size_t i = 0; i < n; i += 8) {
        most = _mm256_max_epu32(most, _mm256_and_si256(_mm256_loadu_si256((const void *)(x + i)), magnitude));
    }
    _mm256_storeu_si256((void *)lane, most);
    for (int i = 0; i < 8; i++) {
        out = lane[i] > out ? lane[i] : out;
    }
    return out;
}

/* 16 codes to q; their sum. */
INLINE int32_t codes(const float *x, float id, uint8_t *q)
{
    __m256i l = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), _mm256_set1_ps(id)));
    __m256i h = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8), _mm256_set1_ps(id)));
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(l, h), 0xd8), sum = _mm256_add_epi32(l, h);
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

    _mm_storeu_si128((void *)q, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

/* Scale and its inverse. False: not finite. */
INLINE bool scales(const float *x, size_t n, float *d, float *id)
{
    uint32_t most = largest(x, n);
    float amax;

    if (most >= 0x7f800000U) {
        return false;
    }
    memcpy(&amax, &most, sizeof amax);
    *d = amax < 0x1p-100F ? 0.0F : amax / 127.0F;
    *id = amax < 0x1p-100F ? 0.0F : 127.0F / amax;
    return true;
}

static bool quantise_32(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 32; b++, x += 32, p += (size_t)w * KERNEL_ACT_32_SIZE) {
        uint8_t *q = p + 12 * w + 32 * c;
        float d, id, as_float;
        int32_t sum;

        if (!scales(x, 32, &d, &id)) {
            return false;
        }
        sum = codes(x, id, q) + codes(x + 16, id, q + 16);
        as_float = (float)sum;
        memcpy(p + 4 * c, &d, 4);
        memcpy(p + 4 * w + 4 * c, &sum, 4);
        memcpy(p + 8 * w + 4 * c, &as_float, 4);
    }
    return true;
}

static bool quantise_256(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 256; b++, x += 256, p += (size_t)w * KERNEL_ACT_256_SIZE) {
        float d, id;

        if (!scales(x, 256, &d, &id)) {
            return false;
        }
        memcpy(p + 4 * c, &d, 4);
        for (unsigned s = 0; s < 16; s++) {
            int16_t sum = (int16_t)codes(x + 16 * s, id, p + 36 * w + 256 * c + 16 * s);

            memcpy(p + 4 * w + 32 * c + 2 * s, &sum, 2);
        }
    }
    return true;
}

const struct kernels kernels_avx2 = {
    .name = "avx2",
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
