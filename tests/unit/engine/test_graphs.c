/* Every family's graph: against a second pass in double (reference.h), the same bits however it is computed, committed
 * digests, and what is refused. Models are generated (gen_model.h). */
#include "test.h"

#include "base/limits.h"
#include "generated.h"
#include "model/gguf.h"
#include "reference.h"

#include <sys/mman.h>
#include <unistd.h>

#define PROMPT 150 /* crosses a block of attention, and windows */

static const enum engine_isa isas[] = {ENGINE_ISA_REF, ENGINE_ISA_AVX2, ENGINE_ISA_AVX512};
static const char *const families[] = {"llama",   "llama-moe", "qwen2",     "qwen3",         "gemma3",
                                       "gpt-oss", "gptoss",    "deepseek2", "deepseek2-lite"};
#define FAMILIES (sizeof families / sizeof *families)

/* sum (a - b)^2 / sum b^2 */
static double distance(const struct gen_model *m, const struct engine_setup *setup)
{
    struct buf file = BUF(MIB(64));
    struct engine *e = generated_open(m, setup);
    uint32_t ids[PROMPT];
    struct err err = {0};
    double above = 0.0, below = 0.0, *want;
    float *got;
    size_t vocab;

    generated_prompt(m, ids, PROMPT);
    assert_ok(gen_model_write(m, &file, &err), err);
    want = reference_logits(buf_bytes(&file), ids, PROMPT, &vocab);
    assert_int_equal(vocab, m->vocab);
    got = generated_logits(e, m, ids, PROMPT);
    for (size_t i = 0; i < PROMPT * vocab; i++) {
        double d = (double)got[i] - want[i];

        above += d * d;
        below += want[i] * want[i];
    }
    free(want);
    free(got);
    buf_done(&file);
    engine_close(e);
    return above / below;
}

static void check(const char *what, const struct gen_model *m, bool exact, double limit)
{
    struct engine_setup setup = {.kv = ENGINE_KV_F32, .exact = exact, .threads = 2};
    double d = distance(m, &setup);

    print_message("%s: NMSE %.2e\n", what, d);
    assert_true(d <= limit);
}

/* What a smaller cache costs: 11 bits, or 8, of each number; or 7 under one scale for all of a key or value. */
static void test_caches(void **state)
{
    static const struct {
        enum engine_kv kv;
        double limit;
    } rows[] = {{ENGINE_KV_F16, 1e-5}, {ENGINE_KV_BF16, 5e-4}, {ENGINE_KV_Q8_0, 5e-3}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine_setup setup = {.kv = rows[i].kv, .threads = 2};
        struct gen_model m = gen_model_family("qwen3");
        double d = distance(&m, &setup);

        print_message("a smaller cache: NMSE %.2e\n", d);
        assert_true(d > 1e-10 && d <= rows[i].limit);
    }
}

static void test_reference(void **state)
{
    struct gen_model m;

    (void)state;
    for (size_t i = 0; i < FAMILIES; i++) {
        m = gen_model_family(families[i]);
        check(families[i], &m, true, 1e-9);
        m.weights = m.embedding = QUANT_Q8_0;
        check(families[i], &m, true, 1e-9);
        m.experts_used = m.experts; /* else what 8 bits change may change the choice */
        m.groups_used = m.groups;
        check(families[i], &m, false, 5e-3);
    }
    for (size_t i = 0; i < FAMILIES; i++) { /* each matrix of another type */
        m = gen_model_wide(families[i]);
        m.mix = 1 + (uint32_t)i;
        check(families[i], &m, true, 1e-9);
    }
    m = gen_model_family("gemma3");
    m.soft_cap = 2.0F;
    m.period = 3;
    m.window = 5;
    m.magnitude = 0.75F;
    check("gemma3, scores capped, other windows, RoPE's factor", &m, true, 1e-9);
    m = gen_model_family("gpt-oss");
    m.window = 1;
    m.head_dim = 24;
    check("gpt-oss, a window of one key", &m, true, 1e-9);
    m = gen_model_family("llama");
    m.rope_factors = true;
    m.scaling = "linear";
    check("llama, factors and linear scaling", &m, true, 1e-9);
    m.magnitude = 1.25F;
    m.scaling = NULL;
    check("llama, RoPE's factor alone", &m, true, 1e-9);
    m = gen_model_family("deepseek2");
    m.out_dim = 72; /* more than the latent's 64, no multiple of 16 */
    m.heads = 3;
    m.dense = 0;
    check("deepseek2, other sizes", &m, true, 1e-9);
    m = gen_model_family("llama-moe");
    m.experts_used = m.experts;
    check("llama, all experts", &m, true, 1e-9);
}

