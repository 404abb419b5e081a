/* The routes of the service: Ollama's API, OpenAI's, the page, evidence, health. Over the backend; the gateway hangs
 * them into its server. */
#ifndef SOTTO_SERVE_ROUTES_H
#define SOTTO_SERVE_ROUTES_H

#include "net/server.h"
#include "serve/backend.h"

struct routes;

MUST_USE bool routes_new(struct backend *b, struct routes **out, struct err *err);
void routes_free(struct routes *r); /* after every reply has ended */

/* For struct server_setup; arg is the struct routes. */
void routes_handle(void *arg, const struct request *r, struct reply *p);
size_t routes_body_limit(void *arg, const struct request *r);
void routes_refused(void *arg, const struct request *r, const struct err *err, struct reply *p);

/* What /metrics says of the server; set once it is there, NULL before. */
void routes_set_server(struct routes *r, const struct server *s);

/* A comment in OpenAI's streams after so long a silence: 15 s at first, so that proxies keep a slow answer. */
void routes_set_heartbeat(struct routes *r, unsigned ms);

#endif
