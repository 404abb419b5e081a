/* The service's own log: it must replay to the register, hold nothing but the service's events, each in its place, and
 * every event of every start must be one that the policy names (docs/formats.md, section 3). */
#include "base/hex.h"
#include "evidence/event.h"
#include "verify/judge.h"

#include <stdio.h>

#define LOADED_MAX 64

struct loaded { /* one model of the loaded set */
    char name[sizeof((struct manifest *)NULL)->name];
    uint8_t model_id[SHA384_SIZE], manifest_sha384[SHA384_SIZE];
};

struct walk {
    struct judge *j;
    enum event_kind last;
    bool ready;
    uint64_t starts;
    uint8_t web[SHA384_SIZE]; /* of the last start */
    size_t web_number;        /* 0: it has none yet */
    struct loaded loaded[LOADED_MAX];
    size_t loaded_count;
};

/* Which kinds may follow which: a start runs from `start` to `ready`, and one that broke off is followed by the next.
 */
#define BIT(k) (1u << (k))
static const unsigned followers[] = {
    [EVENT_START] = BIT(EVENT_PROGRAM) | BIT(EVENT_START),
    [EVENT_PROGRAM] = BIT(EVENT_CONFIG) | BIT(EVENT_START),
    [EVENT_CONFIG] = BIT(EVENT_WEB) | BIT(EVENT_START),
    [EVENT_WEB] = BIT(EVENT_POLICY) | BIT(EVENT_START),
    [EVENT_POLICY] = BIT(EVENT_MODEL) | BIT(EVENT_GPU) | BIT(EVENT_READY) | BIT(EVENT_START),
    [EVENT_MODEL] = BIT(EVENT_MODEL) | BIT(EVENT_GPU) | BIT(EVENT_READY) | BIT(EVENT_START),
    [EVENT_GPU] = BIT(EVENT_READY) | BIT(EVENT_START),
};
#define FOLLOWERS_READY (BIT(EVENT_MODEL) | BIT(EVENT_UNLOAD) | BIT(EVENT_KEY_EPOCH) | BIT(EVENT_START))

static bool order_check(struct walk *w, enum event_kind kind, size_t number, struct err *err)
{
    const unsigned allowed = number == 0 ? BIT(EVENT_START) : w->ready ? FOLLOWERS_READY : followers[w->last];

    if ((allowed & BIT(kind)) == 0) {
        return FAIL(err, REASON_EVENT_LOG_ORDER, ERR_NOWHERE, "event %zu: `%s` behind `%s`", number,
                    event_kind_name(kind), number > 0 ? event_kind_name(w->last) : "nothing");
    }
    return true;
}

/* The first event that refutes a fact is the one that it names: false, where another one was before. */
static bool event_refute(struct walk *w, enum fact_id id, enum reason reason, size_t number, const char *what)
{
    if (fact_is(w->j, id, FACT_REFUTED)) {
        return false;
    }
    fact_refute(w->j, id, reason, "event %zu: %s", number, what);
    return true;
}

/* A digest that a list of the policy must have, if it has any: false, and the fact refuted. */
static bool listed_apply(struct walk *w, enum fact_id id, enum reason reason, const struct policy_list *l,
                         const uint8_t digest[SHA384_SIZE], size_t number, const char *what)
{
    if (l->count == 0 || policy_list_has(l, digest)) {
        return true;
    }
    if (event_refute(w, id, reason, number, what)) {
        fact_seen_unlisted(w->j, id, l, digest);
    }
    return false;
}

static bool start_apply(struct walk *w, const json_t *v, struct err *err)
{
    uint64_t number;

    if (!json_get_u64(v, "number", UINT32_MAX, &number, err)) {
        return false;
    }
    if (number != w->starts + 1) {
        return FAIL(err, REASON_EVENT_LOG_ORDER, ERR_NOWHERE, "start %llu behind start %llu",
                    (unsigned long long)number, (unsigned long long)w->starts);
    }
    w->starts = number;
    w->ready = false;
    w->web_number = 0;
    w->loaded_count = 0;
    return true;
}

