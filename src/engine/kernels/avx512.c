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

static void swiglu(const float *gate, const float *up, size_t n, float *out)
{
    const __m512i sign = _mm512_set1_epi32((int)0x80000000U);

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = lanes(n - i);
        __m512 g = _mm512_maskz_loadu_ps(k, gate + i);
        __m512 e = exp_lanes(_mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(g), sign)));

        g = _mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1.0F), e));
        _mm512_mask_storeu_ps(out + i, k, _mm512_mul_ps(g, _mm512_maskz_loadu_ps(k, up + i)));
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
INLINE __m512 cached(const void *p, bool f16, size_t i)
{
    return f16 ? halves((const uint8_t *)p + 2 * i) : _mm512_loadu_ps((const float *)p + i);
}

/* The scores of w queries with the 16 keys of a group, into s[c][group]. */
INLINE void scores(const struct kernel_attention *a, const bool f16, const unsigned w, unsigned first, size_t key,
                   float *s)
{
    __m512 acc[KERNEL_GROUP];

    UNROLL
    for (unsigned c = 0; c < w; c++) {
        acc[c] = _mm512_setzero_ps();
    }
    for (size_t d = 0; d < a->dim; d++) {
        __m512 k = cached(a->k, f16, (key / 16 * a->dim + d) * 16);

        UNROLL
        for (unsigned c = 0; c < w; c++) {
            acc[c] = _mm512_fmadd_ps(_mm512_set1_ps(a->q[first + c][d]), k, acc[c]);
        }
    }
    UNROLL
    for (unsigned c = 0; c < w; c++) {
        _mm512_storeu_ps(s + (first + c) * KERNEL_BLOCK + key % KERNEL_BLOCK, acc[c]);
    }
}

/* Scores to exp(s - m), in place; m and l of one query's block of n keys. */
INLINE void weights(float *s, size_t n, float *m, float *l)
{
    __m512 most = _mm512_set1_ps(-EXP_INFINITY), sum = _mm512_setzero_ps();

    for (size_t j = 0; j < n; j += 16) {
        most = _mm512_mask_max_ps(most, lanes(n - j), most, _mm512_loadu_ps(s + j));
    }
    *m = _mm512_reduce_max_ps(most);
    for (size_t j = 0; j < n; j += 16) {
        __m512 p = exp_lanes(_mm512_sub_ps(_mm512_loadu_ps(s + j), _mm512_set1_ps(*m)));

        sum = _mm512_mask_add_ps(sum, lanes(n - j), sum, p);
        _mm512_storeu_ps(s + j, p);
    }
    *l = tree(sum);
}

/* o += p * v over keys from..to-1 of a block, w queries, 4 vectors of dimensions from d on; o begins at 0 if from is.
 */
INLINE void values(const struct kernel_attention *a, const bool f16, const unsigned w, const unsigned vectors,
                   unsigned first, size_t start, size_t from, size_t to, const float *s, float *o, size_t d)
{
    __m512 acc[4][4];

    UNROLL
    for (unsigned c = 0; c < w; c++) {
        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            acc[c][i] = from == 0 ? _mm512_setzero_ps() : _mm512_loadu_ps(o + (first + c) * a->dim + d + 16 * i);
        }
    }
    for (size_t j = from; j < to; j++) {
        __m512 v[4];

        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            v[i] = cached(a->v, f16, (start + j) * a->dim + d + 16 * i);
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
            _mm512_storeu_ps(o + (first + c) * a->dim + d + 16 * i, acc[c][i]);
        }
    }
}

INLINE void values_all(const struct kernel_attention *a, const bool f16, const unsigned w, unsigned first, size_t start,
                       size_t from, size_t to, const float *s, float *o)
{
    size_t d = 0;

    for (; d + 64 <= a->dim; d += 64) {
        values(a, f16, w, 4, first, start, from, to, s, o, d);
    }
    for (; d < a->dim; d += 16) {
        values(a, f16, w, 1, first, start, from, to, s, o, d);
    }
}

