/* Which experts a token goes to. */
#ifndef SOTTO_ENGINE_ROUTER_H
#define SOTTO_ENGINE_ROUTER_H

#include "engine/kernels/kernels.h"
#include "engine/shape.h"

struct route {
    uint32_t expert;
    float weight;
};

/* s->experts logits become s->experts_used routes, best first: by value descending, then by lower index. bias: added to
 * the values that are compared, not to the weights; NULL: none. The logits are used up. False: one is not finite. */
bool router_choose(const struct shape *s, const struct kernels *k, float *logits, const float *bias, struct route *out);

#endif