static void digest_of(const struct gen_model *m, const struct engine_setup *setup, char out[DIGEST_TEXT])
{
    generated_digest(generated_open(m, setup), m, PROMPT, out);
}

/* SHA-256 of the logits of 150 tokens, all positions. numerics 1: a changed digest is a new number (docs/engine.md). */
static const struct {
    const char *family;
    enum quant_id weights;
    enum engine_kv kv;
    const char *digest;
} digests[] = {
    {"llama", QUANT_F32, ENGINE_KV_F32, "c6d9219b892cdd9c68227674b00b65e4b6c99efb255c09a5bac6d395ccaf7e8b"},
    {"llama", QUANT_F32, ENGINE_KV_F16, "2dad42b546af02cc3033ffd33c5203335ca00bcbd97897d2df02eb376ff4c9c9"},
    {"llama", QUANT_Q8_0, ENGINE_KV_F32, "703acfb52d7ada9e6f8678a85eb2b5f215a3cf5251353f55715b48e460309ef6"},
    {"llama", QUANT_Q8_0, ENGINE_KV_F16, "03e50e629a0e62fd148262f61ffe00c6b2f3163ed4e7bd11f18304d15bda187d"},
    {"llama-moe", QUANT_F32, ENGINE_KV_F32, "cff57043b97f7a47f01c34b9918bec4f5afdc8ec80e8411b77facd73ec5decde"},
    {"llama-moe", QUANT_F32, ENGINE_KV_F16, "8cce1b3e38b4d45f32b7d9b31cf0d996793ba66c787c258fc8860661be82d62b"},
    {"llama-moe", QUANT_Q8_0, ENGINE_KV_F32, "344dbd1e3021ea85cec4b764c1ced61e7f00335de050537d0335bab60cd9263c"},
    {"llama-moe", QUANT_Q8_0, ENGINE_KV_F16, "e6ae6c76b794b8c24e2d129fae9e2fea1ac630fa9237f626db967188f55e6e45"},
    {"qwen2", QUANT_F32, ENGINE_KV_F32, "7124f98ac73a5610b1354e6880d760e0b81a3f4c64c124a9fa5170cca3eaa854"},
    {"qwen2", QUANT_F32, ENGINE_KV_F16, "0ffee77a61941f820744948ee2779248afc8172f619c1c9dc1e80a13304bc0ca"},
    {"qwen2", QUANT_Q8_0, ENGINE_KV_F32, "2e1a9b3fc554d9684b7d639528e296191302a62cb75c89d984b32cdbd1e1771f"},
    {"qwen2", QUANT_Q8_0, ENGINE_KV_F16, "3a435b1ff97c1fe58310c4675484c44ba92966effc85ec1ef2af0896302a5009"},
    {"qwen3", QUANT_F32, ENGINE_KV_F32, "89419dc6a30f16e32435dfb7a45e17edec78f9a7914bfffada45201de995f3b8"},
    {"qwen3", QUANT_F32, ENGINE_KV_F16, "c66d8ea2afd0767e01d0e30da423653b9c4347c8d8468fae75e66bf275ac866b"},
    {"qwen3", QUANT_Q8_0, ENGINE_KV_F32, "0a7f043362660cebe780393dbaab8da8b3bf2067215fcc29f52354e3daa6f5a7"},
    {"qwen3", QUANT_Q8_0, ENGINE_KV_F16, "d7b05954b354246fea5fd7d8066d7b35b9d889798aaadb66ca3ee6c836804de6"},
    {"gemma3", QUANT_F32, ENGINE_KV_F32, "b46d739635f6cd63198413955130fd82fcbd2f3de1e0129f44a3eab0c4253fab"},
    {"gemma3", QUANT_F32, ENGINE_KV_F16, "f27d9fc454f0ccbab80c895ca830332abe93de1104fcedcff8f998a6168c4de1"},
    {"gemma3", QUANT_Q8_0, ENGINE_KV_F32, "83a4b1c2f6f05cf406470efe2b701a75f2e2067300d3dbb6baf3f413da198a72"},
    {"gemma3", QUANT_Q8_0, ENGINE_KV_F16, "120422e995e302e2a47e171e2996d08720a597cd3b0e7cdae04afea93a054eb1"},
    {"gpt-oss", QUANT_F32, ENGINE_KV_F32, "a151610d1629b3f043c50aab19d287a89107be6a7a1302274db70af8dd67d4e9"},
    {"gpt-oss", QUANT_F32, ENGINE_KV_F16, "cb9ab4395a18792f6eb1919f479e396805c17657cc0d0373b1ac02f0df72ab73"},
    {"gpt-oss", QUANT_Q8_0, ENGINE_KV_F32, "835af440307d5319dea9fd46c8c60c936ec538c48f8d97b5c920840376bccecc"},
    {"gpt-oss", QUANT_Q8_0, ENGINE_KV_F16, "8f463b0979fa05710adcd4ce93281682592d680cbac1f00798673bc46ca9ed2c"},
    {"deepseek2", QUANT_F32, ENGINE_KV_F32, "3d0ac02bec6350c7535213310666ff485416e3af8d426d9998b3316e5a2e59bb"},
    {"deepseek2", QUANT_F32, ENGINE_KV_F16, "f48dac334344cdbbc6a9d2ec7372bd9bef3bb756dbe6b314831bca5f9cb3a34c"},
    {"deepseek2", QUANT_Q8_0, ENGINE_KV_F32, "d148136daed9f808bfbdadfc6e493b908b8dfd6ac10ccbb8d9d1143c5ff0e602"},
    {"deepseek2", QUANT_Q8_0, ENGINE_KV_F16, "4dffcedd30851418d692186449291b3a0ccce26de25a244e9efc960b7fdaa112"},
    {"deepseek2-lite", QUANT_F32, ENGINE_KV_F32, "c6bd574f21bb2e4ef2c177818286625e7e703206047f1008a2b34f03506a636a"},
    {"deepseek2-lite", QUANT_F32, ENGINE_KV_F16, "dc5a92fc32120daf3b9165326cc977d1f4f69f8c9644c7967accf4da95d66d38"},
    {"deepseek2-lite", QUANT_Q8_0, ENGINE_KV_F32, "3479dfe7c01591e72a04c5639c86ebc2adc4bcc487892be8a23722d2fb76f26b"},
    {"deepseek2-lite", QUANT_Q8_0, ENGINE_KV_F16, "88586887ab03059e9d725346d884426febadaf0df4b6e56c12200990aefa8309"},
    {"llama", QUANT_F32, ENGINE_KV_BF16, "225b19f39ad6ab5bebe265c332ab416911798fd6c24007735f6da5b70380f5fd"},
    {"llama-moe", QUANT_F32, ENGINE_KV_BF16, "edf3da85350497c0e6ab8ef8ad0cedaf135540412a3ce5cc5507cb2a7ed6ed4a"},
    {"qwen2", QUANT_F32, ENGINE_KV_BF16, "e1df328eacec12f694e3d6122b6719e4cf6deb07af8b71c395985bb653cb37f9"},
    {"qwen3", QUANT_F32, ENGINE_KV_BF16, "695abb7ab3ad69d8505f519f5d04432aa50fe007d8cb3247ca2fc8ca215b4639"},
    {"gemma3", QUANT_F32, ENGINE_KV_BF16, "76c6000e0e992d58e2423a6c61ef2c0dc35e3e16317355564f90f045cc0aa431"},
    {"gpt-oss", QUANT_F32, ENGINE_KV_BF16, "0a91ddc7c7a78308679840a6eac1f9bd40b1a91f8a7310f5115c2312154044f2"},
    {"deepseek2", QUANT_F32, ENGINE_KV_BF16, "c7bf9b86316b6c6708147ac653b88e8758fb509e1aeca783a0fcaadfc22e31bd"},
    {"deepseek2-lite", QUANT_F32, ENGINE_KV_BF16, "a202c63910e89bb12090a8934186396e0fdebaf49be47745f36e3ec81069c25e"},
    {"llama", QUANT_F32, ENGINE_KV_Q8_0, "a83d4d31ee5f45a717f4016d087b62639e264462ba6bfce1972d183954ef5809"},
    {"llama-moe", QUANT_F32, ENGINE_KV_Q8_0, "f8c2289f967a7e8fd7bde1ef9b84a4c58105f30fe30689f49e5fb7c8ee717fd0"},
    {"qwen2", QUANT_F32, ENGINE_KV_Q8_0, "337aa4d881aa036e2eb99913b4179bbd8d9eeb091a1944437ffde8a249075b41"},
    {"qwen3", QUANT_F32, ENGINE_KV_Q8_0, "b9e2d67b1d1d9a31607c2f0478c724dfd5098929563560993c4748f1975cafd9"},
    {"gemma3", QUANT_F32, ENGINE_KV_Q8_0, "47fd41082f96421ef7bc312c289c4a4b7bee32b83cf7babd1a5e53b192981046"},
    {"gpt-oss", QUANT_F32, ENGINE_KV_Q8_0, "8d3ded499d0e3410177a51952b7f9ea29c7866fe37f107fdadc2e1ec140abc0c"},
    {"deepseek2", QUANT_F32, ENGINE_KV_Q8_0, "5f9eeedb500f86952e66f64e2e95cc0080eff2cd6afa5040d313c67c8cf8bb31"},
    {"deepseek2-lite", QUANT_F32, ENGINE_KV_Q8_0, "d942213a32cd11fde67116a317e4c3ecff84a503d27d9a451f0eb3ee4a5a4db3"},
    {"llama", QUANT_Q8_0, ENGINE_KV_BF16, "1f46c0f793edb692757444e670daaf46eeddd7ff7c882bdc2f23056f48faad2a"},
    {"llama-moe", QUANT_Q8_0, ENGINE_KV_BF16, "7cf8e9435d11ae698fc36430c45c81e1aca9a3caeefc1978e99917b63fa62171"},
    {"qwen2", QUANT_Q8_0, ENGINE_KV_BF16, "db46e00046978509f3f6904c488d78f80b0a4d7090ad92bd5cc4fc3271ef6a6f"},
    {"qwen3", QUANT_Q8_0, ENGINE_KV_BF16, "1065c532ad3490913d9a980e901213fd0a002e21c80d69cdf717694193730975"},
    {"gemma3", QUANT_Q8_0, ENGINE_KV_BF16, "9959410611d86585d1acf8338755274587417c8aadd213fcd0589d51618b7969"},
    {"gpt-oss", QUANT_Q8_0, ENGINE_KV_BF16, "78ac123337e149bcd27242fb0566e4c72c18a9f08a23b91c6b73246bdcb5130b"},
    {"deepseek2", QUANT_Q8_0, ENGINE_KV_BF16, "6bc1c10bdca532bb8cb2de62ae4d75ea26f9f0cbe0c0689818de3d25634a9f78"},
    {"deepseek2-lite", QUANT_Q8_0, ENGINE_KV_BF16, "f88290fafe077cb4b7ff9b9f397b5d6c3e6d51c64432266466730b29c7e753eb"},
    {"llama", QUANT_Q8_0, ENGINE_KV_Q8_0, "f2c59a1576cf578528b3ee87d22aebfc53b8b032704a1667a88d2ef72b1948d5"},
    {"llama-moe", QUANT_Q8_0, ENGINE_KV_Q8_0, "b6754e8d8de57a63a9d2dc44268124a177c35cabf0e48514cf7b07a30c92596d"},
    {"qwen2", QUANT_Q8_0, ENGINE_KV_Q8_0, "445abfd703480ddb2f15403fa85b220d7ef0fcf8a9ee65fb63e0f87d3dc749a6"},
    {"qwen3", QUANT_Q8_0, ENGINE_KV_Q8_0, "a6c3fd086e1454e6fb0a90588f205a81e4256f8f2b82b7f6d1dac44737acfdd6"},
    {"gemma3", QUANT_Q8_0, ENGINE_KV_Q8_0, "6c0d85674ba862507f765b5bf3454914c2c93abea751e14fa56d427ab90f52dd"},
    {"gpt-oss", QUANT_Q8_0, ENGINE_KV_Q8_0, "c9b1e07f912853dc9e7e4a3649cb0ca2857b2bd9d201e5b167e0108248681116"},
    {"deepseek2", QUANT_Q8_0, ENGINE_KV_Q8_0, "3196f322a681a008d52acc601f0028139e7e8a25883a813d3e06242132d32311"},
    {"deepseek2-lite", QUANT_Q8_0, ENGINE_KV_Q8_0, "3d84080bd6d243f497b0c709fe43fc51404d5e92e05e51de3b6c3a2f39644da3"},
};

