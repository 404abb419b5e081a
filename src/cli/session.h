/* One asker's connection to a service: verified before anything is sent, and verified anew whenever it had to be opened
 * again or the verdict has aged. Questions go out on the connection that the verdict covers, and demand the model that
 * it covers. */
#ifndef SOTTO_CLI_SESSION_H
#define SOTTO_CLI_SESSION_H

#include "cli/trust.h"

struct session_setup {
    const char *url, *policy, *collateral; /* policy, collateral: NULL for none */
    const char *model;                     /* as the user names it; ":latest" is understood */
};

struct session {
    struct session_setup setup;
    struct client_url url;
    struct client *client; /* NULL: not connected */
    struct trust trust;
    struct verdict verdict; /* of this connection; count 0 before the first */
    char model[256];        /* the name under which the verified log has it */
    char demand[200];       /* the header Sotto-Model-Id: model id, dot, manifest's SHA-384 */
    int64_t until;          /* unix: the verdict counts no longer */
};

/* ADDRESS_FORM, and trust_open()'s. */
MUST_USE bool session_init(const struct session_setup *setup, struct session *out, struct err *err);
void session_done(struct session *s);

/* Connects and judges, unless that is done and still counts. True: there is a verdict in s->verdict, whatever it says;
 * *fresh: it is a new one. */
MUST_USE bool session_verify(struct session *s, bool *fresh, struct err *err);
/* Whether questions may be sent: verified, or simulated under a policy that names the simulator's root. */
bool session_may_ask(const struct session *s);

/* Whether the verified log has the model that is asked for; MODEL_ABSENT names those that it has. */
MUST_USE bool session_check_model(const struct session *s, struct err *err);

/* POSTs body to /api/chat; session_verify() has said yes. line(): each line of the answer. MODEL_CHANGED and other
 * refusals of the service: HTTP_STATUS with its text; MODEL_ABSENT: the verified log has no model of that name. */
MUST_USE bool session_ask(struct session *s, struct bytes body,
                          bool (*line)(void *arg, struct bytes line, struct err *err), void *arg, struct err *err);

#endif
