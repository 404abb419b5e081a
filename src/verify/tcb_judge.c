/* The platform's TCB: levels of the platform, the TDX module and the quoting enclave, and the status that follows (the
 * rules of Intel's quote verification library, in their order). */
#include "verify/judge.h"

#include <stdio.h>

static bool components_reach(const uint8_t *have, const uint8_t *need, size_t from)
{
    for (size_t i = from; i < 16; i++) {
        if (have[i] < need[i]) {
            return false;
        }
    }
    return true;
}

/* The first level, highest first, that every component reaches. A TDX module that names its major version (SVN[1] > 0)
 * has levels of its own, so that components 0 and 1 are left out here. */
static const struct tcb_level *platform_level(const struct tcb_info *t, const struct pck *p, const uint8_t *tdx_svn)
{
    for (size_t i = 0; i < t->level_list.count; i++) {
        const struct tcb_level *l = &t->levels[i];

        if (components_reach(p->svn, l->sgx, 0) && p->pcesvn >= l->pcesvn &&
            (tdx_svn == NULL || components_reach(tdx_svn, l->tdx, tdx_svn[1] > 0 ? 2 : 0))) {
            return l;
        }
    }
    return NULL;
}

/* NULL: the TCB info has none for this version. */
static const struct tcb_module *module_find(const struct tcb_info *t, const uint8_t *tdx_svn)
{
    if (tdx_svn[1] == 0) {
        return t->tdx ? &t->module : NULL;
    }
    for (size_t i = 0; i < t->module_list.count; i++) {
        if (t->modules[i].version == tdx_svn[1]) {
            return &t->modules[i];
        }
    }
    return NULL;
}

/* What a component's status makes of the platform's. */
static enum tcb_status converge(enum tcb_status platform, enum tcb_status component)
{
    if (component == TCB_REVOKED) {
        return TCB_REVOKED;
    }
    if (component == TCB_OUT_OF_DATE && (platform == TCB_UP_TO_DATE || platform == TCB_SW_HARDENING_NEEDED)) {
        return TCB_OUT_OF_DATE;
    }
    if (component == TCB_OUT_OF_DATE &&
        (platform == TCB_CONFIGURATION_NEEDED || platform == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)) {
        return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    }
    return platform;
}

static struct levels levels_find(const struct judge *j, const uint8_t *tdx_svn, const struct tcb_verdict *qe)
{
    const struct tcb_level *platform = platform_level(j->tcb_info, &j->pck, tdx_svn);
    const bool has_module = tdx_svn != NULL && tdx_svn[1] > 0; /* with levels of its own */
    const struct tcb_module *module;
    const struct tcb_svn_level *level;
    struct levels l = {.status = TCB_NOT_SUPPORTED};

    if (platform != NULL) {
        l.platform = &platform->verdict;
    }
    if (has_module) {
        module = module_find(j->tcb_info, tdx_svn);
        level = module == NULL ? NULL : tcb_svn_level_find(&module->svn, tdx_svn[0]);
        l.module = level == NULL ? NULL : &level->verdict;
    }
    if (l.platform != NULL && qe != NULL && (!has_module || l.module != NULL)) {
        l.status = converge(l.platform->status, qe->status);
        if (l.module != NULL) {
            l.status = converge(l.status, l.module->status);
        }
    }
    return l;
}