/* How a file is mapped must be one of the ways that the policy lists. */
static void backing_apply(struct walk *w, const char *name, const char *backing, size_t number)
{
    char what[160], allowed[40] = "";
    bool ok = false;

    for (size_t i = 0; policy_backings[i] != NULL; i++) {
        if ((w->j->policy->backing & 1u << i) != 0) {
            ok = ok || strcmp(policy_backings[i], backing) == 0;
            (void)snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s",
                           allowed[0] == '\0' ? "" : ", ", policy_backings[i]);
        }
    }
    (void)snprintf(what, sizeof what, "%.100s is backed by %.20s", name, backing);
    if (!ok && event_refute(w, FACT_program, REASON_PROGRAM_BACKING, number, what)) {
        fact_seen(w->j, FACT_program, allowed, backing);
    }
}

static bool program_apply(struct walk *w, const json_t *v, size_t number, struct err *err)
{
    const struct policy *p = w->j->policy;
    uint8_t digest[SHA384_SIZE];
    const char *name, *backing;
    char what[101];
    json_t *files;

    if (!json_get(v, "files", JSON_ARRAY, &files, err)) {
        return false;
    }
    if (json_array_size(files) == 0 &&
        event_refute(w, FACT_program, REASON_PROGRAM_MISMATCH, number, "no file at all")) {
        fact_seen_unlisted(w->j, FACT_program, &p->program, NULL);
    }
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *f = json_array_get(files, i);

        if (!json_get_str(f, "name", &name, err) || !json_get_hex(f, "sha384", digest, sizeof digest, err) ||
            !json_get_str(f, "backing", &backing, err)) {
            return false;
        }
        (void)snprintf(what, sizeof what, "%.100s", name);
        if (listed_apply(w, FACT_program, REASON_PROGRAM_MISMATCH, &p->program, digest, number, what)) {
            backing_apply(w, name, backing, number);
        }
    }
    return true;
}

/* Loading a model that is loaded already replaces it. */
static bool loaded_add(struct walk *w, const struct manifest *m, const uint8_t digest[SHA384_SIZE], struct err *err)
{
    size_t i = 0;

    while (i < w->loaded_count && memcmp(w->loaded[i].model_id, m->model_id, SHA384_SIZE) != 0) {
        i++;
    }
    if (i == LOADED_MAX) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "more than %d models are loaded", LOADED_MAX);
    }
    w->loaded_count += i == w->loaded_count;
    memcpy(w->loaded[i].name, m->name, sizeof m->name);
    memcpy(w->loaded[i].model_id, m->model_id, SHA384_SIZE);
    memcpy(w->loaded[i].manifest_sha384, digest, SHA384_SIZE);
    return true;
}

static bool model_apply(struct walk *w, const json_t *v, size_t number, struct err *err)
{
    const struct policy_list *l = &w->j->policy->model;
    struct buf canonical = BUF(LIMIT_MANIFEST);
    uint8_t digest[SHA384_SIZE], none[SHA256_SIZE]; /* of no default options and no system message of its own */
    struct manifest m = {0};
    json_t *manifest;
    bool ok = false;

    if (!json_get(v, "manifest", JSON_OBJECT, &manifest, err) || !manifest_parse(manifest, &m, err)) {
        return false;
    }
    if (!json_print_canonical(manifest, &canonical, err)) {
        goto out;
    }
    hash_bytes(HASH_SHA384, buf_bytes(&canonical), digest);
    if (!policy_list_has(l, m.model_id)) {
        (void)listed_apply(w, FACT_model, REASON_MODEL_MISMATCH, l, digest, number, m.name);
    } else if (!policy_list_has(l, digest)) {
        hash_bytes(HASH_SHA256, bytes_of_str("{}"), none);
        if (memcmp(none, m.defaults_sha256, sizeof none) != 0 &&
            event_refute(w, FACT_model, REASON_MODEL_MISMATCH, number, "named by its file alone, but with options")) {
            fact_hex(w->j, FACT_model, bytes_of(none, sizeof none), bytes_of(m.defaults_sha256, sizeof none));
        }
    }
    ok = loaded_add(w, &m, digest, err);
out:
    buf_done(&canonical);
    manifest_done(&m);
    return ok;
}

static bool unload_apply(struct walk *w, const json_t *v, size_t number, struct err *err)
{
    uint8_t id[SHA384_SIZE];

    if (!json_get_hex(v, "model_id", id, sizeof id, err)) {
        return false;
    }
    for (size_t i = 0; i < w->loaded_count; i++) {
        if (memcmp(w->loaded[i].model_id, id, sizeof id) == 0) {
            w->loaded[i] = w->loaded[--w->loaded_count];
            return true;
        }
    }
    return FAIL(err, REASON_EVENT_LOG_ORDER, ERR_NOWHERE, "event %zu unloads a model that is not loaded", number);
}

