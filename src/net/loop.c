#include "net/loop.h"

#include "os/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TURN_EVENTS 64
#define MS_NS 1000000u

struct loop_watch {
    struct loop *loop;
    int fd;
    bool removed;
    void (*ready)(void *arg, unsigned events);
    void *arg;
    struct loop_watch *next, *before; /* of those that are there, or of those that wait to be freed */
};

struct loop {
    int epoll;
    bool stop;
    struct loop_watch *watches, *removed;
    struct loop_timer **heap; /* places 1..count, the earliest first */
    size_t count, room;
};

bool loop_new(struct loop **out, struct err *err)
{
    struct loop *l = calloc(1, sizeof *l);

    if (l == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "an event loop");
    }
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        free(l);
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "epoll: %s", strerror(errno));
    }
    *out = l;
    return true;
}

static void removed_free(struct loop *l)
{
    while (l->removed != NULL) {
        struct loop_watch *w = l->removed;

        l->removed = w->next;
        free(w);
    }
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    while (l->watches != NULL) {
        loop_watch_remove(l->watches);
    }
    removed_free(l);
    for (size_t i = 1; i <= l->count; i++) {
        l->heap[i]->place = 0;
    }
    free(l->heap);
    (void)close(l->epoll);
    free(l);
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}

/* --- watches --- */

static uint32_t epoll_events(unsigned events)
{
    return ((events & LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0) | ((events & LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0) |
           ((events & LOOP_GONE) != 0 ? (uint32_t)EPOLLRDHUP : 0);
}

static unsigned loop_events(uint32_t events)
{
    return ((events & (EPOLLIN | EPOLLHUP)) != 0 ? (unsigned)LOOP_READ : 0) |
           ((events & EPOLLOUT) != 0 ? (unsigned)LOOP_WRITE : 0) |
           ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ? (unsigned)LOOP_GONE : 0);
}

bool loop_watch_add(struct loop *l, int fd, unsigned events, void (*ready)(void *arg, unsigned events), void *arg,
                    struct loop_watch **out, struct err *err)
{
    struct loop_watch *w = calloc(1, sizeof *w);
    struct epoll_event e = {.events = epoll_events(events), .data = {.ptr = w}};

    if (w == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a watch");
    }
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        free(w);
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "epoll: %s", strerror(errno));
    }
    *w = (struct loop_watch){.loop = l, .fd = fd, .ready = ready, .arg = arg, .next = l->watches};
    if (l->watches != NULL) {
        l->watches->before = w;
    }
    l->watches = w;
    *out = w;
    return true;
}

void loop_watch_set(struct loop_watch *w, unsigned events)
{
    struct epoll_event e = {.events = epoll_events(events), .data = {.ptr = w}};

    if (!w->removed) {
        (void)epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &e);
    }
}

/* The memory stays until the end of the turn, of which this watch may be one of the events. */
void loop_watch_remove(struct loop_watch *w)
{
    if (w == NULL || w->removed) {
        return;
    }
    (void)epoll_ctl(w->loop->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    w->removed = true;
    if (w->before != NULL) {
        w->before->next = w->next;
    } else {
        w->loop->watches = w->next;
    }
    if (w->next != NULL) {
        w->next->before = w->before;
    }
    w->next = w->loop->removed;
    w->loop->removed = w;
}

/* --- timers: a binary heap --- */

static void place(struct loop *l, size_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->place = i;
}

static void sift_up(struct loop *l, size_t i)
{
    struct loop_timer *t = l->heap[i];

    for (; i > 1 && l->heap[i / 2]->deadline > t->deadline; i /= 2) {
        place(l, i, l->heap[i / 2]);
    }
    place(l, i, t);
}

static void sift_down(struct loop *l, size_t i)
{
    struct loop_timer *t = l->heap[i];

    for (;;) {
        size_t child = 2 * i;

        if (child < l->count && l->heap[child + 1]->deadline < l->heap[child]->deadline) {
            child++;
        }
        if (child > l->count || l->heap[child]->deadline >= t->deadline) {
            break;
        }
        place(l, i, l->heap[child]);
        i = child;
    }
    place(l, i, t);
}

bool loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms, struct err *err)
{
    loop_timer_stop(l, t);
    if (l->count + 2 > l->room) {
        size_t room = l->room == 0 ? 64 : l->room * 2;
        struct loop_timer **heap = reallocarray(l->heap, room, sizeof *heap);

        if (heap == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "timers");
        }
        l->heap = heap;
        l->room = room;
    }
    t->deadline = clock_monotonic_ns() + delay_ms * MS_NS;
    l->heap[++l->count] = t;
    sift_up(l, l->count);
    return true;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    size_t i = t->place;
    struct loop_timer *last;

    if (i == 0) {
        return;
    }
    t->place = 0;
    last = l->heap[l->count--];
    if (last != t) {
        place(l, i, last);
        sift_up(l, i);
        sift_down(l, last->place);
    }
}

static void timers_run(struct loop *l)
{
    uint64_t now = clock_monotonic_ns();

    /* A timer that is set again while its call runs is due after now, so this ends. */
    while (l->count > 0 && l->heap[1]->deadline <= now && !l->stop) {
        struct loop_timer *t = l->heap[1];

        loop_timer_stop(l, t);
        t->due(t->arg);
    }
}

static int wait_ms(const struct loop *l, int timeout_ms)
{
    uint64_t now, left;

    if (l->count == 0) {
        return timeout_ms;
    }
    now = clock_monotonic_ns();
    left = l->heap[1]->deadline > now ? (l->heap[1]->deadline - now + MS_NS - 1) / MS_NS : 0;
    if (left > 3600000) {
        left = 3600000;
    }
    return timeout_ms >= 0 && (uint64_t)timeout_ms < left ? timeout_ms : (int)left;
}

bool loop_turn(struct loop *l, int timeout_ms, struct err *err)
{
    struct epoll_event events[TURN_EVENTS];
    int n = epoll_wait(l->epoll, events, TURN_EVENTS, wait_ms(l, timeout_ms));

    if (n < 0 && errno != EINTR) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "epoll: %s", strerror(errno));
    }
    for (int i = 0; i < n; i++) {
        struct loop_watch *w = events[i].data.ptr;

        if (!w->removed) {
            w->ready(w->arg, loop_events(events[i].events));
        }
    }
    timers_run(l);
    removed_free(l);
    return true;
}

bool loop_run(struct loop *l, struct err *err)
{
    l->stop = false;
    while (!l->stop) {
        if (!loop_turn(l, -1, err)) {
            return false;
        }
    }
    return true;
}