/* Each row on each instruction set, with threads and chunks in turn: together they meet each other for every graph, and
 * a chunk of 1 is each token alone against the same token in a prompt, all bits of all logits. */
static void test_digests(void **state)
{
    static const unsigned chunks[] = {1, 7, 64, 512};
    bool wrong = false;

    (void)state;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        struct gen_model m = gen_model_family(digests[i].family);

        m.weights = m.embedding = digests[i].weights;
        for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
            struct engine_setup setup = {.isa = isas[k], .kv = digests[i].kv};
            char digest[DIGEST_TEXT];

            setup.threads = 1 + (unsigned)(i + k) % 4;
            setup.chunk = chunks[(i / 4 + k) % 4];
            if (!engine_isa_present(isas[k])) {
                print_message("skipped: no %s here\n", engine_isa_name(isas[k]));
                continue;
            }
            digest_of(&m, &setup, digest);
            if (strcmp(digest, digests[i].digest) != 0) {
                print_message("row %zu (%s), %s: %s\n", i, digests[i].family, engine_isa_name(isas[k]), digest);
                wrong = true;
            }
        }
    }
    assert_false(wrong);
}

static void same_digest(const struct gen_model *m, const struct engine_setup *setup, const char *want)
{
    char digest[DIGEST_TEXT];

    digest_of(m, setup, digest);
    assert_string_equal(digest, want);
}

