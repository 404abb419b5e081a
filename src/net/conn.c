#include "net/conn.h"

#include "os/clock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE KIB(16)
#define READS_A_STEP 64 /* then the others have their turn */
#define BODY_GRACE_MS 10000
#define BODY_RATE KIB(16) /* bytes a second that a body must come in after that */
#define LINGER_MS 2000
#define LINGER_MAX (2 * LIMIT_HTTP_BODY) /* a client that sends all of it before it reads learns why it is refused */
#define OUT_KEPT KIB(4)                  /* of an idle connection's buffer */
#define OUT_MAX (LIMIT_EVIDENCE + MIB(1))

static void timer_set(struct conn *c, uint64_t ms)
{
    struct err ignored;

    if (!loop_timer_set(c->server->loop, &c->timer, ms, &ignored)) {
        c->cut = true;
    }
}

void conn_dirty(struct conn *c)
{
    struct server *s = c->server;
    struct err ignored;

    if (c->dirty) {
        return;
    }
    c->dirty = true;
    c->next_dirty = s->dirty;
    s->dirty = c;
    if (s->flush.place == 0 && !loop_timer_set(s->loop, &s->flush, 0, &ignored)) {
        c->cut = true; /* its other deadlines will find it */
    }
}

static void dirty_remove(struct conn *c)
{
    struct conn **at = &c->server->dirty;

    while (c->dirty && *at != NULL) {
        if (*at == c) {
            *at = c->next_dirty;
            c->dirty = false;
        } else {
            at = &(*at)->next_dirty;
        }
    }
}

void conn_free(struct conn *c)
{
    struct server *s = c->server;
    struct reply *p = c->reply;

    dirty_remove(c);
    loop_timer_stop(s->loop, &c->timer);
    loop_watch_remove(c->watch);
    if (c->tls != NULL && !c->cut) {
        tls_close_notify(c->tls);
    }
    tls_free(c->tls);
    (void)close(c->fd);
    if (c->before != NULL) {
        c->before->next = c->next;
    } else {
        s->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->before = c->before;
    }
    buf_done(&c->in);
    buf_done(&c->out);
    free(c);
    s->counts.open--;
    server_conn_gone(s);
    if (p != NULL && p->ended) {
        reply_free(p);
    } else if (p != NULL) {
        p->conn = NULL;
        if (p->gone != NULL) {
            p->gone(p->gone_arg);
        }
    }
}

/* --- bytes in and out --- */

enum io {
    IO_SOME,
    IO_WAIT,
    IO_END,
    IO_BROKEN,
};

static enum io io_of_tls(struct conn *c, enum tls_result r)
{
    switch (r) {
    case TLS_DONE:
        return IO_SOME;
    case TLS_WANT_READ:
        c->want_read = true;
        return IO_WAIT;
    case TLS_WANT_WRITE:
        c->want_write = true;
        return IO_WAIT;
    case TLS_CLOSED:
        return IO_END;
    case TLS_BROKEN:
        break;
    }
    return IO_BROKEN;
}

static enum io io_of_errno(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_WAIT : IO_BROKEN;
}

static enum io read_some(struct conn *c, uint8_t *out, size_t size, size_t *got)
{
    struct err ignored;
    ssize_t n;

    *got = 0;
    if (c->tls != NULL) {
        return io_of_tls(c, tls_read(c->tls, out, size, got, &ignored));
    }
    n = recv(c->fd, out, size, 0);
    if (n < 0) {
        return io_of_errno();
    }
    *got = (size_t)n;
    return n == 0 ? IO_END : IO_SOME;
}

static enum io write_some(struct conn *c, struct bytes b, size_t *taken)
{
    struct err ignored;
    ssize_t n;

    *taken = 0;
    if (c->tls != NULL) {
        return io_of_tls(c, tls_write(c->tls, b, taken, &ignored));
    }
    n = send(c->fd, b.p, b.len, MSG_NOSIGNAL);
    if (n < 0) {
        c->want_write = true;
        return io_of_errno();
    }
    *taken = (size_t)n;
    return IO_SOME;
}