static bool kind_apply(struct walk *w, enum event_kind kind, const json_t *v, struct bytes content, size_t number,
                       struct err *err)
{
    const struct policy *p = w->j->policy;
    uint8_t digest[SHA384_SIZE];

    switch (kind) {
    case EVENT_START:
        return start_apply(w, v, err);
    case EVENT_PROGRAM:
        return program_apply(w, v, number, err);
    case EVENT_CONFIG:
        hash_bytes(HASH_SHA384, content, digest);
        (void)listed_apply(w, FACT_config, REASON_CONFIG_MISMATCH, &p->config, digest, number, "not in the policy");
        return report_claim_hex(w->j->claims, "sotto_config", digest, sizeof digest, err);
    case EVENT_WEB:
        if (!json_get_hex(v, "sha384", w->web, sizeof w->web, err)) {
            return false;
        }
        w->web_number = number;
        (void)listed_apply(w, FACT_web, REASON_WEB_MISMATCH, &p->web, w->web, number, "not in the policy");
        return true;
    case EVENT_MODEL:
        return model_apply(w, v, number, err);
    case EVENT_UNLOAD:
        return unload_apply(w, v, number, err);
    case EVENT_READY:
        w->ready = true;
        return true;
    case EVENT_GPU:
        if (!fact_is(w->j, FACT_devices, FACT_REFUTED)) {
            fact_unknown(w->j, FACT_devices, REASON_DEVICE_UNCHECKED, "event %zu", number);
        }
        return true;
    case EVENT_POLICY:
    case EVENT_KEY_EPOCH:
        return true;
    }
    return FAIL(err, REASON_EVENT_KIND, ERR_NOWHERE, "event %zu", number);
}

static bool event_apply(struct walk *w, const struct eventlog_event *e, struct err *err)
{
    struct bytes content;
    struct err cause = {0};
    enum event_kind kind;
    json_t *v = NULL;
    bool ok;

    if (e->index != EVENTLOG_REGISTERS || e->type != EVENTLOG_EV_EVENT_TAG || !eventlog_covered(e)) {
        return FAIL(err, REASON_EVENT_LOG_FOREIGN, e->offset, "event %zu: register %u, type 0x%x, %s", e->number,
                    e->index, e->type, eventlog_covered(e) ? "covered" : "its digest is not of its data");
    }
    if (!event_parse(e->data, &kind, &v, &content, &cause)) {
        if (cause.reason == REASON_EVENT_KIND || reason_kind(cause.reason) == REASON_KIND_SYSTEM) {
            *err = cause;
            return false;
        }
        return FAIL(err, REASON_EVENT_LOG_FOREIGN, e->offset, "event %zu: %.150s", e->number, cause.detail);
    }
    ok = order_check(w, kind, e->number, err) && kind_apply(w, kind, v, content, e->number, err);
    w->last = kind;
    json_decref(v);
    return ok;
}

static bool log_walk(struct walk *w, struct bytes bytes, uint8_t rtmr3[SHA384_SIZE], struct err *err)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct eventlog_event e;
    struct eventlog log;
    bool more, ok;

    if (!eventlog_open(bytes, &log, err) || !event_log_begin_check(bytes, err)) {
        return false;
    }
    while ((ok = eventlog_next(&log, &e, &more, err) && (!more || event_apply(w, &e, err))) && more) {
        eventlog_fold(registers, &e);
    }
    if (!ok) {
        return false;
    }
    if (log.rest.left > 0) {
        return FAIL(err, REASON_LOG_FORM, log.rest.offset, "%zu bytes behind the log", log.rest.left);
    }
    if (log.next_number == 0) {
        return FAIL(err, REASON_EVENT_LOG_EMPTY, ERR_NOWHERE, "a header alone");
    }
    if (!w->ready) {
        return FAIL(err, REASON_EVENT_LOG_UNREADY, ERR_NOWHERE, "start %llu has no `ready`",
                    (unsigned long long)w->starts);
    }
    memcpy(rtmr3, registers[3], SHA384_SIZE);
    return true;
}

