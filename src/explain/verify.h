/* A verdict with all that it says: judged by verify/, and its claims. Pure: no file, clock or socket. Any thread.
 * Everything that can be checked is checked and reported, not only the first failure. */
#ifndef SOTTO_EXPLAIN_VERIFY_H
#define SOTTO_EXPLAIN_VERIFY_H

#include "explain/verdict.h"
#include "verify/verify.h"

/* A bare quote: raw bytes. False only for NO_MEMORY and INTERNAL: malformed input gives a verdict with the fact
 * `form` refuted. */
MUST_USE bool verify_quote(struct bytes quote, const struct verify_input *in, struct verdict *out, struct err *err);

/* What was to be a quote, and could not even be decoded: the fact `form` is refuted for this reason. */
MUST_USE bool verify_undecodable(const struct err *why, const struct verify_input *in, struct verdict *out,
                                 struct err *err);

/* An evidence document's exact bytes. Its own collateral is used for names that in->files lacks. */
MUST_USE bool verify_document(struct bytes text, const struct verify_input *in, struct verdict *out, struct err *err);

/* A bundle's exact bytes: its evidence and logs, with its collateral where in->files lacks the kind, and the fact
 * `archived_verdict` (not required) on whether the stored verdict was reproduced. its_time: judged at the bundle's time
 * and not at in->time, which the claim `time_source` then says. */
MUST_USE bool verify_bundle(struct bytes text, const struct verify_input *in, bool its_time, struct verdict *out,
                            struct err *err);

/* A quote, logs and report data of somebody who asks for a token (docs/formats.md, section 9): they are required, and
 * the boot chain and the TD's attributes with them. */
MUST_USE bool verify_bare_evidence(struct bytes quote, const struct verify_input *in, struct verdict *out,
                                   struct err *err);

#endif
