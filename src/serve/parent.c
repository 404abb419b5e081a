/* The parent: reads the configuration, opens what the others need, starts them from the sealed program, connects them,
 * and starts anew whichever dies. It never reads a byte that a client, a model's maker or the host chose. */
#include "base/hex.h"
#include "net/signals.h"
#include "os/clock.h"
#include "os/log.h"
#include "proc/sandbox.h"
#include "proc/spawn.h"
#include "serve/catalog.h"
#include "serve/restart.h"
#include "serve/role.h"
#include "serve/supplies.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAIN_MS 10000
#define MODELS_MAX 512 /* that are described */

struct parent;

struct child {
    struct parent *p;
    enum role role;
    pid_t pid; /* 0: none */
    struct link *control;
    struct err failed; /* what it said before it ended; reason OK: nothing */
    struct restart restart;
    struct loop_timer again;
};

enum phase {
    PHASE_MEASURING, /* keeper and engine */
    PHASE_READY,     /* the `ready` event is on its way */
    PHASE_GATEWAY,   /* keys, evidence, self-verification */
    PHASE_SERVING,
    PHASE_DRAINING,
};

struct parent {
    const struct config *config;
    struct supplies supplies;
    struct loop *loop;
    struct signals *signals;
    int program;
    struct child children[ROLE_COUNT];
    enum phase phase;
    bool keeper_begun, engine_loaded; /* in the log of this start */
    bool had_keys;
    struct buf *described; /* what the engine said of the store's models, passed on unread */
    size_t described_count;
    struct buf loaded; /* its last word on the loaded model */
    struct loop_timer drain;
    bool ok;
    struct err err;
};

static void child_start(struct parent *p, enum role role);

static void parent_fail(struct parent *p, const struct err *err)
{
    if (p->ok) {
        p->ok = false;
        p->err = *err;
    }
    loop_stop(p->loop);
}

/* ---- connecting ---- */

