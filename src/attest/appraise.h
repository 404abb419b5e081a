/* POST /v1/attestation: evidence in, a token or a refusal out (docs/formats.md, section 9). The evidence must hold
 * under every policy that is named; without one the operator's default counts, and without that nothing is decided. */
#ifndef SOTTO_ATTEST_APPRAISE_H
#define SOTTO_ATTEST_APPRAISE_H

#include "attest/service.h"

/* True: out is complete, be it a token or a refusal by a verdict. */
MUST_USE bool appraise_answer(const struct service *s, const struct service_request *r, struct service_reply *out,
                              struct err *err);

/* The default policy, where there is one, can be used now: a typing error should not show as refusals later.
 * POLICY_ABSENT, FACT_UNKNOWN. */
MUST_USE bool appraise_check(const struct service *s, struct err *err);

#endif
