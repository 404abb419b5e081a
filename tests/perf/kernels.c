/* How fast each kernel is on one thread, from a cache: billions of multiplications and additions a second for tiles of
 * 12 tokens and for one token, each instruction set in turn within each round, the best of the rounds.
 *
 * Usage: kernels ROUNDS [TYPE]     "Q4_K avx512 310.2 95.1" lines on stdout */
#include "engine/isa.h"
#include "engine/math.h"
#include "engine/panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define K 2048
#define PANELS 16

static const enum engine_isa isas[] = {ENGINE_ISA_REF, ENGINE_ISA_AVX2, ENGINE_ISA_AVX512};
#define ISAS (sizeof isas / sizeof *isas)

/* Processor time: others may be running. */
static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static double rate(const struct kernels *k, const struct quant_type *t, const uint8_t *panels, const void *tile,
                   unsigned w)
{
    static float out[KERNEL_TILE * PANELS * KERNEL_ROWS];
    unsigned times = k == &kernels_ref ? 1 : 20;
    uint64_t from = now_ns();

    for (unsigned i = 0; i < times; i++) {
        for (size_t p = 0; p < PANELS; p++) {
            k->tile[t->id](panels + p * panel_size(t->id, K), tile, K / t->weights, w, out + p * KERNEL_ROWS,
                           (size_t)PANELS * KERNEL_ROWS);
        }
    }
    return 2.0 * K * PANELS * KERNEL_ROWS * w * times / (double)(now_ns() - from);
}

static void measure(const struct quant_type *t, unsigned rounds, uint8_t *panels, uint8_t *tile)
{
    double best[ISAS][2] = {{0}};
    static float x[K];

    for (size_t i = 0; i < PANELS * panel_size(t->id, K); i++) { /* as float16 0.01 to 2 */
        panels[i] = (uint8_t)(0x20 + (i * 2654435761U >> 7) % 32);
    }
    for (size_t i = 0; i < K; i++) {
        x[i] = (float)(i * 2654435761U % 1000) / 500.0F - 1.0F;
    }
    for (unsigned round = 0; round < rounds * ISAS * 2; round++) {
        const struct kernels *k = isa_kernels(isas[round / 2 % ISAS]);
        unsigned w = round % 2 == 0 ? KERNEL_TILE : 1;
        double *most = &best[round / 2 % ISAS][round % 2], now;

        for (unsigned c = 0; k != NULL && c < w; c++) {
            for (size_t i = 0; t->weights == 1 && i < K; i++) {
                memcpy(tile + 4 * (i * w + c), x + i, 4);
            }
            (void)(t->weights == 32 ? k->quantise_32 : k->quantise_256)(x, t->weights == 1 ? 0 : K, tile, w, c);
        }
        now = k == NULL ? 0.0 : rate(k, t, panels, tile, w);
        *most = now > *most ? now : *most;
    }
    for (size_t i = 0; i < ISAS; i++) {
        (void)printf("%s %s %.1f %.1f\n", t->name, engine_isa_name(isas[i]), best[i][0], best[i][1]);
    }
}

int main(int argc, char **argv)
{
    uint8_t *panels = aligned_alloc(64, PANELS * panel_size(QUANT_F32, K) + 65536),
            *tile = aligned_alloc(64, 4 * K * 12);
    const struct quant_type *only = argc == 3 ? quant_type_find(argv[2]) : NULL;

    if (argc < 2 || argc > 3 || (argc == 3 && only == NULL) || panels == NULL || tile == NULL) {
        (void)fprintf(stderr, "usage: kernels ROUNDS [TYPE]\n");
        return 2;
    }
    (void)math_environment_enter();
    for (uint32_t id = 0; id < QUANT_IDS; id++) {
        const struct quant_type *t = quant_type_get(id);

        if (t != NULL && (only == NULL || t == only)) {
            measure(t, (unsigned)strtoul(argv[1], NULL, 10), panels, tile);
        }
    }
    free(panels);
    free(tile);
    return 0;
}
