#include "gen_model.h"

#include "base/limits.h"
#include "model/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 32
#define TENSORS_MAX 1024
#define PIECE_BLOCKS 65536
#define LETTERS 26U
#define CONTROLS 3U

struct tensor {
    char name[64];
    enum quant_id type;
    uint32_t k, rows, count; /* count 0: two dimensions */
    enum { MATRIX, NORM /* near 1 */, BIAS /* -1..1 */ } kind;
    uint64_t offset, size;
};

/* What a family's files hold beside llama's. */
struct traits {
    const char *family;
    bool qkv_bias, o_bias, qk_norm, post_norms, sinks, mla, expert_bias;
    const char *attn_output, *attn_sinks, *ffn_norm;
};

static const struct traits traits[] = {
    {.family = "llama", .attn_output = "attn_output", .ffn_norm = "ffn_norm"},
    {.family = "qwen2", .qkv_bias = true, .attn_output = "attn_output", .ffn_norm = "ffn_norm"},
    {.family = "qwen3", .qk_norm = true, .attn_output = "attn_output", .ffn_norm = "ffn_norm"},
    {.family = "gemma3", .qk_norm = true, .post_norms = true, .attn_output = "attn_output", .ffn_norm = "ffn_norm"},
    {"gpt-oss", true, true, false, false, true, false, true, "attn_output", "attn_sinks.weight", "post_attention_norm"},
    {"gptoss", true, true, false, false, true, false, true, "attn_out", "attn_sinks", "ffn_norm"},
    {.family = "deepseek2", .mla = true, .attn_output = "attn_output", .ffn_norm = "ffn_norm"},
};

struct writer {
    const struct gen_model *m;
    const struct traits *traits;
    const char *family;
    struct buf *out;
    struct err *err;
    struct tensor tensors[TENSORS_MAX];
    size_t tensor_count;
    uint64_t random, pairs;
};

struct gen_model gen_model_default(void)
{
    return (struct gen_model){.seed = 1,
                              .layers = 2,
                              .embd = 256,
                              .ff = 512,
                              .heads = 4,
                              .kv_heads = 2,
                              .head_dim = 64,
                              .context = 1024,
                              .vocab = 320,
                              .weights = QUANT_Q4_1,
                              .embedding = QUANT_Q8_0};
}

struct gen_model gen_model_family(const char *name)
{
    struct gen_model m = gen_model_default();
    const char *dash = strchr(name, '-');

    m.family = name;
    m.embd = 64;
    m.ff = 96;
    m.head_dim = 32;
    m.vocab = 288;
    m.weights = m.embedding = QUANT_F32;
    m.layers = 3;
    if (strcmp(name, "llama-moe") == 0) {
        m.family = "llama";
        m.experts = 5;
        m.experts_used = 2;
    } else if (strcmp(name, "gemma3") == 0) {
        m.window = 48;
        m.final_cap = 3.0F;
        m.scaling = "linear";
        m.layers = 7;
    } else if (strncmp(name, "gpt", 3) == 0) {
        m.window = 48;
        m.experts = 6;
        m.experts_used = 3;
        m.expert_ff = 64;
        m.scaling = "yarn";
        m.untied = true;
    } else if (strncmp(name, "deepseek2", 9) == 0) {
        m.family = "deepseek2";
        m.experts = 12;
        m.experts_used = 4;
        m.expert_ff = 32;
        m.shared = 2;
        m.dense = 1;
        m.head_dim = 96;
        m.rope_dim = 32;
        m.kv_rank = 64;
        m.out_dim = 32;
        m.kv_heads = 1;
        m.untied = true;
        m.scaling = "yarn";
        if (dash == NULL) {
            m.sigmoid = true;
            m.groups = 3;
            m.groups_used = 2;
            m.q_rank = 64;
        }
    } else if (strcmp(name, "llama") != 0) { /* qwen2, qwen3 */
        m.kv_heads = 1;
        m.scaling = "yarn";
    }
    return m;
}

struct gen_model gen_model_wide(const char *name)
{
    struct gen_model m = gen_model_family(name);

