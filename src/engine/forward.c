/* The shapes: n tokens of a chunk; [n][embd] is a row of embd floats for each. Rows of buffers are padded to 16 floats,
 * since products give 16 outputs at once. What a family does not have, its layers do not hold (engine/weights.h). */
#include "engine/forward.h"

#include "engine/products.h"
#include "engine/rope.h"
#include "engine/router.h"
#include "engine/wipe.h"

#include <stdatomic.h>
#include <stdlib.h>

#define INLINE_ROWS 4 /* fewer are not worth waking a thread for */
#define ALIGN 64
#define BUFFERS_MAX 24

struct forward {
    struct forward_setup setup;
    const struct weights *w;
    const struct shape *s;
    const struct kernels *k;
    struct products *products;
    size_t rows, position; /* tokens in the chunk, and cached before it */
    atomic_bool defect;

    /* Widths of rows. */
    size_t embd, ff, expert_ff, experts;
    size_t q_dim;               /* values of a head's query as its product gives it: of a latent head nope + rope */
    size_t q_row, k_row, v_row; /* all heads' */
    size_t key, value;          /* key_dim and value_dim, padded, as attention reads them; the rest is zero */
    size_t head_row;            /* of what a head gives: value_dim, of a latent head then out_dim */

    /* Buffers of the chunk. */
    struct {
        float *p;
        size_t n;
    } buffers[BUFFERS_MAX];
    size_t buffer_count;
    double size;          /* of all buffers */
    bool measuring;       /* they are added up only */
    float *x, *y;         /* [n][embd] what flows through; input of a block, and what it adds */
    float *q, *kv, *v;    /* [n][heads][q_dim], [n][kv_heads][key_dim], [n][kv_heads][value_dim] */
    float *q_low;         /* [n][q_rank] */
    float *queries, *att; /* [n][heads][key], [n][heads][head_row] */
    float *gate, *up;     /* [n][ff], or [n * experts_used][expert_ff] */
    float *shared;        /* [n][embd] of the shared experts */
    float *router;        /* [n][experts] */
    float *expert_out;    /* [n * experts_used][embd] */
    float *angles[2];     /* [n][rope_dim], of the layers and of the sliding ones */
    float *logits, *scratch;
    double *frequencies[2];     /* [rope_dim / 2] */
    struct route *routes;       /* [n][experts_used] */
    uint32_t *slots, *owners;   /* where a route's row is among those sorted by expert, and back */
    struct inputs *expert_rows; /* [experts] */

    uint8_t *cache; /* per layer and KV head: keys, then values; engine/kernels/kernels.h has their order */
    size_t cache_size, key_size, value_size; /* bytes: of all, of a key, of a value */
    size_t positions;                        /* context rounded up to 16 */
};

struct step {
    struct forward *f;
    const struct layer *layer;
    const uint32_t *ids;
    size_t index; /* of the layer */
};

typedef void each_fn(void *arg, size_t item, unsigned thread);

static void each(struct step *s, size_t count, each_fn *fn)
{
    if (count < INLINE_ROWS) {
        for (size_t i = 0; i < count; i++) {
            fn(s, i, 0);
        }
    } else {
        pool_run(s->f->setup.pool, fn, s, count);
    }
}

static void input(struct forward *f, const struct matrix *const *m, size_t count, const float *x, struct inputs in,
                  size_t row)
{
    if (!products_input(f->products, m, count, x, in, row)) {
        atomic_store(&f->defect, true);
    }
}

static struct inputs all_rows(const struct forward *f)
{
    return (struct inputs){0, f->rows};
}

static struct inputs head_rows(const struct forward *f, size_t head)
{
    return (struct inputs){head * f->rows, f->rows};
}

static void norm(const struct forward *f, const float *x, const float *weight, size_t n, float *out)
{
    f->k->norm(x, weight, f->s->eps, n, out);
}

static void bias_add(const struct forward *f, float *x, const float *bias, size_t n)
{
    if (bias != NULL) {
        f->k->add(x, bias, n);
    }
}

