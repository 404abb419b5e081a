/* Which token comes next. The order of the steps is the one table of docs/engine.md, "Options":
 *
 *     1 logit_bias   2 repeat, frequency and presence penalty   3 temperature 0: the largest logit, lowest id: done
 *     4 top_k   5 typical_p   6 top_p   7 min_p, or instead of 4 to 7 mirostat   8 temperature   9 the draw
 *
 * Candidates stand by logit descending, then id ascending. Sums are double: over the whole vocabulary (top_k off) by
 * id, in 16 partials by id mod 16 and the tree i+8, i+4, i+2, i+1; cumulative sums in candidate order. */
#ifndef SOTTO_ENGINE_SAMPLER_H
#define SOTTO_ENGINE_SAMPLER_H

#include "engine/engine.h"

struct sampler;

MUST_USE bool sampler_new(uint32_t vocabulary, struct sampler **out, struct err *err);
void sampler_free(struct sampler *s); /* wipes */

/* A request begins: mirostat forgets, positions count from 0. */
void sampler_begin(struct sampler *s, const struct engine_options *o);
/* n tokens of the history are left out from now on; positions go on counting. */
void sampler_forget(struct sampler *s, size_t n);

/* logits: finite, changed by this. history: the tokens so far, the prompt's included; its count, and what was left out
 * of it, is the absolute position of the token that is chosen. filter NULL: every token may come. One that may not is
 * taken out, and another one is drawn, with the next number of the draw: what comes is distributed as if only the
 * others were there. SAMPLER_NONE: none may. */
#define SAMPLER_NONE UINT32_MAX
struct sampler_filter {
    bool (*allows)(void *arg, uint32_t id);
    void *arg;
};
uint32_t sampler_pick(struct sampler *s, const struct engine_options *o, float *logits, const uint32_t *history,
                      size_t count, const struct sampler_filter *filter);

/* Of the last sampler_pick() with top_logprobs >= 0: logarithms of the probabilities that the logits gave before
 * anything was done to them. Valid until the next. */
struct sampler_odds {
    double self; /* of the token that was picked */
    struct {
        uint32_t id;
        double value;
    } best[ENGINE_LOGPROBS_MAX];
    size_t count; /* top_logprobs, or the whole vocabulary */
};
const struct sampler_odds *sampler_odds(const struct sampler *s);

/* The largest, the lowest index among equals. */
uint32_t sampler_largest(const float *logits, uint32_t n);

/* Philox4x32-10 (Salmon et al., SC 2011). */
void sampler_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
