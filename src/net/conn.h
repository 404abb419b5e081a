/* One connection of a server: of server.c, conn.c and reply.c alone. */
#ifndef SOTTO_NET_CONN_H
#define SOTTO_NET_CONN_H

#include "base/buf.h"
#include "net/server.h"

#include <netinet/in.h>

enum conn_state {
    CONN_HANDSHAKE,
    CONN_HEAD,   /* idle, or in a head */
    CONN_BODY,   /* of a request whose head is there */
    CONN_ANSWER, /* a reply is not ended, or not yet taken */
    CONN_LINGER, /* our side is closed; what still comes is thrown away, so that the answer is not lost */
};

struct reply {
    struct conn *conn; /* NULL: the client is gone */
    struct request request;
    struct http_head head;
    struct buf head_bytes, body, extra; /* extra: headers that the handler added */
    struct http_chunks chunks;
    bool begun, chunked, ended;
    void (*gone)(void *arg);
    void *gone_arg;
};

struct conn {
    struct server *server;
    struct conn *next, *before; /* of the server */
    struct conn *next_dirty;
    bool dirty; /* in the server's list of those to look after at the end of the turn */
    int fd;
    struct tls *tls; /* NULL: plain */
    bool listener_is_loopback;
    struct in6_addr address; /* of the client; IPv4 as mapped */
    bool address_is_loopback;
    struct loop_watch *watch;
    struct loop_timer timer;
    enum conn_state state;
    struct buf in, out;
    size_t scanned, sent; /* of in: for http_head_find(); of out: already taken */
    uint64_t body_start;
    size_t lingered;
    bool close, cut, eof, first, want_write, want_read;
    struct reply *reply;
};

struct listener {
    struct server *server;
    struct listener *next;
    int fd;
    bool tls, loopback;
    struct loop_watch *watch;
};

struct server {
    struct loop *loop;
    struct server_setup setup;
    struct tls_context *tls;
    struct listener *listeners;
    struct conn *conns, *dirty;
    struct loop_timer flush, pause, drain;
    bool paused, draining;
    void (*drained)(void *arg);
    void *drained_arg;
    struct server_counts counts;
};

/* Takes over fd. */
MUST_USE bool conn_new(struct server *s, const struct listener *l, int fd, const struct sockaddr_in6 *from,
                       struct err *err);
void conn_free(struct conn *c);  /* cuts it */
void conn_step(struct conn *c);  /* goes on as far as it gets; c may be gone after it */
void conn_dirty(struct conn *c); /* conn_step() at the end of this turn */

void reply_free(struct reply *p);
/* The server's own answer to a message that no handler sees. */
void reply_refuse(struct conn *c, const struct err *err);

/* server.c: a connection is gone; accepting may go on. */
void server_conn_gone(struct server *s);

#endif
