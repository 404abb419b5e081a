/* A rendered chat: a prompt's bytes, in segments that remember what came from a user. Text that came from a user is
 * never tokenised into control tokens (model/tokenizer.h). */
#ifndef SOTTO_MODEL_TEMPLATE_H
#define SOTTO_MODEL_TEMPLATE_H

#include "base/buf.h"

#include <stdlib.h>

struct template_segment {
    size_t start, len; /* in the rendered bytes */
    bool from_user;    /* what came with the chat; the template's own text is not */
};

struct template_rendered {
    struct buf text;
    struct template_segment *segments; /* they cover the text in turns */
    size_t count;
};

static inline void template_rendered_done(struct template_rendered *r)
{
    buf_done(&r->text);
    free(r->segments);
    *r = (struct template_rendered){.text = BUF(r->text.max)};
}

#endif