/* The keys that all queries of a block read are gone through for four queries at once, the rest for each alone. */
INLINE void block_values(const struct kernel_attention *a, const bool f16, size_t start, const size_t *n,
                         const float *s, float *o)
{
    size_t common = n[0];

    for (unsigned i = 1; i < a->count; i++) {
        common = n[i] < common ? n[i] : common;
    }
    for (unsigned i = 0; i < a->count;) {
        if (a->count - i >= 4) {
            values_all(a, f16, 4, i, start, 0, common, s, o);
            i += 4;
        } else {
            values_all(a, f16, 1, i, start, 0, common, s, o);
            i++;
        }
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (n[i] > common && common > 0) {
            values_all(a, f16, 1, i, start, common, n[i], s, o);
        } else if (n[i] > common) {
            values_all(a, f16, 1, i, start, 0, n[i], s, o);
        }
    }
}

INLINE void fold(float *out, const float *o, size_t n, float fa, float fb)
{
    for (size_t d = 0; d < n; d += 16) {
        __m512 next = _mm512_mul_ps(_mm512_loadu_ps(o + d), _mm512_set1_ps(fb));

        _mm512_storeu_ps(out + d, _mm512_fmadd_ps(_mm512_loadu_ps(out + d), _mm512_set1_ps(fa), next));
    }
}

INLINE void block(const struct kernel_attention *a, const bool f16, size_t start, float *all_m, float *all_l)
{
    float *s = a->scratch, *o = a->scratch + KERNEL_GROUP * KERNEL_BLOCK;
    size_t n[KERNEL_GROUP], most = 0;

    for (unsigned i = 0; i < a->count; i++) {
        n[i] = a->limit[i] <= start ? 0 : a->limit[i] - start < KERNEL_BLOCK ? a->limit[i] - start : KERNEL_BLOCK;
        most = n[i] > most ? n[i] : most;
    }
    for (size_t key = start; key < start + most; key += 16) {
        unsigned i = 0;

        for (; a->count - i >= 8; i += 8) {
            scores(a, f16, 8, i, key, s);
        }
        for (; a->count - i >= 3; i += 3) {
            scores(a, f16, 3, i, key, s);
        }
        for (; i < a->count; i++) {
            scores(a, f16, 1, i, key, s);
        }
    }
    float m[KERNEL_GROUP], l[KERNEL_GROUP];

    for (unsigned i = 0; i < a->count; i++) {
        if (n[i] != 0) {
            weights(s + i * KERNEL_BLOCK, n[i], &m[i], &l[i]);
        }
    }
    block_values(a, f16, start, n, s, o);
    for (unsigned i = 0; i < a->count; i++) {
        float most_m, fa, fb;

        if (n[i] == 0) {
            continue;
        }
        if (start == 0) {
            all_m[i] = m[i];
            all_l[i] = l[i];
            memcpy(a->out[i], o + i * a->dim, a->dim * sizeof *o);
            continue;
        }
        most_m = all_m[i] > m[i] ? all_m[i] : m[i];
        fa = exp_ref(all_m[i] - most_m);
        fb = exp_ref(m[i] - most_m);
        all_m[i] = most_m;
        all_l[i] = __builtin_fmaf(all_l[i], fa, l[i] * fb);
        fold(a->out[i], o + i * a->dim, a->dim, fa, fb);
    }
}

INLINE void attend(const struct kernel_attention *a, const bool f16)
{
    float m[KERNEL_GROUP], l[KERNEL_GROUP];
    size_t most = 0;

    for (unsigned i = 0; i < a->count; i++) {
        most = a->limit[i] > most ? a->limit[i] : most;
    }
    for (size_t start = 0; start < most; start += KERNEL_BLOCK) {
        block(a, f16, start, m, l);
    }
    for (unsigned i = 0; i < a->count; i++) {
        for (size_t d = 0; d < a->dim; d += 16) {
            _mm512_storeu_ps(a->out[i] + d, _mm512_div_ps(_mm512_loadu_ps(a->out[i] + d), _mm512_set1_ps(l[i])));
        }
    }
}

static void attention(const struct kernel_attention *a)
{
    if (a->f16) {
        attend(a, true);
    } else {
        attend(a, false);
    }
}

const struct kernels kernels_avx512 = {
    .name = "avx512",
    .tile = {KERNEL_TYPES(KERNEL_ENTRY)},
    .quantise_32 = quantise_32,
    .quantise_256 = quantise_256,
    .norm = norm,
    .add = add,
    .swiglu = swiglu,
    .to_f16 = to_f16,
    .attention = attention,
};
