/* AVX-512 with VNNI. The 16 lanes are the 16 rows of a panel, the 16 keys of a group, or 16 places of a row. */
#include "engine/kernels/exp.h"
#include "engine/kernels/kernels.h"

#include <immintrin.h>

/* ---- What kernels/tiles.h asks for. ---- */

#define LANES 16
#define COLUMNS 12
#define FULL_DOT 1
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef int16_t vw __attribute__((vector_size(4 * LANES)));
typedef int8_t vb __attribute__((vector_size(4 * LANES)));
typedef __m512 vf;

INLINE vi dot(vi t, vi codes, vi q, bool negative)
{
    (void)negative;
    return (vi)_mm512_dpbusd_epi32((__m512i)t, (__m512i)codes, (__m512i)q);
}

INLINE vi whole(vi t)
{
    return t;
}

INLINE vi scaled(vi t, vi scale)
{
    return t * scale;
}

INLINE vi pairs(vi sum, vi words, vi q)
{
    return (vi)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)words, (__m512i)q);
}

INLINE vi shuffle(vi x, int32_t pattern)
{
    const vi quarter = {0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c,
                        0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c};

    return (vi)_mm512_shuffle_epi8((__m512i)x, (__m512i)(quarter + pattern));
}

INLINE vi lookup(vi codes, const int8_t table[16])
{
    return (vi)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)table)), (__m512i)codes);
}

INLINE vi wide_8(const uint8_t *p)
{
    return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p));
}

INLINE vi wide_16(const uint8_t *p)
{
    return (vi)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p));
}

INLINE vf halves(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}

INLINE vf fused(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

#include "engine/kernels/tiles.h"

/* ---- And what kernels/codes.h does. ---- */

INLINE vi words(const uint8_t *p)
{
    return (vi)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p));
}

INLINE void narrow(int16_t *p, vi v)
{
    _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16((__m512i)v));
}

#include "engine/kernels/codes.h"

INLINE __m512i magnitude(__m512 x)
{
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

/* Scale and its inverse from the largest magnitude's bits. False: not finite. */
INLINE bool scales(uint32_t most, float *d, float *id)
{
    float amax;

    if (most >= 0x7f800000U) {
        return false;
    }
    memcpy(&amax, &most, sizeof amax);
    *d = amax < 0x1p-100F ? 0.0F : amax / 127.0F;
    *id = amax < 0x1p-100F ? 0.0F : 127.0F / amax;
    return true;
}

INLINE __m512i codes(__m512 x, __m512 id)
{
    return _mm512_cvt_roundps_epi32(_mm512_mul_ps(x, id), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static bool quantise_32(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 32; b++, x += 32, p += (size_t)w * KERNEL_ACT_32_SIZE) {
        __m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
        __m512i most = _mm512_max_epu32(magnitude(x0), magnitude(x1)), q0, q1;
        float d, id, as_float;
        int32_t sum;

        if (!scales(_mm512_reduce_max_epu32(most), &d, &id)) {
            return false;
        }
        q0 = codes(x0, _mm512_set1_ps(id));
        q1 = codes(x1, _mm512_set1_ps(id));
        sum = _mm512_reduce_add_epi32(_mm512_add_epi32(q0, q1));
        as_float = (float)sum;
        memcpy(p + 4 * c, &d, 4);
        memcpy(p + 4 * w + 4 * c, &sum, 4);
        memcpy(p + 8 * w + 4 * c, &as_float, 4);
        _mm_storeu_si128((void *)(p + 12 * w + 32 * c), _mm512_cvtepi32_epi8(q0));
        _mm_storeu_si128((void *)(p + 12 * w + 32 * c + 16), _mm512_cvtepi32_epi8(q1));
    }
    return true;
}

static bool quantise_256(const float *x, size_t n, void *tile, unsigned w, unsigned c)
{
    uint8_t *p = tile;

    for (size_t b = 0; b < n / 256; b++, x += 256, p += (size_t)w * KERNEL_ACT_256_SIZE) {
        __m512i most = _mm512_setzero_si512();
        float d, id;

        for (int i = 0; i < 256; i += 16) {
            most = _mm512_max_epu32(most, magnitude(_mm512_loadu_ps(x + i)));
        }
        if (!scales(_mm512_reduce_max_epu32(most), &d, &id)) {
            return false;
        }
        memcpy(p + 4 * c, &d, 4);
        for (unsigned s = 0; s < 16; s++) {
            __m512i q = codes(_mm512_loadu_ps(x + 16 * s), _mm512_set1_ps(id));
            int16_t sum = (int16_t)_mm512_reduce_add_epi32(q);

            memcpy(p + 4 * w + 32 * c + 2 * s, &sum, 2);
            _mm_storeu_si128((void *)(p + 36 * w + 256 * c + 16 * s), _mm512_cvtepi32_epi8(q));
        }
    }
    return true;
}

/* 16 partial sums: i+8, i+4, i+2, i+1. */
INLINE float tree(__m512 x)
{
    __m256 y = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 z = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));

    z = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(z, _mm_shuffle_ps(z, z, 1)));
}

