#include "serve/backend_parts.h"

#include "base/hex.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

struct backend_call {
    struct backend_call *next;
    struct backend *b;
    uint64_t id, came_ns;
    const struct backend_handler *handler;
    void *arg;
};

/* ---- settings ---- */

bool backend_init(struct backend *b, struct loop *loop, struct err *err)
{
    *b = (struct backend){.loop = loop, .next_id = 1};
    b->keyset = BUF(LIMIT_KEYSET);
    b->entries = json_array();
    return b->entries != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the backend");
}

bool backend_setup(struct backend *b, struct bytes payload, struct err *err)
{
    const char *attestation;
    json_t *v, *origins;
    bool ok = json_parse(payload, &v, err);

    if (!ok) {
        return false;
    }
    ok = json_get_bool(v, "tee", &b->has_tee, err) && json_get_str(v, "attestation", &attestation, err) &&
         json_get(v, "origins", JSON_ARRAY, &origins, err);
    if (ok) {
        (void)snprintf(b->attestation, sizeof b->attestation, "%s", attestation);
        b->origins = json_incref(origins);
    }
    json_decref(v);
    return ok;
}

const char *backend_attestation(const struct backend *b)
{
    return b->attestation;
}

const char *backend_origin(const struct backend *b, size_t i)
{
    return json_string_value(json_array_get(b->origins, i));
}

/* ---- models ---- */

bool backend_model_add(struct backend *b, struct bytes payload, struct err *err)
{
    json_t *v, *entry;

    if (!json_parse(payload, &v, err)) {
        return false;
    }
    entry = json_object_copy(v); /* which model_set() adds to */
    json_decref(v);
    return json_array_append_new(b->entries, entry) == 0 || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a model");
}

static bool info_print(json_t *entry, struct err *err)
{
    struct buf text = BUF(LIMIT_FRAME);
    json_t *info = json_object_get(entry, "info");
    bool ok = json_is_object(info) ? json_print(info, &text, err) : buf_str(&text, "{}", err);

    ok = ok && (json_object_set_new(entry, "info", json_stringn((const char *)text.p, text.len)) == 0 ||
                FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a model's metadata"));
    buf_done(&text);
    return ok;
}

static bool model_set(struct backend_model *m, json_t *entry, struct err *err)
{
    uint64_t modified;

    if (!json_get_u64(entry, "modified", INT64_MAX, &modified, err) || !info_print(entry, err)) {
        return false;
    }
    if (json_object_get(entry, "template") == NULL) {
        (void)json_object_set_new(entry, "template", json_string(""));
    }
    m->modified = (int64_t)modified;
    if (!json_get_str(entry, "template", &m->template_text, err)) { /* null where it is no UTF-8 */
        m->template_text = "";
    }
    return json_get_str(entry, "name", &m->name, err) && json_get_u64(entry, "size", INT64_MAX, &m->size, err) &&
           json_get_str(entry, "digest", &m->digest, err) &&
           json_get_str(entry, "architecture", &m->architecture, err) &&
           json_get_str(entry, "parameter_size", &m->parameter_size, err) &&
           json_get_str(entry, "quantization", &m->quantization, err) && json_get_str(entry, "info", &m->info, err);
}

static int model_compare(const void *a, const void *b)
{
    const struct backend_model *x = a, *y = b;

    return strcmp(x->name, y->name);
}

bool backend_models_sort(struct backend *b, struct err *err)
{
    const size_t count = json_array_size(b->entries);

    b->models = calloc(count > 0 ? count : 1, sizeof *b->models);
    if (b->models == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the models");
    }
    for (size_t i = 0; i < count; i++) {
        if (!model_set(&b->models[i], json_array_get(b->entries, i), err)) {
            return false;
        }
    }
    b->model_count = count;
    qsort(b->models, count, sizeof *b->models, model_compare);
    return true;
}

const struct backend_model *backend_models(const struct backend *b, size_t *count)
{
    *count = b->model_count;
    return b->models;
}

const struct backend_model *backend_model_find(const struct backend *b, const char *name)
{
    const char *slash = strrchr(name, '/');
    char full[STORE_NAME_SIZE];

    (void)snprintf(full, sizeof full, "%s%s", name, strchr(slash != NULL ? slash : name, ':') == NULL ? ":latest" : "");
    for (size_t i = 0; i < b->model_count; i++) {
        if (strcasecmp(b->models[i].name, full) == 0) {
            return &b->models[i];
        }
    }
    return NULL;
}

bool backend_loaded_set(struct backend *b, struct bytes payload, struct err *err)
{
    struct backend_loaded l = {.since = clock_unix()};
    const char *name, *id, *sha384;
    uint64_t context;
    const size_t skip = payload.len < MESSAGE_LOADED_DIGEST ? payload.len : MESSAGE_LOADED_DIGEST;
    json_t *v;
    bool ok = json_parse(bytes_of(payload.p + skip, payload.len - skip), &v, err);

    if (!ok) {
        return false;
    }
    ok = json_get_str(v, "name", &name, err) && json_get_str(v, "model_id", &id, err) &&
         json_get_str(v, "manifest_sha384", &sha384, err) && json_get_u64(v, "context", LIMIT_CONTEXT, &context, err) &&
         json_get_u64(v, "memory", INT64_MAX, &l.memory, err) && json_get_bool(v, "chat", &l.chat, err) &&
         json_get_bool(v, "tools", &l.tools, err) && json_get_bool(v, "thinks", &l.thinks, err);
    if (ok) {
        l.model = backend_model_find(b, name);
        l.context = (unsigned)context;
        (void)snprintf(l.model_id, sizeof l.model_id, "%s", id);
        (void)snprintf(l.manifest_sha384, sizeof l.manifest_sha384, "%s", sha384);
        ok = l.model != NULL || FAIL(err, REASON_MODEL_ABSENT, ERR_NOWHERE, "%s is loaded, but not in the store", name);
    }
    if (ok) {
        b->loaded = l;
        b->has_loaded = true;
    }
    json_decref(v);
    return ok;
}

const struct backend_loaded *backend_loaded(const struct backend *b)
{
    return b->has_loaded && b->engine != NULL ? &b->loaded : NULL;
}

bool backend_demand_check(const struct backend *b, struct bytes header, struct err *err)
{
    const size_t hex = 2 * SHA384_SIZE;
    uint8_t digest[SHA384_SIZE];
    struct err why;

    if (header.p == NULL) {
        return true;
    }
    if (header.len != 2 * hex + 1 || header.p[hex] != '.' ||
        !hex_decode(bytes_of(header.p, hex), digest, sizeof digest, &why) ||
        !hex_decode(bytes_of(header.p + hex + 1, hex), digest, sizeof digest, &why)) {
        return FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "Sotto-Model-Id is not MODEL_ID.SHA384");
    }
    if (backend_loaded(b) == NULL) {
        return FAIL(err, REASON_NOT_READY, ERR_NOWHERE, "no model is loaded");
    }
    if (!bytes_equal(bytes_of(header.p, hex), bytes_of_str(b->loaded.model_id)) ||
        !bytes_equal(bytes_of(header.p + hex + 1, hex), bytes_of_str(b->loaded.manifest_sha384))) {
        return FAIL(err, REASON_MODEL_CHANGED, ERR_NOWHERE, "another model than the verified one is loaded");
    }
    return true;
}

