#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 256

/* Prompts, answers and keys do not stay in memory that was given back. */
static void give_back(struct buf *b)
{
    if (b->p != NULL) {
        explicit_bzero(b->p, b->cap);
        free(b->p);
    }
}

/* Into memory of that size. */
static bool move(struct buf *b, size_t cap, struct err *err)
{
    uint8_t *p = malloc(cap);

    if (p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", cap);
    }
    if (b->len != 0) {
        memcpy(p, b->p, b->len);
    }
    give_back(b);
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_done(struct buf *b)
{
    give_back(b);
    *b = BUF(b->max);
}

bool buf_room(struct buf *b, size_t n, uint8_t **out, struct err *err)
{
    size_t cap = b->cap != 0 ? b->cap : FIRST_CAP;

    if (b->len > b->max || n > b->max - b->len) {
        return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "%zu bytes and %zu more, at most %zu", b->len, n, b->max);
    }
    if (b->p != NULL && b->cap - b->len >= n) {
        *out = b->p + b->len;
        return true;
    }
    while (cap - b->len < n) {
        cap = cap > b->max / 2 ? b->max : cap * 2;
    }
    if (!move(b, cap, err)) {
        return false;
    }
    *out = b->p + b->len;
    return true;
}

void buf_grew(struct buf *b, size_t n)
{
    b->len += n;
}

bool buf_add(struct buf *b, const void *p, size_t n, struct err *err)
{
    uint8_t *to;

    if (!buf_room(b, n, &to, err)) {
        return false;
    }
    if (n != 0) {
        memcpy(to, p, n);
    }
    b->len += n;
    return true;
}

bool buf_str(struct buf *b, const char *s, struct err *err)
{
    return buf_add(b, s, strlen(s), err);
}

static bool uint_le(struct buf *b, uint64_t v, size_t n, struct err *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    return buf_add(b, bytes, n, err);
}

bool buf_u8(struct buf *b, uint8_t v, struct err *err)
{
    return buf_add(b, &v, 1, err);
}

bool buf_u16le(struct buf *b, uint16_t v, struct err *err)
{
    return uint_le(b, v, 2, err);
}

bool buf_u32le(struct buf *b, uint32_t v, struct err *err)
{
    return uint_le(b, v, 4, err);
}

bool buf_u64le(struct buf *b, uint64_t v, struct err *err)
{
    return uint_le(b, v, 8, err);
}

bool buf_u32be(struct buf *b, uint32_t v, struct err *err)
{
    const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    return buf_add(b, bytes, sizeof bytes, err);
}

bool buf_zero(struct buf *b, size_t n, struct err *err)
{
    uint8_t *to;

    if (!buf_room(b, n, &to, err)) {
        return false;
    }
    memset(to, 0, n);
    b->len += n;
    return true;
}

bool buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
    uint8_t *to;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a format failed");
    }
    if (!buf_room(b, (size_t)n + 1, &to, err)) {
        return false;
    }
    va_start(ap, fmt);
    (void)vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return true;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n != 0 && n < b->len) {
        memmove(b->p, b->p + n, b->len - n);
    }
    b->len = n < b->len ? b->len - n : 0;
}

bool buf_take(struct buf *b, uint8_t **out, size_t *len, struct err *err)
{
    if (!move(b, b->len + 1, err)) {
        return false;
    }
    b->p[b->len] = 0;
    *out = b->p;
    *len = b->len;
    *b = BUF(b->max);
    return true;
}
