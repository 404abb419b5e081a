#include "base/cursor.h"

#include <endian.h>

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

bool cursor_u16le(struct cursor *c, uint16_t *out, struct err *err)
{
    if (!cursor_copy(c, out, sizeof *out, err)) {
        return false;
    }
    *out = le16toh(*out);
    return true;
}

bool cursor_u32le(struct cursor *c, uint32_t *out, struct err *err)
{
    if (!cursor_copy(c, out, sizeof *out, err)) {
        return false;
    }
    *out = le32toh(*out);
    return true;
}

bool cursor_u64le(struct cursor *c, uint64_t *out, struct err *err)
{
    if (!cursor_copy(c, out, sizeof *out, err)) {
        return false;
    }
    *out = le64toh(*out);
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