/* As much as the client takes. The stall deadline counts from the last byte that it took. */
static void flush(struct conn *c)
{
    bool some = false;

    while (c->sent < c->out.len) {
        size_t taken;
        enum io r = write_some(c, bytes_of(&c->out.p[c->sent], c->out.len - c->sent), &taken);

        if (r == IO_WAIT) {
            break;
        }
        if (r != IO_SOME) {
            c->cut = true;
            return;
        }
        c->sent += taken;
        some = true;
    }
    if (c->sent == c->out.len) {
        c->out.len = c->sent = 0;
        if (c->state == CONN_ANSWER) {
            loop_timer_stop(c->server->loop, &c->timer);
        }
    } else if (c->state == CONN_ANSWER && (some || c->timer.place == 0)) {
        timer_set(c, c->server->setup.stall_ms);
    }
    if (c->sent > LIMIT_HTTP_PENDING / 4) { /* what was sent makes room in one move */
        buf_drop(&c->out, c->sent);
        c->sent = 0;
    }
}

/* --- requests --- */

static void head_wait(struct conn *c)
{
    c->state = CONN_HEAD;
    c->scanned = 0;
    timer_set(c, c->first || c->in.len > 0 ? c->server->setup.head_ms : c->server->setup.keep_alive_ms);
}

static bool reply_new(struct conn *c, struct bytes head, struct err *err)
{
    struct reply *p = calloc(1, sizeof *p);

    if (p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a request");
    }
    p->conn = c;
    p->extra.max = LIMIT_HTTP_HEAD;
    p->head_bytes.max = LIMIT_HTTP_HEAD;
    c->reply = p;
    if (!buf_add(&p->head_bytes, head.p, head.len, err) ||
        !http_request_parse(buf_bytes(&p->head_bytes), &p->head, err)) {
        return false;
    }
    p->request = (struct request){.method = p->head.method,
                                  .path = p->head.path,
                                  .query = p->head.query,
                                  .head = &p->head,
                                  .is_tls = c->tls != NULL,
                                  .listener_is_loopback = c->listener_is_loopback};
    return true;
}

static void handle(struct conn *c)
{
    struct reply *p = c->reply;

    c->state = CONN_ANSWER;
    c->close = c->close || p->head.close;
    loop_timer_stop(c->server->loop, &c->timer);
    c->server->counts.requests++;
    p->request.body = buf_bytes(&p->body);
    c->server->setup.handler(c->server->setup.arg, &p->request, p);
}

/* The head is whole: what may its body be? */
static bool body_begin(struct conn *c, struct err *err)
{
    struct server_setup *setup = &c->server->setup;
    struct reply *p = c->reply;
    size_t max = setup->body_limit != NULL ? setup->body_limit(setup->arg, &p->request) : LIMIT_HTTP_BODY_SMALL;

    if (p->head.framing == HTTP_NO_BODY) {
        return true;
    }
    if (p->head.framing == HTTP_LENGTH && p->head.length > max) {
        return FAIL(err, REASON_HTTP_BODY_SIZE, ERR_NOWHERE, "%llu bytes, at most %zu are taken here",
                    (unsigned long long)p->head.length, max);
    }
    p->body = BUF(max);
    c->state = CONN_BODY;
    c->body_start = clock_monotonic_ns();
    timer_set(c, BODY_GRACE_MS);
    return !p->head.expect_continue || c->in.len > 0 ||
           (http_status_line_print(&c->out, 100, err) && buf_str(&c->out, "\r\n", err));
}

/* True: go on; *more: bytes must come first. */
static bool head_step(struct conn *c, bool *more, struct err *err)
{
    size_t len;

    if (!http_head_find(buf_bytes(&c->in), c->scanned, &len, err)) {
        return false;
    }
    if (len == 0) {
        /* The first byte of a head starts its deadline. */
        if (c->scanned == 0 && c->in.len > 0 && !c->first) {
            timer_set(c, c->server->setup.head_ms);
        }
        c->scanned = c->in.len;
        *more = true;
        return true;
    }
    c->first = false;
    c->scanned = 0;
    if (!reply_new(c, bytes_of(c->in.p, len), err)) {
        return false;
    }
    buf_drop(&c->in, len);
    if (!body_begin(c, err)) {
        return false;
    }
    if (c->state != CONN_BODY) {
        handle(c);
    }
    return true;
}

