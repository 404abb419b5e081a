#include "engine/engine.h"

#include "chat/form.h"
#include "engine/forward.h"
#include "engine/isa.h"
#include "engine/math.h"
#include "engine/prompt.h"
#include "engine/sampler.h"
#include "engine/stream.h"
#include "engine/wipe.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* As fast as 512, and a client that leaves is heard between its layers: within about the time of a token. */
#define CHUNK_DEFAULT 128U
#define CHUNK_MAX 4096U
#define CONTEXT_DEFAULT 4096U
#define SHIFT_SHARE 8U   /* a shift frees at least this part of the context */
#define TEXT_MAX MIB(64) /* of one event */
#define PARTS (OUTPUT_CALL + 1)

/* The request that is computed; all of it is wiped when it ends. */
struct request {
    bool active;
    struct engine_options options;
    struct buf stops; /* the stop texts' bytes */
    struct engine_bias bias[ENGINE_BIAS_MAX];
    struct stream stream;
    struct output output;     /* behind the stream */
    struct form form;         /* what the answer is held to */
    struct tokenizer_ids ids; /* the prompt, then the answer */
    bool embeds;
    size_t taken;          /* tokens of the embedding */
    size_t prompt, cached; /* tokens of the prompt; tokens in the cache */
    size_t keep;           /* the first tokens, that stay when the context overflows */
    bool shifted;
    uint64_t started;
};

struct engine {
    struct engine_setup setup;
    const struct kernels *kernels; /* of the chosen set */
    char kernel_names[256];
    struct prompt prompt;
    struct tokenizer_info vocabulary;
    struct weights weights;
    struct tokenizer *tokenizer;
    struct pool *pool;
    struct forward *forward;
    struct sampler *sampler;
    struct request request;
    struct buf raw,
        parts[PARTS]; /* of the event that is out: as it came from the stream, and parted (enum output_part) */
    double *sum;      /* of an embedding, while it is made */
    float *vector;    /* and when it is */
    /* With logprobs: those that the event shows, then those whose text is held back. */
    struct engine_token *tokens;
    size_t *starts; /* where each one's text begins in the answer */
    size_t token_count, token_cap, token_shown, token_bytes;
    struct engine_stats stats;
    atomic_bool cancelled;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* ---- Opening. ---- */

static bool kernels_choose(struct engine *e, struct err *err)
{
    const struct kernels *k = isa_kernels(e->setup.isa);

    if (k == NULL) {
        return FAIL(err, REASON_ISA_ABSENT, ERR_NOWHERE, "%s", engine_isa_name(e->setup.isa));
    }
    e->kernels = k;
    return true;
}

/* "Q4_1=avx512 Q8_0=avx512" */
static void kernels_name(struct engine *e)
{
    size_t at = 0;

    for (size_t i = 0; i < e->weights.used_count && at < sizeof e->kernel_names; i++) {
        at += (size_t)snprintf(e->kernel_names + at, sizeof e->kernel_names - at, "%s%s=%s", i == 0 ? "" : " ",
                               e->weights.used[i]->name, e->kernels->name);
    }
}

/* By enum engine_kv. */
static const struct {
    const char *name;
    enum kernel_cache cache;
} caches[] = {
    {"f32", KERNEL_CACHE_F32}, {"f16", KERNEL_CACHE_F16}, {"bf16", KERNEL_CACHE_BF16}, {"q8_0", KERNEL_CACHE_Q8_0}};

bool engine_kv_find(const char *name, enum engine_kv *out)
{
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        if (strcmp(caches[i].name, name) == 0) {
            *out = (enum engine_kv)i;
            return true;
        }
    }
    return false;
}

