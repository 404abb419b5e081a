/* What the parent opens and reads for the others, before it starts them: policy, collateral, models, sockets. It passes
 * them on and looks into none. */
#ifndef SOTTO_SERVE_SUPPLIES_H
#define SOTTO_SERVE_SUPPLIES_H

#include "collateral/directory.h"
#include "net/listen.h"
#include "serve/config.h"
#include "store/store.h"

struct supplies_listener {
    int fd;
    bool tls;
    struct address address;
};

struct supplies {
    const struct config *config;
    char state[CONFIG_VALUE];
    struct buf policy;
    bool has_policy;
    struct directory collateral;
    struct store store;
    struct store_model *models;
    size_t model_count;
    struct store_model model; /* the one to serve */
    struct supplies_listener listeners[2];
    size_t listener_count;
};

/* POLICY_ABSENT where there is a TEE and no policy, CONFIG_FORM without a model, MODEL_*, STORE_*, FILE_*, ADDRESS_*.
 */
MUST_USE bool supplies_open(const struct config *c, struct supplies *out, struct err *err);
void supplies_close(struct supplies *s);

/* The folder of the event log: the configuration's, or the default. */
MUST_USE bool supplies_state(const struct config *c, char *out, size_t size, struct err *err);
MUST_USE bool supplies_model(const struct config *c, struct store *store, struct store_model *out, struct err *err);

#endif
