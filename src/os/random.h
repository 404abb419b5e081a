/* Random bytes from the kernel (getrandom). RANDOM_FAILED. */
#ifndef SOTTO_OS_RANDOM_H
#define SOTTO_OS_RANDOM_H

#include "base/err.h"

MUST_USE bool random_bytes(void *out, size_t n, struct err *err);

#endif
