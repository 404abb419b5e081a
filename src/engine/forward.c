#include "engine/forward.h"

#include "engine/math.h"
#include "engine/wipe.h"

#include <stdatomic.h>
#include <stdlib.h>

#define INLINE_TOKENS 4 /* fewer are not worth waking a thread for */
#define ALIGN 64

struct forward {
    struct forward_setup setup;
    const struct weights *w;
    const struct kernels *k;
    size_t embd, ff, heads, kv_heads; /* embd and ff padded to 16 */
    size_t head, dim;                 /* values of a head; padded to 16, the rest zero, as attention reads them */
    size_t q_row, kv_row;             /* all heads' values, then padded to 16, as products write them */
    size_t element, positions;        /* bytes of a cached value; context rounded up to 16 */
    uint8_t *cache;
    size_t cache_size;
    double *frequencies; /* rope_dim / 2 */
    /* Of the chunk: rows of floats. */
    float *x, *y, *q, *kv, *queries, *att, *gate, *up, *angles, *logits, *scratch;
    uint8_t *acts[KERNEL_ACT_COUNT];
    size_t rows; /* tokens in the chunk */
    size_t position;
    atomic_bool defect;
};

/* ---- Tiles: a chunk's tokens in widths 12, 8, 4, 2, 1. ---- */

static void tile_of(size_t tokens, size_t token, size_t *first, unsigned *width)
{
    size_t at = tokens / KERNEL_TILE * KERNEL_TILE;

    if (token < at) {
        *first = token / KERNEL_TILE * KERNEL_TILE;
        *width = KERNEL_TILE;
        return;
    }
    for (unsigned w = 8;; w /= 2) {
        if (((tokens - at) & w) != 0) {
            if (token < at + w) {
                *first = at;
                *width = w;
                return;
            }
            at += w;
        }
    }
}

static size_t act_size(enum kernel_act act, size_t k)
{
    static const struct {
        size_t block, bytes;
    } sizes[KERNEL_ACT_COUNT] = {[KERNEL_ACT_32] = {32, KERNEL_ACT_32_SIZE},
                                 [KERNEL_ACT_256] = {256, KERNEL_ACT_256_SIZE},
                                 [KERNEL_ACT_F32] = {1, 4}};

    return k / sizes[act].block * sizes[act].bytes;
}

/* A token's row of k floats into the forms that the matrices want. */
static void act_put(struct forward *f, const struct matrix *const *m, size_t count, const float *x, size_t token)
{
    bool made[KERNEL_ACT_COUNT] = {false};

    for (size_t i = 0; i < count; i++) {
        enum kernel_act act = panel_act(m[i]->kind);
        size_t first, k = m[i]->k;
        unsigned w;
        uint8_t *tile;

        if (made[act]) {
            continue;
        }
        made[act] = true;
        tile_of(f->rows, token, &first, &w);
        tile = f->acts[act] + first * act_size(act, k);
        if (act == KERNEL_ACT_F32) {
            for (size_t j = 0; j < k; j++) {
                memcpy(tile + 4 * (j * w + (token - first)), x + j, 4);
            }
        } else if (!(act == KERNEL_ACT_32 ? f->k->quantise_32 : f->k->quantise_256)(x, k, tile, w,
                                                                                    (unsigned)(token - first))) {
            atomic_store(&f->defect, true);
        }
    }
}

/* ---- Matrix products: up to three with the same input, their panels in one list. ---- */

struct product {
    const struct matrix *m;
    float *out;
    size_t stride;
};

struct products {
    struct forward *f;
    struct product p[3];
    size_t count, panels, group;
};

static void products_group(void *arg, size_t item, unsigned thread)
{
    const struct products *list = arg;
    const struct forward *f = list->f;
    size_t last = (item + 1) * list->group;

    (void)thread;
    last = last < list->panels ? last : list->panels;
    for (size_t panel = item * list->group; panel < last; panel++) {
        const struct product *p = list->p;
        const struct matrix *m;
        size_t at = panel;
        unsigned w;

        while (at >= p->m->panels) {
            at -= p->m->panels;
            p++;
        }
        m = p->m;
        for (size_t token = 0; token < f->rows; token += w) {
            enum kernel_act act = panel_act(m->kind);
            size_t first;

            tile_of(f->rows, token, &first, &w);
            f->k->tile[m->kind](m->p + at * m->panel_size, f->acts[act] + token * act_size(act, m->k),
                                m->k / panel_block(m->kind), w, p->out + token * p->stride + at * KERNEL_ROWS,
                                p->stride);
        }
    }
}

