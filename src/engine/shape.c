#include "engine/shape.h"

#include "engine/math.h"

#include <stdio.h>

#define STR_ARG(b) (int)((b).len < 64 ? (b).len : 64), (const char *)(b).p
#define EMBD_MAX 65536U
#define FF_MAX 1048576U
#define HEADS_MAX 1024U

#define ROPE_BASE_MIN 2.0     /* its logarithm divides */
#define GEMMA3_27B_LAYERS 62U /* its queries are scaled by embd / heads, no key says so */

struct reading {
    const struct gguf *g;
    const struct family *family;
    struct err *err;
    char key[96]; /* the last one asked for */
};

/* "gpt-oss.attention.head_count"; whether the file has it */
static bool has(struct reading *r, const char *name)
{
    (void)snprintf(r->key, sizeof r->key, "%s.%s", r->family->name, name);
    return gguf_find(r->g, r->key) != NULL;
}

static bool range_fail(struct reading *r, const char *what)
{
    const struct gguf_pair *p = gguf_find(r->g, r->key);

    return FAIL(r->err, REASON_GGUF_KEY_RANGE, p != NULL ? p->offset : ERR_NOWHERE, "%s %s", r->key, what);
}

static bool get_u32(struct reading *r, const char *name, uint32_t min, uint32_t max, uint32_t *out)
{
    (void)has(r, name);
    if (!gguf_get_u32(r->g, r->key, out, r->err)) {
        return false;
    }
    return (*out >= min && *out <= max) || FAIL(r->err, REASON_GGUF_KEY_RANGE, gguf_find(r->g, r->key)->offset,
                                                "%s is %u, not %u to %u", r->key, *out, min, max);
}

static bool get_u32_or(struct reading *r, const char *name, uint32_t min, uint32_t max, uint32_t fallback,
                       uint32_t *out)
{
    *out = fallback;
    return !has(r, name) || get_u32(r, name, min, max, out);
}

static bool get_float_or(struct reading *r, const char *name, double min, double max, double fallback, double *out)
{
    float v;

    *out = fallback;
    if (!has(r, name)) {
        return true;
    }
    if (!gguf_get_f32(r->g, r->key, &v, r->err)) {
        return false;
    }
    *out = (double)v;
    return (*out >= min && *out <= max) || FAIL(r->err, REASON_GGUF_KEY_RANGE, gguf_find(r->g, r->key)->offset,
                                                "%s is %g, not %g to %g", r->key, *out, min, max);
}

static bool get_bool_or(struct reading *r, const char *name, bool fallback, bool *out)
{
    *out = fallback;
    return !has(r, name) || gguf_get_bool(r->g, r->key, out, r->err);
}

/* ---- RoPE. ---- */

/* "none", "linear" or "yarn"; a factor alone is the family's usual kind. */
static bool scaling_read(struct reading *r, struct rope *rope)
{
    struct bytes type = bytes_of_str(r->family->scaling);

    if (has(r, "rope.scaling.type") && !gguf_get_str(r->g, r->key, &type, r->err)) {
        return false;
    }
    if (bytes_equal(type, bytes_of_str("none"))) {
        return true;
    }
    rope->yarn = bytes_equal(type, bytes_of_str("yarn"));
    if (!rope->yarn && !bytes_equal(type, bytes_of_str("linear"))) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, gguf_find(r->g, r->key)->offset, "RoPE scaling %.*s",
                    STR_ARG(type));
    }
    if (!get_float_or(r, has(r, "rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear", 0.0, 65536.0, 1.0,
                      &rope->factor)) {
        return false;
    }
    rope->factor = rope->factor == 0.0 ? 1.0 : rope->factor; /* 0: none, as llama.cpp reads it */
    return rope->factor >= 1.0 || range_fail(r, "is below 1");
}

