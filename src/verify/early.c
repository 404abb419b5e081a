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

struct second {
    struct judge j; /* a copy that shares quote and PCK chain with the first one */
    struct verdict v;
};

static struct second *second_new(const struct judge *first, struct err *err)
{
    struct second *s = calloc(1, sizeof *s);

    if (s == NULL || (s->v.claims = json_object()) == NULL) {
        err_set(err, REASON_NO_MEMORY, ERR_NOWHERE, "the early data");
        free(s);
        return NULL;
    }
    s->j = *first;
    s->j.v = &s->v;
    s->j.early = true;
    s->j.tcb_info = NULL;
    s->j.qe_identity = NULL;
    memset(&s->j.tcb_chain, 0, sizeof s->j.tcb_chain);
    memset(&s->j.qe_chain, 0, sizeof s->j.qe_chain);
    s->j.tcb_status = -1;
    s->j.time_errors = 0;
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        fact_unknown(&s->j, decided[i], REASON_FACT_UNKNOWN, "%s", "");
        fact_seen(&s->j, decided[i], "", "");
    }
    return s;
}

static void second_free(struct second *s)
{
    chain_done(&s->j.tcb_chain);
    chain_done(&s->j.qe_chain);
    tcb_info_free(s->j.tcb_info);
    qe_identity_free(s->j.qe_identity);
    verdict_done(&s->v);
    free(s);
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
    struct second *s;
    bool ok;

    if (!collateral_has_both(j)) {
        return true;
    }
    s = second_new(j, err);
    if (s == NULL) {
        return false;
    }
    ok = identity_judge(&s->j, err) && tcb_judge(&s->j, err);
    if (ok) {
        fact_fold(j, &s->j);
        ok = claim_new(j->v->claims, "tcb_early", json_incref(s->v.claims), err);
    }
    second_free(s);
    return ok;
}