    m.layers = 2;
    m.embd = m.ff = 256;
    m.expert_ff = m.expert_ff != 0 ? 256 : 0;
    m.period = m.window != 0 ? 2 : 0;
    m.window = m.window != 0 ? 16 : 0;
    if (m.kv_rank != 0) {
        m.kv_rank = 256;
        m.q_rank = m.q_rank != 0 ? 256 : 0;
        m.out_dim = 64;
        m.experts = 6;
    } else {
        m.head_dim = 64;
    }
    return m;
}

/* splitmix64 */
static uint64_t random_next(struct writer *w)
{
    uint64_t z = (w->random += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static float random_float(struct writer *w) /* -1..1 */
{
    return (float)((double)(random_next(w) >> 40) * 0x1p-23 - 1.0);
}

/* A positive number, rounded down. */
static uint16_t f16_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    if (u >> 23 < 112) { /* a subnormal; one from 2^-15 on comes out too small, and digests hang on it */
        return (uint16_t)(x * 0x1p24F);
    }
    return (uint16_t)(((u >> 23) - 112) << 10 | (u >> 13 & 0x3ffU));
}

/* ---- Metadata. ---- */

static bool str(struct writer *w, struct bytes s)
{
    return buf_u64le(w->out, s.len, w->err) && buf_add(w->out, s.p, s.len, w->err);
}

static bool key(struct writer *w, const char *name, enum gguf_type type)
{
    w->pairs++;
    return str(w, bytes_of_str(name)) && buf_u32le(w->out, type, w->err);
}

static bool key_u32(struct writer *w, const char *name, uint32_t v)
{
    return key(w, name, GGUF_U32) && buf_u32le(w->out, v, w->err);
}

static bool left_out(const struct writer *w, const char *name)
{
    return w->m->without != NULL && strcmp(w->m->without, name) == 0;
}

/* A key behind the family's name; where `wanted` is false, or the model is without it, nothing. */
static bool own_u32(struct writer *w, bool wanted, const char *name, uint32_t v)
{
    char full[96];

    (void)snprintf(full, sizeof full, "%s.%s", w->family, name);
    return !wanted || left_out(w, name) || key_u32(w, full, v);
}

static bool own_f32(struct writer *w, bool wanted, const char *name, float v)
{
    char full[96];

    (void)snprintf(full, sizeof full, "%s.%s", w->family, name);
    return !wanted || left_out(w, name) || (key(w, full, GGUF_F32) && buf_add(w->out, &v, sizeof v, w->err));
}

static bool key_str(struct writer *w, const char *name, const char *v)
{
    return key(w, name, GGUF_STR) && str(w, bytes_of_str(v));
}

static bool key_array(struct writer *w, const char *name, enum gguf_type element, uint64_t count)
{
    return key(w, name, GGUF_ARRAY) && buf_u32le(w->out, element, w->err) && buf_u64le(w->out, count, w->err);
}

/* GPT-2's way to write a byte as a letter: those that print as they are, the others from U+0100 on. */
static struct bytes byte_letter(unsigned byte, char out[2])
{
    unsigned point = byte, next = 0x100;
    bool prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);

    for (unsigned b = 0; !prints && b < byte; b++) {
        next += !((b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad));
    }
    point = prints ? byte : next;
    if (point < 0x80) {
        out[0] = (char)point;
        return bytes_of(out, 1);
    }
    out[0] = (char)(0xc0 | point >> 6);
    out[1] = (char)(0x80 | (point & 63));
    return bytes_of(out, 2);
}

