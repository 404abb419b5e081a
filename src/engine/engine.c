#include "engine/engine.h"

#include "chat/jinja.h"
#include "engine/forward.h"
#include "engine/isa.h"
#include "engine/math.h"
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
#define TEXT_MAX MIB(64) /* of one event */

/* The request that is computed; all of it is wiped when it ends. */
struct request {
    bool active;
    struct engine_options options;
    struct buf stops; /* the stop texts' bytes */
    struct engine_bias bias[ENGINE_BIAS_MAX];
    struct stream stream;
    struct tokenizer_ids ids; /* the prompt, then the answer */
    bool embeds;
    size_t taken;          /* tokens of the embedding */
    size_t prompt, cached; /* tokens of the prompt; tokens in the cache */
    uint64_t started;
};

struct engine {
    struct engine_setup setup;
    struct kernels kernels; /* of the chosen set, gaps filled */
    char kernel_names[128];
    struct jinja *chat_template; /* NULL: the file has none, or none that is understood */
    char chat_problem[sizeof((struct err *)NULL)->detail];
    struct tokenizer_info vocabulary;
    struct weights weights;
    struct tokenizer *tokenizer;
    struct pool *pool;
    struct forward *forward;
    struct sampler *sampler;
    struct request request;
    struct buf text; /* of the event that is out */
    double *sum;     /* of an embedding, while it is made */
    float *vector;   /* and when it is */
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
    e->kernels = *k;
    for (int kind = 0; kind < KERNEL_PANEL_COUNT; kind++) {
        e->kernels.tile[kind] = isa_tile(k, (enum kernel_panel)kind, &e->kernels.tile_name[kind]);
    }
    return true;
}

/* "Q4_1=avx512 Q8_0=avx512" */
static void kernels_name(struct engine *e)
{
    size_t at = 0;

    for (size_t i = 0; i < e->weights.used_count && at < sizeof e->kernel_names; i++) {
        enum kernel_panel kind = KERNEL_PANEL_F32;

        (void)panel_kind(e->weights.used[i], e->setup.exact, &kind);
        at += (size_t)snprintf(e->kernel_names + at, sizeof e->kernel_names - at, "%s%s=%s", i == 0 ? "" : " ",
                               e->weights.used[i]->name, e->kernels.tile_name[kind]);
    }
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

/* A model without a template that is understood still completes raw prompts. */
static void template_open(struct engine *e)
{
    struct err why = {.detail = "the file has no chat template"};

    if (e->weights.chat_template.len == 0 ||
        !jinja_parse(buf_bytes(&e->weights.chat_template), &e->chat_template, &why)) {
        (void)snprintf(e->chat_problem, sizeof e->chat_problem, "%s", why.detail);
    }
    buf_done(&e->weights.chat_template);
}

static bool engine_fill(struct engine *e, const struct engine_source *source, struct identity *identity,
                        struct err *err)
{
    struct forward_setup f = {.weights = &e->weights, .kernels = &e->kernels, .go_on = go_on, .arg = e};
    uint32_t trained;

    if (!setup_check(&e->setup, err) || !kernels_choose(e, err) || !pool_new(e->setup.threads, &e->pool, err) ||
        !weights_open(source, &e->setup, e->pool, &e->weights, &e->tokenizer, identity, err)) {
        return false;
    }
    trained = e->weights.shape.trained_context;
    if (e->setup.context == 0) {
        e->setup.context = trained < CONTEXT_DEFAULT ? trained : CONTEXT_DEFAULT;
    }
    if (e->setup.context > trained) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "context of %u tokens, the model was trained with %u",
                    e->setup.context, trained);
    }
    kernels_name(e);
    tokenizer_info(e->tokenizer, &e->vocabulary);
    template_open(e);
    f.pool = e->pool;
    f.f16 = e->setup.kv == ENGINE_KV_F16;
    f.chunk = e->setup.chunk;
    f.context = e->setup.context;
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
    e->text = BUF(TEXT_MAX);
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
    size_t used = r->ids.count; /* a chunk that was not finished has filled more than what counts as cached */

    if (!r->active) {
        return;
    }
    stream_done(&r->stream);
    wipe(r->stops.p, r->stops.cap);
    buf_done(&r->stops);
    wipe(r->ids.p, r->ids.cap * sizeof *r->ids.p);
    tokenizer_ids_done(&r->ids);
    forward_wipe(e->forward, used);
    *r = (struct request){0};
}

