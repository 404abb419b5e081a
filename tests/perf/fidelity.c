/* How far the engine is from the distribution that a model's weights mean (docs/fidelity.md): reads the vectors'
 * engine/fidelity folder and the model that they were made with.
 *
 * Usage: fidelity MODEL VECTORS.json [isa]
 *
 * Prints, over the 11 different texts: the largest distance of the exact path's logits to the listed ones, how many of
 * the greedy runs agree, and for each type of cache the served path's mean KL(exact || served), first choices and
 * perplexity, with the standard error that texts so short leave it; exit 1 where a limit is missed. The limits of the
 * served path are the default cache's. fidelity_gelu is the same with llama.cpp's rounding of GELU: without it the
 * limit of the exact path cannot be asked of gemma3. */
#include "base/limits.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "os/file.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOKENS_MAX 256
#define GREEDY 64
#define LISTED 20
#define SAME_AS_BEFORE 7 /* counted from 0: the text of sequence 5 again */

static const char *const caches[] = {"f16", "bf16"}; /* the default first */
#define CACHES (sizeof caches / sizeof *caches)

struct served {
    struct engine *engine;
    double kl, off, off_squares; /* off: what nll is above the exact path's */
    size_t first_equal;
};

struct run {
    struct engine *exact;
    struct served served[CACHES];
    size_t vocabulary;
    float *a, *b;                             /* logits of a text: exact, and served */
    double largest;                           /* |exact - listed| */
    double nll, nll_listed, kl_amx, kl_plain; /* kl: llama.cpp's */
    size_t positions, predicted, greedy_equal, greedy_counted, all_equal, texts;
};

static int die(const struct err *err)
{
    char line[400];

    err_print(err, line, sizeof line);
    (void)fprintf(stderr, "fidelity: %s\n", line);
    exit(1);
}

static struct engine *open_model(const char *path, enum engine_isa isa, const char *cache)
{
    struct engine_setup setup = {.isa = isa, .exact = cache == NULL, .context = 512};
    struct engine_source source = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = path};
    struct identity identity;
    struct engine *e = NULL;
    struct err err = {0};

    if (cache != NULL && !engine_kv_find(cache, &setup.kv)) {
        exit(2);
    }
    if (!engine_open(&source, &setup, &e, &identity, &err)) {
        (void)die(&err);
    }
    (void)close(source.fd);
    return e;
}

static double log_sum(const float *x, size_t n)
{
    double most = (double)x[0], sum = 0.0;

    for (size_t i = 1; i < n; i++) {
        most = (double)x[i] > most ? (double)x[i] : most;
    }
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)x[i] - most);
    }
    return most + log(sum);
}

static size_t largest(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++) {
        best = x[i] > x[best] ? i : best;
    }
    return best;
}

static double away(const struct run *r, double x, const json_t *listed)
{
    double off = fabs(x - json_number_value(listed));

    return off > r->largest ? off : r->largest;
}

static void listed_add(struct run *r, size_t at, const json_t *listed)
{
    const float *a = r->a + at * r->vocabulary;

    r->largest = away(r, log_sum(a, r->vocabulary), json_array_get(listed, 0));
    for (size_t i = 0; i < LISTED; i++) {
        size_t id = (size_t)json_integer_value(json_array_get(listed, 1 + 2 * i));

        r->largest = away(r, (double)a[id], json_array_get(listed, 2 + 2 * i));
    }
}

static void served_add(const struct run *r, struct served *s, const uint32_t *ids, size_t count)
{
    struct err err = {0};

    if (!engine_logits(s->engine, ids, count, false, r->b, &err)) {
        (void)die(&err);
    }
    for (size_t at = 0; at < count; at++) {
        const float *a = r->a + at * r->vocabulary, *b = r->b + at * r->vocabulary;
        double la = log_sum(a, r->vocabulary), lb = log_sum(b, r->vocabulary);

        for (size_t i = 0; i < r->vocabulary; i++) {
            double p = (double)a[i] - la;

            s->kl += exp(p) * (p - ((double)b[i] - lb));
        }
        s->first_equal += largest(a, r->vocabulary) == largest(b, r->vocabulary);
        if (at + 1 < count) {
            double off = lb - (double)b[ids[at + 1]] - (la - (double)a[ids[at + 1]]);

            s->off += off;
            s->off_squares += off * off;
        }
    }
}

static void greedy_add(struct run *r, const json_t *sequence, const uint32_t *ids)
{
    const json_t *want = json_object_get(sequence, "greedy_f32");
    size_t prompt = (size_t)json_integer_value(json_object_get(sequence, "greedy_prompt"));
    double gap = json_number_value(json_object_get(sequence, "greedy_f32_smallest_gap"));
    uint32_t got[GREEDY];
    struct err err = {0};
    size_t equal = 0;

    if (!engine_greedy(r->exact, ids, prompt, got, GREEDY, &err)) {
        (void)die(&err);
    }
    while (equal < GREEDY && got[equal] == (uint32_t)json_integer_value(json_array_get(want, equal))) {
        equal++;
    }
    r->all_equal += equal == GREEDY;
    if (gap > 1e-2) {
        r->greedy_counted++;
        r->greedy_equal += equal == GREEDY;
    }
    (void)printf("  greedy: %zu of %d equal, smallest gap %.2e\n", equal, GREEDY, gap);
}

