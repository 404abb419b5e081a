/* Why a request gets no answer, in the form that its API has: Ollama's {"error":text}, or OpenAI's error object. Texts
 * and statuses that Ollama defines are kept; refusals of our own carry the reason's name. */
#ifndef SOTTO_SERVE_REFUSAL_H
#define SOTTO_SERVE_REFUSAL_H

#include "net/server.h"

enum dialect {
    DIALECT_OLLAMA,
    DIALECT_OPENAI,
};

struct refusal {
    int status;
    enum reason reason; /* OK: one of Ollama's own */
    char text[400];
};

/* Always false, like FAIL. */
__attribute__((format(printf, 3, 4))) bool refusal_set(struct refusal *r, int status, const char *fmt, ...);
bool refusal_of(struct refusal *r, const struct err *err);

/* The JSON body, appended. */
MUST_USE bool refusal_print(const struct refusal *r, enum dialect d, struct buf *out, struct err *err);
void refusal_send(const struct refusal *r, enum dialect d, struct reply *p);

#endif
