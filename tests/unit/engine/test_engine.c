#include "test.h"

#include "engine/embed.h"
#include "engine/stream.h"
#include "generated.h"
#include "gguf_make.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROMPT 150 /* crosses a block of attention */

static const enum engine_isa isas[] = {ENGINE_ISA_REF, ENGINE_ISA_AVX2, ENGINE_ISA_AVX512};

/* SHA-256 of the logits of 150 tokens, all positions. numerics 1: a changed digest is a new number (docs/engine.md). */
static const struct {
    enum quant_id weights;
    enum engine_kv kv;
    bool exact;
    const char *digest;
} digests[] = {
    {QUANT_F32, ENGINE_KV_F32, false, "d4ccb371964bd8b4e4ba3ef1dbc4daa83f525ec956b7713713fc737423ff8972"},
    {QUANT_F32, ENGINE_KV_F16, false, "9d471c922583ed3bbd31181f9f7c2a61ec214373027df94060e4814bda9bbf0b"},
    {QUANT_F16, ENGINE_KV_F32, false, "6f3ee53a3d9c5947efba3bacbc14a562c14eac5af8c954f1100efa971126b616"},
    {QUANT_F16, ENGINE_KV_F16, false, "c17209ca0ce2d77d6ed509f57b5497b514627ed4dbf69155602a274474c1a935"},
    {QUANT_Q4_0, ENGINE_KV_F32, false, "7d35757705c85489a9426716841bc457c77b5bd2c39ac42181d626ca71a9a2b5"},
    {QUANT_Q4_0, ENGINE_KV_F16, false, "6c6c2bb6c0a878f3e56184cf7624e064f22a8fb773a134cab91bef8341085a44"},
    {QUANT_Q4_1, ENGINE_KV_F32, false, "042c9c9d4c8280c4379bbe0ea5bf1213a752a8318d4e8266c9c6ae0b0da16344"},
    {QUANT_Q4_1, ENGINE_KV_F16, false, "8758f44c30cd69b12f6d25beaca5d5f24147a5098b96c2f3328b756443c64e13"},
    {QUANT_Q8_0, ENGINE_KV_F32, false, "9baac8bf0b8ab8c210a3aaedd2bc7b87038f11ce90f9f2043e78fcfc12dbe8cd"},
    {QUANT_Q8_0, ENGINE_KV_F16, false, "ab6afd550ee5858f0913d72ceddbdf961338a50c712ca6f4b6a00f07d2b6d15e"},
    {QUANT_Q4_K, ENGINE_KV_F32, false, "425f7b3199779fc83139d9f411e05b6cfe0badab836f860f09cf3ec80cdfd057"},
    {QUANT_Q4_K, ENGINE_KV_F16, false, "64fb1f4f47d4d3f03f41681a2cba5e9c0800c3b0fb6aa5c6597eb665f9e62942"},
    {QUANT_Q6_K, ENGINE_KV_F32, false, "a4599165df1db6a938eda7be335f57d225eb978e2b7d9640d679c26519afab46"},
    {QUANT_Q6_K, ENGINE_KV_F16, false, "94876a63d3681ef30862e399b0f23ca2a2be134c274f45acd25d6dc72312cd20"},
    {QUANT_BF16, ENGINE_KV_F32, false, "b2b23658d90ecbd19c82265f03a9ba3a244924e829fdfd3be6efff3912342861"},
    {QUANT_BF16, ENGINE_KV_F16, false, "cce5d50760fc6e1b616cb5081ff7f0a863edccea4b48735aff381742a655ef6e"},
    {QUANT_Q5_0, ENGINE_KV_F32, false, "cfc6c64718eeac1269a0b088528cefe7ebcbd6d72d24959f4f5b927f4e4839ec"},
    {QUANT_Q5_0, ENGINE_KV_F16, false, "546403130537d55db37ef2e5b0f2cdd26d0f52f4fcccd06c0410e8f16adddba0"},
    {QUANT_Q5_1, ENGINE_KV_F32, false, "d4b036599936f85143fdffde1a549e84434653a3fcfa2fb68a6001eb2ac6aa35"},
    {QUANT_Q5_1, ENGINE_KV_F16, false, "447b68cb278adc199cf3a08545a961a6b0fa23d2d26f4f35ea775654f4a9b4ab"},
    {QUANT_Q2_K, ENGINE_KV_F32, false, "cff56a9cd7220096265688cea490212d4c964e6edf9986fa9622eb18813433f9"},
    {QUANT_Q2_K, ENGINE_KV_F16, false, "f53f9b86edc00dbf1db699e2436bbbab03a01325406d8d9b8cdf13caf048ea98"},
    {QUANT_Q3_K, ENGINE_KV_F32, false, "aff7229d4d8fd626c46fe4873ad8190a27c0dd446c6e06655b59bbd3ced12e12"},
    {QUANT_Q3_K, ENGINE_KV_F16, false, "d72a559ae1937e0f7edb74de7f906278291514247362e1fc3aeb4aba125e6185"},
    {QUANT_Q5_K, ENGINE_KV_F32, false, "ea9762fef3a2d977400e2daac2f71cb36ddc9c6f772876876ed22ce5bc469c7b"},
    {QUANT_Q5_K, ENGINE_KV_F16, false, "728e7d96d5eafee879a09e15ca950a928d45958e89faef1b88eabfb49f9716a7"},
    {QUANT_IQ4_NL, ENGINE_KV_F32, false, "3e66af0619727208d0f13114488806f417c392036c4e46714d7a5d4e4670f551"},
    {QUANT_IQ4_NL, ENGINE_KV_F16, false, "4e1251deec1b8d1c1be59b94bc7147d4b93209637ffbcdd6e84ede25ad8b9263"},
    {QUANT_IQ4_XS, ENGINE_KV_F32, false, "29b880bef0ade68005a4a8c8da2f8f295db7cfb5f0fd029aeedc2ad082c68215"},
    {QUANT_IQ4_XS, ENGINE_KV_F16, false, "4c567743fea32ba948bb9cabcae83fb1fee35d4567dd288926f8cbc95fc5d361"},
    {QUANT_MXFP4, ENGINE_KV_F32, false, "98e8271fed4ea43d632d10ba9cb9e683ab6d82b0ad55d2278dd3a1857db9375c"},
    {QUANT_MXFP4, ENGINE_KV_F16, false, "99495a1079a9787f7fb87980bc533f09e4448fe3eb122cf63412feb71591fff8"},
    {QUANT_Q4_1, ENGINE_KV_F32, true, "736c0774b5692c7a24fbe15231848bcb514e3cd2a2fdc5a775dd7918a86722ee"},
    {QUANT_Q6_K, ENGINE_KV_F32, true, "12fb76f055a12abcbbeaa2c7dd81f268e09a87ecb6cfbef6ce2b1f8b6eddfcfd"},
};
#define DIGESTS (sizeof digests / sizeof *digests)