/* ---- The input: a row of the embedding, and the angles of its position. ---- */

static void embed(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    float *x = f->x + token * f->embd;
    const float scale = __builtin_sqrtf((float)f->s->embd);

    (void)thread;
    panel_row(&f->w->embd, s->ids[token], x);
    for (size_t i = 0; f->s->family->embedding_scale && i < f->s->embd; i++) {
        x[i] = x[i] * scale;
    }
    for (int i = 0; i < 2; i++) {
        rope_angles(&f->s->rope[i], f->s->rope_dim, f->frequencies[i], f->position + token,
                    f->angles[i] + token * f->s->rope_dim);
    }
}

/* ---- Attention: norm, Q K V, positions, softmax over the cache, output. ---- */

static void before_attention(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    const struct matrix *m[] = {l->q_a.rows != 0 ? &l->q_a : &l->q, &l->k, &l->v};
    float *y = f->y + token * f->embd;

    (void)thread;
    norm(f, f->x + token * f->embd, l->attn_norm, f->s->embd, y);
    input(f, m, l->v.rows != 0 ? 3 : 2, y, all_rows(f), token);
}

static void before_q_b(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->q};
    float *low = f->q_low + token * s->layer->q_a.panels * KERNEL_ROWS;

    (void)thread;
    norm(f, low, s->layer->q_a_norm, f->s->q_rank, low);
    input(f, m, 1, low, all_rows(f), token);
}

/* The part of each head's query that does not turn, for k_b. */
static void before_k_b(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;

    (void)thread;
    for (size_t h = 0; h < f->s->heads; h++) {
        const struct matrix *m[] = {&s->layer->k_b[h]};

        input(f, m, 1, f->q + token * f->q_row + h * f->q_dim, head_rows(f, h), token);
    }
}

/* Where a layer's keys or values of one KV head begin. */
static uint8_t *cached(const struct forward *f, size_t layer, size_t head, bool values)
{
    size_t one = f->positions * (f->key_size + f->value_size);

    return f->cache + (layer * f->s->kv_heads + head) * one + (values ? f->positions * f->key_size : 0);
}

static bool quantise(struct forward *f, const float *x, size_t n, float *d, int8_t *q)
{
    bool ok = f->k->quantise(x, n, d, q);

    if (!ok) {
        atomic_store(&f->defect, true);
    }
    return ok;
}

/* x as number `at` of a group of 16 keys or values: codes begin at `first`, `run` side by side, `step` between runs. */
static void codes_put(struct forward *f, const float *x, size_t n, uint8_t *group, size_t at, size_t first, size_t run,
                      size_t step)
{
    int8_t q[SHAPE_HEAD_DIM_MAX];
    float d;

    if (quantise(f, x, n, &d, q)) {
        memcpy(group + 4 * at, &d, sizeof d);
        for (size_t i = 0; i < n; i++) {
            group[64 + first + i / run * step + i % run] = (uint8_t)q[i];
        }
    }
}

/* A query in the form that attention reads it in. */
static void query_put(struct forward *f, float *query)
{
    int8_t q[SHAPE_HEAD_DIM_MAX] = {0}; /* the padding too */
    int32_t sum = 0;
    float d;

    if (f->setup.cache == KERNEL_CACHE_Q8_0 && quantise(f, query, f->s->key_dim, &d, q)) {
        for (size_t i = 0; i < f->s->key_dim; i++) {
            sum += q[i];
        }
        memcpy(query, &d, 4);
        memcpy(query + 1, &sum, 4);
        memcpy(query + KERNEL_QUERY_8 / 4, q, f->key);
    }
}

