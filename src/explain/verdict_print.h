/* What a verdict says to programs and to people. Nothing here decides. */
#ifndef SOTTO_EXPLAIN_VERDICT_PRINT_H
#define SOTTO_EXPLAIN_VERDICT_PRINT_H

#include "explain/verdict.h"

/* What a program that judged ends with. */
int verdict_exit_code(enum verdict_result r);
/* docs/formats.md, section 8. */
MUST_USE bool verdict_print_json(const struct verdict *v, struct buf *out, struct err *err);
/* For people (verdict_text.c), within 80 columns: the result in words that nobody can mistake, then each fact (all, or
 * only those not affirmed, of which those that hang on another are counted) on a line with its reason, and under one
 * that is not affirmed what was found, expected and seen (long digits shortened: the JSON has them all), and what to
 * do; at the end what is behind an up-to-date TCB. colour: with a terminal's control sequences. */
MUST_USE bool verdict_print_text(const struct verdict *v, bool all, bool colour, struct buf *out, struct err *err);

#endif
