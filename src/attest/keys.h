/* The keys that sign tokens: P-256, one for verdicts under Intel's root and one for a simulator's, so that no relying
 * party can take one kind for the other. PEM files of mode 0600 in the state folder, made at the first start. */
#ifndef SOTTO_ATTEST_KEYS_H
#define SOTTO_ATTEST_KEYS_H

#include "crypto/key.h"

struct keys {
    struct key *hardware, *simulated;
};

/* dir/token.pem and dir/token-simulated.pem; the folder is made if it is absent. FILE_*, PEM_FORM. */
MUST_USE bool keys_open(const char *dir, struct keys *out, struct err *err);
void keys_close(struct keys *k);

/* The JWK set with both, the bytes of /jwks.json. */
MUST_USE bool keys_print(const struct keys *k, struct buf *out, struct err *err);

#endif