static void cache_put(struct forward *f, size_t layer, size_t head, size_t position, const float *k, const float *v)
{
    uint8_t *keys = cached(f, layer, head, false), *values = cached(f, layer, head, true);
    size_t at = position / 16 * f->key * 16 + position % 16, key = f->s->key_dim, value = f->s->value_dim;

    if (f->setup.cache == KERNEL_CACHE_Q8_0) {
        size_t group = position / 16 * 16, n = position % 16;

        codes_put(f, k, key, keys + group * f->key_size, n, 4 * n, 4, 64);
        codes_put(f, v, value, values + group * f->value_size, n, n / 2 * 2 * f->value + n % 2, 1, 2);
        return;
    }
    if (f->setup.cache != KERNEL_CACHE_F32) {
        void (*round)(const float *, size_t, uint16_t *) =
            f->setup.cache == KERNEL_CACHE_F16 ? f->k->to_f16 : f->k->to_bf16;
        uint16_t half[SHAPE_HEAD_DIM_MAX];

        round(k, key, half);
        for (size_t d = 0; d < key; d++) {
            memcpy(keys + 2 * (at + 16 * d), half + d, 2);
        }
        round(v, value, half);
        memcpy(values + 2 * position * f->value, half, 2 * value);
        return;
    }
    for (size_t d = 0; d < key; d++) {
        memcpy(keys + 4 * (at + 16 * d), k + d, 4);
    }
    memcpy(values + 4 * position * f->value, v, 4 * value);
}

/* Biases, norms of heads, RoPE, the scale; K and V into the cache. */
static void positions_put(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct shape *sh = f->s;
    const struct layer *l = s->layer;
    const bool neox = sh->family->neox;
    const float *angles = f->angles[l->slides] + token * sh->rope_dim;
    float *q = f->q + token * f->q_row, *k = f->kv + token * f->k_row, *v = f->v + token * f->v_row;

    (void)thread;
    bias_add(f, q, l->q_bias, l->q.rows);
    bias_add(f, k, l->k_bias, l->k.rows);
    bias_add(f, v, l->v_bias, l->v.rows);
    for (size_t h = 0; h < sh->heads; h++, q += sh->key_dim) {
        float *query = f->queries + (token * sh->heads + h) * f->key;

        if (l->q_norm != NULL) {
            norm(f, q, l->q_norm, sh->key_dim, q);
        }
        rope_turn(q, sh->rope_dim, neox, angles);
        for (size_t d = 0; d < sh->key_dim; d++) {
            query[d] = q[d] * sh->scale;
        }
        query_put(f, query);
    }
    for (size_t h = 0; h < sh->kv_heads; h++, k += sh->key_dim, v += sh->value_dim) {
        if (l->k_norm != NULL) {
            norm(f, k, l->k_norm, sh->key_dim, k);
        }
        rope_turn(k, sh->rope_dim, neox, angles);
        cache_put(f, s->index, h, f->position + token, k, v);
    }
}

/* The same for latent heads. queries holds k_b's [kv_rank] of each head; the part that turns comes behind it. The one
 * KV head's key is the latent, normed, and a part that turns; its value is the latent. */
static void latent_positions_put(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct shape *sh = f->s;
    const float *angles = f->angles[0] + token * sh->rope_dim;
    float *k = f->kv + token * f->k_row;

    (void)thread;
    for (size_t h = 0; h < sh->heads; h++) {
        float *turning = f->q + token * f->q_row + h * f->q_dim + sh->nope_dim;
        float *query = f->queries + (token * sh->heads + h) * f->key;

        rope_turn(turning, sh->rope_dim, sh->family->neox, angles);
        memcpy(query + sh->kv_rank, turning, sh->rope_dim * sizeof *query);
        for (size_t d = 0; d < sh->key_dim; d++) {
            query[d] = query[d] * sh->scale;
        }
        memset(query + sh->key_dim, 0, (f->key - sh->key_dim) * sizeof *query); /* products fill up to 16 */
        query_put(f, query);
    }
    norm(f, k, s->layer->kv_a_norm, sh->kv_rank, k);
    rope_turn(k + sh->kv_rank, sh->rope_dim, sh->family->neox, angles);
    cache_put(f, s->index, 0, f->position + token, k, k);
}

/* Rows of one KV head: its query heads for each token in turn, in groups of up to 8. */
static size_t attend_groups(const struct forward *f)
{
    return (f->rows * (f->s->heads / f->s->kv_heads) + KERNEL_GROUP - 1) / KERNEL_GROUP;
}

