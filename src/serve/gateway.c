/* The gateway: TLS, HTTP and the page, over the backend. It makes the service's keys, has the keeper bind them into a
 * quote, and judges the very document that it would serve, confined by then; only after that it listens. */
#include "base/hex.h"
#include "crypto/key.h"
#include "evidence/keyset.h"
#include "explain/verify.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"
#include "page/page.h"
#include "proc/sandbox.h"
#include "serve/backend_parts.h"
#include "serve/role.h"
#include "serve/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_LIFE_S (24 * 60 * 60)
#define KEY_SLACK_S (5 * 60)                                /* clients' clocks may be behind */
#define ROTATE_MS ((uint64_t)(KEY_LIFE_S - 60 * 60) * 1000) /* an hour before they end */
#define ROTATE_RETRY_MS 1000
#define DRAIN_MS 8000
#define LISTENERS_MAX 4

struct keys {
    struct key *tls, *receipt;
    struct tls_context *context;
};

struct gateway {
    struct role_base base;
    struct backend backend;
    struct routes *routes;
    struct server *server;
    struct {
        int fd;
        bool tls;
    } listeners[LISTENERS_MAX];
    size_t listener_count;
    struct policy *policy;
    struct keys keys, next; /* next: made, and not bound yet */
    uint8_t node[16];
    bool replaces; /* keys of this start were bound before: by a gateway that is gone, or by this one */
    bool serving;
    struct loop_timer rotate;
    uint8_t self_nonce[NONCE_SIZE];
};

static struct gateway *the_gateway; /* for the backend's word about keys */

/* ---- keys ---- */

static void keys_done(struct keys *k)
{
    tls_context_free(k->context);
    key_free(k->tls);
    key_free(k->receipt);
    *k = (struct keys){NULL, NULL, NULL};
}

static bool keyset_make(struct gateway *g, const struct keys *k, int64_t now, struct err *err)
{
    struct keyset set = {.not_before = now - KEY_SLACK_S, .not_after = now + KEY_LIFE_S};
    struct buf spki = BUF(1024);
    bool ok = key_spki(k->tls, &spki, err) && page_manifest_sha384(set.web_sha384, err);

    if (ok) {
        hash_bytes(HASH_SHA256, buf_bytes(&spki), set.tls_spki_sha256);
        key_public(k->receipt, set.receipt_xy);
        memcpy(set.node, g->node, sizeof set.node);
        g->backend.keyset.len = 0;
        ok = keyset_print(&set, &g->backend.keyset, err);
    }
    buf_done(&spki);
    return ok;
}

/* Keys in memory alone; the key set's bytes go into the backend. */
static bool keys_make(struct gateway *g, struct err *err)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    const int64_t now = clock_unix();
    struct buf der = BUF(LIMIT_CERT);
    struct keys k = {NULL, NULL, NULL};
    bool ok = key_new(&k.tls, err) && key_new(&k.receipt, err) &&
              key_self_signed(k.tls, names, 3, now - KEY_SLACK_S, now + KEY_LIFE_S, &der, err) &&
              tls_server_new(buf_bytes(&der), k.tls, &k.context, err) && keyset_make(g, &k, now, err);

    buf_done(&der);
    if (ok) {
        keys_done(&g->next);
        g->next = k;
    } else {
        keys_done(&k);
    }
    return ok;
}

static void rotate_set(struct gateway *g, uint64_t delay_ms)
{
    struct err err;

    if (!loop_timer_set(g->base.loop, &g->rotate, delay_ms, &err)) {
        role_fail(&g->base, &err);
    }
}

/* A quote that is under way still names the old key set: later, then. */
static void rotate_due(void *arg)
{
    struct gateway *g = arg;
    struct err err;

    if (g->backend.in_flight != NULL || (g->backend.has_tee && !g->backend.keyset_bound)) {
        rotate_set(g, ROTATE_RETRY_MS);
        return;
    }
    if (!keys_make(g, &err)) {
        role_fail(&g->base, &err);
    }
    g->replaces = true;
    if (g->backend.has_tee) {
        evidence_keyset_announce(&g->backend, true);
    } else {
        gateway_keyset_bound(&g->backend);
    }
}

