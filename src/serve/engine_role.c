/* The engine's process: one model in private memory, and the requests that wait for it, one at a time in the order in
 * which they came. It has no network, opens no file, and is confined before it reads the model's first byte. */
#include "base/hex.h"
#include "base/limits.h"
#include "os/clock.h"
#include "os/log.h"
#include "proc/sandbox.h"
#include "serve/catalog.h"
#include "serve/measure.h"
#include "serve/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUEUE_MAX 512
#define QUEUE_BYTES MIB(512) /* of all requests that wait */

struct job {
    struct job *next;
    uint64_t id, came_ns, began_ns;
    struct message_request *request;
};

struct role_engine {
    struct role_base base;
    struct link *keeper, *gateway;
    struct engine *engine;
    struct job *first, **last; /* the first is the one that is computed, if computing */
    size_t count, bytes;
    bool computing;
    bool stepping;          /* within step_due() */
    struct loop_timer step; /* the next piece of computing; between pieces, and within long ones, messages are read */
    bool confined;
    bool tee; /* the keeper must have the model in its log before it is said to be loaded */
    char name[STORE_NAME_SIZE], model_id[2 * SHA384_SIZE + 1];
    struct buf manifest;                         /* its RFC 8785 bytes */
    struct engine_part files[LIMIT_MODEL_FILES]; /* of the model to load, and the digests that they must have */
    uint8_t sha256[LIMIT_MODEL_FILES][SHA256_SIZE];
    size_t file_count;
};

/* ---- requests ---- */

static void job_drop(struct role_engine *r, struct job **at)
{
    struct job *j = *at;

    *at = j->next;
    if (*at == NULL) {
        r->last = at;
    }
    r->count--;
    r->bytes -= j->request->len;
    message_request_free(j->request);
    free(j);
}

static void step_set(struct role_engine *r)
{
    struct err err;

    if (r->first != NULL && !loop_timer_set(r->base.loop, &r->step, 0, &err)) {
        role_fail(&r->base, &err);
    }
}

static void job_fail(struct role_engine *r, const struct err *err)
{
    if (r->gateway != NULL) {
        link_send_err(r->gateway, r->first->id, err);
    }
    r->computing = false;
    job_drop(r, &r->first);
}

static void job_end(struct role_engine *r, enum engine_end end)
{
    struct message_end e = {.end = end, .queue_ns = r->first->began_ns - r->first->came_ns};
    struct buf b = BUF(256);
    struct err err;

    engine_stats(r->engine, &e.stats);
    if (r->gateway != NULL && message_end_print(&e, &b, &err)) {
        link_send(r->gateway, MESSAGE_END, r->first->id, buf_bytes(&b), -1);
    }
    buf_done(&b);
    r->computing = false;
    job_drop(r, &r->first);
}

static void event_send(struct role_engine *r, const struct engine_event *event)
{
    struct buf b = BUF(LIMIT_FRAME);
    struct engine_info info;
    struct err err;

    engine_info(r->engine, &info);
    if (event->vector != NULL ? message_vector_print(event->vector, info.embedding, &b, &err)
                              : message_text_print(event, &b, &err)) {
        link_send(r->gateway, event->vector != NULL ? MESSAGE_VECTOR : MESSAGE_TEXT, r->first->id, buf_bytes(&b), -1);
    } else {
        role_fail(&r->base, &err);
    }
    buf_done(&b);
}

/* A chunk of a prompt takes long: who leaves meanwhile is heard. */
static void between(void *arg)
{
    struct role_engine *r = arg;
    struct err err;

    if (!loop_turn(r->base.loop, 0, &err)) {
        role_fail(&r->base, &err);
    }
}

