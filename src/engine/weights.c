#include "engine/weights.h"

#include "engine/load.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define STR_ARG(b) (int)((b).len < 64 ? (b).len : 64), (const char *)(b).p
#define NAME_SIZE 80

/* A tensor that is to be made a vector, or panels: of a matrix, or one for each index of its third dimension. */
struct filling {
    float **vector;
    struct matrix *m;
    uint64_t count;
    const struct gguf_tensor *t;
};

/* What is read of a model and what is to be made of it; only headers, until it is known to fit into memory. */
struct weights_opening {
    const struct engine_source *source;
    struct load files[ENGINE_PARTS_MAX];
    struct load_progress progress;
    struct gguf parts[ENGINE_PARTS_MAX], all;
    size_t count;
    bool *seen; /* by tensor: has a place in the graph */
    struct filling *fillings;
    size_t filling_count;
};

/* Finding each tensor's place. */
struct reading {
    const struct gguf *g;
    const struct engine_setup *setup;
    struct weights *w;
    struct weights_opening *o;
    struct err *err;
};

/* What a layer, or the model, has under a name: a matrix, a matrix for each of count, or a vector (rows of k). */
struct slot {
    bool wanted;
    const char *name;
    uint64_t k, rows, count; /* count 0: no third dimension */
    struct matrix *one, **many;
    float **vector;
};

static bool tensor_get(const struct reading *r, const char *name, const struct slot *s, const struct gguf_tensor **out)
{
    const struct gguf_tensor *t = gguf_tensor_find(r->g, name);
    uint64_t count = s->count == 0 ? 1 : s->count;

    if (t == NULL) {
        return FAIL(r->err, REASON_GGUF_TENSOR_MISSING, ERR_NOWHERE, "%s", name);
    }
    r->o->seen[t - r->g->tensors] = true;
    if (t->dims[0] != s->k || t->dims[1] != s->rows || t->dims[2] != count || t->dims[3] != 1) {
        return FAIL(r->err, REASON_GGUF_TENSOR_SHAPE, t->entry,
                    "%s is %" PRIu64 " x %" PRIu64 " x %" PRIu64 ", not %" PRIu64 " x %" PRIu64 " x %" PRIu64, name,
                    t->dims[0], t->dims[1], t->dims[2], s->k, s->rows, count);
    }
    *out = t;
    return true;
}

static bool vector_get(struct reading *r, const char *name, const struct slot *s)
{
    const struct gguf_tensor *t;

    if (!tensor_get(r, name, s, &t)) {
        return false;
    }
    r->o->fillings[r->o->filling_count++] = (struct filling){.vector = s->vector, .t = t};
    return true;
}

/* The matrices' form and size; their panels come later (matrix_fill). */
static bool matrix_get(struct reading *r, const char *name, const struct slot *s)
{
    struct weights *w = r->w;
    const struct gguf_tensor *t;
    struct matrix m = {.rows = s->rows, .k = s->k};
    uint64_t count = s->count == 0 ? 1 : s->count;
    void *memory = s->one;
    size_t i = 0;

    if (!tensor_get(r, name, s, &t)) {
        return false;
    }
    m.type = t->type;
    m.kind = r->setup->exact ? QUANT_F32 : t->type->id;
    m.panels = (s->rows + KERNEL_ROWS - 1) / KERNEL_ROWS;
    m.panel_size = panel_size(m.kind, s->k);
    w->memory_size += count * m.panels * m.panel_size;
    while (i < w->used_count && w->used[i] != m.type) {
        i++;
    }
    if (i == w->used_count && i < sizeof w->used / sizeof *w->used) {
        w->used[w->used_count++] = m.type;
    }
    if (s->count != 0) {
        if (!arena_alloc(&w->tables, count, sizeof m, &memory, r->err)) {
            return false;
        }
        *s->many = memory;
    }
    for (i = 0; i < count; i++) {
        ((struct matrix *)memory)[i] = m;
    }
    r->o->fillings[r->o->filling_count++] = (struct filling){.m = memory, .count = count, .t = t};
    return true;
}

/* prefix: of the names of a layer's tensors, "blk.0." */
static bool slots_read(struct reading *r, const char *prefix, const struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[NAME_SIZE];

        if (!slots[i].wanted) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s%s", prefix, slots[i].name);
        if (!(slots[i].vector != NULL ? vector_get(r, name, &slots[i]) : matrix_get(r, name, &slots[i]))) {
            return false;
        }
    }
    return true;
}

