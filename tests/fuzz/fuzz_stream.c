/* Answers' bytes into text. Whatever comes: the text is UTF-8, no stop text is in it, and it is the same however the
 * bytes are cut. The first byte says how many stop texts follow (each: a length, its bytes), the rest is the answer. */
#include "engine/stream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) \
    do { \
        if (!(x)) { \
            abort(); \
        } \
    } while (0)

static void feed(const struct bytes *stops, size_t count, struct bytes text, size_t step, struct buf *out,
                 bool *stopped)
{
    struct err err = {0};
    struct stream s;

    stream_init(&s, stops, count);
    for (size_t at = 0; at < text.len; at += step) {
        size_t n = text.len - at < step ? text.len - at : step;

        HOLDS(stream_add(&s, bytes_of(text.p + at, n), out, &err));
    }
    HOLDS(stream_end(&s, out, &err));
    *stopped = s.stopped;
    stream_done(&s);
}

static bool contains(struct bytes text, struct bytes what)
{
    for (size_t i = 0; i + what.len <= text.len; i++) {
        if (memcmp(text.p + i, what.p, what.len) == 0) {
            return true;
        }
    }
    return false;
}

/* What goes in unchanged is UTF-8. */
static bool is_utf8(struct bytes text)
{
    struct buf again = BUF(SIZE_MAX / 2);
    bool stopped, same;

    feed(NULL, 0, text, text.len + 1, &again, &stopped);
    same = bytes_equal(buf_bytes(&again), text);
    buf_done(&again);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes stops[STREAM_STOPS_MAX], text;
    struct buf whole = BUF(SIZE_MAX / 2), single = BUF(SIZE_MAX / 2), three = BUF(SIZE_MAX / 2);
    size_t count = 0, at = 1;
    bool stopped[3];

    if (size == 0 || size > 65536) {
        return 0;
    }
    while (count < data[0] % 4U && at < size && data[at] % 8U != 0 && at + 1 + data[at] % 8U <= size) {
        struct bytes stop = bytes_of(data + at + 1, data[at] % 8U);

        at += 1 + stop.len;
        if (is_utf8(stop)) {
            stops[count++] = stop;
        }
    }
    text = bytes_of(data + at, size - (at < size ? at : size));
    feed(stops, count, text, size, &whole, &stopped[0]);
    feed(stops, count, text, 1, &single, &stopped[1]);
    feed(stops, count, text, 3, &three, &stopped[2]);
    HOLDS(stopped[0] == stopped[1] && stopped[0] == stopped[2]);
    HOLDS(bytes_equal(buf_bytes(&whole), buf_bytes(&single)) && bytes_equal(buf_bytes(&whole), buf_bytes(&three)));
    HOLDS(is_utf8(buf_bytes(&whole)));
    for (size_t i = 0; i < count; i++) {
        /* U+FFFD may come to stand where the bytes were others. */
        HOLDS(!contains(buf_bytes(&whole), stops[i]) || !is_utf8(text));
    }
    buf_done(&whole);
    buf_done(&single);
    buf_done(&three);
    return 0;
}
