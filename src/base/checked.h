/* Arithmetic on sizes that come from outside. False: the result does not fit, *out is unspecified. */
#ifndef SOTTO_BASE_CHECKED_H
#define SOTTO_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__attribute__((warn_unused_result)) static inline bool checked_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

__attribute__((warn_unused_result)) static inline bool checked_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