static bool vocabulary_write(struct writer *w)
{
    static const char *const controls[CONTROLS] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    uint32_t pairs = w->m->vocab - 256 - CONTROLS;
    bool ok = key_str(w, "tokenizer.ggml.model", "gpt2") && key_str(w, "tokenizer.ggml.pre", "smollm") &&
              key_array(w, "tokenizer.ggml.tokens", GGUF_STR, w->m->vocab);
    char text[8];

    for (unsigned b = 0; ok && b < 256; b++) {
        ok = str(w, byte_letter(b, text));
    }
    for (uint32_t i = 0; ok && i < pairs; i++) {
        (void)snprintf(text, sizeof text, "%c%c", (char)('a' + i / LETTERS), (char)('a' + i % LETTERS));
        ok = str(w, bytes_of_str(text));
    }
    for (unsigned i = 0; ok && i < CONTROLS; i++) {
        ok = str(w, bytes_of_str(controls[i]));
    }
    ok = ok && key_array(w, "tokenizer.ggml.token_type", GGUF_I32, w->m->vocab);
    for (uint32_t i = 0; ok && i < w->m->vocab; i++) {
        ok = buf_u32le(w->out, i < w->m->vocab - CONTROLS ? 1 : 3, w->err);
    }
    ok = ok && key_array(w, "tokenizer.ggml.merges", GGUF_STR, pairs);
    for (uint32_t i = 0; ok && i < pairs; i++) {
        (void)snprintf(text, sizeof text, "%c %c", (char)('a' + i / LETTERS), (char)('a' + i % LETTERS));
        ok = str(w, bytes_of_str(text));
    }
    return ok && key_u32(w, "tokenizer.ggml.bos_token_id", w->m->vocab - 2) &&
           key_u32(w, "tokenizer.ggml.eos_token_id", w->m->vocab - 1) &&
           key(w, "tokenizer.ggml.add_bos_token", GGUF_BOOL) && buf_u8(w->out, w->m->add_bos ? 1 : 0, w->err);
}

static bool metadata_write(struct writer *w)
{
    const struct gen_model *m = w->m;

    const bool mla = w->traits->mla, experts = m->experts != 0;

    return key_str(w, "general.architecture", w->family) && key_str(w, "general.name", "generated") &&
           own_u32(w, true, "block_count", m->layers) && own_u32(w, true, "context_length", m->context) &&
           own_u32(w, true, "embedding_length", m->embd) && own_u32(w, true, "feed_forward_length", m->ff) &&
           own_u32(w, true, "attention.head_count", m->heads) &&
           own_u32(w, true, "attention.head_count_kv", m->kv_heads) &&
           own_u32(w, true, mla ? "attention.key_length_mla" : "attention.key_length", m->head_dim) &&
           own_u32(w, true, mla ? "attention.value_length_mla" : "attention.value_length",
                   mla ? m->out_dim : m->head_dim) &&
           own_f32(w, true, "attention.layer_norm_rms_epsilon", 1e-5F) &&
           own_f32(w, true, "rope.freq_base", 10000.0F) &&
           own_u32(w, true, "rope.dimension_count", mla ? m->rope_dim : m->head_dim) &&
           own_u32(w, true, "vocab_size", m->vocab) &&
           own_u32(w, m->window != 0, "attention.sliding_window", m->window) &&
           own_u32(w, m->period != 0, "attention.sliding_window_pattern", m->period) &&
           own_u32(w, mla, "attention.kv_lora_rank", m->kv_rank) &&
           own_u32(w, mla && m->q_rank != 0, "attention.q_lora_rank", m->q_rank) &&
           own_u32(w, experts, "expert_count", m->experts) &&
           own_u32(w, experts, "expert_used_count", m->experts_used) &&
           own_u32(w, m->expert_ff != 0, "expert_feed_forward_length", m->expert_ff) && vocabulary_write(w) &&
           (m->chat_template == NULL || key_str(w, "tokenizer.chat_template", m->chat_template));
}

static bool more_metadata_write(struct writer *w)
{
    const struct gen_model *m = w->m;
    const bool mla = w->traits->mla, yarn = m->scaling != NULL && strcmp(m->scaling, "yarn") == 0;
    char full[96];

    (void)snprintf(full, sizeof full, "%s.rope.scaling.type", w->family);
    if (m->scaling != NULL && !left_out(w, "rope.scaling.type") && !key_str(w, full, m->scaling)) {
        return false;
    }
    (void)snprintf(full, sizeof full, "%s.expert_weights_norm", w->family);
    if (mla && m->sigmoid && !(key(w, full, GGUF_BOOL) && buf_u8(w->out, 1, w->err))) {
        return false;
    }
    return own_f32(w, m->scaling != NULL, "rope.scaling.factor", 4.0F) &&
           own_u32(w, yarn, "rope.scaling.original_context_length", 64) &&
           own_f32(w, yarn && mla, "rope.scaling.yarn_log_multiplier", 0.1F) &&
           own_f32(w, m->magnitude != 0.0F, "rope.scaling.attn_factor", m->magnitude) &&
           own_f32(w, m->soft_cap != 0.0F, "attn_logit_softcapping", m->soft_cap) &&
           own_f32(w, m->final_cap != 0.0F, "final_logit_softcapping", m->final_cap) &&
           own_u32(w, mla, "expert_shared_count", m->shared) &&
           own_u32(w, mla, "leading_dense_block_count", m->dense) &&
           own_u32(w, mla, "expert_gating_func", m->sigmoid ? 2 : 1) &&
           own_f32(w, mla && m->sigmoid, "expert_weights_scale", 2.5F) &&
           own_u32(w, m->groups != 0, "expert_group_count", m->groups) &&
           own_u32(w, m->groups != 0, "expert_group_used_count", m->groups_used) &&
           own_u32(w, m->extra != NULL && strcmp(m->extra, "v.x") != 0, m->extra, 3);
}