/* A new channel between two that run, in place of any before. */
static void peers_connect(struct parent *p, enum role a, enum role b)
{
    const uint8_t names[2] = {(uint8_t)a, (uint8_t)b};
    struct err err;
    int fds[2];

    if (p->children[a].control == NULL || p->children[b].control == NULL) {
        return; /* whichever comes last connects them */
    }
    if (!channel_pair(fds, &err)) {
        parent_fail(p, &err);
        return;
    }
    link_send(p->children[a].control, MESSAGE_PEER, 0, bytes_of(&names[1], 1), fds[0]);
    link_send(p->children[b].control, MESSAGE_PEER, 0, bytes_of(&names[0], 1), fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void setup_send(struct parent *p, enum role role, enum message type, json_t *v, int fd)
{
    struct err err;

    if (v == NULL) {
        err_set(&err, REASON_NO_MEMORY, ERR_NOWHERE, "a set-up");
        parent_fail(p, &err);
        return;
    }
    link_send_json(p->children[role].control, type, v, fd);
    json_decref(v);
}

static void policy_send(struct parent *p, enum role role)
{
    if (p->supplies.has_policy) {
        link_send(p->children[role].control, MESSAGE_POLICY, 0, buf_bytes(&p->supplies.policy), -1);
    }
}

static void keeper_setup(struct parent *p)
{
    struct link *control = p->children[ROLE_KEEPER].control;
    struct buf event = BUF(LIMIT_LOG_EVENT);
    struct err err;

    setup_send(p, ROLE_KEEPER, MESSAGE_SETUP,
               json_object_of({"device", json_string(config_get(p->config, CONFIG_device))},
                              {"state", json_string(p->supplies.state)},
                              {"resume", json_boolean(p->phase >= PHASE_GATEWAY)}),
               -1);
    if (config_event(p->config, &event, &err)) {
        link_send(control, MESSAGE_CONFIG, 0, buf_bytes(&event), -1);
    } else {
        parent_fail(p, &err);
    }
    buf_done(&event);
    policy_send(p, ROLE_KEEPER);
    link_send(control, MESSAGE_GO, 0, bytes_of(NULL, 0), -1);
    peers_connect(p, ROLE_KEEPER, ROLE_ENGINE);
    peers_connect(p, ROLE_KEEPER, ROLE_GATEWAY);
}

static void model_send(struct parent *p, const struct store_model *m)
{
    struct err err;
    json_t *entry;
    int fd;

    if (!store_open_file(&p->supplies.store, m, 0, &fd, &err)) {
        log_error(LOG_LEVEL_WARNING, "a model of the store is left out", &err);
        return;
    }
    if (catalog_entry(m, &entry, &err)) {
        setup_send(p, ROLE_ENGINE, MESSAGE_MODEL, entry, fd);
    } else {
        parent_fail(p, &err);
    }
    (void)close(fd);
}

static void engine_setup(struct parent *p)
{
    const uint64_t threads = config_number(p->config, CONFIG_threads);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const struct store_model *m = &p->supplies.model;
    struct err err;
    int fd;

    peers_connect(p, ROLE_KEEPER, ROLE_ENGINE);
    for (size_t i = 0; p->loaded.len == 0 && i < p->supplies.model_count && i < MODELS_MAX; i++) {
        model_send(p, &p->supplies.models[i]);
    }
    for (size_t i = 0; i < m->file_count; i++) {
        if (!store_open_file(&p->supplies.store, m, i, &fd, &err)) {
            parent_fail(p, &err);
            return;
        }
        link_send(p->children[ROLE_ENGINE].control, MESSAGE_FILE, 0, bytes_of(m->files[i].sha256, SHA256_SIZE), fd);
        (void)close(fd);
    }
    setup_send(p, ROLE_ENGINE, MESSAGE_LOAD,
               json_object_of({"name", json_string(m->name)}, {"kv", json_string(config_get(p->config, CONFIG_kv))},
                              {"tee", json_boolean(config_has_tee(p->config))},
                              {"context", json_integer((int64_t)config_number(p->config, CONFIG_context))},
                              {"threads", json_integer(threads > 0 ? (int64_t)threads
                                                       : cores > 0 ? cores
                                                                   : 1)}),
               -1);
}

static json_t *origins_json(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        const size_t len = strcspn(text, ", ");

        if (len > 0) {
            (void)json_array_append_new(list, json_stringn(text, len));
        }
        text += len + (text[len] != '\0' ? 1 : 0);
    }
    return list;
}

static void collateral_send(struct parent *p, const struct document_file *file)
{
    struct buf b = BUF(LIMIT_COLLATERAL + 512);
    struct err err;

    if (strlen(file->name) < 256 && buf_u8(&b, (uint8_t)strlen(file->name), &err) && buf_str(&b, file->name, &err) &&
        buf_add(&b, file->content.p, file->content.len, &err)) {
        link_send(p->children[ROLE_GATEWAY].control, MESSAGE_COLLATERAL, 0, buf_bytes(&b), -1);
    }
    buf_done(&b);
}

static void gateway_setup(struct parent *p)
{
    struct link *control = p->children[ROLE_GATEWAY].control;
    const uint8_t again = p->had_keys ? 1 : 0;
    size_t i;

    setup_send(p, ROLE_GATEWAY, MESSAGE_SETUP,
               json_object_of({"tee", json_boolean(config_has_tee(p->config))},
                              {"attestation", json_string(config_get(p->config, CONFIG_attestation))},
                              {"origins", origins_json(config_get(p->config, CONFIG_origins))}),
               -1);
    policy_send(p, ROLE_GATEWAY);
    for (i = 0; i < p->supplies.collateral.count; i++) {
        collateral_send(p, &p->supplies.collateral.files[i]);
    }
    for (i = 0; i < p->supplies.listener_count; i++) {
        const uint8_t tls = p->supplies.listeners[i].tls ? 1 : 0;

        link_send(control, MESSAGE_LISTEN, 0, bytes_of(&tls, 1), p->supplies.listeners[i].fd);
    }
    for (i = 0; i < p->described_count; i++) {
        link_send(control, MESSAGE_MODEL, 0, buf_bytes(&p->described[i]), -1);
    }
    link_send(control, MESSAGE_LOADED, 0, buf_bytes(&p->loaded), -1);
    peers_connect(p, ROLE_KEEPER, ROLE_GATEWAY);
    peers_connect(p, ROLE_ENGINE, ROLE_GATEWAY);
    link_send(control, MESSAGE_GO, 0, bytes_of(&again, 1), -1);
}

/* ---- what the children say ---- */

static void addresses_log(const struct parent *p)
{
    for (size_t i = 0; i < p->supplies.listener_count; i++) {
        char text[ADDRESS_SIZE], url[ADDRESS_SIZE + 8];

        address_print(&p->supplies.listeners[i].address, text);
        (void)snprintf(url, sizeof url, "%s://%s", p->supplies.listeners[i].tls ? "https" : "http", text);
        log_event(LOG_LEVEL_INFO, "listening", "address", url, NULL);
    }
    log_event(LOG_LEVEL_INFO, "ready", "model", p->supplies.model.name, "tee", config_get(p->config, CONFIG_tee), NULL);
}

/* Everything of this start is measured: `ready`, and then the gateway. */
static void measured_check(struct parent *p)
{
    if (p->phase != PHASE_MEASURING || !p->engine_loaded || (config_has_tee(p->config) && !p->keeper_begun)) {
        return;
    }
    if (config_has_tee(p->config)) {
        p->phase = PHASE_READY;
        link_send(p->children[ROLE_KEEPER].control, MESSAGE_DONE, 0, bytes_of(NULL, 0), -1);
    } else {
        p->phase = PHASE_GATEWAY;
        child_start(p, ROLE_GATEWAY);
    }
}

static void keeper_done(struct parent *p)
{
    restart_up(&p->children[ROLE_KEEPER].restart, clock_monotonic_ns());
    if (p->phase == PHASE_MEASURING) {
        p->keeper_begun = true;
        measured_check(p);
    } else if (p->phase == PHASE_READY) {
        p->phase = PHASE_GATEWAY;
        child_start(p, ROLE_GATEWAY);
    }
}

static void gateway_done(struct parent *p)
{
    struct restart *restart = &p->children[ROLE_GATEWAY].restart;
    const bool again = restart_is_up(restart);

    p->had_keys = true;
    restart_up(restart, clock_monotonic_ns());
    if (p->phase == PHASE_GATEWAY) {
        p->phase = PHASE_SERVING;
        addresses_log(p);
    } else if (!again) {
        log_event(LOG_LEVEL_INFO, "the gateway serves again, with new keys", NULL);
    }
}

/* An engine that comes back must have loaded the very model of this start: its manifest's digest stands in front. */
static bool loaded_take(struct parent *p, struct bytes payload, struct err *err)
{
    if (payload.len < MESSAGE_LOADED_DIGEST) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a loaded model without its digest");
    }
    if (p->loaded.len > 0 && memcmp(p->loaded.p, payload.p, MESSAGE_LOADED_DIGEST) != 0) {
        return FAIL(err, REASON_MODEL_CHANGED, ERR_NOWHERE, "the engine came back with another model");
    }
    p->loaded.len = 0;
    p->engine_loaded = true;
    return buf_add(&p->loaded, payload.p, payload.len, err);
}