static bool present(const struct reading *r, const char *prefix, const char *name)
{
    char full[NAME_SIZE];

    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    return gguf_tensor_find(r->g, full) != NULL;
}

static bool attention_read(struct reading *r, const char *prefix, struct layer *l)
{
    const struct shape *s = &r->w->shape;
    const struct family *f = s->family;
    const bool latent = f->mla, compressed = latent && s->q_rank != 0;
    const uint64_t embd = s->embd, heads = s->heads;
    const uint64_t q = heads * (latent ? s->nope_dim + s->rope_dim : s->key_dim);
    const uint64_t k = (uint64_t)s->kv_heads * s->key_dim, v = (uint64_t)s->kv_heads * s->value_dim;
    const uint64_t o = heads * (latent ? s->out_dim : s->value_dim);
    char output[NAME_SIZE], output_bias[NAME_SIZE];
    const struct slot slots[] = {
        {true, "attn_norm.weight", embd, 1, 0, NULL, NULL, &l->attn_norm},
        {!latent, "attn_q.weight", embd, q, 0, &l->q, NULL, NULL},
        {!latent, "attn_k.weight", embd, k, 0, &l->k, NULL, NULL},
        {!latent, "attn_v.weight", embd, v, 0, &l->v, NULL, NULL},
        {f->qkv_bias, "attn_q.bias", q, 1, 0, NULL, NULL, &l->q_bias},
        {f->qkv_bias, "attn_k.bias", k, 1, 0, NULL, NULL, &l->k_bias},
        {f->qkv_bias, "attn_v.bias", v, 1, 0, NULL, NULL, &l->v_bias},
        {f->qk_norm, "attn_q_norm.weight", s->key_dim, 1, 0, NULL, NULL, &l->q_norm},
        {f->qk_norm, "attn_k_norm.weight", s->key_dim, 1, 0, NULL, NULL, &l->k_norm},
        {compressed, "attn_q_a.weight", embd, s->q_rank, 0, &l->q_a, NULL, NULL},
        {compressed, "attn_q_a_norm.weight", s->q_rank, 1, 0, NULL, NULL, &l->q_a_norm},
        {compressed, "attn_q_b.weight", s->q_rank, q, 0, &l->q, NULL, NULL},
        {latent && !compressed, "attn_q.weight", embd, q, 0, &l->q, NULL, NULL},
        {latent, "attn_kv_a_mqa.weight", embd, s->key_dim, 0, &l->k, NULL, NULL},
        {latent, "attn_kv_a_norm.weight", s->kv_rank, 1, 0, NULL, NULL, &l->kv_a_norm},
        {latent, "attn_k_b.weight", s->nope_dim, s->kv_rank, heads, NULL, &l->k_b, NULL},
        {latent, "attn_v_b.weight", s->kv_rank, s->out_dim, heads, NULL, &l->v_b, NULL},
        {true, output, o, embd, 0, &l->o, NULL, NULL},
        {f->o_bias, output_bias, embd, 1, 0, NULL, NULL, &l->o_bias},
        {f->sinks, f->attn_sinks, heads, 1, 0, NULL, NULL, &l->sinks},
        {f->post_norms, "post_attention_norm.weight", embd, 1, 0, NULL, NULL, &l->post_attn_norm},
    };

    (void)snprintf(output, sizeof output, "%s.weight", f->attn_output);
    (void)snprintf(output_bias, sizeof output_bias, "%s.bias", f->attn_output);
    return slots_read(r, prefix, slots, sizeof slots / sizeof *slots);
}

