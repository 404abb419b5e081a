/* What a verdict claims: the numbers of quote, platform and TCB, as docs/formats.md, section 8 names them. Nothing here
 * decides. */
#include "explain/claims.h"

#include "base/civil.h"
#include "explain/quote_print.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- of the TCB ---- */

static int advisory_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool advisories_claim(json_t *claims, const struct tcb_verdict *const parts[3], struct err *err)
{
    const char *ids[3 * TCB_ADVISORIES_MAX];
    json_t *list = json_array(), *from[3] = {NULL, NULL, NULL};
    size_t n = 0;
    bool ok = list != NULL;

    for (size_t p = 0; ok && p < 3; p++) {
        ok = parts[p] == NULL || parts[p]->advisories.len == 0 || json_parse(parts[p]->advisories, &from[p], err);
        for (size_t i = 0; i < json_array_size(from[p]); i++) {
            ids[n++] = json_string_value(json_array_get(from[p], i));
        }
    }
    qsort(ids, n, sizeof *ids, advisory_compare);
    for (size_t i = 0; ok && i < n; i++) {
        ok = (i > 0 && strcmp(ids[i], ids[i - 1]) == 0) || json_array_append_new(list, json_string(ids[i])) == 0;
    }
    for (size_t p = 0; p < 3; p++) {
        json_decref(from[p]);
    }
    if (!ok) {
        json_decref(list);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "advisory_ids");
    }
    return claim_new(claims, "advisory_ids", list, err);
}

bool claim_date(json_t *object, const char *name, int64_t time, struct err *err)
{
    char date[CIVIL_ISO8601_SIZE];

    civil_print_iso8601(time, date);
    date[10] = '\0';
    return claim_str(object, name, date, err);
}

/* tcb_WHAT_status and tcb_WHAT_date of the level that was reached; none of what reached none. */
static bool status_claim(json_t *claims, const char *what, const struct tcb_verdict *v, struct err *err)
{
    char name[32];

    if (v == NULL) {
        return true;
    }
    (void)snprintf(name, sizeof name, "tcb_%s_status", what);
    if (!claim_str(claims, name, tcb_status_name(v->status), err)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "tcb_%s_date", what);
    return claim_date(claims, name, v->date, err);
}

static bool levels_claims(const struct judge *j, json_t *claims, struct err *err)
{
    const struct tcb_verdict *const parts[3] = {j->launch.platform, j->launch.module, j->qe_level};
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < 3; i++) {
        if (parts[i] != NULL && parts[i]->date < oldest) {
            oldest = parts[i]->date;
        }
    }
    if (!claim_str(claims, "tcb_status", tcb_status_name((enum tcb_status)j->tcb_status), err) ||
        !status_claim(claims, "platform", parts[0], err) || !status_claim(claims, "module", parts[1], err) ||
        !status_claim(claims, "qe", parts[2], err)) {
        return false;
    }
    if (j->has_current && (!claim_str(claims, "tcb_launch_status", tcb_status_name(j->launch.status), err) ||
                           !claim_str(claims, "tcb_current_status", tcb_status_name(j->current.status), err))) {
        return false;
    }
    if (j->tcb_status == TCB_NOT_SUPPORTED) {
        static const struct tcb_verdict *const none[3];

        /* Of a platform that reaches no level there is neither a date nor advice. */
        return claim_new(claims, "tcb_date", json_null(), err) && advisories_claim(claims, none, err);
    }
    return claim_date(claims, "tcb_date", oldest, err) && advisories_claim(claims, parts, err);
}

static bool tcb_claims(const struct judge *j, json_t *claims, struct err *err)
{
    return j->tcb_info == NULL ||
           (claim_new(claims, "tcb_evaluation_data_number", json_integer((int64_t)tcb_evaluation(j)), err) &&
            (!j->has_levels || (levels_claims(j, claims, err) && distance_claim(j, claims, err))));
}

/* The early data's claims are an object of their own. */
static bool early_claims_add(const struct judge *j, json_t *claims, struct err *err)
{
    json_t *early = json_object();

    if (early == NULL || !tcb_claims(&j->second->j, early, err)) {
        json_decref(early);
        return early != NULL ? false : FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "tcb_early");
    }
    return claim_new(claims, "tcb_early", early, err);
}

/* ---- of quote and platform ---- */

static bool is_simulated(const struct judge *j)
{
    return j->anchor == ANCHOR_SIMULATED || memcmp(j->q.user_data, "SIMUL", 5) == 0;
}

static bool platform_claims(const struct judge *j, json_t *c, struct err *err)
{
    static const char *const flags[] = {
        [PCK_FLAG_UNKNOWN] = "unknown", [PCK_FLAG_CLEAR] = "false", [PCK_FLAG_SET] = "true"};

    return report_claim_hex(c, "fmspc", j->pck.fmspc, sizeof j->pck.fmspc, err) &&
           report_claim_hex(c, "ppid", j->pck.ppid, sizeof j->pck.ppid, err) &&
           report_claim_hex(c, "pceid", j->pck.pceid, sizeof j->pck.pceid, err) &&
           report_claim_hex(c, "pck_cpusvn", j->pck.cpusvn, sizeof j->pck.cpusvn, err) &&
           /* An SGX body has a CPUSVN of its own. */
           (!quote_is_tdx(&j->q) || report_claim_hex(c, "cpusvn", j->pck.cpusvn, sizeof j->pck.cpusvn, err)) &&
           claim_new(c, "pcesvn", json_integer(j->pck.pcesvn), err) &&
           claim_new(c, "sgx_type", json_integer(j->pck.sgx_type), err) &&
           (!j->pck.has_instance ||
            report_claim_hex(c, "platform_instance_id", j->pck.instance, sizeof j->pck.instance, err)) &&
           claim_str(c, "dynamic_platform", flags[j->pck.dynamic], err) &&
           claim_str(c, "cached_keys", flags[j->pck.cached_keys], err) &&
           claim_str(c, "smt_enabled", flags[j->pck.smt], err);
}

static bool quote_claims_add(const struct judge *j, json_t *c, struct err *err)
{
    const char *tee = is_simulated(j) ? "tdx-sim" : quote_is_tdx(&j->q) ? "tdx" : "sgx";

    return claim_str(c, "tee", tee, err) && quote_claims(&j->q, c, err) &&
           (!quote_is_tdx(&j->q) ||
            report_claim_hex(c, "tcb_svn", j->q.td.tee_tcb_svn, sizeof j->q.td.tee_tcb_svn, err)) &&
           (!j->has_pck || platform_claims(j, c, err)) &&
           (j->policy_builtin ||
            report_claim_hex(c, "sotto_policy_sha384", j->policy_sha384, sizeof j->policy_sha384, err));
}

/* What log and document say, behind the rest. */
static bool others_add(const struct judge *j, json_t *claims, struct err *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(j->claims, name, value)
    {
        if (!claim_new(claims, name, json_incref(value), err)) {
            return false;
        }
    }
    return true;
}

bool claims_make(struct session *s, struct err *err)
{
    const struct judge *j = &s->j;
    json_t *claims;

    if (s->v.claims != NULL) {
        return true;
    }
    claims = json_object();
    if (claims == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "claims");
    }
    if ((j->readable && (!tcb_claims(j, claims, err) || (j->has_early && !early_claims_add(j, claims, err)) ||
                         !quote_claims_add(j, claims, err))) ||
        !others_add(j, claims, err)) {
        json_decref(claims);
        return false;
    }
    s->v.claims = claims;
    return true;
}
