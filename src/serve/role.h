/* The processes of the service. Each is `sotto serve --role=NAME` from the sealed program, with one descriptor: the
 * control channel to the parent (SPAWN_CONTROL_FD). Everything else comes over it. A role ends when the parent does. */
#ifndef SOTTO_SERVE_ROLE_H
#define SOTTO_SERVE_ROLE_H

#include "serve/config.h"
#include "serve/link.h"

int keeper_main(void);
int engine_main(void);
int gateway_main(void);

/* What the three have in common: log, sandbox_prepare(), the loop, the control link. Ends the process on failure. */
struct role_base {
    struct loop *loop;
    struct link *control;
};
void role_begin(struct role_base *b, enum role role, const struct link_handler *handler, void *arg);
void role_orphaned(void *arg, struct link *l, const struct err *why); /* of the control link: the parent ended */
_Noreturn void role_fail(struct role_base *b, const struct err *err); /* tells the parent why, and ends */

struct parent_setup {
    const struct config *config;
    char *const *argv; /* to become the sealed program with */
};
/* Serves until SIGTERM or SIGINT: true. */
MUST_USE bool parent_run(const struct parent_setup *setup, struct err *err);

#endif