/* Halves, and codes with exact sums: the two ways in which attention computes. */
static const enum engine_kv caches[] = {ENGINE_KV_F16, ENGINE_KV_Q8_0};

static void matrix_of(const struct gen_model *m, enum engine_kv kv)
{
    static const unsigned chunks[] = {1, 7, 64, 512};
    struct engine_setup setup = {.kv = kv, .threads = 1, .chunk = 512};
    char first[DIGEST_TEXT];

    digest_of(m, &setup, first);
    for (setup.threads = kv == ENGINE_KV_F16 ? 1 : 3; setup.threads <= (kv == ENGINE_KV_F16 ? 4 : 3); setup.threads++) {
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
            setup.chunk = chunks[c];
            same_digest(m, &setup, first);
        }
    }
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
        setup = (struct engine_setup){.isa = isas[k], .kv = kv, .threads = 3, .chunk = 7};
        if (engine_isa_present(isas[k])) {
            same_digest(m, &setup, first);
        } else {
            print_message("skipped: no %s here\n", engine_isa_name(isas[k]));
        }
    }
}

/* Threads, chunks and instruction sets: the same bits. With halves all of the first two on the best set; with codes one
 * thread against three; some on each set. */
static void test_matrix(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAMILIES * 2; i++) {
        struct gen_model m = gen_model_family(families[i / 2]);

        m.weights = m.embedding = QUANT_Q8_0;
        matrix_of(&m, caches[i % 2]);
    }
}

