#include "reference.h"

#include "model/gguf.h"
#include "test.h"

#include <math.h>

#define PI 3.14159265358979323846

struct model {
    struct gguf g;
    char arch[32];
    size_t n; /* tokens */
};

static const struct gguf_pair *pair(const struct model *m, const char *key)
{
    char full[96];

    (void)snprintf(full, sizeof full, "%s.%s", m->arch, key);
    return gguf_find(&m->g, full);
}

static double number(const struct model *m, const char *key, double fallback)
{
    const struct gguf_pair *p = pair(m, key);
    struct gguf_scalar s;

    if (p == NULL) {
        return fallback;
    }
    s = gguf_scalar_at(p, 0);
    return s.is_float ? s.f : (double)s.u;
}

static size_t size(const struct model *m, const char *key, size_t fallback)
{
    return (size_t)number(m, key, (double)fallback);
}

static bool is(const struct model *m, const char *arch)
{
    return strcmp(m->arch, arch) == 0;
}

/* A tensor's values; NULL: there is none. */
static double *values(const struct model *m, const char *name)
{
    const struct gguf_tensor *t = gguf_tensor_find(&m->g, name);
    float *single;
    double *out;

    if (t == NULL) {
        return NULL;
    }
    single = calloc(t->weights, sizeof *single);
    out = calloc(t->weights, sizeof *out);
    assert_true(single != NULL && out != NULL);
    quant_dequantise(t->type, gguf_tensor_data(&m->g, t).p, t->weights / t->type->weights, single);
    for (uint64_t i = 0; i < t->weights; i++) {
        out[i] = (double)single[i];
    }
    free(single);
    return out;
}

static double *of_layer(const struct model *m, size_t layer, const char *name)
{
    char full[96];

    (void)snprintf(full, sizeof full, "blk.%zu.%s", layer, name);
    return values(m, full);
}

static double *of_layer_or(const struct model *m, size_t layer, const char *name, const char *other)
{
    double *v = of_layer(m, layer, name);

    return v != NULL ? v : of_layer(m, layer, other);
}

static double *zeros(size_t n)
{
    double *p = calloc(n, sizeof *p);

    assert_non_null(p);
    return p;
}

/* y[rows] = w[rows][k] x + bias */
static void times(const double *w, const double *x, size_t k, size_t rows, const double *bias, double *y)
{
    assert_non_null(w);
    for (size_t r = 0; r < rows; r++) {
        double sum = bias != NULL ? bias[r] : 0.0;

        for (size_t i = 0; i < k; i++) {
            sum += w[r * k + i] * x[i];
        }
        y[r] = sum;
    }
}

/* For all tokens, with a layer's tensors NAME.weight and, where there is one, NAME.bias. */
static double *layer_times(const struct model *m, size_t layer, const char *name, const double *x, size_t k,
                           size_t rows)
{
    char weight[64], bias[64];
    double *w, *b, *y = zeros(m->n * rows);

    (void)snprintf(weight, sizeof weight, "%s.weight", name);
    (void)snprintf(bias, sizeof bias, "%s.bias", name);
    w = of_layer(m, layer, weight);
    b = of_layer(m, layer, bias);
    for (size_t t = 0; t < m->n; t++) {
        times(w, x + t * k, k, rows, b, y + t * rows);
    }
    free(w);
    free(b);
    return y;
}

/* In place; NULL: no such norm. */
static void norm(const struct model *m, double *x, const double *weight, size_t n)
{
    double sum = 0.0, eps = number(m, "attention.layer_norm_rms_epsilon", 1e-6);

    for (size_t i = 0; weight != NULL && i < n; i++) {
        sum += x[i] * x[i];
    }
    for (size_t i = 0; weight != NULL && i < n; i++) {
        x[i] = x[i] / sqrt(sum / (double)n + eps) * weight[i];
    }
}

static double *normed(const struct model *m, const double *x, double *weight, size_t n)
{
    double *y = zeros(m->n * n);

    assert_non_null(weight);
    memcpy(y, x, m->n * n * sizeof *y);
    for (size_t t = 0; t < m->n; t++) {
        norm(m, y + t * n, weight, n);
    }
    free(weight);
    return y;
}

static size_t window(const struct model *m, size_t layer)
{
    size_t period = size(m, "attention.sliding_window_pattern", is(m, "gemma3") ? 6 : 2);
    size_t w = size(m, "attention.sliding_window", 0);

    return w != 0 && layer % period != period - 1 ? w : 0;
}

