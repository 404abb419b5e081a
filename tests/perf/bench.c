/* Prefill of 512 tokens and decode of 128, as llama-bench counts them: tokens per second, one line a repeat.
 *
 * Usage: bench MODEL THREADS REPEATS [isa|best [kv [depth]]]     "pp512 1234.5" and "tg128 123.4" lines on stdout; with
 * a depth "pp4096 1234.5" and "tg128@4096 98.7": so many tokens, and 128 behind them, the time of those before taken
 * off. */
#include "engine/engine.h"
#include "os/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFILL 512
#define DECODE 128

static int die(const struct err *err)
{
    char line[400];

    err_print(err, line, sizeof line);
    (void)fprintf(stderr, "bench: %s\n", line);
    return 1;
}

static double rate(size_t tokens, uint64_t from)
{
    return (double)tokens * 1e9 / (double)(clock_monotonic_ns() - from);
}

static bool measure(struct engine *e, uint32_t vocabulary, unsigned repeats, struct err *err)
{
    float *logits = calloc(vocabulary, sizeof *logits);
    uint32_t ids[PREFILL], out[DECODE];
    bool ok = logits != NULL;

    for (uint32_t i = 0; i < PREFILL; i++) {
        ids[i] = (i * 7919 + 13) % vocabulary;
    }
    for (unsigned i = 0; ok && i <= repeats; i++) { /* the first warms up */
        uint64_t from = clock_monotonic_ns();

        ok = engine_logits(e, ids, PREFILL, true, logits, err);
        if (ok && i != 0) {
            (void)printf("pp512 %.1f\n", rate(PREFILL, from));
        }
        from = clock_monotonic_ns();
        ok = ok && engine_greedy(e, ids, 1, out, DECODE, err);
        if (ok && i != 0) {
            (void)printf("tg128 %.1f\n", rate(DECODE, from));
        }
    }
    free(logits);
    return ok;
}

/* The others are computed twice, with one token behind them and with DECODE more. */
static bool measure_deep(struct engine *e, uint32_t vocabulary, unsigned repeats, size_t depth, struct err *err)
{
    uint32_t *ids = calloc(depth, sizeof *ids), out[DECODE + 1];
    bool ok = ids != NULL;

    for (uint32_t i = 0; ok && i < depth; i++) {
        ids[i] = (i * 7919 + 13) % vocabulary;
    }
    for (unsigned i = 0; ok && i < repeats; i++) {
        uint64_t from = clock_monotonic_ns(), before;

        ok = engine_greedy(e, ids, depth, out, 1, err);
        (void)printf("pp%zu %.1f\n", depth, rate(depth, from));
        before = clock_monotonic_ns() - from;
        from = clock_monotonic_ns();
        ok = ok && engine_greedy(e, ids, depth, out, DECODE + 1, err);
        (void)printf("tg128@%zu %.1f\n", depth, rate(DECODE, from + before));
    }
    free(ids);
    return ok;
}

int main(int argc, char **argv)
{
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .context = PREFILL + DECODE};
    struct engine_source source;
    struct identity identity;
    struct engine_info info;
    struct engine *e = NULL;
    struct err err = {0};
    size_t depth = argc > 6 ? strtoul(argv[6], NULL, 10) : 0;
    bool ok;

    if (argc < 4 || argc > 7 || (argc > 4 && strcmp(argv[4], "best") != 0 && !engine_isa_find(argv[4], &setup.isa)) ||
        (argc > 5 && !engine_kv_find(argv[5], &setup.kv))) {
        (void)fprintf(stderr, "usage: bench MODEL THREADS REPEATS [isa|best [kv [depth]]]\n");
        return 2;
    }
    setup.context = depth != 0 ? (unsigned)depth + DECODE + 1 : setup.context;
    setup.threads = (unsigned)strtoul(argv[2], NULL, 10);
    source = (struct engine_source){.fd = open(argv[1], O_RDONLY | O_CLOEXEC), .name = argv[1]};
    if (!engine_open(&source, &setup, &e, &identity, &err)) {
        return die(&err);
    }
    (void)close(source.fd);
    engine_info(e, &info);
    (void)fprintf(stderr, "kernels: %s\n", info.kernels);
    ok = depth != 0 ? measure_deep(e, info.vocabulary, (unsigned)strtoul(argv[3], NULL, 10), depth, &err)
                    : measure(e, info.vocabulary, (unsigned)strtoul(argv[3], NULL, 10), &err);
    engine_close(e);
    return ok ? 0 : die(&err);
}