/* A window, sinks and capped scores, heads of a size that is padded, in each set. */
static void test_codes(void **state)
{
    static const char *const names[] = {"gpt-oss", "gemma3"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct gen_model m = gen_model_family(names[i]);

        m.window = 5;
        m.head_dim = 24;
        m.soft_cap = 2.0F;
        matrix_of(&m, ENGINE_KV_Q8_0);
    }
}

/* What the cache takes: of a key or value of n numbers n + 4 bytes instead of 2 n. */
static void test_memory(void **state)
{
    struct gen_model m = gen_model_family("qwen3");
    struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 1, .context = 100};
    struct engine_info halves, codes;
    struct engine *e = generated_open(&m, &setup);

    (void)state;
    engine_info(e, &halves);
    engine_close(e);
    setup.kv = ENGINE_KV_Q8_0;
    e = generated_open(&m, &setup);
    engine_info(e, &codes);
    engine_close(e);
    assert_int_equal(halves.memory - codes.memory, (uint64_t)m.layers * m.kv_heads * 112 * 2 * (m.head_dim - 4));
}

/* One token after another gives what the prompt in one piece gives. */
static void test_single(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAMILIES * 2; i++) {
        struct gen_model m = gen_model_family(families[i / 2]);
        struct engine_setup setup = {.kv = caches[i % 2], .threads = 2};
        struct engine *e = generated_open(&m, &setup);
        uint32_t ids[PROMPT] = {5, 6, 7}, out[PROMPT - 3];
        struct err err = {0};
        float *logits;

        assert_ok(engine_greedy(e, ids, 3, out, PROMPT - 3, &err), err);
        memcpy(ids + 3, out, sizeof out);
        logits = generated_logits(e, &m, ids, PROMPT);
        for (size_t t = 2; t + 1 < PROMPT; t++) {
            const float *row = logits + t * m.vocab;
            uint32_t best = 0;

            for (uint32_t v = 1; v < m.vocab; v++) {
                best = row[v] > row[best] ? v : best;
            }
            assert_int_equal(best, ids[t + 1]);
        }
        free(logits);
        engine_close(e);
    }
}

