#include "net/client.h"

#include "codec/http1.h"
#include "net/tls.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE KIB(16)
#define CHUNK_MAX MIB(1) /* decoded and not yet handed on */

struct client {
    int fd;
    unsigned timeout_ms;
    struct tls_context *context;
    struct tls *tls; /* NULL: plain */
    uint8_t spki[32];
    char authority[300]; /* for Host */
    struct buf in;       /* read, not yet used */
};

/* --- the connection --- */

static bool wait_for(const struct client *c, short events, struct err *err)
{
    uint64_t deadline = clock_monotonic_ns() + (uint64_t)c->timeout_ms * 1000000;
    struct pollfd p = {.fd = c->fd, .events = events};

    for (;;) {
        uint64_t now = clock_monotonic_ns();
        int n = now >= deadline ? 0 : poll(&p, 1, (int)((deadline - now) / 1000000 + 1));

        if (n > 0) {
            return true;
        }
        if (n == 0) {
            return FAIL(err, REASON_NET_TIMEOUT, ERR_NOWHERE, "%s: nothing for %u ms", c->authority, c->timeout_ms);
        }
        if (errno != EINTR) {
            return FAIL(err, REASON_CONNECT_FAILED, ERR_NOWHERE, "poll: %s", strerror(errno));
        }
    }
}

static bool connect_one(struct client *c, const struct addrinfo *a, struct err *err)
{
    int e = 0, on = 1;
    socklen_t size = sizeof e;

    c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return FAIL(err, REASON_CONNECT_FAILED, ERR_NOWHERE, "%s: %s", c->authority, strerror(errno));
    }
    if (connect(c->fd, a->ai_addr, a->ai_addrlen) != 0) {
        e = errno;
        if (e == EINPROGRESS && wait_for(c, POLLOUT, err)) {
            (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &size);
        } else if (e == EINPROGRESS) {
            (void)close(c->fd);
            c->fd = -1;
            return false;
        }
    }
    if (e != 0) {
        (void)close(c->fd);
        c->fd = -1;
        return FAIL(err, REASON_CONNECT_FAILED, ERR_NOWHERE, "%s: %s", c->authority, strerror(e));
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static bool connect_any(struct client *c, const struct client_url *url, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    char port[8];
    int code;

    (void)snprintf(port, sizeof port, "%u", url->port);
    code = getaddrinfo(url->host, port, &hints, &list);
    if (code == EAI_ADDRFAMILY || code == EAI_NONAME) { /* loopback alone does not count as configured */
        hints.ai_flags = 0;
        code = getaddrinfo(url->host, port, &hints, &list);
    }
    if (code != 0) {
        return FAIL(err, REASON_CONNECT_FAILED, ERR_NOWHERE, "%s: %s", c->authority, gai_strerror(code));
    }
    for (const struct addrinfo *a = list; a != NULL && c->fd < 0; a = a->ai_next) {
        (void)(connect_one(c, a, err) || c->fd >= 0);
    }
    freeaddrinfo(list);
    return c->fd >= 0;
}

/* Waits as TLS asks for; false: the connection is over. */
static bool tls_wait(struct client *c, enum tls_result r, struct err *err)
{
    if (r == TLS_WANT_READ || r == TLS_WANT_WRITE) {
        return wait_for(c, r == TLS_WANT_READ ? POLLIN : POLLOUT, err);
    }
    if (r == TLS_CLOSED) {
        return FAIL(err, REASON_NET_CLOSED, ERR_NOWHERE, "%s", c->authority);
    }
    err_prefix(err, c->authority);
    return false;
}

static bool handshake(struct client *c, const char *host, struct err *err)
{
    enum tls_result r;

    if (!tls_client_new(&c->context, err) || !tls_new(c->context, c->fd, host, &c->tls, err)) {
        return false;
    }
    while ((r = tls_handshake(c->tls, err)) != TLS_DONE) {
        if (!tls_wait(c, r, err)) {
            return false;
        }
    }
    return tls_peer_spki(c->tls, c->spki, err);
}

bool client_open(const struct client_url *url, unsigned timeout_ms, struct client **out, struct err *err)
{
    struct client *c = calloc(1, sizeof *c);
    bool v6 = strchr(url->host, ':') != NULL;

    if (c == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a connection");
    }
    c->fd = -1;
    c->timeout_ms = timeout_ms;
    c->in = BUF(LIMIT_HTTP_HEAD + 2 * READ_SIZE);
    (void)snprintf(c->authority, sizeof c->authority, v6 ? "[%s]:%u" : "%s:%u", url->host, url->port);
    if (!connect_any(c, url, err) || (url->tls && !handshake(c, url->host, err))) {
        client_close(c);
        return false;
    }
    *out = c;
    return true;
}

void client_close(struct client *c)
{
    if (c == NULL) {
        return;
    }
    if (c->tls != NULL) {
        tls_close_notify(c->tls);
    }
    tls_free(c->tls);
    tls_context_free(c->context);
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    buf_done(&c->in);
    free(c);
}

void client_set_timeout(struct client *c, unsigned timeout_ms)
{
    c->timeout_ms = timeout_ms;
}

/* A peer that has something to say before it was asked is closing. */
bool client_is_open(const struct client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDHUP};

    return poll(&p, 1, 0) == 0;
}