/* One piece: at most one prompt chunk or one token. */
static void step(struct role_engine *r)
{
    struct engine_event event;
    struct err err;

    if (!r->computing) {
        r->first->began_ns = clock_monotonic_ns();
        if (!engine_submit(r->engine, &r->first->request->request, &err)) {
            job_fail(r, &err);
            return;
        }
        r->computing = true;
    }
    if (!engine_next(r->engine, &event, &err)) {
        job_fail(r, &err);
    } else {
        if (r->gateway != NULL && (event.text.len > 0 || event.thinking.len > 0 || event.calls.len > 0 ||
                                   event.token_count > 0 || event.vector != NULL)) {
            event_send(r, &event);
        }
        if (event.end != ENGINE_END_NOT) {
            job_end(r, event.end);
        }
    }
}

static void step_due(void *arg)
{
    struct role_engine *r = arg;

    if (r->first == NULL || r->stepping) {
        return;
    }
    r->stepping = true;
    step(r);
    r->stepping = false;
    step_set(r);
}

static bool job_add(struct role_engine *r, const struct frame *f, struct err *err)
{
    struct job *j;

    if (r->count >= QUEUE_MAX || r->bytes + f->payload.len > QUEUE_BYTES) {
        return FAIL(err, REASON_QUEUE_FULL, ERR_NOWHERE, "%zu requests wait", r->count);
    }
    j = calloc(1, sizeof *j);
    if (j == NULL || !message_request_parse(f->payload, &j->request, err)) {
        err_set(err, j == NULL ? REASON_NO_MEMORY : err->reason, ERR_NOWHERE, "a request");
        free(j);
        return false;
    }
    j->id = f->id;
    j->came_ns = clock_monotonic_ns();
    *r->last = j;
    r->last = &j->next;
    r->count++;
    r->bytes += j->request->len;
    return true;
}

static void job_cancel(struct role_engine *r, uint64_t id)
{
    for (struct job **at = &r->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            if (at == &r->first && r->computing) {
                engine_cancel(r->engine); /* the next step ends it */
            } else {
                job_drop(r, at);
            }
            return;
        }
    }
}

static void gateway_frame(void *arg, struct link *l, const struct frame *f)
{
    struct role_engine *r = arg;
    struct err err;

    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    if (f->type == MESSAGE_GENERATE) {
        if (job_add(r, f, &err)) {
            step_set(r);
        } else {
            link_send_err(l, f->id, &err);
        }
    } else if (f->type == MESSAGE_CANCEL) {
        job_cancel(r, f->id);
    } else {
        log_event(LOG_LEVEL_ERROR, "a message that the gateway may not send", NULL);
    }
}

/* Its clients are gone with it. */
static void gateway_gone(void *arg, struct link *l, const struct err *why)
{
    struct role_engine *r = arg;

    (void)why;
    while (r->first != NULL && r->first->next != NULL) {
        job_drop(r, &r->first->next);
    }
    if (r->first != NULL && r->computing) {
        engine_cancel(r->engine);
    } else if (r->first != NULL) {
        job_drop(r, &r->first);
    }
    r->gateway = NULL;
    link_close(l);
}

static const struct link_handler gateway_handler = {gateway_frame, gateway_gone};

/* ---- loading ---- */

static bool loaded_print(const struct role_engine *r, struct buf *out, struct err *err)
{
    struct engine_info info;
    char sha384[2 * SHA384_SIZE + 1];
    uint8_t digest[SHA384_SIZE];
    json_t *v;
    bool ok;

    engine_info(r->engine, &info);
    hash_bytes(HASH_SHA384, buf_bytes(&r->manifest), digest);
    hex_encode(bytes_of(digest, sizeof digest), sha384);
    v = json_object_of({"name", json_string(r->name)}, {"model_id", json_string(r->model_id)},
                       {"manifest_sha384", json_string(sha384)}, {"context", json_integer(info.context)},
                       {"memory", json_integer((int64_t)info.memory)}, {"chat", json_boolean(info.chat)},
                       {"tools", json_boolean(info.tools)}, {"thinks", json_boolean(info.thinks)},
                       {"isa", json_string(info.isa)});
    ok = v != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the loaded model");
    ok = ok && buf_str(out, sha384, err) && json_print(v, out, err);
    json_decref(v);
    return ok;
}