/* ---- Files that are refused. ---- */

static void refused(const struct gen_model *m, enum reason reason, const char *word)
{
    struct engine_setup setup = {.threads = 1};
    struct err err = {0};
    struct identity identity;
    struct engine *e = NULL;
    struct engine_source source = {.name = "generated", .fd = gen_model_fd(m, &err)};

    assert_true(source.fd >= 0);
    assert_fails(engine_open(&source, &setup, &e, &identity, &err), err, reason, err.offset);
    assert_null(e);
    if (strstr(err.detail, word) == NULL) {
        print_message("%s does not name %s\n", err.detail, word);
        fail();
    }
    (void)close(source.fd);
}

static void test_refused(void **state)
{
    static const struct {
        const char *family, *without;
        enum reason reason;
    } missing[] = {
        {"qwen2", "blk.1.attn_k.bias", REASON_GGUF_TENSOR_MISSING},
        {"qwen3", "blk.2.attn_q_norm.weight", REASON_GGUF_TENSOR_MISSING},
        {"gemma3", "blk.0.post_ffw_norm.weight", REASON_GGUF_TENSOR_MISSING},
        {"gemma3", "attention.sliding_window", REASON_GGUF_KEY_MISSING},
        {"qwen3", "attention.layer_norm_rms_epsilon", REASON_GGUF_KEY_MISSING},
        {"llama-moe", "expert_used_count", REASON_GGUF_KEY_MISSING},
        {"llama-moe", "blk.0.ffn_gate_inp.weight", REASON_GGUF_TENSOR_MISSING},
        {"gpt-oss", "expert_count", REASON_GGUF_KEY_MISSING},
        {"gpt-oss", "blk.1.attn_sinks.weight", REASON_GGUF_TENSOR_MISSING},
        {"gpt-oss", "blk.1.ffn_down_exps.bias", REASON_GGUF_TENSOR_MISSING},
        {"deepseek2", "attention.kv_lora_rank", REASON_GGUF_KEY_MISSING},
        {"deepseek2", "attention.key_length_mla", REASON_GGUF_KEY_MISSING},
        {"deepseek2", "expert_feed_forward_length", REASON_GGUF_KEY_MISSING},
        {"deepseek2", "blk.0.attn_k_b.weight", REASON_GGUF_TENSOR_MISSING},
        {"deepseek2", "blk.2.ffn_up_shexp.weight", REASON_GGUF_TENSOR_MISSING},
        /* a tensor too many: the key that explains it is not there */
        {"deepseek2", "expert_shared_count", REASON_MODEL_ARCHITECTURE},
    };
    static const char *const strangers[] = {"bert", "nomic-bert", "mamba", "llama4", ""};
    struct gen_model m;

    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        m = gen_model_family(missing[i].family);
        m.without = missing[i].without;
        refused(&m, missing[i].reason, missing[i].reason == REASON_MODEL_ARCHITECTURE ? "shexp" : missing[i].without);
    }
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        m = gen_model_family("llama");
        m.family = strangers[i];
        refused(&m, REASON_MODEL_ARCHITECTURE, strangers[i]);
    }
    m = gen_model_family("qwen2");
    m.extra = "expert_count";
    refused(&m, REASON_MODEL_ARCHITECTURE, "experts");
    m = gen_model_family("qwen2");
    m.scaling = "longrope";
    refused(&m, REASON_MODEL_ARCHITECTURE, "longrope");
    m = gen_model_family("llama-moe");
    m.experts_used = 6;
    refused(&m, REASON_GGUF_KEY_RANGE, "expert_used_count");
    m = gen_model_family("deepseek2");
    m.groups = 5;
    refused(&m, REASON_MODEL_ARCHITECTURE, "groups");
    m = gen_model_family("deepseek2");
    m.kv_heads = 4; /* as files from before the absorbed form say */
    refused(&m, REASON_GGUF_KEY_RANGE, "absorbed");
    m = gen_model_family("gemma3");
    m.window = 0;
    refused(&m, REASON_GGUF_KEY_MISSING, "sliding_window");
    m = gen_model_family("gpt-oss");
    m.defect = "blk.1.ffn_down_exps.weight";
    refused(&m, REASON_MODEL_DEFECT, m.defect);
    m = gen_model_family("gpt-oss");
    m.defect = "blk.1.attn_sinks.weight";
    refused(&m, REASON_MODEL_DEFECT, m.defect);
    m = gen_model_family("qwen2");
    m.extra = "v.x"; /* a tensor of a vision part has a place in gemma3's files alone */
    refused(&m, REASON_MODEL_ARCHITECTURE, "v.x");
}

