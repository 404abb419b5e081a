/* What programs ask of a policy, and no judge does. */
#include "verify/policy_data.h"

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