static bool body_step(struct conn *c, bool *more, struct err *err)
{
    struct reply *p = c->reply;
    size_t used;
    bool whole;

    if (p->head.framing == HTTP_CHUNKED) {
        if (!http_chunks_read(&p->chunks, buf_bytes(&c->in), &used, &p->body, err)) {
            return false;
        }
        /* Refused when it is announced, not when it has come. */
        if (p->chunks.left > p->body.max - p->body.len) {
            return FAIL(err, REASON_HTTP_BODY_SIZE, (size_t)p->chunks.offset, "the body is longer than %zu bytes",
                        p->body.max);
        }
        whole = p->chunks.done;
    } else {
        size_t left = (size_t)p->head.length - p->body.len;

        used = c->in.len < left ? c->in.len : left;
        if (used > 0 && !buf_add(&p->body, c->in.p, used, err)) {
            return false;
        }
        whole = used == left;
    }
    buf_drop(&c->in, used);
    if (whole) {
        handle(c);
    } else {
        *more = true;
    }
    return true;
}

/* --- the machine --- */

static void linger_begin(struct conn *c)
{
    if (c->tls != NULL) {
        tls_close_notify(c->tls);
    }
    (void)shutdown(c->fd, SHUT_WR);
    c->state = CONN_LINGER;
    timer_set(c, LINGER_MS);
}

/* Reads once. False: nothing came, or the connection is over. */
static bool fill(struct conn *c)
{
    uint8_t *room;
    struct err ignored;
    size_t got = 0;
    enum io r;

    if (!buf_room(&c->in, READ_SIZE, &room, &ignored)) {
        c->cut = true;
        return false;
    }
    r = read_some(c, room, READ_SIZE, &got);
    if (r == IO_SOME) {
        buf_grew(&c->in, got);
        return true;
    }
    c->eof = r == IO_END;
    c->cut = c->cut || r == IO_BROKEN;
    return false;
}

static bool linger_step(struct conn *c)
{
    uint8_t waste[4096];
    ssize_t n = recv(c->fd, waste, sizeof waste, 0);

    if (n < 0 && io_of_errno() == IO_WAIT) {
        return false;
    }
    c->lingered += n > 0 ? (size_t)n : 0;
    c->cut = n <= 0 || c->lingered > LINGER_MAX;
    return !c->cut;
}

static bool handshake_step(struct conn *c)
{
    struct err ignored;
    enum io r = io_of_tls(c, tls_handshake(c->tls, &ignored));
    int on = 1;

    if (r == IO_SOME) {
        /* Nothing follows the client's Finished; one with Nagle's algorithm waits for the acknowledgement. */
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        head_wait(c);
        return true;
    }
    c->cut = r != IO_WAIT;
    return false;
}

/* The answer is ended and taken. */
static void answer_done(struct conn *c)
{
    reply_free(c->reply);
    c->reply = NULL;
    if (c->out.cap > OUT_KEPT) {
        buf_done(&c->out);
    }
    if (c->close) {
        linger_begin(c);
    } else {
        head_wait(c);
    }
}

/* A head or a body: parses what is there, then reads. False: nothing more can be done now. */
static bool message_step(struct conn *c, unsigned *reads)
{
    struct err err = {0};
    bool more = false;

    if (!(c->state == CONN_HEAD ? head_step(c, &more, &err) : body_step(c, &more, &err))) {
        reply_refuse(c, &err);
        return true;
    }
    if (!more) {
        return true;
    }
    if (++*reads > READS_A_STEP && (c->tls == NULL || !tls_pending(c->tls))) {
        return false;
    }
    return fill(c);
}

/* One step of the state that the connection is in. False: it must wait. */
static bool step(struct conn *c, unsigned *reads)
{
    switch (c->state) {
    case CONN_HANDSHAKE:
        return handshake_step(c);
    case CONN_HEAD:
    case CONN_BODY:
        return message_step(c, reads);
    case CONN_ANSWER:
        flush(c);
        if (c->cut || !c->reply->ended || c->out.len > 0) {
            return false;
        }
        answer_done(c);
        return true;
    case CONN_LINGER:
        return linger_step(c);
    }
    return false;
}