static void products_run(struct products *list)
{
    unsigned threads = pool_threads(list->f->setup.pool);

    list->panels = 0;
    for (size_t i = 0; i < list->count; i++) {
        list->panels += list->p[i].m->panels;
    }
    list->group = list->panels / (threads * 8U) + 1;
    pool_run(list->f->setup.pool, products_group, list, (list->panels + list->group - 1) / list->group);
}

static void product_run(struct forward *f, const struct matrix *m, float *out, size_t stride)
{
    struct products list = {.f = f, .p = {{m, out, stride}}, .count = 1};

    products_run(&list);
}

/* ---- What is done token by token. ---- */

struct step {
    struct forward *f;
    const struct layer *layer;
    const uint32_t *ids;
    size_t index; /* of the layer */
};

static void each_token(struct step *s, void (*fn)(void *arg, size_t token, unsigned thread))
{
    if (s->f->rows < INLINE_TOKENS) {
        for (size_t t = 0; t < s->f->rows; t++) {
            fn(s, t, 0);
        }
    } else {
        pool_run(s->f->setup.pool, fn, s, s->f->rows);
    }
}

static void embed(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    size_t half = f->w->shape.rope_dim / 2;
    float *angles = f->angles + token * 2 * half;

    (void)thread;
    panel_row(&f->w->embd, s->ids[token], f->x + token * f->embd);
    for (size_t i = 0; i < half; i++) {
        double sin, cos;

        math_sincos((double)(f->position + token) * f->frequencies[i], &sin, &cos);
        angles[2 * i] = (float)cos;
        angles[2 * i + 1] = (float)sin;
    }
}

static void before_attention(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->q, &s->layer->k, &s->layer->v};
    float *y = f->y + token * f->embd;

    (void)thread;
    f->k->norm(f->x + token * f->embd, s->layer->attn_norm, f->w->shape.eps, f->w->shape.embd, y);
    act_put(f, m, 3, y, token);
}

/* Pairs (2i, 2i + 1) turn by the angles of the token's position; each product and sum is rounded. */
static void rotate(const struct forward *f, float *head, size_t token)
{
    size_t half = f->w->shape.rope_dim / 2;
    const float *angles = f->angles + token * 2 * half;

    for (size_t i = 0; i < half; i++) {
        float a = head[2 * i], b = head[2 * i + 1], cos = angles[2 * i], sin = angles[2 * i + 1];

        head[2 * i] = a * cos - b * sin;
        head[2 * i + 1] = a * sin + b * cos;
    }
}

/* Where a layer's keys or values of one KV head begin. */
static uint8_t *cached(const struct forward *f, size_t layer, size_t head, bool values)
{
    size_t one = f->positions * f->dim * f->element;

    return f->cache + ((layer * f->kv_heads + head) * 2 + (values ? 1 : 0)) * one;
}

static void cache_put(const struct forward *f, size_t layer, size_t head, size_t position, const float *k,
                      const float *v)
{
    uint8_t *keys = cached(f, layer, head, false), *values = cached(f, layer, head, true);
    size_t at = position / 16 * f->dim * 16 + position % 16;

    if (f->setup.f16) {
        uint16_t half[512];

        f->k->to_f16(k, f->head, half);
        for (size_t d = 0; d < f->head; d++) {
            memcpy(keys + 2 * (at + 16 * d), half + d, 2);
        }
        f->k->to_f16(v, f->head, half);
        memcpy(values + 2 * position * f->dim, half, 2 * f->head);
        return;
    }
    for (size_t d = 0; d < f->head; d++) {
        memcpy(keys + 4 * (at + 16 * d), k + d, 4);
    }
    memcpy(values + 4 * position * f->dim, v, 4 * f->head);
}

