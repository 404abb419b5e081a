#include "serve/routes_parts.h"

#include <stdlib.h>
#include <unistd.h>

/* One row a route and method; a HEAD is answered as the GET. */
static const struct route {
    const char *path; /* with a "*" at its end: everything that begins so */
    enum http_method method;
    route_handler *handler;
    size_t body_max;
} table[] = {
    {"/api/version", HTTP_GET, models_version, 0},
    {"/api/tags", HTTP_GET, models_tags, 0},
    {"/api/ps", HTTP_GET, models_ps, 0},
    {"/api/show", HTTP_POST, models_show, LIMIT_HTTP_BODY_SMALL},
    {"/api/generate", HTTP_POST, ollama_generate, LIMIT_HTTP_BODY},
    {"/api/chat", HTTP_POST, ollama_chat, LIMIT_HTTP_BODY},
    {"/v1/models", HTTP_GET, models_openai, 0},
    {"/v1/models/*", HTTP_GET, models_openai_one, 0},
    {"/v1/chat/completions", HTTP_POST, openai_chat, LIMIT_HTTP_BODY},
    {"/api/embed", HTTP_POST, ollama_embed, LIMIT_HTTP_BODY},
    {"/api/embeddings", HTTP_POST, ollama_embeddings, LIMIT_HTTP_BODY},
    {"/v1/embeddings", HTTP_POST, openai_embeddings, LIMIT_HTTP_BODY},
    {"/v1/completions", HTTP_POST, openai_completion, LIMIT_HTTP_BODY},
    {"/.well-known/sotto/evidence", HTTP_GET, trust_evidence, 0},
    {"/api/v1/tee/quote", HTTP_GET, trust_quote, 0},
    {"/healthz", HTTP_GET, trust_health, 0},
    {"/readyz", HTTP_GET, trust_ready, 0},
    {"/metrics", HTTP_GET, metrics_send, 0},
};

#define HEARTBEAT_MS 15000
#define ROWS (sizeof table / sizeof *table)

bool routes_new(struct backend *b, struct routes **out, struct err *err)
{
    struct routes *rs = calloc(1, sizeof *rs);

    if (rs == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "routes");
    }
    rs->backend = b;
    rs->heartbeat_ms = HEARTBEAT_MS;
    if (!page_headers_init(&rs->page, backend_attestation(b), err)) {
        free(rs);
        return false;
    }
    if (gethostname(rs->host_name, sizeof rs->host_name - 1) != 0) {
        rs->host_name[0] = '\0'; /* then it is not among those that are allowed */
    }
    *out = rs;
    return true;
}

void routes_free(struct routes *rs)
{
    free(rs);
}

void routes_set_server(struct routes *rs, const struct server *s)
{
    rs->server = s;
}

void routes_set_heartbeat(struct routes *rs, unsigned ms)
{
    rs->heartbeat_ms = ms;
}

/* --- what the handlers share --- */

void routes_send_error(const struct request *r, const struct err *err, struct reply *p)
{
    struct refusal why;

    (void)refusal_of(&why, err);
    refusal_send(&why, strncmp(r->path, "/v1/", 4) == 0 ? DIALECT_OPENAI : DIALECT_OLLAMA, p);
}

void routes_send_json(struct reply *p, int status, json_t *value)
{
    struct buf body = BUF(MIB(16));
    struct err err;

    err_set(&err, REASON_NO_MEMORY, ERR_NOWHERE, "an answer");
    if (value != NULL && json_print(value, &body, &err)) {
        reply_send(p, status, "application/json; charset=utf-8", buf_bytes(&body));
    } else {
        reply_send_error(p, &err);
    }
    buf_done(&body);
    json_decref(value);
}

bool routes_body_get(const struct request *r, json_t **out, struct refusal *why)
{
    struct err err;
    json_t *body = NULL;

    if (r->body.len == 0) {
        return refusal_set(why, 400, "missing request body");
    }
    if (!json_parse(r->body, &body, &err)) {
        return refusal_of(why, &err);
    }
    if (!json_is_object(body)) {
        json_decref(body);
        err_set(&err, REASON_JSON_TYPE, ERR_NOWHERE, "the request is not an object");
        return refusal_of(why, &err);
    }
    *out = body;
    return true;
}

const json_t *routes_member(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);

    return json_is_null(v) ? NULL : v;
}

static bool type_wrong(struct refusal *why, const char *name, const char *type)
{
    struct err err;

    err_set(&err, REASON_JSON_TYPE, ERR_NOWHERE, "%s must be %s", name, type);
    return refusal_of(why, &err);
}

bool routes_str_get(const json_t *object, const char *name, const char **out, struct refusal *why)
{
    const json_t *v = routes_member(object, name);

    if (v != NULL && !json_is_string(v)) {
        return type_wrong(why, name, "a string");
    }
    *out = v != NULL ? json_string_value(v) : "";
    return true;
}

bool routes_bool_get(const json_t *object, const char *name, bool fallback, bool *out, struct refusal *why)
{
    const json_t *v = routes_member(object, name);

    if (v != NULL && !json_is_boolean(v)) {
        return type_wrong(why, name, "a boolean");
    }
    *out = v != NULL ? json_is_true(v) : fallback;
    return true;
}

bool routes_model_check(const char *name, struct refusal *why)
{
    return name[0] != '\0' || refusal_set(why, 400, "model is required");
}

bool routes_not_supported(struct refusal *why, const char *what)
{
    struct err err;

    err_set(&err, REASON_NOT_SUPPORTED, ERR_NOWHERE, "%s", what);
    return refusal_of(why, &err);
}

