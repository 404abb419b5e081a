/* The simulated platform's collateral over HTTP, in the form of Intel's provisioning certification service, version 4,
 * and of its caching service (PCCS):
 *
 *     /sgx/certification/v4/pckcrl?ca=platform&encoding=der   DER, else PEM; SGX-PCK-CRL-Issuer-Chain
 *     /sgx/certification/v4/pckcrl?ca=processor               the same
 *     /sgx/certification/v4/rootcacrl                         the DER in hexadecimal digits
 *     /tdx/certification/v4/tcb?fmspc=53494D554C31            TCB-Info-Issuer-Chain
 *     /tdx/certification/v4/qe/identity                       SGX-Enclave-Identity-Issuer-Chain
 *
 * Issuer chains are PEM, percent-encoded. Collateral is signed anew when it is older than a day. */
#ifndef SOTTO_SIM_PCS_H
#define SOTTO_SIM_PCS_H

#include "net/server.h"
#include "sim/platform.h"

struct pcs {
    const struct platform *platform;
    struct collateral collateral;
    int64_t issued; /* 0: nothing yet */
};

void pcs_handle(void *arg, const struct request *r, struct reply *p); /* arg: struct pcs */
void pcs_done(struct pcs *p);

#endif