/* ---- Tensors. ---- */

static enum quant_id matrix_type(const struct writer *w, enum quant_id type, uint32_t k)
{
    uint32_t number = w->m->mix != 0 ? w->m->mix - 1 + (uint32_t)w->tensor_count : 0;

    if (w->m->mix == 0) {
        return type;
    }
    for (number %= GEN_MODEL_TYPES, type = 0;; type++) {
        if (quant_type_get((uint32_t)type) != NULL && number-- == 0) {
            return k % quant_type_get((uint32_t)type)->weights == 0 ? type : QUANT_Q5_0;
        }
    }
}

static void tensor_add(struct writer *w, const char *name, enum quant_id type, uint32_t k, uint32_t rows,
                       uint32_t count)
{
    struct tensor *t = &w->tensors[w->tensor_count];
    const struct quant_type *q = quant_type_get((uint32_t)type);
    uint64_t end = w->tensor_count == 0 ? 0 : t[-1].offset + t[-1].size;
    size_t length = strlen(name);

    if (left_out(w, name)) {
        return;
    }
    w->tensor_count++;
    *t = (struct tensor){.type = type, .k = k, .rows = rows, .count = count};
    if (strstr(name, "sinks") != NULL || (length > 5 && strcmp(name + length - 5, ".bias") == 0)) {
        t->kind = BIAS;
    } else if (rows == 1) {
        t->kind = NORM;
    }
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    t->offset = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    t->size = (uint64_t)k / q->weights * q->bytes * rows * (count == 0 ? 1 : count);
}

/* A tensor of a layer that may have it. */
struct each {
    bool wanted;
    const char *name; /* with its suffix */
    uint32_t k, rows, count;
    bool single; /* F32, whatever the others are */
};

static void each_add(struct writer *w, uint32_t layer, const struct each *each, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        char name[64];

        (void)snprintf(name, sizeof name, "blk.%u.%s", layer, each[j].name);
        if (each[j].wanted) {
            tensor_add(w, name,
                       each[j].rows == 1 || each[j].single ? QUANT_F32 : matrix_type(w, w->m->weights, each[j].k),
                       each[j].k, each[j].rows, each[j].count);
        }
    }
}

static void attention_list(struct writer *w, uint32_t layer)
{
    const struct gen_model *m = w->m;
    const struct traits *t = w->traits;
    const bool mla = t->mla, low = mla && m->q_rank != 0;
    const uint32_t embd = m->embd, q = m->heads * m->head_dim, kv = m->kv_heads * m->head_dim;
    char output[64], output_bias[64];
    const struct each each[] = {
        {true, "attn_norm.weight", embd, 1, 0, true},
        {!low, "attn_q.weight", embd, q, 0, false},
        {!mla, "attn_k.weight", embd, kv, 0, false},
        {!mla, "attn_v.weight", embd, kv, 0, false},
        {low, "attn_q_a.weight", embd, m->q_rank, 0, false},
        {low, "attn_q_a_norm.weight", m->q_rank, 1, 0, true},
        {low, "attn_q_b.weight", m->q_rank, q, 0, false},
        {mla, "attn_kv_a_mqa.weight", embd, m->kv_rank + m->rope_dim, 0, false},
        {mla, "attn_kv_a_norm.weight", m->kv_rank, 1, 0, true},
        {mla, "attn_k_b.weight", m->head_dim - m->rope_dim, m->kv_rank, m->heads, false},
        {mla, "attn_v_b.weight", m->kv_rank, m->out_dim, m->heads, false},
        {true, output, mla ? m->heads * m->out_dim : q, embd, 0, false},
        {t->qkv_bias, "attn_q.bias", q, 1, 0, true},
        {t->qkv_bias, "attn_k.bias", kv, 1, 0, true},
        {t->qkv_bias, "attn_v.bias", kv, 1, 0, true},
        {t->o_bias, output_bias, embd, 1, 0, true},
        {t->sinks, t->attn_sinks, m->heads, 1, 0, true},
        {t->qk_norm, "attn_q_norm.weight", m->head_dim, 1, 0, true},
        {t->qk_norm, "attn_k_norm.weight", m->head_dim, 1, 0, true},
        {t->post_norms, "post_attention_norm.weight", embd, 1, 0, true},
    };

    (void)snprintf(output, sizeof output, "%s.weight", t->attn_output);
    (void)snprintf(output_bias, sizeof output_bias, "%s.bias", t->attn_output);
    each_add(w, layer, each, sizeof each / sizeof *each);
}

