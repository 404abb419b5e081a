/* Certificate chains as they come in PEM: the first certificate is the one that is vouched for, the last the root.
 * Inside of verify/. */
#ifndef SOTTO_VERIFY_CHAIN_H
#define SOTTO_VERIFY_CHAIN_H

#include "codec/pem.h"
#include "codec/x509.h"
#include "crypto/hash.h"

#define CHAIN_MAX 3

struct chain {
    struct x509 certs[CHAIN_MAX]; /* borrow from the PEM's blocks */
    size_t count;
    bool checked[CHAIN_MAX]; /* the signature of each, by chain_issuer()'s key */
    uint8_t root_sha256[SHA256_SIZE];
};

enum chain_role {               /* of the first certificate */
                  CHAIN_PCK,    /* PCK certificate, platform or processor CA, root */
                  CHAIN_SIGNER, /* TCB signing certificate, root */
};

/* Exactly as many certificates as the role has; *pem is the caller's to free, also on failure. PEM_FORM, X509_*, DER_*,
 * CHAIN_BROKEN (another number). */
MUST_USE bool chain_parse(struct bytes text, enum chain_role role, struct pem *pem, struct chain *out, struct err *err);

static inline const struct x509 *chain_root(const struct chain *c)
{
    return &c->certs[c->count - 1];
}

/* The root signs itself. */
static inline const struct x509 *chain_issuer(const struct chain *c, size_t i)
{
    return &c->certs[i + 1 < c->count ? i + 1 : i];
}

#endif