static bool needs_configuration(enum tcb_status s)
{
    return s == TCB_CONFIGURATION_NEEDED || s == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
           s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

/* A TD that was launched under an old module that has been updated under it since. */
static enum tcb_status relaunch(enum tcb_status launch, enum tcb_status current)
{
    const bool old = launch == TCB_OUT_OF_DATE || launch == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    const bool good = current == TCB_UP_TO_DATE || current == TCB_SW_HARDENING_NEEDED ||
                      current == TCB_CONFIGURATION_NEEDED || current == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED;

    if (!old || !good) {
        return launch;
    }
    return needs_configuration(launch) || needs_configuration(current) ? TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
                                                                       : TCB_TD_RELAUNCH_ADVISED;
}

uint64_t tcb_evaluation(const struct judge *j)
{
    const uint64_t n = j->tcb_info->evaluation;

    return j->qe_identity != NULL && j->qe_identity->evaluation < n ? j->qe_identity->evaluation : n;
}

/* "TDX_01, TDX_03" */
static void modules_seen(struct judge *j, unsigned version)
{
    char expected[8 * TCB_MODULES_MAX + 1] = "none", seen[8];
    size_t n = 0;

    for (size_t i = 0; i < j->tcb_info->module_list.count; i++) {
        n += (size_t)snprintf(expected + n, sizeof expected - n, "%sTDX_%02X", i == 0 ? "" : ", ",
                              j->tcb_info->modules[i].version);
    }
    (void)snprintf(seen, sizeof seen, "TDX_%02X", version & 0xff);
    fact_seen(j, FACT_tdx_module, expected, seen);
}

static void module_judge(struct judge *j)
{
    char seen[24];
    const struct td_body *td = &j->q.td;
    const struct tcb_module *m;

    if (!quote_is_tdx(&j->q)) {
        j->facts[FACT_tdx_module].required = false; /* an enclave has none */
        return;
    }
    m = module_find(j->tcb_info, td->tee_tcb_svn);
    if (m == NULL) {
        fact_refute(j, FACT_tdx_module, REASON_TDX_MODULE, "no identity TDX_%02X", td->tee_tcb_svn[1]);
        modules_seen(j, td->tee_tcb_svn[1]);
    } else if (memcmp(td->mrsignerseam, m->mrsigner, sizeof m->mrsigner) != 0) {
        fact_refute(j, FACT_tdx_module, REASON_TDX_MODULE, "MRSIGNERSEAM");
        fact_hex(j, FACT_tdx_module, bytes_of(m->mrsigner, sizeof m->mrsigner), bytes_of(td->mrsignerseam, 48));
    } else if (td->seam_attributes != 0 || !bytes_zero(bytes_of(m->attributes, sizeof m->attributes))) {
        fact_refute(j, FACT_tdx_module, REASON_TDX_MODULE, "SEAMATTRIBUTES are not zero");
        (void)snprintf(seen, sizeof seen, "0x%016llx", (unsigned long long)td->seam_attributes);
        fact_seen(j, FACT_tdx_module, "0x0000000000000000, in the TCB info too", seen);
    } else {
        fact_affirm(j, FACT_tdx_module);
    }
}

static void info_judge(struct judge *j, const char *name)
{
    const struct tcb_info *t = j->tcb_info;

    if (t->tdx != quote_is_tdx(&j->q)) {
        fact_refute(j, FACT_tcb_info, REASON_COLLATERAL_FORM, "%s is of %s", name, t->tdx ? "TDX" : "SGX");
        fact_seen(j, FACT_tcb_info, t->tdx ? "SGX" : "TDX", t->tdx ? "TDX" : "SGX");
    } else if (!j->has_pck) {
        fact_unknown(j, FACT_tcb_info, REASON_FACT_UNKNOWN, "the PCK certificate cannot be read");
    } else if (memcmp(t->fmspc, j->pck.fmspc, sizeof t->fmspc) != 0) {
        fact_refute(j, FACT_tcb_info, REASON_FMSPC_MISMATCH, "%s", name);
        fact_hex(j, FACT_tcb_info, bytes_of(j->pck.fmspc, sizeof j->pck.fmspc), bytes_of(t->fmspc, sizeof t->fmspc));
    } else if (memcmp(t->pceid, j->pck.pceid, sizeof t->pceid) != 0) {
        fact_refute(j, FACT_tcb_info, REASON_PCEID_MISMATCH, "%s", name);
        fact_hex(j, FACT_tcb_info, bytes_of(j->pck.pceid, sizeof j->pck.pceid), bytes_of(t->pceid, sizeof t->pceid));
    } else {
        fact_affirm(j, FACT_tcb_info);
    }
}

/* What a status says is to be done, where that is not what people think of first. */
static const char *status_advice(enum tcb_status s)
{
    if (s == TCB_TD_RELAUNCH_ADVISED || s == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED) {
        return ", the platform was updated since the TD was started: start the TD anew";
    }
    if (needs_configuration(s)) {
        return ", a setting of the BIOS has to be changed as the advisories say";
    }
    return "";
}

/* "UpToDate, SWHardeningNeeded" */
static void accepted_print(const struct policy *p, char out[200])
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < TCB_STATUS_COUNT && n < 150; i++) {
        if (p->accept[i]) {
            n += (size_t)snprintf(out + n, 200 - n, "%s%s", n == 0 ? "" : ", ", tcb_status_name((enum tcb_status)i));
        }
    }
}

static void status_judge(struct judge *j)
{
    char accepted[200];
    const enum tcb_status s = (enum tcb_status)j->tcb_status;
    const struct policy *p = j->policy;
    const bool in_grace = p->grace[s] && j->in->time <= p->grace_until[s];

    if (s == TCB_REVOKED) {
        fact_refute(j, FACT_tcb_status, REASON_TCB_REVOKED, "%s", "");
    } else if (p->accept[s]) {
        fact_affirm(j, FACT_tcb_status);
    } else if (in_grace && !p->ignore_time) {
        fact_affirm(j, FACT_tcb_status);
        (void)snprintf(j->facts[FACT_tcb_status].text, sizeof j->facts[FACT_tcb_status].text,
                       "the TCB status is accepted for a time of grace");
    } else if (p->grace[s] && p->ignore_time) {
        fact_unknown(j, FACT_tcb_status, REASON_TIME_IGNORED, "grace for %s", tcb_status_name(s));
    } else if (s == TCB_NOT_SUPPORTED) {
        fact_refute(j, FACT_tcb_status, REASON_TCB_NOT_SUPPORTED, "%s", "");
    } else {
        fact_refute(j, FACT_tcb_status, REASON_TCB_STATUS, "%s%s", tcb_status_name(s), status_advice(s));
    }
    accepted_print(p, accepted);
    fact_seen(j, FACT_tcb_status, accepted, tcb_status_name(s));
}

