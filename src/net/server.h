/* HTTP/1.1 on a loop: connections, deadlines, limits. A handler sees requests and answers them, now or later.
 *
 *     handler(arg, request, reply):
 *         reply_send(reply, 200, "application/json", body);              at once, or
 *         keep the reply; later reply_begin(), reply_write()..., reply_end().
 *
 * Every reply is ended exactly once, by reply_send(), reply_end() or reply_abort(), also after its client is gone:
 * until then the handle and the request stay valid, and writing to a client that is gone does nothing.
 * One request of a connection is handled at a time. A message that is malformed, too large or too slow never reaches a
 * handler. Single-threaded, like the loop.
 *
 * Deadlines are absolute: TLS handshake and head 10 s each; body 10 s and 1 s more for each 16 KiB that have come. A
 * reader that takes nothing for 60 s, or has more than LIMIT_HTTP_PENDING of a stream waiting, is dropped; an idle
 * connection is closed after 60 s. The process must ignore SIGPIPE. */
#ifndef SOTTO_NET_SERVER_H
#define SOTTO_NET_SERVER_H

#include "base/bytes.h"
#include "codec/http1.h"
#include "net/loop.h"
#include "net/tls.h"

struct request {
    enum http_method method;
    const char *path;   /* percent-decoded once, zero-terminated: "/v1/models/a:b" */
    struct bytes query; /* behind '?', as it came; http_query_get() decodes a member */
    const struct http_head *head;
    struct bytes body;
    bool is_tls;
    bool listener_is_loopback;
};

/* A header's value, by its name in any case; p NULL: there is none, or more than one. */
struct bytes request_header(const struct request *r, const char *name);
bool request_header_is(const struct request *r, const char *name, const char *value); /* exactly, in any case */

struct reply;

/* Adds a header to the answer, before reply_send() or reply_begin(). Name and value must be fit for a head (no control
 * characters): a header that is not is left out. Content-Length, Transfer-Encoding, Connection and Date are the
 * server's. */
void reply_header(struct reply *p, const char *name, const char *value);

/* The whole answer. A HEAD request gets the head alone. */
void reply_send(struct reply *p, int status, const char *content_type, struct bytes body);
void reply_send_str(struct reply *p, int status, const char *content_type, const char *body);
/* {"error":"sentence (REASON)"} with the status of the reason's kind (http_status_of()). */
void reply_send_error(struct reply *p, const struct err *err);

/* A streamed answer: the head now, each piece as it comes (pieces of one turn of the loop go out together). */
void reply_begin(struct reply *p, int status, const char *content_type);
bool reply_write(struct reply *p, struct bytes piece); /* false: the client is gone, or does not read */
void reply_end(struct reply *p);
void reply_abort(struct reply *p); /* the connection is cut, so that nobody takes the part for the whole */

bool reply_begun(const struct reply *p);
struct loop *reply_loop(const struct reply *p); /* the server's, for deadlines of an answer; NULL: the client is gone */
bool reply_is_gone(const struct reply *p);
size_t reply_pending(const struct reply *p); /* bytes that the client has not taken */
/* gone() is called once, if the client leaves before the reply is ended; the reply must still be ended. */
void reply_on_gone(struct reply *p, void (*gone)(void *arg), void *arg);

struct server_setup {
    void (*handler)(void *arg, const struct request *r, struct reply *p);
    /* The most that a request's body may have, asked when its head is there (the body is still empty). NULL:
     * LIMIT_HTTP_BODY_SMALL for all. */
    size_t (*body_limit)(void *arg, const struct request *r);
    /* Answers a request whose body is malformed, too large or too slow, in a form of the handler's own; the head is
     * whole, the body is not. NULL: reply_send_error(). */
    void (*refused)(void *arg, const struct request *r, const struct err *err, struct reply *p);
    void *arg;
    size_t connections;                        /* at most; 0: LIMIT_HTTP_CONNECTIONS */
    size_t connections_address;                /* of one client address that is not loopback; 0: 256 */
    unsigned keep_alive_ms, head_ms, stall_ms; /* 0: 60 s, 10 s, 60 s */
};

struct server;

MUST_USE bool server_new(struct loop *l, const struct server_setup *setup, struct server **out, struct err *err);
/* Takes over a bound socket (net/listen.h) and lets it listen. ADDRESS_IN_USE. tls NULL: plain HTTP, and the socket
 * must be bound to a loopback address: ADDRESS_PLAIN. The context must outlive the server or be replaced. */
MUST_USE bool server_listen(struct server *s, int fd, struct tls_context *tls, struct err *err);
/* New connections of all TLS listeners use this context: a key set was replaced. */
void server_set_tls(struct server *s, struct tls_context *tls);

/* No new connections; idle ones are closed, others after their answer. drained() is called when all are gone or
 * timeout_ms have passed (what is left is cut then). */
MUST_USE bool server_drain(struct server *s, unsigned timeout_ms, void (*drained)(void *arg), void *arg,
                           struct err *err);
/* Cuts every connection; replies that handlers still hold stay valid until they are ended. */
void server_free(struct server *s);

struct server_counts {
    uint64_t accepted, refused, requests, malformed; /* since the start */
    size_t open;
};
void server_counts(const struct server *s, struct server_counts *out);

#endif
