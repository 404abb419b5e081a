/* The event loop of a process: file descriptors and deadlines, one thread, epoll.
 *
 * Callbacks run from loop_run() only, never from within another call, and may add and remove anything, themselves
 * included: a watch or timer that was removed is not called again, not even in the same turn. */
#ifndef SOTTO_NET_LOOP_H
#define SOTTO_NET_LOOP_H

#include "base/err.h"

#include <stdint.h>

struct loop;

MUST_USE bool loop_new(struct loop **out, struct err *err);
void loop_free(struct loop *l); /* watches that are left are freed; their descriptors are not closed */

/* Until loop_stop(). SYSTEM errors of epoll only. */
MUST_USE bool loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);
/* Waits at most timeout_ms (-1: for ever) and calls what is due: for tests and for loops inside of loops. */
MUST_USE bool loop_turn(struct loop *l, int timeout_ms, struct err *err);

enum loop_event {
    LOOP_READ = 1,
    LOOP_WRITE = 2,
    LOOP_GONE = 4, /* the peer closed its side, or the descriptor failed; reported only if asked for, but a failed
                      descriptor is always reported */
};

struct loop_watch;

/* events: those of enum loop_event to wait for; ready() is told those that happened. The descriptor stays the
 * caller's: remove the watch before closing it. */
MUST_USE bool loop_watch_add(struct loop *l, int fd, unsigned events, void (*ready)(void *arg, unsigned events),
                             void *arg, struct loop_watch **out, struct err *err);
void loop_watch_set(struct loop_watch *w, unsigned events);
void loop_watch_remove(struct loop_watch *w); /* NULL is accepted */

/* A deadline, in memory of the caller's, zeroed at first. It must be stopped before that memory goes. */
struct loop_timer {
    void (*due)(void *arg); /* once; it may set the timer again */
    void *arg;
    uint64_t deadline; /* CLOCK_MONOTONIC, ns */
    size_t place;      /* in the heap, from 1; 0: not set */
};

/* delay_ms from now, in place of any deadline that was set before. NO_MEMORY. */
MUST_USE bool loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms, struct err *err);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

#endif
