/* Certificate chains as they come in PEM: the first certificate is the one that is vouched for, the last the root.
 * Inside of verify/. */
#ifndef SOTTO_VERIFY_CHAIN_H
#define SOTTO_VERIFY_CHAIN_H

#include "codec/pem.h"
#include "codec/x509.h"

#define CHAIN_MAX 3

struct chain {
    struct bytes text; /* borrowed; none of a joined one */
    struct pem pem;
    struct x509 certs[CHAIN_MAX]; /* borrow from pem */
    size_t count;                 /* 0: none */
};

enum chain_role {               /* of the first certificate */
                  CHAIN_PCK,    /* PCK certificate, platform or processor CA, root */
                  CHAIN_SIGNER, /* TCB signing certificate, root */
};

/* Exactly as many certificates as the role has. PEM_FORM, X509_*, DER_*, CHAIN_BROKEN (another number). */
MUST_USE bool chain_parse(struct bytes pem, enum chain_role role, struct chain *out, struct err *err);
/* The same of a leaf and its issuers, each PEM of its own; a leaf's text with three certificates has them already. */
MUST_USE bool chain_join(struct bytes leaf, struct bytes issuers, struct chain *out, struct err *err);
void chain_done(struct chain *c);

/* Certificates whose signature needs no second look, by their exact bytes and their issuer's key: those that another
 * chain of the same judgement had, and a root that is pinned by its digest. */
struct chain_seen {
    struct {
        struct bytes whole; /* borrowed */
        const uint8_t *issuer_xy;
    } certs[2 * CHAIN_MAX];
    size_t count;
};

/* Signatures, names, key identifiers, constraints, usages, common names: CHAIN_BROKEN, CERT_ROLE. Validity in time,
 * revocation and trust in the root are judged elsewhere. What is checked is added to seen, and c must outlive it. */
MUST_USE bool chain_check(const struct chain *c, enum chain_role role, struct chain_seen *seen, struct err *err);

static inline const struct x509 *chain_root(const struct chain *c)
{
    return &c->certs[c->count - 1];
}

#endif
