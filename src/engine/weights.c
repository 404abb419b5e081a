#include "engine/weights.h"

#include "engine/load.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define STR_ARG(b) (int)((b).len < 64 ? (b).len : 64), (const char *)(b).p
#define EMBD_MAX 65536U
#define FF_MAX 1048576U
#define HEADS_MAX 1024U
#define HEAD_DIM_MAX 512U

struct reading {
    const struct gguf *g;
    const struct engine_setup *setup;
    struct weights *w;
    bool *seen; /* by tensor: has a place in the graph */
    struct err *err;
};

static bool get_u32(const struct reading *r, const char *key, uint32_t min, uint32_t max, uint32_t *out)
{
    if (!gguf_get_u32(r->g, key, out, r->err)) {
        return false;
    }
    return (*out >= min && *out <= max) || FAIL(r->err, REASON_GGUF_KEY_RANGE, gguf_find(r->g, key)->offset,
                                                "%s is %u, not %u to %u", key, *out, min, max);
}

static bool get_u32_or(const struct reading *r, const char *key, uint32_t min, uint32_t max, uint32_t fallback,
                       uint32_t *out)
{
    *out = fallback;
    return gguf_find(r->g, key) == NULL || get_u32(r, key, min, max, out);
}

/* Scaled positions: by the key's type, or by a factor alone, which llama.cpp takes as linear. */
static bool rope_check(const struct reading *r)
{
    static const char *const factors[] = {"llama.rope.scaling.factor", "llama.rope.scale_linear"};
    const struct gguf_pair *type = gguf_find(r->g, "llama.rope.scaling.type");
    struct bytes name;

    if (type != NULL) {
        if (!gguf_get_str(r->g, "llama.rope.scaling.type", &name, r->err)) {
            return false;
        }
        if (!bytes_equal(name, bytes_of_str("none"))) {
            return FAIL(r->err, REASON_MODEL_ARCHITECTURE, type->offset, "RoPE scaling %.*s", STR_ARG(name));
        }
    }
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        float factor = 1.0F;

        if (gguf_find(r->g, factors[i]) != NULL && !gguf_get_f32(r->g, factors[i], &factor, r->err)) {
            return false;
        }
        if (factor != 0.0F && factor != 1.0F) {
            return FAIL(r->err, REASON_MODEL_ARCHITECTURE, gguf_find(r->g, factors[i])->offset, "%s is %g", factors[i],
                        (double)factor);
        }
    }
    return true;
}

/* Everything that would make the graph another one than ours is refused by name. */
static bool architecture_check(const struct reading *r)
{
    struct bytes name;
    uint32_t experts;

    if (!gguf_get_str(r->g, "general.architecture", &name, r->err)) {
        return false;
    }
    if (!bytes_equal(name, bytes_of_str("llama"))) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "%.*s", STR_ARG(name));
    }
    if (!get_u32_or(r, "llama.expert_count", 0, UINT32_MAX, 0, &experts)) {
        return false;
    }
    if (experts != 0) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, gguf_find(r->g, "llama.expert_count")->offset,
                    "llama with experts");
    }
    return rope_check(r);
}

static bool floats_read(const struct reading *r, struct shape *s)
{
    float base = 10000.0F;

    if (!gguf_get_f32(r->g, "llama.attention.layer_norm_rms_epsilon", &s->eps, r->err) ||
        (gguf_find(r->g, "llama.rope.freq_base") != NULL &&
         !gguf_get_f32(r->g, "llama.rope.freq_base", &base, r->err))) {
        return false;
    }
    if (!(s->eps >= 0.0F && s->eps < 1.0F)) {
        return FAIL(r->err, REASON_GGUF_KEY_RANGE, ERR_NOWHERE, "llama.attention.layer_norm_rms_epsilon");
    }
    if (!(base >= 1.0F && base < 1e30F)) {
        return FAIL(r->err, REASON_GGUF_KEY_RANGE, ERR_NOWHERE, "llama.rope.freq_base");
    }
    s->rope_base = (double)base;
    return true;
}

