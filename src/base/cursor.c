#include "base/cursor.h"

struct cursor cursor_init(const void *bytes, size_t len)
{
    return (struct cursor){.next = bytes, .left = len, .offset = 0};
}

void cursor_short(const struct cursor *c, size_t n, struct err *err)
{
    err_set(err, REASON_BYTES_SHORT, c->offset, "%zu bytes wanted, %zu left", n, c->left);
}

bool cursor_skip(struct cursor *c, size_t n, struct err *err)
{
    struct cursor skipped;

    return cursor_take(c, n, &skipped, err);
}

bool cursor_copy(struct cursor *c, void *out, size_t n, struct err *err)
{
    struct cursor sub;

    if (!cursor_take(c, n, &sub, err)) {
        return false;
    }
    if (n != 0) {
        memcpy(out, sub.next, n);
    }
    return true;
}

/* n <= 4 bytes, least significant first. */
static bool uint_le(struct cursor *c, size_t n, uint64_t *out, struct err *err)
{
    struct cursor sub;
    uint64_t v = 0;

    if (!cursor_take(c, n, &sub, err)) {
        return false;
    }
    for (size_t i = n; i-- > 0;) {
        v = v << 8 | sub.next[i];
    }
    *out = v;
    return true;
}

bool cursor_u16le(struct cursor *c, uint16_t *out, struct err *err)
{
    uint64_t v;

    if (!uint_le(c, 2, &v, err)) {
        return false;
    }
    *out = (uint16_t)v;
    return true;
}

bool cursor_u32le(struct cursor *c, uint32_t *out, struct err *err)
{
    uint64_t v;

    if (!uint_le(c, 4, &v, err)) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

bool cursor_u64le(struct cursor *c, uint64_t *out, struct err *err)
{
    struct cursor sub;
    const uint8_t *b;

    if (!cursor_take(c, 8, &sub, err)) {
        return false;
    }
    b = sub.next; /* written out it is one load: a model's header has a million of them */
    *out = (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 |
           (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
    return true;
}

bool cursor_u32be(struct cursor *c, uint32_t *out, struct err *err)
{
    uint8_t b[4];

    if (!cursor_copy(c, b, sizeof b, err)) {
        return false;
    }
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
    return true;
}

bool cursor_end(const struct cursor *c, struct err *err)
{
    return c->left == 0 || FAIL(err, REASON_BYTES_LEFT, c->offset, "%zu bytes left over", c->left);
}
