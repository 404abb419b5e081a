/* What the processes of the service say to each other: types of frames (proc/frame.h) and the forms of their payloads.
 * Every payload is read with a cursor and bounded, whoever sent it. */
#ifndef SOTTO_SERVE_MESSAGE_H
#define SOTTO_SERVE_MESSAGE_H

#include "codec/json.h"
#include "engine/engine.h"

enum message {
    /* from and to the parent */
    MESSAGE_PEER = 1,   /* u8 role; a descriptor: a new channel to that process, in place of any before */
    MESSAGE_SETUP,      /* JSON, the role's own */
    MESSAGE_POLICY,     /* the operator's policy file, exact bytes */
    MESSAGE_COLLATERAL, /* u8 length, name, content */
    MESSAGE_LISTEN,     /* u8 tls; a descriptor: a bound socket */
    MESSAGE_MODEL,      /* JSON of one model of the store */
    MESSAGE_CONFIG,     /* the config event's content: from the parent alone */
    MESSAGE_FILE,       /* SHA-256; a descriptor: one of the files of the model that LOAD is of, in order */
    MESSAGE_LOAD,       /* JSON */
    MESSAGE_LOADED,     /* 96 hex digits: SHA-384 of the manifest; JSON {name, model_id, context, memory, chat, ...} */
    MESSAGE_GO,         /* everything was said: begin */
    MESSAGE_DONE,       /* what was asked for is done */
    MESSAGE_FAILED,     /* an error: the role cannot do its duty */
    MESSAGE_DRAIN,
    /* engine -> keeper */
    MESSAGE_EVENT_MODEL, /* RFC 8785 bytes of the manifest; answered with DONE or FAILED */
    /* gateway -> keeper */
    MESSAGE_KEYSET,   /* u8 1: replaces one of this start; the key set's exact bytes; answered with DONE or FAILED */
    MESSAGE_QUOTE,    /* nonce root, 32 bytes; answered with EVIDENCE or FAILED */
    MESSAGE_EVIDENCE, /* u8 log place, then u32 length and bytes of: quote, boot log, event log */
    /* gateway -> engine and back */
    MESSAGE_GENERATE,
    MESSAGE_CANCEL,
    MESSAGE_TEXT, /* text and, where they were asked for, log probabilities */
    MESSAGE_VECTOR,
    MESSAGE_END,
};

enum role {
    ROLE_PARENT,
    ROLE_KEEPER,
    ROLE_ENGINE,
    ROLE_GATEWAY,
    ROLE_COUNT,
};
const char *role_name(enum role r); /* "keeper" */

/* An error, from process to process. */
MUST_USE bool message_err_print(const struct err *e, struct buf *out, struct err *err);
MUST_USE bool message_err_parse(struct bytes b, struct err *out, struct err *err); /* FRAME_FORM */

/* A request for the engine: a chat or a raw prompt, and its options. */
MUST_USE bool message_request_print(const struct engine_request *r, struct buf *out, struct err *err);
struct message_request { /* as parsed: everything borrows from the payload and from memory */
    struct engine_request request;
    json_t *chat; /* NULL: raw */
    json_t *form; /* NULL: none */
    struct engine_bias bias[ENGINE_BIAS_MAX];
    const char *stops[ENGINE_STOPS_MAX];
    char stop_text[ENGINE_STOPS_MAX][ENGINE_STOP_SIZE];
    uint8_t *payload; /* its own copy */
    size_t len;
};
MUST_USE bool message_request_parse(struct bytes b, struct message_request **out, struct err *err);
void message_request_free(struct message_request *r); /* wipes the prompt */

/* What an event says, but for its end. */
MUST_USE bool message_text_print(const struct engine_event *e, struct buf *out, struct err *err);
/* Borrows from b; *tokens is what out->tokens points to, to be freed. */
MUST_USE bool message_text_parse(struct bytes b, struct engine_event *out, struct engine_token **tokens,
                                 struct err *err);

/* The vector of an embedding; *out is to be freed. */
MUST_USE bool message_vector_print(const float *v, size_t n, struct buf *out, struct err *err);
MUST_USE bool message_vector_parse(struct bytes b, float **out, size_t *n, struct err *err);

struct message_end {
    enum engine_end end;
    struct engine_stats stats;
    uint64_t queue_ns;
};
MUST_USE bool message_end_print(const struct message_end *e, struct buf *out, struct err *err);
MUST_USE bool message_end_parse(struct bytes b, struct message_end *out, struct err *err);

#define MESSAGE_LOADED_DIGEST 96 /* hex digits in front of LOADED: SHA-384 of the manifest */
#define MESSAGE_TOKENS_MAX 65536 /* of one event: those that a stop text held back */

#endif