static void loaded_send(struct role_engine *r)
{
    struct buf b = BUF(LIMIT_MANIFEST);
    struct err err;

    if (!loaded_print(r, &b, &err)) {
        role_fail(&r->base, &err);
    }
    link_send(r->base.control, MESSAGE_LOADED, 0, buf_bytes(&b), -1);
    buf_done(&b);
}

/* Before the first byte of a model is read. */
static bool confine(struct role_engine *r, struct err *err)
{
    char text[16];
    int abi;

    if (r->confined) {
        return true;
    }
    if (!sandbox_enter(SANDBOX_ENGINE, NULL, &abi, err)) {
        return false;
    }
    r->confined = true;
    (void)snprintf(text, sizeof text, "%d", abi);
    log_event(LOG_LEVEL_INFO, "confined", "landlock", text, NULL);
    return true;
}

/* What a model of the store says of itself. One whose file is damaged is listed without it. */
static bool describe(struct role_engine *r, const struct frame *f, struct err *err)
{
    struct err why;
    json_t *known, *entry;

    if (!confine(r, err) || !json_parse(f->payload, &known, err)) {
        return false;
    }
    entry = json_object_copy(known);
    json_decref(known);
    if (entry == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a model's entry");
    }
    if (!catalog_describe(entry, f->fd, &why)) {
        log_error(LOG_LEVEL_WARNING, "a model of the store cannot be read", &why);
    }
    link_send_json(r->base.control, MESSAGE_MODEL, entry, -1);
    json_decref(entry);
    return true;
}

/* Keeps the descriptor where it says yes. */
static bool file_take(struct role_engine *r, const struct frame *f, struct err *err)
{
    if (f->fd < 0 || f->payload.len != SHA256_SIZE || r->file_count == LIMIT_MODEL_FILES) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "file %zu of the model", r->file_count + 1);
    }
    memcpy(r->sha256[r->file_count], f->payload.p, SHA256_SIZE);
    r->files[r->file_count++] = (struct engine_part){f->fd, r->name};
    return true;
}

/* Reads the model and makes its manifest. */
static bool model_open(struct role_engine *r, const struct engine_setup *setup, uint8_t model_id[SHA384_SIZE],
                       struct err *err)
{
    const struct engine_source source = {
        .fd = r->files[0].fd, .name = r->name, .more = r->files + 1, .more_count = r->file_count - 1};
    struct identity ids[LIMIT_MODEL_FILES];

    if (!engine_open(&source, setup, &r->engine, ids, err)) {
        return false;
    }
    for (size_t i = 0; i < r->file_count; i++) {
        if (memcmp(ids[i].sha256, r->sha256[i], SHA256_SIZE) != 0) {
            return FAIL(err, REASON_MODEL_DIGEST, ERR_NOWHERE, "%s: file %zu of %zu in the store is damaged", r->name,
                        i + 1, r->file_count);
        }
    }
    return measure_manifest(r->name, ids, r->file_count, model_id, &r->manifest, err);
}

static bool load(struct role_engine *r, const struct frame *f, struct err *err)
{
    struct engine_setup setup = {0};
    uint64_t context, threads;
    const char *name, *kv;
    uint8_t model_id[SHA384_SIZE];
    json_t *v;
    bool ok = json_parse(f->payload, &v, err);

    if (!ok) {
        return false;
    }
    ok = json_get_str(v, "name", &name, err) && json_get_str(v, "kv", &kv, err) &&
         json_get_u64(v, "context", LIMIT_CONTEXT, &context, err) && json_get_u64(v, "threads", 1024, &threads, err) &&
         json_get_bool(v, "tee", &r->tee, err) &&
         (engine_kv_find(kv, &setup.kv) || FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "a cache of %s", kv)) &&
         confine(r, err);
    if (ok) {
        setup.context = (unsigned)context;
        setup.threads = (unsigned)threads;
        setup.between = between;
        setup.arg = r;
        (void)snprintf(r->name, sizeof r->name, "%s", name);
        ok = model_open(r, &setup, model_id, err);
    }
    if (ok) {
        hex_encode(bytes_of(model_id, sizeof model_id), r->model_id);
    }
    json_decref(v);
    while (r->file_count > 0) {
        (void)close(r->files[--r->file_count].fd);
    }
    return ok;
}

