/* The simulated platform's collateral: TCB info v3 and TD QE identity v2 in the form of Intel's provisioning service
 * (PCS v4), CRLs and issuer chains, newly signed. */
#ifndef SOTTO_SIM_COLLATERAL_H
#define SOTTO_SIM_COLLATERAL_H

#include "evidence/document.h"
#include "sim/pki.h"

enum collateral_file { /* in a collateral directory: docs/formats.md, section 7 */
                       COLLATERAL_TCB_INFO,
                       COLLATERAL_TCB_CHAIN,
                       COLLATERAL_QE_IDENTITY,
                       COLLATERAL_QE_CHAIN,
                       COLLATERAL_CA_CRL,
                       COLLATERAL_CA_CRL_CHAIN,
                       COLLATERAL_ROOT_CRL,
                       COLLATERAL_FILES,
};

struct collateral {
    struct buf files[COLLATERAL_FILES];
    struct document_file list[COLLATERAL_FILES]; /* their names and bytes, borrowed from files */
};

MUST_USE bool collateral_new(const struct pki *p, const struct setup *s, struct collateral *out, struct err *err);
void collateral_done(struct collateral *c);

const char *collateral_name(enum collateral_file f); /* "tcb_info.json" */

/* {"NAME":body,"signature":hex}: a document of one's own, signed as the real ones are. */
MUST_USE bool collateral_sign(const struct pki *p, const char *name, struct bytes body, struct buf *out,
                              struct err *err);

#endif
