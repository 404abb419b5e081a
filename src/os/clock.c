#include "os/clock.h"

#include <time.h>

#define NS 1000000000

static int64_t clock_read(clockid_t id)
{
    struct timespec t = {0};

    (void)clock_gettime(id, &t); /* fails only for clocks that do not exist */
    return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

int64_t clock_unix_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_unix(void)
{
    return clock_unix_ns() / NS;
}

uint64_t clock_monotonic_ns(void)
{
    return (uint64_t)clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_thread_ns(void)
{
    return (uint64_t)clock_read(CLOCK_THREAD_CPUTIME_ID);
}