/* ---- answers ---- */

static struct backend_call *call_take(struct backend *b, uint64_t id)
{
    for (struct backend_call **at = &b->calls; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            struct backend_call *c = *at;

            *at = c->next;
            b->counts.waiting--;
            return c;
        }
    }
    return NULL;
}

static struct backend_call *call_find(struct backend *b, uint64_t id)
{
    struct backend_call *c = b->calls;

    while (c != NULL && c->id != id) {
        c = c->next;
    }
    return c;
}

static void call_fail(struct backend *b, struct backend_call *c, const struct err *err)
{
    b->counts.answers_failed++;
    c->handler->error(c->arg, err);
    free(c);
}

static void call_end(struct backend *b, struct backend_call *c, const struct message_end *m)
{
    const struct backend_end e = {
        .end = m->end,
        .stats = m->stats,
        .total_ns = clock_monotonic_ns() - c->came_ns,
        .queue_ns = m->queue_ns,
    };

    b->counts.answers++;
    b->counts.prompt_tokens += m->stats.prompt_tokens;
    b->counts.answer_tokens += m->stats.answer_tokens;
    b->counts.compute_ns += m->stats.prompt_ns + m->stats.answer_ns;
    c->handler->end(c->arg, &e);
    free(c);
}

/* The call may be gone afterwards. */
static bool call_text(struct backend_call *c, struct bytes payload, struct err *err)
{
    struct engine_event event;
    struct engine_token *tokens;

    if (!message_text_parse(payload, &event, &tokens, err)) {
        return false;
    }
    c->handler->text(c->arg, &event);
    free(tokens);
    return true;
}

static bool call_vector(struct backend_call *c, struct bytes payload, struct err *err)
{
    float *v;
    size_t n;

    if (c->handler->vector == NULL) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "an embedding that nobody asked for");
    }
    if (!message_vector_parse(payload, &v, &n, err)) {
        return false;
    }
    c->handler->vector(c->arg, v, n);
    secret_wipe(v, n * sizeof *v);
    free(v);
    return true;
}

