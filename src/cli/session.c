#include "cli/session.h"

#include "cli/report.h"

#include "codec/ndjson.h"
#include "os/clock.h"

#include <stdio.h>
#include <strings.h>

#define CONNECT_MS 30000
#define ANSWER_MS 600000 /* of silence: a long prompt on a slow machine */
#define LINE_MAX_SIZE MIB(1)

bool session_init(const struct session_setup *setup, struct session *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->setup = *setup;
    return client_url_parse(setup->url, &out->url, err) &&
           trust_open(setup->policy, setup->collateral, NULL, &out->trust, err);
}

static void disconnect(struct session *s)
{
    client_close(s->client);
    s->client = NULL;
    if (s->verdict.claims != NULL) {
        verdict_done(&s->verdict);
        memset(&s->verdict, 0, sizeof s->verdict);
    }
}

void session_done(struct session *s)
{
    disconnect(s);
    trust_close(&s->trust);
}

bool session_may_ask(const struct session *s)
{
    return s->client != NULL && s->verdict.count > 0 &&
           (s->verdict.result == VERDICT_VERIFIED ||
            (s->verdict.result == VERDICT_SIMULATED && policy_names_simulator(s->trust.policy)));
}

/* The verdict counts for the policy's max_age, and never longer than the key set. */
static int64_t until_get(const struct session *s)
{
    const json_t *not_after = json_object_get(s->verdict.claims, "sotto_not_after");
    uint64_t age = policy_max_age(s->trust.policy);
    int64_t until = json_is_integer(not_after) ? json_integer_value(not_after) : s->verdict.time;

    if (age > 0 && age < INT64_MAX / 2 && s->verdict.time + (int64_t)age < until) {
        until = s->verdict.time + (int64_t)age;
    }
    return until;
}

/* Names are the same whatever their case, as in the store. */
static bool name_equal(const char *asked, const char *name)
{
    size_t n = strlen(asked);

    return strcasecmp(asked, name) == 0 ||
           (strchr(asked, ':') == NULL && strncasecmp(asked, name, n) == 0 && strcasecmp(name + n, ":latest") == 0);
}

/* What the verified log says of the model that was asked for. */
static void demand_form(struct session *s)
{
    const json_t *models = json_object_get(s->verdict.claims, "sotto_models");

    s->demand[0] = '\0';
    for (size_t i = 0; i < json_array_size(models); i++) {
        const json_t *m = json_array_get(models, i);
        const char *name = json_string_value(json_object_get(m, "name"));
        const char *id = json_string_value(json_object_get(m, "model_id"));
        const char *manifest = json_string_value(json_object_get(m, "manifest_sha384"));

        if (name != NULL && id != NULL && manifest != NULL && name_equal(s->setup.model, name)) {
            (void)snprintf(s->model, sizeof s->model, "%s", name);
            (void)snprintf(s->demand, sizeof s->demand, "%s.%s", id, manifest);
        }
    }
}

bool session_verify(struct session *s, bool *fresh, struct err *err)
{
    struct buf document = BUF(LIMIT_EVIDENCE);
    bool ok;

    *fresh = false;
    if (s->client != NULL && session_may_ask(s) && client_is_open(s->client) && clock_unix() < s->until) {
        return true;
    }
    disconnect(s);
    s->trust.input.time = clock_unix();
    ok = client_open(&s->url, CONNECT_MS, &s->client, err) &&
         trust_fetch(&s->trust, s->client, s->url.path, &document, err) &&
         verify_document(buf_bytes(&document), &s->trust.input, &s->verdict, err);
    buf_done(&document);
    if (!ok) {
        disconnect(s);
        return false;
    }
    s->until = until_get(s);
    demand_form(s);
    *fresh = true;
    return true;
}

struct lines {
    struct buf part;
    bool (*line)(void *arg, struct bytes line, struct err *err);
    void *arg;
};

