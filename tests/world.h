/* A whole signed world for tests of verify/: the simulator's platform and collateral, a service that started on it, its
 * evidence document, and the policy that accepts all of it. A test changes one thing and sees which fact notices.
 *
 *     world_init(&w);  change w.setup, w.events, w.keyset ...;  world_make(&w);  change w.files ...;  world_judge(&w)
 *
 * The hooks change what exists only between two steps. */
#ifndef SOTTO_TESTS_WORLD_H
#define SOTTO_TESTS_WORLD_H

#include "base/hex.h"
#include "base/limits.h"
#include "crypto/tagged.h"
#include "evidence/document.h"
#include "evidence/event.h"
#include "evidence/keyset.h"
#include "evidence/manifest.h"
#include "explain/verify.h"
#include "sim/platform.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WORLD_TIME INT64_C(1795000000)
#define WORLD_EVENTS 24
#define WORLD_FILES 16

struct world {
    struct setup setup;
    struct platform platform;
    struct collateral collateral;
    struct document_file files[WORLD_FILES];
    size_t file_count;
    int64_t time;
    unsigned version; /* of the quote */

    char events[WORLD_EVENTS][2048]; /* contents, in order */
    size_t event_count;
    size_t unextended; /* so many of the last events are in the log alone */
    uint8_t program[48], web[48], model_id[48], manifest_sha384[48], config_sha384[48];
    struct keyset keyset;
    uint8_t nonce[32], connection[32];
    bool bind_log; /* by the report data, and not by RTMR3 */

    struct buf log, keys, quote, document;
    struct report_data_parts parts;
    char policy_text[8192]; /* "": world_policy()'s */
    struct policy *policy;
    struct verify_input input;
    struct verdict verdict;
};

static inline void world_must(bool ok, const struct err *err)
{
    char line[400];

    if (!ok) {
        err_print(err, line, sizeof line);
        (void)fprintf(stderr, "a world cannot be made: %s\n", line);
        abort();
    }
}

static inline const char *world_hex(const uint8_t *p, size_t n)
{
    static char text[8][2 * 64 + 1];
    static unsigned turn;
    char *out = text[turn++ % 8];

    hex_encode(bytes_of(p, n), out);
    return out;
}

__attribute__((format(printf, 3, 4))) static inline void world_event(struct world *w, size_t at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(w->events[at], sizeof w->events[at], fmt, ap);
    va_end(ap);
    w->event_count = at + 1 > w->event_count ? at + 1 : w->event_count;
}

static inline void world_start_event(struct world *w, size_t at, unsigned number)
{
    world_event(w, at, "{\"boot_id\":\"%032u\",\"kind\":\"start\",\"number\":%u,\"numerics\":1,\"v\":1}", 7, number);
}

/* A model of one file whose bytes are all seed; its event at place `at`. */
static inline void world_model_event(struct world *w, size_t at, uint8_t seed)
{
    struct buf text = BUF(LIMIT_MANIFEST);
    struct manifest_file f = {.name = "a.gguf", .length = 1000};
    struct manifest m = {.name = "demo:1", .files = &f, .file_count = 1};
    struct err err = {0};

    memset(f.sha256, seed, sizeof f.sha256);
    memset(f.tree_root, seed, sizeof f.tree_root);
    manifest_file_id(f.length, f.tree_root, f.file_id);
    manifest_model_id(&f, 1, m.model_id);
    hash_bytes(HASH_SHA256, bytes_of_str("{}"), m.defaults_sha256);
    world_must(manifest_print(&m, &text, &err), &err);
    world_event(w, at, "{\"kind\":\"model\",\"manifest\":%.*s,\"v\":1}", (int)text.len, (const char *)text.p);
    memcpy(w->model_id, m.model_id, sizeof w->model_id);
    hash_bytes(HASH_SHA384, buf_bytes(&text), w->manifest_sha384);
    buf_done(&text);
}

#define WORLD_EVENT_PROGRAM 1
#define WORLD_EVENT_CONFIG 2
#define WORLD_EVENT_WEB 3
#define WORLD_EVENT_POLICY 4
#define WORLD_EVENT_MODEL 5
#define WORLD_EVENT_READY 6