static void open_fails(const struct gen_model *m, const struct engine_setup *setup, enum reason reason)
{
    struct err err = {0};
    struct identity identity;
    struct engine *e = NULL;
    struct engine_source source = {.name = "generated", .fd = gen_model_fd(m, &err)};

    assert_true(source.fd >= 0);
    assert_fails(engine_open(&source, setup, &e, &identity, &err), err, reason, err.offset);
    assert_null(e);
    (void)close(source.fd);
}

/* Of PROMPT tokens, all positions; the caller's to free. */
static float *logits_new(const struct gen_model *m, const struct engine_setup *setup)
{
    struct engine *e = generated_open(m, setup);
    uint32_t ids[PROMPT];
    float *logits;

    generated_prompt(m, ids, PROMPT);
    logits = generated_logits(e, m, ids, PROMPT);
    engine_close(e);
    return logits;
}

static void logits_digest(const struct gen_model *m, const struct engine_setup *setup, char out[DIGEST_TEXT])
{
    generated_digest(generated_open(m, setup), m, PROMPT, out);
}

static struct gen_model digest_model(enum quant_id weights)
{
    struct gen_model m = gen_model_default();

    m.weights = weights;
    m.embedding = weights == QUANT_Q4_1 ? QUANT_Q8_0 : weights;
    m.untied = weights == QUANT_Q8_0;
    m.rope_factors = weights == QUANT_F16;
    return m;
}

static void test_digests(void **state)
{
    bool wrong = false;

    (void)state;
    for (size_t i = 0; i < DIGESTS; i++) {
        struct gen_model m = digest_model(digests[i].weights);

        for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
            struct engine_setup setup = {.isa = isas[k], .kv = digests[i].kv, .exact = digests[i].exact, .threads = 2};
            char digest[DIGEST_TEXT];

            if (!engine_isa_present(isas[k])) {
                print_message("skipped: no %s here\n", engine_isa_name(isas[k]));
                continue;
            }
            logits_digest(&m, &setup, digest);
            if (strcmp(digest, digests[i].digest) != 0) {
                print_message("row %zu (%s), %s: %s\n", i, quant_type_get((uint32_t)digests[i].weights)->name,
                              engine_isa_name(isas[k]), digest);
                wrong = true;
            }
        }
    }
    assert_false(wrong);
}

/* Whole numbers against widened weights: what differs is the rounding of activations to 8 bits. */
static void test_distance(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < QUANT_IDS; id++) {
        struct engine_setup served = {.kv = ENGINE_KV_F32, .threads = 2}, exact = {.exact = true, .threads = 2};
        struct gen_model m = digest_model((enum quant_id)id);
        double above = 0.0, below = 0.0;
        float *a, *b;

        if (quant_type_get(id) == NULL) {
            continue;
        }
        a = logits_new(&m, &served);
        b = logits_new(&m, &exact);
        for (size_t i = 0; i < (size_t)PROMPT * m.vocab; i++) {
            above += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
            below += (double)b[i] * (double)b[i];
        }
        free(a);
        free(b);
        print_message("%s: NMSE %.1e\n", quant_type_get(id)->name, above / below);
        assert_true(above <= (quant_type_get(id)->weights == 1 ? 0.0 : 2e-3) * below);
    }
}

