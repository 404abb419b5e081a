/* gemma3 against the vectors with the rounding that their program has: it looks GELU up in a table, argument and result
 * in F16. Only so can they tell tanh GELU from erf GELU. The engine is linked with another choice of kernels. */
#include "test.h"

#include "model/quant.h"
#include "vectors.h"

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

static void gate_gelu_rounded(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float x = rounded(gate[i]);

        out[i] = rounded(0.5F * x * (1.0F + tanhf(0.79788456080286535588F * x * (1.0F + 0.044715F * x * x)))) * up[i];
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

static void test_gelu(void **state)
{
    (void)state;
    vectors_compare("arch/gemma3", true, ENGINE_KV_F32, "logits", 5e-8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gelu)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
