/* A request into token ids: the chat through the model's template, or a raw prompt as it is. */
#ifndef SOTTO_ENGINE_PROMPT_H
#define SOTTO_ENGINE_PROMPT_H

#include "chat/jinja.h"
#include "chat/output.h"
#include "engine/engine.h"
#include "model/tokenizer.h"

struct prompt {
    const struct tokenizer *tokenizer; /* borrowed */
    struct tokenizer_info vocabulary;
    struct jinja *chat_template; /* NULL: the file has none, or none that is understood */
    char problem[sizeof((struct err *)NULL)->detail];
    struct output_format format;
    bool arguments_text; /* the template takes the arguments of a call as JSON text, and not as an object */
};

/* A model without a template that is understood still completes raw prompts. The text may go afterwards. */
void prompt_init(struct prompt *p, const struct tokenizer *t, struct bytes chat_template);
void prompt_done(struct prompt *p);

/* How the answer is to be read, and what became of the chat. */
struct prompt_shape {
    struct output_format format;
    bool tools;     /* the request names some */
    bool thinking;  /* the prompt ends where thinking begins */
    bool truncated; /* oldest messages, the middle of a prompt, or the end of a text to be embedded were left out */
    size_t keep;    /* tokens that stay where the context overflows */
};

/* ids->max: what the context holds. CONTEXT_FULL, CHAT_FORM, TEMPLATE_UNSUPPORTED. */
MUST_USE bool prompt_make(const struct prompt *p, const struct engine_request *q, struct tokenizer_ids *ids,
                          struct prompt_shape *out, struct err *err);

#endif