static bool yarn_read(struct reading *r, struct rope *rope, const struct shape *s, double *log_multiplier)
{
    uint32_t original;

    if (!get_u32_or(r, "rope.scaling.original_context_length", 1, LIMIT_CONTEXT, s->trained_context, &original) ||
        !get_float_or(r, "rope.scaling.yarn_beta_fast", 0.0001, 1e6, 32.0, &rope->beta_fast) ||
        !get_float_or(r, "rope.scaling.yarn_beta_slow", 0.0001, 1e6, 1.0, &rope->beta_slow) ||
        !get_float_or(r, "rope.scaling.yarn_ext_factor", 0.0, 1.0, 1.0, &rope->share) ||
        !get_float_or(r, "rope.scaling.yarn_log_multiplier", 0.0, 16.0, 0.0, log_multiplier)) {
        return false;
    }
    if (*log_multiplier != 0.0 && !s->family->mla) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, gguf_find(r->g, r->key)->offset, "%s", r->key);
    }
    rope->original = (double)original;
    if (*log_multiplier == 0.0) { /* else the scores are scaled instead */
        rope->magnitude = rope->magnitude * (1.0 + 0.1 * math_log(rope->factor));
    }
    return true;
}

static bool rope_read(struct reading *r, struct shape *s)
{
    const struct family *f = r->family;
    struct rope *all = &s->rope[0], *slide = &s->rope[1];
    double log_multiplier = 0.0, magnitude, attention;

    *all = (struct rope){.factor = 1.0};
    if (!get_float_or(r, f->vision && has(r, "rope.global.freq_base") ? "rope.global.freq_base" : "rope.freq_base",
                      ROPE_BASE_MIN, 1e30, f->rope_base, &all->base) ||
        !get_float_or(r, "rope.scaling.attn_factor", 0.0001, 1e4, 1.0, &attention) || !scaling_read(r, all)) {
        return false;
    }
    /* the Ollama library's files of Gemma 3 do not say it */
    if (f->vision && !has(r, "rope.scaling.factor") && !has(r, "rope.scaling.type") && s->trained_context >= 131072) {
        all->factor = 8.0;
    }
    all->magnitude = attention;
    all->yarn = all->yarn && all->factor != 1.0;
    if (all->yarn && !yarn_read(r, all, s, &log_multiplier)) {
        return false;
    }
    *slide = *all;
    if (f->rope_base_slide != 0.0) {
        *slide = (struct rope){.base = f->rope_base_slide, .factor = 1.0, .magnitude = attention};
    }
    if (f->window != 0 &&
        !get_float_or(r, has(r, "rope.local.freq_base") ? "rope.local.freq_base" : "rope.freq_base_swa", ROPE_BASE_MIN,
                      1e30, slide->base, &slide->base)) {
        return false;
    }
    if (f->mla) { /* DeepSeek: what YaRN does to magnitudes acts on the whole score */
        magnitude = all->magnitude * (1.0 + log_multiplier * math_log(all->factor));
        s->scale = (float)((double)s->scale * magnitude * magnitude);
    }
    return true;
}

/* ---- Attention. ---- */

static bool latent_read(struct reading *r, struct shape *s)
{
    uint32_t key, kv_heads, said;

    if (!get_u32(r, "attention.kv_lora_rank", 1, SHAPE_HEAD_DIM_MAX, &s->kv_rank) ||
        !get_u32_or(r, "attention.q_lora_rank", 0, EMBD_MAX, 0, &s->q_rank) ||
        !get_u32(r, "attention.key_length_mla", 1, SHAPE_HEAD_DIM_MAX, &key) ||
        !get_u32(r, "attention.value_length_mla", 1, SHAPE_HEAD_DIM_MAX, &s->out_dim) ||
        !get_u32(r, "rope.dimension_count", 1, SHAPE_HEAD_DIM_MAX, &s->rope_dim) ||
        !get_u32_or(r, "attention.head_count_kv", 1, HEADS_MAX, 1, &kv_heads)) {
        return false;
    }
    if (kv_heads != 1) {
        return range_fail(r, "is not 1: the file is not of the absorbed form of latent attention");
    }
    s->kv_heads = 1;
    s->key_dim = s->kv_rank + s->rope_dim;
    s->value_dim = s->kv_rank;
    if (s->rope_dim >= key || s->key_dim > SHAPE_HEAD_DIM_MAX) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "heads of %u values, %u of them turn, rank %u", key,
                    s->rope_dim, s->kv_rank);
    }
    if (!get_u32_or(r, "attention.key_length", s->key_dim, s->key_dim, s->key_dim, &said) ||
        !get_u32_or(r, "attention.value_length", s->value_dim, s->value_dim, s->value_dim, &said)) {
        return false;
    }
    s->nope_dim = key - s->rope_dim;
    s->scale = 1.0F / __builtin_sqrtf((float)key);
    return true;
}