static void positions_put(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const float scale = 1.0F / __builtin_sqrtf((float)f->head);
    float *k = f->kv + token * 2 * f->kv_row, *v = k + f->kv_row;

    (void)thread;
    for (size_t h = 0; h < f->heads; h++) {
        float *q = f->q + token * f->q_row + h * f->head, *query = f->queries + (token * f->heads + h) * f->dim;

        rotate(f, q, token);
        for (size_t d = 0; d < f->head; d++) {
            query[d] = q[d] * scale;
        }
    }
    for (size_t h = 0; h < f->kv_heads; h++) {
        rotate(f, k + h * f->head, token);
        cache_put(f, s->index, h, f->position + token, k + h * f->head, v + h * f->head);
    }
}

/* Rows of one KV head: its query heads for each token in turn, in groups of up to 8. */
static void attend(void *arg, size_t item, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    size_t share = f->heads / f->kv_heads, all = f->rows * share;
    size_t groups = (all + KERNEL_GROUP - 1) / KERNEL_GROUP, head = item / groups, first = item % groups * KERNEL_GROUP;
    struct kernel_attention a = {.k = cached(f, s->index, head, false),
                                 .v = cached(f, s->index, head, true),
                                 .f16 = f->setup.f16,
                                 .dim = f->dim,
                                 .scratch = f->scratch + thread * KERNEL_GROUP * (KERNEL_BLOCK + f->dim)};

    for (size_t i = first; i < all && a.count < KERNEL_GROUP; i++) {
        size_t token = i / share, at = (token * f->heads + head * share + i % share) * f->dim;

        a.q[a.count] = f->queries + at;
        a.out[a.count] = f->att + at;
        a.limit[a.count] = f->position + token + 1;
        a.count++;
    }
    f->k->attention(&a);
}

static void after_attention(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->o};
    float *att = f->att + token * f->heads * f->dim;

    (void)thread;
    for (size_t h = 1; f->head != f->dim && h < f->heads; h++) {
        memmove(att + h * f->head, att + h * f->dim, f->head * sizeof *att);
    }
    act_put(f, m, 1, att, token);
}

static void before_ff(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->gate, &s->layer->up};
    float *x = f->x + token * f->embd, *y = f->y + token * f->embd;

    (void)thread;
    f->k->add(x, y, f->w->shape.embd);
    f->k->norm(x, s->layer->ffn_norm, f->w->shape.eps, f->w->shape.embd, y);
    act_put(f, m, 2, y, token);
}

static void between_ff(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->down};
    float *gate = f->gate + token * f->ff;

    (void)thread;
    f->k->swiglu(gate, f->up + token * f->ff, f->w->shape.ff, gate);
    act_put(f, m, 1, gate, token);
}

static void after_ff(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;

    (void)thread;
    f->k->add(f->x + token * f->embd, f->y + token * f->embd, f->w->shape.embd);
}

static void layer_run(struct step *s)
{
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    size_t groups = (f->rows * (f->heads / f->kv_heads) + KERNEL_GROUP - 1) / KERNEL_GROUP;
    struct products qkv = {
        .f = f,
        .count = 3,
        .p = {{&l->q, f->q, f->q_row}, {&l->k, f->kv, 2 * f->kv_row}, {&l->v, f->kv + f->kv_row, 2 * f->kv_row}}};
    struct products ff = {.f = f, .count = 2, .p = {{&l->gate, f->gate, f->ff}, {&l->up, f->up, f->ff}}};

    each_token(s, before_attention);
    products_run(&qkv);
    each_token(s, positions_put);
    pool_run(f->setup.pool, attend, s, groups * f->kv_heads);
    each_token(s, after_attention);
    product_run(f, &l->o, f->y, f->embd);
    each_token(s, before_ff);
    products_run(&ff);
    each_token(s, between_ff);
    product_run(f, &l->down, f->y, f->embd);
    each_token(s, after_ff);
}