static void feed_forward_list(struct writer *w, uint32_t layer)
{
    const struct gen_model *m = w->m;
    const struct traits *t = w->traits;
    const bool experts = m->experts != 0 && layer >= m->dense, shared = experts && m->shared != 0;
    const uint32_t embd = m->embd, ff = m->expert_ff != 0 ? m->expert_ff : m->ff, all = m->shared * ff;
    char norm[64];
    const struct each each[] = {
        {true, norm, embd, 1, 0, true},
        {!experts, "ffn_gate.weight", embd, m->ff, 0, false},
        {!experts, "ffn_up.weight", embd, m->ff, 0, false},
        {!experts, "ffn_down.weight", m->ff, embd, 0, false},
        {experts, "ffn_gate_inp.weight", embd, m->experts, 0, true},
        {experts, "ffn_gate_exps.weight", embd, ff, m->experts, false},
        {experts, "ffn_up_exps.weight", embd, ff, m->experts, false},
        {experts, "ffn_down_exps.weight", ff, embd, m->experts, false},
        {experts && t->expert_bias, "ffn_gate_inp.bias", m->experts, 1, 0, true},
        {experts && t->expert_bias, "ffn_gate_exps.bias", ff, m->experts, 0, true},
        {experts && t->expert_bias, "ffn_up_exps.bias", ff, m->experts, 0, true},
        {experts && t->expert_bias, "ffn_down_exps.bias", embd, m->experts, 0, true},
        {experts && m->sigmoid, "exp_probs_b.bias", m->experts, 1, 0, true},
        {shared, "ffn_gate_shexp.weight", embd, all, 0, false},
        {shared, "ffn_up_shexp.weight", embd, all, 0, false},
        {shared, "ffn_down_shexp.weight", all, embd, 0, false},
        {t->post_norms, "post_ffw_norm.weight", embd, 1, 0, true},
    };

    (void)snprintf(norm, sizeof norm, "%s.weight", t->ffn_norm);
    each_add(w, layer, each, sizeof each / sizeof *each);
}

static void tensors_list(struct writer *w)
{
    const struct gen_model *m = w->m;

    tensor_add(w, "token_embd.weight", matrix_type(w, m->embedding, m->embd), m->embd, m->vocab, 0);
    for (uint32_t i = 0; i < m->layers; i++) {
        attention_list(w, i);
        feed_forward_list(w, i);
    }
    tensor_add(w, "output_norm.weight", QUANT_F32, m->embd, 1, 0);
    if (m->untied) {
        tensor_add(w, "output.weight", matrix_type(w, m->embedding, m->embd), m->embd, m->vocab, 0);
    }
    if (m->rope_factors) {
        tensor_add(w, "rope_freqs.weight", QUANT_F32, m->head_dim / 2, 1, 0);
    }
    if (m->extra != NULL && strcmp(m->extra, "v.x") == 0) {
        tensor_add(w, "v.x", QUANT_F32, 32, 2, 0);
    }
}

