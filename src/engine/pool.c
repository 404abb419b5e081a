#include "engine/pool.h"

#include "engine/math.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xmmintrin.h>

#define SPIN 4000 /* some tens of microseconds: longer than the gap between two jobs of one token */

struct pool {
    unsigned threads, started;
    pthread_t *handles;
    void (*fn)(void *arg, size_t item, unsigned thread);
    void *arg;
    size_t items;
    _Alignas(64) atomic_size_t next;
    _Alignas(64) atomic_uint generation; /* of the job; workers wait for it to change */
    _Alignas(64) atomic_uint busy;       /* workers that have not finished the job */
    _Alignas(64) atomic_uint asleep;
    atomic_bool end;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

struct start {
    struct pool *pool;
    unsigned thread;
};

static void work(struct pool *p, unsigned thread)
{
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);

        if (item >= p->items) {
            return;
        }
        p->fn(p->arg, item, thread);
    }
}

static void await(struct pool *p, unsigned seen)
{
    for (unsigned i = 0; i < SPIN; i++) {
        if (atomic_load_explicit(&p->generation, memory_order_acquire) != seen) {
            return;
        }
        _mm_pause();
    }
    (void)pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->asleep, 1);
    while (atomic_load(&p->generation) == seen) {
        (void)pthread_cond_wait(&p->wake, &p->lock);
    }
    atomic_fetch_sub(&p->asleep, 1);
    (void)pthread_mutex_unlock(&p->lock);
}

static void *worker(void *arg)
{
    struct start *s = arg;
    struct pool *p = s->pool;
    unsigned thread = s->thread, seen = 0;

    free(s);
    (void)math_environment_enter();
    for (;;) {
        await(p, seen);
        seen++;
        if (atomic_load(&p->end)) {
            return NULL;
        }
        work(p, thread);
        atomic_fetch_sub_explicit(&p->busy, 1, memory_order_release);
    }
}

static void publish(struct pool *p)
{
    atomic_fetch_add(&p->generation, 1);
    if (atomic_load(&p->asleep) != 0) {
        (void)pthread_mutex_lock(&p->lock);
        (void)pthread_cond_broadcast(&p->wake);
        (void)pthread_mutex_unlock(&p->lock);
    }
}

static bool start(struct pool *p, struct err *err)
{
    struct start *s = malloc(sizeof *s);

    if (s == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a thread's start");
    }
    *s = (struct start){.pool = p, .thread = p->started + 1};
    if (pthread_create(&p->handles[p->started], NULL, worker, s) != 0) {
        free(s);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "thread %u of %u cannot be started", p->started + 2,
                    p->threads);
    }
    p->started++;
    return true;
}

bool pool_new(unsigned threads, struct pool **out, struct err *err)
{
    struct pool *p = aligned_alloc(64, sizeof *p);
    bool ok = true;

    if (p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a pool of %u threads", threads);
    }
    *p = (struct pool){.threads = threads, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    p->handles = calloc(threads, sizeof *p->handles);
    if (p->handles == NULL) {
        free(p);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a pool of %u threads", threads);
    }
    while (ok && p->started + 1 < threads) {
        ok = start(p, err);
    }
    if (!ok) {
        pool_free(p);
        return false;
    }
    *out = p;
    return true;
}

void pool_free(struct pool *p)
{
    if (p == NULL) {
        return;
    }
    atomic_store(&p->end, true);
    publish(p);
    for (unsigned i = 0; i < p->started; i++) {
        (void)pthread_join(p->handles[i], NULL);
    }
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_cond_destroy(&p->wake);
    free(p->handles);
    free(p);
}

unsigned pool_threads(const struct pool *p)
{
    return p->threads;
}

void pool_run(struct pool *p, void (*fn)(void *arg, size_t item, unsigned thread), void *arg, size_t items)
{
    unsigned spins = 0;

    if (items == 0) {
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->items = items;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    atomic_store_explicit(&p->busy, p->started, memory_order_relaxed);
    publish(p);
    work(p, 0);
    while (atomic_load_explicit(&p->busy, memory_order_acquire) != 0) {
        if (++spins > SPIN) {
            (void)sched_yield();
        } else {
            _mm_pause();
        }
    }
}
