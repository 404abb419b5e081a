/* exp() of float, the reference form: the vector forms are the same steps on lanes. Below -87 it is 0, above 88
 * infinite, between them within 1 unit in the last place or two. For files compiled with -mfma. */
#ifndef SOTTO_ENGINE_KERNELS_EXP_H
#define SOTTO_ENGINE_KERNELS_EXP_H

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

#endif
