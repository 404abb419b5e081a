/* /api/embed, /api/embeddings and /v1/embeddings: one text after another to the engine, all vectors in one reply. */
#include "engine/embed.h"
#include "base/base64.h"
#include "os/clock.h"
#include "serve/options.h"
#include "serve/routes_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUTS_MAX 2048 /* as OpenAI has it */
#define REPLY_MAX MIB(256)

enum embed_form {
    EMBED_OLLAMA, /* /api/embed */
    EMBED_ONE,    /* /api/embeddings, which is older: one text, and its vector is not normalised */
    EMBED_OPENAI,
};

struct embed {
    enum embed_form form;
    struct backend *backend;
    struct backend_call *call;
    struct reply *reply;
    json_t *body; /* what the inputs and the model's name borrow from */
    const json_t *input;
    const char *model;
    size_t next, count;
    bool cut, base64;
    size_t dimensions; /* 0: all */
    struct engine_options options;
    struct buf vectors; /* JSON, with commas between */
    uint64_t began_ns, queue_ns;
    unsigned tokens;
    bool truncated; /* something of a text was left out */
};

static void embed_free(struct embed *e)
{
    buf_done(&e->vectors);
    json_decref(e->body);
    free(e);
}

static void fail(struct embed *e, const struct err *err)
{
    struct refusal why;

    (void)refusal_of(&why, err);
    refusal_send(&why, e->form == EMBED_OPENAI ? DIALECT_OPENAI : DIALECT_OLLAMA, e->reply);
    embed_free(e);
}

static void finish(struct embed *e)
{
    struct buf out = BUF(REPLY_MAX + KIB(4));
    struct bytes vectors = buf_bytes(&e->vectors);
    struct err err;
    bool ok;

    if (e->form == EMBED_ONE) {
        ok = buf_str(&out, "{\"embedding\":", &err) &&
             buf_add(&out, vectors.len != 0 ? vectors.p : (const uint8_t *)"[]", vectors.len != 0 ? vectors.len : 2,
                     &err);
    } else {
        ok = buf_str(&out, e->form == EMBED_OPENAI ? "{\"object\":\"list\",\"data\":[" : "{\"embeddings\":[", &err) &&
             buf_add(&out, vectors.p, vectors.len, &err) && buf_str(&out, "],\"model\":", &err) &&
             json_print_str(bytes_of_str(e->model), &out, &err);
    }
    if (ok && e->form == EMBED_OPENAI) {
        ok = buf_printf(&out, &err, ",\"usage\":{\"prompt_tokens\":%u,\"total_tokens\":%u}", e->tokens, e->tokens);
    } else if (ok && e->form == EMBED_OLLAMA) {
        ok = buf_printf(&out, &err, ",\"total_duration\":%llu,\"load_duration\":%llu,\"prompt_eval_count\":%u",
                        (unsigned long long)(clock_monotonic_ns() - e->began_ns), (unsigned long long)e->queue_ns,
                        e->tokens);
    }
    ok = ok && buf_str(&out, e->truncated ? ",\"truncated\":true}" : "}", &err);
    if (ok) {
        reply_send(e->reply, 200, "application/json; charset=utf-8", buf_bytes(&out));
    } else {
        reply_send_error(e->reply, &err);
    }
    buf_done(&out);
    embed_free(e);
}

static const char *text_of(const struct embed *e, size_t i)
{
    return json_string_value(json_is_array(e->input) ? json_array_get(e->input, i) : e->input);
}

/* [x, ...], or base64 of little-endian floats. */
static bool vector_print(struct embed *e, float *v, size_t n, struct err *err)
{
    struct buf raw = BUF(4 * n + 4);
    bool ok = buf_str(&e->vectors, e->base64 ? "\"" : "[", err);

    if (e->form != EMBED_ONE) {
        embed_normalise(v, n);
    }
    for (size_t i = 0; ok && i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &v[i], sizeof bits);
        ok = e->base64 ? buf_u32le(&raw, bits, err)
                       : buf_printf(&e->vectors, err, "%s%.9g", i != 0 ? "," : "", (double)v[i]);
    }
    ok = ok && (!e->base64 || base64_add(&e->vectors, BASE64_STANDARD, buf_bytes(&raw), err)) &&
         buf_str(&e->vectors, e->base64 ? "\"" : "]", err);
    buf_done(&raw);
    return ok;
}

static void on_vector(void *arg, float *v, size_t n)
{
    struct embed *e = arg;
    struct err err;
    bool ok = buf_str(&e->vectors, e->vectors.len != 0 ? "," : "", &err);

    if (ok && e->form == EMBED_OPENAI) {
        ok = buf_str(&e->vectors, "{\"object\":\"embedding\",\"embedding\":", &err);
    }
    ok = ok && vector_print(e, v, e->dimensions != 0 && e->dimensions < n ? e->dimensions : n, &err);
    if (ok && e->form == EMBED_OPENAI) {
        ok = buf_printf(&e->vectors, &err, ",\"index\":%zu}", e->next);
    }
    if (!ok) {
        backend_cancel(e->call);
        fail(e, &err);
    }
}

static void on_error(void *arg, const struct err *err)
{
    fail(arg, err);
}

static bool ask(struct embed *e, struct err *err);

static void on_end(void *arg, const struct backend_end *end)
{
    struct embed *e = arg;
    struct err err;

    if (end->end == ENGINE_END_CANCELLED) {
        err_set(&err, REASON_CANCELLED, ERR_NOWHERE, "the service stopped it");
        fail(e, &err);
        return;
    }
    e->tokens += end->stats.prompt_tokens;
    e->truncated = e->truncated || end->stats.truncated;
    e->queue_ns += end->queue_ns;
    if (++e->next == e->count) {
        finish(e);
    } else if (!ask(e, &err)) {
        fail(e, &err);
    }
}

