/* A whole simulated platform: setup, PKI, guest. What sotto-sim serves from a folder, and tests build in memory:
 *
 *     setup_default(now, &s);
 *     s.tcb_status = "OutOfDate";
 *     ok = platform_new(seed, &s, &p, &err) && collateral_new(&p.pki, &s, &c, &err) &&
 *          platform_quote(&p, 4, report_data, &quote, &err);
 *
 * then c.list is what verify/ takes as collateral, and pki_root_sha256() what its policy must name. */
#ifndef SOTTO_SIM_PLATFORM_H
#define SOTTO_SIM_PLATFORM_H

#include "sim/collateral.h"
#include "sim/guest.h"
#include "sim/quoting.h"

struct platform {
    struct setup setup;
    struct pki pki;
    struct guest guest;
};

MUST_USE bool platform_new(const uint8_t seed[PKI_SEED_SIZE], const struct setup *s, struct platform *out,
                           struct err *err);
void platform_done(struct platform *p);

/* Report and quote in one step. */
MUST_USE bool platform_quote(const struct platform *p, unsigned version, const uint8_t report_data[64], struct buf *out,
                             struct err *err);

#endif