INLINE __mmask16 lanes(size_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffU : (1U << n) - 1U);
}

static void norm(const float *x, const float *weight, float eps, size_t n, float *out)
{
    __m512 sum = _mm512_setzero_ps(), scale;

    for (size_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(lanes(n - i), x + i);

        sum = _mm512_mask3_fmadd_ps(v, v, sum, lanes(n - i));
    }
    scale = _mm512_set1_ps(1.0F / __builtin_sqrtf(tree(sum) / (float)n + eps));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = lanes(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(k, x + i), scale);

        _mm512_mask_storeu_ps(out + i, k, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(k, weight + i)));
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = lanes(n - i);

        _mm512_mask_storeu_ps(x + i, k,
                              _mm512_add_ps(_mm512_maskz_loadu_ps(k, x + i), _mm512_maskz_loadu_ps(k, y + i)));
    }
}

/* exp_ref() on 16 lanes. */
INLINE __m512 exp_lanes(__m512 x)
{
    const __m512 round = _mm512_set1_ps(EXP_ROUND);
    __m512 t = _mm512_fmadd_ps(x, _mm512_set1_ps(EXP_LOG2E), round), n = _mm512_sub_ps(t, round), r, p;
    __m512i e = _mm512_sub_epi32(_mm512_castps_si512(t), _mm512_set1_epi32((int)EXP_ROUND_BITS - 127));

    r = _mm512_fmadd_ps(n, _mm512_set1_ps(-EXP_LN2_HIGH), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(-EXP_LN2_LOW), r);
    p = _mm512_fmadd_ps(_mm512_set1_ps(EXP_C7), r, _mm512_set1_ps(EXP_C6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_C5));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_C4));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_C3));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_C2));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
    p = _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(e, 23)));
    p = _mm512_mask_mov_ps(p, _mm512_cmp_ps_mask(x, _mm512_set1_ps(EXP_LOW), _CMP_LT_OQ), _mm512_setzero_ps());
    return _mm512_mask_mov_ps(p, _mm512_cmp_ps_mask(x, _mm512_set1_ps(EXP_HIGH), _CMP_GT_OQ),
                              _mm512_set1_ps(EXP_INFINITY));
}

/* g / (1 + exp(x)) * u */
INLINE __m512 gated(__m512 g, __m512 x, __m512 u)
{
    return _mm512_mul_ps(_mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1.0F), exp_lanes(x))), u);
}

static void gate_silu(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = lanes(n - i);
        __m512 g = _mm512_maskz_loadu_ps(k, gate + i), x = _mm512_xor_ps(g, _mm512_set1_ps(-0.0F));

        _mm512_mask_storeu_ps(out + i, k, gated(g, x, _mm512_maskz_loadu_ps(k, up + i)));
    }
}