static inline void world_events(struct world *w)
{
    static const char config[] = "{\"kind\":\"config\",\"settings\":{\"context\":4096},\"v\":1}";

    world_start_event(w, 0, 1);
    world_event(
        w, 1, "{\"files\":[{\"backing\":\"memfd\",\"name\":\"sotto\",\"sha384\":\"%s\"}],\"kind\":\"program\",\"v\":1}",
        world_hex(w->program, 48));
    world_event(w, 2, "%s", config);
    hash_bytes(HASH_SHA384, bytes_of_str(config), w->config_sha384);
    world_event(w, 3, "{\"kind\":\"web\",\"sha384\":\"%s\",\"v\":1}", world_hex(w->web, 48));
    world_event(w, 4, "{\"kind\":\"policy\",\"sha384\":\"\",\"v\":1}");
    world_model_event(w, 5, 0x31);
    world_event(w, 6, "{\"kind\":\"ready\",\"v\":1}");
}

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->time = WORLD_TIME;
    w->version = 5;
    w->log = BUF(LIMIT_LOG);
    w->keys = BUF(LIMIT_KEYSET);
    w->quote = BUF(LIMIT_QUOTE);
    w->document = BUF(LIMIT_EVIDENCE);
    setup_default(w->time, &w->setup);
    memset(w->program, 0x11, sizeof w->program);
    memset(w->web, 0x22, sizeof w->web);
    memset(w->nonce, 0x44, sizeof w->nonce);
    world_events(w);
    memset(w->keyset.node, 0x55, sizeof w->keyset.node);
    memset(w->keyset.tls_spki_sha256, 0x66, sizeof w->keyset.tls_spki_sha256);
    memcpy(w->connection, w->keyset.tls_spki_sha256, sizeof w->connection);
    memset(w->keyset.receipt_xy, 0x77, sizeof w->keyset.receipt_xy);
    memcpy(w->keyset.web_sha384, w->web, sizeof w->web);
    w->keyset.not_before = w->time - 60;
    w->keyset.not_after = w->time + 86400;
    w->input.time = w->time;
    w->input.nonce = w->nonce;
    w->input.connection_spki = w->connection;
    w->input.nonce_required = w->input.connection_required = true;
}

static inline void world_log(struct world *w)
{
    uint8_t digest[SHA384_SIZE];
    struct err err = {0};
    struct hash root;

    tagged_begin(&root, HASH_SHA384, EVENT_LOG_ROOT);
    world_must(event_log_begin(&w->log, &err), &err);
    for (size_t i = 0; i < w->event_count; i++) {
        world_must(event_add(&w->log, bytes_of_str(w->events[i]), digest, &err), &err);
        tagged_add(&root, bytes_of(digest, sizeof digest));
        if (i + w->unextended < w->event_count && !w->bind_log) {
            world_must(guest_extend(&w->platform.guest, 3, digest, &err), &err);
        }
    }
    if (w->bind_log) {
        hash_end(&root, w->parts.log_root);
    }
}

/* The platform, the service's start on it, and the quote over it. */
static inline void world_make(struct world *w)
{
    static const uint8_t seed[PKI_SEED_SIZE] = {1, 2, 3};
    uint8_t leaf[32], report_data[64];
    struct err err = {0};

    world_must(platform_new(seed, &w->setup, &w->platform, &err), &err);
    world_must(collateral_new(&w->platform.pki, &w->setup, &w->collateral, &err), &err);
    w->file_count = COLLATERAL_FILES;
    memcpy(w->files, w->collateral.list, sizeof w->collateral.list);
    world_log(w);
    world_must(keyset_print(&w->keyset, &w->keys, &err), &err);
    tree_leaf(bytes_of(w->nonce, 32), leaf);
    tree_root((const uint8_t(*)[32])leaf, 1, w->parts.nonce_root);
    hash_bytes(HASH_SHA384, buf_bytes(&w->keys), w->parts.keyset_digest);
    hash_bytes(HASH_SHA384, bytes_of(NULL, 0), w->parts.device_digest);
    report_data_form(&w->parts, report_data);
    world_must(platform_quote(&w->platform, w->version, report_data, &w->quote, &err), &err);
}