bool forward_tokens(struct forward *f, const uint32_t *ids, size_t n, size_t position, struct err *err)
{
    struct step s = {.f = f, .ids = ids};

    f->rows = n;
    f->position = position;
    atomic_store(&f->defect, false);
    each_token(&s, embed);
    for (size_t i = 0; i < f->w->shape.layers; i++) {
        if (n > 1 && !f->setup.go_on(f->setup.arg)) {
            return FAIL(err, REASON_CANCELLED, ERR_NOWHERE, "before layer %zu", i);
        }
        s.layer = &f->w->layers[i];
        s.index = i;
        layer_run(&s);
        if (atomic_load(&f->defect)) {
            return FAIL(err, REASON_MODEL_DEFECT, ERR_NOWHERE, "layer %zu", i);
        }
    }
    return true;
}

static void before_head(struct forward *f, size_t first)
{
    const struct matrix *m[] = {&f->w->output};

    for (size_t t = 0; t < f->rows; t++) {
        float *y = f->y + t * f->embd;

        f->k->norm(f->x + (first + t) * f->embd, f->w->output_norm, f->w->shape.eps, f->w->shape.embd, y);
        act_put(f, m, 1, y, t);
    }
}

static bool all_finite(const float *x, size_t n)
{
    uint32_t most = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, x + i, sizeof u);
        u &= 0x7fffffffU;
        most = u > most ? u : most;
    }
    return most < 0x7f800000U;
}

bool forward_logits(struct forward *f, size_t first, size_t n, float **out, size_t *stride, struct err *err)
{
    size_t rows = f->rows;
    bool ok;

    *stride = f->w->output.panels * KERNEL_ROWS;
    f->rows = n;
    before_head(f, first);
    product_run(f, &f->w->output, f->logits, *stride);
    f->rows = rows;
    ok = !atomic_load(&f->defect);
    for (size_t t = 0; ok && t < n; t++) {
        ok = all_finite(f->logits + t * *stride, f->w->shape.vocab);
    }
    if (!ok) {
        return FAIL(err, REASON_MODEL_DEFECT, ERR_NOWHERE, "the logits");
    }
    *out = f->logits;
    return true;
}

bool forward_hidden(struct forward *f, size_t row, const float **out, struct err *err)
{
    f->k->norm(f->x + row * f->embd, f->w->output_norm, f->w->shape.eps, f->w->shape.embd, f->y);
    *out = f->y;
    return all_finite(f->y, f->w->shape.embd) || FAIL(err, REASON_MODEL_DEFECT, ERR_NOWHERE, "a hidden state");
}

/* ---- Memory. ---- */

static void *floats(size_t n)
{
    return aligned_alloc(ALIGN, (n * sizeof(float) + ALIGN - 1) / ALIGN * ALIGN);
}

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool acts_new(struct forward *f, size_t chunk)
{
    const struct shape *s = &f->w->shape;
    size_t k = larger(larger(s->embd, s->ff), f->heads * f->dim), rows = larger(chunk, FORWARD_HEAD_ROWS);

    for (int act = 0; act < KERNEL_ACT_COUNT; act++) {
        /* 44 / 32 or 292 / 256 bytes a value, 4 as floats; whole blocks */
        f->acts[act] = floats(rows * (act_size((enum kernel_act)act, k + 255) + 64) / 4);
        if (f->acts[act] == NULL) {
            return false;
        }
    }
    return true;
}

static bool buffers_new(struct forward *f)
{
    const struct shape *s = &f->w->shape;
    size_t chunk = f->setup.chunk, rows = larger(chunk, FORWARD_HEAD_ROWS), q = f->heads * f->dim;

    f->x = floats(rows * f->embd);
    f->y = floats(rows * f->embd);
    f->q = floats(chunk * f->q_row);
    f->kv = floats(chunk * 2 * f->kv_row);
    f->queries = floats(chunk * q);
    f->att = floats(chunk * q);
    f->gate = floats(chunk * f->ff);
    f->up = floats(chunk * f->ff);
    f->angles = floats(chunk * s->rope_dim);
    f->logits = floats((size_t)FORWARD_HEAD_ROWS * f->w->output.panels * KERNEL_ROWS);
    f->scratch = floats(pool_threads(f->setup.pool) * (size_t)KERNEL_GROUP * (KERNEL_BLOCK + f->dim));
    f->frequencies = calloc(s->rope_dim / 2 + 1, sizeof *f->frequencies);
    if (f->x == NULL || f->y == NULL || f->q == NULL || f->kv == NULL || f->queries == NULL || f->att == NULL ||
        f->gate == NULL || f->up == NULL || f->angles == NULL || f->logits == NULL || f->scratch == NULL ||
        f->frequencies == NULL) {
        return false;
    }
    memset(f->queries, 0, chunk * q * sizeof *f->queries);
    return acts_new(f, chunk);
}