const uint8_t *client_spki(const struct client *c)
{
    return c->tls != NULL ? c->spki : NULL;
}

static bool plain_send(struct client *c, struct bytes b, size_t *taken, struct err *err)
{
    ssize_t n = send(c->fd, b.p, b.len, MSG_NOSIGNAL);

    *taken = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno == EAGAIN) {
        return wait_for(c, POLLOUT, err);
    }
    return n >= 0 || errno == EINTR ||
           FAIL(err, REASON_NET_CLOSED, ERR_NOWHERE, "%s: %s", c->authority, strerror(errno));
}

static bool send_all(struct client *c, struct bytes b, struct err *err)
{
    while (b.len > 0) {
        size_t taken = 0;

        if (c->tls != NULL) {
            enum tls_result r = tls_write(c->tls, b, &taken, err);

            if (r != TLS_DONE && !tls_wait(c, r, err)) {
                return false;
            }
        } else if (!plain_send(c, b, &taken, err)) {
            return false;
        }
        b.p += taken;
        b.len -= taken;
    }
    return true;
}

/* At least one more byte into c->in, or *end. */
static bool fill(struct client *c, bool *end, struct err *err)
{
    uint8_t *room;

    *end = false;
    if (!buf_room(&c->in, READ_SIZE, &room, err)) {
        return false;
    }
    for (;;) {
        if (c->tls != NULL) {
            size_t got = 0;
            enum tls_result r = tls_read(c->tls, room, READ_SIZE, &got, err);

            buf_grew(&c->in, got);
            *end = r == TLS_CLOSED;
            if (got > 0 || *end) {
                return true;
            }
            if (!tls_wait(c, r, err)) {
                return false;
            }
        } else {
            ssize_t n = recv(c->fd, room, READ_SIZE, 0);

            if (n >= 0) {
                buf_grew(&c->in, (size_t)n);
                *end = n == 0;
                return true;
            }
            if (errno != EAGAIN && errno != EINTR) {
                return FAIL(err, REASON_NET_CLOSED, ERR_NOWHERE, "%s: %s", c->authority, strerror(errno));
            }
            if (!wait_for(c, POLLIN, err)) {
                return false;
            }
        }
    }
}

/* --- messages --- */

static bool request_print(const struct client *c, const struct client_request *r, struct buf *out, struct err *err)
{
    if (!http_request_line_print(out, r->method, r->path, err) || !http_header_print(out, "Host", c->authority, err) ||
        !http_header_print(out, "User-Agent", "sotto/" SOTTO_VERSION, err)) {
        return false;
    }
    for (size_t i = 0; i < r->header_count; i++) {
        if (!http_header_print(out, r->headers[i].name, r->headers[i].value, err)) {
            return false;
        }
    }
    if (r->body.p != NULL &&
        ((r->content_type != NULL && !http_header_print(out, "Content-Type", r->content_type, err)) ||
         !buf_printf(out, err, "Content-Length: %zu\r\n", r->body.len))) {
        return false;
    }
    return buf_str(out, "\r\n", err);
}

static bool request_send(struct client *c, const struct client_request *r, struct err *err)
{
    struct buf head = BUF(LIMIT_HTTP_HEAD);
    bool ok = request_print(c, r, &head, err) && send_all(c, buf_bytes(&head), err) &&
              (r->body.p == NULL || send_all(c, r->body, err));

    buf_done(&head);
    return ok;
}

static enum http_method method_of(const char *name)
{
    return strcmp(name, "HEAD") == 0 ? HTTP_HEAD : HTTP_GET; /* all that matters for the body */
}