static bool heads_read(struct reading *r, struct shape *s)
{
    if (!get_u32_or(r, "attention.head_count_kv", 1, HEADS_MAX, s->heads, &s->kv_heads) ||
        !get_u32_or(r, "attention.key_length", 1, SHAPE_HEAD_DIM_MAX, s->embd / s->heads, &s->key_dim) ||
        !get_u32_or(r, "attention.value_length", 1, SHAPE_HEAD_DIM_MAX, s->key_dim, &s->value_dim) ||
        !get_u32_or(r, "rope.dimension_count", 1, SHAPE_HEAD_DIM_MAX, s->key_dim, &s->rope_dim)) {
        return false;
    }
    if (s->heads % s->kv_heads != 0) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "%u heads over %u KV heads", s->heads, s->kv_heads);
    }
    if (s->key_dim == 0 || s->key_dim > SHAPE_HEAD_DIM_MAX) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "heads of %u values", s->key_dim);
    }
    s->scale = 1.0F / __builtin_sqrtf((float)s->key_dim);
    if (s->family->gate == KERNEL_GATE_GELU && s->layers == GEMMA3_27B_LAYERS) {
        s->scale = 1.0F / __builtin_sqrtf((float)(s->embd / s->heads));
    }
    return true;
}

static bool window_read(struct reading *r, struct shape *s)
{
    if (s->family->window == 0) {
        return true;
    }
    return get_u32(r, "attention.sliding_window", 1, LIMIT_CONTEXT, &s->window) &&
           get_u32_or(r, "attention.sliding_window_pattern", 1, LIMIT_LAYERS, s->family->window, &s->period);
}

static bool attention_read(struct reading *r, struct shape *s)
{
    double soft_cap, final_cap, eps;

    if (!get_u32(r, "attention.head_count", 1, HEADS_MAX, &s->heads) ||
        !(s->family->mla ? latent_read(r, s) : heads_read(r, s)) || !window_read(r, s) ||
        !get_float_or(r, "attn_logit_softcapping", 0.0, 1e6, 0.0, &soft_cap) ||
        !get_float_or(r, "final_logit_softcapping", 0.0, 1e6, 0.0, &final_cap) ||
        !get_float_or(r, "attention.layer_norm_rms_epsilon", 0.0, 0.999, (double)s->family->eps, &eps)) {
        return false;
    }
    if (s->rope_dim % 2 != 0 || s->rope_dim > s->key_dim) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "RoPE over %u of %u", s->rope_dim, s->key_dim);
    }
    s->soft_cap = (float)soft_cap;
    s->final_cap = (float)final_cap;
    s->eps = (float)eps;
    return has(r, "attention.layer_norm_rms_epsilon") || s->family->eps != 0.0F ||
           FAIL(r->err, REASON_GGUF_KEY_MISSING, ERR_NOWHERE, "%s", r->key);
}

/* ---- Experts. ---- */

static bool gates_read(struct reading *r, struct shape *s)
{
    uint32_t gating, used;
    double scale;

    /* 1: softmax, 2: sigmoid; 0 in old files, meaning the former */
    if (!get_u32_or(r, "expert_gating_func", 0, 2, 1, &gating) ||
        !get_bool_or(r, "expert_weights_norm", false, &s->normalised) ||
        !get_float_or(r, "expert_weights_scale", 0.0, 1e6, 0.0, &scale) ||
        !get_u32_or(r, "expert_group_count", 0, s->experts, 0, &s->groups) ||
        !get_u32_or(r, "expert_group_used_count", 0, s->experts, 0, &used)) {
        return false;
    }
    s->sigmoid = gating == 2;
    s->expert_scale = scale == 0.0 ? 1.0F : (float)scale;
    s->groups_used = used;
    if (s->groups <= 1) {
        s->groups = 0;
        return true;
    }
    if (s->experts % s->groups != 0 || s->experts / s->groups < 2 || used < 1 || used > s->groups ||
        s->experts_used > used * (s->experts / s->groups)) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "%u experts in %u groups, %u of %u groups chosen",
                    s->experts, s->groups, s->experts_used, used);
    }
    return true;
}