static bool setup_check(struct engine_setup *s, struct err *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    s->threads = s->threads != 0 ? s->threads : cores < 1 ? 1 : (unsigned)cores;
    s->threads = s->threads < POOL_THREADS_MAX ? s->threads : POOL_THREADS_MAX;
    s->chunk = s->chunk != 0 ? s->chunk : CHUNK_DEFAULT;
    if (s->chunk > CHUNK_MAX) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "chunk of %u, at most %u", s->chunk, CHUNK_MAX);
    }
    if (s->context > LIMIT_CONTEXT) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "context of %u, at most %u", s->context, LIMIT_CONTEXT);
    }
    s->kv = s->exact ? ENGINE_KV_F32 : s->kv;
    return true;
}

/* Between the layers of a chunk of many tokens. */
static bool go_on(void *arg)
{
    struct engine *e = arg;

    if (e->setup.between != NULL) {
        e->setup.between(e->setup.arg);
    }
    return !e->request.active || !atomic_load(&e->cancelled);
}

static bool context_choose(struct engine *e, struct err *err)
{
    const uint32_t trained = e->weights.shape.trained_context;

    if (e->setup.context == 0) {
        e->setup.context = trained < CONTEXT_DEFAULT ? trained : CONTEXT_DEFAULT;
    }
    return e->setup.context <= trained ||
           FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "context of %u tokens, the model was trained with %u",
                e->setup.context, trained);
}

/* The header decides how much memory the model needs; only then is the rest read. */
static bool engine_fill(struct engine *e, const struct engine_source *source, struct identity *identity,
                        struct err *err)
{
    struct forward_setup f = {.weights = &e->weights, .go_on = go_on, .arg = e};
    struct weights_opening *o = NULL;
    bool ok;

    if (!setup_check(&e->setup, err) || !kernels_choose(e, err) || !pool_new(e->setup.threads, &e->pool, err) ||
        !weights_begin(source, &e->setup, &e->weights, &e->tokenizer, &o, err)) {
        return false;
    }
    ok = context_choose(e, err);
    f.kernels = e->kernels;
    f.pool = e->pool;
    f.cache = caches[e->setup.kv].cache;
    f.chunk = e->setup.chunk;
    f.context = e->setup.context;
    ok = ok && weights_end(o, &e->setup, forward_size(&f), e->pool, &e->weights, identity, err);
    weights_opening_free(o);
    if (!ok) {
        return false;
    }
    kernels_name(e);
    tokenizer_info(e->tokenizer, &e->vocabulary);
    prompt_init(&e->prompt, e->tokenizer, buf_bytes(&e->weights.chat_template));
    buf_done(&e->weights.chat_template);
    e->sum = calloc(e->weights.shape.embd, sizeof *e->sum);
    e->vector = calloc(e->weights.shape.embd, sizeof *e->vector);
    if (e->sum == NULL || e->vector == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "an embedding");
    }
    return forward_new(&f, &e->forward, err) && sampler_new(e->weights.shape.vocab, &e->sampler, err);
}

bool engine_open(const struct engine_source *source, const struct engine_setup *setup, struct engine **out,
                 struct identity *identity, struct err *err)
{
    struct engine *e = calloc(1, sizeof *e);
    unsigned environment;
    bool ok;

    if (e == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "an engine");
    }
    e->setup = *setup;
    e->raw = BUF(TEXT_MAX);
    for (size_t i = 0; i < PARTS; i++) {
        e->parts[i] = BUF(TEXT_MAX);
    }
    environment = math_environment_enter();
    ok = engine_fill(e, source, identity, err);
    math_environment_restore(environment);
    if (!ok) {
        engine_close(e);
        return false;
    }
    *out = e;
    return true;
}

static void vector_wipe(struct engine *e)
{
    if (e->sum != NULL && e->vector != NULL) {
        wipe(e->sum, e->weights.shape.embd * sizeof *e->sum);
        wipe(e->vector, e->weights.shape.embd * sizeof *e->vector);
    }
}

static void request_end(struct engine *e)
{
    struct request *r = &e->request;
    /* A chunk that was not finished has filled more than what counts as cached. */
    const size_t used = r->shifted ? e->setup.context : r->ids.count;

    if (!r->active) {
        return;
    }
    stream_done(&r->stream);
    output_done(&r->output);
    form_done(&r->form);
    buf_done(&r->stops);
    tokenizer_ids_done(&r->ids);
    forward_wipe(e->forward, used);
    *r = (struct request){0};
}