static void sequence_add(struct run *r, const json_t *sequence)
{
    const json_t *tokens = json_object_get(sequence, "tokens"), *top = json_object_get(sequence, "top");
    size_t n = json_array_size(tokens);
    double amx = json_number_value(json_object_get(sequence, "kl_amx"));
    double plain = json_number_value(json_object_get(sequence, "kl_plain")), before = r->served[0].kl;
    uint32_t ids[TOKENS_MAX];
    struct err err = {0};

    if (n < 2 || n > TOKENS_MAX || json_array_size(top) != n) {
        (void)fprintf(stderr, "fidelity: a text of %zu tokens\n", n);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = (uint32_t)json_integer_value(json_array_get(tokens, i));
    }
    if (!engine_logits(r->exact, ids, n, false, r->a, &err)) {
        (void)die(&err);
    }
    for (size_t i = 0; i < n; i++) {
        const float *a = r->a + i * r->vocabulary;

        listed_add(r, i, json_array_get(top, i));
        r->nll += i + 1 < n ? log_sum(a, r->vocabulary) - (double)a[ids[i + 1]] : 0.0;
    }
    for (size_t i = 0; i < CACHES; i++) {
        served_add(r, &r->served[i], ids, n);
    }
    (void)printf("%zu tokens: KL %.2e (llama.cpp %.2e, %.2e), largest distance so far %.2e\n", n,
                 (r->served[0].kl - before) / (double)n, amx, plain, r->largest);
    r->texts++;
    r->positions += n;
    r->predicted += n - 1;
    r->nll_listed += (double)(n - 1) * json_number_value(json_object_get(sequence, "nll_f32"));
    r->kl_amx += (double)n * amx;
    r->kl_plain += (double)n * plain;
    greedy_add(r, sequence, ids);
}

static int judge(const struct run *r)
{
    double n = (double)r->positions, exact = exp(r->nll / (double)r->predicted);
    double limit = 1.05 * (r->kl_amx > r->kl_plain ? r->kl_amx : r->kl_plain) / n;
    bool ok = r->largest <= 2e-3 && r->greedy_equal == r->greedy_counted;

    (void)printf("positions %zu\nexact: largest distance %.2e (limit 2e-3), greedy runs equal %zu of %zu (of all %zu: "
                 "%zu), perplexity %.3f, listed %.3f\n",
                 r->positions, r->largest, r->greedy_equal, r->greedy_counted, r->texts, r->all_equal, exact,
                 exp(r->nll_listed / (double)r->predicted));
    (void)printf("llama.cpp: KL %.3e, %.3e\n", r->kl_amx / n, r->kl_plain / n);
    for (size_t i = 0; i < CACHES; i++) {
        const struct served *s = &r->served[i];
        double kl = s->kl / n, predicted = (double)r->predicted, mean = s->off / predicted, off = exp(mean) - 1.0;
        double error = sqrt((s->off_squares / predicted - mean * mean) / predicted);

        (void)printf(
            "served, %s: KL %.3e (limit %.3e), first choice equal %.1f %%, perplexity %.3f (%+.2f %%, standard "
            "error %.2f, limit 0.5)\n",
            caches[i], kl, limit, 100.0 * (double)s->first_equal / n, exact * (1.0 + off), 100.0 * off, 100.0 * error);
        ok = ok && (i != 0 || (kl <= limit && fabs(off) <= 5e-3));
    }
    (void)printf("%s\n", ok ? "within the limits" : "LIMIT MISSED");
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    enum engine_isa isa = ENGINE_ISA_BEST;
    struct run r = {0};
    struct engine_info info;
    struct buf text = BUF(MIB(64));
    struct err err = {0};
    json_t *list, *sequence;
    size_t i;

    if (argc < 3 || argc > 4 || (argc == 4 && !engine_isa_find(argv[3], &isa))) {
        (void)fprintf(stderr, "usage: fidelity MODEL VECTORS.json [isa]\n");
        return 2;
    }
    if (!file_read(argv[2], &text, &err) || !json_parse(buf_bytes(&text), &list, &err)) {
        return die(&err);
    }
    buf_done(&text);
    r.exact = open_model(argv[1], isa, NULL);
    for (i = 0; i < CACHES; i++) {
        r.served[i].engine = open_model(argv[1], isa, caches[i]);
    }
    engine_info(r.served[0].engine, &info);
    (void)printf("kernels: %s\n", info.kernels);
    r.vocabulary = info.vocabulary;
    r.a = calloc(TOKENS_MAX * r.vocabulary, sizeof *r.a);
    r.b = calloc(TOKENS_MAX * r.vocabulary, sizeof *r.b);
    if (r.a == NULL || r.b == NULL) {
        return 1;
    }
    json_array_foreach(list, i, sequence)
    {
        if (i != SAME_AS_BEFORE) {
            sequence_add(&r, sequence);
        }
    }
    free(r.a);
    free(r.b);
    engine_close(r.exact);
    for (i = 0; i < CACHES; i++) {
        engine_close(r.served[i].engine);
    }
    json_decref(list);
    return judge(&r);
}
