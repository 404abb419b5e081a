/* How a role that died is started again: at once at first, then slower; one that dies again and again without ever
 * having come up ends the service. Pure: who calls has the clock. */
#ifndef SOTTO_SERVE_RESTART_H
#define SOTTO_SERVE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define RESTART_FAILED_MAX 8                  /* starts in a row that did not come up */
#define RESTART_GOOD_NS UINT64_C(10000000000) /* a life of 10 s is a good one: what was before it is forgotten */

struct restart {     /* all zero at first */
    unsigned deaths; /* in a row, each after a short life */
    unsigned failed; /* those of them that had not come up */
    uint64_t up_ns;  /* since when the process does its duty; 0: not yet */
};

void restart_up(struct restart *r, uint64_t now_ns); /* the process does its duty; only the first time counts */
bool restart_is_up(const struct restart *r);

/* The process died. *delay_ms: how long the next start waits. False: too often. */
bool restart_died(struct restart *r, uint64_t now_ns, uint64_t *delay_ms);

#endif