static void attend(void *arg, size_t item, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    size_t share = f->s->heads / f->s->kv_heads, all = f->rows * share, groups = attend_groups(f);
    size_t kv_head = item / groups, first = item % groups * KERNEL_GROUP;
    struct kernel_attention a = {.k = cached(f, s->index, kv_head, false),
                                 .v = cached(f, s->index, kv_head, true),
                                 .cache = f->setup.cache,
                                 .k_dim = f->key,
                                 .v_dim = f->value,
                                 .soft_cap = f->s->soft_cap,
                                 .sinks = l->sinks != NULL,
                                 .scratch = f->scratch + thread * KERNEL_GROUP * (KERNEL_BLOCK + f->value)};

    for (size_t i = first; i < all && a.count < KERNEL_GROUP; i++, a.count++) {
        size_t token = i / share, head = kv_head * share + i % share, limit = f->position + token + 1;

        a.q[a.count] = f->queries + (token * f->s->heads + head) * f->key;
        a.out[a.count] = f->att + (token * f->s->heads + head) * f->head_row;
        a.limit[a.count] = limit;
        a.from[a.count] = l->slides && limit > f->s->window ? limit - f->s->window : 0;
        a.sink[a.count] = a.sinks ? l->sinks[head] : 0.0F;
    }
    f->k->attention(&a);
}

static void before_v_b(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;

    (void)thread;
    for (size_t h = 0; h < f->s->heads; h++) {
        const struct matrix *m[] = {&s->layer->v_b[h]};

        input(f, m, 1, f->att + (token * f->s->heads + h) * f->head_row, head_rows(f, h), token);
    }
}

/* The heads' results, one behind the other. */
static void after_attention(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->o};
    size_t head = f->s->family->mla ? f->s->out_dim : f->s->value_dim;
    float *att = f->att + token * f->s->heads * f->head_row;

    (void)thread;
    for (size_t h = 1; head != f->head_row && h < f->s->heads; h++) {
        memmove(att + h * head, att + h * f->head_row, head * sizeof *att);
    }
    input(f, m, 1, att, all_rows(f), token);
}

/* For each head: x of `in` through its own matrix, into out + head * row. */
static void heads_run(struct forward *f, const struct matrix *m, float *out, size_t row)
{
    for (size_t h = 0; h < f->s->heads; h++) {
        products_add(f->products, &m[h], head_rows(f, h), out + h * row, f->s->heads * row);
    }
    products_run(f->products);
}

static void attention_run(struct step *s)
{
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    const bool latent = f->s->family->mla, compressed = l->q_a.rows != 0;
    struct products *p = f->products;

    each(s, f->rows, before_attention);
    if (compressed) {
        products_add(p, &l->q_a, all_rows(f), f->q_low, l->q_a.panels * KERNEL_ROWS);
    } else {
        products_add(p, &l->q, all_rows(f), f->q, f->q_row);
    }
    products_add(p, &l->k, all_rows(f), f->kv, f->k_row);
    if (!latent) {
        products_add(p, &l->v, all_rows(f), f->v, f->v_row);
    }
    products_run(p);
    if (compressed) {
        each(s, f->rows, before_q_b);
        products_add(p, &l->q, all_rows(f), f->q, f->q_row);
        products_run(p);
    }
    if (latent) {
        each(s, f->rows, before_k_b);
        heads_run(f, l->k_b, f->queries, f->key);
    }
    each(s, f->rows, latent ? latent_positions_put : positions_put);
    pool_run(f->setup.pool, attend, s, attend_groups(f) * f->s->kv_heads);
    if (latent) {
        each(s, f->rows, before_v_b);
        heads_run(f, l->v_b, f->att, f->head_row);
    }
    each(s, f->rows, after_attention);
    products_add(p, &l->o, all_rows(f), f->y, f->embd); /* y: [n][embd] */
    products_run(p);
}

/* ---- Feed-forward: norm, gate and up, what stands between, down; by one block or by chosen experts. ---- */