/* Threads, chunks and instruction sets: the same bits. */
static void test_matrix(void **state)
{
    static const unsigned chunks[] = {1, 7, 64, 512};
    struct gen_model m = gen_model_default();
    char first[DIGEST_TEXT] = "", digest[DIGEST_TEXT];

    (void)state;
    m.layers = 1;
    m.ff = 256;
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
        for (unsigned threads = 1; threads <= 4; threads++) {
            for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
                struct engine_setup setup = {
                    .isa = isas[k], .kv = ENGINE_KV_F16, .threads = threads, .chunk = chunks[c]};

                if (!engine_isa_present(isas[k])) {
                    continue;
                }
                logits_digest(&m, &setup, digest);
                if (first[0] == '\0') {
                    memcpy(first, digest, sizeof first);
                }
                assert_string_equal(digest, first);
            }
        }
    }
}

/* Heads that are no multiple of 16 values: attention pads them, the results are those of the file's shape. Models
 * with such heads were compared with a forward pass in double precision, by another program; the digests hold what came
 * of it. */
static void test_heads(void **state)
{
    static const struct {
        uint32_t head_dim;
        bool exact;
        const char *digest;
    } cases[] = {{24, true, "23e65c41a267654a501950bc7f43d53473a73ed070daa78c4cc2a25531174986"},
                 {24, false, "e16ee7a297b4311fa6dfd38ce082cdbde53bf000647468644c093b9c3685fc9b"},
                 {8, true, "e39a87ca7298f551df95bfc405cdf60d358352457bd363af60feb8a62dcc7526"},
                 {8, false, "96fc75d9a62aa2cf0b5c635f2bd42bd4aa042cd763bfa2017e3f26f26206894c"}};
    struct gen_model m = gen_model_default();
    char digest[DIGEST_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        m.head_dim = cases[i].head_dim;
        for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
            struct engine_setup setup = {
                .isa = isas[k], .kv = ENGINE_KV_F16, .exact = cases[i].exact, .threads = 2, .chunk = k == 0 ? 7 : 64};

            if (engine_isa_present(isas[k])) {
                logits_digest(&m, &setup, digest);
                assert_string_equal(digest, cases[i].digest);
            }
        }
    }
}

