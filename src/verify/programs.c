/* What programs ask of a policy and of a verdict, and no judge does. */
#include "verify/policy_data.h"
#include "verify/verdict.h"

bool policy_is_builtin(const struct policy *p)
{
    return p->builtin;
}

uint64_t policy_max_age(const struct policy *p)
{
    return p->max_age;
}

void policy_sha384(const struct policy *p, uint8_t out[48])
{
    memcpy(out, p->sha384, sizeof p->sha384);
}

bool policy_names_simulator(const struct policy *p)
{
    return p->simulated.count > 0;
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
