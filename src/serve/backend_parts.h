/* The gateway's own side of the backend: of backend.c, evidence.c and gateway.c alone. */
#ifndef SOTTO_SERVE_BACKEND_PARTS_H
#define SOTTO_SERVE_BACKEND_PARTS_H

#include "base/limits.h"
#include "codec/json.h"
#include "evidence/document.h"
#include "explain/verdict.h"
#include "serve/backend.h"
#include "serve/link.h"
#include "store/name.h"

#define BACKEND_CALLS_MAX 520 /* the engine's queue and what it computes */

struct waiter { /* one client that waits for evidence */
    struct waiter *next;
    uint8_t nonce[NONCE_SIZE];
    void (*done)(void *arg, struct bytes document, const struct err *err);
    void *arg;
};

struct backend {
    struct loop *loop;
    bool has_tee;
    char attestation[256];
    json_t *origins; /* array of strings */

    json_t *entries; /* what the models' strings borrow from */
    struct backend_model *models;
    size_t model_count;
    struct backend_loaded loaded;
    bool has_loaded;

    struct link *engine, *keeper;
    struct backend_call *calls;
    uint64_t next_id;

    struct buf keyset;    /* the one that is announced */
    bool keyset_bound;    /* the keeper has it */
    bool keyset_replaces; /* keys of this start before it: to be said until the keeper has it */
    struct waiter *waiting, *in_flight;
    struct loop_timer quote; /* asks for one quote for all that wait */
    struct document_file files[LIMIT_COLLATERAL_FILES];
    size_t file_count;

    struct verdict self; /* the last self-verification */
    bool has_self, ready;
    struct backend_counts counts;
};

/* ---- backend.c ---- */
MUST_USE bool backend_init(struct backend *b, struct loop *loop, struct err *err);
MUST_USE bool backend_setup(struct backend *b, struct bytes payload, struct err *err);      /* MESSAGE_SETUP */
MUST_USE bool backend_model_add(struct backend *b, struct bytes payload, struct err *err);  /* MESSAGE_MODEL */
MUST_USE bool backend_models_sort(struct backend *b, struct err *err);                      /* all have come */
MUST_USE bool backend_loaded_set(struct backend *b, struct bytes payload, struct err *err); /* MESSAGE_LOADED */
MUST_USE bool backend_engine_set(struct backend *b, int fd, struct err *err);

/* ---- evidence.c ---- */
MUST_USE bool evidence_collateral_add(struct backend *b, struct bytes payload, struct err *err);
/* The keeper's channel; announces the key set there is, if there is one. */
MUST_USE bool evidence_keeper_set(struct backend *b, int fd, struct err *err);
/* The keeper is told: gateway_keyset_bound() once it has it. replaces: there was one of this start before it. */
void evidence_keyset_announce(struct backend *b, bool replaces);
void evidence_quote_set(struct backend *b); /* asks soon, if somebody waits */

/* gateway.c: what evidence.c tells it. */
void gateway_keyset_bound(struct backend *b);
void gateway_keyset_refused(struct backend *b, const struct err *why);

#endif
