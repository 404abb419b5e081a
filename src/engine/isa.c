/* Which kernels machine and build have. */
#include "engine/isa.h"

#include <stddef.h>
#include <string.h>

/* The oldest machine served: plain C is compiled for it too. */
static bool avx2_present(void)
{
    /* F16C comes with AVX2 on every CPU; clang 14 cannot ask for it. */
    return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
}

static bool avx512_present(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

/* Best first. */
static const struct {
    enum engine_isa isa;
    const struct kernels *kernels;
    bool (*present)(void);
} table[] = {
    {ENGINE_ISA_AVX512, &kernels_avx512, avx512_present},
    {ENGINE_ISA_AVX2, &kernels_avx2, avx2_present},
    {ENGINE_ISA_REF, &kernels_ref, avx2_present},
};
#define COUNT (sizeof table / sizeof *table)

const struct kernels *isa_kernels(enum engine_isa isa)
{
    for (size_t i = 0; i < COUNT; i++) {
        if ((isa == ENGINE_ISA_BEST || isa == table[i].isa) && table[i].present()) {
            return table[i].kernels;
        }
    }
    return NULL;
}

bool engine_isa_find(const char *name, enum engine_isa *out)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(table[i].kernels->name, name) == 0) {
            *out = table[i].isa;
            return true;
        }
    }
    return false;
}

const char *engine_isa_name(enum engine_isa isa)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (table[i].isa == isa) {
            return table[i].kernels->name;
        }
    }
    return "best";
}

bool engine_isa_present(enum engine_isa isa)
{
    return isa_kernels(isa) != NULL;
}
