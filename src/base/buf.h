/* A growing run of bytes with a maximum: whoever fills one from outside says first how much it may hold.
 *
 *     struct buf b = BUF(LIMIT_EVIDENCE);
 *     ok = buf_add(&b, p, n, err) && ...;
 *     buf_done(&b);
 *
 * The bytes are the buffer's own and move when it grows. Errors: BUF_FULL, NO_MEMORY; a failed call adds nothing. */
#ifndef SOTTO_BASE_BUF_H
#define SOTTO_BASE_BUF_H

#include "base/bytes.h"
#include "base/err.h"

struct buf {
    uint8_t *p;
    size_t len, cap, max;
};

#define BUF(maximum) ((struct buf){.p = NULL, .len = 0, .cap = 0, .max = (maximum)})

void buf_done(struct buf *b); /* frees, and leaves an empty buffer of the same maximum; what it held is wiped */

MUST_USE bool buf_add(struct buf *b, const void *p, size_t n, struct err *err);
MUST_USE bool buf_str(struct buf *b, const char *s, struct err *err);
MUST_USE bool buf_u8(struct buf *b, uint8_t v, struct err *err);
MUST_USE bool buf_u16le(struct buf *b, uint16_t v, struct err *err);
MUST_USE bool buf_u32le(struct buf *b, uint32_t v, struct err *err);
MUST_USE bool buf_u64le(struct buf *b, uint64_t v, struct err *err);
MUST_USE bool buf_u32be(struct buf *b, uint32_t v, struct err *err);
MUST_USE bool buf_zero(struct buf *b, size_t n, struct err *err); /* n zero bytes */
__attribute__((format(printf, 3, 4))) MUST_USE bool buf_printf(struct buf *b, struct err *err, const char *fmt, ...);

/* Room for n more bytes; *out is where they go, valid until the next call. buf_grew() then says how many came. */
MUST_USE bool buf_room(struct buf *b, size_t n, uint8_t **out, struct err *err);
void buf_grew(struct buf *b, size_t n); /* at most what buf_room() was asked for */

/* The first n bytes go; the rest moves to the front. */
void buf_drop(struct buf *b, size_t n);

/* The bytes become the caller's (free() them), zero-terminated beyond *len; the buffer is empty again. */
MUST_USE bool buf_take(struct buf *b, uint8_t **out, size_t *len, struct err *err);

static inline struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->p, b->len);
}

#endif