/* Turns dim values of a head at a position. */
static void turn(const struct model *m, double *x, size_t dim, size_t position, size_t layer)
{
    const bool halves = !is(m, "llama") && !is(m, "deepseek2"), local = is(m, "gemma3") && window(m, layer) != 0;
    const double base = local ? number(m, "rope.freq_base_swa", 10000.0) : number(m, "rope.freq_base", 10000.0);
    const double factor = local ? 1.0 : number(m, "rope.scaling.factor", 1.0);
    const double original = number(m, "rope.scaling.original_context_length", 0.0);
    const bool yarn = original != 0.0 && factor != 1.0;
    double *factors = values(m, "rope_freqs.weight"), magnitude = number(m, "rope.scaling.attn_factor", 1.0), low = 0.0,
           high = 0.0;

    if (yarn) {
        low = floor((double)dim * log(original / (32.0 * 2.0 * PI)) / (2.0 * log(base)));
        high = ceil((double)dim * log(original / (1.0 * 2.0 * PI)) / (2.0 * log(base)));
        low = fmax(low, 0.0);
        high = fmin(high, (double)dim - 1.0);
        magnitude *= is(m, "deepseek2") ? 1.0 : 1.0 + 0.1 * log(factor);
    }
    for (size_t i = 0; i < dim / 2; i++) {
        double theta = (double)position * pow(base, -2.0 * (double)i / (double)dim), a, b;
        double *one = halves ? x + i : x + 2 * i, *two = halves ? x + i + dim / 2 : x + 2 * i + 1;

        theta /= factors != NULL ? factors[i] : 1.0;
        if (yarn) {
            double stretched = fmin(fmax(((double)i - low) / fmax(high - low, 0.001), 0.0), 1.0);

            theta = theta / factor * stretched + theta * (1.0 - stretched);
        } else {
            theta /= factor;
        }
        a = *one * cos(theta) - *two * sin(theta);
        b = *one * sin(theta) + *two * cos(theta);
        *one = a * magnitude;
        *two = b * magnitude;
    }
    free(factors);
}

/* Softmax over the keys that a query sees, times their values. q, k: kd values; v: vd; keys stand kstep apart. */
static void attend(const struct model *m, size_t layer, size_t position, const double *q, const double *k, size_t kstep,
                   size_t kd, const double *v, size_t vstep, size_t vd, double scale, const double *sink, double *out)
{
    size_t w = window(m, layer), from = w != 0 && position + 1 > w ? position + 1 - w : 0;
    double cap = number(m, "attn_logit_softcapping", 0.0), *s = zeros(position + 1), most = -INFINITY, sum = 0.0;

    for (size_t p = from; p <= position; p++) {
        for (size_t d = 0; d < kd; d++) {
            s[p] += q[d] * k[p * kstep + d] * scale;
        }
        s[p] = cap != 0.0 ? cap * tanh(s[p] / cap) : s[p];
        most = fmax(most, s[p]);
    }
    most = sink != NULL ? fmax(most, *sink) : most;
    sum = sink != NULL ? exp(*sink - most) : 0.0;
    for (size_t p = from; p <= position; p++) {
        s[p] = exp(s[p] - most);
        sum += s[p];
    }
    memset(out, 0, vd * sizeof *out);
    for (size_t p = from; p <= position; p++) {
        for (size_t d = 0; d < vd; d++) {
            out[d] += s[p] / sum * v[p * vstep + d];
        }
    }
    free(s);
}

/* Grouped-query attention: heads' results, [n][heads * dim]. */
static double *grouped(const struct model *m, size_t layer, const double *x, size_t embd)
{
    const size_t heads = size(m, "attention.head_count", 0), kv = size(m, "attention.head_count_kv", heads);
    const size_t dim = size(m, "attention.key_length", embd / heads), turning = size(m, "rope.dimension_count", dim);
    double *q = layer_times(m, layer, "attn_q", x, embd, heads * dim);
    double *k = layer_times(m, layer, "attn_k", x, embd, kv * dim);
    double *v = layer_times(m, layer, "attn_v", x, embd, kv * dim), *out = zeros(m->n * heads * dim);
    double *q_norm = of_layer(m, layer, "attn_q_norm.weight"), *k_norm = of_layer(m, layer, "attn_k_norm.weight");
    double *sinks = of_layer_or(m, layer, "attn_sinks.weight", "attn_sinks");

    for (size_t i = 0; i < m->n * heads; i++) {
        norm(m, q + i * dim, q_norm, dim);
        turn(m, q + i * dim, turning, i / heads, layer);
    }
    for (size_t i = 0; i < m->n * kv; i++) {
        norm(m, k + i * dim, k_norm, dim);
        turn(m, k + i * dim, turning, i / kv, layer);
    }
    for (size_t i = 0; i < m->n * heads; i++) {
        size_t h = i % heads, g = h / (heads / kv);

        attend(m, layer, i / heads, q + i * dim, k + g * dim, kv * dim, dim, v + g * dim, kv * dim, dim,
               1.0 / sqrt((double)dim), sinks != NULL ? sinks + h : NULL, out + i * dim);
    }
    free(q);
    free(k);
    free(v);
    free(q_norm);
    free(k_norm);
    free(sinks);
    return out;
}

