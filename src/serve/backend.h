/* What the routes see of the service behind them: the engine, the keeper and the model store, as calls of the gateway's
 * loop that answer later. Routes never see a frame, a process or a file.
 *
 * Threads: one, the gateway's; every callback runs from the loop, never from within the call that asked for it.
 * A callback's bytes and structs are valid until it returns. */
#ifndef SOTTO_SERVE_BACKEND_H
#define SOTTO_SERVE_BACKEND_H

#include "engine/engine.h"
#include "evidence/report_data.h"

struct backend;

/* --- settings ------------------------------------------------------------------------------------------------- */

const char *backend_attestation(const struct backend *b); /* origin of the attestation service, "" for none */
/* An origin whose pages may call the API, besides the service's own and those of this machine; NULL: there is no i-th.
 */
const char *backend_origin(const struct backend *b, size_t i);

/* --- models ---------------------------------------------------------------------------------------------------- */

struct backend_model {  /* one of the store, as it was when the service started; strings are the backend's */
    const char *name;   /* "smollm2:135m" */
    uint64_t size;      /* bytes of all that its manifest names */
    int64_t modified;   /* unix */
    const char *digest; /* SHA-256 of the store's manifest, 64 hex digits: Ollama's digest, sotto list's ID */
    const char *architecture, *parameter_size, *quantization; /* "llama", "135M", "Q4_1" */
    const char *template_text;                                /* the file's chat template, "" for none */
    const char *info; /* JSON object of the file's metadata, long arrays as null: /api/show's model_info */
};

const struct backend_model *backend_models(const struct backend *b, size_t *count); /* sorted by name */
/* By name; ":latest" is understood where the name has no tag. NULL: there is none. */
const struct backend_model *backend_model_find(const struct backend *b, const char *name);

struct backend_loaded {
    const struct backend_model *model;
    char model_id[2 * SHA384_SIZE + 1];        /* hex */
    char manifest_sha384[2 * SHA384_SIZE + 1]; /* hex; header Sotto-Model-Id is MODEL_ID "." MANIFEST_SHA384 */
    unsigned context;                          /* tokens */
    uint64_t memory;                           /* bytes */
    bool chat;                                 /* its chat template is understood: else only raw prompts */
    bool tools, thinks;                        /* what that template provides for */
    int64_t since;                             /* unix */
};

/* NULL: none at the moment (the engine is being started anew). Valid until the loop turns. */
const struct backend_loaded *backend_loaded(const struct backend *b);
/* The header Sotto-Model-Id (p NULL: absent, which demands nothing) against the loaded model: MODEL_CHANGED,
 * REQUEST_FORM. */
MUST_USE bool backend_demand_check(const struct backend *b, struct bytes header, struct err *err);

/* --- answers --------------------------------------------------------------------------------------------------- */

struct backend_call;

struct backend_end {
    enum engine_end end; /* STOP, LENGTH or CANCELLED */
    struct engine_stats stats;
    uint64_t total_ns, queue_ns; /* since the call; until it began to compute */
};

struct backend_handler {
    /* Text, whole UTF-8 sequences, or log probabilities, or both. */
    void (*text)(void *arg, const struct engine_event *event);
    void (*vector)(void *arg, float *v, size_t n); /* of an embedding, before its end; NULL where none is asked for */
    /* Exactly one of these two, once, last; the call is gone then. Errors: those of engine_submit() and engine_next(),
     * QUEUE_FULL, ENGINE_GONE. */
    void (*end)(void *arg, const struct backend_end *end);
    void (*error)(void *arg, const struct err *err);
};

/* Copies the request, its stop texts included; handler is static. NOT_READY, QUEUE_FULL, OPTION_RANGE, NO_MEMORY. */
MUST_USE bool backend_generate(struct backend *b, const struct engine_request *r, const struct backend_handler *handler,
                               void *arg, struct backend_call **out, struct err *err);
/* Its client is gone: no callback follows, the engine stops computing within one token, the call is gone. */
void backend_cancel(struct backend_call *c);

/* --- evidence -------------------------------------------------------------------------------------------------- */

/* done: err NULL and the document's exact bytes; or the error (NO_QUOTE_DEVICE, DEVICE_*, PEER_GONE, NOT_READY).
 * Always called once; it cannot be cancelled (a reply is valid until it is ended). */
void backend_evidence(struct backend *b, const uint8_t nonce[NONCE_SIZE],
                      void (*done)(void *arg, struct bytes document, const struct err *err), void *arg);

/* --- state ----------------------------------------------------------------------------------------------------- */

bool backend_is_ready(const struct backend *b);
/* The body of /readyz: {"ready":bool,"checks":[{"name","state","reason"}...]}: the parts of the service and every fact
 * of the self-verification that is not affirmed. */
MUST_USE bool backend_ready_print(const struct backend *b, struct buf *out, struct err *err);

struct backend_counts { /* since the gateway's start */
    uint64_t answers, answers_failed, answers_cancelled;
    uint64_t prompt_tokens, answer_tokens, compute_ns;
    uint64_t evidence, evidence_failed, quotes;
    uint64_t engine_starts, keeper_starts;
    size_t waiting, computing; /* now */
};
void backend_counts(const struct backend *b, struct backend_counts *out);

#endif
