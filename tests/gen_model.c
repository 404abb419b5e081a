#include "gen_model.h"

#include "base/limits.h"
#include "model/gguf.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 32
#define TENSORS_MAX 256
#define LETTERS 26U
#define CONTROLS 3U

struct tensor {
    char name[64];
    enum quant_id type;
    uint32_t k, rows;
    bool vector; /* of norms: near 1 */
    uint64_t offset, size;
};

struct writer {
    const struct gen_model *m;
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

/* A positive normal number, rounded down. */
static uint16_t f16_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
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

static bool key_f32(struct writer *w, const char *name, float v)
{
    return key(w, name, GGUF_F32) && buf_add(w->out, &v, sizeof v, w->err);
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

    return key_str(w, "general.architecture", "llama") && key_str(w, "general.name", "generated") &&
           key_u32(w, "llama.block_count", m->layers) && key_u32(w, "llama.context_length", m->context) &&
           key_u32(w, "llama.embedding_length", m->embd) && key_u32(w, "llama.feed_forward_length", m->ff) &&
           key_u32(w, "llama.attention.head_count", m->heads) &&
           key_u32(w, "llama.attention.head_count_kv", m->kv_heads) &&
           key_u32(w, "llama.attention.key_length", m->head_dim) &&
           key_u32(w, "llama.attention.value_length", m->head_dim) &&
           key_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-5F) &&
           key_f32(w, "llama.rope.freq_base", 10000.0F) && key_u32(w, "llama.rope.dimension_count", m->head_dim) &&
           key_u32(w, "llama.vocab_size", m->vocab) && vocabulary_write(w) &&
           (m->rope_factor_key == NULL || key_f32(w, m->rope_factor_key, 4.0F)) &&
           (m->chat_template == NULL || key_str(w, "tokenizer.chat_template", m->chat_template));
}

/* ---- Tensors. ---- */

static void tensor_add(struct writer *w, const char *name, enum quant_id type, uint32_t k, uint32_t rows)
{
    struct tensor *t = &w->tensors[w->tensor_count++];
    const struct quant_type *q = quant_type_get((uint32_t)type);
    uint64_t end = w->tensor_count < 2 ? 0 : t[-1].offset + t[-1].size;

    *t = (struct tensor){.type = type, .k = k, .rows = rows, .vector = rows == 1};
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    t->offset = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    t->size = (uint64_t)k / q->weights * q->bytes * rows;
}

static void tensors_list(struct writer *w)
{
    const struct gen_model *m = w->m;
    const uint32_t q = m->heads * m->head_dim, kv = m->kv_heads * m->head_dim;
    const struct {
        const char *name;
        uint32_t k, rows;
    } each[] = {{"attn_norm", m->embd, 1},    {"attn_q", m->embd, q},      {"attn_k", m->embd, kv},
                {"attn_v", m->embd, kv},      {"attn_output", q, m->embd}, {"ffn_norm", m->embd, 1},
                {"ffn_gate", m->embd, m->ff}, {"ffn_up", m->embd, m->ff},  {"ffn_down", m->ff, m->embd}};

    tensor_add(w, "token_embd.weight", m->embedding, m->embd, m->vocab);
    for (uint32_t i = 0; i < m->layers; i++) {
        for (size_t j = 0; j < sizeof each / sizeof *each; j++) {
            char name[64];

            (void)snprintf(name, sizeof name, "blk.%u.%s.weight", i, each[j].name);
            tensor_add(w, name, each[j].rows == 1 ? QUANT_F32 : m->weights, each[j].k, each[j].rows);
        }
    }
    tensor_add(w, "output_norm.weight", QUANT_F32, m->embd, 1);
    if (m->untied) {
        tensor_add(w, "output.weight", m->embedding, m->embd, m->vocab);
    }
    if (m->rope_factors) {
        tensor_add(w, "rope_freqs.weight", QUANT_F32, m->head_dim / 2, 1);
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

    for (uint64_t i = 0; i < (uint64_t)t->k * t->rows; i++) {
        float x = random_float(w), v = t->vector ? 1.25F + 0.25F * x : x * one;
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

    if (q->weights == 1) {
        floats_fill(w, t, p);
        return;
    }
    for (uint64_t i = 0; i < t->size; i++) {
        p[i] = (uint8_t)(random_next(w) >> 56);
    }
    for (uint64_t b = 0; b < t->size / q->bytes; b++) {
        scales_put(t->type, p + b * q->bytes, 1.0F / root((float)t->k));
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

static bool tensors_write(struct writer *w)
{
    size_t start;

    for (size_t i = 0; i < w->tensor_count; i++) {
        const struct tensor *t = &w->tensors[i];

        if (!str(w, bytes_of_str(t->name)) || !buf_u32le(w->out, t->vector ? 1 : 2, w->err) ||
            !buf_u64le(w->out, t->k, w->err) || (!t->vector && !buf_u64le(w->out, t->rows, w->err)) ||
            !buf_u32le(w->out, (uint32_t)t->type, w->err) || !buf_u64le(w->out, t->offset, w->err)) {
            return false;
        }
    }
    if (!buf_zero(w->out, (ALIGNMENT - w->out->len % ALIGNMENT) % ALIGNMENT, w->err)) {
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

bool gen_model_write(const struct gen_model *m, struct buf *out, struct err *err)
{
    struct writer w = {.m = m, .out = out, .err = err, .random = m->seed};
    size_t counts;

    tensors_list(&w);
    if (!buf_str(out, "GGUF", err) || !buf_u32le(out, 3, err) || !buf_u64le(out, w.tensor_count, err)) {
        return false;
    }
    counts = out->len;
    if (!buf_u64le(out, 0, err) || !metadata_write(&w)) {
        return false;
    }
    memcpy(out->p + counts, &w.pairs, sizeof w.pairs);
    return tensors_write(&w);
}

int gen_model_fd(const struct gen_model *m, struct err *err)
{
    struct buf file = BUF(MIB(256));
    int fd = memfd_create("model", MFD_CLOEXEC);

    if (fd < 0 || !gen_model_write(m, &file, err) || write(fd, file.p, file.len) != (ssize_t)file.len) {
        buf_done(&file);
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    buf_done(&file);
    return fd;
}
