/* A verdict: a list of facts, each affirmed, refuted or unknown, and what follows from them (docs/formats.md, section
 * 8).
 *
 *     verified:  every required fact affirmed, anchor Intel        exit 0
 *     simulated: the same with a simulator's root that the policy names        10
 *     refused:   at least one required fact refuted                11
 *     undecided: none refuted, at least one required unknown       12 */
#ifndef SOTTO_VERIFY_VERDICT_H
#define SOTTO_VERIFY_VERDICT_H

#include "base/buf.h"
#include "codec/json.h"

enum verdict_result {
    VERDICT_VERIFIED,
    VERDICT_SIMULATED,
    VERDICT_REFUSED,
    VERDICT_UNDECIDED,
};

enum fact_state {
    FACT_AFFIRMED,
    FACT_REFUTED,
    FACT_IS_UNKNOWN,
};

struct fact {
    const char *name; /* static: "quote_signature", "report_data", "model", ... */
    enum fact_state state;
    bool required;
    enum reason reason;            /* OK where affirmed */
    char expected[200], seen[200]; /* "" where it has none */
    char text[280];                /* one sentence */
};

#define FACTS_MAX 40 /* of every judgement, and of a bundle one more */

struct verdict {
    enum verdict_result result;
    int64_t time; /* the one it was judged at */
    struct fact facts[FACTS_MAX];
    size_t count;
    json_t *claims; /* docs/formats.md, section 8; never NULL */
};

#endif
