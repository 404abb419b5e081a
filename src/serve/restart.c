#include "serve/restart.h"

#define AT_ONCE 2         /* deaths after which the next start does not wait */
#define DELAY_MS 50ULL    /* doubled with each death */
#define DELAY_DOUBLINGS 6 /* at most: 3.2 s */

void restart_up(struct restart *r, uint64_t now_ns)
{
    r->up_ns = r->up_ns == 0 ? now_ns : r->up_ns;
}

bool restart_is_up(const struct restart *r)
{
    return r->up_ns != 0;
}

bool restart_died(struct restart *r, uint64_t now_ns, uint64_t *delay_ms)
{
    const bool good = r->up_ns != 0 && now_ns - r->up_ns >= RESTART_GOOD_NS;

    r->deaths = good ? 1 : r->deaths + 1;
    r->failed = r->up_ns != 0 ? 0 : r->failed + 1;
    r->up_ns = 0;
    *delay_ms = r->deaths <= AT_ONCE ? 0 : DELAY_MS << (r->deaths < DELAY_DOUBLINGS ? r->deaths : DELAY_DOUBLINGS);
    return r->failed < RESTART_FAILED_MAX;
}
