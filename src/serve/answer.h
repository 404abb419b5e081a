/* An answer on its way: the engine's events into the objects of one of three forms, streamed or whole. It owns the
 * reply and the call from answer_start() on; a client that leaves cancels the call. */
#ifndef SOTTO_SERVE_ANSWER_H
#define SOTTO_SERVE_ANSWER_H

#include "serve/backend.h"
#include "serve/options.h"
#include "serve/refusal.h"

enum answer_form {
    ANSWER_GENERATE,   /* {"response":text} */
    ANSWER_CHAT,       /* {"message":{...}} */
    ANSWER_OPENAI,     /* chat.completion, chat.completion.chunk */
    ANSWER_COMPLETION, /* text_completion, OpenAI's older form */
};

struct answer_setup {
    enum answer_form form;
    bool stream;
    unsigned choices;      /* so many answers, OPTIONS_CHOICES_MAX at most; Ollama's forms have one */
    bool usage;            /* OpenAI's stream_options.include_usage */
    const char *model;     /* as the client named it; copied */
    unsigned heartbeat_ms; /* OpenAI's streams: a comment after so long a silence, also before the first token */
};

/* Asks for all choices at once; the engine computes them one after another. Takes the reply over only if it is true;
 * why otherwise. */
MUST_USE bool answer_start(struct backend *b, const struct engine_request *r, const struct answer_setup *setup,
                           struct reply *reply, struct refusal *why);

/* Ollama's answer to an empty request: reason "load" or "unload". */
void answer_send_loaded(enum answer_form form, bool stream, const char *model, const char *reason, struct reply *reply);

/* "2026-11-24T12:00:00.123456789Z" */
#define ANSWER_TIME_SIZE 40
void answer_time_print(char out[ANSWER_TIME_SIZE]);

#endif