/* The policy that accepts this world, with one more member of `td`, `service` or the root put in. */
static inline void world_policy(const struct world *w, const char *td, const char *service, const char *root,
                                char out[8192])
{
    const struct guest *g = &w->platform.guest;
    uint8_t sha256[32];

    pki_root_sha256(&w->platform.pki, sha256);
    (void)snprintf(out, 8192,
                   "{\"v\":1,\"anchors\":{\"simulated\":[\"%s\"]},%s\"td\":{\"mrtd\":[\"%s\"],\"rtmr0\":[\"%s\"],"
                   "\"rtmr1\":[\"%s\"],\"rtmr2\":[\"%s\"]%s},\"service\":{\"program\":[\"%s\"],\"config\":[\"%s\"],",
                   world_hex(sha256, 32), root, world_hex(g->mrtd, 48), world_hex(g->rtmr[0], 48),
                   world_hex(g->rtmr[1], 48), world_hex(g->rtmr[2], 48), td, world_hex(w->program, 48),
                   world_hex(w->config_sha384, 48));
    (void)snprintf(out + strlen(out), 8192 - strlen(out), "\"web\":[\"%s\"],\"model\":[\"%s\"]%s}}",
                   world_hex(w->web, 48), world_hex(w->manifest_sha384, 48), service);
}

static inline void world_document(struct world *w)
{
    struct document d = {.quote = buf_bytes(&w->quote),
                         .event_log = buf_bytes(&w->log),
                         .keyset = buf_bytes(&w->keys),
                         .nonce_count = 1,
                         .log_in = w->bind_log ? LOG_IN_REPORT_DATA : LOG_IN_RTMR3};
    struct err err = {0};

    memcpy(d.nonce, w->nonce, sizeof d.nonce);
    world_must(document_print(&d, &w->document, &err), &err);
}

/* By the policy text of the world, or the one that accepts it. */
static inline void world_judge(struct world *w)
{
    struct err err = {0};

    if (w->policy_text[0] == '\0') {
        world_policy(w, "", "", "", w->policy_text);
    }
    if (w->policy == NULL) {
        world_must(policy_parse(bytes_of_str(w->policy_text), &w->policy, &err), &err);
    }
    if (w->document.len == 0) {
        world_document(w);
    }
    w->input.policy = w->policy;
    w->input.files = w->files;
    w->input.file_count = w->file_count;
    world_must(verify_document(buf_bytes(&w->document), &w->input, &w->verdict, &err), &err);
}

/* For the bare quote: the policy without what only a service can show, with members of `td` or the root put in. */
static inline void world_quote_policy_with(struct world *w, const char *td, const char *root)
{
    struct err err = {0};
    char *service;

    world_policy(w, td, "", root, w->policy_text);
    service = strstr(w->policy_text, ",\"service\"");
    memcpy(service, "}", 2);
    policy_free(w->policy);
    world_must(policy_parse(bytes_of_str(w->policy_text), &w->policy, &err), &err);
    w->input.policy = w->policy;
    w->input.files = w->files;
    w->input.file_count = w->file_count;
}

static inline void world_quote_policy(struct world *w)
{
    world_quote_policy_with(w, "", "");
}

static inline void world_done(struct world *w)
{
    verdict_done(&w->verdict);
    policy_free(w->policy);
    collateral_done(&w->collateral);
    platform_done(&w->platform);
    buf_done(&w->log);
    buf_done(&w->keys);
    buf_done(&w->quote);
    buf_done(&w->document);
}

/* The result is the one that the facts give. */
static inline bool world_consistent(const struct verdict *v)
{
    bool refuted = false, unknown = false;

    for (size_t i = 0; i < v->count; i++) {
        refuted = refuted || (v->facts[i].required && v->facts[i].state == FACT_REFUTED);
        unknown = unknown || (v->facts[i].required && v->facts[i].state == FACT_IS_UNKNOWN);
        if ((v->facts[i].state == FACT_AFFIRMED) != (v->facts[i].reason == REASON_OK) || v->facts[i].text[0] == '\0') {
            return false;
        }
    }
    if (refuted) {
        return v->result == VERDICT_REFUSED;
    }
    return unknown ? v->result == VERDICT_UNDECIDED : v->result == VERDICT_VERIFIED || v->result == VERDICT_SIMULATED;
}

#endif
