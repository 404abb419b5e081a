/* Other programs' logits (the vectors' INDEX.md says how they were made): the limits are docs/engine.md's. */
#include "test.h"

#include "vectors.h"

static void test_graph(void **state)
{
    static const struct {
        const char *name;
        double limit;
    } graphs[] = {
        {"arch/llama", 1e-9},     {"arch/llama-ropefreqs-tied", 1e-9},
        {"arch/qwen2", 1e-9},     {"arch/qwen2-tied-f16", 5e-6}, /* there activations are rounded to F16 too */
        {"arch/qwen3", 1e-9},     {"arch/gemma3", 1e-6},         /* there GELU is a table of F16: test_gelu.c */
        {"arch/llama-moe", 1e-9}, {"arch/gpt-oss", 1e-9},
        {"arch/deepseek2", 1e-9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        vectors_compare(graphs[i].name, true, ENGINE_KV_F32, "logits", graphs[i].limit);
        vectors_compare(graphs[i].name, false, ENGINE_KV_F32, "logits", graphs[i].limit);
        vectors_compare(graphs[i].name, false, ENGINE_KV_Q8_0, "logits", 5e-3);
    }
}

static void test_types(void **state)
{
    static const char *const names[] = {"F16",        "Q4_0",         "Q4_1", "Q5_0",   "Q8_0",
                                        "Q4_K_M",     "Q5_K_M",       "Q6_K", "IQ4_XS", "Q4_K_M-hidden448",
                                        "Q4_K_M-moe", "MXFP4-gpt-oss"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];

        (void)snprintf(name, sizeof name, "quantmodel/%s", names[i]);
        vectors_compare(name, true, ENGINE_KV_F32, "logits_f32", 1e-9);
        vectors_compare(name, false, ENGINE_KV_F32, "logits", 5e-3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_graph), cmocka_unit_test(test_types)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
