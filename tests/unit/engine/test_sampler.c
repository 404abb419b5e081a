#include "test.h"

#include "engine/sampler.h"

#include <math.h>

/* Known answers of Random123 (kat_vectors, philox4x32 10). */
static void test_philox(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];

        sampler_philox(rows[i].counter, rows[i].key, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

#define VOCABULARY 1000

static struct sampler *sampler;
static float logits[VOCABULARY];

static void fill(float top)
{
    for (int i = 0; i < VOCABULARY; i++) {
        logits[i] = (float)((i * 389) % VOCABULARY) * 0.01F;
    }
    logits[7] = top;
}

static struct engine_options options(void)
{
    struct engine_options o;

    engine_options_default(&o);
    o.repeat_penalty = 1.0F;
    return o;
}

static void test_greedy(void **state)
{
    struct engine_options o = options();
    uint32_t history[] = {7, 7, 3};

    (void)state;
    o.temperature = 0.0F;
    fill(20.0F);
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3, NULL), 7);
    logits[5] = 20.0F; /* the lowest id among equals */
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3, NULL), 5);
    o.repeat_penalty = 1.5F; /* once for each id, positive logits divided */
    fill(20.0F);
    logits[9] = 14.0F;
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3, NULL), 9);
    assert_true(logits[7] == 20.0F / 1.5F);
    o.repeat_last_n = 1; /* token 7 is out of the window */
    fill(20.0F);
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3, NULL), 7);
    o.repeat_last_n = 0;
    fill(20.0F);
    logits[3] = -1.0F;
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3, NULL), 7);
    assert_true(logits[3] == -1.0F);
}

/* Only what the filter leaves can be drawn. */
static uint32_t kinds_drawn(const struct engine_options *o)
{
    static uint32_t history[4096];
    bool seen[VOCABULARY] = {false};
    uint32_t kinds = 0;

    for (size_t position = 0; position < 4000; position++) {
        uint32_t id;

        fill(5.0F);
        id = sampler_pick(sampler, o, logits, history, position, NULL);
        kinds += !seen[id];
        seen[id] = true;
    }
    return kinds;
}

static void test_filters(void **state)
{
    struct engine_options o = options();

    (void)state;
    o.top_p = 1.0F;
    o.temperature = 100.0F; /* nearly even among those that are left */
    o.top_k = 5;
    assert_int_equal(kinds_drawn(&o), 5);
    o.top_k = 300; /* by the heap */
    assert_int_equal(kinds_drawn(&o), 300);
    o.top_k = 1;
    assert_int_equal(kinds_drawn(&o), 1);
    o.top_k = 0;
    o.min_p = 0.95F; /* steps of 0.01: exp(-0.05) = 0.951 */
    assert_int_equal(kinds_drawn(&o), 6);
    o.min_p = 0.0F;
    o.top_p = 0.0F;
    assert_int_equal(kinds_drawn(&o), 1);
    o.top_p = 0.05F; /* 1 - exp(-0.01 n) >= 0.05 of the sum */
    assert_int_equal(kinds_drawn(&o), 6);
    o.top_k = 20; /* of 20 the sum is 0.18 of all */
    o.top_p = 0.5F;
    assert_int_equal(kinds_drawn(&o), 10);
}

/* The same seed and position: the same token; another seed, or another choice: another answer. Shares follow the
 * weights. */
static void test_draw(void **state)
{
    struct engine_options o = options(), other = options(), second = options();
    uint32_t history[2001] = {0}, same = 0, alike = 0, first = 0;

    (void)state;
    o.temperature = 1.0F;
    o.top_p = 1.0F;
    other = o;
    other.seed = 1;
    second = o;
    second.choice = 1;
    for (size_t i = 0; i < 2000; i++) {
        uint32_t a, b;

        memset(logits, 0, sizeof logits);
        logits[10] = 20.0F + 1.0986123F; /* ln 3: three times the other */
        logits[11] = 20.0F;
        a = sampler_pick(sampler, &o, logits, history, i, NULL);
        b = sampler_pick(sampler, &o, logits, history, i, NULL);
        assert_int_equal(a, b);
        same += a == sampler_pick(sampler, &other, logits, history, i, NULL);
        alike += a == sampler_pick(sampler, &second, logits, history, i, NULL);
        first += a == 10;
        assert_true(a == 10 || a == 11);
        sampler_forget(sampler, i); /* the position counts what was left out */
        assert_int_equal(a, sampler_pick(sampler, &o, logits, history, 0, NULL));
        sampler_begin(sampler, &o);
    }
    assert_in_range(first, 1440, 1560);
    assert_in_range(same, 1150, 1350); /* 0.75^2 + 0.25^2 = 0.625 */
    assert_in_range(alike, 1150, 1350);
}

