/* A borrowed run of bytes: whoever holds one must not outlive its owner. NULL with len 0 is the empty run. */
#ifndef SOTTO_BASE_BYTES_H
#define SOTTO_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p;
    size_t len;
};

static inline struct bytes bytes_of(const void *p, size_t len)
{
    return (struct bytes){.p = p, .len = len};
}

static inline struct bytes bytes_of_str(const char *s)
{
    return (struct bytes){.p = (const uint8_t *)s, .len = strlen(s)};
}

/* Public data only: stops at the first difference. Secrets have secret_equal() (os/secret.h). */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool bytes_zero(struct bytes b)
{
    return b.len == 0 || (b.p[0] == 0 && memcmp(b.p, b.p + 1, b.len - 1) == 0);
}

#endif