/* Of the event before. */
static void event_wipe(struct engine *e)
{
    wipe(e->raw.p, e->raw.cap);
    e->raw.len = 0;
    for (size_t i = 0; i < PARTS; i++) {
        wipe(e->parts[i].p, e->parts[i].len);
        e->parts[i].len = 0;
    }
}

void engine_close(struct engine *e)
{
    if (e == NULL) {
        return;
    }
    request_end(e);
    event_wipe(e);
    buf_done(&e->raw);
    for (size_t i = 0; i < PARTS; i++) {
        buf_done(&e->parts[i]);
    }
    vector_wipe(e);
    free(e->sum);
    free(e->vector);
    wipe(e->tokens, e->token_cap * sizeof *e->tokens);
    free(e->tokens);
    free(e->starts);
    sampler_free(e->sampler);
    forward_free(e->forward);
    weights_done(&e->weights);
    prompt_done(&e->prompt);
    tokenizer_free(e->tokenizer);
    pool_free(e->pool);
    free(e);
}

void engine_info(const struct engine *e, struct engine_info *out)
{
    const struct shape *s = &e->weights.shape;

    *out = (struct engine_info){.architecture = s->family->name,
                                .quantization = e->weights.quantization,
                                .parameters = e->weights.parameters,
                                .context = e->setup.context,
                                .trained_context = s->trained_context,
                                .embedding = s->embd,
                                .layers = s->layers,
                                .vocabulary = s->vocab,
                                .isa = e->kernels->name,
                                .kernels = e->kernel_names,
                                .chat = e->prompt.chat_template != NULL,
                                .chat_problem = e->prompt.problem,
                                .tools = e->prompt.format.tools,
                                .thinks = e->prompt.format.thinks,
                                .memory = e->weights.memory_size + forward_memory(e->forward)};
}

/* ---- Requests. ---- */

static bool stops_take(struct request *r, const struct engine_options *o, struct err *err)
{
    struct bytes stops[ENGINE_STOPS_MAX];
    size_t at = 0;

    r->stops = BUF((size_t)ENGINE_STOPS_MAX * ENGINE_STOP_SIZE);
    for (size_t i = 0; i < o->stop_count; i++) {
        if (!buf_str(&r->stops, o->stop[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < o->stop_count; i++) {
        stops[i] = bytes_of(r->stops.p + at, strlen(o->stop[i]));
        at += stops[i].len;
    }
    stream_init(&r->stream, stops, o->stop_count);
    return true;
}

static bool bias_take(struct engine *e, const struct engine_options *o, struct err *err)
{
    for (size_t i = 0; i < o->bias_count; i++) {
        if (o->bias[i].id >= e->weights.shape.vocab) {
            return FAIL(err, REASON_TOKEN_RANGE, ERR_NOWHERE, "logit_bias of token %u, the vocabulary has %u",
                        o->bias[i].id, e->weights.shape.vocab);
        }
        e->request.bias[i] = o->bias[i];
    }
    return true;
}

/* Where the parts of an answer go. */
static bool part_emit(void *arg, enum output_part part, struct bytes text, struct err *err)
{
    struct engine *e = arg;

    return buf_add(&e->parts[part], text.p, text.len, err) &&
           (part != OUTPUT_CALL || buf_str(&e->parts[part], "\n", err));
}

/* A file may have more tokens than rows of weights (weights.c says where). */
static bool ids_have_rows(const struct engine *e, const uint32_t *ids, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] >= e->weights.shape.vocab) {
            return FAIL(err, REASON_TOKEN_RANGE, i, "%u of %u", ids[i], e->weights.shape.vocab);
        }
    }
    return true;
}