static bool feed_forward_read(struct reading *r, const char *prefix, struct layer *l, uint32_t index)
{
    const struct shape *s = &r->w->shape;
    const struct family *f = s->family;
    const bool experts = s->experts != 0 && index >= s->dense_layers, dense = !experts,
               bias = experts && f->expert_bias;
    const bool shared = experts && s->shared_ff != 0;
    const uint64_t embd = s->embd, ff = s->expert_ff, n = s->experts;
    char norm[NAME_SIZE];
    const struct slot slots[] = {
        {true, norm, embd, 1, 0, NULL, NULL, &l->ffn_norm},
        {dense, "ffn_gate.weight", embd, s->ff, 0, &l->gate, NULL, NULL},
        {dense, "ffn_up.weight", embd, s->ff, 0, &l->up, NULL, NULL},
        {dense, "ffn_down.weight", s->ff, embd, 0, &l->down, NULL, NULL},
        {shared, "ffn_gate_shexp.weight", embd, s->shared_ff, 0, &l->gate, NULL, NULL},
        {shared, "ffn_up_shexp.weight", embd, s->shared_ff, 0, &l->up, NULL, NULL},
        {shared, "ffn_down_shexp.weight", s->shared_ff, embd, 0, &l->down, NULL, NULL},
        {experts, "ffn_gate_inp.weight", embd, n, 0, &l->router, NULL, NULL},
        {bias, "ffn_gate_inp.bias", n, 1, 0, NULL, NULL, &l->router_bias},
        {experts && s->sigmoid && present(r, prefix, "exp_probs_b.bias"), "exp_probs_b.bias", n, 1, 0, NULL, NULL,
         &l->router_bias},
        {experts, "ffn_gate_exps.weight", embd, ff, n, NULL, &l->gate_exps, NULL},
        {experts, "ffn_up_exps.weight", embd, ff, n, NULL, &l->up_exps, NULL},
        {experts, "ffn_down_exps.weight", ff, embd, n, NULL, &l->down_exps, NULL},
        {bias, "ffn_gate_exps.bias", ff, n, 0, NULL, NULL, &l->gate_bias},
        {bias, "ffn_up_exps.bias", ff, n, 0, NULL, NULL, &l->up_bias},
        {bias, "ffn_down_exps.bias", embd, n, 0, NULL, NULL, &l->down_bias},
        {f->post_norms, "post_ffw_norm.weight", embd, 1, 0, NULL, NULL, &l->post_ffn_norm},
    };

    (void)snprintf(norm, sizeof norm, "%s.weight", f->ffn_norm);
    return slots_read(r, prefix, slots, sizeof slots / sizeof *slots);
}

static bool layers_read(struct reading *r)
{
    struct weights *w = r->w;
    const struct shape *s = &w->shape;
    void *memory;

    if (!arena_alloc(&w->tables, s->layers, sizeof *w->layers, &memory, r->err)) {
        return false;
    }
    w->layers = memory;
    for (uint32_t i = 0; i < s->layers; i++) {
        struct layer *l = &w->layers[i];
        char prefix[16];

        (void)snprintf(prefix, sizeof prefix, "blk.%u.", i);
        l->slides = s->window != 0 && i % s->period != s->period - 1;
        if (!attention_read(r, prefix, l) || !feed_forward_read(r, prefix, l, i)) {
            return false;
        }
    }
    return true;
}

static bool head_read(struct reading *r)
{
    struct weights *w = r->w;
    struct shape *s = &w->shape;
    const struct gguf_tensor *embd = gguf_tensor_find(r->g, "token_embd.weight");
    const bool factors = s->family->rope_factors && present(r, "", "rope_freqs.weight");

    if (embd == NULL) {
        return FAIL(r->err, REASON_GGUF_TENSOR_MISSING, ERR_NOWHERE, "token_embd.weight");
    }
    if (embd->dims[1] < 1 || embd->dims[1] > LIMIT_VOCABULARY) {
        return FAIL(r->err, REASON_GGUF_TENSOR_SHAPE, embd->entry, "token_embd.weight: vocabulary");
    }
    s->vocab = (uint32_t)embd->dims[1];

    const struct slot slots[] = {
        {true, "token_embd.weight", s->embd, s->vocab, 0, &w->embd, NULL, NULL},
        {true, "output_norm.weight", s->embd, 1, 0, NULL, NULL, &w->output_norm},
        {present(r, "", "output.weight"), "output.weight", s->embd, s->vocab, 0, &w->output, NULL, NULL},
        {factors, "rope_freqs.weight", s->rope_dim / 2, 1, 0, NULL, NULL, &w->rope_factors},
    };

    if (!slots_read(r, "", slots, sizeof slots / sizeof *slots)) {
        return false;
    }
    if (w->output.panels == 0) {
        w->output = w->embd;
    }
    return true;
}

static bool begins(struct bytes b, const char *prefix)
{
    size_t len = strlen(prefix);

    return b.len >= len && memcmp(b.p, prefix, len) == 0;
}

/* A tensor without a place in the graph (a bias, an adapter) means that the model computes something else. */
static bool leftovers_check(const struct reading *r)
{
    for (size_t i = 0; i < r->g->tensor_count; i++) {
        const struct gguf_tensor *t = &r->g->tensors[i];

        if (r->w->shape.family->vision && (begins(t->name, "v.") || begins(t->name, "mm."))) {
            continue;
        }
        if (!r->o->seen[i]) {
            return FAIL(r->err, REASON_MODEL_ARCHITECTURE, t->entry, "no place in the graph for %.*s",
                        STR_ARG(t->name));
        }
        r->w->parameters += t->weights;
    }
    return true;
}