/* One token after another gives what the prompt in one piece gives. */
static void test_greedy(void **state)
{
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 2};
    struct engine *e = generated_open(&m, &setup);
    float *logits = calloc(m.vocab, sizeof *logits);
    uint32_t ids[40] = {5, 6, 7}, out[37];
    struct err err = {0};

    (void)state;
    assert_ok(engine_greedy(e, ids, 3, out, 37, &err), err);
    for (size_t n = 0; n < 37; n++) {
        uint32_t best = 0;

        assert_ok(engine_logits(e, ids, 3 + n, true, logits, &err), err);
        for (uint32_t i = 1; i < m.vocab; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        assert_int_equal(best, out[n]);
        ids[3 + n] = best;
    }
    ids[0] = m.vocab;
    assert_fails(engine_logits(e, ids, 3, true, logits, &err), err, REASON_TOKEN_RANGE, 0);
    assert_fails(engine_greedy(e, out, 1, out, 1024, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    free(logits);
    engine_close(e);
}

/* ---- Requests. ---- */

static enum engine_end answer(struct engine *e, const struct engine_request *q, struct buf *out)
{
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct err err = {0};

    assert_ok(engine_submit(e, q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        assert_ok(buf_add(out, event.text.p, event.text.len, &err), err);
    }
    return event.end;
}

static void test_request(void **state)
{
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 2, .context = 64};
    struct engine *e = generated_open(&m, &setup);
    struct engine_request q = {.prompt = bytes_of_str("abcdefgh")};
    struct buf a = BUF(10000), b = BUF(10000);
    struct engine_stats stats;
    struct engine_info info;
    struct err err = {0};

    (void)state;
    engine_info(e, &info);
    assert_int_equal(info.context, 64);
    assert_string_equal(info.quantization, "Q4_1");
    assert_false(info.chat);
    engine_options_default(&q.options);
    q.options.seed = 42;
    q.options.num_predict = 20;
    assert_int_equal(answer(e, &q, &a), ENGINE_END_LENGTH);
    engine_stats(e, &stats);
    assert_int_equal(stats.prompt_tokens, 6); /* ab cd e f g h */
    assert_int_equal(stats.answer_tokens, 20);
    assert_int_equal(answer(e, &q, &b), ENGINE_END_LENGTH); /* the same seed: the same answer */
    assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
    q.options.seed = 43;
    buf_drop(&b, b.len);
    (void)answer(e, &q, &b);
    assert_false(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
    /* A control token in a raw prompt is text. */
    q.prompt = bytes_of_str("<|im_end|>");
    q.options.num_predict = 1;
    (void)answer(e, &q, &b);
    engine_stats(e, &stats);
    assert_true(stats.prompt_tokens > 4);
    q.wish = ENGINE_ANSWER_WHOLE;
    q.prompt = bytes_of_str("01234567890123456789012345678901234567890123456789012345678901234");
    assert_fails(engine_submit(e, &q, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    assert_fails(engine_next(e, &(struct engine_event){0}, &err), err, REASON_INTERNAL, ERR_NOWHERE);
    buf_done(&a);
    buf_done(&b);
    engine_close(e);
}

static void test_stop(void **state)
{
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1};
    struct engine *e = generated_open(&m, &setup);
    struct engine_request q = {.prompt = bytes_of_str("xyz")};
    struct buf a = BUF(10000), b = BUF(10000);
    char stop[3] = "";
    const char *stops[1] = {stop};

    (void)state;
    engine_options_default(&q.options);
    q.options.num_predict = 40;
    (void)answer(e, &q, &a);
    for (size_t i = 4; i + 1 < a.len; i++) { /* two letters of the answer become the stop text */
        if (a.p[i] < 0x80 && a.p[i + 1] < 0x80 && a.p[i] != 0 && a.p[i + 1] != 0) {
            size_t first = 0;

            memcpy(stop, a.p + i, 2);
            while (memcmp(a.p + first, stop, 2) != 0) {
                first++;
            }
            q.options.stop = stops;
            q.options.stop_count = 1;
            assert_int_equal(answer(e, &q, &b), ENGINE_END_STOP);
            assert_int_equal(b.len, first);
            assert_memory_equal(a.p, b.p, first);
            break;
        }
    }
    assert_true(stop[0] != 0);
    buf_done(&a);
    buf_done(&b);
    engine_close(e);
}

/* The answer and, joined, the tokens that were told with it. */
static size_t answer_told(struct engine *e, const struct engine_request *q, struct buf *text, struct buf *tokens)
{
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct err err = {0};
    size_t count = 0;

    buf_drop(text, text->len);
    buf_drop(tokens, tokens->len);
    assert_ok(engine_submit(e, q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        assert_ok(buf_add(text, event.text.p, event.text.len, &err), err);
        for (size_t i = 0; i < event.token_count; i++) {
            const struct engine_token *t = &event.tokens[i];
            double sum = 0;

            assert_int_equal(t->best_count, q->options.top_logprobs);
            assert_true(t->self.value <= t->best[0].value);
            for (size_t k = 0; k < t->best_count; k++) {
                sum += exp(t->best[k].value);
            }
            assert_true(sum > 0 && sum < 1 + 1e-12);
            assert_ok(buf_add(tokens, t->self.token.p, t->self.token.len, &err), err);
            count++;
        }
    }
    return count;
}

/* Tokens come with their text: all of them with all of it, and none whose text a stop text takes away. */
static void test_logprobs(void **state)
{
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1};
    struct engine *e = generated_open(&m, &setup);
    struct engine_request q = {.prompt = bytes_of_str("xyz")};
    struct buf plain = BUF(10000), text = BUF(10000), tokens = BUF(10000), whole = BUF(10000);
    struct engine_bias bias = {m.vocab, 1};
    char stop[4] = "";
    const char *stops[1] = {stop};
    struct engine_stats stats;
    struct stream s;
    struct err err = {0};
    size_t count;

    (void)state;
    engine_options_default(&q.options);
    q.options.num_predict = 40;
    q.options.seed = 3;
    (void)answer(e, &q, &plain);
    q.options.top_logprobs = 3;
    count = answer_told(e, &q, &text, &tokens);
    engine_stats(e, &stats);
    assert_int_equal(count, stats.answer_tokens);
    assert_true(bytes_equal(buf_bytes(&plain), buf_bytes(&text)));
    stream_init(&s, NULL, 0);
    assert_ok(stream_add(&s, buf_bytes(&tokens), &whole, &err) && stream_end(&s, &whole, &err), err);
    assert_true(bytes_equal(buf_bytes(&whole), buf_bytes(&text)));
    stream_done(&s);
    for (size_t i = 0; i + 2 < plain.len && stop[0] == 0; i++) { /* three letters of the answer become the stop text */
        if (plain.p[i] - 1U < 0x7f && plain.p[i + 1] - 1U < 0x7f && plain.p[i + 2] - 1U < 0x7f) {
            memcpy(stop, plain.p + i, 3);
        }
    }
    assert_true(stop[0] != 0);
    q.options.stop = stops;
    q.options.stop_count = 1;
    assert_true(answer_told(e, &q, &text, &tokens) < count);
    assert_true(text.len < plain.len && tokens.len < text.len + 3);
    q.options.bias = &bias;
    q.options.bias_count = 1;
    assert_fails(engine_submit(e, &q, &err), err, REASON_TOKEN_RANGE, ERR_NOWHERE);
    buf_done(&plain);
    buf_done(&text);
    buf_done(&tokens);
    buf_done(&whole);
    engine_close(e);
}

/* Whatever samples: the same seed gives the same text, on any number of threads, in chunks of any size. */
static void test_seed(void **state)
{
    static const struct {
        unsigned threads, chunk;
    } setups[] = {{1, 0}, {2, 1}, {3, 7}, {4, 64}};
    struct gen_model m = gen_model_default();
    struct buf want[4] = {BUF(10000), BUF(10000), BUF(10000), BUF(10000)}, got = BUF(10000);

    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
        struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = setups[i].threads, .chunk = setups[i].chunk};
        struct engine *e = generated_open(&m, &setup);

        for (int kind = 0; kind < 4; kind++) {
            struct engine_request q = {.prompt = bytes_of_str("a longer prompt, so that it is cut into chunks")};

            engine_options_default(&q.options);
            q.options.seed = 11;
            q.options.num_predict = 24;
            q.options.typical_p = kind == 1 ? 0.6F : 1;
            q.options.mirostat = kind >= 2 ? kind - 1 : 0;
            q.options.presence_penalty = 0.5F;
            buf_drop(&got, got.len);
            (void)answer(e, &q, i == 0 ? &want[kind] : &got);
            assert_true(i == 0 || bytes_equal(buf_bytes(&got), buf_bytes(&want[kind])));
        }
        engine_close(e);
    }
    for (int kind = 0; kind < 4; kind++) {
        assert_true(want[kind].len > 0);
        buf_done(&want[kind]);
    }
    buf_done(&got);
}

static void embedding(struct engine *e, const char *text, enum engine_wish wish, float *out, size_t n)
{
    struct engine_request q = {.wish = wish, .prompt = bytes_of_str(text)};
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct err err = {0};

    engine_options_default(&q.options);
    assert_ok(engine_submit(e, &q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        assert_int_equal(event.text.len + event.token_count, 0);
        assert_true((event.vector != NULL) == (event.end == ENGINE_END_STOP));
    }
    memcpy(out, event.vector, n * sizeof *out);
}

/* The same bits on any number of threads and in chunks of any size; a text that is too long is refused, or cut. */
static void test_embed(void **state)
{
    static const char text[] = "a longer prompt, so that it is cut into chunks";
    static const struct {
        unsigned threads, chunk;
    } setups[] = {{1, 0}, {2, 1}, {3, 7}};
    struct gen_model m = gen_model_default();
    static float want[4096], got[4096];
    struct engine_request q = {.wish = ENGINE_EMBED, .prompt = bytes_of_str(text)};
    struct engine_stats stats;
    struct engine_info info;
    struct err err = {0};

    (void)state;
    engine_options_default(&q.options);
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
        struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = setups[i].threads, .chunk = setups[i].chunk};
        struct engine *e = generated_open(&m, &setup);

        engine_info(e, &info);
        assert_in_range(info.embedding, 1, sizeof want / sizeof *want);
        embedding(e, text, ENGINE_EMBED, i == 0 ? want : got, info.embedding);
        assert_true(i == 0 || memcmp(want, got, info.embedding * sizeof *want) == 0);
        embedding(e, "another", ENGINE_EMBED, got, info.embedding);
        assert_memory_not_equal(want, got, info.embedding * sizeof *want);
        engine_close(e);
    }
    {
        struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1, .context = 8};
        struct engine *e = generated_open(&m, &setup);

        assert_fails(engine_submit(e, &q, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
        embedding(e, text, ENGINE_EMBED_CUT, got, info.embedding);
        engine_stats(e, &stats);
        assert_int_equal(stats.prompt_tokens, 8);
        assert_true(stats.truncated);
        embedding(e, "a", ENGINE_EMBED_CUT, want, info.embedding);
        engine_stats(e, &stats);
        assert_true(stats.prompt_tokens < 8 && !stats.truncated);
        q.prompt = bytes_of_str("");
        assert_fails(engine_submit(e, &q, &err), err, REASON_REQUEST_FORM, ERR_NOWHERE);
        engine_close(e);
    }
}

static void test_pooling(void **state)
{
    static const struct {
        enum embed_pooling pooling;
        float want;
    } rows[] = {{EMBED_MEAN, 2.5F}, {EMBED_FIRST, 1}, {EMBED_LAST, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double sum = 0;
        size_t taken = 0;
        float out;

        for (size_t position = 0; position < 4; position++) {
            const float row = (float)position + 1;

            if (embed_takes(rows[i].pooling, position, 4)) {
                embed_add(&row, 1, &sum);
                taken++;
            }
        }
        embed_end(&sum, taken, 1, &out);
        assert_true(out == rows[i].want);
    }
    for (uint32_t value = 0; value < 7; value++) { /* 6: absent */
        struct buf b = BUF(MIB(1));
        enum embed_pooling pooling;
        struct gguf g;
        struct err err = {0};

        make_begin(&b, 0, value == 6 ? 1 : 2);
        make_str(&b, "general.architecture", "qwen2");
        if (value != 6) {
            make_u32(&b, "qwen2.pooling_type", value);
        }
        assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
        if (value == 5) {
            assert_false(embed_pooling_read(&g, &pooling, &err));
            assert_int_equal(err.reason, REASON_MODEL_ARCHITECTURE);
        } else {
            assert_ok(embed_pooling_read(&g, &pooling, &err), err);
            assert_int_equal(pooling, value == 0 || value == 6 ? EMBED_LAST : value);
        }
        gguf_done(&g);
        buf_done(&b);
    }
}

static void test_cancel(void **state)
{
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1, .chunk = 2};
    struct engine *e = generated_open(&m, &setup);
    struct engine_request q = {.prompt = bytes_of_str("abcdefghijkl")};
    struct engine_event event;
    struct buf out = BUF(10000);
    struct err err = {0};

    (void)state;
    engine_options_default(&q.options);
    assert_ok(engine_submit(e, &q, &err), err);
    assert_ok(engine_next(e, &event, &err), err); /* a chunk of the prompt: nothing to say */
    assert_int_equal(event.end, ENGINE_END_NOT);
    assert_int_equal(event.text.len, 0);
    engine_cancel(e);
    assert_ok(engine_next(e, &event, &err), err);
    assert_int_equal(event.end, ENGINE_END_CANCELLED);
    q.options.num_predict = 3;
    assert_int_equal(answer(e, &q, &out), ENGINE_END_LENGTH); /* the next one works */
    buf_done(&out);
    engine_close(e);
}

struct leaving {
    struct engine *e;
    unsigned heard;
};

static void leave(void *arg)
{
    struct leaving *l = arg;

    l->heard++;
    engine_cancel(l->e);
}

/* Within a chunk of a prompt: before its first layer is computed, not after its last. */
static void test_cancel_between(void **state)
{
    struct gen_model m = gen_model_default();
    struct leaving l = {0};
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1, .between = leave, .arg = &l};
    struct engine_request q = {.prompt = bytes_of_str("abcdefghijkl")};
    struct engine_event event;
    struct err err = {0};

    (void)state;
    l.e = generated_open(&m, &setup);
    engine_options_default(&q.options);
    for (unsigned i = 1; i <= 2; i++) { /* it is free for the next one */
        assert_ok(engine_submit(l.e, &q, &err), err);
        assert_ok(engine_next(l.e, &event, &err), err);
        assert_int_equal(event.end, ENGINE_END_CANCELLED);
        assert_int_equal(l.heard, i);
    }
    engine_close(l.e);
}

static void test_options(void **state)
{
    static const char *const empty[] = {""}, *const wild[] = {"a\xff"};
    struct engine_options o;
    struct err err = {0};
    const struct {
        float temperature, top_p, min_p, penalty;
        int last, predict;
        size_t stops;
        const char *const *stop;
        bool good;
    } rows[] = {
        {0.8F, 0.9F, 0.0F, 1.1F, 64, -1, 0, NULL, true},
        {0.0F, 1.0F, 1.0F, 1.0F, -1, 0, 0, NULL, true},
        {-0.1F, 0.9F, 0.0F, 1.1F, 64, -1, 0, NULL, false},
        {101.0F, 0.9F, 0.0F, 1.1F, 64, -1, 0, NULL, false},
        {0.8F, 1.1F, 0.0F, 1.1F, 64, -1, 0, NULL, false},
        {0.8F, 0.9F, -1.0F, 1.1F, 64, -1, 0, NULL, false},
        {0.8F, 0.9F, 0.0F, 0.0F, 64, -1, 0, NULL, false},
        {0.8F, 0.9F, 0.0F, 1.1F, -2, -1, 0, NULL, false},
        {0.8F, 0.9F, 0.0F, 1.1F, 64, -3, 0, NULL, false},
        {0.8F, 0.9F, 0.0F, 1.1F, 64, -1, 1, empty, false},
        {0.8F, 0.9F, 0.0F, 1.1F, 64, -1, 1, wild, false},
        {0.8F, 0.9F, 0.0F, 1.1F, 64, -1, 17, empty, false},
        {0.8F, 0.9F, 0.0F, 0.01F, 64, -1, 0, NULL, true},
        {__builtin_nanf(""), 0.9F, 0.0F, 1.1F, 64, -1, 0, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        engine_options_default(&o);
        o.temperature = rows[i].temperature;
        o.top_p = rows[i].top_p;
        o.min_p = rows[i].min_p;
        o.repeat_penalty = rows[i].penalty;
        o.repeat_last_n = rows[i].last;
        o.num_predict = rows[i].predict;
        o.stop = rows[i].stop;
        o.stop_count = rows[i].stops;
        if (rows[i].good) {
            assert_ok(engine_options_check(&o, &err), err);
        } else {
            assert_fails(engine_options_check(&o, &err), err, REASON_OPTION_RANGE, ERR_NOWHERE);
        }
    }
}

/* ---- Files that are refused. ---- */

static void test_refused(void **state)
{
    static const char *const names[] = {"token_embd.weight", "blk.1.ffn_down.weight", "blk.0.attn_norm.weight",
                                        "output_norm.weight"};
    struct engine_setup setup = {.threads = 1};
    struct gen_model m;

    (void)state;
    for (uint32_t t = 0; t < QUANT_IDS; t++) {
        for (size_t i = 0; quant_type_get(t) != NULL && i < sizeof names / sizeof *names; i++) {
            m = gen_model_default();
            m.weights = m.embedding = (enum quant_id)t;
            m.defect = names[i];
            open_fails(&m, &setup, REASON_MODEL_DEFECT);
        }
    }
    m = gen_model_default();
    m.kv_heads = 3;
    open_fails(&m, &setup, REASON_MODEL_ARCHITECTURE);
    m = gen_model_default();
    m.weights = QUANT_F32;
    m.head_dim = 33; /* RoPE turns pairs */
    open_fails(&m, &setup, REASON_MODEL_ARCHITECTURE);
    m = gen_model_default();
    setup.memory = 100000; /* refused before it is read */
    open_fails(&m, &setup, REASON_MODEL_MEMORY);
    setup.memory = 0;
    setup.chunk = 100000;
    open_fails(&m, &setup, REASON_OPTION_RANGE);
}

static void most_set(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    *(uint64_t *)arg = done;
}

/* What a model needs beside its weights, and what its weights become, counts before more than its header is read. */
static void test_memory(void **state)
{
    static const struct {
        const char *what;
        enum quant_id weights;
        bool exact;
        unsigned chunk, context;
        double enough, less; /* memory, in sizes of the file */
    } rows[] = {
        {"a model and no more", QUANT_F32, false, 1, 16, 3, 1.01},
        {"a large chunk", QUANT_F32, false, 4096, 16, 200, 4},
        {"a large cache", QUANT_F32, false, 1, 4096, 9, 1.3},
        {"Q2_K as F32", QUANT_Q2_K, true, 1, 16, 60, 10},
        {"Q4_0 as F32", QUANT_Q4_0, true, 1, 16, 40, 6},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gen_model m = gen_model_default();
        struct engine_setup setup = {
            .threads = 1, .exact = rows[i].exact, .chunk = rows[i].chunk, .context = rows[i].context};
        struct engine *e = NULL;
        struct identity identity;
        struct err err = {0};
        uint64_t read = 0;
        struct engine_source source = {.name = rows[i].what, .progress = most_set, .arg = &read};
        struct stat st;

        m.weights = m.embedding = rows[i].weights;
        m.context = 4096;
        m.ff = 1024;
        source.fd = gen_model_fd(&m, &err);
        assert_int_equal(fstat(source.fd, &st), 0);
        setup.memory = (uint64_t)((double)st.st_size * rows[i].less);
        assert_fails(engine_open(&source, &setup, &e, &identity, &err), err, REASON_MODEL_MEMORY, ERR_NOWHERE);
        assert_true(read <= MIB(1) && (read < (uint64_t)st.st_size || rows[i].weights != QUANT_F32));
        setup.memory = (uint64_t)((double)st.st_size * rows[i].enough);
        assert_ok(engine_open(&source, &setup, &e, &identity, &err), err);
        engine_close(e);
        (void)close(source.fd);
    }
}

/* Grows or shrinks the file while it is read. */
static void grow(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    assert_int_equal(ftruncate(*(int *)arg, (off_t)(done + 100)), 0);
}

static void shrink(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    assert_int_equal(ftruncate(*(int *)arg, (off_t)(done / 2)), 0);
}

static void touch(void *arg, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    assert_int_equal(pwrite(*(int *)arg, "GGUF", 4, 0), 4);
}

static void test_changed(void **state)
{
    void (*const changes[])(void *, uint64_t, uint64_t) = {grow, shrink, touch};
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.threads = 1};

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct err err = {0};
        struct identity identity;
        struct engine *e = NULL;
        int fd = gen_model_fd(&m, &err);
        struct engine_source source = {.name = "generated", .fd = fd, .progress = changes[i], .arg = &fd};

        assert_fails(engine_open(&source, &setup, &e, &identity, &err), err, REASON_FILE_CHANGED, err.offset);
        (void)close(fd);
    }
}

