#include "attest/service.h"

#include "attest/appraise.h"
#include "attest/problem.h"
#include "base/limits.h"
#include "codec/json.h"

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

void service_answer(const struct service *s, const struct service_request *r, struct service_reply *out)
{
    struct err err = {0};

    *out = (struct service_reply){.status = 200, .content_type = "application/json", .body = BUF(MIB(1))};
    if (!answer(s, r, out, &err)) {
        problem_of_error(&err, out);
    }
}
