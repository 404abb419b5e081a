/* The form that an answer is held to (chat/schema.h), while it is made: which text may come next, and how far it has
 * come. The form is that of what is said; thoughts before it are free, also those that the model begins itself.
 *
 *     form_init(&f, schema, chat, &format, err);
 *     ... form_allows(&f, &output, held, text) ... form_take(&f, &output, held, text) and then output_add(&output, ...)
 *     form_done(&f);
 *
 * held: text that came and has not reached the output yet. One thread at a time. */
#ifndef SOTTO_CHAT_FORM_H
#define SOTTO_CHAT_FORM_H

#include "chat/output.h"
#include "chat/schema.h"

struct form {
    struct grammar *grammar; /* NULL: no form */
    struct grammar_state *state;
    bool may_think;    /* the model may begin a thought itself */
    bool calls;        /* it is that of a call, in which control tokens are */
    bool marked;       /* it begins with one, which its spelling does not stand for */
    bool begun;        /* something was said: all that follows is */
    struct buf joined; /* what is held back, and a text behind it */
};

/* schema NULL: no form; true: any JSON object; a string: one call of the tool of that name, "" of any, as format's
 * family writes it. chat: its "tools", and that "enable_thinking" is not false; NULL: none. SCHEMA_FORM,
 * SCHEMA_UNSUPPORTED, NO_MEMORY; NOT_SUPPORTED: calls of that family cannot be forced. */
MUST_USE bool form_init(struct form *f, const json_t *schema, const json_t *chat, const struct output_format *format,
                        struct err *err);
void form_done(struct form *f); /* wipes */

/* Whether the text, or a control token of that name, may come next. Never an empty one. */
bool form_allows(struct form *f, const struct output *o, struct bytes held, struct bytes text);
bool form_allows_mark(struct form *f, const struct output *o, struct bytes held, struct bytes name);
/* Takes a text, or a control token, that may come. INTERNAL: it may not. */
MUST_USE bool form_take(struct form *f, const struct output *o, struct bytes held, struct bytes text, struct err *err);
MUST_USE bool form_take_mark(struct form *f, const struct output *o, struct bytes held, struct bytes name,
                             struct err *err);

/* The answer may end here; nothing can follow. */
bool form_is_whole(const struct form *f);
bool form_is_over(const struct form *f);

#endif