bool engine_submit(struct engine *e, const struct engine_request *q, struct err *err)
{
    struct request *r = &e->request;
    struct prompt_shape shape;

    request_end(e);
    atomic_store(&e->cancelled, false);
    e->stats = (struct engine_stats){0};
    if (!engine_options_check(&q->options, err)) {
        return false;
    }
    r->embeds = q->wish == ENGINE_EMBED || q->wish == ENGINE_EMBED_CUT;
    if (r->embeds && e->weights.pooling == EMBED_RANK) {
        return FAIL(err, REASON_NOT_SUPPORTED, ERR_NOWHERE, "embeddings: the model ranks texts");
    }
    r->active = true;
    vector_wipe(e);
    wipe(e->tokens, e->token_cap * sizeof *e->tokens);
    r->options = q->options;
    r->options.stop = NULL;
    r->options.bias = r->bias;
    e->token_count = 0;
    e->token_shown = 0;
    e->token_bytes = 0;
    sampler_begin(e->sampler, &r->options);
    r->ids = TOKENIZER_IDS(e->setup.context);
    r->started = now_ns();
    if (!stops_take(r, &q->options, err) || !bias_take(e, &q->options, err) ||
        !form_init(&r->form, q->form, q->chat, &e->prompt.format, err) ||
        !prompt_make(&e->prompt, q, &r->ids, &shape, err) || !ids_have_rows(e, r->ids.p, r->ids.count, err)) {
        request_end(e);
        return false;
    }
    e->stats.truncated = shape.truncated;
    output_init(&r->output, &shape.format, shape.tools, shape.thinking, part_emit, e);
    if (r->ids.count == 0) {
        request_end(e);
        return q->chat != NULL ? FAIL(err, REASON_CHAT_FORM, ERR_NOWHERE, "an empty prompt")
                               : FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "an empty text");
    }
    r->prompt = r->ids.count;
    r->keep = shape.keep;
    r->ids.max = (size_t)e->setup.context + 1; /* the last one is not cached yet */
    e->stats.prompt_tokens = (unsigned)r->prompt;
    return true;
}

static enum engine_end finish(struct engine *e, enum engine_end end)
{
    if (e->stats.prompt_ns != 0) {
        e->stats.answer_ns = now_ns() - e->request.started - e->stats.prompt_ns;
    } else {
        e->stats.prompt_ns = now_ns() - e->request.started;
    }
    request_end(e);
    return end;
}

/* What of the n tokens from position r->cached on belongs to the embedding. */
static bool embedding_add(struct engine *e, size_t n, struct err *err)
{
    struct request *r = &e->request;
    const size_t embd = e->weights.shape.embd;

    for (size_t i = 0; i < n; i++) {
        const float *row;

        if (!embed_takes(e->weights.pooling, r->cached + i, r->prompt)) {
            continue;
        }
        if (!forward_hidden(e->forward, i, &row, err)) {
            return false;
        }
        embed_add(row, embd, e->sum);
        r->taken++;
    }
    if (r->cached + n == r->prompt) {
        embed_end(e->sum, r->taken, embd, e->vector);
    }
    return true;
}

/* Computes what is not cached yet: a chunk of the prompt, or the last token. */
static bool advance(struct engine *e, struct err *err)
{
    struct request *r = &e->request;
    size_t n = r->ids.count - r->cached;

    n = n < e->setup.chunk ? n : e->setup.chunk;
    if (!forward_tokens(e->forward, r->ids.p + r->cached, n, r->cached, err) ||
        (r->embeds && !embedding_add(e, n, err))) {
        return false;
    }
    r->cached += n;
    if (r->cached == r->prompt && e->stats.prompt_ns == 0) {
        e->stats.prompt_ns = now_ns() - r->started;
    }
    return true;
}

static bool logprob_set(const struct engine *e, uint32_t id, double value, struct engine_logprob *out, struct err *err)
{
    out->value = value;
    out->token = bytes_of(NULL, 0); /* of a row of the output that no token has */
    return id >= e->vocabulary.count || tokenizer_piece(e->tokenizer, id, &out->token, err);
}