static void gate_gelu(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = lanes(n - i);
        __m512 g = _mm512_maskz_loadu_ps(k, gate + i);
        __m512 z = _mm512_mul_ps(_mm512_mul_ps(g, _mm512_set1_ps(GELU_CUBE)), g);

        z = _mm512_mul_ps(_mm512_mul_ps(g, _mm512_set1_ps(GELU_SCALE)), _mm512_add_ps(_mm512_set1_ps(1.0F), z));
        _mm512_mask_storeu_ps(out + i, k, gated(g, z, _mm512_maskz_loadu_ps(k, up + i)));
    }
}

static void gate_clamp(const float *gate, const float *up, size_t n, float *out)
{
    const __m512 limit = _mm512_set1_ps(CLAMP_LIMIT);

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = lanes(n - i);
        __m512 g = _mm512_min_ps(limit, _mm512_maskz_loadu_ps(k, gate + i));
        __m512 u = _mm512_min_ps(limit, _mm512_maskz_loadu_ps(k, up + i));

        u = _mm512_add_ps(_mm512_max_ps(_mm512_set1_ps(-CLAMP_LIMIT), u), _mm512_set1_ps(1.0F));
        _mm512_mask_storeu_ps(out + i, k, gated(g, _mm512_mul_ps(g, _mm512_set1_ps(CLAMP_ALPHA)), u));
    }
}

static void to_f16(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __m256i h = _mm512_cvtps_ph(_mm512_maskz_loadu_ps(lanes(n - i), x + i), _MM_FROUND_TO_NEAREST_INT);

        _mm256_mask_storeu_epi16(out + i, lanes(n - i), h);
    }
}

/* 16 elements of the cache from place i on. */
INLINE __m512 cached(const void *p, enum kernel_cache cache, size_t i)
{
    const uint8_t *half = (const uint8_t *)p + 2 * i;

    if (cache == KERNEL_CACHE_F32) {
        return _mm512_loadu_ps((const float *)p + i);
    }
    if (cache == KERNEL_CACHE_F16) {
        return halves(half);
    }
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)half)), 16));
}

/* The scores of w queries with the 16 keys of a group, into s[c][group]. */
INLINE void scores(const struct kernel_attention *a, const enum kernel_cache cache, const unsigned w, unsigned first,
                   size_t key, float *s)
{
    __m512 acc[KERNEL_GROUP];

    if (cache == KERNEL_CACHE_Q8_0) {
        scores_codes(a, w, first, key, s);
        return;
    }
    UNROLL
    for (unsigned c = 0; c < w; c++) {
        acc[c] = _mm512_setzero_ps();
    }
    for (size_t d = 0; d < a->k_dim; d++) {
        __m512 k = cached(a->k, cache, (key / 16 * a->k_dim + d) * 16);

        UNROLL
        for (unsigned c = 0; c < w; c++) {
            acc[c] = _mm512_fmadd_ps(_mm512_set1_ps(((const float *)a->q[first + c])[d]), k, acc[c]);
        }
    }
    UNROLL
    for (unsigned c = 0; c < w; c++) {
        _mm512_storeu_ps(s + (first + c) * KERNEL_BLOCK + key % KERNEL_BLOCK, acc[c]);
    }
}

/* Scores to exp(s - m), in place; m and l of one query's keys low..n-1 of a block. */
INLINE void weights(const struct kernel_attention *a, float *s, size_t low, size_t n, float *m, float *l)
{
    const size_t start = low / 16 * 16;
    const __mmask16 head = (__mmask16)~lanes(low % 16); /* of the first 16 keys */
    __m512 most = _mm512_set1_ps(-EXP_INFINITY), sum = _mm512_setzero_ps();

    if (a->soft_cap != 0.0F) {
        soft_cap_all(s + low, a->soft_cap, n - low);
    }
    for (size_t j = start; j < n; j += 16) {
        __mmask16 k = j == start ? lanes(n - j) & head : lanes(n - j);

        most = _mm512_mask_max_ps(most, k, most, _mm512_loadu_ps(s + j));
    }
    *m = _mm512_reduce_max_ps(most);
    for (size_t j = start; j < n; j += 16) {
        __mmask16 k = j == start ? lanes(n - j) & head : lanes(n - j);
        __m512 p = exp_lanes(_mm512_sub_ps(_mm512_loadu_ps(s + j), _mm512_set1_ps(*m)));

        sum = _mm512_mask_add_ps(sum, k, sum, p);
        _mm512_storeu_ps(s + j, p);
    }
    *l = tree(sum);
}