/* Scales that make the weights of a row of k come out near 1 / sqrt(k). */
static void scales_put(enum quant_id type, uint8_t *block, float one)
{
    uint16_t d, m;

    /* What the codes, and the scales of sub-blocks, spread over; where the scale stands; the minimum's multiple of it,
     * subtracted by K types themselves. */
    static const struct {
        enum quant_id type;
        uint8_t d, m; /* m 0: no minimum */
        float spread, middle;
    } scales[] = {
        {QUANT_Q4_0, 0, 0, 4.6F, 0.0F},      {QUANT_Q4_1, 0, 2, 4.6F, -7.5F},   {QUANT_Q5_0, 0, 0, 9.2F, 0.0F},
        {QUANT_Q5_1, 0, 2, 9.2F, -15.5F},    {QUANT_Q8_0, 0, 0, 74.0F, 0.0F},   {QUANT_Q2_K, 80, 82, 10.0F, 1.5F},
        {QUANT_Q3_K, 108, 0, 43.0F, 0.0F},   {QUANT_Q4_K, 0, 2, 170.0F, 7.5F},  {QUANT_Q5_K, 0, 2, 340.0F, 15.5F},
        {QUANT_Q6_K, 208, 0, 1360.0F, 0.0F}, {QUANT_IQ4_NL, 0, 0, 70.0F, 0.0F}, {QUANT_IQ4_XS, 0, 0, 1300.0F, 0.0F},
    };
    uint32_t exponent;

    if (type == QUANT_MXFP4) { /* a power of two near one / 4 */
        memcpy(&exponent, &one, sizeof exponent);
        block[0] = (uint8_t)((exponent >> 23) - 2);
        return;
    }
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        if (scales[i].type == type) {
            float middle = scales[i].middle;

            d = f16_of(one / scales[i].spread);
            m = (uint16_t)(f16_of(one / scales[i].spread * (middle < 0 ? -middle : middle)) |
                           (middle < 0 ? 0x8000U : 0));
            memcpy(block + scales[i].d, &d, 2);
            memcpy(block + scales[i].m, &m, scales[i].m != 0 ? 2 : 0);
        }
    }
}

static float root(float x)
{
    float r = 1.0F;

    for (int i = 0; i < 32; i++) {
        r = 0.5F * (r + x / r);
    }
    return r;
}

static void floats_fill(struct writer *w, const struct tensor *t, uint8_t *p)
{
    float one = 1.7F / root((float)t->k);

    for (uint64_t i = 0; i < (uint64_t)t->k * t->rows * (t->count == 0 ? 1 : t->count); i++) {
        float x = random_float(w), v = t->kind == NORM ? 1.25F + 0.25F * x : t->kind == BIAS ? x : x * one;
        uint16_t half = (uint16_t)(f16_of((x < 0 ? -x : x) * one + 0x1p-14F) | (x < 0 ? 0x8000U : 0));

        if (t->type == QUANT_F32) {
            memcpy(p + 4 * i, &v, 4);
        } else if (t->type == QUANT_BF16) {
            memcpy(p + 2 * i, (const uint8_t *)&v + 2, 2);
        } else {
            memcpy(p + 2 * i, &half, 2);
        }
    }
}

static void tensor_fill(struct writer *w, const struct tensor *t, uint8_t *p)
{
    const struct quant_type *q = quant_type_get((uint32_t)t->type);
    const float one = 1.0F / root((float)t->k);

    if (q->weights == 1) {
        floats_fill(w, t, p);
        return;
    }
    for (uint64_t i = 0; i < t->size; i++) {
        p[i] = (uint8_t)(random_next(w) >> 56);
    }
    for (uint64_t b = 0; b < t->size / q->bytes; b++) {
        scales_put(t->type, p + b * q->bytes, one);
    }
}

/* The first weight's number, or its scale, becomes infinite. */
static void defect_put(const struct tensor *t, uint8_t *p)
{
    static const uint8_t infinite32[] = {0, 0, 0x80, 0x7f}, infinite16[] = {0, 0x7c};

    if (t->type == QUANT_F32 || t->type == QUANT_BF16) {
        memcpy(p, infinite32 + (t->type == QUANT_BF16 ? 2 : 0), t->type == QUANT_BF16 ? 2 : 4);
    } else if (t->type == QUANT_MXFP4) {
        p[0] = 255;
    } else {
        memcpy(p + (t->type == QUANT_Q6_K   ? 208
                    : t->type == QUANT_Q2_K ? 80
                    : t->type == QUANT_Q3_K ? 108
                                            : 0),
               infinite16, 2);
    }
}