/* What the Ollama library's files leave out or add. */
static void test_ollama(void **state)
{
    struct engine_setup setup = {.threads = 2, .kv = ENGINE_KV_F16};
    struct gen_model m = gen_model_family("gemma3");
    char usual[DIGEST_TEXT], other[DIGEST_TEXT];

    (void)state;
    digest_of(&m, &setup, usual);
    m.extra = "v.x"; /* a vision part in the same file */
    digest_of(&m, &setup, other);
    assert_string_equal(usual, other);
    m = gen_model_family("gptoss");
    digest_of(&m, &setup, usual);
    m.without = "rope.scaling.type";
    digest_of(&m, &setup, other);
    assert_string_equal(usual, other);
    m.without = "expert_feed_forward_length";
    m.ff = m.expert_ff;
    digest_of(&m, &setup, other);
    assert_string_equal(usual, other);
    m.family = "gpt-oss"; /* the same model under its other names */
    m.without = NULL;
    digest_of(&m, &setup, other);
    assert_string_equal(usual, other);
}

/* Opens parts[order[0]], parts[order[1]], ... as one model. */
static bool split_open(const struct buf *parts, const uint32_t *order, uint32_t count, struct engine **out,
                       struct identity *identity, struct err *err)
{
    struct engine_setup setup = {.threads = 1, .kv = ENGINE_KV_F16};
    struct engine_part more[3];
    struct engine_source source = {.name = "part 1", .more = more, .more_count = count - 1};
    bool ok;

    source.fd = gen_model_bytes_fd(buf_bytes(&parts[order[0]]));
    for (uint32_t i = 1; i < count; i++) {
        more[i - 1] = (struct engine_part){gen_model_bytes_fd(buf_bytes(&parts[order[i]])), "another part"};
    }
    ok = engine_open(&source, &setup, out, identity, err);
    (void)close(source.fd);
    for (uint32_t i = 1; i < count; i++) {
        (void)close(more[i - 1].fd);
    }
    return ok;
}