/* ---- serving ---- */

static void serve_begin(struct gateway *g)
{
    const struct server_setup setup = {
        .handler = routes_handle, .body_limit = routes_body_limit, .refused = routes_refused, .arg = g->routes};
    struct err err;
    bool ok = server_new(g->base.loop, &setup, &g->server, &err);

    for (size_t i = 0; ok && i < g->listener_count; i++) {
        ok = server_listen(g->server, g->listeners[i].fd, g->listeners[i].tls ? g->keys.context : NULL, &err);
    }
    if (!ok) {
        role_fail(&g->base, &err);
    }
    routes_set_server(g->routes, g->server);
    g->serving = true;
    g->backend.ready = true;
    rotate_set(g, ROTATE_MS);
    link_send(g->base.control, MESSAGE_DONE, 0, bytes_of(NULL, 0), -1);
}

/* Facts that need fresh collateral may be unknown at the start; everything else must be affirmed. */
static bool fact_may_be_unknown(const char *name)
{
    static const char *const names[] = {"root_crl",    "pck_crl",    "tcb_info_signature",   "tcb_info",
                                        "qe_identity", "tdx_module", "tcb_status",           "tcb_evaluation",
                                        "platform",    "time",       "qe_identity_signature"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool verdict_check(const struct verdict *v, struct err *err)
{
    const struct fact *bad = NULL;

    for (size_t i = 0; i < v->count; i++) {
        const struct fact *f = &v->facts[i];

        if (!f->required || f->state == FACT_AFFIRMED) {
            continue;
        }
        log_event(LOG_LEVEL_WARNING, "self-verification", "fact", f->name, "state", fact_state_name(f->state), "reason",
                  reason_name(f->reason), "text", f->text, NULL);
        if (bad == NULL && (f->state == FACT_REFUTED || !fact_may_be_unknown(f->name))) {
            bad = f;
        }
    }
    return bad == NULL ||
           FAIL(err, bad->reason, ERR_NOWHERE, "the service's own evidence: %s: %.150s", bad->name, bad->text);
}

static bool self_verify(struct gateway *g, struct bytes document, struct err *err)
{
    const struct verify_input in = {
        .policy = g->policy,
        .time = clock_unix(),
        .files = g->backend.files,
        .file_count = g->backend.file_count,
        .nonce = g->self_nonce,
    };
    struct backend *b = &g->backend;

    if (b->has_self) {
        verdict_done(&b->self);
        b->has_self = false;
    }
    if (!verify_document(document, &in, &b->self, err)) {
        return false;
    }
    b->has_self = true;
    log_event(LOG_LEVEL_INFO, "self-verification", "result", verdict_result_name(b->self.result), NULL);
    return verdict_check(&b->self, err);
}

static void on_self_document(void *arg, struct bytes document, const struct err *why)
{
    struct gateway *g = arg;
    struct err err;

    if (why != NULL) {
        role_fail(&g->base, why);
    }
    if (!self_verify(g, document, &err)) {
        role_fail(&g->base, &err);
    }
    serve_begin(g);
}

/* The keeper has the key set: what was made becomes what is used. */
void gateway_keyset_bound(struct backend *b)
{
    struct gateway *g = the_gateway;
    struct err err;

    (void)b;
    if (g->next.tls != NULL) {
        struct keys old = g->keys;

        g->keys = g->next;
        g->next = (struct keys){NULL, NULL, NULL};
        if (g->server != NULL) {
            server_set_tls(g->server, g->keys.context);
            log_event(LOG_LEVEL_INFO, "keys were replaced", NULL);
            rotate_set(g, ROTATE_MS);
        }
        keys_done(&old);
    }
    if (g->serving) {
        return;
    }
    if (!g->backend.has_tee) {
        serve_begin(g);
        return;
    }
    if (!random_bytes(g->self_nonce, sizeof g->self_nonce, &err)) {
        role_fail(&g->base, &err);
    }
    backend_evidence(&g->backend, g->self_nonce, on_self_document, g);
}

void gateway_keyset_refused(struct backend *b, const struct err *why)
{
    (void)b;
    role_fail(&the_gateway->base, why);
}

/* ---- the parent's messages ---- */

/* Before the first message: what the parent hands on comes from files and from the engine. */
static bool confine(struct err *err)
{
    char text[16];
    int abi;

    if (!sandbox_enter(SANDBOX_GATEWAY, NULL, &abi, err)) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%d", abi);
    log_event(LOG_LEVEL_INFO, "confined", "landlock", text, NULL);
    return true;
}

static bool begin(struct gateway *g, struct err *err)
{
    if (!routes_new(&g->backend, &g->routes, err) || !random_bytes(g->node, sizeof g->node, err) ||
        !keys_make(g, err)) {
        return false;
    }
    if (g->backend.has_tee) {
        evidence_keyset_announce(&g->backend, g->replaces);
    } else {
        gateway_keyset_bound(&g->backend);
    }
    return true;
}

static bool listener_add(struct gateway *g, const struct frame *f, struct err *err)
{
    if (f->fd < 0 || f->payload.len != 1 || g->listener_count == LISTENERS_MAX) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a listener without a socket");
    }
    g->listeners[g->listener_count].fd = f->fd;
    g->listeners[g->listener_count++].tls = f->payload.p[0] != 0;
    return true;
}

static bool peer_set(struct gateway *g, const struct frame *f, struct err *err)
{
    if (f->fd >= 0 && f->payload.len == 1 && f->payload.p[0] == ROLE_KEEPER) {
        return evidence_keeper_set(&g->backend, f->fd, err);
    }
    if (f->fd >= 0 && f->payload.len == 1 && f->payload.p[0] == ROLE_ENGINE) {
        return backend_engine_set(&g->backend, f->fd, err);
    }
    return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a peer without a channel");
}

static void on_drained(void *arg)
{
    (void)arg;
    _exit(0);
}

static bool drain(struct gateway *g, struct err *err)
{
    if (g->server == NULL) {
        _exit(0);
    }
    log_event(LOG_LEVEL_INFO, "draining", NULL);
    g->backend.ready = false;
    return server_drain(g->server, DRAIN_MS, on_drained, g, err);
}

static bool control_message(struct gateway *g, const struct frame *f, struct err *err)
{
    switch (f->type) {
    case MESSAGE_SETUP:
        return backend_setup(&g->backend, f->payload, err);
    case MESSAGE_POLICY:
        return policy_parse(f->payload, &g->policy, err);
    case MESSAGE_COLLATERAL:
        return evidence_collateral_add(&g->backend, f->payload, err);
    case MESSAGE_LISTEN:
        return listener_add(g, f, err);
    case MESSAGE_MODEL:
        return backend_model_add(&g->backend, f->payload, err);
    case MESSAGE_LOADED: /* again whenever the engine was started anew */
        return (g->backend.models != NULL || backend_models_sort(&g->backend, err)) &&
               backend_loaded_set(&g->backend, f->payload, err);
    case MESSAGE_PEER:
        return peer_set(g, f, err);
    case MESSAGE_GO:
        g->replaces = f->payload.len == 1 && f->payload.p[0] == 1;
        return begin(g, err);
    case MESSAGE_DRAIN:
        return drain(g, err);
    default:
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "message %u from the parent", f->type);
    }
}

static void control_frame(void *arg, struct link *l, const struct frame *f)
{
    struct gateway *g = arg;
    struct err err;

    (void)l;
    if (!control_message(g, f, &err)) {
        role_fail(&g->base, &err);
    }
}

static const struct link_handler control_handler = {control_frame, role_orphaned};

int gateway_main(void)
{
    static struct gateway g;
    struct err err;

    the_gateway = &g;
    g.rotate = (struct loop_timer){.due = rotate_due, .arg = &g};
    role_begin(&g.base, ROLE_GATEWAY, &control_handler, &g);
    if (!confine(&err) || !backend_init(&g.backend, g.base.loop, &err) || !loop_run(g.base.loop, &err)) {
        role_fail(&g.base, &err);
    }
    return 0;
}
