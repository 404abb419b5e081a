#include "engine/sampler.h"

#include "engine/math.h"
#include "engine/wipe.h"

#include <stdlib.h>

#define SMALL_K 256 /* up to here the k best are kept sorted while the logits are gone through once */

struct candidate {
    float logit;
    uint32_t id;
};

struct sampler {
    uint32_t vocabulary;
    uint32_t round;         /* number of the pick, for marks */
    uint32_t *marks;        /* by id: the round in which it was penalised */
    struct candidate *heap; /* those not taken yet: a heap, best first */
    size_t heap_count;
    struct candidate *taken; /* best first */
    size_t taken_count;
};

bool sampler_new(uint32_t vocabulary, struct sampler **out, struct err *err)
{
    struct sampler *s = calloc(1, sizeof *s);

    if (s != NULL) {
        s->vocabulary = vocabulary;
        s->marks = calloc(vocabulary, sizeof *s->marks);
        s->heap = calloc(vocabulary, sizeof *s->heap);
        s->taken = calloc((size_t)vocabulary + 1, sizeof *s->taken);
    }
    if (s == NULL || s->marks == NULL || s->heap == NULL || s->taken == NULL) {
        sampler_free(s);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a sampler of %u tokens", vocabulary);
    }
    *out = s;
    return true;
}

void sampler_free(struct sampler *s)
{
    if (s == NULL) {
        return;
    }
    if (s->marks != NULL && s->heap != NULL && s->taken != NULL) {
        wipe(s->marks, s->vocabulary * sizeof *s->marks);
        wipe(s->heap, s->vocabulary * sizeof *s->heap);
        wipe(s->taken, s->vocabulary * sizeof *s->taken);
    }
    free(s->marks);
    free(s->heap);
    free(s->taken);
    free(s);
}

void sampler_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};

    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xd2511f53U * c[0], b = (uint64_t)0xcd9e8d57U * c[2];

        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ k[0];
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ k[1];
        c[3] = (uint32_t)a;
        k[0] += 0x9e3779b9U;
        k[1] += 0xbb67ae85U;
    }
    memcpy(out, c, sizeof c);
}

uint32_t sampler_largest(const float *logits, uint32_t n)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < n; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

/* Once for each id, however often it occurs. */
static void penalise(struct sampler *s, const struct engine_options *o, float *logits, const uint32_t *history,
                     size_t count)
{
    size_t last = o->repeat_last_n < 0 || (size_t)o->repeat_last_n > count ? count : (size_t)o->repeat_last_n;

    if (o->repeat_penalty == 1.0F) {
        return;
    }
    s->round++;
    for (size_t i = count - last; i < count; i++) {
        uint32_t id = history[i];

        if (s->marks[id] != s->round) {
            s->marks[id] = s->round;
            logits[id] = logits[id] > 0.0F ? logits[id] / o->repeat_penalty : logits[id] * o->repeat_penalty;
        }
    }
}