static bool shape_read(const struct reading *r, struct shape *s)
{
    uint32_t value_dim;

    if (!get_u32(r, "llama.block_count", 1, LIMIT_LAYERS, &s->layers) ||
        !get_u32(r, "llama.embedding_length", 1, EMBD_MAX, &s->embd) ||
        !get_u32(r, "llama.feed_forward_length", 1, FF_MAX, &s->ff) ||
        !get_u32(r, "llama.attention.head_count", 1, HEADS_MAX, &s->heads) ||
        !get_u32_or(r, "llama.attention.head_count_kv", 1, HEADS_MAX, s->heads, &s->kv_heads) ||
        !get_u32_or(r, "llama.attention.key_length", 1, HEAD_DIM_MAX, s->embd / s->heads, &s->head_dim) ||
        !get_u32_or(r, "llama.attention.value_length", 1, HEAD_DIM_MAX, s->head_dim, &value_dim) ||
        !get_u32_or(r, "llama.rope.dimension_count", 1, HEAD_DIM_MAX, s->head_dim, &s->rope_dim) ||
        !get_u32(r, "llama.context_length", 1, LIMIT_CONTEXT, &s->trained_context) || !floats_read(r, s)) {
        return false;
    }
    if (s->heads % s->kv_heads != 0) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "%u heads over %u KV heads", s->heads, s->kv_heads);
    }
    if (s->head_dim == 0 || s->head_dim > HEAD_DIM_MAX || value_dim != s->head_dim) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "heads of %u and %u values", s->head_dim,
                    value_dim);
    }
    if (s->rope_dim % 2 != 0 || s->rope_dim > s->head_dim) {
        return FAIL(r->err, REASON_MODEL_ARCHITECTURE, ERR_NOWHERE, "RoPE over %u of %u", s->rope_dim, s->head_dim);
    }
    return true;
}

static const struct gguf_tensor *tensor_find(const struct reading *r, const char *name)
{
    const struct gguf_tensor *t = gguf_tensor_find(r->g, name);

    if (t != NULL) {
        r->seen[t - r->g->tensors] = true;
    }
    return t;
}

static bool tensor_get(const struct reading *r, const char *name, uint64_t k, uint64_t rows,
                       const struct gguf_tensor **out)
{
    const struct gguf_tensor *t = tensor_find(r, name);

    if (t == NULL) {
        return FAIL(r->err, REASON_GGUF_TENSOR_MISSING, ERR_NOWHERE, "%s", name);
    }
    if (t->dims[0] != k || t->dims[1] != rows || t->dims[2] != 1 || t->dims[3] != 1) {
        return FAIL(r->err, REASON_GGUF_TENSOR_SHAPE, t->entry,
                    "%s is %" PRIu64 " x %" PRIu64 ", not %" PRIu64 " x %" PRIu64, name, t->dims[0], t->dims[1], k,
                    rows);
    }
    *out = t;
    return true;
}

static bool vector_get(const struct reading *r, const char *name, uint64_t n, float **out)
{
    const struct gguf_tensor *t;
    float *p;

    if (!tensor_get(r, name, n, 1, &t)) {
        return false;
    }
    p = calloc(n, sizeof *p);
    if (p == NULL) {
        return FAIL(r->err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
    }
    quant_dequantise(t->type, gguf_tensor_data(r->g, t).p, n / t->type->weights, p);
    *out = p;
    for (uint64_t i = 0; i < n; i++) {
        if (!(p[i] - p[i] == 0.0F)) {
            return FAIL(r->err, REASON_MODEL_DEFECT, (size_t)t->offset, "%s, weight %" PRIu64, name, i);
        }
    }
    return true;
}

/* The matrix's form and size; its panels come later (matrix_place, matrix_fill). */
static bool matrix_get(const struct reading *r, const char *name, uint64_t k, uint64_t rows, struct matrix *out)
{
    struct weights *w = r->w;
    const struct gguf_tensor *t;
    struct matrix m = {.rows = rows, .k = k};
    size_t i = 0;

    if (!tensor_get(r, name, k, rows, &t)) {
        return false;
    }
    m.type = t->type;
    m.kind = r->setup->exact ? QUANT_F32 : t->type->id;
    m.panels = (rows + KERNEL_ROWS - 1) / KERNEL_ROWS;
    m.panel_size = panel_size(m.kind, k);
    w->memory_size += m.panels * m.panel_size;
    while (i < w->used_count && w->used[i] != m.type) {
        i++;
    }
    if (i == w->used_count && i < sizeof w->used / sizeof *w->used) {
        w->used[w->used_count++] = m.type;
    }
    *out = m;
    return true;
}

static bool layer_read(const struct reading *r, uint32_t index)
{
    const struct shape *s = &r->w->shape;
    struct layer *l = &r->w->layers[index];
    const uint64_t q = (uint64_t)s->heads * s->head_dim, kv = (uint64_t)s->kv_heads * s->head_dim;
    const struct {
        const char *name;
        uint64_t k, rows;
        struct matrix *to;
    } matrices[] = {{"attn_q", s->embd, q, &l->q},          {"attn_k", s->embd, kv, &l->k},
                    {"attn_v", s->embd, kv, &l->v},         {"attn_output", q, s->embd, &l->o},
                    {"ffn_gate", s->embd, s->ff, &l->gate}, {"ffn_up", s->embd, s->ff, &l->up},
                    {"ffn_down", s->ff, s->embd, &l->down}};
    char name[64];

    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        (void)snprintf(name, sizeof name, "blk.%u.%s.weight", index, matrices[i].name);
        if (!matrix_get(r, name, matrices[i].k, matrices[i].rows, matrices[i].to)) {
            return false;
        }
    }
    (void)snprintf(name, sizeof name, "blk.%u.attn_norm.weight", index);
    if (!vector_get(r, name, s->embd, &l->attn_norm)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "blk.%u.ffn_norm.weight", index);
    return vector_get(r, name, s->embd, &l->ffn_norm);
}

