#include "test.h"

#include "engine/sampler.h"

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
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3), 7);
    logits[5] = 20.0F; /* the lowest id among equals */
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3), 5);
    o.repeat_penalty = 1.5F; /* once for each id, positive logits divided */
    fill(20.0F);
    logits[9] = 14.0F;
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3), 9);
    assert_true(logits[7] == 20.0F / 1.5F);
    o.repeat_last_n = 1; /* token 7 is out of the window */
    fill(20.0F);
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3), 7);
    o.repeat_last_n = 0;
    fill(20.0F);
    logits[3] = -1.0F;
    assert_int_equal(sampler_pick(sampler, &o, logits, history, 3), 7);
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
        id = sampler_pick(sampler, o, logits, history, position);
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

/* The same seed and position: the same token; another seed: another answer. Shares follow the weights. */
static void test_draw(void **state)
{
    struct engine_options o = options(), other = options();
    uint32_t history[2001] = {0}, same = 0, first = 0;

    (void)state;
    o.temperature = 1.0F;
    o.top_p = 1.0F;
    other = o;
    other.seed = 1;
    for (size_t i = 0; i < 2000; i++) {
        uint32_t a, b;

        memset(logits, 0, sizeof logits);
        logits[10] = 20.0F + 1.0986123F; /* ln 3: three times the other */
        logits[11] = 20.0F;
        a = sampler_pick(sampler, &o, logits, history, i);
        b = sampler_pick(sampler, &o, logits, history, i);
        assert_int_equal(a, b);
        same += a == sampler_pick(sampler, &other, logits, history, i);
        first += a == 10;
        assert_true(a == 10 || a == 11);
    }
    assert_in_range(first, 1440, 1560);
    assert_in_range(same, 1150, 1350); /* 0.75^2 + 0.25^2 = 0.625 */
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox), cmocka_unit_test(test_greedy),
                                       cmocka_unit_test(test_filters), cmocka_unit_test(test_draw)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
