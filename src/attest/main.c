/* sotto-attestd: the attestation service's program. Options, keys, one listener on a loopback address, a loop. */
#include "attest/appraise.h"
#include "attest/service.h"
#include "base/limits.h"
#include "cli/args.h"
#include "net/listen.h"
#include "net/server.h"
#include "net/signals.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/random.h"
#include "os/secret.h"
#include "verify/cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 5000

static const struct args_option options[] = {
    {"listen", 'l', "HOST:PORT", "loopback address to serve plain HTTP on (127.0.0.1:8081)"},
    {"state", 0, "DIR", "folder of the token keys, made if absent"},
    {"policies", 0, "DIR", "folder of the policies, ID.json each"},
    {"default-policy", 0, "ID", "the policy of requests that name none"},
    {"collateral", 0, "DIR", "folder of Intel's or the simulator's collateral"},
    {"issuer", 0, "URL", "what tokens say they are from (http:// and the address)"},
    {"allowed-origin", 0, "LIST", "origins of pages that may ask, separated by commas"},
    {0}};

static const struct args_form form = {
    .usage = "sotto-attestd --state DIR --policies DIR [options]",
    .about = "Judges evidence of Sotto services by the operator's policies and answers with signed tokens.",
    .options = options,
};

/* The page as `sotto serve` serves it by default. */
#define DEFAULT_ORIGINS "http://127.0.0.1:11434,http://localhost:11434,https://127.0.0.1:8443,https://localhost:8443"

struct daemon {
    struct service service;
    struct keys keys;
    struct loop *loop;
    struct server *server;
    struct signals *signals;
    char origins[4096];            /* what service.origins points into */
    char issuer[ADDRESS_SIZE + 8]; /* where no other is given */
    struct cache cache;
};

/* ---- HTTP ---- */

static void reply_headers(struct reply *p, const struct service_reply *a)
{
    reply_header(p, "Cache-Control", "no-store");
    reply_header(p, "X-Content-Type-Options", "nosniff");
    reply_header(p, "Vary", "Origin");
    if (a->origin != NULL) {
        reply_header(p, "Access-Control-Allow-Origin", a->origin);
    }
    if (a->preflight) {
        reply_header(p, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
        reply_header(p, "Access-Control-Allow-Headers", "Content-Type");
        reply_header(p, "Access-Control-Max-Age", "600");
    }
    if (a->allow != NULL) {
        reply_header(p, "Allow", a->allow);
    }
    if (a->header != NULL) {
        reply_header(p, a->header, (const char *)a->value.p);
    }
    if (a->request_id[0] != '\0') {
        reply_header(p, "Request-ID", a->request_id);
    }
}

static void handle(void *arg, const struct request *r, struct reply *p)
{
    struct daemon *d = arg;
    struct service_request in = {.method = r->method,
                                 .path = r->path,
                                 .query = r->query,
                                 .origin = request_header(r, "Origin"),
                                 .body = r->body,
                                 .time = clock_unix()};
    struct service_reply out;
    struct err err = {0};

    if (!random_bytes(in.random, sizeof in.random, &err)) {
        reply_send_error(p, &err);
        return;
    }
    service_answer(&d->service, &in, &out);
    if (out.why.reason != REASON_OK) {
        log_error(LOG_LEVEL_INFO, "refused", &out.why);
    }
    reply_headers(p, &out);
    reply_send(p, out.status, out.content_type, buf_bytes(&out.body));
    service_reply_done(&out);
}

static size_t body_limit(void *arg, const struct request *r)
{
    (void)arg;
    return service_body_limit(r->path);
}

/* ---- start and end ---- */

static void drained(void *arg)
{
    struct daemon *d = arg;

    loop_stop(d->loop);
}

static void signalled(void *arg)
{
    struct daemon *d = arg;
    struct err err = {0};

    log_event(LOG_LEVEL_INFO, "stopping", NULL);
    if (!server_drain(d->server, DRAIN_MS, drained, d, &err)) {
        loop_stop(d->loop);
    }
}

static bool is_http(const char *s)
{
    return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

/* "a,b,c" in memory of its own. */
static bool origins_read(struct daemon *d, const char *list, struct err *err)
{
    char *rest = d->origins, *one;

    if (strlen(list) >= sizeof d->origins) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--allowed-origin: more than %zu bytes", sizeof d->origins);
    }
    memcpy(d->origins, list, strlen(list) + 1);
    while ((one = strsep(&rest, ",")) != NULL) {
        if (!is_http(one) || strchr(strchr(one, '/') + 2, '/') != NULL) {
            return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--allowed-origin: \"%.100s\" is no origin", one);
        }
        if (d->service.origin_count == SERVICE_ORIGINS_MAX) {
            return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--allowed-origin: more than %d", SERVICE_ORIGINS_MAX);
        }
        d->service.origins[d->service.origin_count++] = one;
    }
    return true;
}

