/* The answering side of collateral/pcs.h: what a PCCS says to a request, from files of a collateral directory. Pure;
 * the sockets are the caller's.
 *
 *     /sgx/certification/v3|v4/pckcrl?ca=processor|platform[&encoding=der|pem]
 *     /sgx/certification/v3|v4/rootcacrl
 *     /sgx/certification/v3|v4/crl?uri=                           the root's list, by Intel's address of it
 *     /sgx/certification/v3|v4/tcb?fmspc=[&update=standard|early | &tcbEvaluationDataNumber=]
 *     /sgx/certification/v3|v4/qe/identity, qve/identity           likewise
 *     /tdx/certification/v4/tcb, qe/identity                       likewise
 *
 * Lists are hexadecimal digits of the DER where encoding does not say otherwise, as PCCS gives them; version 3 prefers
 * TCB info of version 2. Issuer chains are percent-encoded in the header that the API's version has for them. */
#ifndef SOTTO_COLLATERAL_PCCS_H
#define SOTTO_COLLATERAL_PCCS_H

#include "evidence/document.h"

struct pccs {
    const struct document_file *files; /* borrowed; contents decide, of names only "_early" counts */
    size_t count;
    bool as_pcs; /* pckcrl is PEM by default, as Intel's own service gives it */
    bool one_ca; /* there is one PCK CA, whichever is asked for (the simulator) */
};

struct pccs_reply {
    int status;             /* 200, 400, 404, 500 */
    const char *type;       /* static */
    const char *header;     /* of the issuer chain; NULL: none */
    struct buf chain, body; /* chain zero-terminated; pccs_reply_done() */
    enum reason why;        /* not 200 */
};

/* Always a reply. path: below one of the two prefixes (pcs_is_path()). */
void pccs_answer(const struct pccs *p, const char *path, struct bytes query, struct pccs_reply *out);
void pccs_reply_done(struct pccs_reply *r);

#endif
