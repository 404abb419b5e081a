/* The bytes of an answer's tokens into text that may be sent: whole UTF-8 sequences only, and never a part of a stop
 * text, also where it spans tokens. What comes out does not depend on how the bytes were cut on the way in. Bytes that
 * are no UTF-8 become U+FFFD, one for each longest beginning of a sequence (Unicode 15, 3.9, table 3-8). */
#ifndef SOTTO_ENGINE_STREAM_H
#define SOTTO_ENGINE_STREAM_H

#include "base/buf.h"

#define STREAM_STOPS_MAX 16
#define STREAM_STOP_SIZE 256

struct stream {
    struct bytes stops[STREAM_STOPS_MAX]; /* borrowed; none is empty */
    size_t stop_count;
    struct buf held; /* came, but may be part of a stop text or of a sequence */
    size_t sent;     /* of the bytes that came, those that have gone out */
    bool stopped;
};

void stream_init(struct stream *s, const struct bytes *stops, size_t count); /* count <= STREAM_STOPS_MAX */
void stream_done(struct stream *s);                                          /* wipes */

/* Appends to out what may be sent. After a stop text nothing more comes: s->stopped. Bytes behind it are dropped.
 * BUF_FULL, NO_MEMORY. */
MUST_USE bool stream_add(struct stream *s, struct bytes piece, struct buf *out, struct err *err);

/* A control token, whose name is no text: what was held comes out. A stop text may be its name. */
MUST_USE bool stream_control(struct stream *s, struct bytes name, struct buf *out, struct err *err);

/* The answer is over: what was held comes out. */
MUST_USE bool stream_end(struct stream *s, struct buf *out, struct err *err);

#endif