static bool head_read(const struct reading *r)
{
    struct weights *w = r->w;
    struct shape *s = &w->shape;
    const struct gguf_tensor *embd = gguf_tensor_find(r->g, "token_embd.weight");

    if (embd == NULL) {
        return FAIL(r->err, REASON_GGUF_TENSOR_MISSING, ERR_NOWHERE, "token_embd.weight");
    }
    if (embd->dims[1] < 1 || embd->dims[1] > LIMIT_VOCABULARY) {
        return FAIL(r->err, REASON_GGUF_TENSOR_SHAPE, embd->entry, "token_embd.weight: vocabulary");
    }
    s->vocab = (uint32_t)embd->dims[1];
    if (!matrix_get(r, "token_embd.weight", s->embd, s->vocab, &w->embd) ||
        !vector_get(r, "output_norm.weight", s->embd, &w->output_norm) ||
        (gguf_tensor_find(r->g, "output.weight") != NULL &&
         !matrix_get(r, "output.weight", s->embd, s->vocab, &w->output)) ||
        (tensor_find(r, "rope_freqs.weight") != NULL &&
         !vector_get(r, "rope_freqs.weight", s->rope_dim / 2, &w->rope_factors))) {
        return false;
    }
    for (uint32_t i = 0; w->rope_factors != NULL && i < s->rope_dim / 2; i++) {
        if (!(w->rope_factors[i] > 0.0F)) {
            return FAIL(r->err, REASON_MODEL_DEFECT, ERR_NOWHERE, "rope_freqs.weight, factor %u", i);
        }
    }
    return true;
}

/* A tensor without a place in the graph (a bias, an adapter) means that the model computes something else. */
static bool leftovers_check(const struct reading *r)
{
    for (size_t i = 0; i < r->g->tensor_count; i++) {
        const struct gguf_tensor *t = &r->g->tensors[i];

        if (!r->seen[i]) {
            return FAIL(r->err, REASON_MODEL_ARCHITECTURE, t->entry, "no place in the graph for %.*s",
                        STR_ARG(t->name));
        }
        r->w->parameters += t->weights;
    }
    return true;
}

struct filling {
    const struct matrix *m;
    const uint8_t *tensor;
    float *scratch; /* m->k floats a thread */
    atomic_bool defect;
};

static void fill_panel(void *arg, size_t item, unsigned thread)
{
    struct filling *f = arg;

    if (!panel_make(f->m, f->tensor, item, f->scratch + thread * f->m->k)) {
        atomic_store(&f->defect, true);
    }
}

static bool matrix_fill(struct load *file, const struct gguf *g, const char *name, struct pool *pool, struct matrix *m,
                        uint8_t **next, struct err *err)
{
    const struct gguf_tensor *t = gguf_tensor_find(g, name);
    struct filling f = {.m = m, .tensor = gguf_tensor_data(g, t).p};

    m->p = *next;
    *next += m->panels * m->panel_size;
    f.scratch = calloc((size_t)pool_threads(pool) * m->k, sizeof *f.scratch);
    if (f.scratch == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
    }
    pool_run(pool, fill_panel, &f, m->panels);
    free(f.scratch);
    load_release(file, (size_t)t->offset, (size_t)t->size);
    return !atomic_load(&f.defect) || FAIL(err, REASON_MODEL_DEFECT, (size_t)t->offset, "%s", name);
}