void engine_close(struct engine *e)
{
    if (e == NULL) {
        return;
    }
    request_end(e);
    wipe(e->text.p, e->text.cap);
    buf_done(&e->text);
    vector_wipe(e);
    free(e->sum);
    free(e->vector);
    wipe(e->tokens, e->token_cap * sizeof *e->tokens);
    free(e->tokens);
    free(e->starts);
    sampler_free(e->sampler);
    forward_free(e->forward);
    weights_done(&e->weights);
    jinja_free(e->chat_template);
    tokenizer_free(e->tokenizer);
    pool_free(e->pool);
    free(e);
}

void engine_info(const struct engine *e, struct engine_info *out)
{
    const struct shape *s = &e->weights.shape;

    *out = (struct engine_info){.architecture = "llama",
                                .quantization = e->weights.quantization,
                                .parameters = e->weights.parameters,
                                .context = e->setup.context,
                                .trained_context = s->trained_context,
                                .embedding = s->embd,
                                .layers = s->layers,
                                .vocabulary = s->vocab,
                                .isa = e->kernels.name,
                                .kernels = e->kernel_names,
                                .chat = e->chat_template != NULL,
                                .chat_problem = e->chat_problem,
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

static bool is_system(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));

    return role != NULL && strcmp(role, "system") == 0;
}

/* The chat without its oldest messages: of the first n only those of the system stay. NULL: no memory. */
static json_t *chat_without(const json_t *chat, size_t n)
{
    json_t *rest = json_object(), *messages = json_array(), *v;
    const char *name;
    size_t i;
    bool ok = rest != NULL && messages != NULL;

    json_object_foreach(chat, name, v)
    {
        ok = ok && (strcmp(name, "messages") == 0 || json_object_set(rest, name, v) == 0);
    }
    json_array_foreach(json_object_get(chat, "messages"), i, v)
    {
        ok = ok && ((i < n && !is_system(v)) || json_array_append(messages, v) == 0);
    }
    ok = ok && json_object_set(rest, "messages", messages) == 0;
    json_decref(messages);
    if (!ok) {
        json_decref(rest);
        return NULL;
    }
    return rest;
}

static struct bytes token_text(const struct engine *e, uint32_t id)
{
    struct bytes text = {0};
    struct err err;

    return id != TOKENIZER_NO_TOKEN && tokenizer_piece(e->tokenizer, id, &text, &err) ? text : bytes_of(NULL, 0);
}

/* Some templates write the token that begins a text, some leave it to the tokenizer. */
static bool bos_ensure(const struct engine *e, struct tokenizer_ids *ids, struct err *err)
{
    const uint32_t bos = e->vocabulary.bos;

    if (!e->vocabulary.add_bos || bos == TOKENIZER_NO_TOKEN || (ids->count > 0 && ids->p[0] == bos)) {
        return true;
    }
    if (!tokenizer_ids_add(ids, bos, err)) {
        return false;
    }
    memmove(ids->p + 1, ids->p, (ids->count - 1) * sizeof *ids->p);
    ids->p[0] = bos;
    return true;
}

/* The chat without its oldest messages, as many as are said. */
static bool chat_encode(struct engine *e, const struct engine_request *q, size_t without, struct tokenizer_ids *ids,
                        struct err *err)
{
    json_t *rest = chat_without(q->chat, without);
    const struct jinja_input in = {.variables = rest,
                                   .add_generation_prompt = true,
                                   .bos = token_text(e, e->vocabulary.bos),
                                   .eos = token_text(e, e->vocabulary.eos),
                                   .now = q->now};
    struct template_rendered text;
    bool ok;

