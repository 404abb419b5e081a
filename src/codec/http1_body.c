/* The chunked coding (RFC 9112, 7.1), one byte after the other, but for the chunk's own data. */
#include "codec/http1.h"

enum chunk_state {
    CHUNK_SIZE, /* at first */
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER, /* at or in a line of the trailer */
    CHUNK_TRAILER_LF,
};

#define CHUNK_DIGITS 8

static bool wrong(const struct http_chunks *c, uint8_t b, struct err *err)
{
    return FAIL(err, REASON_HTTP_CHUNK, (size_t)c->offset, "byte 0x%02x where the coding has another", b);
}

static int digit_value(uint8_t b)
{
    if (b >= '0' && b <= '9') {
        return b - '0';
    }
    if (b >= 'a' && b <= 'f') {
        return b - 'a' + 10;
    }
    return b >= 'A' && b <= 'F' ? b - 'A' + 10 : -1;
}

static bool size_step(struct http_chunks *c, uint8_t b, struct err *err)
{
    int digit = digit_value(b);

    if (digit >= 0 && c->digits < CHUNK_DIGITS) {
        c->left = c->left * 16 + (uint64_t)digit;
        c->digits++;
        return true;
    }
    if (b != '\r' || c->digits == 0) {
        return wrong(c, b, err);
    }
    c->state = CHUNK_SIZE_LF;
    return true;
}

/* RFC 9110, 6.5.1: such fields must not be in a trailer; a reader that took them would see another message. */
static bool frames(const struct http_chunks *c)
{
    struct bytes name = bytes_of(c->name, c->line < sizeof c->name ? c->line : sizeof c->name);

    return http_token_equal(name, "content-length") || http_token_equal(name, "transfer-encoding");
}

static bool trailer_step(struct http_chunks *c, uint8_t b, struct err *err)
{
    if (++c->head > LIMIT_HTTP_HEAD) {
        return FAIL(err, REASON_HTTP_HEAD_SIZE, (size_t)c->offset, "the trailer is longer than %zu bytes",
                    LIMIT_HTTP_HEAD);
    }
    if (b == '\r') {
        c->state = CHUNK_TRAILER_LF;
        return c->line == 0 || c->colon || wrong(c, b, err);
    }
    if (b == ':' && c->line > 0 && !c->colon) {
        c->colon = true;
        return !frames(c) || FAIL(err, REASON_HTTP_FRAMING, (size_t)c->offset, "a trailer that frames the message");
    }
    if (c->colon ? (b < 0x20 && b != '\t') || b == 0x7f : !http_token_char(b)) {
        return wrong(c, b, err);
    }
    if (c->line < sizeof c->name) {
        c->name[c->line] = (char)b;
    }
    c->line++;
    return true;
}

static bool step(struct http_chunks *c, uint8_t b, struct err *err)
{
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE:
        return size_step(c, b, err);
    case CHUNK_SIZE_LF:
        c->state = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
        return b == '\n' || wrong(c, b, err);
    case CHUNK_DATA_CR:
        c->state = CHUNK_DATA_LF;
        return b == '\r' || wrong(c, b, err);
    case CHUNK_DATA_LF:
        c->state = CHUNK_SIZE;
        c->digits = 0;
        return b == '\n' || wrong(c, b, err);
    case CHUNK_TRAILER:
        return trailer_step(c, b, err);
    case CHUNK_TRAILER_LF:
        c->done = c->line == 0;
        c->state = CHUNK_TRAILER;
        c->line = 0;
        c->colon = false;
        return b == '\n' || wrong(c, b, err);
    case CHUNK_DATA:
        break;
    }
    return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "chunk state %d", c->state);
}

bool http_chunks_read(struct http_chunks *c, struct bytes in, size_t *used, struct buf *out, struct err *err)
{
    size_t at = 0;

    while (at < in.len && !c->done) {
        if (c->state == CHUNK_DATA) {
            size_t n = in.len - at < c->left ? in.len - at : (size_t)c->left;

            if (n > out->max - out->len) {
                return FAIL(err, REASON_HTTP_BODY_SIZE, (size_t)c->offset, "the body is longer than %zu bytes",
                            out->max);
            }
            if (!buf_add(out, &in.p[at], n, err)) {
                return false;
            }
            at += n;
            c->offset += n;
            c->left -= n;
            if (c->left == 0) {
                c->state = CHUNK_DATA_CR;
            }
        } else {
            if (!step(c, in.p[at], err)) {
                return false;
            }
            at++;
            c->offset++;
        }
    }
    *used = at;
    return true;
}
