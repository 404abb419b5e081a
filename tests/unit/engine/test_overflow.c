/* Where the context ends: what stays of a prompt and of an answer, and that the answer goes on as a new request with
 * the tokens that stayed would. The other side computes each token's logits anew, from the first token on. */
#include "test.h"

#include "engine/sampler.h"
#include "generated.h"

#include <stdlib.h>

#define CONTEXT 24
#define VOCAB GEN_MODEL_VOCAB_MIN /* 256 bytes, "aa", and 3 control tokens */
#define PAIR 256
#define TOKENS_MAX 1000

struct run {
    uint32_t ids[TOKENS_MAX]; /* of the answer */
    size_t count;
    enum engine_end end;
    struct engine_stats stats;
};

static struct engine *open_model(bool add_bos, const char *chat_template, unsigned chunk)
{
    struct gen_model m = gen_model_default();
    const struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 2, .context = CONTEXT, .chunk = chunk};

    m.layers = 1;
    m.vocab = VOCAB;
    m.add_bos = add_bos;
    m.chat_template = chat_template;
    return generated_open(&m, &setup);
}

/* Greedy, with no penalties, and never a control token: no end but the one that is looked for. */
static struct engine_request request(const char *prompt)
{
    static const struct engine_bias bias[] = {{PAIR + 1, -100}, {PAIR + 2, -100}, {PAIR + 3, -100}};
    struct engine_request q = {.prompt = bytes_of_str(prompt)};

    engine_options_default(&q.options);
    q.options.temperature = 0;
    q.options.repeat_penalty = 1;
    q.options.top_logprobs = 0;
    q.options.bias = bias;
    q.options.bias_count = 3;
    return q;
}