bool routes_loaded_get(struct routes *rs, const struct request *r, const char *name, bool scheduler,
                       const struct backend_loaded **out, struct refusal *why)
{
    const struct backend_model *m = backend_model_find(rs->backend, name);
    const struct backend_loaded *l = backend_loaded(rs->backend);
    size_t count;
    struct err err;

    if (m == NULL) {
        return scheduler ? refusal_set(why, 404, "model \"%.200s\" not found, try pulling it first", name)
                         : refusal_set(why, 404, "model '%.200s' not found", name);
    }
    if (http_header_get(r->head, "Sotto-Model-Id", &count) != NULL) {
        struct bytes demand = request_header(r, "Sotto-Model-Id");

        /* One that is there twice demands what cannot be. */
        if (!backend_demand_check(rs->backend, demand.p != NULL ? demand : bytes_of("", 0), &err)) {
            return refusal_of(why, &err);
        }
    }
    if (l == NULL) {
        err_set(&err, REASON_NOT_READY, ERR_NOWHERE, "no model is loaded at the moment");
        return refusal_of(why, &err);
    }
    if (l->model != m) {
        err_set(&err, REASON_MODEL_ABSENT, ERR_NOWHERE, "%s is in the store, but this service has loaded %s", m->name,
                l->model->name);
        return refusal_of(why, &err);
    }
    *out = l;
    return true;
}

/* --- the page --- */

static void page_headers_add(const struct routes *rs, struct reply *p)
{
    for (size_t i = 0; i < PAGE_HEADERS; i++) {
        if (rs->page.list[i].name != NULL) {
            reply_header(p, rs->page.list[i].name, rs->page.list[i].value);
        }
    }
}

static void page_send(const struct routes *rs, const struct request *r, const struct page_file *f, struct reply *p)
{
    bool gzip = f->gzip.p != NULL && page_accepts_gzip(request_header(r, "Accept-Encoding"));
    const char *etag = gzip ? f->etag_gzip : f->etag;
    struct bytes known = request_header(r, "If-None-Match");

    page_headers_add(rs, p);
    reply_header(p, "ETag", etag);
    reply_header(p, "Cache-Control", f->cache);
    reply_header(p, "Vary", "Accept-Encoding");
    if (known.p != NULL && bytes_equal(known, bytes_of_str(etag))) {
        reply_send(p, 304, NULL, bytes_of(NULL, 0));
        return;
    }
    if (gzip) {
        reply_header(p, "Content-Encoding", "gzip");
    }
    reply_send(p, 200, f->type, gzip ? f->gzip : f->content);
}

static void page_settings_send(const struct routes *rs, struct reply *p)
{
    struct buf body = BUF(KIB(4));
    struct err err;

    page_headers_add(rs, p);
    reply_header(p, "Cache-Control", "no-store");
    if (page_settings(backend_attestation(rs->backend), &body, &err)) {
        reply_send(p, 200, "application/json", buf_bytes(&body));
    } else {
        reply_send_error(p, &err);
    }
    buf_done(&body);
}

static bool accepts_html(const struct request *r)
{
    struct bytes accept = request_header(r, "Accept");

    return accept.p != NULL && memmem(accept.p, accept.len, "text/html", 9) != NULL;
}

/* True: the path was the page's, and the reply has been answered. A program that asks for "/" wants to know whether
 * Ollama is running; a browser wants the page. */
static bool page_handle(const struct routes *rs, const struct request *r, struct reply *p)
{
    const struct page_file *f = page_find(bytes_of_str(r->path));

    if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        return false;
    }
    if (strcmp(r->path, PAGE_SETTINGS_PATH) == 0) {
        page_settings_send(rs, p);
    } else if (strcmp(r->path, "/") == 0 && (f == NULL || !accepts_html(r))) {
        reply_header(p, "Vary", "Accept");
        reply_send_str(p, 200, "text/plain; charset=utf-8", "Ollama is running");
    } else if (f != NULL) {
        page_send(rs, r, f, p);
    } else {
        return false;
    }
    return true;
}

/* --- dispatch --- */

static bool path_matches(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? strncmp(pattern, path, n - 1) == 0 && path[n - 1] != '\0'
                                 : strcmp(pattern, path) == 0;
}

/* By path alone. */
static const struct route *route_find(const struct request *r)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (path_matches(table[i].path, r->path)) {
            return &table[i];
        }
    }
    return NULL;
}

static bool route_takes(const struct route *route, enum http_method m)
{
    return route->method == m || (route->method == HTTP_GET && m == HTTP_HEAD);
}

size_t routes_body_limit(void *arg, const struct request *r)
{
    const struct route *route = route_find(r);

    (void)arg;
    return route != NULL && route_takes(route, r->method) && route->body_max > 0 ? route->body_max
                                                                                 : LIMIT_HTTP_BODY_SMALL;
}

void routes_refused(void *arg, const struct request *r, const struct err *err, struct reply *p)
{
    (void)arg;
    routes_send_error(r, err, p);
}

void routes_handle(void *arg, const struct request *r, struct reply *p)
{
    struct routes *rs = arg;
    const struct route *route = route_find(r);
    struct err err;

    if (!origin_check(rs, r, p) || page_handle(rs, r, p)) {
        return;
    }
    if (route != NULL && route_takes(route, r->method)) {
        reply_header(p, "X-Content-Type-Options", "nosniff");
        route->handler(rs, r, p);
        return;
    }
    if (route != NULL) {
        reply_header(p, "Allow", route->method == HTTP_GET ? "GET, HEAD" : http_method_name(route->method));
    }
    err_set(&err, route != NULL ? REASON_ROUTE_METHOD : REASON_ROUTE_ABSENT, ERR_NOWHERE, "%.200s", r->path);
    routes_send_error(r, &err, p);
}
