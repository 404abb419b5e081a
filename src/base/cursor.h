/* Reading bytes that someone else chose. No other code computes a pointer into hostile input.
 *
 * A cursor borrows its bytes: they must outlive it. A read past the end fails with BYTES_SHORT and moves nothing.
 * A sub-cursor keeps counting offsets from the start of the whole input, so that errors point into the file that
 * the user has. Every parser's last line is cursor_end(). */
#ifndef SOTTO_BASE_CURSOR_H
#define SOTTO_BASE_CURSOR_H

#include "base/bytes.h"
#include "base/err.h"

struct cursor {
    const uint8_t *next;
    size_t left;
    size_t offset; /* of next, in the whole input */
};

struct cursor cursor_init(const void *bytes, size_t len);

void cursor_short(const struct cursor *c, size_t n, struct err *err); /* BYTES_SHORT: n were wanted */

MUST_USE bool cursor_u16le(struct cursor *c, uint16_t *out, struct err *err);
MUST_USE bool cursor_u32le(struct cursor *c, uint32_t *out, struct err *err);
MUST_USE bool cursor_u64le(struct cursor *c, uint64_t *out, struct err *err);
MUST_USE bool cursor_u32be(struct cursor *c, uint32_t *out, struct err *err);

/* n bytes copied into out. */
MUST_USE bool cursor_copy(struct cursor *c, void *out, size_t n, struct err *err);

/* n bytes passed over (reserved fields that are covered by a signature and mean nothing). */
MUST_USE bool cursor_skip(struct cursor *c, size_t n, struct err *err);

/* Nothing may be left: BYTES_LEFT. */
MUST_USE bool cursor_end(const struct cursor *c, struct err *err);

/* n bytes as a cursor of their own. This and the next are inline: certificates and lists are thousands of small reads.
 */
MUST_USE static inline bool cursor_take(struct cursor *c, size_t n, struct cursor *out, struct err *err)
{
    if (n > c->left) {
        return cursor_short(c, n, err), false;
    }
    *out = (struct cursor){.next = c->next, .left = n, .offset = c->offset};
    if (n > 0) { /* the empty input may have no address to add to */
        c->next += n;
        c->left -= n;
        c->offset += n;
    }
    return true;
}

MUST_USE static inline bool cursor_u8(struct cursor *c, uint8_t *out, struct err *err)
{
    if (c->left == 0) {
        return cursor_short(c, 1, err), false;
    }
    *out = *c->next++;
    c->left--;
    c->offset++;
    return true;
}

/* What is left, borrowed. */
static inline struct bytes cursor_rest(const struct cursor *c)
{
    return bytes_of(c->next, c->left);
}

#endif
