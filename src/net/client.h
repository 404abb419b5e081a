/* HTTP/1.1 for the command line: blocking, one connection, several requests on it. http and https; TLS 1.3 only and
 * no web PKI: the peer's key is handed to the caller before a byte of any request is sent, and the verdict over the
 * peer's evidence decides whether one is. Redirects are never followed. */
#ifndef SOTTO_NET_CLIENT_H
#define SOTTO_NET_CLIENT_H

#include "base/buf.h"

struct client_url {
    bool tls;
    char host[256];  /* without brackets */
    uint16_t port;   /* 80 or 443 where the URL names none */
    char path[2048]; /* with the query; "/" where the URL has none; no fragment */
};

/* ADDRESS_FORM. */
MUST_USE bool client_url_parse(const char *text, struct client_url *out, struct err *err);

struct client;

/* Connects, and shakes hands. timeout_ms: for the connection and, later, the longest silence of the peer.
 * CONNECT_FAILED, TLS_FAILED, NET_TIMEOUT. */
MUST_USE bool client_open(const struct client_url *url, unsigned timeout_ms, struct client **out, struct err *err);
void client_close(struct client *c);
void client_set_timeout(struct client *c, unsigned timeout_ms);

/* Between two requests: whether the peer still holds the connection, as far as can be seen without asking. */
bool client_is_open(const struct client *c);

/* SHA-256 of the peer's SubjectPublicKeyInfo; NULL without TLS. Valid until client_close(). */
const uint8_t *client_spki(const struct client *c);

struct client_header {
    const char *name, *value;
};

struct client_request {
    const char *method; /* "GET" */
    const char *path;   /* with the query */
    const struct client_header *headers;
    size_t header_count;
    struct bytes body;        /* p NULL: none */
    const char *content_type; /* of the body */
};

struct client_response {
    int status;
    char content_type[128];
    struct buf body; /* BUF(max) before the call; buf_done() after it */
};

/* The whole answer, whatever its status. HTTP_*, NET_*, BUF_FULL; after an error the connection is of no more use. */
MUST_USE bool client_call(struct client *c, const struct client_request *r, struct client_response *out,
                          struct err *err);

/* The answer in pieces as they come: piece() returns false to stop (CANCELLED). An answer whose status is not 2xx goes
 * to out->body instead; out->status tells. */
MUST_USE bool client_stream(struct client *c, const struct client_request *r,
                            bool (*piece)(void *arg, struct bytes b, struct err *err), void *arg,
                            struct client_response *out, struct err *err);

#endif