static void events_set(struct conn *c)
{
    unsigned events = 0;

    switch (c->state) {
    case CONN_HANDSHAKE:
        events = (c->want_write ? LOOP_WRITE : 0u) | (c->want_read ? LOOP_READ : 0u);
        break;
    case CONN_HEAD:
    case CONN_BODY:
        events = LOOP_READ | (c->out.len > 0 ? LOOP_WRITE : 0u);
        break;
    case CONN_ANSWER:
        /* Once the peer's end was seen, only a failed write says more. */
        events = (c->out.len > 0 ? LOOP_WRITE : 0u) | (c->want_read ? LOOP_READ : 0u) | (c->eof ? 0u : LOOP_GONE);
        break;
    case CONN_LINGER:
        events = LOOP_READ;
        break;
    }
    loop_watch_set(c->watch, events);
}

void conn_step(struct conn *c)
{
    unsigned reads = 0;
    bool on = true;

    dirty_remove(c);
    c->want_read = c->want_write = false;
    while (on && !c->cut) {
        on = step(c, &reads);
    }
    if (!c->cut && c->out.len > 0 && c->state == CONN_BODY) {
        flush(c); /* 100 Continue */
    }
    if (c->cut || (c->eof && c->state != CONN_ANSWER)) {
        conn_free(c);
        return;
    }
    if (c->state == CONN_HEAD && c->in.len == 0) {
        buf_done(&c->in); /* idle: no memory, and nothing of what was said */
    }
    events_set(c);
}

static void ready(void *arg, unsigned events)
{
    struct conn *c = arg;

    if ((events & LOOP_GONE) != 0 && c->state == CONN_ANSWER) {
        c->eof = true;
        c->cut = !c->reply->ended; /* somebody who left needs no answer; one that is on its way is finished */
    }
    conn_step(c);
}

static void due(void *arg)
{
    const struct linger reset = {.l_onoff = 1};
    struct conn *c = arg;
    struct err err = {0};
    uint64_t elapsed_ms, allowed_ms;

    switch (c->state) {
    case CONN_ANSWER:
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* the kernel's queue goes too */
        c->cut = true;
        break;
    case CONN_HANDSHAKE:
    case CONN_LINGER:
        c->cut = true;
        break;
    case CONN_HEAD:
        if (c->in.len == 0) {
            conn_free(c);
            return;
        }
        err_set(&err, REASON_NET_TIMEOUT, ERR_NOWHERE, "the head did not come in time");
        reply_refuse(c, &err);
        break;
    case CONN_BODY:
        elapsed_ms = (clock_monotonic_ns() - c->body_start) / 1000000;
        allowed_ms = BODY_GRACE_MS + (uint64_t)c->reply->body.len * 1000 / BODY_RATE;
        if (elapsed_ms < allowed_ms) {
            timer_set(c, allowed_ms - elapsed_ms);
            return;
        }
        err_set(&err, REASON_NET_TIMEOUT, ERR_NOWHERE, "the body did not come in time");
        reply_refuse(c, &err);
        break;
    }
    conn_step(c);
}

bool conn_new(struct server *s, const struct listener *l, int fd, const struct sockaddr_in6 *from, struct err *err)
{
    struct conn *c = calloc(1, sizeof *c);
    int on = 1;

    if (c == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a connection");
    }
    c->server = s;
    c->fd = fd;
    c->first = true;
    c->listener_is_loopback = l->loopback;
    c->in = BUF(LIMIT_HTTP_HEAD + 2 * READ_SIZE);
    c->out = BUF(OUT_MAX);
    c->address = from->sin6_addr;
    c->address_is_loopback = IN6_IS_ADDR_LOOPBACK(&from->sin6_addr) ||
                             (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr) && from->sin6_addr.s6_addr[12] == 127);
    c->timer = (struct loop_timer){.due = due, .arg = c};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((l->tls && !tls_new(s->tls, fd, NULL, &c->tls, err)) ||
        !loop_watch_add(s->loop, fd, LOOP_READ, ready, c, &c->watch, err)) {
        tls_free(c->tls);
        free(c);
        return false;
    }
    c->state = l->tls ? CONN_HANDSHAKE : CONN_HEAD;
    timer_set(c, s->setup.head_ms);
    c->next = s->conns;
    if (s->conns != NULL) {
        s->conns->before = c;
    }
    s->conns = c;
    s->counts.open++;
    return true;
}