    if (rest == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a chat");
    }
    ok = jinja_render(e->chat_template, &in, &text, err);
    json_decref(rest);
    if (!ok) {
        return false;
    }
    ids->count = 0;
    ok = tokenizer_encode_rendered(e->tokenizer, &text, ids, err) && bos_ensure(e, ids, err);
    wipe(text.text.p, text.text.cap);
    template_rendered_done(&text);
    return ok;
}

/* Ollama's rule for a chat that the context does not hold: the oldest messages go, as few as will do, but never one of
 * the system or the last. */
static bool chat_fit(struct engine *e, const struct engine_request *q, struct tokenizer_ids *ids, struct err *err)
{
    const size_t count = json_array_size(json_object_get(q->chat, "messages"));
    size_t too_few = 0, enough = count - 1;

    if (e->chat_template == NULL) {
        return FAIL(err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE, "%s", e->chat_problem);
    }
    if (chat_encode(e, q, 0, ids, err)) {
        return true;
    }
    if (err->reason != REASON_CONTEXT_FULL || count < 2 || !chat_encode(e, q, enough, ids, err)) {
        return false;
    }
    while (enough - too_few > 1) {
        size_t half = too_few + (enough - too_few) / 2;

        if (chat_encode(e, q, half, ids, err)) {
            enough = half;
        } else if (err->reason == REASON_CONTEXT_FULL) {
            too_few = half;
        } else {
            return false;
        }
    }
    e->stats.truncated = true;
    return chat_encode(e, q, enough, ids, err);
}

/* A text to be embedded, with the tokens that the file asks for around it. */
static bool text_encode(struct engine *e, const struct engine_request *q, struct tokenizer_ids *ids, struct err *err)
{
    const struct tokenizer_info *v = &e->vocabulary;
    struct bytes text = q->prompt;
    size_t last = v->add_eos ? 1 : 0, room;
    bool ok;

    ids->max = e->setup.context - last;
    if (v->add_bos && !tokenizer_ids_add(ids, v->bos, err)) {
        return false;
    }
    room = (ids->max - ids->count) * v->longest;
    if (q->wish == ENGINE_EMBED_CUT && text.len > room) {
        e->stats.truncated = true;
        text.len = room; /* bytes that give as many tokens as there is room for, or more */
    }
    ok = tokenizer_encode(e->tokenizer, text, TOKENIZER_ALLOW_USER, ids, err);
    if (!ok && err->reason == REASON_CONTEXT_FULL && q->wish == ENGINE_EMBED_CUT) {
        e->stats.truncated = true;
        ok = true;
    }
    ids->max += last;
    return ok && (last == 0 || tokenizer_ids_add(ids, v->eos, err));
}

static bool prompt_encode(struct engine *e, const struct engine_request *q, struct tokenizer_ids *ids, struct err *err)
{
    bool bos = e->vocabulary.add_bos && e->vocabulary.bos != TOKENIZER_NO_TOKEN;

    if (q->wish != ENGINE_ANSWER) {
        return text_encode(e, q, ids, err);
    }
    if (q->chat != NULL) {
        return chat_fit(e, q, ids, err);
    }
    if ((bos || q->prompt.len == 0) && e->vocabulary.bos != TOKENIZER_NO_TOKEN &&
        !tokenizer_ids_add(ids, e->vocabulary.bos, err)) {
        return false;
    }
    return tokenizer_encode(e->tokenizer, q->prompt, TOKENIZER_ALLOW_USER, ids, err);
}

