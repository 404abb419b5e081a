/* What the parts of a verdict are called, and how to find one. */
#ifndef SOTTO_EXPLAIN_VERDICT_H
#define SOTTO_EXPLAIN_VERDICT_H

#include "verify/verdict.h"

const char *verdict_result_name(enum verdict_result r); /* "verified" */
const char *fact_state_name(enum fact_state s);
const struct fact *verdict_find(const struct verdict *v, const char *name); /* NULL: there is none */
/* The first required fact that is not affirmed, refuted ones first; NULL if all are. */
const struct fact *verdict_first_failure(const struct verdict *v);

void verdict_done(struct verdict *v);

#endif