/* The head of the answer, interim ones passed over. */
static bool head_read(struct client *c, enum http_method method, struct http_head *h, struct buf *bytes,
                      struct err *err)
{
    size_t scanned = 0;

    for (;;) {
        size_t len;
        bool end;

        if (!http_head_find(buf_bytes(&c->in), scanned, &len, err)) {
            return false;
        }
        if (len > 0) {
            bytes->len = 0;
            if (!buf_add(bytes, c->in.p, len, err) || !http_response_parse(buf_bytes(bytes), method, h, err)) {
                return false;
            }
            buf_drop(&c->in, len);
            if (h->status >= 200) {
                return true;
            }
            scanned = 0;
            continue;
        }
        scanned = c->in.len;
        if (!fill(c, &end, err)) {
            return false;
        }
        if (end) {
            return FAIL(err, REASON_NET_CLOSED, ERR_NOWHERE, "%s: before an answer", c->authority);
        }
    }
}

struct sink {
    bool (*piece)(void *arg, struct bytes b, struct err *err);
    void *arg;
};

/* What is in c->in and belongs to the body goes to the sink. *done: the body is whole. */
static bool body_step(struct client *c, const struct http_head *h, struct http_chunks *chunks, uint64_t *left,
                      const struct sink *sink, bool *done, struct err *err)
{
    struct buf decoded = BUF(CHUNK_MAX);
    size_t used = c->in.len;
    bool ok = true;

    if (h->framing == HTTP_CHUNKED) {
        ok = http_chunks_read(chunks, buf_bytes(&c->in), &used, &decoded, err) &&
             (decoded.len == 0 || sink->piece(sink->arg, buf_bytes(&decoded), err));
        *done = chunks->done;
    } else {
        if (h->framing == HTTP_LENGTH && used >= *left) {
            used = (size_t)*left;
            *done = true;
        }
        ok = used == 0 || sink->piece(sink->arg, bytes_of(c->in.p, used), err);
        *left -= h->framing == HTTP_LENGTH ? used : 0;
    }
    buf_done(&decoded);
    if (ok) {
        buf_drop(&c->in, used);
    }
    return ok;
}

static bool body_read(struct client *c, const struct http_head *h, const struct sink *sink, struct err *err)
{
    struct http_chunks chunks = {0};
    uint64_t left = h->length;
    bool done = h->framing == HTTP_NO_BODY, end = false;

    while (!done) {
        if (!body_step(c, h, &chunks, &left, sink, &done, err) || (!done && !fill(c, &end, err))) {
            return false;
        }
        if (end && !done) {
            return h->framing == HTTP_UNTIL_CLOSE ||
                   FAIL(err, REASON_NET_CLOSED, ERR_NOWHERE, "%s: in the middle of the answer", c->authority);
        }
    }
    return true;
}

static bool collect(void *arg, struct bytes b, struct err *err)
{
    return buf_add(arg, b.p, b.len, err);
}

static void type_copy(const struct http_head *h, char out[128])
{
    size_t count;
    const struct http_header *type = http_header_get(h, "Content-Type", &count);
    size_t n = type == NULL ? 0 : type->value.len < 127 ? type->value.len : 127;

    if (n > 0) {
        memcpy(out, type->value.p, n);
    }
    out[n] = '\0';
}

bool client_stream(struct client *c, const struct client_request *r,
                   bool (*piece)(void *arg, struct bytes b, struct err *err), void *arg, struct client_response *out,
                   struct err *err)
{
    struct buf bytes = BUF(LIMIT_HTTP_HEAD);
    struct http_head *h = calloc(1, sizeof *h);
    bool ok = false;

    if (h == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "an answer");
    }
    if (request_send(c, r, err) && head_read(c, method_of(r->method), h, &bytes, err)) {
        struct sink sink = {.piece = piece, .arg = arg};

        if (piece == NULL || h->status < 200 || h->status > 299) {
            sink = (struct sink){.piece = collect, .arg = &out->body};
        }
        out->status = h->status;
        type_copy(h, out->content_type);
        ok = body_read(c, h, &sink, err);
    }
    buf_done(&bytes);
    free(h);
    return ok;
}

bool client_call(struct client *c, const struct client_request *r, struct client_response *out, struct err *err)
{
    return client_stream(c, r, NULL, NULL, out, err);
}