static bool table_write(struct writer *w)
{
    for (size_t i = 0; i < w->tensor_count; i++) {
        const struct tensor *t = &w->tensors[i];

        if (!str(w, bytes_of_str(t->name)) ||
            !buf_u32le(w->out,
                       t->count != 0  ? 3
                       : t->rows == 1 ? 1
                                      : 2,
                       w->err) ||
            !buf_u64le(w->out, t->k, w->err) ||
            ((t->rows != 1 || t->count != 0) && !buf_u64le(w->out, t->rows, w->err)) ||
            (t->count != 0 && !buf_u64le(w->out, t->count, w->err)) || !buf_u32le(w->out, (uint32_t)t->type, w->err) ||
            !buf_u64le(w->out, t->offset, w->err)) {
            return false;
        }
    }
    return buf_zero(w->out, (ALIGNMENT - w->out->len % ALIGNMENT) % ALIGNMENT, w->err);
}

static bool tensors_write(struct writer *w)
{
    size_t start;

    if (!table_write(w)) {
        return false;
    }
    start = w->out->len;
    for (size_t i = 0; i < w->tensor_count; i++) {
        const struct tensor *t = &w->tensors[i];
        uint8_t *p;

        if (!buf_zero(w->out, start + t->offset - w->out->len, w->err) || !buf_room(w->out, t->size, &p, w->err)) {
            return false;
        }
        tensor_fill(w, t, p);
        if (w->m->defect != NULL && strcmp(w->m->defect, t->name) == 0) {
            defect_put(t, p);
        }
        buf_grew(w->out, t->size);
    }
    return true;
}

static struct writer writer_of(const struct gen_model *m, struct err *err)
{
    struct writer w = {.m = m, .err = err, .random = m->seed, .family = m->family != NULL ? m->family : "llama"};

    w.traits = traits;
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++) {
        w.traits = strcmp(traits[i].family, w.family) == 0 ? &traits[i] : w.traits;
    }
    tensors_list(&w);
    return w;
}

/* Part number `part` of count, with the tensors that w has. */
static bool part_write(struct writer *w, uint32_t part, uint32_t count, size_t all, struct buf *out)
{
    size_t counts;

    w->out = out;
    w->pairs = 0;
    if (!buf_str(out, "GGUF", w->err) || !buf_u32le(out, 3, w->err) || !buf_u64le(out, w->tensor_count, w->err)) {
        return false;
    }
    counts = out->len;
    if (!buf_u64le(out, 0, w->err) || (part == 0 && (!metadata_write(w) || !more_metadata_write(w))) ||
        (count != 1 && (!key_u32(w, "split.no", part) || !key_u32(w, "split.count", count) ||
                        !key_u32(w, "split.tensors.count", (uint32_t)all)))) {
        return false;
    }
    memcpy(out->p + counts, &w->pairs, sizeof w->pairs);
    return tensors_write(w);
}

bool gen_model_write(const struct gen_model *m, struct buf *out, struct err *err)
{
    struct writer w = writer_of(m, err);

    return part_write(&w, 0, 1, w.tensor_count, out);
}

bool gen_model_split(const struct gen_model *m, uint32_t count, struct buf *parts, struct err *err)
{
    struct writer all = writer_of(m, err), w = all;
    size_t at = 0;
    bool ok = true;

    for (uint32_t i = 0; ok && i < count; i++) {
        size_t end = all.tensor_count * (i + 1) / count;

        w.tensor_count = end - at;
        for (size_t j = 0; at < end; at++, j++) {
            w.tensors[j] = all.tensors[at];
            w.tensors[j].offset -= all.tensors[end - w.tensor_count].offset;
        }
        ok = part_write(&w, i, count, all.tensor_count, &parts[i]);
    }
    return ok;
}

/* ---- Models of true shapes. ---- */

static bool put(int fd, const void *p, size_t n, struct err *err)
{
    for (const uint8_t *next = p; n != 0;) {
        ssize_t done = write(fd, next, n);

        if (done <= 0) {
            return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "writing failed");
        }
        next += done;
        n -= (size_t)done;
    }
    return true;
}