/* The odds of the token that was picked, to be shown with its text. */
static bool token_tell(struct engine *e, uint32_t id, size_t bytes, struct err *err)
{
    const struct sampler_odds *odds = sampler_odds(e->sampler);
    struct engine_token *t;
    bool ok;

    if (e->token_count == e->token_cap) {
        size_t cap = 2 * e->token_cap + 16;
        struct engine_token *tokens = calloc(cap, sizeof *tokens);
        size_t *starts = reallocarray(e->starts, cap, sizeof *starts);

        e->starts = starts != NULL ? starts : e->starts;
        if (tokens == NULL || starts == NULL) {
            free(tokens);
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu tokens", cap);
        }
        if (e->tokens != NULL) {
            memcpy(tokens, e->tokens, e->token_count * sizeof *tokens);
            wipe(e->tokens, e->token_cap * sizeof *tokens);
            free(e->tokens);
        }
        e->tokens = tokens;
        e->token_cap = cap;
    }
    t = &e->tokens[e->token_count];
    e->starts[e->token_count++] = e->token_bytes;
    e->token_bytes += bytes;
    t->best_count = odds->count;
    ok = logprob_set(e, id, odds->self, &t->self, err);
    for (size_t i = 0; ok && i < odds->count; i++) {
        ok = logprob_set(e, odds->best[i].id, odds->best[i].value, &t->best[i], err);
    }
    return ok;
}

/* Those whose text has begun to come out; what a stop text takes never does. */
static void tokens_show(struct engine *e)
{
    const size_t sent = e->request.stream.sent;

    while (e->token_shown < e->token_count && (e->starts[e->token_shown] < sent || sent == e->token_bytes)) {
        e->token_shown++;
    }
}

static void tokens_drop(struct engine *e)
{
    e->token_count -= e->token_shown;
    if (e->token_count != 0) {
        memmove(e->tokens, e->tokens + e->token_shown, e->token_count * sizeof *e->tokens);
        memmove(e->starts, e->starts + e->token_shown, e->token_count * sizeof *e->starts);
    }
    e->token_shown = 0;
}

/* What came out of the stream is parted. */
static bool raw_part(struct engine *e, struct err *err)
{
    const bool ok = output_add(&e->request.output, buf_bytes(&e->raw), err);

    wipe(e->raw.p, e->raw.len);
    e->raw.len = 0;
    return ok;
}

/* A control token: nothing of what was held can go on behind it. */
static bool control_take(struct engine *e, struct bytes name, struct err *err)
{
    struct request *r = &e->request;

    return stream_control(&r->stream, name, &e->raw, err) && raw_part(e, err) &&
           (r->stream.stopped || output_mark(&r->output, name, err));
}

static bool answer_end(struct engine *e, struct err *err)
{
    struct request *r = &e->request;

    return stream_end(&r->stream, &e->raw, err) && raw_part(e, err) && output_end(&r->output, err);
}

/* What an answer that is held to a form may go on with. */
static bool form_filter(void *arg, uint32_t id)
{
    struct engine *e = arg;
    struct request *r = &e->request;
    const struct bytes held = buf_bytes(&r->stream.held);
    struct bytes piece;
    struct err err;

    if (id >= e->vocabulary.count || tokenizer_is_end(e->tokenizer, id)) {
        return form_is_whole(&r->form);
    }
    return tokenizer_piece(e->tokenizer, id, &piece, &err) &&
           (tokenizer_is_control(e->tokenizer, id) ? form_allows_mark(&r->form, &r->output, held, piece)
                                                   : form_allows(&r->form, &r->output, held, piece));
}

static bool token_pick(struct engine *e, float *logits, uint32_t *id, struct err *err)
{
    struct request *r = &e->request;
    const struct sampler_filter filter = {form_filter, e};

    *id =
        sampler_pick(e->sampler, &r->options, logits, r->ids.p, r->ids.count, r->form.grammar != NULL ? &filter : NULL);
    return *id != SAMPLER_NONE ||
           FAIL(err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "the vocabulary has no token that could come next");
}

