/* gemma3 against the vectors with the rounding that their program has (tests/gelu_rounded.c). Only so can they tell
 * tanh GELU from erf GELU. */
#include "test.h"

#include "vectors.h"

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
