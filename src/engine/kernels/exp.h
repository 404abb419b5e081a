/* exp() of float and what is made from it, the reference form: the vector forms are the same steps on lanes. Below -87
 * exp is 0, above 88 infinite, between them within 1 unit in the last place or two. For files compiled with -mfma. */
#ifndef SOTTO_ENGINE_KERNELS_EXP_H
#define SOTTO_ENGINE_KERNELS_EXP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXP_LOW (-87.0F)
#define EXP_HIGH 88.0F
#define EXP_LOG2E 0x1.715476p0F
#define EXP_ROUND 0x1.8p23F /* adding it rounds to an integer, which then stands in the low bits */
#define EXP_ROUND_BITS 0x4b400000U
#define EXP_LN2_HIGH 0x1.62e4p-1F
#define EXP_LN2_LOW 0x1.7f7d1cp-20F
#define EXP_INFINITY __builtin_inff()

/* 1 / 7!, ... 1 / 2!, 1, 1 */
#define EXP_C7 0x1.a01a02p-13F
#define EXP_C6 0x1.6c16c2p-10F
#define EXP_C5 0x1.111112p-7F
#define EXP_C4 0x1.555556p-5F
#define EXP_C3 0x1.555556p-3F
#define EXP_C2 0.5F

static inline float exp_ref(float x)
{
    float t = __builtin_fmaf(x, EXP_LOG2E, EXP_ROUND), n = t - EXP_ROUND, r, p, scale;
    uint32_t bits;

    if (x < EXP_LOW) {
        return 0.0F;
    }
    if (x > EXP_HIGH) {
        return EXP_INFINITY;
    }
    r = __builtin_fmaf(n, -EXP_LN2_LOW, __builtin_fmaf(n, -EXP_LN2_HIGH, x));
    p = __builtin_fmaf(EXP_C7, r, EXP_C6);
    p = __builtin_fmaf(p, r, EXP_C5);
    p = __builtin_fmaf(p, r, EXP_C4);
    p = __builtin_fmaf(p, r, EXP_C3);
    p = __builtin_fmaf(p, r, EXP_C2);
    p = __builtin_fmaf(p, r, 1.0F);
    p = __builtin_fmaf(p, r, 1.0F);
    memcpy(&bits, &t, sizeof bits);
    bits = (bits - EXP_ROUND_BITS + 127) << 23;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

#define GELU_SCALE (-1.5957691216F) /* -2 sqrt(2 / pi) */
#define GELU_CUBE 0.044715F
#define CLAMP_LIMIT 7.0F
#define CLAMP_ALPHA (-1.702F)

static inline float silu_ref(float g, float u)
{
    return (g / (1.0F + exp_ref(-g))) * u;
}

static inline float gelu_ref(float g, float u)
{
    return (g / (1.0F + exp_ref((g * GELU_SCALE) * (1.0F + (g * GELU_CUBE) * g)))) * u;
}

static inline float clamp_ref(float g, float u)
{
    g = CLAMP_LIMIT < g ? CLAMP_LIMIT : g; /* what is no number stays none */
    u = CLAMP_LIMIT < u ? CLAMP_LIMIT : u;
    u = -CLAMP_LIMIT > u ? -CLAMP_LIMIT : u;
    return (g / (1.0F + exp_ref(g * CLAMP_ALPHA))) * (u + 1.0F);
}

/* cap * tanh(x / cap); tanh|y| is (1 - e) / (1 + e) with e = exp(-2|y|). */
static inline float soft_cap_ref(float x, float cap)
{
    float y = x / cap, e = exp_ref(-2.0F * __builtin_fabsf(y));

    return cap * __builtin_copysignf((1.0F - e) / (1.0F + e), y);
}

/* Loops whose elements do not meet: compiled for the including file's instruction set. */
static inline void accumulate(float *x, const float *y, float w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = __builtin_fmaf(w, y[i], x[i]);
    }
}

static inline void exp_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = exp_ref(x[i]);
    }
}

static inline void soft_cap_all(float *x, float cap, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = soft_cap_ref(x[i], cap);
    }
}

/* By integers; the upper half of a float. */
static inline void to_bf16_all(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, x + i, sizeof u);
        out[i] = (uint16_t)((u & 0x7fffffffU) > 0x7f800000U ? u >> 16 | 0x40U : (u + 0x7fffU + (u >> 16 & 1U)) >> 16);
    }
}

/* amax over the n values decides the scale; below 2^-100 all is 0. False: not finite. */
static inline bool quantise_all(const float *x, size_t n, float *d, int8_t *q)
{
    uint32_t most = 0;
    float amax, id;

    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, x + i, sizeof u);
        u &= 0x7fffffffU;
        most = u > most ? u : most;
    }
    if (most >= 0x7f800000U) {
        return false;
    }
    memcpy(&amax, &most, sizeof amax);
    *d = amax < 0x1p-100F ? 0.0F : amax / 127.0F;
    id = amax < 0x1p-100F ? 0.0F : 127.0F / amax;
    for (size_t i = 0; i < n; i++) {
        float t = x[i] * id + EXP_ROUND; /* to nearest even */
        uint32_t u;

        memcpy(&u, &t, sizeof u);
        q[i] = (int8_t)(int32_t)(u - EXP_ROUND_BITS);
    }
    return true;
}

#endif