/* What attention gave is added; the input of the block that follows, for its first matrices. */
static void before_ff(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    const struct matrix *m[3];
    float *x = f->x + token * f->embd, *y = f->y + token * f->embd;
    size_t count = 0;

    (void)thread;
    bias_add(f, y, l->o_bias, f->s->embd);
    if (l->post_attn_norm != NULL) {
        norm(f, y, l->post_attn_norm, f->s->embd, y);
    }
    f->k->add(x, y, f->s->embd);
    norm(f, x, l->ffn_norm, f->s->embd, y);
    if (l->router.rows != 0) {
        m[count++] = &l->router;
    }
    if (l->gate.rows != 0) {
        m[count++] = &l->gate;
        m[count++] = &l->up;
    }
    input(f, m, count, y, all_rows(f), token);
}

static void between_ff(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct matrix *m[] = {&s->layer->down};
    float *gate = f->gate + token * f->ff;

    (void)thread;
    f->k->gate[f->s->family->gate](gate, f->up + token * f->ff, s->layer->gate.rows, gate);
    input(f, m, 1, gate, all_rows(f), token);
}

/* The router's choice for one token: [experts] logits to experts_used routes. */
static void route(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const bool sigmoid = f->s->sigmoid; /* its bias acts on the choice, another's on the logits */
    float *logits = f->router + token * f->experts;

    (void)thread;
    bias_add(f, logits, sigmoid ? NULL : s->layer->router_bias, f->s->experts);
    if (!router_choose(f->s, f->k, logits, sigmoid ? s->layer->router_bias : NULL,
                       f->routes + token * f->s->experts_used)) {
        atomic_store(&f->defect, true);
    }
}

/* Rows for the experts' products: all routes, sorted by expert, in order of tokens. */
static void routes_sort(struct forward *f)
{
    size_t count = f->rows * f->s->experts_used, first = 0;

    for (size_t e = 0; e < f->s->experts; e++) {
        f->expert_rows[e].count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        f->expert_rows[f->routes[i].expert].count++;
    }
    for (size_t e = 0; e < f->s->experts; e++) {
        f->expert_rows[e].first = first;
        first += f->expert_rows[e].count;
        f->expert_rows[e].count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct inputs *in = &f->expert_rows[f->routes[i].expert];

        f->slots[i] = (uint32_t)(in->first + in->count);
        f->owners[f->slots[i]] = (uint32_t)i;
        in->count++;
    }
}

static void before_experts(void *arg, size_t row, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    size_t i = f->owners[row], e = f->routes[i].expert;
    const struct matrix *m[] = {&s->layer->gate_exps[e], &s->layer->up_exps[e]};

    (void)thread;
    input(f, m, 2, f->y + i / f->s->experts_used * f->embd, f->expert_rows[e], row - f->expert_rows[e].first);
}

static void between_experts(void *arg, size_t row, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    size_t e = f->routes[f->owners[row]].expert, ff = f->s->expert_ff;
    const struct matrix *m[] = {&l->down_exps[e]};
    float *gate = f->gate + row * f->expert_ff, *up = f->up + row * f->expert_ff;

    (void)thread;
    bias_add(f, gate, l->gate_bias != NULL ? l->gate_bias + e * ff : NULL, ff);
    bias_add(f, up, l->up_bias != NULL ? l->up_bias + e * ff : NULL, ff);
    f->k->gate[f->s->family->gate](gate, up, ff, gate);
    input(f, m, 1, gate, f->expert_rows[e], row - f->expert_rows[e].first);
}

/* The outputs of a token's experts, kept apart until here, in the order of their ranks; the shared ones last. */
static void after_experts(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    size_t embd = f->s->embd;
    float *y = f->y + token * f->embd;

    (void)thread;
    memset(y, 0, embd * sizeof *y);
    for (size_t rank = 0; rank < f->s->experts_used; rank++) {
        size_t i = token * f->s->experts_used + rank;
        const struct route *r = &f->routes[i];
        float *out = f->expert_out + f->slots[i] * f->embd;

        bias_add(f, out, l->down_bias != NULL ? l->down_bias + r->expert * embd : NULL, embd);
        f->k->accumulate(y, out, r->weight, embd);
    }
    if (l->gate.rows != 0) {
        f->k->add(y, f->shared + token * f->embd, embd);
    }
}

