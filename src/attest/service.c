#include "attest/service.h"

#include "attest/appraise.h"
#include "attest/problem.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "collateral/directory.h"
#include "collateral/pccs.h"
#include "collateral/pcs.h"

typedef bool route_fn(const struct service *s, const struct service_request *r, struct service_reply *out,
                      struct err *err);

static bool health(const struct service *s, const struct service_request *r, struct service_reply *out, struct err *err)
{
    (void)s;
    (void)r;
    out->content_type = "text/plain";
    return buf_str(&out->body, "ok\n", err);
}

static bool jwks(const struct service *s, const struct service_request *r, struct service_reply *out, struct err *err)
{
    (void)r;
    return keys_print(s->keys, &out->body, err);
}

/* OpenID Connect Discovery, as far as a service without users has it: where the keys are. */
static bool discovery(const struct service *s, const struct service_request *r, struct service_reply *out,
                      struct err *err)
{
    struct bytes issuer = bytes_of_str(s->issuer);

    (void)r;
    return buf_str(&out->body, "{\"issuer\":", err) && json_print_str(issuer, &out->body, err) &&
           buf_str(&out->body, ",\"jwks_uri\":\"", err) && buf_add(&out->body, issuer.p, issuer.len, err) &&
           buf_str(&out->body,
                   "/jwks.json\",\"response_types_supported\":[\"none\"],\"subject_types_supported\":[\"public\"],"
                   "\"id_token_signing_alg_values_supported\":[\"ES256\"]}",
                   err);
}

static const struct route {
    const char *path;
    enum http_method method;
    const char *allow;
    size_t body_limit;
    route_fn *answer;
} routes[] = {
    {"/v1/attestation", HTTP_POST, "POST, OPTIONS", LIMIT_HTTP_BODY, appraise_answer},
    {"/jwks.json", HTTP_GET, "GET, HEAD, OPTIONS", 0, jwks},
    {"/.well-known/jwks.json", HTTP_GET, "GET, HEAD, OPTIONS", 0, jwks},
    {"/.well-known/openid-configuration", HTTP_GET, "GET, HEAD, OPTIONS", 0, discovery},
    {"/healthz", HTTP_GET, "GET, HEAD", 0, health},
};

static const struct route *route_find(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

size_t service_body_limit(const char *path)
{
    const struct route *route = route_find(path);

    return route != NULL ? route->body_limit : 0;
}

static const char *origin_find(const struct service *s, struct bytes origin)
{
    for (size_t i = 0; origin.p != NULL && i < s->origin_count; i++) {
        if (bytes_equal(origin, bytes_of_str(s->origins[i]))) {
            return s->origins[i];
        }
    }
    return NULL;
}

static bool answer(const struct service *s, const struct service_request *r, struct service_reply *out, struct err *err)
{
    const struct route *route = route_find(r->path);
    bool reads = r->method == HTTP_GET || r->method == HTTP_HEAD;

    if (route == NULL) {
        return FAIL(err, REASON_ROUTE_ABSENT, ERR_NOWHERE, "%.100s", r->path);
    }
    out->origin = origin_find(s, r->origin);
    if (r->origin.p != NULL && out->origin == NULL) {
        return FAIL(err, REASON_ORIGIN_FORBIDDEN, ERR_NOWHERE, "origin %.*s",
                    (int)(r->origin.len < 100 ? r->origin.len : 100), (const char *)r->origin.p);
    }
    if (r->method == HTTP_OPTIONS) {
        out->status = 204;
        out->preflight = true;
        return true;
    }
    if (route->method == HTTP_GET ? !reads : r->method != route->method) {
        out->allow = route->allow;
        return FAIL(err, REASON_ROUTE_METHOD, ERR_NOWHERE, "%s knows %s", route->path, route->allow);
    }
    return route->answer(s, r, out, err);
}

/* Below /sgx/certification/ and /tdx/certification/: Intel's clients read statuses and headers, not our problems. */
static bool pccs(const struct service *s, const struct service_request *r, struct service_reply *out, struct err *err)
{
    struct directory d = {.count = 0};
    struct pccs_reply answer;
    struct pccs source;

    if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        out->allow = "GET, HEAD";
        return FAIL(err, REASON_ROUTE_METHOD, ERR_NOWHERE, "%.100s knows GET", r->path);
    }
    if (s->collateral != NULL && !directory_open(s->collateral, &d, err)) {
        return false;
    }
    source = (struct pccs){.files = d.files, .count = d.count};
    pccs_answer(&source, r->path, r->query, &answer);
    directory_close(&d);
    hex_encode(bytes_of(r->random, sizeof r->random), out->request_id);
    out->status = answer.status;
    out->content_type = answer.type;
    out->header = answer.header;
    out->value = answer.chain;
    buf_done(&out->body);
    out->body = answer.body;
    if (answer.why != REASON_OK) {
        err_set(&out->why, answer.why, ERR_NOWHERE, "%.100s", r->path);
    }
    return true;
}

void service_reply_done(struct service_reply *r)
{
    buf_done(&r->value);
    buf_done(&r->body);
}

void service_answer(const struct service *s, const struct service_request *r, struct service_reply *out)
{
    struct err err = {0};

    *out = (struct service_reply){.status = 200, .content_type = "application/json", .body = BUF(MIB(1))};
    if (!(pcs_is_path(r->path) ? pccs(s, r, out, &err) : answer(s, r, out, &err))) {
        problem_of_error(&err, out);
    }
}