static void test_isa(void **state)
{
    enum engine_isa isa = ENGINE_ISA_BEST;

    (void)state;
    assert_true(engine_isa_present(ENGINE_ISA_BEST));
    assert_true(engine_isa_find("avx512", &isa) && isa == ENGINE_ISA_AVX512);
    assert_true(engine_isa_find("ref", &isa) && isa == ENGINE_ISA_REF);
    assert_false(engine_isa_find("amx", &isa));
    assert_string_equal(engine_isa_name(ENGINE_ISA_AVX2), "avx2");
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
        struct gen_model m = gen_model_default();
        struct engine_setup setup = {.isa = isas[k], .threads = 1};

        if (!engine_isa_present(isas[k])) {
            open_fails(&m, &setup, REASON_ISA_ABSENT);
        }
    }
}

/* An answer that is held to a form has it, whatever the model would say, the options and the seed; and the same seed
 * gives the same. */
static void test_form(void **state)
{
    static const char schema[] =
        "{\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":-5,\"maximum\":120},\"b\":{\"enum\":"
        "[\"x\",\"yy\"]}},\"required\":[\"a\",\"b\"]}";
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 2, .context = 256};
    struct engine *e = generated_open(&m, &setup);
    struct buf a = BUF(10000), b = BUF(10000);
    json_t *form = NULL, *v = NULL;
    struct err err = {0};

    (void)state;
    assert_ok(json_parse(bytes_of_str(schema), &form, &err), err);
    for (int seed = 0; seed < 24; seed++) {
        struct engine_request q = {.prompt = bytes_of_str("abc"), .form = form};
        const char *word;
        int64_t n;

        engine_options_default(&q.options);
        q.options.seed = (uint64_t)seed;
        q.options.temperature = seed % 3 == 0 ? 0 : 1.5F;
        q.options.mirostat = seed % 8 == 7 ? 2 : 0;
        q.options.top_k = seed % 2 == 0 ? 40 : 0;
        q.options.top_logprobs = seed % 5 == 0 ? 3 : -1;
        a.len = 0;
        b.len = 0;
        assert_int_equal(answer(e, &q, &a), ENGINE_END_STOP);
        assert_int_equal(answer(e, &q, &b), ENGINE_END_STOP);
        assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
        assert_ok(json_parse(buf_bytes(&a), &v, &err), err);
        n = json_integer_value(json_object_get(v, "a"));
        word = json_string_value(json_object_get(v, "b"));
        assert_true(json_object_size(v) == 2 && json_is_integer(json_object_get(v, "a")) && n >= -5 && n <= 120);
        assert_true(strcmp(word, "x") == 0 || strcmp(word, "yy") == 0);
        json_decref(v);
    }
    {
        const json_t *bad = json_object_get(form, "required");
        struct engine_request q = {.prompt = bytes_of_str("abc"), .form = bad};

        engine_options_default(&q.options);
        assert_fails(engine_submit(e, &q, &err), err, REASON_SCHEMA_FORM, ERR_NOWHERE);
    }
    json_decref(form);
    buf_done(&a);
    buf_done(&b);
    engine_close(e);
}