static bool described_add(struct parent *p, struct bytes payload, struct err *err)
{
    if (p->described_count == p->supplies.model_count || p->described_count == MODELS_MAX) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "more models than there are");
    }
    p->described[p->described_count] = BUF(LIMIT_FRAME);
    return buf_add(&p->described[p->described_count++], payload.p, payload.len, err);
}

/* A process of the engine says so once, and again to each keeper that is started after it. */
static bool engine_is_loaded(struct parent *p, struct bytes payload, struct err *err)
{
    struct restart *restart = &p->children[ROLE_ENGINE].restart;
    const bool again = restart_is_up(restart);

    if (!loaded_take(p, payload, err)) {
        return false;
    }
    restart_up(restart, clock_monotonic_ns());
    measured_check(p);
    if (!again && p->phase >= PHASE_GATEWAY && p->children[ROLE_GATEWAY].control != NULL) {
        link_send(p->children[ROLE_GATEWAY].control, MESSAGE_LOADED, 0, payload, -1);
        if (p->had_keys) { /* a gateway that is being started was connected with its set-up */
            peers_connect(p, ROLE_ENGINE, ROLE_GATEWAY);
        }
    }
    return true;
}

static void child_frame(void *arg, struct link *l, const struct frame *f)
{
    struct child *c = arg;
    struct err err;
    bool ok = true;

    (void)l;
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    if (f->type == MESSAGE_FAILED) {
        if (!message_err_parse(f->payload, &c->failed, &err)) {
            c->failed = err;
        }
    } else if (f->type == MESSAGE_DONE && c->role == ROLE_KEEPER) {
        keeper_done(c->p);
    } else if (f->type == MESSAGE_DONE && c->role == ROLE_GATEWAY) {
        gateway_done(c->p);
    } else if (f->type == MESSAGE_LOADED && c->role == ROLE_ENGINE) {
        ok = engine_is_loaded(c->p, f->payload, &err);
    } else if (f->type == MESSAGE_MODEL && c->role == ROLE_ENGINE) {
        ok = described_add(c->p, f->payload, &err);
    }
    if (!ok) { /* it is not what it should be: its end is seen like any other */
        c->failed = err;
        (void)kill(c->pid, SIGKILL);
    }
}

