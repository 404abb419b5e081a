/* Which of the files that were given is the one that is needed (docs/formats.md, section 7). Names say where to look,
 * contents decide. Inside of verify/. */
#ifndef SOTTO_VERIFY_COLLATERAL_H
#define SOTTO_VERIFY_COLLATERAL_H

#include "evidence/document.h"
#include "verify/cache.h"

struct judge;

enum collateral_kind {
    COLLATERAL_TCB_INFO,
    COLLATERAL_TCB_CHAIN,
    COLLATERAL_QE_IDENTITY,
    COLLATERAL_QE_CHAIN,
    COLLATERAL_PCK_CRL,
    COLLATERAL_ROOT_CRL,
    COLLATERAL_PCK_CERT,  /* for quotes that do not carry it */
    COLLATERAL_PCK_CHAIN, /* its issuers */
    COLLATERAL_EARLY_TCB_INFO,
    COLLATERAL_EARLY_QE_IDENTITY, /* or the standard one, where there is none */
};

/* The first file of a fixed name; NULL: none. */
const struct document_file *collateral_find(const struct judge *j, enum collateral_kind kind);

/* The list of this issuer; where none is, the first one there is, so that the judge can say of whom it is. CRL_ABSENT,
 * CRL_FORM, PEM_FORM, DER_*. */
MUST_USE bool collateral_crl_find(const struct judge *j, enum collateral_kind kind, struct bytes issuer,
                                  const char **name, struct piece **out, struct err *err);

/* Whether there are early data beside the standard ones: TCB infos by the names of both. */
bool collateral_has_both(const struct judge *j);

/* The TCB info of this TEE and FMSPC, the identity of this enclave (j->early: the early ones); else the first one of
 * the name, which the judge then refutes. *out NULL: no file. False: the only ones there are cannot be read. */
MUST_USE bool collateral_document_find(const struct judge *j, enum piece_kind kind, const char **name,
                                       struct piece **out, struct err *err);

#endif