/* Latent attention, not absorbed: each head's keys and values are made from the latent. [n][heads * vd] */
static double *latent(const struct model *m, size_t layer, const double *x, size_t embd)
{
    const size_t heads = size(m, "attention.head_count", 0), rank = size(m, "attention.kv_lora_rank", 0);
    const size_t q_rank = size(m, "attention.q_lora_rank", 0), kd = size(m, "attention.key_length_mla", 0);
    const size_t vd = size(m, "attention.value_length_mla", 0), turning = size(m, "rope.dimension_count", 0);
    const size_t nope = kd - turning;
    const double mscale =
        1.0 + number(m, "rope.scaling.yarn_log_multiplier", 0.0) * log(number(m, "rope.scaling.factor", 1.0));
    double *low = NULL, *q, *c = layer_times(m, layer, "attn_kv_a_mqa", x, embd, rank + turning);
    double *c_norm = of_layer(m, layer, "attn_kv_a_norm.weight"), *k_b = of_layer(m, layer, "attn_k_b.weight");
    double *v_b = of_layer(m, layer, "attn_v_b.weight"), *out = zeros(m->n * heads * vd);
    double *k = zeros(m->n * heads * kd), *v = zeros(m->n * heads * vd);

    if (q_rank != 0) {
        double *plain = layer_times(m, layer, "attn_q_a", x, embd, q_rank);

        low = normed(m, plain, of_layer(m, layer, "attn_q_a_norm.weight"), q_rank);
        q = layer_times(m, layer, "attn_q_b", low, q_rank, heads * kd);
        free(plain);
    } else {
        q = layer_times(m, layer, "attn_q", x, embd, heads * kd);
    }
    for (size_t t = 0; t < m->n; t++) {
        double *latent_row = c + t * (rank + turning);

        norm(m, latent_row, c_norm, rank);
        turn(m, latent_row + rank, turning, t, layer);
        for (size_t h = 0; h < heads; h++) {
            double *key = k + (t * heads + h) * kd;

            for (size_t j = 0; j < nope; j++) {
                for (size_t r = 0; r < rank; r++) {
                    key[j] += k_b[(h * rank + r) * nope + j] * latent_row[r];
                }
            }
            memcpy(key + nope, latent_row + rank, turning * sizeof *key);
            times(v_b + h * vd * rank, latent_row, rank, vd, NULL, v + (t * heads + h) * vd);
            turn(m, q + (t * heads + h) * kd + nope, turning, t, layer);
        }
    }
    for (size_t i = 0; i < m->n * heads; i++) {
        size_t h = i % heads;

        attend(m, layer, i / heads, q + i * kd, k + h * kd, heads * kd, kd, v + h * vd, heads * vd, vd,
               mscale * mscale / sqrt((double)kd), NULL, out + i * vd);
    }
    free(low);
    free(q);
    free(c);
    free(c_norm);
    free(k_b);
    free(v_b);
    free(k);
    free(v);
    return out;
}

static double gate(const struct model *m, double g, double u)
{
    if (is(m, "gemma3")) {
        return 0.5 * g * (1.0 + tanh(sqrt(2.0 / PI) * (g + 0.044715 * g * g * g))) * u;
    }
    if (strncmp(m->arch, "gpt", 3) == 0) {
        g = fmin(g, 7.0);
        u = fmin(fmax(u, -7.0), 7.0);
        return g / (1.0 + exp(-1.702 * g)) * (u + 1.0);
    }
    return g / (1.0 + exp(-g)) * u;
}