/* An id that is not known is of a call that was cancelled. */
static void engine_frame(void *arg, struct link *l, const struct frame *f)
{
    struct backend *b = arg;
    struct backend_call *c = call_find(b, f->id);
    struct message_end end;
    struct err err, why;

    (void)l;
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    if (c == NULL) {
        return;
    }
    if ((f->type == MESSAGE_TEXT && call_text(c, f->payload, &err)) ||
        (f->type == MESSAGE_VECTOR && call_vector(c, f->payload, &err))) {
        return;
    }
    c = call_take(b, f->id);
    if (f->type == MESSAGE_TEXT || f->type == MESSAGE_VECTOR) {
        call_fail(b, c, &err);
    } else if (f->type == MESSAGE_END && message_end_parse(f->payload, &end, &err)) {
        call_end(b, c, &end);
    } else if (f->type == MESSAGE_FAILED && message_err_parse(f->payload, &why, &err)) {
        call_fail(b, c, &why);
    } else {
        err_set(&err, REASON_FRAME_FORM, ERR_NOWHERE, "message %u from the engine", f->type);
        call_fail(b, c, &err);
    }
}

static void engine_gone(void *arg, struct link *l, const struct err *why)
{
    struct backend *b = arg;
    struct err err;

    (void)why;
    link_close(l);
    b->engine = NULL;
    err_set(&err, REASON_ENGINE_GONE, ERR_NOWHERE, "the engine's process ended");
    while (b->calls != NULL) {
        call_fail(b, call_take(b, b->calls->id), &err);
    }
}

static const struct link_handler engine_handler = {engine_frame, engine_gone};

bool backend_engine_set(struct backend *b, int fd, struct err *err)
{
    if (b->engine != NULL) {
        engine_gone(b, b->engine, NULL);
    }
    b->counts.engine_starts++;
    return link_open(b->loop, fd, &engine_handler, b, &b->engine, err);
}

bool backend_generate(struct backend *b, const struct engine_request *r, const struct backend_handler *handler,
                      void *arg, struct backend_call **out, struct err *err)
{
    struct buf payload = BUF(LIMIT_FRAME);
    struct backend_call *c = NULL;
    bool ok;

    if (backend_loaded(b) == NULL) {
        return FAIL(err, REASON_NOT_READY, ERR_NOWHERE, "the engine is being started");
    }
    if (b->counts.waiting >= BACKEND_CALLS_MAX) {
        return FAIL(err, REASON_QUEUE_FULL, ERR_NOWHERE, "%zu requests wait", b->counts.waiting);
    }
    ok = engine_options_check(&r->options, err) && message_request_print(r, &payload, err);
    if (ok) {
        c = calloc(1, sizeof *c);
        ok = c != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a request");
    }
    if (ok) {
        *c = (struct backend_call){.next = b->calls,
                                   .b = b,
                                   .id = b->next_id++,
                                   .came_ns = clock_monotonic_ns(),
                                   .handler = handler,
                                   .arg = arg};
        b->calls = c;
        b->counts.waiting++;
        link_send(b->engine, MESSAGE_GENERATE, c->id, buf_bytes(&payload), -1);
        *out = c;
    }
    buf_done(&payload);
    return ok;
}

void backend_cancel(struct backend_call *c)
{
    struct backend *b = c->b;

    (void)call_take(b, c->id);
    if (b->engine != NULL) {
        link_send(b->engine, MESSAGE_CANCEL, c->id, bytes_of(NULL, 0), -1);
    }
    b->counts.answers_cancelled++;
    free(c);
}

/* ---- state ---- */

bool backend_is_ready(const struct backend *b)
{
    return b->ready && backend_loaded(b) != NULL && (!b->has_tee || (b->keeper != NULL && b->keyset_bound));
}

static bool check_print(struct buf *out, const char *name, const char *state, const char *reason, struct err *err)
{
    const char *comma = out->p[out->len - 1] == '[' ? "" : ",";

    return buf_printf(out, err, "%s{\"name\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\"}", comma, name, state, reason);
}

bool backend_ready_print(const struct backend *b, struct buf *out, struct err *err)
{
    const bool keeper = b->keeper != NULL && b->keyset_bound;
    bool ok = buf_printf(out, err, "{\"ready\":%s,\"checks\":[", backend_is_ready(b) ? "true" : "false") &&
              check_print(out, "engine", b->engine != NULL ? "ok" : "starting",
                          b->engine != NULL ? "OK" : "ENGINE_GONE", err) &&
              check_print(out, "keeper",
                          !b->has_tee ? "none"
                          : keeper    ? "ok"
                                      : "starting",
                          !b->has_tee ? "NO_QUOTE_DEVICE"
                          : keeper    ? "OK"
                                      : "PEER_GONE",
                          err);

    for (size_t i = 0; ok && b->has_self && i < b->self.count; i++) {
        const struct fact *f = &b->self.facts[i];

        if (f->required && f->state != FACT_AFFIRMED) {
            ok = check_print(out, f->name, fact_state_name(f->state), reason_name(f->reason), err);
        }
    }
    return ok && buf_str(out, "]}\n", err);
}

void backend_counts(const struct backend *b, struct backend_counts *out)
{
    *out = b->counts;
    out->computing = b->counts.waiting > 0 ? 1 : 0;
    out->waiting = b->counts.waiting - out->computing;
}