static void run(struct engine *e, const struct engine_request *q, struct run *out)
{
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct err err = {0};

    out->count = 0;
    assert_ok(engine_submit(e, q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        for (size_t i = 0; i < event.token_count; i++) {
            const struct bytes text = event.tokens[i].self.token;

            assert_true(out->count < TOKENS_MAX && (text.len == 1 || bytes_equal(text, bytes_of_str("aa"))));
            out->ids[out->count++] = text.len == 1 ? text.p[0] : PAIR;
        }
    }
    out->end = event.end;
    engine_stats(e, &out->stats);
    assert_int_equal(out->stats.answer_tokens, out->count);
}

static void ids_remove(uint32_t *ids, size_t *count, size_t at, size_t n)
{
    memmove(ids + at, ids + at + n, (*count - at - n) * sizeof *ids);
    *count -= n;
}

/* Ollama's rule, written once more: the tokens that the answer must have. */
static void expect(struct engine *e, const uint32_t *prompt, size_t n, size_t keep, const struct run *got)
{
    uint32_t window[TOKENS_MAX];
    float logits[VOCAB];
    size_t count = n;
    struct err err = {0};

    memcpy(window, prompt, n * sizeof *prompt);
    if (count > CONTEXT) {
        ids_remove(window, &count, keep, count - CONTEXT);
    }
    assert_int_equal(got->stats.prompt_tokens, count);
    for (size_t i = 0; i < got->count; i++) {
        uint32_t best = 0;

        if (count > CONTEXT) {
            ids_remove(window, &count, keep, (CONTEXT - keep) / 2);
        }
        assert_ok(engine_logits(e, window, count, true, logits, &err), err);
        for (uint32_t id = 1; id <= PAIR; id++) {
            best = logits[id] > logits[best] ? id : best;
        }
        assert_int_equal(got->ids[i], best);
        window[count++] = best;
    }
}

static size_t ids_of(const char *text, bool bos, uint32_t *out)
{
    size_t n = 0;

    if (bos) {
        out[n++] = PAIR + 2;
    }
    while (*text != '\0') {
        out[n++] = (uint8_t)*text++;
    }
    return n;
}

/* Short prompts, one that fills the context, one beyond it and one far beyond. */
static void test_goes_on(void **state)
{
    static const char full[] = "0123456789-123456789-123";
    static const struct {
        int num_keep;
        bool bos;
        size_t keep;
        unsigned chunk;
    } rows[] = {{4, false, 4, 0}, {0, false, 0, 5}, {4, true, 5, 1}, {9, false, 9, 0}};
    struct run got;
    uint32_t ids[TOKENS_MAX];
    char far[TOKENS_MAX - 1];

    (void)state;
    for (size_t i = 0; i < sizeof far; i++) {
        far[i] = i + 1 < sizeof far ? (char)('A' + i * 7 % 26) : '\0';
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine *e = open_model(rows[i].bos, NULL, rows[i].chunk);

        for (size_t k = 0; k < 4; k++) {
            const char *prompt = k == 0   ? "xyz"
                                 : k == 1 ? full + (rows[i].bos ? 1 : 0)
                                 : k == 2 ? "0123456789-123456789-123456789"
                                          : far;
            struct engine_request q = request(prompt);
            size_t n = ids_of(prompt, rows[i].bos, ids);

            q.options.num_keep = rows[i].num_keep;
            q.options.num_predict = 70;
            run(e, &q, &got);
            assert_int_equal(got.end, ENGINE_END_LENGTH);
            assert_int_equal(got.count, 70);
            assert_true(got.stats.truncated);
            expect(e, ids, n, rows[i].keep, &got);
        }
        engine_close(e);
    }
}

/* An answer without an end of its own has one. */
static void test_ends(void **state)
{
    struct engine *e = open_model(false, NULL, 0);
    struct engine_request q = request("xyz");
    struct run got;

    (void)state;
    run(e, &q, &got);
    assert_int_equal(got.end, ENGINE_END_LENGTH);
    assert_int_equal(got.count, ENGINE_ANSWER_CONTEXTS * CONTEXT);
    q.options.num_predict = 10 * ENGINE_ANSWER_CONTEXTS * CONTEXT;
    run(e, &q, &got);
    assert_int_equal(got.count, ENGINE_ANSWER_CONTEXTS * CONTEXT);
    /* Without shift: the last token is that which the full context gives. */
    q.options.shift = 0;
    run(e, &q, &got);
    assert_int_equal(got.end, ENGINE_END_LENGTH);
    assert_int_equal(got.count, CONTEXT - 3 + 1);
    assert_false(got.stats.truncated);
    /* So much stays that hardly anything could go. */
    q.options.shift = 1;
    q.options.num_keep = -1;
    q.prompt = bytes_of_str("0123456789-123456789");
    run(e, &q, &got);
    assert_int_equal(got.count, CONTEXT - 20 + 1);
    assert_false(got.stats.truncated);
    /* It all stays, and the answer goes on. */
    q.prompt = bytes_of_str("0123456789");
    q.options.num_predict = 40;
    run(e, &q, &got);
    assert_int_equal(got.count, 40);
    {
        uint32_t ids[10];

        expect(e, ids, ids_of("0123456789", false, ids), 10, &got);
    }
    engine_close(e);
}

/* The same seed, the same text; each token has a draw of its own, also behind a shift. */
static void test_draws(void **state)
{
    enum { KEEP = 4, COUNT = 100 };
    struct engine *e = open_model(false, NULL, 0), *other = open_model(false, NULL, 1);
    struct engine_request q = request("xyz");
    struct sampler *sampler = NULL;
    struct run a, b;
    uint32_t window[TOKENS_MAX];
    float logits[VOCAB];
    size_t count = ids_of("xyz", false, window);
    struct err err = {0};

    (void)state;
    q.options.temperature = 5;
    q.options.top_k = 0;
    q.options.top_p = 1;
    q.options.repeat_penalty = 1.3F;
    q.options.seed = 7;
    q.options.num_predict = COUNT;
    run(e, &q, &a);
    run(other, &q, &b);
    assert_int_equal(a.count, COUNT);
    assert_int_equal(b.count, COUNT);
    assert_memory_equal(a.ids, b.ids, COUNT * sizeof *a.ids);
    assert_ok(sampler_new(VOCAB, &sampler, &err), err);
    sampler_begin(sampler, &q.options);
    for (size_t i = 0; i < COUNT; i++) {
        if (count > CONTEXT) {
            ids_remove(window, &count, KEEP, (CONTEXT - KEEP) / 2);
            sampler_forget(sampler, (CONTEXT - KEEP) / 2);
        }
        assert_ok(engine_logits(other, window, count, true, logits, &err), err);
        window[count] = sampler_pick(sampler, &q.options, logits, window, count, NULL);
        assert_int_equal(a.ids[i], window[count++]);
    }
    sampler_free(sampler);
    q.options.seed = 8;
    run(e, &q, &b);
    assert_memory_not_equal(a.ids, b.ids, COUNT * sizeof *a.ids);
    engine_close(e);
    engine_close(other);
}

/* What is computed anew belongs to the answer's time, also where it is as much as the prompt. */
static void test_times(void **state)
{
    struct engine *e = open_model(false, NULL, 1);
    struct engine_request q = request("0123456789-123456789");
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct engine_stats first = {0}, stats;
    struct err err = {0};

    (void)state;
    q.options.num_predict = 70;
    assert_ok(engine_submit(e, &q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        engine_stats(e, &stats);
        first = stats.answer_tokens == 1 && first.answer_tokens == 0 ? stats : first;
    }
    assert_true(stats.truncated && first.prompt_ns != 0 && stats.answer_ns != 0);
    assert_int_equal(stats.prompt_ns, first.prompt_ns);
    engine_close(e);
}

static void chat_expect(struct engine *e, const char *text, enum engine_wish wish, unsigned tokens, bool truncated)
{
    struct engine_request q = request("");
    struct engine_stats stats;
    json_t *chat = NULL;
    struct err err = {0};

    assert_ok(json_parse(bytes_of_str(text), &chat, &err), err);
    q.chat = chat;
    q.wish = wish;
    if (tokens == 0) {
        assert_fails(engine_submit(e, &q, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    } else {
        assert_ok(engine_submit(e, &q, &err), err);
        engine_stats(e, &stats);
        assert_int_equal(stats.prompt_tokens, tokens);
        assert_int_equal(stats.truncated, truncated);
    }
    json_decref(chat);
}

/* The oldest messages go first; of a last one that is too long by itself the middle goes. */
static void test_chat(void **state)
{
#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
    static const char fits[] = "{\"messages\":[" SAYS("user", "0123456789") "]}",
                      old[] = "{\"messages\":[" SAYS("system", "be") "," SAYS("user", "0123456789-123456789") "," SAYS(
                          "assistant", "0123456789") "," SAYS("user", "0123456789") "]}",
                      last[] = "{\"messages\":[" SAYS("system", "be") "," SAYS("user", "a") "," SAYS(
                          "user", "0123456789-123456789-123456789") "]}";
    struct engine *e =
        open_model(true, "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}{{ 1 }}{% endif %}", 0);
    struct engine_request q = request("0123456789-123456789-123456789");
    struct err err = {0};

    (void)state;
    chat_expect(e, fits, ENGINE_ANSWER, 11, false);
    chat_expect(e, fits, ENGINE_ANSWER_WHOLE, 11, false);
    chat_expect(e, old, ENGINE_ANSWER, 23, true); /* the first question went; the start token stands before it */
    chat_expect(e, old, ENGINE_ANSWER_WHOLE, 0, false);
    chat_expect(e, last, ENGINE_ANSWER, CONTEXT, true);
    chat_expect(e, last, ENGINE_ANSWER_WHOLE, 0, false);
    q.wish = ENGINE_ANSWER_WHOLE; /* a raw prompt */
    assert_fails(engine_submit(e, &q, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on), cmocka_unit_test(test_ends), cmocka_unit_test(test_draws),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_chat),
    };

    return cmocka_run_group_tests_name("overflow", tests, NULL, NULL);
}
