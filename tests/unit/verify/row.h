/* One row of a table over tests/world.h: one change, the fact that must notice it, and what follows. */
#ifndef SOTTO_TESTS_VERIFY_ROW_H
#define SOTTO_TESTS_VERIFY_ROW_H

#include "test.h"
#include "world.h"

#include "explain/verdict_print.h"

struct row {
    const char *name;
    void (*before)(struct world *w); /* the setup, the events, the key set */
    void (*after)(struct world *w);  /* quote, files, time */
    const char *td, *service, *root; /* put into the policy */
    const char *fact;
    enum fact_state state;
    enum reason reason;
    enum verdict_result result;
};

/* A comparison that failed says what was expected, and what was seen. */
static inline bool row_values_shown(const struct fact *f)
{
    static const enum reason comparisons[] = {
        REASON_ROOT_UNTRUSTED,   REASON_CRL_ISSUER,      REASON_QUOTE_SIGNATURE,   REASON_QE_SIGNATURE,
        REASON_PROGRAM_MISMATCH, REASON_PROGRAM_BACKING, REASON_CONFIG_MISMATCH,   REASON_WEB_MISMATCH,
        REASON_MODEL_MISMATCH,   REASON_MRTD_MISMATCH,   REASON_RTMR_MISMATCH,     REASON_EVENT_LOG_REPLAY,
        REASON_EVENT_LOG_PLACE,  REASON_KEYSET_TIME,     REASON_KEYSET_SPKI,       REASON_REPORT_DATA_MISMATCH,
        REASON_MRSEAM_MISMATCH,  REASON_TD_SERVICE,      REASON_PLATFORM_MISMATCH, REASON_PLATFORM_FLAG,
        REASON_TD_ATTRIBUTES,    REASON_TD_XFAM,         REASON_TD_DEBUG};
    size_t i = 0;

    while (i < sizeof comparisons / sizeof *comparisons && comparisons[i] != f->reason) {
        i++;
    }
    return f->state != FACT_REFUTED || i == sizeof comparisons / sizeof *comparisons ||
           (f->expected[0] != '\0' && f->seen[0] != '\0' && strcmp(f->expected, f->seen) != 0);
}

static inline void row_run(const struct row *r)
{
    struct world *w = calloc(1, sizeof *w);
    const struct fact *f;

    assert_non_null(w);
    world_init(w);
    if (r->before != NULL) {
        r->before(w);
    }
    world_make(w);
    if (r->after != NULL) {
        r->after(w);
    }
    if (w->policy_text[0] == '\0') {
        world_policy(w, r->td != NULL ? r->td : "", r->service != NULL ? r->service : "",
                     r->root != NULL ? r->root : "", w->policy_text);
    }
    world_judge(w);
    f = verdict_find(&w->verdict, r->fact);
    if (f == NULL || f->state != r->state || f->reason != r->reason || w->verdict.result != r->result ||
        !world_consistent(&w->verdict)) {
        struct buf text = BUF(1 << 20);
        struct err err = {0};

        assert_ok(verdict_print_text(&w->verdict, true, false, &text, &err), err);
        print_error("%.*s\n", (int)text.len, (const char *)text.p);
        buf_done(&text);
        fail_msg("%s: %s is %s (%s), expected %s (%s) and %s", r->name, r->fact,
                 f == NULL ? "not there" : fact_state_name(f->state), f == NULL ? "" : reason_name(f->reason),
                 fact_state_name(r->state), reason_name(r->reason), verdict_result_name(r->result));
    }
    if (!row_values_shown(f)) {
        fail_msg("%s: %s expected \"%s\", seen \"%s\"", r->name, r->fact, f->expected, f->seen);
    }
    world_done(w);
    free(w);
}

static inline void rows_run(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        row_run(&rows[i]);
    }
}
#define ROWS_RUN(rows) rows_run(rows, sizeof(rows) / sizeof *(rows))
#define REFUTES(fact, reason) fact, FACT_REFUTED, REASON_##reason, VERDICT_REFUSED
#define LEAVES(fact, reason) fact, FACT_IS_UNKNOWN, REASON_##reason, VERDICT_UNDECIDED
#define AFFIRMS(fact) fact, FACT_AFFIRMED, REASON_OK, VERDICT_SIMULATED

#endif
