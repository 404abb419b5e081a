/* Refusals as application/problem+json (RFC 9457): the reason's name, and no more of the request than its form. */
#ifndef SOTTO_ATTEST_PROBLEM_H
#define SOTTO_ATTEST_PROBLEM_H

#include "attest/service.h"
#include "explain/verdict.h"

/* {"type":"urn:sotto:reason:NAME","title","status","detail","reason":NAME} */
void problem_of_error(const struct err *err, struct service_reply *out);

/* The same with "result" and "reasons": every required fact that is not affirmed, [{"fact","state","reason","text"}].
 * 403 refused, 503 undecided. */
void problem_of_verdict(const struct verdict *v, struct service_reply *out);

/* A verdict of one refuted fact, which the evidence alone did not refute. */
void problem_of_fact(const char *name, enum reason reason, const char *text, struct service_reply *out);

#endif
