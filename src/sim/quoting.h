/* The simulated quoting enclave: a TD body in, a quote of version 3, 4 or 5 out, byte for byte in Intel's format
 * (tdx/quote.h), with an attestation key that the platform's PCK certifies. What body it carries, and
 * what certifies the key, the setup says. */
#ifndef SOTTO_SIM_QUOTING_H
#define SOTTO_SIM_QUOTING_H

#include "sim/pki.h"
#include "tdx/quote.h"

/* version: 3 (an enclave of the setup, with the report data of body), 4 or 5. Appended to out. */
MUST_USE bool quoting_quote(const struct pki *p, const struct setup *s, const struct td_body *body, unsigned version,
                            struct buf *out, struct err *err);

#endif