bool forward_new(const struct forward_setup *setup, struct forward **out, struct err *err)
{
    const struct shape *s = &setup->weights->shape;
    struct forward *f = calloc(1, sizeof *f);

    if (f == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a pass");
    }
    f->setup = *setup;
    f->w = setup->weights;
    f->k = setup->kernels;
    f->embd = padded(s->embd);
    f->ff = padded(s->ff);
    f->heads = s->heads;
    f->kv_heads = s->kv_heads;
    f->head = s->head_dim;
    f->dim = padded(s->head_dim);
    f->q_row = padded(f->heads * f->head);
    f->kv_row = padded(f->kv_heads * f->head);
    f->element = setup->f16 ? 2 : 4;
    f->positions = padded(setup->context);
    f->cache_size = 2 * (size_t)s->layers * f->kv_heads * f->positions * f->dim * f->element;
    f->cache = weights_pages(f->cache_size);
    if (f->cache == NULL || !buffers_new(f)) {
        forward_free(f);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a cache of %zu bytes", f->cache_size);
    }
    for (uint32_t i = 0; i < s->rope_dim / 2; i++) {
        double factor = f->w->rope_factors != NULL ? (double)f->w->rope_factors[i] : 1.0;

        f->frequencies[i] = math_exp(-2.0 * (double)i / (double)s->rope_dim * math_log(s->rope_base)) / factor;
    }
    *out = f;
    return true;
}

void forward_free(struct forward *f)
{
    if (f == NULL) {
        return;
    }
    for (int act = 0; act < KERNEL_ACT_COUNT; act++) {
        free(f->acts[act]);
    }
    free(f->x);
    free(f->y);
    free(f->q);
    free(f->kv);
    free(f->queries);
    free(f->att);
    free(f->gate);
    free(f->up);
    free(f->angles);
    free(f->logits);
    free(f->scratch);
    free(f->frequencies);
    weights_pages_free(f->cache, f->cache_size);
    free(f);
}

size_t forward_memory(const struct forward *f)
{
    return f->cache_size;
}

void forward_wipe(struct forward *f, size_t used)
{
    size_t chunk = used < f->setup.chunk ? used : f->setup.chunk, q = f->heads * f->dim;
    size_t rows = padded(used) < f->positions ? padded(used) : f->positions;

    for (size_t i = 0; i < 2 * (size_t)f->w->shape.layers * f->kv_heads; i++) {
        wipe(f->cache + i * f->positions * f->dim * f->element, rows * f->dim * f->element);
    }
    wipe(f->x, chunk * f->embd * sizeof(float));
    wipe(f->y, larger(chunk, FORWARD_HEAD_ROWS) * f->embd * sizeof(float));
    wipe(f->q, chunk * f->q_row * sizeof(float));
    wipe(f->kv, chunk * 2 * f->kv_row * sizeof(float));
    wipe(f->queries, chunk * q * sizeof(float));
    wipe(f->att, chunk * q * sizeof(float));
    wipe(f->gate, chunk * f->ff * sizeof(float));
    wipe(f->up, chunk * f->ff * sizeof(float));
    wipe(f->logits, (size_t)FORWARD_HEAD_ROWS * f->w->output.panels * KERNEL_ROWS * sizeof(float));
    wipe(f->scratch, pool_threads(f->setup.pool) * (size_t)KERNEL_GROUP * (KERNEL_BLOCK + f->dim) * sizeof(float));
    for (int act = 0; act < KERNEL_ACT_COUNT; act++) {
        wipe(f->acts[act], chunk * act_size((enum kernel_act)act, larger(larger(f->embd, f->ff), q)));
    }
}