/* Where no key says it (the Ollama library's files of gpt-oss): the experts' own. */
static uint32_t expert_ff_of_tensor(const struct reading *r)
{
    const struct gguf_tensor *t = gguf_tensor_find(r->g, "blk.0.ffn_gate_exps.weight");

    return t != NULL && t->dims[1] <= FF_MAX ? (uint32_t)t->dims[1] : 0;
}

static bool experts_read(struct reading *r, struct shape *s)
{
    uint32_t shared = 0;

    if (!get_u32_or(r, "expert_count", 0, SHAPE_EXPERTS_MAX, 0, &s->experts)) {
        return false;
    }
    if (s->experts != 0 && s->family->experts == FAMILY_DENSE) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, gguf_find(r->g, r->key)->offset, "%s with experts",
                    s->family->name);
    }
    if (s->experts == 0) {
        return s->family->experts != FAMILY_EXPERTS ||
               FAIL(r->err, REASON_GGUF_KEY_MISSING, ERR_NOWHERE, "%s: without experts", r->key);
    }
    s->normalised = true;
    s->expert_scale = 1.0F;
    if (!get_u32(r, "expert_used_count", 1, s->experts, &s->experts_used) ||
        !get_u32_or(r, "feed_forward_length", 1, FF_MAX, expert_ff_of_tensor(r), &s->expert_ff) ||
        !get_u32_or(r, "expert_feed_forward_length", 1, FF_MAX, s->family->mla ? 0 : s->expert_ff, &s->expert_ff)) {
        return false;
    }
    if (!s->family->mla) {
        return true; /* their gates: softmax over the chosen ones */
    }
    if (!get_u32_or(r, "leading_dense_block_count", 0, s->layers, 0, &s->dense_layers) ||
        !get_u32_or(r, "expert_shared_count", 0, SHAPE_EXPERTS_MAX, 0, &shared) || !gates_read(r, s)) {
        return false;
    }
    if (s->expert_ff == 0) {
        (void)has(r, "expert_feed_forward_length");
        return FAIL(r->err, REASON_GGUF_KEY_MISSING, ERR_NOWHERE, "%s", r->key);
    }
    s->shared_ff = shared * s->expert_ff;
    return s->shared_ff <= FF_MAX || range_fail(r, "times the shared experts is too large");
}

bool shape_read(const struct gguf *g, struct shape *out, struct err *err)
{
    struct reading r = {.g = g, .err = err};
    struct shape s = {0};
    struct bytes name;

    if (!gguf_get_str(g, "general.architecture", &name, err)) {
        return false;
    }
    s.family = r.family = family_find(name);
    if (s.family == NULL) {
        return FAIL(err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "%.*s", STR_ARG(name));
    }
    if (!get_u32(&r, "block_count", 1, LIMIT_LAYERS, &s.layers) ||
        !get_u32(&r, "embedding_length", 1, EMBD_MAX, &s.embd) ||
        !get_u32(&r, "context_length", 1, LIMIT_CONTEXT, &s.trained_context) || !attention_read(&r, &s) ||
        !rope_read(&r, &s) || !experts_read(&r, &s) ||
        !get_u32_or(&r, "feed_forward_length", 1, FF_MAX, s.expert_ff, &s.ff)) {
        return false;
    }
    if (s.ff == 0) {
        return FAIL(err, REASON_GGUF_KEY_MISSING, ERR_NOWHERE, "%s", r.key);
    }
    *out = s;
    return true;
}
