/* Frames between two processes of the service, over a socket pair.
 *
 *     u32le length of the payload (at most LIMIT_FRAME), u16le type, u16le number of descriptors (0 or 1), u64le id,
 *     payload
 *
 * A channel reads and writes without blocking and keeps what is incomplete; whoever owns it waits for its descriptor.
 * The peer is another process that may have been taken over: what it sends is bounded before it is stored, and a frame
 * that is malformed ends the channel (FRAME_FORM). Memory: at most one frame each way and what the owner queues. */
#ifndef SOTTO_PROC_FRAME_H
#define SOTTO_PROC_FRAME_H

#include "base/buf.h"

#define FRAME_HEAD 16

struct frame {
    uint16_t type;
    uint64_t id;
    struct bytes payload; /* valid until the next call on the channel */
    int fd;               /* the receiver's to close; -1: none */
};

struct channel;

/* Two ends, non-blocking, closed on exec. */
MUST_USE bool channel_pair(int fds[2], struct err *err);

/* Takes over a descriptor. */
MUST_USE bool channel_new(int fd, struct channel **out, struct err *err);
void channel_free(struct channel *c); /* closes it; descriptors that are queued too */

/* Queues a frame and sends what the socket takes. fd: passed along, stays the caller's (it is duplicated); -1: none.
 * PEER_GONE, BUF_FULL. */
MUST_USE bool channel_send(struct channel *c, uint16_t type, uint64_t id, struct bytes payload, int fd,
                           struct err *err);
bool channel_wants_write(const struct channel *c);
MUST_USE bool channel_flush(struct channel *c, struct err *err); /* PEER_GONE */

/* The next whole frame. *got false: none has come yet. FRAME_FORM, PEER_GONE (after the last frame was given). */
MUST_USE bool channel_next(struct channel *c, struct frame *out, bool *got, struct err *err);

#endif
