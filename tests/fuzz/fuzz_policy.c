/* Contract: whatever a policy says, it is no built-in one, never accepts what can never be accepted, and what it lists
 * has the size that it must have. */
#include "verify/policy_data.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list_must(const struct policy_list *l, size_t size)
{
    if (l->count > 0 && (l->size != size || l->count > POLICY_LIST_MAX || !policy_list_has(l, l->values))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct policy *p;

    if (!policy_parse(bytes_of(data, size), &p, &err)) {
        if (err.reason == REASON_OK) {
            abort();
        }
        return 0;
    }
    if (p->builtin || p->accept[TCB_REVOKED] || p->grace[TCB_REVOKED] || p->places == 0 || p->backing == 0 ||
        (p->attributes.value & ~p->attributes.mask) != 0 || (p->xfam.value & ~p->xfam.mask) != 0) {
        abort();
    }
    list_must(&p->simulated, 32);
    list_must(&p->mrtd, 48);
    list_must(&p->program, 48);
    list_must(&p->model, 48);
    list_must(&p->ppid, 16);
    policy_free(p);
    return 0;
}