/* ---- The same once more, plainly: every step over all tokens, in double, with libm. ---- */

#define PLAIN 200

struct plain {
    double l[PLAIN]; /* logits; -INFINITY: out */
    double p[PLAIN]; /* probabilities */
    double mu;
};

static void softmax(struct plain *s, double temperature)
{
    double largest = -INFINITY, sum = 0;

    for (int i = 0; i < PLAIN; i++) {
        largest = fmax(largest, s->l[i]);
    }
    for (int i = 0; i < PLAIN; i++) {
        s->p[i] = exp((s->l[i] - largest) / temperature);
        sum += s->p[i];
    }
    for (int i = 0; i < PLAIN; i++) {
        s->p[i] /= sum;
    }
}

/* Ids with the largest key first, the lower id first among equals. */
static void order_by(const double *key, int order[PLAIN])
{
    for (int i = 0; i < PLAIN; i++) {
        int at = i;

        for (; at > 0 && key[order[at - 1]] < key[i]; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

/* Those from number `from` on in order go out. */
static void cut(struct plain *s, const int *order, int from)
{
    for (int i = from < 1 ? 1 : from; i < PLAIN; i++) {
        s->l[order[i]] = -INFINITY;
    }
}

/* How many in order it takes to reach a share of the whole. */
static int reach(const struct plain *s, const int *order, double share)
{
    double sum = 0;

    for (int i = 0; i < PLAIN; i++) {
        sum += s->p[order[i]];
        if (sum >= share) {
            return i + 1;
        }
    }
    return PLAIN;
}

static void plain_filter(struct plain *s, const struct engine_options *o)
{
    double key[PLAIN], entropy = 0;
    int order[PLAIN], n = 0;

    order_by(s->l, order);
    if (o->top_k > 0) {
        cut(s, order, o->top_k);
    }
    if (o->typical_p < 1) {
        softmax(s, 1);
        for (int i = 0; i < PLAIN; i++) {
            entropy -= s->p[i] > 0 ? s->p[i] * log(s->p[i]) : 0;
        }
        for (int i = 0; i < PLAIN; i++) {
            key[i] = s->p[i] > 0 ? -fabs(-log(s->p[i]) - entropy) : -INFINITY;
        }
        order_by(key, order);
        cut(s, order, reach(s, order, (double)o->typical_p));
    }
    softmax(s, 1);
    order_by(s->l, order);
    if (o->top_p < 1) {
        cut(s, order, reach(s, order, (double)o->top_p));
    }
    while (n < PLAIN && s->p[order[n]] >= (double)o->min_p * s->p[order[0]]) {
        n++;
    }
    cut(s, order, n);
}

/* Algorithm 1 of the paper: Zipf's exponent from the 100 likeliest, then how many stay. */
static void plain_mirostat1(struct plain *s, const struct engine_options *o)
{
    double tb = 0, tt = 0, e, k;
    int order[PLAIN];

    softmax(s, (double)o->temperature);
    order_by(s->l, order);
    for (int i = 0; i < 99; i++) {
        double t = log((i + 2.0) / (i + 1.0)), b = log(s->p[order[i]] / s->p[order[i + 1]]);

        tb += t * b;
        tt += t * t;
    }
    e = tb / tt - 1;
    k = pow(e * pow(2, s->mu) / (1 - pow(PLAIN, -e)), 1 / (tb / tt));
    cut(s, order, k >= PLAIN ? PLAIN : (int)k);
}

/* Version 2: those stay whose surprise is not above mu. */
static void plain_mirostat2(struct plain *s, const struct engine_options *o)
{
    int order[PLAIN], n = 1;

    softmax(s, (double)o->temperature);
    order_by(s->l, order);
    while (n < PLAIN && -log2(s->p[order[n]]) <= s->mu) {
        n++;
    }
    cut(s, order, n);
}

/* The probabilities into s->p. */
static void plain_steps(struct plain *s, const struct engine_options *o, const uint32_t *history, size_t count)
{
    size_t first = o->repeat_last_n < 0 || (size_t)o->repeat_last_n > count ? 0 : count - (size_t)o->repeat_last_n;

    for (size_t i = 0; i < o->bias_count; i++) {
        s->l[o->bias[i].id] += (double)o->bias[i].value;
    }
    for (uint32_t id = 0; id < PLAIN; id++) {
        int n = 0;

        for (size_t i = first; i < count; i++) {
            n += history[i] == id;
        }
        if (n > 0) {
            s->l[id] = s->l[id] > 0 ? s->l[id] / (double)o->repeat_penalty : s->l[id] * (double)o->repeat_penalty;
            s->l[id] -= n * (double)o->frequency_penalty + (double)o->presence_penalty;
        }
    }
    if (o->mirostat == 1) {
        plain_mirostat1(s, o);
    } else if (o->mirostat == 2) {
        plain_mirostat2(s, o);
    } else {
        plain_filter(s, o);
    }
    softmax(s, (double)o->temperature);
}

/* The token at which the sum of probabilities, the likeliest first, passes u; *close: rounding might say another. */
static uint32_t plain_draw(const struct plain *s, uint64_t seed, size_t position, bool *close)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, counter[4] = {0, (uint32_t)position, 0, 0};
    int order[PLAIN], i = 0;
    uint32_t word[4];
    double u, sum = 0;

    sampler_philox(counter, key, word);
    u = (double)(word[0] >> 8) * 0x1p-24;
    order_by(s->l, order);
    *close = false;
    for (; i < PLAIN; i++) {
        sum += s->p[order[i]];
        *close = *close || fabs(sum - u) < 1e-6;
        if (sum > u) {
            break;
        }
    }
    return (uint32_t)order[i < PLAIN ? i : PLAIN - 1];
}

/* Steps of a made-up text: the sampler's choice is the plain one's, and the shares of what it chooses are those that
 * the probabilities say (five standard deviations). */
static void plain_compare(const struct engine_options *o, bool same_logits)
{
    enum { STEPS = 1500 };
    static uint32_t history[STEPS + 3] = {5, 9, 5};
    static double want[PLAIN], got[PLAIN];
    struct plain s = {.mu = 2 * (double)o->mirostat_tau};
    struct sampler *t;
    uint64_t random = 1;
    unsigned skipped = 0;
    struct err err;

    assert_ok(sampler_new(PLAIN, &t, &err), err);
    sampler_begin(t, o);
    memset(want, 0, sizeof want);
    memset(got, 0, sizeof got);
    for (size_t step = 0; step < STEPS; step++) {
        float l[PLAIN];
        uint32_t id;
        bool close;

        random = same_logits ? 1 : random;
        for (int i = 0; i < PLAIN; i++) { /* a few stand out, as in a model's */
            random = random * 6364136223846793005U + 1442695040888963407U;
            l[i] = (float)(random >> 40) * 0x1p-21F - 4.0F;
            l[i] = l[i] * fabsf(l[i]);
            s.l[i] = (double)l[i];
        }
        plain_steps(&s, o, history, step + 3);
        id = sampler_pick(t, o, l, history, step + 3, NULL);
        if (plain_draw(&s, o->seed, step + 3, &close) != id) {
            assert_true(close);
            skipped++;
        }
        assert_true(s.p[id] > 0);
        for (int i = 0; i < PLAIN; i++) {
            want[i] += s.p[i];
        }
        got[id]++;
        s.mu -= (double)o->mirostat_eta * (-log2(s.p[id]) - (double)o->mirostat_tau);
        history[step + 3] = id;
    }
    assert_true(skipped < 5);
    for (int i = 0; i < PLAIN; i++) {
        assert_true(fabs(got[i] - want[i]) <= 5 * sqrt(want[i]) + 1);
    }
    sampler_free(t);
}

static void test_plain(void **state)
{
    static const struct engine_bias bias[] = {{3, 2.5F}, {7, -100.0F}, {11, 1.0F}};
    struct engine_options rows[13];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        engine_options_default(&rows[i]);
        rows[i].seed = 0x123456789abcdefU + i;
    }
    rows[1].temperature = 1.5F;
    rows[1].top_k = 0;
    rows[1].top_p = 1;
    rows[1].repeat_penalty = 1;
    rows[2].typical_p = 0.7F;
    rows[3].typical_p = 0.2F;
    rows[3].top_k = 0;
    rows[4].min_p = 0.1F;
    rows[4].top_p = 1;
    rows[5].presence_penalty = 1.5F;
    rows[5].frequency_penalty = 0.25F;
    rows[5].repeat_last_n = 20;
    rows[6].repeat_last_n = -1;
    rows[6].repeat_penalty = 1.3F;
    rows[7].bias = bias;
    rows[7].bias_count = 3;
    rows[8].top_k = 3;
    rows[8].temperature = 100;
    for (int i = 9; i < 13; i++) {
        rows[i].mirostat = i < 11 ? 1 : 2;
        rows[i].mirostat_tau = i % 2 == 0 ? 5 : 2.5F;
        rows[i].mirostat_eta = i % 2 == 0 ? 0.1F : 0.3F;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        plain_compare(&rows[i], i % 3 == 1);
    }
}

/* Logits that are all alike, or one alone that matters, are no slope to reckon with. */
static void test_mirostat_edges(void **state)
{
    struct engine_options o = options();
    uint32_t history[1] = {0};

    (void)state;
    for (int version = 1; version <= 2; version++) {
        o.mirostat = version;
        for (int kind = 0; kind < 2; kind++) {
            sampler_begin(sampler, &o);
            for (int i = 0; i < 100; i++) {
                memset(logits, 0, sizeof logits);
                logits[4] = kind == 0 ? 0.0F : 1e30F;
                assert_true(sampler_pick(sampler, &o, logits, history, 0, NULL) < VOCABULARY);
            }
        }
    }
}

static void test_odds(void **state)
{
    struct engine_options o = options();
    struct engine_bias bias = {7, -100};
    const struct sampler_odds *odds = sampler_odds(sampler);
    uint32_t history[] = {42}, id;
    double sum = 0;

    (void)state;
    o.bias = &bias;
    o.bias_count = 1;
    o.repeat_penalty = 2;
    o.top_logprobs = 20;
    fill(12.0F);
    for (int i = 0; i < VOCABULARY; i++) {
        sum += exp((double)logits[i]);
    }
    id = sampler_pick(sampler, &o, logits, history, 1, NULL);
    assert_true(id != 7);
    fill(12.0F); /* what the model said, whatever was done to it afterwards */
    assert_true(fabs(odds->self - ((double)logits[id] - log(sum))) < 1e-12);
    assert_int_equal(odds->count, 20);
    assert_int_equal(odds->best[0].id, 7);
    for (size_t i = 0; i < odds->count; i++) {
        assert_true(fabs(odds->best[i].value - ((double)logits[odds->best[i].id] - log(sum))) < 1e-12);
        assert_true(i == 0 || odds->best[i - 1].value >= odds->best[i].value);
    }
    o.top_logprobs = 0;
    (void)sampler_pick(sampler, &o, logits, history, 1, NULL);
    assert_int_equal(odds->count, 0);
}

static int setup(void **state)
{
    struct err err = {0};

    (void)state;
    return sampler_new(VOCABULARY, &sampler, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    sampler_free(sampler);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox),  cmocka_unit_test(test_greedy),
                                       cmocka_unit_test(test_filters), cmocka_unit_test(test_draw),
                                       cmocka_unit_test(test_plain),   cmocka_unit_test(test_mirostat_edges),
                                       cmocka_unit_test(test_odds)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
