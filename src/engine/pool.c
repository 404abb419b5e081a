#include "engine/pool.h"

#include "engine/math.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xmmintrin.h>

#define SPIN 4000 /* some tens of microseconds: longer than the gap between two jobs of one token */
#define CLOSED 0x80000000U

struct pool {
    unsigned threads, started;
    pthread_t *handles;
    void (*fn)(void *arg, size_t item, unsigned thread);
    void *arg;
    size_t items;
    _Alignas(64) atomic_size_t next;
    _Alignas(64) atomic_uint generation; /* of the job; workers wait for it to change */
    _Alignas(64) atomic_uint inside;     /* workers that take items of the job; CLOSED: none may come any more */
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

/* False: the job has ended already. The caller of pool_run() does not wait for a worker that has no core to come. */
static bool enter(struct pool *p)
{
    unsigned inside = atomic_load_explicit(&p->inside, memory_order_relaxed);

    while (inside < CLOSED) {
        if (atomic_compare_exchange_weak_explicit(&p->inside, &inside, inside + 1, memory_order_acquire,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* Until a job after number `seen` is there; its number. */
static unsigned await(struct pool *p, unsigned seen)
{
    for (unsigned i = 0; i < SPIN; i++) {
        unsigned now = atomic_load_explicit(&p->generation, memory_order_acquire);

        if (now != seen) {
            return now;
        }
        _mm_pause();
    }
    (void)pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->asleep, 1);
    while (atomic_load(&p->generation) == seen) {
        (void)pthread_cond_wait(&p->wake, &p->lock);
    }
    seen = atomic_load(&p->generation);
    atomic_fetch_sub(&p->asleep, 1);
    (void)pthread_mutex_unlock(&p->lock);
    return seen;
}

static void *worker(void *arg)
{
    struct start *s = arg;
    struct pool *p = s->pool;
    unsigned thread = s->thread, seen = 0;

    free(s);
    (void)math_environment_enter();
    for (;;) {
        seen = await(p, seen);
        if (atomic_load(&p->end)) {
            return NULL;
        }
        if (enter(p)) {
            work(p, thread);
            atomic_fetch_sub_explicit(&p->inside, 1, memory_order_release);
        }
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
    *p = (struct pool){
        .threads = threads, .inside = CLOSED, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
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
    atomic_store_explicit(&p->inside, 0, memory_order_release); /* what the job is stands before it */
    publish(p);
    work(p, 0);
    atomic_fetch_or_explicit(&p->inside, CLOSED, memory_order_relaxed);
    while (atomic_load_explicit(&p->inside, memory_order_acquire) != CLOSED) {
        if (++spins > SPIN) {
            (void)sched_yield();
        } else {
            _mm_pause();
        }
    }
}
