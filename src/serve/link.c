#include "serve/link.h"

#include "base/limits.h"

#include <stdlib.h>
#include <unistd.h>

#define AT_ONCE 64 /* frames of one peer, before others have their turn */

struct link {
    struct loop *loop;
    struct channel *channel;
    struct loop_watch *watch;
    const struct link_handler *handler;
    void *arg;
    struct loop_timer more;    /* the rest of what has come: others are served in between */
    struct loop_timer failing; /* a failure of a send is told from the loop, never from within the send */
    struct err why;
    bool *closed; /* set while a handler runs, so that it may close the link */
};

static void link_gone(struct link *l, const struct err *why)
{
    struct err copy = *why;

    loop_watch_remove(l->watch);
    l->watch = NULL;
    loop_timer_stop(l->loop, &l->failing);
    loop_timer_stop(l->loop, &l->more);
    l->handler->gone(l->arg, l, &copy);
}

static void failing_due(void *arg)
{
    struct link *l = arg;

    link_gone(l, &l->why);
}

static void link_watch(struct link *l)
{
    if (l->watch != NULL) {
        loop_watch_set(l->watch, LOOP_READ | (channel_wants_write(l->channel) ? (unsigned)LOOP_WRITE : 0));
    }
}

static void ready(void *arg, unsigned events)
{
    struct link *l = arg;
    bool closed = false, got = true;
    unsigned count = 0;
    struct frame f;
    struct err err;

    if ((events & LOOP_WRITE) != 0 && !channel_flush(l->channel, &err)) {
        link_gone(l, &err);
        return;
    }
    while (got && count++ < AT_ONCE) {
        if (!channel_next(l->channel, &f, &got, &err)) {
            link_gone(l, &err);
            return;
        }
        if (got) {
            l->closed = &closed;
            l->handler->frame(l->arg, l, &f);
            if (closed) {
                return;
            }
            l->closed = NULL;
        }
    }
    link_watch(l);
    if (got && !loop_timer_set(l->loop, &l->more, 0, &err)) {
        link_gone(l, &err);
    }
}

static void more_due(void *arg)
{
    ready(arg, LOOP_READ);
}

bool link_open(struct loop *loop, int fd, const struct link_handler *handler, void *arg, struct link **out,
               struct err *err)
{
    struct link *l = calloc(1, sizeof *l);

    if (l == NULL || !channel_new(fd, &l->channel, err)) {
        free(l);
        (void)close(fd);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a channel");
    }
    l->loop = loop;
    l->handler = handler;
    l->arg = arg;
    l->more = (struct loop_timer){.due = more_due, .arg = l};
    l->failing = (struct loop_timer){.due = failing_due, .arg = l};
    if (!loop_watch_add(loop, fd, LOOP_READ, ready, l, &l->watch, err)) {
        channel_free(l->channel);
        free(l);
        return false;
    }
    *out = l;
    return true;
}

void link_close(struct link *l)
{
    if (l == NULL) {
        return;
    }
    if (l->closed != NULL) {
        *l->closed = true;
    }
    loop_watch_remove(l->watch);
    loop_timer_stop(l->loop, &l->failing);
    loop_timer_stop(l->loop, &l->more);
    channel_free(l->channel);
    free(l);
}

void link_send(struct link *l, enum message type, uint64_t id, struct bytes payload, int fd)
{
    struct err err;

    if (channel_send(l->channel, (uint16_t)type, id, payload, fd, &err)) {
        link_watch(l);
    } else if (l->watch != NULL && l->failing.place == 0) {
        l->why = err;
        if (!loop_timer_set(l->loop, &l->failing, 0, &err)) {
            link_watch(l); /* no memory for a timer: the peer's end will be seen by reading */
        }
    }
}

void link_send_json(struct link *l, enum message type, const json_t *value, int fd)
{
    struct buf b = BUF(LIMIT_FRAME);
    struct err err;

    if (json_print(value, &b, &err)) {
        link_send(l, type, 0, buf_bytes(&b), fd);
    } else {
        link_send_err(l, 0, &err);
    }
    buf_done(&b);
}

void link_send_err(struct link *l, uint64_t id, const struct err *e)
{
    struct buf b = BUF(1024);
    struct err err;

    if (message_err_print(e, &b, &err)) {
        link_send(l, MESSAGE_FAILED, id, buf_bytes(&b), -1);
    }
    buf_done(&b);
}
