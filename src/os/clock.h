/* Clocks. */
#ifndef SOTTO_OS_CLOCK_H
#define SOTTO_OS_CLOCK_H

#include <stdint.h>

int64_t clock_unix(void);          /* seconds since 1970, UTC: for validity, never for durations */
int64_t clock_unix_ns(void);       /* the same in nanoseconds */
uint64_t clock_monotonic_ns(void); /* for durations and deadlines */
uint64_t clock_thread_ns(void);    /* the processor time of this thread */

#endif