static void on_text(void *arg, const struct engine_event *event)
{
    (void)arg;
    (void)event; /* an embedding has none */
}

static bool ask(struct embed *e, struct err *err)
{
    static const struct backend_handler handler = {on_text, on_vector, on_end, on_error};
    const struct engine_request r = {
        .wish = e->cut ? ENGINE_EMBED_CUT : ENGINE_EMBED,
        .prompt = bytes_of_str(text_of(e, e->next)),
        .options = e->options,
    };

    return backend_generate(e->backend, &r, &handler, e, &e->call, err);
}

static void on_gone(void *arg)
{
    struct embed *e = arg;

    backend_cancel(e->call);
    reply_abort(e->reply);
    embed_free(e);
}

/* A text, or a list of texts. An empty text by itself only loads the model in Ollama's routes; OpenAI's have no such
 * request. */
static bool input_get(struct embed *e, struct refusal *why)
{
    e->input = routes_member(e->body, e->form == EMBED_ONE ? "prompt" : "input");
    if (e->form == EMBED_OPENAI && (e->input == NULL || (json_is_array(e->input) && json_array_size(e->input) == 0))) {
        return refusal_set(why, 400, "invalid input");
    }
    e->count = json_is_array(e->input) ? json_array_size(e->input) : json_is_string(e->input);
    if (e->input != NULL && !json_is_string(e->input) && (e->form == EMBED_ONE || !json_is_array(e->input))) {
        return refusal_set(why, 400, "invalid input type");
    }
    if (e->count > INPUTS_MAX) {
        return refusal_set(why, 400, "%zu inputs, at most %d", e->count, INPUTS_MAX);
    }
    for (size_t i = 0; i < e->count; i++) {
        if (text_of(e, i) == NULL) { /* OpenAI's clients may send ids, of another vocabulary than the model's */
            return refusal_set(why, 400,
                               e->form == EMBED_OPENAI ? "invalid input type: a text or texts, no token ids"
                                                       : "invalid input type");
        }
    }
    if (e->form != EMBED_OPENAI && json_is_string(e->input) && json_string_length(e->input) == 0) {
        e->count = 0;
    }
    return true;
}

static bool members_get(struct embed *e, struct refusal *why)
{
    const json_t *dimensions = routes_member(e->body, "dimensions");
    const char *encoding;
    struct options options;
    struct err err;
    bool unload;

    if (!routes_bool_get(e->body, "truncate", true, &e->cut, why) ||
        !routes_str_get(e->body, "encoding_format", &encoding, why) ||
        !options_keep_alive_parse(routes_member(e->body, "keep_alive"), &unload, why) ||
        !(options_init(&options, &err) || refusal_of(why, &err)) ||
        !options_parse_ollama(routes_member(e->body, "options"), &options, why)) {
        return false;
    }
    if (dimensions != NULL && (!json_is_integer(dimensions) || json_integer_value(dimensions) < 0)) {
        return refusal_set(why, 400, "dimensions must be a whole number");
    }
    e->dimensions = (size_t)json_integer_value(dimensions);
    e->base64 = e->form == EMBED_OPENAI && strcmp(encoding, "base64") == 0;
    engine_options_default(&e->options); /* nothing is sampled */
    return e->base64 || encoding[0] == '\0' || strcmp(encoding, "float") == 0 ||
           refusal_set(why, 400, "encoding_format must be \"float\" or \"base64\"");
}

static bool start(struct routes *rs, const struct request *r, struct embed *e, struct refusal *why)
{
    const struct backend_loaded *loaded;
    struct err err;

    if (!routes_body_get(r, &e->body, why) || !routes_str_get(e->body, "model", &e->model, why) ||
        !routes_model_check(e->model, why) || !routes_loaded_get(rs, r, e->model, true, &loaded, why) ||
        !input_get(e, why) || !members_get(e, why)) {
        return false;
    }
    return e->count == 0 || ask(e, &err) || refusal_of(why, &err);
}

static void embed(struct routes *rs, const struct request *r, struct reply *p, enum embed_form form)
{
    struct embed *e = calloc(1, sizeof *e);
    struct refusal why = {0};
    struct err err;

    if (e == NULL) {
        err_set(&err, REASON_NO_MEMORY, ERR_NOWHERE, "an embedding");
        reply_send_error(p, &err);
        return;
    }
    *e = (struct embed){.form = form, .backend = rs->backend, .reply = p, .began_ns = clock_monotonic_ns()};
    e->vectors = BUF(REPLY_MAX);
    if (!start(rs, r, e, &why)) {
        refusal_send(&why, form == EMBED_OPENAI ? DIALECT_OPENAI : DIALECT_OLLAMA, p);
        embed_free(e);
    } else if (e->count == 0) {
        finish(e);
    } else {
        reply_on_gone(p, on_gone, e);
    }
}

void ollama_embed(struct routes *rs, const struct request *r, struct reply *p)
{
    embed(rs, r, p, EMBED_OLLAMA);
}

void ollama_embeddings(struct routes *rs, const struct request *r, struct reply *p)
{
    embed(rs, r, p, EMBED_ONE);
}

void openai_embeddings(struct routes *rs, const struct request *r, struct reply *p)
{
    embed(rs, r, p, EMBED_OPENAI);
}
