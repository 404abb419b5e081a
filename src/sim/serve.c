#include "sim/serve.h"

#include "base/cursor.h"
#include "base/limits.h"
#include "device/qgs.h"
#include "device/sock.h"
#include "device/td_frame.h"
#include "net/listen.h"
#include "net/signals.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "sim/answer.h"
#include "sim/pcs.h"
#include "sim/state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define IDLE_MS 30000 /* a connection that says nothing */
#define BACKLOG 16

struct serve;

/* One of the two sockets: how its messages are cut and answered. */
struct door {
    const char *name;
    size_t header, message_max;
    /* The length of what follows the header. */
    bool (*length)(const uint8_t *header, size_t *out, struct err *err);
    bool (*answer)(const struct answer_world *w, const uint8_t *header, struct bytes body, struct buf *out,
                   struct err *why);
};

struct client {
    struct serve *serve;
    const struct door *door;
    int fd;
    struct loop_watch *watch;
    struct loop_timer idle;
    struct buf in, out;
    struct client *next;
};

struct listener {
    struct serve *serve;
    const struct door *door;
    int fd;
    struct loop_watch *watch;
    char path[STATE_PATH_MAX];
};

struct serve {
    const char *dir;
    struct platform platform;
    struct answer_world world;
    struct pcs pcs;
    struct loop *loop;
    struct server *server;
    struct listener doors[2];
    struct client *clients;
    size_t client_count;
    struct signals *signals;
};

/* ---- messages ---- */

static bool td_length(const uint8_t *header, size_t *out, struct err *err)
{
    struct td_frame_header h;

    if (!td_frame_parse(header, TD_FRAME_REQUEST_MAX, &h, err)) {
        return false;
    }
    *out = h.len;
    return true;
}

static bool td_answer(const struct answer_world *w, const uint8_t *header, struct bytes body, struct buf *out,
                      struct err *why)
{
    struct td_frame_header h;

    return td_frame_parse(header, TD_FRAME_REQUEST_MAX, &h, why) && answer_td(w, h.kind, body, out, why);
}

static bool qgs_length(const uint8_t *header, size_t *out, struct err *err)
{
    struct cursor c = cursor_init(header, QGS_PREFIX_SIZE);
    uint32_t len;

    if (!cursor_u32be(&c, &len, err)) {
        return false;
    }
    if (len < QGS_HEADER_SIZE || len > QGS_REQUEST_MAX) {
        return FAIL(err, REASON_SIM_FORM, 0, "a message of %u bytes", len);
    }
    *out = len;
    return true;
}

static bool qgs_answer(const struct answer_world *w, const uint8_t *header, struct bytes body, struct buf *out,
                       struct err *why)
{
    (void)header;
    return answer_qgs(w, body, out, why);
}

static const struct door doors[2] = {
    {"qgs.sock", QGS_PREFIX_SIZE, QGS_REQUEST_MAX, qgs_length, qgs_answer},
    {"td.sock", TD_FRAME_HEADER_SIZE, TD_FRAME_REQUEST_MAX, td_length, td_answer},
};

/* ---- clients ---- */

static void client_free(struct client *c)
{
    struct serve *s = c->serve;
    struct client **p = &s->clients;

    while (*p != c) {
        p = &(*p)->next;
    }
    *p = c->next;
    s->client_count--;
    loop_timer_stop(s->loop, &c->idle);
    loop_watch_remove(c->watch);
    (void)close(c->fd);
    buf_done(&c->in);
    buf_done(&c->out);
    free(c);
}

/* Answers every whole message that has come. False: the connection ends. */
static bool client_answer(struct client *c, struct err *err)
{
    const struct door *d = c->door;
    size_t len;

    while (c->in.len >= d->header) {
        struct err why = {0};

        if (!d->length(c->in.p, &len, err)) {
            return false;
        }
        if (c->in.len < d->header + len) {
            return true;
        }
        if (!d->answer(&c->serve->world, c->in.p, bytes_of(c->in.p + d->header, len), &c->out, &why)) {
            *err = why;
            return false;
        }
        if (why.reason != REASON_OK) {
            log_error(LOG_LEVEL_WARNING, d->name, &why);
        }
        buf_drop(&c->in, d->header + len);
    }
    return true;
}

static bool client_read(struct client *c, struct err *err)
{
    uint8_t step[4096];
    ssize_t got = recv(c->fd, step, sizeof step, 0);

    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ||
               FAIL(err, REASON_PEER_GONE, ERR_NOWHERE, "%s: %s", c->door->name, strerror(errno));
    }
    if (got == 0) {
        return false; /* it is done: no error */
    }
    return buf_add(&c->in, step, (size_t)got, err) && client_answer(c, err);
}

static bool client_write(struct client *c, struct err *err)
{
    while (c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (n < 0) {
            return FAIL(err, REASON_PEER_GONE, ERR_NOWHERE, "%s: %s", c->door->name, strerror(errno));
        }
        buf_drop(&c->out, (size_t)n);
    }
    /* Who does not take its answers is not asked for more. */
    loop_watch_set(c->watch, c->out.len > 0 ? LOOP_WRITE : LOOP_READ);
    return true;
}