/* A chat whose template opens a thought: what comes is thought until it is closed, and a form has no say in it. */
static void test_thinking(void **state)
{
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1, .context = 128};
    struct engine_request q = {.options = {0}};
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct engine_info info;
    struct engine *e;
    json_t *chat = NULL, *form = json_boolean(true);
    struct err err = {0};
    size_t thought = 0;

    (void)state;
    m.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %}<tool_call>{% endif %}<think>\n";
    e = generated_open(&m, &setup);
    engine_info(e, &info);
    assert_true(info.chat && info.thinks && info.tools);
    assert_ok(json_parse(bytes_of_str("{\"messages\":[{\"role\":\"user\",\"content\":\"abc\"}]}"), &chat, &err), err);
    engine_options_default(&q.options);
    q.options.num_predict = 20;
    q.chat = chat;
    q.form = form;
    assert_ok(engine_submit(e, &q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        assert_int_equal(event.text.len, 0);
        thought += event.thinking.len;
    }
    assert_true(thought > 0);
    engine_close(e);
    m.chat_template = "{{ 1 | frobnicate }}";
    e = generated_open(&m, &setup);
    engine_info(e, &info);
    assert_false(info.chat);
    assert_string_equal(info.chat_problem, "line 1 of the chat template: the filter \"frobnicate\"");
    assert_fails(engine_submit(e, &q, &err), err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE);
    engine_close(e);
    json_decref(chat);
    json_decref(form);
}