/* y += weight * block(x), one token. w: the three matrices, b: their biases or NULL. */
static void block_add(const struct model *m, const double *const w[3], const double *const b[3], const double *x,
                      size_t embd, size_t ff, double weight, double *y)
{
    double *g = zeros(ff), *u = zeros(ff), *d = zeros(embd);

    times(w[0], x, embd, ff, b[0], g);
    times(w[1], x, embd, ff, b[1], u);
    for (size_t i = 0; i < ff; i++) {
        g[i] = gate(m, g[i], u[i]);
    }
    times(w[2], g, ff, embd, b[2], d);
    for (size_t i = 0; i < embd; i++) {
        y[i] += weight * d[i];
    }
    free(g);
    free(u);
    free(d);
}

/* Which experts, and how much of each (0: not chosen). */
static void choose(const struct model *m, size_t layer, const double *x, size_t embd, size_t n, double *weights)
{
    const size_t used = size(m, "expert_used_count", 0), groups = size(m, "expert_group_count", 0);
    const bool sigmoid = number(m, "expert_gating_func", 0.0) == 2.0;
    const bool whole = is(m, "deepseek2") && number(m, "expert_weights_norm", 0.0) == 0.0;
    double *w = of_layer(m, layer, "ffn_gate_inp.weight"), *b = of_layer(m, layer, "ffn_gate_inp.bias");
    double *choice_bias = of_layer(m, layer, "exp_probs_b.bias"), *p = zeros(n), *value = zeros(n), all = 0.0,
           sum = 0.0;

    times(w, x, embd, n, b, p);
    for (size_t i = 0; i < n; i++) {
        p[i] = sigmoid ? 1.0 / (1.0 + exp(-p[i])) : exp(p[i]);
        all += p[i];
        value[i] = p[i] + (choice_bias != NULL ? choice_bias[i] : 0.0);
    }
    for (size_t closed = groups > 1 ? groups - size(m, "expert_group_used_count", 0) : 0; closed > 0; closed--) {
        size_t each = n / groups, worst = 0;
        double least = INFINITY;

        for (size_t g = 0; g < groups; g++) {
            double one = -INFINITY, two = -INFINITY;

            for (size_t i = g * each; i < (g + 1) * each; i++) {
                two = value[i] > one ? one : fmax(two, value[i]);
                one = fmax(one, value[i]);
            }
            if (one > -INFINITY && one + two < least) {
                least = one + two;
                worst = g;
            }
        }
        for (size_t i = worst * each; i < (worst + 1) * each; i++) {
            value[i] = -INFINITY;
        }
    }
    memset(weights, 0, n * sizeof *weights);
    for (size_t k = 0; k < used; k++) {
        size_t best = 0;

        for (size_t i = 1; i < n; i++) {
            best = value[i] > value[best] ? i : best;
        }
        weights[best] = p[best];
        sum += p[best];
        value[best] = -INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        weights[i] = weights[i] / (whole ? all : sum) * number(m, "expert_weights_scale", 1.0);
    }
    free(w);
    free(b);
    free(choice_bias);
    free(p);
    free(value);
}

static void experts_add(const struct model *m, size_t layer, const double *x, size_t embd, double *y)
{
    const size_t n = size(m, "expert_count", 0),
                 ff = size(m, "expert_feed_forward_length", size(m, "feed_forward_length", 0));
    const size_t shared = ff * size(m, "expert_shared_count", 0);
    double *w[3] = {of_layer(m, layer, "ffn_gate_exps.weight"), of_layer(m, layer, "ffn_up_exps.weight"),
                    of_layer(m, layer, "ffn_down_exps.weight")};
    double *b[3] = {of_layer(m, layer, "ffn_gate_exps.bias"), of_layer(m, layer, "ffn_up_exps.bias"),
                    of_layer(m, layer, "ffn_down_exps.bias")};
    double *s[3] = {of_layer(m, layer, "ffn_gate_shexp.weight"), of_layer(m, layer, "ffn_up_shexp.weight"),
                    of_layer(m, layer, "ffn_down_shexp.weight")};
    double *weights = zeros(n);

    for (size_t t = 0; t < m->n; t++) {
        choose(m, layer, x + t * embd, embd, n, weights);
        for (size_t e = 0; e < n; e++) {
            const double *we[3] = {w[0] + e * ff * embd, w[1] + e * ff * embd, w[2] + e * ff * embd};
            const double *be[3] = {b[0] != NULL ? b[0] + e * ff : NULL, b[1] != NULL ? b[1] + e * ff : NULL,
                                   b[2] != NULL ? b[2] + e * embd : NULL};

            if (weights[e] != 0.0) {
                block_add(m, we, be, x + t * embd, embd, ff, weights[e], y + t * embd);
            }
        }
        if (shared != 0) {
            block_add(m, (const double *const[]){s[0], s[1], s[2]}, (const double *const[3]){NULL}, x + t * embd, embd,
                      shared, 1.0, y + t * embd);
        }
    }
    for (int i = 0; i < 3; i++) {
        free(w[i]);
        free(b[i]);
        free(s[i]);
    }
    free(weights);
}

