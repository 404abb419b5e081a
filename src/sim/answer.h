/* What the simulated platform answers: to its guest (device/td_frame.h) and to whoever wants quotes (device/qgs.h).
 * Bytes in, bytes out; the one effect is that a register's new value is kept before its answer is given. */
#ifndef SOTTO_SIM_ANSWER_H
#define SOTTO_SIM_ANSWER_H

#include "sim/platform.h"

struct answer_world {
    struct platform *platform;
    unsigned quote_version; /* 4 or 5 */
    bool (*keep)(void *arg, const struct guest *g, struct err *err);
    void *arg;
};

/* A frame of this kind and payload; the answer, a whole frame, is appended. A refusal is an answer too: *why then says
 * more than the client gets, else it is untouched. False (with *why): no answer could be made. */
MUST_USE bool answer_td(const struct answer_world *w, unsigned kind, struct bytes payload, struct buf *out,
                        struct err *why);

/* A message without its prefix; the answer has one. The same convention. */
MUST_USE bool answer_qgs(const struct answer_world *w, struct bytes message, struct buf *out, struct err *why);

#endif