static bool issuer_check(const char *s, struct err *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_-[]~%";
    size_t n = strlen(s);

    return (n > 8 && n < 500 && is_http(s) && s[n - 1] != '/' && s[strspn(s, allowed)] == '\0') ||
           FAIL(err, REASON_USAGE, ERR_NOWHERE, "--issuer: a URL without a slash at its end is wanted");
}

static const char *value_or(const struct args *a, const char *name, const char *fallback)
{
    const char *v = args_get(a, name);

    return v != NULL ? v : fallback;
}

/* A folder that is given must be there now: a typing error should not show as refusals later. */
static bool folder_check(const char *path, struct err *err)
{
    return path == NULL || access(path, R_OK | X_OK) == 0 || file_fail(err, path, errno);
}

static bool options_read(const struct args *a, struct daemon *d, struct err *err)
{
    struct service *s = &d->service;

    s->keys = &d->keys;
    s->cache = &d->cache;
    s->policies = args_get(a, "policies");
    s->default_policy = args_get(a, "default-policy");
    s->collateral = args_get(a, "collateral");
    s->issuer = args_get(a, "issuer");
    if (s->policies == NULL || args_get(a, "state") == NULL) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--state and --policies are required");
    }
    return (s->issuer == NULL || issuer_check(s->issuer, err)) &&
           origins_read(d, value_or(a, "allowed-origin", DEFAULT_ORIGINS), err) && folder_check(s->policies, err) &&
           folder_check(s->collateral, err) && appraise_check(s, err);
}

static bool listen_start(struct daemon *d, const char *where, struct err *err)
{
    const struct server_setup setup = {.handler = handle, .body_limit = body_limit, .arg = d};
    char text[ADDRESS_SIZE];
    struct address a;
    int fd = -1;

    if (!address_parse(where, &a, err) || !server_new(d->loop, &setup, &d->server, err) ||
        !listen_open(&a, true, &fd, err)) {
        return false;
    }
    if (!server_listen(d->server, fd, NULL, err)) {
        (void)close(fd);
        return false;
    }
    if (!listen_address(fd, &a, err)) {
        return false;
    }
    address_print(&a, text);
    if (d->service.issuer == NULL) {
        (void)snprintf(d->issuer, sizeof d->issuer, "http://%s", text);
        d->service.issuer = d->issuer;
    }
    log_event(LOG_LEVEL_INFO, "listening", "address", text, "issuer", d->service.issuer, NULL);
    return true;
}

int main(int argc, char **argv)
{
    struct daemon d = {0};
    struct err err = {0};
    struct args a;
    int code;
    bool ok;

    file_stdio_open();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("sotto-attestd version %s\n", SOTTO_VERSION);
        return 0;
    }
    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    log_init("attestd", LOG_LEVEL_INFO);
    ok = options_read(&a, &d, &err) && secret_protect_process(&err) &&
         keys_open(args_get(&a, "state"), &d.keys, &err) && loop_new(&d.loop, &err) &&
         signals_open(d.loop, signalled, &d, &d.signals, &err) &&
         listen_start(&d, value_or(&a, "listen", "127.0.0.1:8081"), &err) && loop_run(d.loop, &err);
    if (!ok) {
        char line[600];

        err_print(&err, line, sizeof line);
        (void)fprintf(stderr, "sotto-attestd: %s\n", line);
    }
    if (d.server != NULL) {
        server_free(d.server);
    }
    signals_close(d.signals);
    if (d.loop != NULL) {
        loop_free(d.loop);
    }
    keys_close(&d.keys);
    cache_done(&d.cache);
    return ok ? 0 : reason_kind(err.reason) == REASON_KIND_USAGE ? 2 : 1;
}
