/* Intel publishes each update of its TCB data twice: early, and as the standard a few months later, when platforms had
 * time to be updated. Where both are given, the standard data decide, and the fact tcb_early and the claim of that name
 * say what the early ones make of the same quote: what will be so when they are the standard. */
#include "verify/judge.h"

#include <stdio.h>
#include <stdlib.h>

/* The facts that TCB info and QE identity decide. */
static const enum fact_id decided[] = {FACT_tcb_info_signature, FACT_tcb_info,   FACT_qe_identity_signature,
                                       FACT_qe_identity,        FACT_tdx_module, FACT_tcb_status,
                                       FACT_tcb_evaluation};

/* A copy that shares quote and PCK chain with the first one. */
static bool second_begin(struct judge *first, struct err *err)
{
    struct second *place = first->second != NULL ? first->second : malloc(sizeof *place);
    struct judge *s;

    if (place == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the early data");
    }
    s = &place->j;
    *s = *first;
    s->second = NULL;
    s->facts = memcpy(place->facts, first->facts, sizeof place->facts);
    s->early = true;
    s->tcb_piece = s->qe_piece = NULL;
    s->tcb_info = NULL;
    s->qe_identity = NULL;
    s->tcb_chain = s->qe_chain = NULL;
    s->has_levels = false;
    s->tcb_status = -1;
    s->time_errors = 0;
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        fact_unknown(s, decided[i], REASON_FACT_UNKNOWN, "%s", "");
        fact_seen(s, decided[i], "", "");
    }
    first->second = place;
    first->has_early = true;
    return true;
}

/* The first of its facts that is refuted, else the first that is unknown; NULL: all are affirmed. */
static const struct fact *failure_find(const struct judge *early)
{
    const struct fact *unknown = NULL;

    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        const struct fact *f = &early->facts[decided[i]];

        if (f->required && f->state == FACT_REFUTED) {
            return f;
        }
        if (f->required && f->state == FACT_IS_UNKNOWN && unknown == NULL) {
            unknown = f;
        }
    }
    return unknown;
}

static void fact_fold(struct judge *j, const struct judge *early)
{
    const struct fact *f = failure_find(early);
    struct fact *out = &j->facts[FACT_tcb_early];

    if (f == NULL && early->time_errors > 0 && !j->policy->ignore_time) {
        fact_fail(j, FACT_tcb_early, &early->time_error);
    } else if (f == NULL) {
        fact_affirm(j, FACT_tcb_early);
    } else if (f->state == FACT_REFUTED) {
        fact_refute(j, FACT_tcb_early, f->reason, "%s", "");
    } else {
        fact_unknown(j, FACT_tcb_early, f->reason, "%s", "");
    }
    if (f != NULL) {
        (void)snprintf(out->text, sizeof out->text, "in the early data, %s", f->text);
    }
    f = f != NULL ? f : &early->facts[FACT_tcb_status];
    fact_seen(j, FACT_tcb_early, f->expected, f->seen);
}

bool early_judge(struct judge *j, struct err *err)
{
    if (!collateral_has_both(j)) {
        return true;
    }
    if (!second_begin(j, err) || !identity_judge(&j->second->j, err) || !tcb_judge(&j->second->j, err)) {
        return false;
    }
    fact_fold(j, &j->second->j);
    return true;
}
