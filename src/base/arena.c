#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN 16
#define BLOCK_MIN 16384

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    _Alignas(ALIGN) uint8_t bytes[];
};

void arena_done(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *next = a->blocks->next;

        explicit_bzero(a->blocks->bytes, a->blocks->used);
        free(a->blocks);
        a->blocks = next;
    }
    a->used = 0;
}

static bool block_add(struct arena *a, size_t need, struct err *err)
{
    size_t cap = need > BLOCK_MIN ? need : BLOCK_MIN;
    struct arena_block *b = calloc(1, sizeof *b + cap);

    if (b == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", cap);
    }
    b->cap = cap;
    b->next = a->blocks;
    a->blocks = b;
    return true;
}

bool arena_alloc(struct arena *a, size_t count, size_t size, void **out, struct err *err)
{
    size_t n, need;

    if (__builtin_mul_overflow(count, size, &n) || __builtin_add_overflow(n, ALIGN - 1, &need)) {
        return FAIL(err, REASON_ARENA_FULL, ERR_NOWHERE, "%zu times %zu bytes", count, size);
    }
    need &= ~(size_t)(ALIGN - 1);
    if (need > a->max - a->used) {
        return FAIL(err, REASON_ARENA_FULL, ERR_NOWHERE, "%zu bytes and %zu more, at most %zu", a->used, need, a->max);
    }
    if ((a->blocks == NULL || a->blocks->cap - a->blocks->used < need) && !block_add(a, need, err)) {
        return false;
    }
    *out = a->blocks->bytes + a->blocks->used;
    a->blocks->used += need;
    a->used += need;
    return true;
}

bool arena_copy(struct arena *a, struct bytes b, uint8_t **out, struct err *err)
{
    size_t n;
    void *p;

    if (__builtin_add_overflow(b.len, 1, &n)) {
        return FAIL(err, REASON_ARENA_FULL, ERR_NOWHERE, "%zu bytes", b.len);
    }
    if (!arena_alloc(a, n, 1, &p, err)) {
        return false;
    }
    if (b.len != 0) {
        memcpy(p, b.p, b.len);
    }
    *out = p;
    return true;
}