/* A chat that is too long loses messages, and says so; or it is refused, where it must be whole. */
static void test_whole(void **state)
{
    static const char text[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"a first message that does not fit\"},"
                               "{\"role\":\"user\",\"content\":\"b\"}]}";
    struct gen_model m = gen_model_default();
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1, .context = 16};
    struct engine_request q = {.wish = ENGINE_ANSWER};
    struct engine_stats stats;
    struct engine *e;
    json_t *chat = NULL;
    struct err err = {0};

    (void)state;
    m.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}";
    e = generated_open(&m, &setup);
    assert_ok(json_parse(bytes_of_str(text), &chat, &err), err);
    engine_options_default(&q.options);
    q.chat = chat;
    assert_ok(engine_submit(e, &q, &err), err);
    engine_stats(e, &stats);
    assert_true(stats.truncated && stats.prompt_tokens < 16);
    q.wish = ENGINE_ANSWER_WHOLE;
    assert_fails(engine_submit(e, &q, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    json_decref(chat);
    assert_ok(json_parse(bytes_of_str("{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}"), &chat, &err), err);
    q.chat = chat;
    assert_ok(engine_submit(e, &q, &err), err);
    engine_stats(e, &stats);
    assert_true(!stats.truncated && stats.prompt_tokens < 16);
    engine_close(e);
    json_decref(chat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),         cmocka_unit_test(test_isa),
        cmocka_unit_test(test_digests),        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_matrix),         cmocka_unit_test(test_heads),
        cmocka_unit_test(test_greedy),         cmocka_unit_test(test_request),
        cmocka_unit_test(test_stop),           cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_between), cmocka_unit_test(test_logprobs),
        cmocka_unit_test(test_seed),           cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_form),           cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_embed),
        cmocka_unit_test(test_pooling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