/* o += p * v over keys from..to-1 of a block, w queries, 4 vectors of dimensions from d on. */
INLINE void values(const struct kernel_attention *a, const enum kernel_cache cache, const unsigned w,
                   const unsigned vectors, unsigned first, size_t start, size_t from, size_t to, const float *s,
                   float *o, size_t d)
{
    __m512 acc[4][4];

    UNROLL
    for (unsigned c = 0; c < w; c++) {
        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            acc[c][i] = _mm512_loadu_ps(o + (first + c) * a->v_dim + d + 16 * i);
        }
    }
    for (size_t j = from; j < to; j++) {
        __m512 v[4];

        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            v[i] = cached(a->v, cache, (start + j) * a->v_dim + d + 16 * i);
        }
        UNROLL
        for (unsigned c = 0; c < w; c++) {
            __m512 p = _mm512_set1_ps(s[(first + c) * KERNEL_BLOCK + j]);

            UNROLL
            for (unsigned i = 0; i < vectors; i++) {
                acc[c][i] = _mm512_fmadd_ps(p, v[i], acc[c][i]);
            }
        }
    }
    UNROLL
    for (unsigned c = 0; c < w; c++) {
        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            _mm512_storeu_ps(o + (first + c) * a->v_dim + d + 16 * i, acc[c][i]);
        }
    }
}

INLINE void values_all(const struct kernel_attention *a, const enum kernel_cache cache, const unsigned w,
                       unsigned first, size_t start, size_t from, size_t to, const float *s, float *o)
{
    size_t d = 0;

    for (; d + 64 <= a->v_dim; d += 64) {
        values(a, cache, w, 4, first, start, from, to, s, o, d);
    }
    for (; d < a->v_dim; d += 16) {
        values(a, cache, w, 1, first, start, from, to, s, o, d);
    }
}

/* Query i reads the keys low[i]..n[i]-1 of the block. Those that all queries read are gone through for four queries at
 * once, those before and behind them for each alone. */
INLINE void block_values(const struct kernel_attention *a, const enum kernel_cache cache, size_t start,
                         const size_t *low, const size_t *n, const float *s, float *o)
{
    size_t from = low[0], to = n[0];

    for (unsigned i = 1; i < a->count; i++) {
        from = low[i] > from ? low[i] : from;
        to = n[i] < to ? n[i] : to;
    }
    if (cache == KERNEL_CACHE_Q8_0) {
        for (unsigned i = 0; i < a->count;) {
            if (a->count - i >= 4) {
                values_codes(a, 4, start, low + i, n + i, s + i * KERNEL_BLOCK, o + i * a->v_dim);
                i += 4;
            } else {
                values_codes(a, 1, start, low + i, n + i, s + i * KERNEL_BLOCK, o + i * a->v_dim);
                i++;
            }
        }
        return;
    }
    memset(o, 0, a->count * a->v_dim * sizeof *o);
    if (from >= to) {
        for (unsigned i = 0; i < a->count; i++) {
            values_all(a, cache, 1, i, start, low[i], n[i], s, o);
        }
        return;
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (low[i] < from) {
            values_all(a, cache, 1, i, start, low[i], from, s, o);
        }
    }
    for (unsigned i = 0; i < a->count;) {
        if (a->count - i >= 4) {
            values_all(a, cache, 4, i, start, from, to, s, o);
            i += 4;
        } else {
            values_all(a, cache, 1, i, start, from, to, s, o);
            i++;
        }
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (n[i] > to) {
            values_all(a, cache, 1, i, start, to, n[i], s, o);
        }
    }
}

