/* The simulated TD: its registers and its reports. A report carries a MAC that only this platform can make and check,
 * as the CPU's does: what was not made here cannot be quoted here. Pure; whoever holds a guest keeps it (state.h). */
#ifndef SOTTO_SIM_GUEST_H
#define SOTTO_SIM_GUEST_H

#include "sim/pki.h"
#include "tdx/td_report.h"

struct guest {
    uint8_t mrtd[48], rtmr[TD_REGISTERS][48];
    uint8_t boot_id[16];
};

/* As after a boot: MRTD and RTMR0..2 follow from the installation (RTMR0..2 by replay of bootlog.h), RTMR3 is zero. */
MUST_USE bool guest_boot(const struct pki *p, struct guest *out, struct err *err);

/* register = SHA-384(register || digest). SIM_FORM: no such register. */
MUST_USE bool guest_extend(struct guest *g, unsigned index, const uint8_t digest[48], struct err *err);

/* TDREPORT over 64 bytes. */
void guest_report(const struct guest *g, const struct pki *p, const struct setup *s, const uint8_t report_data[64],
                  uint8_t out[TDREPORT_SIZE]);

/* The body that a quote over the report has. SIM_MAC: not made by this platform, or changed. TD_REPORT_FORM. */
MUST_USE bool guest_check(const struct pki *p, struct bytes report, struct td_body *out, struct err *err);

#endif
