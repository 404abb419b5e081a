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
    size_t forgotten; /* tokens that the history had */
    double mu;        /* mirostat's state: the surprise to aim below */
    uint32_t *counts; /* by id, while penalties are reckoned; else 0 */
    float *model;     /* the logits as they came, for the odds */
    float largest;    /* of them */
    double log_all;   /* the logarithm of their weights' sum */
    struct sampler_odds odds;
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
        s->counts = calloc(vocabulary, sizeof *s->counts);
        s->model = calloc(vocabulary, sizeof *s->model);
        s->heap = calloc(vocabulary, sizeof *s->heap);
        s->taken = calloc((size_t)vocabulary + 1, sizeof *s->taken);
    }
    if (s == NULL || s->counts == NULL || s->model == NULL || s->heap == NULL || s->taken == NULL) {
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
    if (s->model != NULL && s->heap != NULL && s->taken != NULL) {
        wipe(s->model, s->vocabulary * sizeof *s->model);
        wipe(s->heap, s->vocabulary * sizeof *s->heap);
        wipe(s->taken, s->vocabulary * sizeof *s->taken);
    }
    free(s->counts);
    free(s->model);
    free(s->heap);
    free(s->taken);
    wipe(&s->odds, sizeof s->odds);
    free(s);
}

void sampler_begin(struct sampler *s, const struct engine_options *o)
{
    s->mu = 2.0 * (double)o->mirostat_tau;
    s->forgotten = 0;
}

