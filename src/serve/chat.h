/* The messages of a chat, from JSON. Messages of one role that follow each other become one, as Ollama has it. */
#ifndef SOTTO_SERVE_CHAT_H
#define SOTTO_SERVE_CHAT_H

#include "base/arena.h"
#include "codec/json.h"
#include "serve/refusal.h"

#include "model/template.h"

struct chat {
    struct template_chat chat;
    struct arena memory;
};

/* dialect: OpenAI's may have content in parts, and the role "developer". model: for messages to the user. */
MUST_USE bool chat_parse(const json_t *messages, enum dialect d, const char *model, struct chat *out,
                         struct refusal *why);
/* One prompt as a chat: /api/generate. system NULL: none. */
MUST_USE bool chat_of_prompt(const char *system, struct bytes prompt, struct chat *out, struct refusal *why);
void chat_done(struct chat *c);

#endif
