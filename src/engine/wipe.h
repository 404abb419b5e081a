/* Zeroes what held a prompt or an answer; the compiler cannot drop it (os/secret.h is of the same rank as engine/). */
#ifndef SOTTO_ENGINE_WIPE_H
#define SOTTO_ENGINE_WIPE_H

#include <stddef.h>
#include <string.h>

static inline void wipe(void *p, size_t n)
{
    if (n != 0) {
        memset(p, 0, n);
        __asm__ volatile("" : : "r"(p) : "memory");
    }
}

#endif
