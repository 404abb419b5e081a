/* The configuration of Intel's quote provider library, /etc/sgx_default_qcnl.conf: JSON (with comments of C and C++)
 * or, in its older form, KEY=VALUE lines with '#' comments. What it says, and all that is wrong with it. Pure. */
#ifndef SOTTO_COLLATERAL_QCNL_H
#define SOTTO_COLLATERAL_QCNL_H

#include "base/buf.h"

#define QCNL_PATH "/etc/sgx_default_qcnl.conf"
#define QCNL_LIMIT KIB(64)
#define QCNL_FINDINGS_MAX 16

struct qcnl_finding {
    enum reason reason;
    bool warning; /* it works, but not as well as it should */
    char text[200];
};

struct qcnl {
    bool json;
    char pccs_url[1024], collateral_service[1024]; /* "" : not given */
    bool use_secure_cert;                          /* default true */
    bool early;                                    /* tcb_update_type */
    struct qcnl_finding findings[QCNL_FINDINGS_MAX];
    size_t finding_count;
};

/* QCNL_FORM with the offset: what cannot be read at all. All else is a finding. */
MUST_USE bool qcnl_parse(struct bytes text, struct qcnl *out, struct err *err);

/* Where verification collateral comes from: collateral_service, else pccs_url; "" : nowhere. Borrowed. */
const char *qcnl_service(const struct qcnl *q);

/* The first finding that is not a warning, else the first one; NULL: there is none. */
const struct qcnl_finding *qcnl_worst(const struct qcnl *q);

#endif