/* Gate and up are in their buffers; out: [n][embd] */
static void down_run(struct step *s, float *out)
{
    each(s, s->f->rows, between_ff);
    products_add(s->f->products, &s->layer->down, all_rows(s->f), out, s->f->embd);
    products_run(s->f->products);
}

static void experts_run(struct step *s)
{
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    struct products *p = f->products;
    size_t routes = f->rows * f->s->experts_used;

    each(s, f->rows, route);
    if (atomic_load(&f->defect)) {
        return; /* there are no routes */
    }
    routes_sort(f);
    each(s, routes, before_experts);
    for (size_t e = 0; e < f->s->experts; e++) {
        struct inputs in = f->expert_rows[e];

        products_add(p, &l->gate_exps[e], in, f->gate + in.first * f->expert_ff, f->expert_ff);
        products_add(p, &l->up_exps[e], in, f->up + in.first * f->expert_ff, f->expert_ff);
    }
    products_run(p);
    each(s, routes, between_experts);
    for (size_t e = 0; e < f->s->experts; e++) {
        struct inputs in = f->expert_rows[e];

        products_add(p, &l->down_exps[e], in, f->expert_out + in.first * f->embd, f->embd);
    }
    products_run(p);
    each(s, f->rows, after_experts);
}

static void after_ff(void *arg, size_t token, unsigned thread)
{
    const struct step *s = arg;
    struct forward *f = s->f;
    float *y = f->y + token * f->embd;

    (void)thread;
    if (s->layer->post_ffn_norm != NULL) {
        norm(f, y, s->layer->post_ffn_norm, f->s->embd, y);
    }
    f->k->add(f->x + token * f->embd, y, f->s->embd);
}

static void feed_forward_run(struct step *s)
{
    struct forward *f = s->f;
    const struct layer *l = s->layer;
    const bool experts = l->router.rows != 0, block = l->gate.rows != 0;

    each(s, f->rows, before_ff);
    if (experts) {
        products_add(f->products, &l->router, all_rows(f), f->router, f->experts);
    }
    if (block) {
        products_add(f->products, &l->gate, all_rows(f), f->gate, f->ff);
        products_add(f->products, &l->up, all_rows(f), f->up, f->ff);
    }
    products_run(f->products);
    if (block) {
        down_run(s, experts ? f->shared : f->y);
    }
    if (experts) {
        experts_run(s);
    }
    each(s, f->rows, after_ff);
}

bool forward_tokens(struct forward *f, const uint32_t *ids, size_t n, size_t position, struct err *err)
{
    struct step s = {.f = f, .ids = ids};

    f->rows = n;
    f->position = position;
    atomic_store(&f->defect, false);
    each(&s, n, embed);
    for (size_t i = 0; i < f->s->layers; i++) {
        if (n > 1 && !f->setup.go_on(f->setup.arg)) {
            return FAIL(err, REASON_CANCELLED, ERR_NOWHERE, "before layer %zu", i);
        }
        s.layer = &f->w->layers[i];
        s.index = i;
        attention_run(&s);
        feed_forward_run(&s);
        if (atomic_load(&f->defect)) {
            return FAIL(err, REASON_MODEL_DEFECT, ERR_NOWHERE, "layer %zu", i);
        }
    }
    return true;
}

/* ---- The head. ---- */