static void levels_judge(struct judge *j)
{
    const struct td_body *td = &j->q.td;
    const uint8_t *svn = quote_is_tdx(&j->q) ? td->tee_tcb_svn : NULL;
    const struct tcb_svn_level *qe = tcb_svn_level_find(&j->qe_identity->svn, j->q.qe_report.isvsvn);

    j->qe_level = qe == NULL ? NULL : &qe->verdict;
    j->has_levels = true;
    j->launch = levels_find(j, svn, j->qe_level);
    j->tcb_status = (int)j->launch.status;
    j->has_current = quote_is_tdx(&j->q) && td->is_15;
    if (j->has_current) {
        j->current = levels_find(j, td->tee_tcb_svn_2, j->qe_level);
        j->tcb_status = (int)relaunch(j->launch.status, j->current.status);
    }
    status_judge(j);
}

static void evaluation_judge(struct judge *j)
{
    const uint64_t n = tcb_evaluation(j);
    char expected[40], seen[24];

    if (j->policy->has_min_evaluation) {
        if (j->qe_identity == NULL) {
            fact_unknown(j, FACT_tcb_evaluation, REASON_COLLATERAL_ABSENT, "the QE identity has a number too");
        } else if (n < j->policy->min_evaluation) {
            fact_refute(j, FACT_tcb_evaluation, REASON_TCB_EVALUATION, "%llu, at least %llu", (unsigned long long)n,
                        (unsigned long long)j->policy->min_evaluation);
        } else {
            fact_affirm(j, FACT_tcb_evaluation);
        }
        (void)snprintf(expected, sizeof expected, "at least %llu", (unsigned long long)j->policy->min_evaluation);
        (void)snprintf(seen, sizeof seen, "%llu", (unsigned long long)n);
        fact_seen(j, FACT_tcb_evaluation, expected, seen);
    }
}

static void signature_judge(struct judge *j, const char *name)
{
    if (chain_signer_judge(j, FACT_tcb_info_signature, collateral_find(j, COLLATERAL_TCB_CHAIN),
                           "tcb_info_issuer_chain.pem", &j->tcb_chain)) {
        fact_signature(j, FACT_tcb_info_signature, j->tcb_piece, j->tcb_chain->certs[0].key_xy, j->tcb_info->sig.part,
                       j->tcb_info->sig.signature, REASON_COLLATERAL_SIGNATURE, name);
    }
}

bool tcb_judge(struct judge *j, struct err *err)
{
    static const enum fact_id needing[] = {FACT_tcb_info_signature, FACT_tcb_info, FACT_tdx_module, FACT_tcb_status};
    const char *name = "tcb_info.json";
    struct piece *p;
    struct err e = {0};

    if (j->policy->has_min_evaluation) {
        fact_demand(j, FACT_tcb_evaluation);
    }
    j->facts[FACT_tdx_module].required = quote_is_tdx(&j->q);
    if (!collateral_document_find(j, PIECE_TCB_INFO, &name, &p, &e)) {
        if (e.reason == REASON_NO_MEMORY) {
            *err = e;
            return false;
        }
        fact_fail(j, FACT_tcb_info_signature, &e);
        fact_fail(j, FACT_tcb_info, &e);
        return true;
    }
    if (p == NULL) {
        for (size_t i = 0; i < sizeof needing / sizeof *needing; i++) {
            fact_unknown(j, needing[i], REASON_COLLATERAL_ABSENT, "%s", name);
        }
        return true;
    }
    j->tcb_piece = piece_ref(p);
    j->tcb_info = (const void *)p->parsed;
    info_judge(j, name);
    signature_judge(j, name);
    time_check(j, name, j->tcb_info->issued, j->tcb_info->next_update, REASON_COLLATERAL_NOT_YET,
               REASON_COLLATERAL_EXPIRED);
    evaluation_judge(j);
    if (!fact_is(j, FACT_tcb_info, FACT_AFFIRMED)) {
        return true; /* of another platform: its levels say nothing */
    }
    module_judge(j);
    if (j->qe_identity == NULL) {
        fact_unknown(j, FACT_tcb_status, REASON_COLLATERAL_ABSENT, "the QE identity's levels are part of the status");
        return true;
    }
    levels_judge(j);
    return true;
}