static bool tensor_put(struct writer *w, const struct tensor *t, uint8_t *piece, int fd)
{
    const struct quant_type *q = quant_type_get((uint32_t)t->type);
    const float one = 1.0F / root((float)t->k);

    if (q->weights == 1) {
        struct tensor row = *t;
        uint64_t rows = t->rows * (t->count == 0 ? 1ULL : t->count);

        row.rows = 1;
        row.count = 0;
        for (uint64_t i = 0; i < rows; i++) {
            floats_fill(w, &row, piece);
            if (!put(fd, piece, (size_t)t->k * q->bytes, w->err)) {
                return false;
            }
        }
        return true;
    }
    for (uint64_t left = t->size / q->bytes; left != 0;) {
        uint64_t n = left < PIECE_BLOCKS ? left : PIECE_BLOCKS;

        for (uint64_t i = 0; i < n * q->bytes; i += 8) {
            uint64_t random = random_next(w);

            memcpy(piece + i, &random, 8);
        }
        for (uint64_t b = 0; b < n; b++) {
            scales_put(t->type, piece + b * q->bytes, one);
        }
        if (!put(fd, piece, n * q->bytes, w->err)) {
            return false;
        }
        left -= n;
    }
    return true;
}

/* name, a tab, 3584x512, a tab, Q4_K */
static bool line_add(struct writer *w, const char *line)
{
    char name[64], dims[64], type[16];
    unsigned k, rows = 1, count = 0;
    const struct quant_type *q;

    if (line[0] == '#' || line[0] == '\0') {
        return true;
    }
    if (sscanf(line, "%63[^\t]\t%63[^\t]\t%15s", name, dims, type) != 3 ||
        sscanf(dims, "%ux%ux%u", &k, &rows, &count) < 1 || (q = quant_type_find(type)) == NULL ||
        w->tensor_count == TENSORS_MAX || k % q->weights != 0) {
        return FAIL(w->err, REASON_USAGE, ERR_NOWHERE, "not a tensor: %s", line);
    }
    tensor_add(w, name, q->id, k, rows, count);
    return true;
}

bool gen_model_shapes(struct bytes tsv, const struct gguf *like, int fd, struct err *err)
{
    const struct gen_model none = {0};
    struct buf header = BUF(MIB(64));
    struct writer w = {.m = &none, .out = &header, .err = err};
    uint8_t *piece = malloc((size_t)PIECE_BLOCKS * 256 + 8);
    uint64_t at = 0;
    bool ok = piece != NULL;

    for (size_t start = 0; ok && start < tsv.len;) {
        const uint8_t *end = memchr(tsv.p + start, '\n', tsv.len - start);
        size_t n = end != NULL ? (size_t)(end - tsv.p) - start : tsv.len - start;
        char line[256];

        (void)snprintf(line, sizeof line, "%.*s", (int)(n < 255 ? n : 255), (const char *)tsv.p + start);
        ok = line_add(&w, line);
        start += n + 1;
    }
    ok = ok && buf_str(&header, "GGUF", err) && buf_u32le(&header, 3, err) && buf_u64le(&header, w.tensor_count, err) &&
         buf_u64le(&header, like->pair_count, err);
    for (size_t i = 0; ok && i < like->pair_count; i++) {
        ok = buf_add(&header, like->pairs[i].raw.p, like->pairs[i].raw.len, err);
    }
    ok = ok && table_write(&w) && put(fd, header.p, header.len, err);
    for (size_t i = 0; ok && i < w.tensor_count; i++) {
        const struct tensor *t = &w.tensors[i];
        static const uint8_t zeros[ALIGNMENT];

        ok = put(fd, zeros, (size_t)(t->offset - at), err) && tensor_put(&w, t, piece, fd);
        at = t->offset + t->size;
    }
    free(piece);
    buf_done(&header);
    return ok;
}

int gen_model_bytes_fd(struct bytes file)
{
    int fd = memfd_create("model", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, file.p, file.len) != (ssize_t)file.len) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int gen_model_fd(const struct gen_model *m, struct err *err)
{
    struct buf file = BUF(MIB(256));
    int fd = gen_model_write(m, &file, err) ? gen_model_bytes_fd(buf_bytes(&file)) : -1;

    buf_done(&file);
    return fd;
}