static bool token_take(struct engine *e, uint32_t id, struct err *err)
{
    struct request *r = &e->request;
    struct bytes piece, held;

    e->stats.answer_tokens++;
    if (!tokenizer_ids_add(&r->ids, id, err) || !tokenizer_piece(e->tokenizer, id, &piece, err)) {
        return false;
    }
    held = buf_bytes(&r->stream.held);
    if (tokenizer_is_control(e->tokenizer, id)) {
        return (r->form.grammar == NULL || form_take_mark(&r->form, &r->output, held, piece, err)) &&
               control_take(e, piece, err);
    }
    if (r->form.grammar != NULL && !form_take(&r->form, &r->output, held, piece, err)) {
        return false;
    }
    return (r->options.top_logprobs < 0 || token_tell(e, id, piece.len, err)) &&
           stream_add(&r->stream, piece, &e->raw, err) && raw_part(e, err);
}

/* The answer has come to the context's end: half of what need not stay goes, and the rest is computed anew behind what
 * is kept, as for a request with these tokens. Where so little would go that most of the work were to compute it again,
 * the answer ends. */
static bool context_shift(struct engine *e)
{
    struct request *r = &e->request;
    const size_t context = e->setup.context, n = (context - r->keep) / 2;

    if (r->options.shift == 0 || n == 0 || n < context / SHIFT_SHARE) {
        return false;
    }
    tokenizer_ids_remove(&r->ids, r->keep, n);
    sampler_forget(e->sampler, n);
    r->cached = r->keep;
    r->shifted = true;
    e->stats.truncated = true;
    return true;
}

static bool is_long_enough(const struct engine *e)
{
    const uint64_t most = (uint64_t)ENGINE_ANSWER_CONTEXTS * e->setup.context, n = e->stats.answer_tokens;
    const int wish = e->request.options.num_predict;

    return n >= most || (wish > 0 && n >= (uint64_t)wish);
}

/* One token: its text into the parts. */
static bool token_next(struct engine *e, size_t row, enum engine_end *end, struct err *err)
{
    struct request *r = &e->request;
    size_t stride;
    float *logits;
    uint32_t id;

    if (!forward_logits(e->forward, row, 1, &logits, &stride, err) || !token_pick(e, logits, &id, err)) {
        return false;
    }
    if (id >= e->vocabulary.count || tokenizer_is_end(e->tokenizer, id)) {
        *end = ENGINE_END_STOP;
        return answer_end(e, err);
    }
    if (!token_take(e, id, err)) {
        return false;
    }
    if (r->stream.stopped || (r->form.grammar != NULL && form_is_over(&r->form))) {
        *end = ENGINE_END_STOP;
    } else if (is_long_enough(e) || (r->ids.count > e->setup.context && !context_shift(e))) {
        *end = ENGINE_END_LENGTH;
    }
    return *end == ENGINE_END_NOT || answer_end(e, err);
}

bool engine_next(struct engine *e, struct engine_event *out, struct err *err)
{
    struct request *r = &e->request;
    enum engine_end end = ENGINE_END_NOT;
    unsigned environment;
    const float *vector;
    size_t before = r->cached;
    bool ok = true;

    if (!r->active) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "engine_next() without a request");
    }
    event_wipe(e);
    tokens_drop(e);
    if (atomic_load(&e->cancelled)) {
        end = ENGINE_END_CANCELLED;
    } else {
        environment = math_environment_enter();
        ok = advance(e, err);
        if (ok && r->cached == r->ids.count && r->embeds) {
            end = ENGINE_END_STOP;
        } else if (ok && r->cached == r->ids.count) {
            ok = token_next(e, r->cached - before - 1, &end, err);
        }
        math_environment_restore(environment);
    }
    if (!ok && err->reason == REASON_CANCELLED) {
        end = ENGINE_END_CANCELLED;
    } else if (!ok) {
        request_end(e);
        return false;
    }
    tokens_show(e);
    vector = end == ENGINE_END_STOP && r->embeds ? e->vector : NULL;
    *out = (struct engine_event){.vector = vector,
                                 .end = end == ENGINE_END_NOT ? end : finish(e, end),
                                 .text = buf_bytes(&e->parts[OUTPUT_CONTENT]),
                                 .thinking = buf_bytes(&e->parts[OUTPUT_THINKING]),
                                 .calls = buf_bytes(&e->parts[OUTPUT_CALL]),
                                 .tokens = e->tokens,
                                 .token_count = e->token_shown};
    return true;
}

