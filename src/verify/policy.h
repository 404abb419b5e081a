/* The policy (docs/formats.md, section 7): what the asker demands. Unknown members are an error; an absent or empty
 * member demands nothing, except where that section says otherwise. Read-only once parsed: any number of threads may
 * judge by one. */
#ifndef SOTTO_VERIFY_POLICY_H
#define SOTTO_VERIFY_POLICY_H

#include "base/buf.h"

struct policy;

/* POLICY_FORM, JSON_*, TIME_FORM; the detail names the member. */
MUST_USE bool policy_parse(struct bytes text, struct policy **out, struct err *err);
/* For bare quotes only: Intel's anchor, debug refused, UpToDate or SWHardeningNeeded, no measurement demanded. */
MUST_USE bool policy_builtin(struct policy **out, struct err *err);
void policy_free(struct policy *p);

bool policy_names_simulator(const struct policy *p); /* the root of one */
uint64_t policy_max_age(const struct policy *p);     /* seconds; 0: none given */
/* SHA-384 of the exact bytes it was parsed from; zeros of the built-in one. */
void policy_sha384(const struct policy *p, uint8_t out[48]);

#endif
