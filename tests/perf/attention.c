/* What part of a prefill attention takes: its two products and the softmax, in processor time of one thread.
 *
 * Usage: attention MODEL CACHE ROUNDS [isa]   MODEL "7b": one generated layer in the shape of Qwen2.5 7B, Q4_K,
 * head_dim 128, 28 heads over 4, with a small vocabulary
 *
 * For 512 and 4,096 tokens: min / median / max of the share over the rounds, and of the products' rate, which the order
 * of sums in F32 bounds by one fma for each key, dimension and query (docs/engine.md). */
#include "gen_model.h"
#include "model/quant.h"

#define isa_kernels isa_kernels_plain
#include "engine/isa.c"
#undef isa_kernels

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TOKENS_MAX 4096
#define ROUNDS_MAX 99

const struct kernels *isa_kernels(enum engine_isa isa);

static struct kernels measured;
static void (*plain)(const struct kernel_attention *a);
static double spent, products; /* seconds; multiplications of attention */

static double seconds(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void attention(const struct kernel_attention *a)
{
    double from = seconds(CLOCK_THREAD_CPUTIME_ID);

    plain(a);
    spent += seconds(CLOCK_THREAD_CPUTIME_ID) - from;
    for (unsigned i = 0; i < a->count; i++) {
        products += (double)(a->limit[i] - a->from[i]) * (double)(a->k_dim + a->v_dim);
    }
}

/* In place of the engine's own choice: the same kernels, with a clock around one. */
const struct kernels *isa_kernels(enum engine_isa isa)
{
    const struct kernels *k = isa_kernels_plain(isa);

    if (k == NULL) {
        return NULL;
    }
    measured = *k;
    plain = k->attention;
    measured.attention = attention;
    return &measured;
}

static int die(const struct err *err)
{
    char line[400];

    err_print(err, line, sizeof line);
    (void)fprintf(stderr, "attention: %s\n", line);
    return 1;
}

static int model_fd(const char *name, struct err *err)
{
    struct gen_model m = gen_model_default();

    if (strcmp(name, "7b") != 0) {
        return open(name, O_RDONLY | O_CLOEXEC);
    }
    m.layers = 1;
    m.embd = 3584;
    m.ff = 18944;
    m.heads = 28;
    m.kv_heads = 4;
    m.head_dim = 128;
    m.context = TOKENS_MAX;
    m.weights = QUANT_Q4_K;
    return gen_model_fd(&m, err);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool measure(struct engine *e, uint32_t vocabulary, size_t tokens, size_t rounds, struct err *err)
{
    static uint32_t ids[TOKENS_MAX];
    double share[ROUNDS_MAX], rate[ROUNDS_MAX], all[ROUNDS_MAX];
    float *logits = calloc(vocabulary, sizeof *logits);
    bool ok = logits != NULL;

    for (uint32_t i = 0; i < tokens; i++) {
        ids[i] = (i * 7919 + 13) % vocabulary;
    }
    for (size_t i = 0; ok && i < rounds; i++) {
        double from = seconds(CLOCK_PROCESS_CPUTIME_ID);

        spent = 0.0;
        products = 0.0;
        ok = engine_logits(e, ids, tokens, true, logits, err);
        all[i] = seconds(CLOCK_PROCESS_CPUTIME_ID) - from;
        share[i] = 100.0 * spent / all[i];
        rate[i] = products / spent * 1e-9;
    }
    free(logits);
    if (!ok) {
        return false;
    }
    qsort(share, rounds, sizeof *share, by_size);
    qsort(rate, rounds, sizeof *rate, by_size);
    qsort(all, rounds, sizeof *all, by_size);
    (void)printf(
        "%zu tokens: attention %.1f / %.1f / %.1f %%, its products %.0f / %.0f / %.0f billion a second, all %.2f s\n",
        tokens, share[0], share[rounds / 2], share[rounds - 1], rate[0], rate[rounds / 2], rate[rounds - 1],
        all[rounds / 2]);
    return true;
}

int main(int argc, char **argv)
{
    struct engine_setup setup = {.threads = 1, .context = TOKENS_MAX};
    struct engine_source source = {.name = "MODEL"};
    struct identity identity;
    struct engine_info info;
    struct engine *e = NULL;
    struct err err = {0};
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    bool ok;

    if (argc < 4 || argc > 5 || !engine_kv_find(argv[2], &setup.kv) || rounds < 1 || rounds > ROUNDS_MAX ||
        (argc == 5 && !engine_isa_find(argv[4], &setup.isa))) {
        (void)fprintf(stderr, "usage: attention MODEL|7b CACHE ROUNDS [isa]\n");
        return 2;
    }
    source.fd = model_fd(argv[1], &err);
    if (!engine_open(&source, &setup, &e, &identity, &err)) {
        return die(&err);
    }
    (void)close(source.fd);
    engine_info(e, &info);
    (void)printf("%s, %s cache\n", info.kernels, argv[2]);
    ok = measure(e, info.vocabulary, 512, rounds, &err) && measure(e, info.vocabulary, TOKENS_MAX, rounds, &err);
    engine_close(e);
    return ok ? 0 : die(&err);
}