static bool before(struct candidate a, struct candidate b)
{
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/* ---- The k best of a few, or a heap from which as many are taken as a sum needs. ---- */

static void take_small(struct sampler *s, const float *logits, size_t k)
{
    for (uint32_t id = 0; id < s->vocabulary; id++) {
        struct candidate c = {.logit = logits[id], .id = id};
        size_t at;

        if (s->taken_count == k && !before(c, s->taken[k - 1])) {
            continue;
        }
        at = s->taken_count < k ? s->taken_count++ : k - 1;
        for (; at > 0 && before(c, s->taken[at - 1]); at--) {
            s->taken[at] = s->taken[at - 1];
        }
        s->taken[at] = c;
    }
}

static void sift(struct sampler *s, size_t at)
{
    for (;;) {
        size_t best = at, child = 2 * at + 1;
        struct candidate swap = s->heap[at];

        if (child < s->heap_count && before(s->heap[child], s->heap[best])) {
            best = child;
        }
        if (child + 1 < s->heap_count && before(s->heap[child + 1], s->heap[best])) {
            best = child + 1;
        }
        if (best == at) {
            return;
        }
        s->heap[at] = s->heap[best];
        s->heap[best] = swap;
        at = best;
    }
}

static void heap_fill(struct sampler *s, const float *logits)
{
    s->heap_count = s->vocabulary;
    for (uint32_t id = 0; id < s->vocabulary; id++) {
        s->heap[id] = (struct candidate){.logit = logits[id], .id = id};
    }
    for (size_t i = s->heap_count / 2; i-- > 0;) {
        sift(s, i);
    }
}

/* Candidate number i < limit exists; takes it from the heap if need be. */
static bool candidate_at(struct sampler *s, size_t i, size_t limit)
{
    while (i < limit && s->taken_count <= i && s->heap_count > 0) {
        s->taken[s->taken_count++] = s->heap[0];
        s->heap[0] = s->heap[--s->heap_count];
        sift(s, 0);
    }
    return i < limit && i < s->taken_count;
}

/* exp((logit - largest) / temperature) */
static double weight(float logit, float largest, double temperature)
{
    return math_exp(((double)logit - (double)largest) / temperature);
}

/* The sum of all weights of the first `limit` candidates: in candidate order, or over the whole vocabulary by id. */
static double total(struct sampler *s, const float *logits, size_t limit, double temperature)
{
    double lane[16] = {0}, sum = 0.0;

    if (limit < s->vocabulary) {
        for (size_t i = 0; candidate_at(s, i, limit); i++) {
            sum = sum + weight(s->taken[i].logit, s->taken[0].logit, temperature);
        }
        return sum;
    }
    for (uint32_t id = 0; id < s->vocabulary; id++) {
        lane[id % 16] = lane[id % 16] + weight(logits[id], s->taken[0].logit, temperature);
    }
    for (int half = 8; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) {
            lane[i] = lane[i] + lane[i + half];
        }
    }
    return lane[0];
}

/* The fewest candidates whose weights reach top_p of the sum, at least one. */
static size_t nucleus(struct sampler *s, const float *logits, size_t limit, double top_p)
{
    double goal = top_p * total(s, logits, limit, 1.0), sum = 0.0;
    size_t i = 0;

    while (candidate_at(s, i, limit)) {
        sum = sum + weight(s->taken[i].logit, s->taken[0].logit, 1.0);
        i++;
        if (sum >= goal) {
            break;
        }
    }
    return i;
}

static double uniform(uint64_t seed, size_t position)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {0, (uint32_t)position, 0, 0}; /* choice, position, draw, 0 */
    uint32_t word[4];

    sampler_philox(counter, key, word);
    return (double)(word[0] >> 8) * 0x1p-24;
}

static uint32_t draw(struct sampler *s, const float *logits, size_t limit, double temperature, double u)
{
    double goal = u * total(s, logits, limit, temperature), sum = 0.0;
    size_t i = 0;

    for (; candidate_at(s, i, limit); i++) {
        sum = sum + weight(s->taken[i].logit, s->taken[0].logit, temperature);
        if (sum > goal) {
            return s->taken[i].id;
        }
    }
    return s->taken[i - 1].id; /* rounding left the sum below the goal */
}

uint32_t sampler_pick(struct sampler *s, const struct engine_options *o, float *logits, const uint32_t *history,
                      size_t count)
{
    size_t limit = o->top_k > 0 && (uint32_t)o->top_k < s->vocabulary ? (size_t)o->top_k : s->vocabulary;

    penalise(s, o, logits, history, count);
    if (o->temperature == 0.0F) {
        return sampler_largest(logits, s->vocabulary);
    }
    s->taken_count = 0;
    s->heap_count = 0;
    if (limit <= SMALL_K) {
        take_small(s, logits, limit);
    } else {
        heap_fill(s, logits);
    }
    (void)candidate_at(s, 0, limit);
    if (o->top_p < 1.0F) {
        limit = nucleus(s, logits, limit, (double)o->top_p);
    }
    if (o->min_p > 0.0F) {
        size_t n = 1;

        while (candidate_at(s, n, limit) && weight(s->taken[n].logit, s->taken[0].logit, 1.0) >= (double)o->min_p) {
            n++;
        }
        limit = n;
    }
    return draw(s, logits, limit, (double)o->temperature, uniform(o->seed, count));
}