static bool fill_all(struct load *file, const struct gguf *g, struct pool *pool, struct weights *w, struct err *err)
{
    uint8_t *next = w->memory;
    bool ok = matrix_fill(file, g, "token_embd.weight", pool, &w->embd, &next, err);

    for (uint32_t i = 0; ok && i < w->shape.layers; i++) {
        struct layer *l = &w->layers[i];
        struct matrix *m[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
        static const char *const names[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                            "ffn_gate", "ffn_up", "ffn_down"};

        for (size_t j = 0; ok && j < sizeof m / sizeof *m; j++) {
            char name[64];

            (void)snprintf(name, sizeof name, "blk.%u.%s.weight", i, names[j]);
            ok = matrix_fill(file, g, name, pool, m[j], &next, err);
        }
    }
    if (ok && w->output.panels != 0) {
        return matrix_fill(file, g, "output.weight", pool, &w->output, &next, err);
    }
    w->output = w->embd;
    return ok;
}

/* The type that most weights have, for people. */
static void quantization_name(const struct gguf *g, struct weights *w)
{
    uint64_t most = 0;

    for (size_t i = 0; i < w->used_count; i++) {
        uint64_t n = 0;

        for (size_t t = 0; t < g->tensor_count; t++) {
            n += g->tensors[t].type == w->used[i] ? g->tensors[t].weights : 0;
        }
        if (n > most) {
            most = n;
            (void)snprintf(w->quantization, sizeof w->quantization, "%s", w->used[i]->name);
        }
    }
}

static bool weights_read(struct load *file, const struct gguf *g, const struct engine_setup *setup, struct pool *pool,
                         struct weights *w, struct err *err)
{
    struct reading r = {.g = g, .setup = setup, .w = w, .err = err};
    bool ok;

    r.seen = calloc(g->tensor_count + 1, sizeof *r.seen);
    if (r.seen == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu tensors", g->tensor_count);
    }
    ok = shape_read(&r, &w->shape);
    if (ok) {
        w->layers = calloc(w->shape.layers, sizeof *w->layers);
        ok = w->layers != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%u layers", w->shape.layers);
    }
    for (uint32_t i = 0; ok && i < w->shape.layers; i++) {
        ok = layer_read(&r, i);
    }
    ok = ok && head_read(&r) && leftovers_check(&r);
    free(r.seen);
    if (!ok) {
        return false;
    }
    quantization_name(g, w);
    w->memory = weights_pages(w->memory_size);
    if (w->memory == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes of weights", w->memory_size);
    }
    return fill_all(file, g, pool, w, err);
}

bool weights_open(const struct engine_source *source, const struct engine_setup *setup, struct pool *pool,
                  struct weights *out, struct tokenizer **tokenizer, struct identity *identity, struct err *err)
{
    /* The file and its panels are there together, tensor by tensor; exact: 4 bytes for a weight of half a byte. */
    const double need = setup->exact ? 9.0 : 1.15;
    struct identity id = {0};
    struct weights w = {0};
    struct load file = {0};
    struct gguf g = {0};
    struct tokenizer *t = NULL;
    struct tokenizer_info info;
    bool ok = false;

    if (!load_file(source, setup->memory, need, &file, &id, err)) {
        return false;
    }
    if (!gguf_parse(bytes_of(file.p, file.length), &g, err)) {
        goto out;
    }
    if (!embed_pooling_read(&g, &w.pooling, err)) {
        goto out;
    }
    gguf_identity(&g, &id);
    w.chat_template = BUF(LIMIT_GGUF_STRING);
    if (!buf_add(&w.chat_template, gguf_template(&g).p, gguf_template(&g).len, err) ||
        !architecture_check(&(struct reading){.g = &g, .err = err}) || !tokenizer_new(&g, &t, err) ||
        !weights_read(&file, &g, setup, pool, &w, err)) {
        goto out;
    }
    tokenizer_info(t, &info);
    if (info.count > w.shape.vocab) {
        (void)FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "%u tokens, %u rows of weights", info.count, w.shape.vocab);
        goto out;
    }
    ok = true;
out:
    gguf_done(&g);
    load_done(&file);
    if (!ok) {
        err_prefix(err, source->name);
        tokenizer_free(t);
        weights_done(&w);
        return false;
    }
    *out = w;
    *tokenizer = t;
    *identity = id;
    return true;
}

void weights_done(struct weights *w)
{
    for (uint32_t i = 0; w->layers != NULL && i < w->shape.layers; i++) {
        free(w->layers[i].attn_norm);
        free(w->layers[i].ffn_norm);
    }
    free(w->layers);
    free(w->output_norm);
    free(w->rope_factors);
    buf_done(&w->chat_template);
    weights_pages_free(w->memory, w->memory_size);
    *w = (struct weights){0};
}