/* What came so far (m, l, out) and what comes next (o). */
INLINE void fold(float *out, float *m, float *l, const float *o, float next_m, float next_l, size_t n)
{
    float most = *m > next_m ? *m : next_m, fa = exp_ref(*m - most), fb = exp_ref(next_m - most);

    *m = most;
    *l = __builtin_fmaf(*l, fa, next_l * fb);
    for (size_t d = 0; d < n; d += 16) {
        __m512 next = _mm512_mul_ps(_mm512_loadu_ps(o + d), _mm512_set1_ps(fb));

        _mm512_storeu_ps(out + d, _mm512_fmadd_ps(_mm512_loadu_ps(out + d), _mm512_set1_ps(fa), next));
    }
}

/* Where position p is in the block that begins at start: 0 before it, at most its length. */
INLINE size_t within(size_t p, size_t start)
{
    return p <= start ? 0 : p - start < KERNEL_BLOCK ? p - start : KERNEL_BLOCK;
}

INLINE void block(const struct kernel_attention *a, const enum kernel_cache cache, size_t start, float *all_m,
                  float *all_l)
{
    float *s = a->scratch, *o = a->scratch + KERNEL_GROUP * KERNEL_BLOCK, m[KERNEL_GROUP], l[KERNEL_GROUP];
    size_t low[KERNEL_GROUP], n[KERNEL_GROUP], least = KERNEL_BLOCK, most = 0;

    for (unsigned i = 0; i < a->count; i++) {
        low[i] = within(a->from[i], start);
        n[i] = within(a->limit[i], start);
        least = low[i] < least ? low[i] : least;
        most = n[i] > most ? n[i] : most;
    }
    for (size_t key = start + least / 16 * 16; key < start + most; key += 16) {
        unsigned i = 0;

        for (; a->count - i >= 8; i += 8) {
            scores(a, cache, 8, i, key, s);
        }
        for (; a->count - i >= 3; i += 3) {
            scores(a, cache, 3, i, key, s);
        }
        for (; i < a->count; i++) {
            scores(a, cache, 1, i, key, s);
        }
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (low[i] < n[i]) {
            weights(a, s + i * KERNEL_BLOCK, low[i], n[i], &m[i], &l[i]);
        }
    }
    block_values(a, cache, start, low, n, s, o);
    for (unsigned i = 0; i < a->count; i++) {
        if (low[i] < n[i] && a->from[i] >= start) {
            all_m[i] = m[i];
            all_l[i] = l[i];
            memcpy(a->out[i], o + i * a->v_dim, a->v_dim * sizeof *o);
        } else if (low[i] < n[i]) {
            fold(a->out[i], &all_m[i], &all_l[i], o + i * a->v_dim, m[i], l[i], a->v_dim);
        }
    }
}

INLINE void attend(const struct kernel_attention *a, const enum kernel_cache cache)
{
    float m[KERNEL_GROUP], l[KERNEL_GROUP];
    size_t least = a->from[0], most = 0;

    for (unsigned i = 0; i < a->count; i++) {
        least = a->from[i] < least ? a->from[i] : least;
        most = a->limit[i] > most ? a->limit[i] : most;
    }
    for (size_t start = least / KERNEL_BLOCK * KERNEL_BLOCK; start < most; start += KERNEL_BLOCK) {
        block(a, cache, start, m, l);
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (a->sinks) {
            memset(a->scratch, 0, a->v_dim * sizeof *a->scratch);
            fold(a->out[i], &m[i], &l[i], a->scratch, a->sink[i], 1.0F, a->v_dim);
        }
        for (size_t d = 0; d < a->v_dim; d += 16) {
            _mm512_storeu_ps(a->out[i] + d, _mm512_div_ps(_mm512_loadu_ps(a->out[i] + d), _mm512_set1_ps(l[i])));
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

const struct kernels kernels_avx512 = {
    .name = "avx512",
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
