#include "net/conn.h"

#include "net/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_CONNECTIONS 256
#define KEEP_ALIVE_MS 60000
#define HEAD_MS 10000
#define STALL_MS 60000
#define PAUSE_MS 100 /* without descriptors or memory, before the next accept */
#define ACCEPTS_A_TURN 64

static void flush_due(void *arg)
{
    struct server *s = arg;

    while (s->dirty != NULL) {
        conn_step(s->dirty);
    }
}

static void listeners_set(struct server *s, bool on)
{
    for (struct listener *l = s->listeners; l != NULL; l = l->next) {
        loop_watch_set(l->watch, on ? LOOP_READ : 0);
    }
    s->paused = !on;
}

static void pause_due(void *arg)
{
    struct server *s = arg;

    if (!s->draining && s->counts.open < s->setup.connections) {
        listeners_set(s, true);
    }
}

bool server_new(struct loop *l, const struct server_setup *setup, struct server **out, struct err *err)
{
    struct server *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a server");
    }
    s->loop = l;
    s->setup = *setup;
    s->setup.connections = setup->connections != 0 ? setup->connections : LIMIT_HTTP_CONNECTIONS;
    s->setup.connections_address = setup->connections_address != 0 ? setup->connections_address : ADDRESS_CONNECTIONS;
    s->setup.keep_alive_ms = setup->keep_alive_ms != 0 ? setup->keep_alive_ms : KEEP_ALIVE_MS;
    s->setup.head_ms = setup->head_ms != 0 ? setup->head_ms : HEAD_MS;
    s->setup.stall_ms = setup->stall_ms != 0 ? setup->stall_ms : STALL_MS;
    s->flush = (struct loop_timer){.due = flush_due, .arg = s};
    s->pause = (struct loop_timer){.due = pause_due, .arg = s};
    *out = s;
    return true;
}

static bool address_is_full(const struct server *s, const struct sockaddr_in6 *from)
{
    size_t count = 0;

    for (const struct conn *c = s->conns; c != NULL; c = c->next) {
        count += !c->address_is_loopback && IN6_ARE_ADDR_EQUAL(&c->address, &from->sin6_addr) ? 1 : 0;
    }
    return count >= s->setup.connections_address;
}

static struct sockaddr_in6 mapped(const struct sockaddr_storage *from)
{
    struct sockaddr_in6 out = {.sin6_family = AF_INET6};

    if (from->ss_family == AF_INET6) {
        memcpy(&out, from, sizeof out);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

        out.sin6_addr.s6_addr[10] = out.sin6_addr.s6_addr[11] = 0xff;
        memcpy(&out.sin6_addr.s6_addr[12], &v4->sin_addr, 4);
    }
    return out;
}

static void accept_pause(struct server *s)
{
    struct err ignored;

    listeners_set(s, !loop_timer_set(s->loop, &s->pause, PAUSE_MS, &ignored));
}

static void listener_ready(void *arg, unsigned events)
{
    struct listener *l = arg;
    struct server *s = l->server;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN && !s->paused; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        struct sockaddr_in6 address;
        struct err ignored;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                accept_pause(s);
            }
            return;
        }
        address = mapped(&from);
        s->counts.accepted++;
        if (address_is_full(s, &address) || !conn_new(s, l, fd, &address, &ignored)) {
            s->counts.refused++;
            (void)close(fd);
        }
        if (s->counts.open >= s->setup.connections) {
            listeners_set(s, false); /* the kernel's queue holds the others */
        }
    }
}

bool server_listen(struct server *s, int fd, struct tls_context *tls, struct err *err)
{
    struct address a;
    struct listener *l;

    if (!listen_address(fd, &a, err)) {
        return false;
    }
    if (tls == NULL && !address_is_loopback(&a)) {
        return FAIL(err, REASON_ADDRESS_PLAIN, ERR_NOWHERE, "%s", a.host);
    }
    if (listen(fd, SOMAXCONN) != 0) {
        return FAIL(err, errno == EADDRINUSE ? REASON_ADDRESS_IN_USE : REASON_CONNECT_FAILED, ERR_NOWHERE, "%s: %s",
                    a.host, strerror(errno));
    }
    l = calloc(1, sizeof *l);
    if (l == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a listener");
    }
    *l = (struct listener){.server = s, .fd = fd, .tls = tls != NULL, .loopback = address_is_loopback(&a)};
    if (!loop_watch_add(s->loop, fd, LOOP_READ, listener_ready, l, &l->watch, err)) {
        free(l);
        return false;
    }
    if (tls != NULL) {
        s->tls = tls;
    }
    l->next = s->listeners;
    s->listeners = l;
    return true;
}

void server_set_tls(struct server *s, struct tls_context *tls)
{
    s->tls = tls;
}

static void listeners_free(struct server *s)
{
    while (s->listeners != NULL) {
        struct listener *l = s->listeners;

        s->listeners = l->next;
        loop_watch_remove(l->watch);
        (void)close(l->fd);
        free(l);
    }
}

static void drain_due(void *arg)
{
    struct server *s = arg;

    void (*drained)(void *) = s->drained;

    s->drained = NULL;
    while (s->conns != NULL) {
        conn_free(s->conns);
    }
    loop_timer_stop(s->loop, &s->drain);
    if (drained != NULL) {
        drained(s->drained_arg);
    }
}

void server_conn_gone(struct server *s)
{
    struct err ignored;

    if (s->draining) {
        if (s->conns == NULL && !loop_timer_set(s->loop, &s->drain, 0, &ignored)) {
            drain_due(s);
        }
    } else if (s->paused && s->pause.place == 0 && s->counts.open < s->setup.connections) {
        listeners_set(s, true);
    }
}

bool server_drain(struct server *s, unsigned timeout_ms, void (*drained)(void *arg), void *arg, struct err *err)
{
    struct conn *next;

    s->drain = (struct loop_timer){.due = drain_due, .arg = s};
    if (!loop_timer_set(s->loop, &s->drain, timeout_ms, err)) {
        return false;
    }
    s->drained = drained;
    s->drained_arg = arg;
    /* Another process may hold the same sockets: closing ours alone would leave clients waiting in their queues. */
    for (const struct listener *l = s->listeners; l != NULL; l = l->next) {
        (void)shutdown(l->fd, SHUT_RDWR);
    }
    listeners_free(s);
    for (struct conn *c = s->conns; c != NULL; c = next) {
        next = c->next;
        c->close = true;
        if (c->state == CONN_HANDSHAKE || (c->state == CONN_HEAD && c->in.len == 0)) {
            conn_free(c);
        }
    }
    s->draining = true;
    server_conn_gone(s);
    return true;
}

void server_free(struct server *s)
{
    if (s == NULL) {
        return;
    }
    s->draining = true;
    s->drained = NULL;
    listeners_free(s);
    while (s->conns != NULL) {
        conn_free(s->conns);
    }
    loop_timer_stop(s->loop, &s->flush);
    loop_timer_stop(s->loop, &s->pause);
    loop_timer_stop(s->loop, &s->drain);
    free(s);
}

void server_counts(const struct server *s, struct server_counts *out)
{
    *out = s->counts;
}
