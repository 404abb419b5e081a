/* What a client asks of a chat, as the model's template wants it: an object with "messages" (chat/jinja.h). Messages of
 * one role that follow each other become one, as Ollama has it. */
#ifndef SOTTO_SERVE_CHAT_H
#define SOTTO_SERVE_CHAT_H

#include "codec/json.h"
#include "serve/refusal.h"

/* dialect: OpenAI's may have content in parts, and the role "developer". model: for messages to the user. */
MUST_USE bool chat_parse(const json_t *messages, enum dialect d, const char *model, json_t **out, struct refusal *why);
/* One prompt as a chat: /api/generate. system NULL: none. */
MUST_USE bool chat_of_prompt(const char *system, const char *prompt, json_t **out, struct refusal *why);

#endif