void engine_cancel(struct engine *e)
{
    atomic_store(&e->cancelled, true);
}

void engine_stats(const struct engine *e, struct engine_stats *out)
{
    *out = e->stats;
}

/* ---- For the tests. ---- */

static bool ids_check(const struct engine *e, const uint32_t *ids, size_t count, size_t more, struct err *err)
{
    if (count == 0 || more > e->setup.context || count > e->setup.context - more) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "%zu tokens, the context holds %u", count + more,
                    e->setup.context);
    }
    return ids_have_rows(e, ids, count, err);
}

static bool logits_copy(struct engine *e, size_t first, size_t n, float *out, struct err *err)
{
    size_t vocab = e->weights.shape.vocab, stride;

    while (n != 0) {
        size_t rows = n < FORWARD_HEAD_ROWS ? n : FORWARD_HEAD_ROWS;
        float *logits;

        if (!forward_logits(e->forward, first, rows, &logits, &stride, err)) {
            return false;
        }
        for (size_t i = 0; i < rows; i++, out += vocab) {
            memcpy(out, logits + i * stride, vocab * sizeof *out);
        }
        first += rows;
        n -= rows;
    }
    return true;
}

/* All ids into the cache; logits of all of them, or of the last. */
static bool prompt_run(struct engine *e, const uint32_t *ids, size_t count, bool last, float *out, struct err *err)
{
    for (size_t at = 0; at < count;) {
        size_t n = count - at < e->setup.chunk ? count - at : e->setup.chunk;

        if (!forward_tokens(e->forward, ids + at, n, at, err)) {
            return false;
        }
        if (!last && !logits_copy(e, 0, n, out + at * e->weights.shape.vocab, err)) {
            return false;
        }
        at += n;
        if (last && at == count && !logits_copy(e, n - 1, 1, out, err)) {
            return false;
        }
    }
    return true;
}

bool engine_logits(struct engine *e, const uint32_t *ids, size_t count, bool last, float *out, struct err *err)
{
    unsigned environment;
    bool ok;

    request_end(e);
    if (!ids_check(e, ids, count, 0, err)) {
        return false;
    }
    environment = math_environment_enter();
    ok = prompt_run(e, ids, count, last, out, err);
    math_environment_restore(environment);
    forward_wipe(e->forward, count);
    return ok;
}

bool engine_greedy(struct engine *e, const uint32_t *ids, size_t count, uint32_t *out, size_t n, struct err *err)
{
    float *logits = calloc(e->weights.shape.vocab, sizeof *logits);
    unsigned environment;
    bool ok;

    request_end(e);
    if (logits == NULL || !ids_check(e, ids, count, n, err)) {
        free(logits);
        return logits != NULL ? false : FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "logits");
    }
    environment = math_environment_enter();
    ok = prompt_run(e, ids, count, true, logits, err);
    for (size_t i = 0; ok && i < n; i++) {
        out[i] = sampler_largest(logits, e->weights.shape.vocab);
        ok =
            i + 1 == n || (forward_tokens(e->forward, out + i, 1, count + i, err) && logits_copy(e, 0, 1, logits, err));
    }
    math_environment_restore(environment);
    forward_wipe(e->forward, count + n);
    free(logits);
    return ok;
}