struct panels {
    const struct matrix *m;
    const uint8_t *rows;
    float *scratch; /* m->k floats a thread */
    atomic_bool defect;
};

static void fill_panel(void *arg, size_t item, unsigned thread)
{
    struct panels *f = arg;

    if (!panel_make(f->m, f->rows, item, f->scratch + thread * f->m->k)) {
        atomic_store(&f->defect, true);
    }
}

static bool vector_fill(const struct weights_opening *o, struct weights *w, const struct filling *f, struct err *err)
{
    const struct gguf_tensor *t = f->t;
    void *memory;
    float *p;

    if (!arena_alloc(&w->tables, t->weights, sizeof *p, &memory, err)) {
        return false;
    }
    p = memory;
    quant_dequantise(t->type, gguf_tensor_data(&o->all, t).p, t->weights / t->type->weights, p);
    *f->vector = p;
    for (uint64_t i = 0; i < t->weights; i++) {
        if (!(p[i] - p[i] == 0.0F)) {
            return FAIL(err, REASON_MODEL_DEFECT, (size_t)t->offset, "%.*s, weight %" PRIu64, STR_ARG(t->name), i);
        }
    }
    return true;
}

static bool matrix_fill(struct weights_opening *o, struct pool *pool, const struct filling *f, uint8_t **next,
                        struct err *err)
{
    uint64_t size = f->t->size / f->count;
    struct panels p = {.scratch = calloc((size_t)pool_threads(pool) * f->m->k, sizeof *p.scratch)};

    if (p.scratch == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%.*s", STR_ARG(f->t->name));
    }
    for (uint64_t i = 0; i < f->count; i++) {
        f->m[i].p = *next;
        *next += f->m[i].panels * f->m[i].panel_size;
        p.m = &f->m[i];
        p.rows = gguf_tensor_data(&o->all, f->t).p + i * size;
        pool_run(pool, fill_panel, &p, p.m->panels);
        load_release(&o->files[f->t->part], (size_t)(f->t->offset + i * size), (size_t)size);
    }
    free(p.scratch);
    return !atomic_load(&p.defect) || FAIL(err, REASON_MODEL_DEFECT, (size_t)f->t->offset, "%.*s", STR_ARG(f->t->name));
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

/* Bytes that loading takes at most at a time: a tensor's own are given back once its panels are made. */
static uint64_t peak(const struct weights_opening *o)
{
    uint64_t now = o->progress.total, most = now;

    for (size_t i = 0; i < o->filling_count; i++) {
        const struct filling *f = &o->fillings[i];

        now += f->vector != NULL ? f->t->weights * sizeof(float) : f->count * f->m->panels * f->m->panel_size;
        most = now > most ? now : most;
        now -= f->vector != NULL ? 0 : f->t->size;
    }
    return most;
}

static bool memory_check(const struct weights_opening *o, uint64_t weights, double computing, uint64_t available,
                         struct err *err)
{
    const double mb = 1e6;

    return (double)weights + computing <= (double)available ||
           FAIL(err, REASON_MODEL_MEMORY, ERR_NOWHERE,
                "%s: needs %.0f MB, %.0f of them for its cache and its intermediate values; there are %.0f MB",
                o->source->name, ((double)weights + computing) / mb, computing / mb, (double)available / mb);
}

static struct engine_part part_at(const struct engine_source *s, size_t i)
{
    return i == 0 ? (struct engine_part){s->fd, s->name} : s->more[i - 1];
}

static bool headers_read(struct weights_opening *o, uint64_t available, struct err *err)
{
    o->count = o->source->more_count + 1;
    for (size_t i = 0; i < o->count; i++) {
        if (!load_begin(part_at(o->source, i), &o->files[i], err)) {
            return false;
        }
        o->progress.total += o->files[i].length;
    }
    if (!memory_check(o, o->progress.total, 0, available, err)) {
        return false;
    }
    for (size_t i = 0; i < o->count; i++) {
        if (!load_header(&o->files[i], &o->progress, &o->parts[i], err)) {
            return false;
        }
    }
    return gguf_join(o->parts, o->count, &o->all, err) || (err_prefix(err, o->source->name), false);
}

static bool places_find(struct weights_opening *o, const struct engine_setup *setup, struct weights *w, struct err *err)
{
    struct reading r = {.g = &o->all, .setup = setup, .w = w, .o = o, .err = err};

    o->seen = calloc(o->all.tensor_count + 1, sizeof *o->seen);
    o->fillings = calloc(o->all.tensor_count + 1, sizeof *o->fillings);
    if (o->seen == NULL || o->fillings == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu tensors", o->all.tensor_count);
    }
    return layers_read(&r) && head_read(&r) && leftovers_check(&r);
}

static bool header_judge(struct weights_opening *o, const struct engine_setup *setup, struct weights *w,
                         struct tokenizer **tokenizer, struct err *err)
{
    const struct bytes text = gguf_template(&o->all);
    struct tokenizer_info info;