static bool on_piece(void *arg, struct bytes piece, struct err *err)
{
    struct lines *l = arg;
    struct bytes line;
    size_t next = 0;

    if (!buf_add(&l->part, piece.p, piece.len, err)) {
        return false;
    }
    while (ndjson_line_get(buf_bytes(&l->part), &next, &line)) {
        if (!l->line(l->arg, line, err)) {
            return false;
        }
    }
    buf_drop(&l->part, next);
    return true;
}

/* A refusal's text ends in " (NAME)"; *len: that of what stands before. A service gives no verdicts: a name that would
 * be one does not count. */
static enum reason reason_of(const char *text, size_t *len)
{
    const char *open = strrchr(text, '(');
    size_t size = open != NULL ? strlen(open) : 0;
    enum reason found;
    char name[64];

    *len = strlen(text);
    if (size < 3 || size > sizeof name || open[size - 1] != ')') {
        return REASON_HTTP_STATUS;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(size - 2), open + 1);
    if (!reason_find(name, &found) || report_exit_code(found) != 1) {
        return REASON_HTTP_STATUS;
    }
    *len = (size_t)(open - text) - (open > text && open[-1] == ' ' ? 1 : 0);
    return found;
}

/* {"error":text} */
static bool status_fail(const struct client_response *r, struct err *err)
{
    struct err ignored;
    json_t *body = NULL;
    const char *text = NULL;
    enum reason reason;
    size_t len;

    if (json_parse(buf_bytes(&r->body), &body, &ignored)) {
        text = json_string_value(json_object_get(body, "error"));
    }
    text = text != NULL ? text : "no reason was given";
    reason = reason_of(text, &len);
    err_set(err, reason, ERR_NOWHERE, "the service answered %d: %.*s", r->status, (int)len, text);
    json_decref(body);
    return false;
}

bool session_check_model(const struct session *s, struct err *err)
{
    const json_t *models = json_object_get(s->verdict.claims, "sotto_models");
    char names[160] = "";
    size_t len = 0;

    if (s->demand[0] != '\0') {
        return true;
    }
    for (size_t i = 0; i < json_array_size(models) && len < sizeof names; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(models, i), "name"));
        int n = snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", name != NULL ? name : "?");

        len += n > 0 ? (size_t)n : 0;
    }
    return FAIL(err, REASON_MODEL_ABSENT, ERR_NOWHERE, "the service serves %s, not %.60s; nothing was sent",
                names[0] != '\0' ? names : "no model", s->setup.model);
}

bool session_ask(struct session *s, struct bytes body, bool (*line)(void *arg, struct bytes line, struct err *err),
                 void *arg, struct err *err)
{
    struct lines lines = {.part = BUF(LINE_MAX_SIZE), .line = line, .arg = arg};
    struct client_response r = {.body = BUF(MIB(1))};
    struct client_header demand = {.name = "Sotto-Model-Id", .value = s->demand};
    char path[2300];
    struct client_request q = {.method = "POST",
                               .path = path,
                               .headers = &demand,
                               .header_count = 1,
                               .body = body,
                               .content_type = "application/json"};
    size_t len = strlen(s->url.path);
    bool ok;

    if (!session_may_ask(s)) {
        return FAIL(err, REASON_VERDICT_REFUSED, ERR_NOWHERE, "nothing was sent");
    }
    if (!session_check_model(s, err)) {
        return false;
    }
    while (len > 0 && s->url.path[len - 1] == '/') {
        len--;
    }
    (void)snprintf(path, sizeof path, "%.*s/api/chat", (int)len, s->url.path);
    client_set_timeout(s->client, ANSWER_MS);
    ok = client_stream(s->client, &q, on_piece, &lines, &r, err);
    if (ok && r.status != 200) {
        ok = status_fail(&r, err);
    } else if (!ok) {
        disconnect(s); /* in the middle of an answer: the next question needs a connection of its own */
    }
    buf_done(&lines.part);
    buf_done(&r.body);
    return ok;
}
