/* Inside of explain/ and library/: the claims of a verdict that was made. */
#ifndef SOTTO_EXPLAIN_CLAIMS_H
#define SOTTO_EXPLAIN_CLAIMS_H

#include "explain/verdict.h"
#include "verify/judge.h"

/* The verdict's claims, where it has none yet. False: NO_MEMORY. */
MUST_USE bool claims_make(struct session *s, struct err *err);

/* YYYY-MM-DD */
MUST_USE bool claim_date(json_t *object, const char *name, int64_t time, struct err *err);

/* A bundle, and the fact `archived_verdict` on the verdict that it stores; its_time: judged at the bundle's own time,
 * as the claim `time_source` then says (archived.c). */
MUST_USE bool session_bundle(struct session *s, struct bytes text, const struct verify_input *in, bool its_time,
                             struct err *err);

/* tcb_distance, where the levels were judged (distance.c). */
MUST_USE bool distance_claim(const struct judge *j, json_t *claims, struct err *err);

#endif
