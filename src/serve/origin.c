/* Who may call from a browser: the Host header on loopback listeners (against DNS rebinding) and CORS, both as Ollama
 * has them. */
#include "serve/routes_parts.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool v4_is_near(const uint8_t a[4])
{
    return a[0] == 127 || a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 169 && a[1] == 254) || (a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] == 0);
}

static bool v6_is_near(const uint8_t a[16])
{
    static const uint8_t zero[15];

    return (memcmp(a, zero, 15) == 0 && a[15] <= 1) || (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && http_token_equal(bytes_of_str(s + n - m), end);
}

/* localhost, this machine's name, *.localhost, *.local, *.internal, and addresses that are not of the open internet. */
static bool host_is_allowed(const struct routes *rs, const char *host)
{
    uint8_t address[16];

    if (inet_pton(AF_INET, host, address) == 1) {
        return v4_is_near(address);
    }
    if (inet_pton(AF_INET6, host, address) == 1) {
        return v6_is_near(address);
    }
    return http_token_equal(bytes_of_str(host), "localhost") ||
           (rs->host_name[0] != '\0' && http_token_equal(bytes_of_str(host), rs->host_name)) ||
           ends_in(host, ".localhost") || ends_in(host, ".local") || ends_in(host, ".internal");
}

/* Without brackets and port. */
static bool host_copy(struct bytes value, char *out, size_t size)
{
    bool v6 = value.len > 0 && value.p[0] == '[';
    const uint8_t *end = value.len == 0 ? NULL : memchr(value.p, v6 ? ']' : ':', value.len);
    size_t from = v6 ? 1 : 0, len = (end != NULL ? (size_t)(end - value.p) : value.len) - from;

    if (len >= size) {
        return false;
    }
    memcpy(out, &value.p[from], len);
    out[len] = '\0';
    return true;
}

static bool refuse(const struct request *r, struct reply *p, enum reason reason, const char *what)
{
    struct err err;

    err_set(&err, reason, ERR_NOWHERE, "%s", what);
    routes_send_error(r, &err, p);
    return false;
}

static bool is_own(const struct request *r, const char *origin)
{
    char own[600];

    (void)snprintf(own, sizeof own, "%s://%.*s", r->is_tls ? "https" : "http", (int)r->head->host.len,
                   (const char *)r->head->host.p);
    return http_token_equal(bytes_of_str(origin), own);
}

/* scheme://host[:port] of this machine, and the programs on it that are web pages inside, as Ollama allows them. */
static bool origin_is_local(const char *origin)
{
    static const char *const schemes[] = {"app://", "file://", "tauri://", "vscode-webview://", "vscode-file://"};
    static const char *const hosts[] = {"localhost", "127.0.0.1", "0.0.0.0", "[::1]"};
    const char *host;

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strncmp(origin, schemes[i], strlen(schemes[i])) == 0) {
            return true;
        }
    }
    if (strncmp(origin, "http://", 7) == 0) {
        host = origin + 7;
    } else if (strncmp(origin, "https://", 8) == 0) {
        host = origin + 8;
    } else {
        return false;
    }
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const size_t len = strlen(hosts[i]);

        if (strncmp(host, hosts[i], len) == 0 && (host[len] == '\0' || host[len] == ':')) {
            const char *port = host + len + (host[len] == ':' ? 1 : 0);

            return strspn(port, "0123456789") == strlen(port);
        }
    }
    return false;
}

/* allowed may have one '*', for any text. */
static bool origin_matches(const char *allowed, const char *origin)
{
    const char *star = strchr(allowed, '*');
    size_t before = star != NULL ? (size_t)(star - allowed) : 0, behind = star != NULL ? strlen(star + 1) : 0;

    return star == NULL ? strcmp(allowed, origin) == 0
                        : strlen(origin) >= before + behind && strncmp(allowed, origin, before) == 0 &&
                              strcmp(star + 1, origin + strlen(origin) - behind) == 0;
}

static bool origin_is_allowed(const struct backend *b, const char *origin)
{
    const char *allowed;
    bool ok = origin_is_local(origin);

    for (size_t i = 0; !ok && (allowed = backend_origin(b, i)) != NULL; i++) {
        ok = origin_matches(allowed, origin);
    }
    return ok;
}

static bool cors_check(struct routes *rs, const struct request *r, struct reply *p)
{
    struct bytes value = request_header(r, "Origin");
    char origin[300];
    size_t count;

    if (http_header_get(r->head, "Origin", &count) == NULL) {
        return true;
    }
    if (value.len == 0 || value.len >= sizeof origin) {
        return refuse(r, p, REASON_ORIGIN_FORBIDDEN, "");
    }
    memcpy(origin, value.p, value.len);
    origin[value.len] = '\0';
    if (is_own(r, origin)) {
        return true;
    }
    if (!origin_is_allowed(rs->backend, origin)) {
        return refuse(r, p, REASON_ORIGIN_FORBIDDEN, origin);
    }
    reply_header(p, "Access-Control-Allow-Origin", origin);
    reply_header(p, "Vary", "Origin");
    if (r->method != HTTP_OPTIONS) {
        return true;
    }
    reply_header(p, "Access-Control-Allow-Methods", "GET, POST, HEAD, OPTIONS");
    reply_header(p, "Access-Control-Allow-Headers",
                 "Authorization, Content-Type, User-Agent, Accept, X-Requested-With, Sotto-Model-Id, OpenAI-Beta, "
                 "OpenAI-Organization, OpenAI-Project, X-Stainless-Arch, X-Stainless-Async, X-Stainless-Custom-Poll-"
                 "Interval, X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, "
                 "X-Stainless-Poll-Helper, X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, "
                 "X-Stainless-Timeout");
    reply_header(p, "Access-Control-Max-Age", "43200");
    reply_send(p, 204, NULL, bytes_of(NULL, 0));
    return false;
}

bool origin_check(struct routes *rs, const struct request *r, struct reply *p)
{
    char host[300];

    if (r->listener_is_loopback && (!host_copy(r->head->host, host, sizeof host) || !host_is_allowed(rs, host))) {
        return refuse(r, p, REASON_HOST_FORBIDDEN, "");
    }
    return cors_check(rs, r, p);
}