    w->chat_template = BUF(LIMIT_GGUF_STRING);
    if (!embed_pooling_read(&o->all, &w->pooling, err) || !buf_add(&w->chat_template, text.p, text.len, err) ||
        !shape_read(&o->all, &w->shape, err) || !tokenizer_new(&o->all, tokenizer, err) ||
        !places_find(o, setup, w, err)) {
        return false;
    }
    quantization_name(&o->all, w);
    tokenizer_info(*tokenizer, &info);
    /* The Ollama library's files of Gemma 3 have tokens of the vision part behind the last row. */
    return info.count <= w->shape.vocab || w->shape.family->vision ||
           FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "%u tokens, %u rows of weights", info.count, w->shape.vocab);
}

bool weights_begin(const struct engine_source *source, const struct engine_setup *setup, struct weights *w,
                   struct tokenizer **tokenizer, struct weights_opening **out, struct err *err)
{
    struct weights_opening *o;

    if (source->more_count >= ENGINE_PARTS_MAX) {
        return FAIL(err, REASON_GGUF_SPLIT, ERR_NOWHERE, "%zu files, at most %u", source->more_count + 1,
                    ENGINE_PARTS_MAX);
    }
    o = calloc(1, sizeof *o);
    if (o == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a model's files");
    }
    o->source = source;
    o->progress.source = source;
    w->tables = ARENA(MIB(1024));
    if (!headers_read(o, load_available(setup->memory), err) ||
        !(header_judge(o, setup, w, tokenizer, err) || (err_prefix(err, source->name), false))) {
        weights_opening_free(o);
        return false;
    }
    *out = o;
    return true;
}

static bool fill(struct weights_opening *o, struct pool *pool, struct weights *w, struct err *err)
{
    uint8_t *next;

    w->memory = weights_pages(w->memory_size);
    if (w->memory == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes of weights", w->memory_size);
    }
    next = w->memory;
    for (size_t i = 0; i < o->filling_count; i++) {
        const struct filling *f = &o->fillings[i];

        if (!(f->vector != NULL ? vector_fill(o, w, f, err) : matrix_fill(o, pool, f, &next, err))) {
            return false;
        }
    }
    if (w->output.p == NULL) { /* it is embd, whose panels are made now */
        w->output = w->embd;
    }
    for (uint32_t i = 0; w->rope_factors != NULL && i < w->shape.rope_dim / 2; i++) {
        if (!(w->rope_factors[i] > 0.0F)) {
            return FAIL(err, REASON_MODEL_DEFECT, ERR_NOWHERE, "rope_freqs.weight, factor %u", i);
        }
    }
    return true;
}

bool weights_end(struct weights_opening *o, const struct engine_setup *setup, double computing, struct pool *pool,
                 struct weights *w, struct identity *identity, struct err *err)
{
    if (!memory_check(o, peak(o), computing, load_available(setup->memory), err)) {
        return false;
    }
    for (size_t i = 0; i < o->count; i++) {
        if (!load_end(&o->files[i], &o->progress, &identity[i], err)) {
            return false;
        }
    }
    gguf_identity(&o->all, identity);
    return fill(o, pool, w, err) || (err_prefix(err, o->source->name), false);
}

void weights_opening_free(struct weights_opening *o)
{
    if (o == NULL) {
        return;
    }
    gguf_done(&o->all);
    for (size_t i = 0; i < o->count; i++) {
        gguf_done(&o->parts[i]);
        load_done(&o->files[i]);
    }
    free(o->seen);
    free(o->fillings);
    free(o);
}

void weights_done(struct weights *w)
{
    buf_done(&w->chat_template);
    weights_pages_free(w->memory, w->memory_size);
    arena_done(&w->tables);
    *w = (struct weights){0};
}
