#include "engine/stream.h"

#include "engine/wipe.h"

#define HELD_MAX ((size_t)16 << 20) /* one token's bytes and a stop text: no vocabulary has such */

void stream_init(struct stream *s, const struct bytes *stops, size_t count)
{
    *s = (struct stream){.stop_count = count, .held = BUF(HELD_MAX)};
    if (count != 0) {
        memcpy(s->stops, stops, count * sizeof *stops);
    }
}

void stream_done(struct stream *s)
{
    buf_done(&s->held);
}

/* The length of the sequence at p if it is whole. Else 0: *bad bytes are to be replaced together; *partial: the n bytes
 * are only its beginning. */
static size_t sequence(const uint8_t *p, size_t n, bool *partial, size_t *bad)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t need;

    *partial = false;
    *bad = 1;
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : low;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : high;
    for (size_t i = 1; i < need; i++) {
        if (i == n) {
            *partial = true;
            *bad = i;
            return 0;
        }
        if (p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return need;
}

/* Sends the first n held bytes. A sequence that begins there and may be completed by what is not there yet stays. */
static bool send(struct stream *s, size_t n, bool end, struct buf *out, struct err *err)
{
    const uint8_t *p = s->held.p;
    size_t at = 0;

    while (at < n) {
        bool partial;
        size_t bad, len = sequence(p + at, (end ? n : s->held.len) - at, &partial, &bad);

        if (partial && !end) {
            break;
        }
        if (!(len != 0 ? buf_add(out, p + at, len, err) : buf_add(out, "\xef\xbf\xbd", 3, err))) {
            return false;
        }
        at += len != 0 ? len : bad;
    }
    buf_drop(&s->held, at);
    s->sent += at;
    return true;
}

/* The longest stop text that the held bytes end in; 0: none. */
static size_t stop_at_end(const struct stream *s)
{
    size_t most = 0;

    for (size_t i = 0; i < s->stop_count; i++) {
        size_t n = s->stops[i].len;

        if (n <= s->held.len && n > most && memcmp(s->held.p + s->held.len - n, s->stops[i].p, n) == 0) {
            most = n;
        }
    }
    return most;
}

/* How many of the last held bytes are the beginning of a stop text. */
static size_t stop_begun(const struct stream *s)
{
    size_t most = 0;

    for (size_t i = 0; i < s->stop_count; i++) {
        size_t n = s->stops[i].len - 1;

        n = n < s->held.len ? n : s->held.len;
        for (; n > most; n--) {
            if (memcmp(s->held.p + s->held.len - n, s->stops[i].p, n) == 0) {
                most = n;
            }
        }
    }
    return most;
}

bool stream_add(struct stream *s, struct bytes piece, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < piece.len && !s->stopped; i++) {
        size_t stop;

        if (!buf_u8(&s->held, piece.p[i], err)) {
            return false;
        }
        stop = stop_at_end(s);
        if (stop != 0) {
            s->stopped = true;
            if (!send(s, s->held.len - stop, true, out, err)) {
                return false;
            }
            wipe(s->held.p, s->held.len);
            buf_drop(&s->held, s->held.len);
        }
    }
    return s->stopped || send(s, s->held.len - stop_begun(s), false, out, err);
}

bool stream_end(struct stream *s, struct buf *out, struct err *err)
{
    return s->stopped || send(s, s->held.len, true, out, err);
}

bool stream_control(struct stream *s, struct bytes name, struct buf *out, struct err *err)
{
    if (!stream_end(s, out, err)) {
        return false;
    }
    for (size_t i = 0; i < s->stop_count; i++) {
        s->stopped = s->stopped || bytes_equal(s->stops[i], name);
    }
    return true;
}
