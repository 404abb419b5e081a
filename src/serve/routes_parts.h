/* What the files share that answer routes, or read what a request asks. */
#ifndef SOTTO_SERVE_ROUTES_PARTS_H
#define SOTTO_SERVE_ROUTES_PARTS_H

#include "codec/json.h"
#include "page/page.h"
#include "serve/refusal.h"
#include "serve/routes.h"

struct routes {
    struct backend *backend;
    const struct server *server;
    unsigned heartbeat_ms;
    struct page_headers page;
    char host_name[256]; /* of this machine */
};

typedef void route_handler(struct routes *rs, const struct request *r, struct reply *p);

/* An error in the form of the API that the path belongs to. */
void routes_send_error(const struct request *r, const struct err *err, struct reply *p);

/* A JSON value as the whole answer; takes it over (NULL: no memory). */
void routes_send_json(struct reply *p, int status, json_t *value);

/* The request's body as a JSON object, the caller's to free: "missing request body", JSON_FORM, JSON_TYPE. */
MUST_USE bool routes_body_get(const struct request *r, json_t **out, struct refusal *why);

/* Members: NULL and absent are the same, as in Ollama. A wrong type is refused. */
const json_t *routes_member(const json_t *object, const char *name);
MUST_USE bool routes_str_get(const json_t *object, const char *name, const char **out, struct refusal *why); /* or "" */
MUST_USE bool routes_bool_get(const json_t *object, const char *name, bool fallback, bool *out, struct refusal *why);
MUST_USE bool routes_model_check(const char *name, struct refusal *why); /* "model is required" */
bool routes_not_supported(struct refusal *why, const char *what);        /* always false */

/* The loaded model under the name that the client gave, and under its demand (header Sotto-Model-Id). missing: the
 * text for a model that is not there, with one %s. */
MUST_USE bool routes_loaded_get(struct routes *rs, const struct request *r, const char *name, bool scheduler,
                                const struct backend_loaded **out, struct refusal *why);

/* RFC 3339 with an offset in numbers, which every client reads. */
#define ROUTES_TIME_SIZE 32
void routes_time_print(int64_t time, char out[ROUTES_TIME_SIZE]);

/* origin.c: CORS and the Host header. False: the reply has been answered. */
MUST_USE bool origin_check(struct routes *rs, const struct request *r, struct reply *p);

route_handler ollama_generate, ollama_chat;
route_handler models_version, models_tags, models_show, models_ps, models_openai, models_openai_one;
route_handler openai_chat, openai_completion;
route_handler ollama_embed, ollama_embeddings, openai_embeddings;
route_handler trust_evidence, trust_quote, trust_health, trust_ready;
route_handler metrics_send;

#endif
