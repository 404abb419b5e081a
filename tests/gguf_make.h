/* GGUF bytes for tests, piece by piece in the order of the file: begin, values, tensors, data. A failure ends the test
 * program. */
#ifndef SOTTO_TESTS_GGUF_MAKE_H
#define SOTTO_TESTS_GGUF_MAKE_H

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define MAKE_UNUSED __attribute__((unused))

static inline void make_must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static inline void make_text(struct buf *b, const void *p, size_t len)
{
    struct err err;

    make_must(buf_u64le(b, len, &err) && buf_add(b, p, len, &err));
}

static inline void make_key(struct buf *b, const char *key, uint32_t type)
{
    struct err err;

    make_text(b, key, strlen(key));
    make_must(buf_u32le(b, type, &err));
}

MAKE_UNUSED static void make_begin(struct buf *b, uint64_t tensors, uint64_t pairs)
{
    struct err err;

    make_must(buf_str(b, "GGUF", &err) && buf_u32le(b, 3, &err) && buf_u64le(b, tensors, &err) &&
              buf_u64le(b, pairs, &err));
}

MAKE_UNUSED static void make_str(struct buf *b, const char *key, const char *value)
{
    make_key(b, key, 8);
    make_text(b, value, strlen(value));
}

MAKE_UNUSED static void make_u32(struct buf *b, const char *key, uint32_t value)
{
    struct err err;

    make_key(b, key, 4);
    make_must(buf_u32le(b, value, &err));
}

MAKE_UNUSED static void make_f32(struct buf *b, const char *key, float value)
{
    struct err err;
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    make_key(b, key, 6);
    make_must(buf_u32le(b, bits, &err));
}

MAKE_UNUSED static void make_bool(struct buf *b, const char *key, bool value)
{
    struct err err;

    make_key(b, key, 7);
    make_must(buf_u8(b, value, &err));
}

static inline void make_array(struct buf *b, const char *key, uint32_t element, size_t count)
{
    struct err err;

    make_key(b, key, 9);
    make_must(buf_u32le(b, element, &err) && buf_u64le(b, count, &err));
}

MAKE_UNUSED static void make_strs(struct buf *b, const char *key, const char *const *values, size_t count)
{
    make_array(b, key, 8, count);
    for (size_t i = 0; i < count; i++) {
        make_text(b, values[i], strlen(values[i]));
    }
}

MAKE_UNUSED static void make_i32s(struct buf *b, const char *key, const int32_t *values, size_t count)
{
    struct err err;

    make_array(b, key, 5, count);
    for (size_t i = 0; i < count; i++) {
        make_must(buf_u32le(b, (uint32_t)values[i], &err));
    }
}

MAKE_UNUSED static void make_f32s(struct buf *b, const char *key, const float *values, size_t count)
{
    struct err err;

    make_array(b, key, 6, count);
    make_must(buf_add(b, values, count * sizeof *values, &err));
}

/* A matrix of columns x rows. */
MAKE_UNUSED static void make_tensor(struct buf *b, const char *name, uint32_t type, uint64_t columns, uint64_t rows,
                                    uint64_t offset)
{
    struct err err;

    make_text(b, name, strlen(name));
    make_must(buf_u32le(b, 2, &err) && buf_u64le(b, columns, &err) && buf_u64le(b, rows, &err) &&
              buf_u32le(b, type, &err) && buf_u64le(b, offset, &err));
}

/* Up to the next multiple of 32, and len bytes. */
MAKE_UNUSED static void make_data(struct buf *b, size_t len)
{
    struct err err;

    make_must(buf_zero(b, (32 - b->len % 32) % 32 + len, &err));
}

#endif
