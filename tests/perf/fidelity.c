/* How far the engine is from the distribution that a model's weights mean (docs/engine.md, "Right"): reads the vectors'
 * engine/fidelity folder and the model that they were made with.
 *
 * Usage: fidelity MODEL VECTORS.json [positions]   positions: at most so many of each text; default all
 *
 * Prints, over the 11 different texts: the largest distance of the exact path's logits to the listed ones, how many of
 * the greedy runs agree, and the served path's mean KL(exact || served), perplexity and first choices; exit 1 where a
 * limit is missed. */
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

struct sums {
    double largest; /* |exact - listed| */
    double kl, nll_exact, nll_served;
    size_t positions, predicted, first_equal, greedy_equal, greedy_counted;
    double kl_other; /* the larger of llama.cpp's two */
};

struct run {
    struct engine *exact, *served;
    size_t vocabulary, positions;
    float *a, *b;
    struct sums sums;
};

static int die(const struct err *err)
{
    char line[400];

    err_print(err, line, sizeof line);
    (void)fprintf(stderr, "fidelity: %s\n", line);
    exit(1);
}

static struct engine *open_model(const char *path, bool exact)
{
    struct engine_setup setup = {.exact = exact, .kv = exact ? ENGINE_KV_F32 : ENGINE_KV_F16, .context = 512};
    struct engine_source source = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = path};
    struct identity identity;
    struct engine *e = NULL;
    struct err err = {0};

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

static void position_add(struct run *r, size_t at, const json_t *listed, const uint32_t *ids, size_t count)
{
    const float *a = r->a + at * r->vocabulary, *b = r->b + at * r->vocabulary;
    double la = log_sum(a, r->vocabulary), lb = log_sum(b, r->vocabulary), kl = 0.0;
    double off = fabs(la - json_number_value(json_array_get(listed, 0)));

    r->sums.largest = off > r->sums.largest ? off : r->sums.largest;
    for (size_t i = 0; i < LISTED; i++) {
        size_t id = (size_t)json_integer_value(json_array_get(listed, 1 + 2 * i));

        off = fabs((double)a[id] - json_number_value(json_array_get(listed, 2 + 2 * i)));
        r->sums.largest = off > r->sums.largest ? off : r->sums.largest;
    }
    for (size_t i = 0; i < r->vocabulary; i++) {
        double p = (double)a[i] - la;

        kl += exp(p) * (p - ((double)b[i] - lb));
    }
    r->sums.kl += kl;
    r->sums.positions++;
    r->sums.first_equal += largest(a, r->vocabulary) == largest(b, r->vocabulary);
    if (at + 1 < count) {
        r->sums.nll_exact += la - (double)a[ids[at + 1]];
        r->sums.nll_served += lb - (double)b[ids[at + 1]];
        r->sums.predicted++;
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
    if (gap > 1e-2) {
        r->sums.greedy_counted++;
        r->sums.greedy_equal += equal == GREEDY;
    }
    (void)printf("  greedy: %zu of %d equal, smallest gap %.2e\n", equal, GREEDY, gap);
}

static void sequence_add(struct run *r, const json_t *sequence)
{
    const json_t *tokens = json_object_get(sequence, "tokens"), *top = json_object_get(sequence, "top");
    size_t count = json_array_size(tokens), n = count < r->positions ? count : r->positions;
    double amx = json_number_value(json_object_get(sequence, "kl_amx"));
    double plain = json_number_value(json_object_get(sequence, "kl_plain")), before = r->sums.kl;
    uint32_t ids[TOKENS_MAX];
    struct err err = {0};

    if (count > TOKENS_MAX) {
        (void)fprintf(stderr, "fidelity: a text of %zu tokens\n", count);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = (uint32_t)json_integer_value(json_array_get(tokens, i));
    }
    if (!engine_logits(r->exact, ids, n, false, r->a, &err) || !engine_logits(r->served, ids, n, false, r->b, &err)) {
        (void)die(&err);
    }
    for (size_t i = 0; i < n; i++) {
        position_add(r, i, json_array_get(top, i), ids, n);
    }
    (void)printf("%zu tokens: KL %.2e (llama.cpp %.2e, %.2e), largest distance so far %.2e\n", n,
                 (r->sums.kl - before) / (double)n, amx, plain, r->sums.largest);
    r->sums.kl_other += (double)n * (amx > plain ? amx : plain);
    greedy_add(r, sequence, ids);
}

static int judge(const struct sums *s)
{
    double n = (double)s->positions, kl = s->kl / n, other = s->kl_other / n;
    double exact = exp(s->nll_exact / (double)s->predicted), served = exp(s->nll_served / (double)s->predicted);
    bool ok = s->largest <= 2e-3 && s->greedy_equal == s->greedy_counted && kl <= 1.05 * other &&
              fabs(served / exact - 1.0) <= 5e-3;

    (void)printf("positions %zu\nexact: largest distance %.2e (limit 2e-3), greedy runs equal %zu of %zu\n",
                 s->positions, s->largest, s->greedy_equal, s->greedy_counted);
    (void)printf(
        "served: KL %.3e (limit %.3e), first choice equal %.1f %%, perplexity %.3f, exact %.3f (limit 0.5 %%)\n", kl,
        1.05 * other, 100.0 * (double)s->first_equal / n, served, exact);
    (void)printf("%s\n", ok ? "within the limits" : "LIMIT MISSED");
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct run r = {.positions = TOKENS_MAX};
    struct engine_info info;
    struct buf text = BUF(MIB(64));
    struct err err = {0};
    json_t *list, *sequence;
    size_t i;

    if (argc < 3 || argc > 4 || (argc == 4 && (r.positions = strtoul(argv[3], NULL, 10)) < 2)) {
        (void)fprintf(stderr, "usage: fidelity MODEL VECTORS.json [positions]\n");
        return 2;
    }
    if (!file_read(argv[2], &text, &err) || !json_parse(buf_bytes(&text), &list, &err)) {
        return die(&err);
    }
    buf_done(&text);
    r.exact = open_model(argv[1], true);
    r.served = open_model(argv[1], false);
    engine_info(r.exact, &info);
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
    engine_close(r.served);
    json_decref(list);
    return judge(&r.sums);
}