/* A fact that no event refuted: affirmed if the policy says what it wants, the log holds and the boot chain does. */
static void content_judge(const struct walk *w, enum fact_id id, const struct policy_list *l)
{
    struct judge *j = w->j;

    if (fact_is(j, id, FACT_REFUTED)) { /* by an event */
        return;
    }
    if (l->count == 0) {
        fact_unknown(j, id, REASON_NOT_DEMANDED, "%s", "");
    } else if (id == FACT_model && w->loaded_count == 0) {
        fact_unknown(j, id, REASON_FACT_UNKNOWN, "no model is loaded");
    } else if (!fact_is(j, FACT_event_log, FACT_AFFIRMED)) {
        fact_unknown(j, id, REASON_FACT_UNKNOWN, "the log is not affirmed");
    } else if (!fact_is(j, FACT_boot, FACT_AFFIRMED)) {
        fact_unknown(j, id, REASON_BOOT_NOT_AFFIRMED, "%s", "");
    } else {
        fact_affirm(j, id);
    }
}

static bool models_claim(struct walk *w, struct err *err)
{
    json_t *claims = w->j->claims, *list = json_array(), *ids = json_array();
    bool ok = claim_new(claims, "sotto_models", list, err);

    ok = claim_new(claims, "sotto_model_ids", ids, err) && ok;
    for (size_t i = 0; ok && i < w->loaded_count; i++) {
        const struct loaded *m = &w->loaded[i];
        json_t *one = json_object();

        ok = (json_array_append_new(list, one) == 0 || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "sotto_models")) &&
             claim_str(one, "name", m->name, err) && report_claim_hex(one, "model_id", m->model_id, SHA384_SIZE, err) &&
             report_claim_hex(one, "manifest_sha384", m->manifest_sha384, SHA384_SIZE, err) &&
             (json_array_append(ids, json_object_get(one, "model_id")) == 0 ||
              FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "sotto_model_ids"));
    }
    return ok;
}

bool log_is_service(struct bytes bytes)
{
    struct bytes content;
    struct eventlog_event e;
    struct eventlog log;
    struct err ignored;
    enum event_kind kind;
    json_t *v = NULL;
    bool more = false, is;

    is = eventlog_open(bytes, &log, &ignored) && eventlog_next(&log, &e, &more, &ignored) && more &&
         e.index == EVENTLOG_REGISTERS && event_parse(e.data, &kind, &v, &content, &ignored) && kind == EVENT_START;
    json_decref(v);
    return is;
}

bool log_judge(struct judge *j, struct bytes log, enum log_bound bound, const uint8_t *web_sha384, struct err *err)
{
    struct walk w = {.j = j};
    uint8_t rtmr3[SHA384_SIZE];
    struct err e = {0};

    if (!log_walk(&w, log, rtmr3, &e)) {
        fact_fail(j, FACT_event_log, &e);
    } else if (bound == LOG_BOUND_RTMR3 && memcmp(rtmr3, j->q.td.rtmr[3], sizeof rtmr3) != 0) {
        fact_refute(j, FACT_event_log, REASON_EVENT_LOG_REPLAY, "the log leads to another RTMR3");
        fact_hex(j, FACT_event_log, bytes_of(rtmr3, sizeof rtmr3), bytes_of(j->q.td.rtmr[3], sizeof rtmr3));
    } else if (bound == LOG_BOUND_NOWHERE) {
        fact_unknown(j, FACT_event_log, REASON_FACT_UNKNOWN, "the report data do not say where the log is bound");
    } else if (!fact_is(j, FACT_event_log, FACT_REFUTED)) { /* by its place */
        fact_affirm(j, FACT_event_log);
    }
    if (w.web_number > 0 && web_sha384 != NULL && memcmp(w.web, web_sha384, sizeof w.web) != 0 &&
        event_refute(&w, FACT_web, REASON_WEB_MISMATCH, w.web_number, "the key set names another page")) {
        fact_hex(j, FACT_web, bytes_of(w.web, sizeof w.web), bytes_of(web_sha384, sizeof w.web));
    }
    content_judge(&w, FACT_program, &j->policy->program);
    content_judge(&w, FACT_config, &j->policy->config);
    content_judge(&w, FACT_web, &j->policy->web);
    content_judge(&w, FACT_model, &j->policy->model);
    return models_claim(&w, err) && claim_new(j->claims, "sotto_starts", json_integer((int64_t)w.starts), err);
}