static void keeper_frame(void *arg, struct link *l, const struct frame *f)
{
    struct role_engine *r = arg;
    struct err err, why;

    (void)l;
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    if (f->type == MESSAGE_DONE) {
        loaded_send(r);
    } else if (f->type == MESSAGE_FAILED && message_err_parse(f->payload, &why, &err)) {
        role_fail(&r->base, &why);
    }
}

static void keeper_gone(void *arg, struct link *l, const struct err *why)
{
    struct role_engine *r = arg;

    (void)why;
    r->keeper = NULL;
    link_close(l);
}

static const struct link_handler keeper_handler = {keeper_frame, keeper_gone};

/* The model is in memory: now the event, and only then is it said to be loaded. While the keeper is being started
 * anew, it waits for it. */
static void loaded(struct role_engine *r)
{
    if (!r->tee) {
        loaded_send(r);
    } else if (r->keeper != NULL) {
        link_send(r->keeper, MESSAGE_EVENT_MODEL, 0, buf_bytes(&r->manifest), -1);
    }
}

/* ---- the parent's messages ---- */

static bool peer_set(struct role_engine *r, const struct frame *f, struct err *err)
{
    const bool is_keeper = f->payload.len == 1 && f->payload.p[0] == ROLE_KEEPER;
    const bool is_gateway = f->payload.len == 1 && f->payload.p[0] == ROLE_GATEWAY;

    if ((!is_keeper && !is_gateway) || f->fd < 0) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a peer without a channel");
    }
    if (is_keeper) {
        link_close(r->keeper);
        r->keeper = NULL;
        if (!link_open(r->base.loop, f->fd, &keeper_handler, r, &r->keeper, err)) {
            return false;
        }
        if (r->engine != NULL) { /* a keeper that was started anew: it must know this model, or be told now */
            loaded(r);
        }
        return true;
    }
    if (r->gateway != NULL) {
        gateway_gone(r, r->gateway, NULL);
    }
    return link_open(r->base.loop, f->fd, &gateway_handler, r, &r->gateway, err);
}

static void control_frame(void *arg, struct link *l, const struct frame *f)
{
    struct role_engine *r = arg;
    struct err err;
    bool ok;

    (void)l;
    if (f->type == MESSAGE_PEER) {
        ok = peer_set(r, f, &err);
    } else if (f->type == MESSAGE_MODEL && f->fd >= 0) {
        ok = describe(r, f, &err);
        (void)close(f->fd);
    } else if (f->type == MESSAGE_FILE && r->engine == NULL) {
        ok = file_take(r, f, &err);
    } else if (f->type == MESSAGE_LOAD && r->file_count > 0 && r->engine == NULL) {
        ok = load(r, f, &err);
        if (ok) {
            loaded(r);
        }
    } else {
        ok = FAIL(&err, REASON_FRAME_FORM, ERR_NOWHERE, "message %u from the parent", f->type);
    }
    if (!ok) {
        role_fail(&r->base, &err);
    }
}

static const struct link_handler control_handler = {control_frame, role_orphaned};

int engine_main(void)
{
    static struct role_engine r;
    struct err err;

    r.last = &r.first;
    r.step = (struct loop_timer){.due = step_due, .arg = &r};
    r.manifest = BUF(LIMIT_MANIFEST);
    role_begin(&r.base, ROLE_ENGINE, &control_handler, &r);
    if (!loop_run(r.base.loop, &err)) {
        role_fail(&r.base, &err);
    }
    return 0;
}
