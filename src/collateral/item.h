/* One piece of collateral, known by its contents: what it is, of whom, and from when to when. Reading and filing only:
 * nothing here says that it is true (verify/ does), and item_check() only that it is signed under the chain it came
 * with, whoever's chain that is. */
#ifndef SOTTO_COLLATERAL_ITEM_H
#define SOTTO_COLLATERAL_ITEM_H

#include "base/buf.h"

enum item_kind {
    ITEM_TCB_INFO, /* {"tcbInfo":{...},"signature":...} */
    ITEM_IDENTITY, /* {"enclaveIdentity":{...},"signature":...} */
    ITEM_CRL,      /* DER, PEM, or DER in hexadecimal digits */
    ITEM_CHAIN,    /* PEM certificates: the issuer first, its root last; one in DER */
};

enum item_ca { /* of a list: its issuer; of a chain: its first subject */
               ITEM_CA_ROOT,
               ITEM_CA_PLATFORM,
               ITEM_CA_PROCESSOR,
               ITEM_CA_SIGNER, /* "TCB Signing" */
               ITEM_CA_PCK,    /* of a chain: no CA, but the platform's own certificate, which may stand alone */
};

enum item_id {
    ITEM_ID_QE,
    ITEM_ID_TD_QE,
    ITEM_ID_QVE,
    ITEM_ID_QAE,
};

struct item {
    enum item_kind kind;
    enum item_ca ca;             /* CRL, CHAIN */
    enum item_id id;             /* IDENTITY */
    bool tdx;                    /* TCB_INFO, IDENTITY: for TDX; else for SGX */
    uint64_t version;            /* TCB_INFO: 3; 2 is what API version 3 gives, which verify/ does not read */
    uint8_t fmspc[6];            /* TCB_INFO */
    uint64_t evaluation;         /* TCB_INFO, IDENTITY */
    int64_t issued, next_update; /* of a chain: the window in which all its certificates are valid */
};

/* content in any of its forms; its form of a collateral directory (lists as DER, chains as clean PEM, JSON as it came)
 * is appended to plain. COLLATERAL_FORM, JSON_*, PEM_FORM, CRL_FORM, X509_FORM, DER_*. */
MUST_USE bool item_read(struct bytes content, struct item *out, struct buf *plain, struct err *err);

/* The item's plain content is signed by the first certificate of the chain (plain PEM), which its last one signed; a
 * root's list by the last one. COLLATERAL_SIGNATURE; what item_read() gives. */
MUST_USE bool item_check(const struct item *item, struct bytes plain, struct bytes chain, struct err *err);

/* The last certificate of a chain, DER, appended. */
MUST_USE bool item_root(struct bytes chain, struct buf *out, struct err *err);

/* Its file's name in a collateral directory (docs/formats.md, section 7). A chain is for documents of several kinds, so
 * it has several names: nth counts from 0; NULL behind the last. */
#define ITEM_NAME_SIZE 80
const char *item_name(const struct item *item, bool early, unsigned nth, char out[ITEM_NAME_SIZE]);

const char *item_kind_name(const struct item *item); /* "TDX TCB info", "PCK platform CRL": static */

#endif
