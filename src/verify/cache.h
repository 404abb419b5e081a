/* What was read of certificates, lists and documents, found again by their exact bytes, and which of their signatures
 * were checked, each by the key that it was checked with. Both are the same whenever they are done again, so that a
 * verdict with a cache is the verdict without: time, revocation, policy and TCB are judged anew each time. Every
 * judgement has one, its own if none was given. One thread at a time. Inside of verify/. */
#ifndef SOTTO_VERIFY_CACHE_H
#define SOTTO_VERIFY_CACHE_H

#include "base/limits.h"
#include "codec/pem.h"
#include "codec/x509.h"
#include "verify/chain.h"
#include "verify/tcb.h"

#include <stdatomic.h>

/* Between judgements; within one there are as many as it has files. */
#define CACHE_PIECES 32
#define CACHE_BYTES MIB(1)

enum piece_kind {
    PIECE_TCB_INFO,     /* struct tcb_info */
    PIECE_QE_IDENTITY,  /* struct qe_identity */
    PIECE_CRL,          /* struct x509_crl */
    PIECE_PCK_CHAIN,    /* struct chain */
    PIECE_SIGNER_CHAIN, /* struct chain */
};

struct piece {
    struct piece *next;
    atomic_uint refs; /* a verdict's claims may be asked for in another thread */
    enum piece_kind kind;
    struct bytes text; /* a copy: parsed borrows from it, or from pem */
    size_t size;       /* of everything */
    struct pem pem;
    bool is_signed;        /* a list or document; of a chain see struct chain */
    uint8_t signer_xy[64]; /* by this key */
    max_align_t parsed[];
};

struct cache {           /* zeros: empty */
    struct piece *first; /* the one that was used last */
};

/* The piece of these bytes, read now if they are new. It stays until cache_trim(). The kind's reader's errors,
 * NO_MEMORY. */
MUST_USE bool cache_get(struct cache *c, enum piece_kind kind, struct bytes text, struct piece **out, struct err *err);
/* Whether a chain has this certificate with its signature checked by this issuer's key. */
bool cache_has_cert(const struct cache *c, const struct x509 *x, const struct x509 *issuer);
void cache_trim(struct cache *c); /* at a judgement's end: what was used longest ago goes */
void cache_done(struct cache *c);

struct piece *piece_ref(struct piece *p);
void piece_unref(struct piece *p); /* NULL is allowed */

#endif
