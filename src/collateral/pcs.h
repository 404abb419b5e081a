/* The protocol of Intel's provisioning certification service (PCS) and of its cache (PCCS), versions 3 and 4: which
 * address gives which document, and which header its issuer chain is in. One table for who asks and who answers. Pure.
 */
#ifndef SOTTO_COLLATERAL_PCS_H
#define SOTTO_COLLATERAL_PCS_H

#include "collateral/item.h"

enum pcs_document {
    PCS_PCK_CRL,
    PCS_ROOT_CRL,
    PCS_TCB_INFO,
    PCS_QE_IDENTITY,
    PCS_QVE_IDENTITY,
    PCS_CRL_URI, /* PCCS 3.1: a list by the address in a certificate */
};
#define PCS_FETCHED 4 /* the documents that a verification needs: the first four */

/* Which platform's collateral is wanted. */
struct pcs_wanted {
    bool tdx, processor, early; /* processor: the PCK certificate's CA is the Processor CA, else the Platform CA */
    uint8_t fmspc[6];
};

/* From the quote's PCK certificate; pck: the one (PEM, alone or with its issuers) of a quote that has none; p NULL:
 * there is none. What quote_parse() gives; QUOTE_CERTIFICATION: no certificate. */
MUST_USE bool pcs_wanted_of_quote(struct bytes quote, struct bytes pck, struct pcs_wanted *out, struct err *err);

/* A service: "https://HOST[:PORT]" (version 4), or with anything that ends in /sgx/certification/v3 or v4 (a slash may
 * follow), as QCNL's configuration has it. http:// is as good: what comes is signed, and only a server's certificate
 * would be checked beside that; a third party that sees or delays the traffic is the price. */
struct pcs_source {
    char base[1024]; /* without a slash at its end */
    unsigned version;
    bool intel; /* Intel's own: it has no route for the root's list */
};
/* COLLATERAL_URL. */
MUST_USE bool pcs_source_parse(const char *text, struct pcs_source *out, struct err *err);

/* The address of a document, appended with a zero byte. TDX documents exist in version 4 only, and are asked for there.
 * attempt 0, 1..: where a document has several addresses; *more: there is another. */
MUST_USE bool pcs_url(const struct pcs_source *s, enum pcs_document d, const struct pcs_wanted *w, unsigned attempt,
                      struct buf *out, bool *more, struct err *err);

/* NULL: the document has none. */
const char *pcs_chain_header(enum pcs_document d, bool tdx, unsigned version);

/* A request's path. false: it is none of ours. */
bool pcs_route_find(const char *path, enum pcs_document *d, bool *tdx, unsigned *version);
bool pcs_is_path(const char *path); /* below /sgx/certification/ or /tdx/certification/ */

/* Whether item is what was asked for. COLLATERAL_OTHER says what it is instead. */
MUST_USE bool pcs_answers(const struct item *item, enum pcs_document d, const struct pcs_wanted *w, struct err *err);

#endif
