/* Threads that work on one job together: the caller's and threads - 1 others. The others spin a moment for the next
 * job, then sleep. Items are taken from a counter, so which thread computes what is left to chance: no result may
 * depend on it. One job at a time, from one thread. */
#ifndef SOTTO_ENGINE_POOL_H
#define SOTTO_ENGINE_POOL_H

#include "base/err.h"

#define POOL_THREADS_MAX 256

struct pool;

/* threads 1..POOL_THREADS_MAX. NO_MEMORY also where a thread cannot be started. */
MUST_USE bool pool_new(unsigned threads, struct pool **out, struct err *err);
void pool_free(struct pool *p);
unsigned pool_threads(const struct pool *p);

/* fn(arg, item, thread) for each item < items, thread < pool_threads(); returns when all are done. */
void pool_run(struct pool *p, void (*fn)(void *arg, size_t item, unsigned thread), void *arg, size_t items);

#endif
