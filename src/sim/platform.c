#include "sim/platform.h"

bool platform_new(const uint8_t seed[PKI_SEED_SIZE], const struct setup *s, struct platform *out, struct err *err)
{
    struct platform p = {.setup = *s};

    if (!pki_new(seed, s, &p.pki, err)) {
        return false;
    }
    if (!guest_boot(&p.pki, &p.guest, err)) {
        pki_done(&p.pki);
        return false;
    }
    *out = p;
    return true;
}

void platform_done(struct platform *p)
{
    pki_done(&p->pki);
}

bool platform_quote(const struct platform *p, unsigned version, const uint8_t report_data[64], struct buf *out,
                    struct err *err)
{
    uint8_t report[TDREPORT_SIZE];
    struct td_body body;

    guest_report(&p->guest, &p->pki, &p->setup, report_data, report);
    return guest_check(&p->pki, bytes_of(report, sizeof report), &body, err) &&
           quoting_quote(&p->pki, &p->setup, &body, version, out, err);
}
