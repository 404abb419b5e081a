/* The options of a request: Ollama's names and types, and OpenAI's. Unknown names are ignored, as Ollama does; a wrong
 * type is an error, and so is an option that is known, changes the answer, and is not supported. */
#ifndef SOTTO_SERVE_OPTIONS_H
#define SOTTO_SERVE_OPTIONS_H

#include "codec/json.h"
#include "engine/engine.h"
#include "serve/refusal.h"

struct options {
    struct engine_options engine;
    enum engine_wish wish;               /* to the whole prompt, or to as much as the context holds */
    unsigned choices;                    /* OpenAI's "n": so many answers */
    const char *stops[ENGINE_STOPS_MAX]; /* borrowed from the JSON value */
    struct engine_bias bias[ENGINE_BIAS_MAX];
};

#define OPTIONS_CHOICES_MAX 16

/* Ollama's defaults, one answer, a seed drawn at random. o->engine.stop and .bias point into *o. */
MUST_USE bool options_init(struct options *o, struct err *err);

/* "options" of /api/generate and /api/chat (NULL: absent). */
MUST_USE bool options_parse_ollama(const json_t *object, struct options *o, struct refusal *why);
/* "truncate" and "shift" of a request: what becomes of what the context does not hold. */
MUST_USE bool options_parse_context(const json_t *request, struct options *o, struct refusal *why);
/* "logprobs" and "top_logprobs", which Ollama has beside "options". */
MUST_USE bool options_parse_logprobs(const json_t *request, struct options *o, struct refusal *why);
/* Members of the request of /v1/chat/completions, or of /v1/completions, where "logprobs" is a number. */
MUST_USE bool options_parse_openai(const json_t *request, bool chat, struct options *o, struct refusal *why);

/* "keep_alive": seconds, or a duration as Go writes it ("5m", "1h30m"); negative: for ever. *zero: unload at once. */
MUST_USE bool options_keep_alive_parse(const json_t *value, bool *zero, struct refusal *why);

#endif
