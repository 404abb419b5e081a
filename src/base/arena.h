/* Many small allocations that end together, with a maximum in all: what a parser of hostile input builds.
 * Memory is zeroed and aligned to 16 bytes. Errors: ARENA_FULL, NO_MEMORY. One thread at a time. */
#ifndef SOTTO_BASE_ARENA_H
#define SOTTO_BASE_ARENA_H

#include "base/bytes.h"
#include "base/err.h"

struct arena {
    struct arena_block *blocks;
    size_t used, max; /* bytes handed out, and at most */
};

#define ARENA(maximum) ((struct arena){.blocks = NULL, .used = 0, .max = (maximum)})

/* Wipes and frees all, and leaves an empty arena: the text may have been a prompt. */
void arena_done(struct arena *a);

/* count * size bytes; a product that overflows is ARENA_FULL. Never NULL on success, for zero bytes too. */
MUST_USE bool arena_alloc(struct arena *a, size_t count, size_t size, void **out, struct err *err);

/* A copy of b, zero-terminated beyond its length. */
MUST_USE bool arena_copy(struct arena *a, struct bytes b, uint8_t **out, struct err *err);

#endif