void sampler_forget(struct sampler *s, size_t n)
{
    s->forgotten += n;
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

/* Penalties act once for each id; the one of frequency as often as it occurs. */
static void penalise(struct sampler *s, const struct engine_options *o, float *logits, const uint32_t *history,
                     size_t count)
{
    size_t last = o->repeat_last_n < 0 || (size_t)o->repeat_last_n > count ? count : (size_t)o->repeat_last_n;

    if (o->repeat_penalty == 1.0F && o->presence_penalty == 0.0F && o->frequency_penalty == 0.0F) {
        return;
    }
    for (size_t i = count - last; i < count; i++) {
        s->counts[history[i]]++;
    }
    for (size_t i = count - last; i < count; i++) {
        const uint32_t id = history[i];

        if (s->counts[id] != 0) {
            logits[id] = logits[id] > 0.0F ? logits[id] / o->repeat_penalty : logits[id] * o->repeat_penalty;
            logits[id] = logits[id] - ((float)s->counts[id] * o->frequency_penalty + o->presence_penalty);
            s->counts[id] = 0;
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

/* Over the whole vocabulary, by id. */
static double total_by_id(const float *logits, uint32_t n, float largest, double temperature)
{
    double lane[16] = {0};

    for (uint32_t id = 0; id < n; id++) {
        lane[id % 16] = lane[id % 16] + weight(logits[id], largest, temperature);
    }
    for (int half = 8; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) {
            lane[i] = lane[i] + lane[i + half];
        }
    }
    return lane[0];
}

/* The sum of all weights of the first `limit` candidates: in candidate order, or over the whole vocabulary by id. */
static double total(struct sampler *s, const float *logits, size_t limit, double temperature)
{
    double sum = 0.0;

    if (limit == s->vocabulary) {
        return total_by_id(logits, s->vocabulary, s->taken[0].logit, temperature);
    }
    for (size_t i = 0; candidate_at(s, i, limit); i++) {
        sum = sum + weight(s->taken[i].logit, s->taken[0].logit, temperature);
    }
    return sum;
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

/* How far a candidate's information is from what is expected: | -log p - entropy |. */
static double strangeness(double centre, float largest, float logit)
{
    double d = ((double)largest - (double)logit) - centre;

    return d < 0.0 ? -d : d;
}

struct typical {
    double centre;
    float largest;
};

static int candidate_order(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return before(*x, *y) ? -1 : 1; /* no two are equal */
}

static int typical_order(const void *a, const void *b, void *arg)
{
    const struct typical *t = arg;
    double x = strangeness(t->centre, t->largest, ((const struct candidate *)a)->logit);
    double y = strangeness(t->centre, t->largest, ((const struct candidate *)b)->logit);

    return x < y ? -1 : x > y ? 1 : candidate_order(a, b);
}

/* Locally typical sampling (Meister et al. 2022): the fewest of the least strange candidates whose probabilities reach
 * typical_p, at least one; they stand in candidate order again afterwards. */
static size_t typical(struct sampler *s, const float *logits, size_t limit, double typical_p)
{
    double all = total(s, logits, limit, 1.0), mean = 0.0, sum = 0.0;
    struct typical t = {.largest = s->taken[0].logit};
    size_t count = 0, kept = 0;

    for (; candidate_at(s, count, limit); count++) {
        double w = weight(s->taken[count].logit, t.largest, 1.0);

        mean = mean + w * ((double)t.largest - (double)s->taken[count].logit);
    }
    /* With d = largest - logit: -log p = log all + d, and the entropy is log all + the mean of d. */
    t.centre = mean / all;
    qsort_r(s->taken, count, sizeof *s->taken, typical_order, &t);
    while (kept < count && (kept == 0 || sum < typical_p * all)) {
        sum = sum + weight(s->taken[kept++].logit, t.largest, 1.0);
    }
    qsort(s->taken, kept, sizeof *s->taken, candidate_order);
    s->taken_count = kept;
    s->heap_count = 0;
    return kept;
}

static double uniform(const struct engine_options *o, size_t position, uint32_t attempt)
{
    const uint32_t key[2] = {(uint32_t)o->seed, (uint32_t)(o->seed >> 32)};
    const uint32_t counter[4] = {o->choice, (uint32_t)position, attempt, 0};
    uint32_t word[4];

    sampler_philox(counter, key, word);
    return (double)(word[0] >> 8) * 0x1p-24;
}

/* The number of the candidate drawn; *share: its part of the sum. */
static size_t draw(struct sampler *s, const float *logits, size_t limit, double temperature, double u, double *share)
{
    double all = total(s, logits, limit, temperature), sum = 0.0, w = 0.0;
    size_t i = 0;

    for (; candidate_at(s, i, limit); i++) {
        w = weight(s->taken[i].logit, s->taken[0].logit, temperature);
        sum = sum + w;
        if (sum > u * all) {
            break;
        }
    }
    i -= i == s->taken_count || i == limit; /* rounding left the sum below the goal */
    *share = w / all;
    return i;
}

#define LN2 0x1.62e42fefa39efp-1
#define TINY 0x1p-1000

static double log2_of(double x)
{
    return math_log(x > TINY ? x : TINY) / LN2;
}

/* ---- Mirostat (Basu et al. 2021): how many of the best stay, so that the surprise -log2 p comes to tau. ---- */

#define MIROSTAT_M 100 /* candidates from which version 1 estimates Zipf's exponent */

static size_t mirostat1(struct sampler *s, double temperature)
{
    double tb = 0.0, tt = 0.0, e, log_k;
    size_t n = s->vocabulary;

    for (size_t i = 0; i + 1 < MIROSTAT_M && candidate_at(s, i + 1, n); i++) {
        double t = math_log((double)(i + 2) / (double)(i + 1));

        tb = tb + t * (((double)s->taken[i].logit - (double)s->taken[i + 1].logit) / temperature);
        tt = tt + t * t;
    }
    if (!(tb > 0.0)) { /* all alike, or one alone: no slope */
        return n;
    }
    /* k = (e 2^mu / (1 - N^-e)) ^ (1 / s), where s = tb / tt and e = s - 1 */
    e = tb / tt - 1.0;
    if (e > -1e-9 && e < 1e-9) {
        log_k = -math_log(math_log((double)n)); /* the limit */
    } else {
        double rest = 1.0 - math_exp(-e * math_log((double)n));

        log_k = log2_of(e / rest) * LN2;
    }
    log_k = (log_k + s->mu * LN2) * (tt / tb);
    return log_k <= 0.0 ? 1 : log_k >= math_log((double)n) ? n : (size_t)math_exp(log_k);
}

static size_t mirostat2(struct sampler *s, const float *logits, double temperature)
{
    double all = total(s, logits, s->vocabulary, temperature);
    size_t i = 1;

    while (candidate_at(s, i, s->vocabulary) &&
           -log2_of(weight(s->taken[i].logit, s->taken[0].logit, temperature) / all) <= s->mu) {
        i++;
    }
    return i;
}

/* ---- Odds. ---- */

static double log_probability(const struct sampler *s, uint32_t id)
{
    return ((double)s->model[id] - (double)s->largest) - s->log_all;
}

static void odds_set(struct sampler *s, size_t best)
{
    s->largest = s->model[sampler_largest(s->model, s->vocabulary)];
    s->log_all = math_log(total_by_id(s->model, s->vocabulary, s->largest, 1.0));
    s->taken_count = 0;
    if (best != 0) {
        take_small(s, s->model, best < s->vocabulary ? best : s->vocabulary);
    }
    s->odds.count = s->taken_count;
    for (size_t i = 0; i < s->taken_count; i++) {
        s->odds.best[i].id = s->taken[i].id;
        s->odds.best[i].value = log_probability(s, s->taken[i].id);
    }
}

const struct sampler_odds *sampler_odds(const struct sampler *s)
{
    return &s->odds;
}

/* ---- The steps. ---- */

static size_t filter(struct sampler *s, const struct engine_options *o, const float *logits, size_t limit)
{
    if (o->typical_p < 1.0F) {
        limit = typical(s, logits, limit, (double)o->typical_p);
    }
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
    return limit;
}

static uint32_t choose(struct sampler *s, const struct engine_options *o, const float *logits, size_t position,
                       uint32_t attempt)
{
    const double temperature = (double)o->temperature, u = uniform(o, position, attempt);
    size_t limit = s->vocabulary, i;
    double share;

    if (o->mirostat == 0 && o->top_k > 0 && (uint32_t)o->top_k < s->vocabulary) {
        limit = (size_t)o->top_k;
    }
    s->taken_count = 0;
    s->heap_count = 0;
    if (limit <= SMALL_K) {
        take_small(s, logits, limit);
    } else {
        heap_fill(s, logits);
    }
    (void)candidate_at(s, 0, limit);
    if (o->mirostat == 0) {
        limit = filter(s, o, logits, limit);
    } else {
        limit = o->mirostat == 1 ? mirostat1(s, temperature) : mirostat2(s, logits, temperature);
    }
    i = draw(s, logits, limit, temperature, u, &share);
    if (o->mirostat != 0) {
        s->mu = s->mu - (double)o->mirostat_eta * (-log2_of(share) - (double)o->mirostat_tau);
    }
    return s->taken[i].id;
}

/* A logit that nothing is left of, whatever is done to it. */
#define NEVER (-1e30F)
#define ATTEMPTS 8 /* one by one; then all tokens are looked at */

static bool mask(struct sampler *s, float *logits, const struct sampler_filter *f)
{
    bool any = false;

    for (uint32_t id = 0; id < s->vocabulary; id++) {
        if (f->allows(f->arg, id)) {
            any = true;
        } else {
            logits[id] = NEVER;
        }
    }
    return any;
}

static uint32_t pick(struct sampler *s, const struct engine_options *o, float *logits, size_t count,
                     const struct sampler_filter *f)
{
    /* Mirostat learns from each draw: it draws once. */
    uint32_t attempt = f != NULL && o->mirostat != 0 ? ATTEMPTS : 0;

    for (;; attempt++) {
        uint32_t id;

        if (attempt == ATTEMPTS && !mask(s, logits, f)) {
            return SAMPLER_NONE;
        }
        id = o->temperature == 0.0F ? sampler_largest(logits, s->vocabulary) : choose(s, o, logits, count, attempt);
        if (attempt == ATTEMPTS && logits[id] <= NEVER / 2) { /* the odds of all that may come are 0 */
            return sampler_largest(logits, s->vocabulary);
        }
        if (f == NULL || attempt == ATTEMPTS || f->allows(f->arg, id)) {
            return id;
        }
        logits[id] = NEVER;
    }
}

uint32_t sampler_pick(struct sampler *s, const struct engine_options *o, float *logits, const uint32_t *history,
                      size_t count, const struct sampler_filter *filter)
{
    uint32_t id;

    if (o->top_logprobs >= 0) {
        memcpy(s->model, logits, s->vocabulary * sizeof *logits);
        odds_set(s, (size_t)o->top_logprobs);
    }
    for (size_t i = 0; i < o->bias_count; i++) {
        logits[o->bias[i].id] = logits[o->bias[i].id] + o->bias[i].value;
    }
    penalise(s, o, logits, history, count);
    id = pick(s, o, logits, s->forgotten + count, filter);
    if (id != SAMPLER_NONE && o->top_logprobs >= 0) {
        s->odds.self = log_probability(s, id);
    }
    return id;
}
