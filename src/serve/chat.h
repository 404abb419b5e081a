/* What a client asks of a chat, as the model's template wants it: an object with "messages", and where they are asked
 * for "tools", "enable_thinking" and "reasoning_effort" (chat/jinja.h). Messages of one role that follow each other
 * become one, as Ollama has it; those that call tools, or answer for one, stay by themselves. */
#ifndef SOTTO_SERVE_CHAT_H
#define SOTTO_SERVE_CHAT_H

#include "serve/backend.h"
#include "serve/refusal.h"

/* body: of the request. dialect: OpenAI's may have content in parts, the role "developer", tool_choice. */
MUST_USE bool chat_parse(const json_t *body, enum dialect d, const struct backend_loaded *loaded, json_t **out,
                         struct refusal *why);
/* One prompt as a chat: /api/generate, /v1/completions. system NULL: none. */
MUST_USE bool chat_of_prompt(const json_t *body, const char *system, const char *prompt,
                             const struct backend_loaded *loaded, json_t **out, struct refusal *why);

/* What the answer is held to: Ollama's "format", OpenAI's "response_format". *out stays NULL where it is to nothing. */
MUST_USE bool chat_form_parse(const json_t *body, enum dialect d, json_t **out, struct refusal *why);

#endif