static void test_split(void **state)
{
    static const struct {
        uint32_t order[3], count;
    } wrong[] = {{{0, 2, 1}, 3}, {{1, 0, 2}, 3}, {{0, 1, 0}, 2}, {{0}, 1}, {{1}, 1}, {{0, 0, 2}, 3}};
    struct gen_model m = gen_model_family("gpt-oss"), other = m;
    struct engine_setup setup = {.threads = 1, .kv = ENGINE_KV_F16};
    struct buf parts[3] = {BUF(MIB(8)), BUF(MIB(8)), BUF(MIB(8))}, others[2] = {BUF(MIB(8)), BUF(MIB(8))};
    char whole[DIGEST_TEXT], joined[DIGEST_TEXT];
    struct identity identity[3];
    struct engine *e = NULL;
    struct err err = {0};
    uint8_t digest[SHA256_SIZE];

    (void)state;
    digest_of(&m, &setup, whole);
    assert_ok(gen_model_split(&m, 3, parts, &err), err);
    assert_ok(split_open(parts, (uint32_t[]){0, 1, 2}, 3, &e, identity, &err), err);
    for (size_t i = 0; i < 3; i++) {
        hash_bytes(HASH_SHA256, buf_bytes(&parts[i]), digest);
        assert_memory_equal(digest, identity[i].sha256, sizeof digest);
    }
    generated_digest(e, &m, PROMPT, joined);
    assert_string_equal(joined, whole);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_fails(split_open(parts, wrong[i].order, wrong[i].count, &e, identity, &err), err, REASON_GGUF_SPLIT,
                     ERR_NOWHERE);
    }
    /* a part of another model: more tensors than are said */
    other.layers = 4;
    assert_ok(gen_model_split(&other, 2, others, &err), err);
    for (size_t i = 0; i < 2; i++) {
        buf_done(&parts[i]);
    }
    assert_ok(gen_model_split(&m, 2, parts, &err), err);
    buf_done(&parts[1]);
    parts[1] = others[1];
    assert_fails(split_open(parts, (uint32_t[]){0, 1}, 2, &e, identity, &err), err, REASON_GGUF_SPLIT, ERR_NOWHERE);
    for (size_t i = 0; i < 3; i++) {
        buf_done(&parts[i]);
    }
    buf_done(&others[0]);
}

/* A model of shapes that a table names, with another file's metadata (gen_model.h): how large ones are tried by hand.
 */
static void test_shapes(void **state)
{
    struct gen_model m = gen_model_family("llama-moe");
    struct engine_setup setup = {.threads = 1};
    struct engine_source source = {.name = "generated", .fd = memfd_create("model", MFD_CLOEXEC)};
    struct buf like = BUF(MIB(64)), tsv = BUF(MIB(1));
    struct gguf g;
    struct identity identity;
    struct engine *e = NULL;
    struct err err = {0};
    uint32_t ids[PROMPT];

    (void)state;
    m.weights = QUANT_Q4_0;
    assert_ok(gen_model_write(&m, &like, &err), err);
    assert_ok(gguf_parse(buf_bytes(&like), &g, &err), err);
    assert_ok(buf_str(&tsv, "# a comment\n", &err), err);
    for (size_t i = 0; i < g.tensor_count; i++) {
        const struct gguf_tensor *t = &g.tensors[i];

        assert_ok(buf_printf(&tsv, &err, "%.*s\t", (int)t->name.len, (const char *)t->name.p), err);
        for (uint32_t d = 0; d < t->dim_count; d++) {
            assert_ok(buf_printf(&tsv, &err, d == 0 ? "%u" : "x%u", (unsigned)t->dims[d]), err);
        }
        assert_ok(buf_printf(&tsv, &err, "\t%s\n", t->type->name), err);
    }
    assert_ok(gen_model_shapes(buf_bytes(&tsv), &g, source.fd, &err), err);
    gguf_done(&g);
    assert_ok(engine_open(&source, &setup, &e, &identity, &err), err);
    assert_int_equal(identity.length, like.len);
    generated_prompt(&m, ids, PROMPT);
    free(generated_logits(e, &m, ids, PROMPT));
    engine_close(e);
    (void)close(source.fd);
    buf_done(&like);
    buf_done(&tsv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference), cmocka_unit_test(test_caches),  cmocka_unit_test(test_digests),
        cmocka_unit_test(test_matrix),    cmocka_unit_test(test_codes),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_single),    cmocka_unit_test(test_refused), cmocka_unit_test(test_ollama),
        cmocka_unit_test(test_shapes),    cmocka_unit_test(test_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
