/* What a policy says, as policy.c reads it and the judges use it. Inside of verify/. */
#ifndef SOTTO_VERIFY_POLICY_DATA_H
#define SOTTO_VERIFY_POLICY_DATA_H

#include "base/arena.h"
#include "crypto/hash.h"
#include "verify/policy.h"
#include "verify/tcb.h"

#define POLICY_LIST_MAX 4096

struct policy_list { /* values of one size; none: demands nothing */
    size_t size, count;
    const uint8_t *values;
};

bool policy_list_has(const struct policy_list *l, const void *value); /* l->size bytes */

struct policy_bits { /* (field & mask) == value */
    bool given;
    uint64_t mask, value;
};

enum policy_backing { /* bits */
                      BACKING_MEMFD = 1,
                      BACKING_VERITY = 2,
                      BACKING_DISK = 4,
};

extern const char *const policy_backings[]; /* their names in that order, and NULL */

enum policy_place { /* bits */
                    PLACE_RTMR3 = 1,
                    PLACE_REPORT_DATA = 2,
};

struct policy {
    struct arena arena;
    bool builtin;
    char path[200]; /* of the member that is being read */
    uint8_t sha384[SHA384_SIZE];

    bool intel;
    struct policy_list simulated; /* SHA-256 of root certificates */

    bool accept[TCB_STATUS_COUNT]; /* never TCB_REVOKED, nor in grace */
    bool grace[TCB_STATUS_COUNT];
    int64_t grace_until[TCB_STATUS_COUNT]; /* the last second of it */
    bool names_revoked;                    /* which is never accepted */
    bool has_min_evaluation;
    uint64_t min_evaluation;

    struct policy_list mrseam, mrtd, rtmr[3], mrservicetd;
    struct policy_bits attributes, xfam;
    unsigned places; /* where the log may be bound */

    struct policy_list ppid, instance;
    bool smt, cached_keys, dynamic; /* false: refused */
    bool trailing_any, ignore_time;

    struct policy_list program, config, web, model;
    unsigned backing;
    bool gpu; /* demands something of devices */
    uint64_t max_age;
};

#endif
