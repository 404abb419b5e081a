#include "engine/router.h"

#define SUM_MIN 0x1p-14F /* of gates that are made to add up to 1 */

static bool is_finite(float x)
{
    return x - x == 0.0F;
}

/* Logits to gates: sigmoids, or exp(logit - the largest). */
static void gates_make(const struct shape *s, const struct kernels *k, float *x)
{
    float most = x[0];

    for (uint32_t i = 1; i < s->experts; i++) {
        most = x[i] > most ? x[i] : most;
    }
    for (uint32_t i = 0; i < s->experts; i++) {
        x[i] = s->sigmoid ? -x[i] : x[i] - most;
    }
    k->exp(x, s->experts);
    for (uint32_t i = 0; s->sigmoid && i < s->experts; i++) {
        x[i] = 1.0F / (1.0F + x[i]);
    }
}

/* The sum of the two largest of n values. */
static float two_best(const float *x, uint32_t n)
{
    float first = x[0] > x[1] ? x[0] : x[1], second = x[0] > x[1] ? x[1] : x[0];

    for (uint32_t i = 2; i < n; i++) {
        if (x[i] > first) {
            second = first;
            first = x[i];
        } else if (x[i] > second) {
            second = x[i];
        }
    }
    return first + second;
}

/* The index of the largest value, the lowest among equals; it is taken: open[i] becomes false. */
static uint32_t take_best(const float *x, bool *open, uint32_t n)
{
    uint32_t best = n;

    for (uint32_t i = 0; i < n; i++) {
        if (open[i] && (best == n || x[i] > x[best])) {
            best = i;
        }
    }
    open[best] = false;
    return best;
}

/* Only experts of the best groups stay open: a group is worth the sum of its two best. */
static void groups_close(const struct shape *s, const float *values, bool *open)
{
    uint32_t each = s->experts / s->groups;
    float worth[SHAPE_EXPERTS_MAX];
    bool out[SHAPE_EXPERTS_MAX];

    for (uint32_t g = 0; g < s->groups; g++) {
        worth[g] = two_best(values + g * each, each);
        out[g] = true;
    }
    for (uint32_t i = 0; i < s->groups_used; i++) {
        (void)take_best(worth, out, s->groups);
    }
    for (uint32_t i = 0; i < s->experts; i++) {
        open[i] = !out[i / each];
    }
}

/* What the gates are divided by: the sum of the chosen ones in their order, or of all (16 lanes, the usual tree). */
static float total(const struct shape *s, const float *gates, const struct route *chosen)
{
    float lane[16] = {0}, sum = 0.0F;

    if (s->normalised) {
        for (uint32_t i = 0; i < s->experts_used; i++) {
            sum = sum + gates[chosen[i].expert];
        }
        return s->sigmoid && sum < SUM_MIN ? SUM_MIN : sum;
    }
    if (s->sigmoid) {
        return 1.0F;
    }
    for (uint32_t i = 0; i < s->experts; i++) {
        lane[i % 16] = lane[i % 16] + gates[i];
    }
    for (int half = 8; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) {
            lane[i] = lane[i] + lane[i + half];
        }
    }
    return lane[0];
}

bool router_choose(const struct shape *s, const struct kernels *k, float *logits, const float *bias, struct route *out)
{
    float values[SHAPE_EXPERTS_MAX], *gates = logits, sum;
    bool open[SHAPE_EXPERTS_MAX];

    for (uint32_t i = 0; i < s->experts; i++) {
        if (!is_finite(logits[i])) {
            return false;
        }
    }
    gates_make(s, k, gates);
    for (uint32_t i = 0; i < s->experts; i++) {
        values[i] = bias != NULL ? gates[i] + bias[i] : gates[i];
        open[i] = true;
    }
    if (s->groups != 0) {
        groups_close(s, values, open);
    }
    for (uint32_t i = 0; i < s->experts_used; i++) {
        out[i].expert = take_best(values, open, s->experts);
    }
    sum = total(s, gates, out);
    for (uint32_t i = 0; i < s->experts_used; i++) {
        out[i].weight = gates[out[i].expert] / sum * s->expert_scale;
    }
    return true;
}