/* ---- life and death ---- */

static void death_print(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status)) {
        (void)snprintf(out, size, "signal %d%s", WTERMSIG(status),
                       WTERMSIG(status) == SIGSYS ? " (a forbidden system call)" : "");
    } else {
        (void)snprintf(out, size, "exit %d", WEXITSTATUS(status));
    }
}

static void again_due(void *arg)
{
    struct child *c = arg;

    child_start(c->p, c->role);
}

static void described_drop(struct parent *p)
{
    while (p->described_count > 0) {
        buf_done(&p->described[--p->described_count]);
    }
}

/* What a keeper had measured of a start that was not complete counts for nothing: the next one begins with `start`, and
 * the engine tells it of the model. */
static void measuring_again(struct parent *p)
{
    p->phase = PHASE_MEASURING;
    p->keeper_begun = p->engine_loaded = false;
}

/* A role that said why it cannot do its duty ends a start; else it is started again, unless it dies too often. */
static void again_plan(struct child *c, const char *how)
{
    struct parent *p = c->p;
    uint64_t delay_ms;
    struct err err;

    if (p->phase != PHASE_SERVING && c->failed.reason != REASON_OK) {
        parent_fail(p, &c->failed);
        return;
    }
    if (!restart_died(&c->restart, clock_monotonic_ns(), &delay_ms)) {
        err_set(&err, c->failed.reason != REASON_OK ? c->failed.reason : REASON_PEER_GONE, ERR_NOWHERE,
                "the %s ended %d times before it could do its duty: %.150s", role_name(c->role), RESTART_FAILED_MAX,
                c->failed.reason != REASON_OK ? c->failed.detail : how);
        parent_fail(p, &err);
        return;
    }
    if (c->role == ROLE_ENGINE && p->loaded.len == 0) {
        described_drop(p); /* the next one describes them all */
    }
    if (c->role == ROLE_KEEPER && p->phase < PHASE_GATEWAY) {
        measuring_again(p);
    }
    if (!loop_timer_set(p->loop, &c->again, delay_ms, &err)) {
        parent_fail(p, &err);
    }
}

static void child_gone(void *arg, struct link *l, const struct err *why)
{
    struct child *c = arg;
    struct parent *p = c->p;
    char how[64];
    int status = 0;

    (void)why;
    link_close(l);
    c->control = NULL;
    (void)kill(c->pid, SIGKILL); /* one that only closed its channel is of no use either */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    c->pid = 0;
    death_print(status, how, sizeof how);
    if (p->phase == PHASE_DRAINING) {
        if (c->role == ROLE_GATEWAY) {
            loop_stop(p->loop);
        }
        return;
    }
    log_event(LOG_LEVEL_ERROR, "a process died", "died", role_name(c->role), "how", how, NULL);
    again_plan(c, how);
}

