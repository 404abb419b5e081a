#include "explain/verdict.h"

static const char *const result_names[] = {
    [VERDICT_VERIFIED] = "verified",
    [VERDICT_SIMULATED] = "simulated",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_UNDECIDED] = "undecided",
};

static const char *const state_names[] = {
    [FACT_AFFIRMED] = "affirmed",
    [FACT_REFUTED] = "refuted",
    [FACT_IS_UNKNOWN] = "unknown",
};

const char *verdict_result_name(enum verdict_result r)
{
    return result_names[r];
}

const char *fact_state_name(enum fact_state s)
{
    return state_names[s];
}

const struct fact *verdict_find(const struct verdict *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->facts[i].name, name) == 0) {
            return &v->facts[i];
        }
    }
    return NULL;
}

const struct fact *verdict_first_failure(const struct verdict *v)
{
    const struct fact *unknown = NULL;

    for (size_t i = 0; i < v->count; i++) {
        const struct fact *f = &v->facts[i];

        if (f->required && f->state == FACT_REFUTED) {
            return f;
        }
        if (f->required && f->state == FACT_IS_UNKNOWN && unknown == NULL) {
            unknown = f;
        }
    }
    return unknown;
}

void verdict_done(struct verdict *v)
{
    json_decref(v->claims);
    memset(v, 0, sizeof *v);
}