static void before_head(struct forward *f, size_t first, struct inputs in)
{
    const struct matrix *m[] = {&f->w->output};

    for (size_t t = 0; t < in.count; t++) {
        float *y = f->y + t * f->embd;

        norm(f, f->x + (first + t) * f->embd, f->w->output_norm, f->s->embd, y);
        input(f, m, 1, y, in, t);
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
    const struct inputs in = {0, n};
    bool ok;

    *stride = f->w->output.panels * KERNEL_ROWS;
    before_head(f, first, in);
    products_add(f->products, &f->w->output, in, f->logits, *stride);
    products_run(f->products);
    ok = !atomic_load(&f->defect);
    for (size_t t = 0; ok && t < n; t++) {
        ok = all_finite(f->logits + t * *stride, f->s->vocab);
        if (f->s->final_cap != 0.0F) {
            f->k->soft_cap(f->logits + t * *stride, f->s->final_cap, f->s->vocab);
        }
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

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* Bytes of a key or value of n numbers in the cache. */
static size_t row_size(enum kernel_cache cache, size_t n)
{
    return cache == KERNEL_CACHE_F32 ? 4 * n : cache == KERNEL_CACHE_Q8_0 ? n + 4 : 2 * n;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* n values of size bytes, zeroed; what holds a request's is wiped with the others. NULL: none wanted, or no memory. */
static void *buffer(struct forward *f, size_t n, size_t size, bool *ok)
{
    size_t bytes = (n * size + ALIGN - 1) / ALIGN * ALIGN;
    void *p;

    f->size += (double)bytes;
    if (n == 0 || f->measuring) {
        return NULL;
    }
    p = aligned_alloc(ALIGN, bytes);
    if (p == NULL) {
        *ok = false;
        return NULL;
    }
    memset(p, 0, bytes);
    f->buffers[f->buffer_count].p = p;
    f->buffers[f->buffer_count++].n = bytes;
    return p;
}

static bool buffers_new(struct forward *f)
{
    const struct shape *s = f->s;
    size_t n = f->setup.chunk, rows = larger(n, FORWARD_HEAD_ROWS), routed = n * s->experts_used;
    size_t inner = larger(n * f->ff, routed * f->expert_ff);
    bool ok = true;

    f->x = buffer(f, rows * f->embd, sizeof(float), &ok);
    f->y = buffer(f, rows * f->embd, sizeof(float), &ok);
    f->q = buffer(f, n * f->q_row, sizeof(float), &ok);
    f->kv = buffer(f, n * f->k_row, sizeof(float), &ok);
    f->v = buffer(f, n * f->v_row, sizeof(float), &ok);
    f->q_low = buffer(f, n * padded(s->q_rank), sizeof(float), &ok);
    f->queries = buffer(f, n * s->heads * f->key, sizeof(float), &ok);
    f->att = buffer(f, n * s->heads * f->head_row, sizeof(float), &ok);
    f->gate = buffer(f, inner, sizeof(float), &ok);
    f->up = buffer(f, inner, sizeof(float), &ok);
    f->shared = buffer(f, s->shared_ff != 0 ? n * f->embd : 0, sizeof(float), &ok);
    f->router = buffer(f, n * f->experts, sizeof(float), &ok);
    f->expert_out = buffer(f, routed * f->embd, sizeof(float), &ok);
    f->logits = buffer(f, (size_t)FORWARD_HEAD_ROWS * f->w->output.panels * KERNEL_ROWS, sizeof(float), &ok);
    f->scratch =
        buffer(f, pool_threads(f->setup.pool) * (size_t)KERNEL_GROUP * (KERNEL_BLOCK + f->value), sizeof(float), &ok);
    f->routes = buffer(f, routed, sizeof *f->routes, &ok);
    f->slots = buffer(f, routed, sizeof *f->slots, &ok);
    f->owners = buffer(f, routed, sizeof *f->owners, &ok);
    f->expert_rows = buffer(f, s->experts, sizeof *f->expert_rows, &ok);
    for (int i = 0; i < 2; i++) {
        f->angles[i] = buffer(f, n * s->rope_dim, sizeof(float), &ok);
    }
    return ok;
}

#define USES 6

/* What products will read, at most. */
static void uses_list(const struct forward *f, struct products_use uses[USES])
{
    const struct shape *s = f->s;
    const size_t n = f->setup.chunk;

    uses[0] = (struct products_use){larger(n, FORWARD_HEAD_ROWS), s->embd};
    uses[1] = (struct products_use){n, larger(s->ff, s->shared_ff)};
    uses[2] = (struct products_use){n, (size_t)s->heads * larger(s->value_dim, s->out_dim)};
    uses[3] = (struct products_use){n, s->q_rank};
    uses[4] = (struct products_use){n * s->heads, larger(s->nope_dim, s->kv_rank)};
    uses[5] = (struct products_use){n * s->experts_used, larger(s->embd, s->expert_ff)};
}

static bool memory_new(struct forward *f, struct err *err)
{
    const struct shape *s = f->s;
    const size_t list = larger(larger(2 * (size_t)s->experts, s->heads), 3);
    struct products_use uses[USES];

    uses_list(f, uses);
    f->cache = weights_pages(f->cache_size);
    if (f->cache == NULL || !buffers_new(f)) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a cache of %zu bytes", f->cache_size);
    }
    for (int i = 0; i < 2; i++) {
        f->frequencies[i] = calloc(s->rope_dim / 2 + 1, sizeof *f->frequencies[i]);
        if (f->frequencies[i] == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "frequencies");
        }
        rope_frequencies(&s->rope[i], s->rope_dim, f->w->rope_factors, f->frequencies[i]);
    }
    return products_new(f->k, f->setup.pool, uses, USES, list, &f->products, err);
}

static void sizes_set(struct forward *f, const struct forward_setup *setup)
{
    const struct shape *s = &setup->weights->shape;

    f->setup = *setup;
    f->w = setup->weights;
    f->s = s;
    f->k = setup->kernels;
    f->embd = padded(s->embd);
    f->ff = padded(larger(s->ff, s->shared_ff));
    f->expert_ff = padded(s->expert_ff);
    f->experts = padded(s->experts);
    f->q_dim = s->family->mla ? s->nope_dim + s->rope_dim : s->key_dim;
    f->q_row = padded(s->heads * f->q_dim);
    f->k_row = padded((size_t)s->kv_heads * s->key_dim);
    f->v_row = s->family->mla ? 0 : padded((size_t)s->kv_heads * s->value_dim);
    f->key = padded(s->key_dim);
    f->value = padded(s->value_dim);
    f->head_row = larger(f->value, padded(s->out_dim));
    f->key_size = row_size(setup->cache, f->key);
    f->value_size = row_size(setup->cache, f->value);
    f->positions = padded(setup->context);
    f->cache_size = (size_t)s->layers * s->kv_heads * f->positions * (f->key_size + f->value_size);
}

double forward_size(const struct forward_setup *setup)
{
    struct forward f = {.measuring = true};
    struct products_use uses[USES];

    sizes_set(&f, setup);
    uses_list(&f, uses);
    (void)buffers_new(&f);
    return f.size + (double)f.cache_size + products_size(uses, USES);
}

bool forward_new(const struct forward_setup *setup, struct forward **out, struct err *err)
{
    struct forward *f = calloc(1, sizeof *f);

    if (f == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a pass");
    }
    sizes_set(f, setup);
    if (!memory_new(f, err)) {
        forward_free(f);
        return false;
    }
    *out = f;
    return true;
}

void forward_free(struct forward *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->buffer_count; i++) {
        free(f->buffers[i].p);
    }
    free(f->frequencies[0]);
    free(f->frequencies[1]);
    products_free(f->products);
    weights_pages_free(f->cache, f->cache_size);
    free(f);
}

size_t forward_memory(const struct forward *f)
{
    return f->cache_size;
}

void forward_wipe(struct forward *f, size_t used)
{
    size_t rows = padded(used) < f->positions ? padded(used) : f->positions;

    for (size_t layer = 0; layer < f->s->layers; layer++) {
        for (size_t head = 0; head < f->s->kv_heads; head++) {
            wipe(cached(f, layer, head, false), rows * f->key_size);
            wipe(cached(f, layer, head, true), rows * f->value_size);
        }
    }
    for (size_t i = 0; i < f->buffer_count; i++) {
        wipe(f->buffers[i].p, f->buffers[i].n);
    }
    products_wipe(f->products);
}