static const struct link_handler child_handler = {child_frame, child_gone};

static void child_setup(struct parent *p, enum role role)
{
    if (role == ROLE_KEEPER) {
        keeper_setup(p);
    } else if (role == ROLE_ENGINE) {
        engine_setup(p);
    } else {
        gateway_setup(p);
    }
}

static void child_start(struct parent *p, enum role role)
{
    struct child *c = &p->children[role];
    struct err err;
    int fds[2];
    bool ok;

    c->failed.reason = REASON_OK;
    c->failed.detail[0] = '\0';
    if (!channel_pair(fds, &err)) {
        parent_fail(p, &err);
        return;
    }
    ok = spawn_role(p->program, role_name(role), fds[1], &c->pid, &err);
    (void)close(fds[1]);
    if (!ok || !link_open(p->loop, fds[0], &child_handler, c, &c->control, &err)) {
        parent_fail(p, &err);
        return;
    }
    child_setup(p, role);
}

/* ---- the end ---- */

static void drain_due(void *arg)
{
    struct parent *p = arg;

    log_event(LOG_LEVEL_WARNING, "not all answers were finished in time", NULL);
    loop_stop(p->loop);
}

static void on_signal(void *arg)
{
    struct parent *p = arg;
    struct err err;

    if (p->phase != PHASE_SERVING || p->children[ROLE_GATEWAY].control == NULL) {
        loop_stop(p->loop); /* nobody is served, or asked twice */
        return;
    }
    log_event(LOG_LEVEL_INFO, "stopping", NULL);
    p->phase = PHASE_DRAINING;
    link_send(p->children[ROLE_GATEWAY].control, MESSAGE_DRAIN, 0, bytes_of(NULL, 0), -1);
    if (!loop_timer_set(p->loop, &p->drain, DRAIN_MS, &err)) {
        loop_stop(p->loop);
    }
}

static void children_end(struct parent *p)
{
    for (size_t i = ROLE_COUNT; i-- > 0;) {
        struct child *c = &p->children[i];

        loop_timer_stop(p->loop, &c->again);
        link_close(c->control);
        if (c->pid > 0) { /* without keys or prompts that it could still save, killing is as good as asking */
            (void)kill(c->pid, SIGKILL);
            (void)waitpid(c->pid, NULL, 0);
        }
    }
}

static bool parent_serve(struct parent *p, struct err *err)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        p->children[i].p = p;
        p->children[i].role = (enum role)i;
        p->children[i].again = (struct loop_timer){.due = again_due, .arg = &p->children[i]};
    }
    p->drain = (struct loop_timer){.due = drain_due, .arg = p};
    if (!loop_new(&p->loop, err) || !signals_open(p->loop, on_signal, p, &p->signals, err)) {
        return false;
    }
    if (config_has_tee(p->config)) {
        child_start(p, ROLE_KEEPER);
    }
    child_start(p, ROLE_ENGINE);
    if (p->ok && !loop_run(p->loop, err)) {
        return false;
    }
    if (!p->ok) {
        *err = p->err;
    }
    return p->ok;
}

bool parent_run(const struct parent_setup *setup, struct err *err)
{
    struct parent *p = calloc(1, sizeof *p);
    bool sealed, ok;

    if (p == NULL || (p->described = calloc(MODELS_MAX, sizeof *p->described)) == NULL) {
        free(p);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the service");
    }
    p->config = setup->config;
    p->ok = true;
    p->program = -1;
    p->loaded = BUF(LIMIT_FRAME);
    ok = spawn_program_open(&p->program, &sealed, err) && (sealed || spawn_exec(p->program, setup->argv, err)) &&
         supplies_open(p->config, &p->supplies, err) && sandbox_prepare(err) && parent_serve(p, err);
    if (p->loop != NULL) {
        children_end(p);
        loop_timer_stop(p->loop, &p->drain);
        signals_close(p->signals);
        loop_free(p->loop);
    }
    supplies_close(&p->supplies);
    buf_done(&p->loaded);
    described_drop(p);
    free(p->described);
    if (p->program >= 0) {
        (void)close(p->program);
    }
    free(p);
    return ok;
}
