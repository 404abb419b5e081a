/* A channel (proc/frame.h) on a loop: frames come to a function, the channel's end to another. */
#ifndef SOTTO_SERVE_LINK_H
#define SOTTO_SERVE_LINK_H

#include "net/loop.h"
#include "proc/frame.h"
#include "serve/message.h"

struct link;

struct link_handler {
    /* A frame's descriptor, if it has one, is the handler's to close. */
    void (*frame)(void *arg, struct link *l, const struct frame *f);
    /* The peer is gone, or sent something that is no frame: close the link. Once, last. */
    void (*gone)(void *arg, struct link *l, const struct err *why);
};

/* Takes over fd. handler is static. */
MUST_USE bool link_open(struct loop *loop, int fd, const struct link_handler *handler, void *arg, struct link **out,
                        struct err *err);
void link_close(struct link *l); /* NULL is accepted; also from within a handler */

/* fd: passed along, stays the caller's; -1: none. A peer that is gone is told by the handler, later. */
void link_send(struct link *l, enum message type, uint64_t id, struct bytes payload, int fd);
void link_send_json(struct link *l, enum message type, const json_t *value, int fd);
void link_send_err(struct link *l, uint64_t id, const struct err *e); /* MESSAGE_FAILED */

#endif