static void dense_add(const struct model *m, size_t layer, const double *x, size_t embd, double *y)
{
    const size_t ff = size(m, "feed_forward_length", 0);
    double *w[3] = {of_layer(m, layer, "ffn_gate.weight"), of_layer(m, layer, "ffn_up.weight"),
                    of_layer(m, layer, "ffn_down.weight")};

    for (size_t t = 0; t < m->n; t++) {
        block_add(m, (const double *const[]){w[0], w[1], w[2]}, (const double *const[3]){NULL}, x + t * embd, embd, ff,
                  1.0, y + t * embd);
    }
    for (int i = 0; i < 3; i++) {
        free(w[i]);
    }
}

static void layer_run(const struct model *m, size_t layer, double *x, size_t embd)
{
    const bool experts = size(m, "expert_count", 0) != 0 && layer >= size(m, "leading_dense_block_count", 0);
    const bool mla = is(m, "deepseek2"), post = is(m, "gemma3");
    const size_t heads = size(m, "attention.head_count", 0);
    double *y = normed(m, x, of_layer(m, layer, "attn_norm.weight"), embd), *out;
    double *after = post ? of_layer(m, layer, "post_attention_norm.weight") : NULL, *heads_out;

    heads_out = mla ? latent(m, layer, y, embd) : grouped(m, layer, y, embd);
    out = layer_times(m, layer, is(m, "gptoss") ? "attn_out" : "attn_output", heads_out,
                      mla ? heads * size(m, "attention.value_length_mla", 0)
                          : heads * size(m, "attention.key_length", embd / heads),
                      embd);
    for (size_t t = 0; t < m->n; t++) {
        norm(m, out + t * embd, after, embd);
    }
    for (size_t i = 0; i < m->n * embd; i++) {
        x[i] += out[i];
    }
    free(y);
    free(after);
    free(heads_out);
    y = normed(m, x, of_layer_or(m, layer, "ffn_norm.weight", "post_attention_norm.weight"), embd);
    after = of_layer(m, layer, "post_ffw_norm.weight");
    memset(out, 0, m->n * embd * sizeof *out);
    (experts ? experts_add : dense_add)(m, layer, y, embd, out);
    for (size_t t = 0; t < m->n; t++) {
        norm(m, out + t * embd, after, embd);
    }
    for (size_t i = 0; i < m->n * embd; i++) {
        x[i] += out[i];
    }
    free(y);
    free(after);
    free(out);
}

double *reference_logits(struct bytes file, const uint32_t *ids, size_t n, size_t *vocabulary)
{
    struct model m = {.n = n};
    struct bytes name;
    struct err err = {0};
    double *embedding, *head, *x, *y, *logits, cap;
    size_t embd, vocab;

    assert_ok(gguf_parse(file, &m.g, &err), err);
    assert_ok(gguf_get_str(&m.g, "general.architecture", &name, &err), err);
    (void)snprintf(m.arch, sizeof m.arch, "%.*s", (int)name.len, (const char *)name.p);
    embd = size(&m, "embedding_length", 0);
    vocab = (size_t)gguf_tensor_find(&m.g, "token_embd.weight")->dims[1];
    embedding = values(&m, "token_embd.weight");
    head = values(&m, "output.weight");
    x = zeros(n * embd);
    logits = zeros(n * vocab);
    for (size_t i = 0; i < n * embd; i++) {
        x[i] = embedding[ids[i / embd] * embd + i % embd] * (is(&m, "gemma3") ? sqrt((double)embd) : 1.0);
    }
    for (size_t layer = 0; layer < size(&m, "block_count", 0); layer++) {
        layer_run(&m, layer, x, embd);
    }
    y = normed(&m, x, values(&m, "output_norm.weight"), embd);
    cap = number(&m, "final_logit_softcapping", 0.0);
    for (size_t t = 0; t < n; t++) {
        times(head != NULL ? head : embedding, y + t * embd, embd, vocab, NULL, logits + t * vocab);
        for (size_t i = 0; cap != 0.0 && i < vocab; i++) {
            logits[t * vocab + i] = cap * tanh(logits[t * vocab + i] / cap);
        }
    }
    free(embedding);
    free(head);
    free(x);
    free(y);
    gguf_done(&m.g);
    *vocabulary = vocab;
    return logits;
}