static void client_ready(void *arg, unsigned events)
{
    struct client *c = arg;
    struct err err = {0};

    if (((events & LOOP_READ) != 0 && !client_read(c, &err)) || !client_write(c, &err) ||
        !loop_timer_set(c->serve->loop, &c->idle, IDLE_MS, &err) || (events & (LOOP_READ | LOOP_WRITE)) == 0) {
        if (err.reason != REASON_OK) {
            log_error(LOG_LEVEL_WARNING, "connection ended", &err);
        }
        client_free(c);
    }
}

static void client_idle(void *arg)
{
    client_free(arg);
}

static bool client_new(struct listener *l, int fd, struct err *err)
{
    struct serve *s = l->serve;
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a connection");
    }
    *c = (struct client){.serve = s,
                         .door = l->door,
                         .fd = fd,
                         .idle = {.due = client_idle},
                         .in = BUF(l->door->header + l->door->message_max + 4096),
                         .out = BUF(LIMIT_LOG)};
    c->idle.arg = c;
    if (!loop_watch_add(s->loop, fd, LOOP_READ, client_ready, c, &c->watch, err)) {
        free(c);
        return false;
    }
    c->next = s->clients;
    s->clients = c;
    s->client_count++;
    if (!loop_timer_set(s->loop, &c->idle, IDLE_MS, err)) {
        client_free(c);
    }
    return true; /* fd is no longer the caller's */
}

static void accept_ready(void *arg, unsigned events)
{
    struct listener *l = arg;
    struct err err = {0};
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0) {
        return;
    }
    if (l->serve->client_count >= CONNECTIONS_MAX || !client_new(l, fd, &err)) {
        log_event(LOG_LEVEL_WARNING, "connection refused", "socket", l->door->name, NULL);
        (void)close(fd);
    }
}

/* ---- start and end ---- */

static bool socket_bind(int fd, const char *path, struct err *err)
{
    struct sockaddr_un a;
    int dir_fd;
    mode_t mask;
    bool ok;

    if (!sock_address(path, &a, &dir_fd, err)) {
        return false;
    }
    mask = umask(0177); /* the socket is its owner's alone, from its first moment on */
    ok = bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 || file_fail(err, path, errno);
    (void)umask(mask);
    if (dir_fd >= 0) {
        (void)close(dir_fd);
    }
    return ok;
}

static bool door_open(struct serve *s, size_t i, struct err *err)
{
    struct listener *l = &s->doors[i];

    l->serve = s;
    l->door = &doors[i];
    /* The folder is locked: a socket that lies there is of a process that was killed. */
    if (!state_path(s->dir, doors[i].name, l->path, err) || !file_remove(l->path, err)) {
        return false;
    }
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0) {
        return file_fail(err, l->path, errno);
    }
    if (!socket_bind(l->fd, l->path, err)) {
        return false;
    }
    if (listen(l->fd, BACKLOG) != 0) {
        return file_fail(err, l->path, errno);
    }
    return loop_watch_add(s->loop, l->fd, LOOP_READ, accept_ready, l, &l->watch, err);
}

static void asked_to_stop(void *arg)
{
    struct serve *s = arg;

    loop_stop(s->loop);
}

static bool http_open(struct serve *s, const char *where, char text[ADDRESS_SIZE], struct err *err)
{
    const struct server_setup setup = {.handler = pcs_handle, .arg = &s->pcs};
    struct address a;
    int fd = -1;

    s->pcs.platform = &s->platform;
    if (!address_parse(where, &a, err) || !server_new(s->loop, &setup, &s->server, err) ||
        !listen_open(&a, true, &fd, err)) {
        return false;
    }
    if (!server_listen(s->server, fd, NULL, err)) {
        (void)close(fd);
        return false;
    }
    if (!listen_address(fd, &a, err)) {
        return false;
    }
    address_print(&a, text);
    return true;
}

static bool keep(void *arg, const struct guest *g, struct err *err)
{
    const struct serve *s = arg;

    return state_save(s->dir, g, err);
}

static void serve_end(struct serve *s)
{
    while (s->clients != NULL) {
        client_free(s->clients);
    }
    for (size_t i = 0; i < 2; i++) {
        struct err ignored;

        loop_watch_remove(s->doors[i].watch);
        if (s->doors[i].fd >= 0) {
            (void)close(s->doors[i].fd);
            (void)!file_remove(s->doors[i].path, &ignored);
        }
    }
    if (s->server != NULL) {
        server_free(s->server);
    }
    signals_close(s->signals);
    if (s->loop != NULL) {
        loop_free(s->loop);
    }
    pcs_done(&s->pcs);
    platform_done(&s->platform);
}

bool serve_run(const char *dir, const char *where, unsigned quote_version, struct err *err)
{
    struct serve s = {.dir = dir, .doors = {{.fd = -1}, {.fd = -1}}};
    char address[ADDRESS_SIZE];
    bool ok;

    if (!state_open(dir, clock_unix(), &s.platform, err)) {
        return false;
    }
    s.world = (struct answer_world){.platform = &s.platform, .quote_version = quote_version, .keep = keep, .arg = &s};
    ok = loop_new(&s.loop, err) && signals_open(s.loop, asked_to_stop, &s, &s.signals, err) &&
         http_open(&s, where, address, err) && door_open(&s, 0, err) && door_open(&s, 1, err);
    if (ok) {
        log_event(LOG_LEVEL_INFO, "a SIMULATED platform is running: no hardware protects anything", "folder", dir,
                  "address", address, NULL);
        ok = loop_run(s.loop, err);
        log_event(LOG_LEVEL_INFO, "stopped", NULL);
    }
    serve_end(&s);
    return ok;
}