bool engine_submit(struct engine *e, const struct engine_request *q, struct err *err)
{
    struct request *r = &e->request;

    request_end(e);
    atomic_store(&e->cancelled, false);
    e->stats = (struct engine_stats){0};
    if (!engine_options_check(&q->options, err)) {
        return false;
    }
    if (q->wish != ENGINE_ANSWER && e->weights.pooling == EMBED_RANK) {
        return FAIL(err, REASON_NOT_SUPPORTED, ERR_NOWHERE, "embeddings: the model ranks texts");
    }
    r->active = true;
    r->embeds = q->wish != ENGINE_ANSWER;
    vector_wipe(e);
    wipe(e->tokens, e->token_cap * sizeof *e->tokens);
    r->options = q->options;
    r->options.stop = NULL;
    r->options.bias = r->bias;
    e->token_count = 0;
    e->token_shown = 0;
    e->token_bytes = 0;
    sampler_begin(e->sampler, &r->options);
    r->ids = TOKENIZER_IDS(e->setup.context - 1); /* room for one token of an answer */
    r->started = now_ns();
    if (!stops_take(r, &q->options, err) || !bias_take(e, &q->options, err) || !prompt_encode(e, q, &r->ids, err)) {
        request_end(e);
        return false;
    }
    if (r->ids.count == 0) {
        request_end(e);
        return FAIL(err, REASON_CHAT_FORM, ERR_NOWHERE, "an empty prompt");
    }
    r->prompt = r->ids.count;
    r->ids.max = e->setup.context;
    e->stats.prompt_tokens = (unsigned)r->prompt;
    return true;
}

static enum engine_end finish(struct engine *e, enum engine_end end)
{
    if (e->request.cached >= e->request.prompt) {
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
    if (r->cached == r->prompt) {
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
        struct engine_token *tokens = reallocarray(e->tokens, cap, sizeof *tokens);
        size_t *starts = tokens != NULL ? reallocarray(e->starts, cap, sizeof *starts) : NULL;

        e->tokens = tokens != NULL ? tokens : e->tokens;
        if (starts == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu tokens", cap);
        }
        e->starts = starts;
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

/* One token: its text into e->text. */
static bool token_next(struct engine *e, size_t row, enum engine_end *end, struct err *err)
{
    struct request *r = &e->request;
    struct bytes piece;
    size_t stride;
    float *logits;
    uint32_t id;

    if (!forward_logits(e->forward, row, 1, &logits, &stride, err)) {
        return false;
    }
    id = sampler_pick(e->sampler, &r->options, logits, r->ids.p, r->ids.count);
    if (id >= e->vocabulary.count || tokenizer_is_end(e->tokenizer, id)) {
        *end = ENGINE_END_STOP;
        return stream_end(&r->stream, &e->text, err);
    }
    e->stats.answer_tokens++;
    if (!tokenizer_ids_add(&r->ids, id, err) || !tokenizer_piece(e->tokenizer, id, &piece, err)) {
        return false;
    }
    if (!tokenizer_is_control(e->tokenizer, id) &&
        ((r->options.top_logprobs >= 0 && !token_tell(e, id, piece.len, err)) ||
         !stream_add(&r->stream, piece, &e->text, err))) {
        return false;
    }
    if (r->stream.stopped) {
        *end = ENGINE_END_STOP;
    } else if ((r->options.num_predict > 0 && e->stats.answer_tokens >= (unsigned)r->options.num_predict) ||
               r->ids.count >= e->setup.context) {
        *end = ENGINE_END_LENGTH;
        return stream_end(&r->stream, &e->text, err);
    }
    return true;
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
    wipe(e->text.p, e->text.len);
    buf_drop(&e->text, e->text.len);
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
                                 .text = buf_bytes(&e->text),
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
    for (size_t i = 0; i < count; i++) {
        if (ids[i] >= e->weights.shape.vocab) {
            return FAIL(err, REASON_TOKEN_RANGE, i, "%u of %u", ids[i], e->weights.shape.vocab);
        }
    }
    return true;
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
