/* Linked into a program in place of the engine's own choice of kernels: GELU with the rounding of llama.cpp, which
 * looks it up in a table, argument and result in F16, between -10 and 10; below it is 0, above its argument. */
#include "model/quant.h"

#define isa_kernels isa_kernels_plain
#include "engine/isa.c"
#undef isa_kernels

#include <math.h>

const struct kernels *isa_kernels(enum engine_isa isa);

static float rounded(float x)
{
    uint16_t half;

    kernels_ref.to_f16(&x, 1, &half);
    return quant_f16(half);
}

static float gelu(float x)
{
    float r = rounded(x);

    if (x <= -10.0F || x >= 10.0F) {
        return x < 0.0F ? 0.0F : x;
    }
    return rounded(0.5F * r * (1.0F + tanhf(0.79788456080286535588F * r * (1.0F + 0.044715F * r * r))));
}

static void gate_gelu_rounded(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = gelu(gate[i]) * up[i];
    }
}

const struct kernels *isa_kernels(enum engine_isa isa)
{
    static struct kernels k;

    if (isa_kernels_plain(isa) == NULL) {
        return NULL;
    }
    k = *isa_kernels_plain(isa);
    k.gate[KERNEL_GATE_GELU] = gate_gelu_rounded;
    return &k;
}
