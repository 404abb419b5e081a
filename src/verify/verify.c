#include "verify/judge.h"

#include "base/civil.h"
#include "evidence/event.h"

#include <stdio.h>
#include <stdlib.h>

void time_check(struct judge *j, const char *what, int64_t from, int64_t to, enum reason not_yet, enum reason expired)
{
    char when[CIVIL_ISO8601_SIZE];

    if (j->in->time >= from && j->in->time <= to) {
        return;
    }
    if (j->time_errors++ == 0) {
        j->time_window[0] = from;
        j->time_window[1] = to;
        civil_print_iso8601(j->in->time < from ? from : to, when);
        err_set(&j->time_error, j->in->time < from ? not_yet : expired, ERR_NOWHERE, "\"%s\" is valid %s %s", what,
                j->in->time < from ? "from" : "to", when);
    }
}

void time_judge(struct judge *j)
{
    static const enum fact_id needed[] = {FACT_pck_chain, FACT_root_crl, FACT_pck_crl, FACT_tcb_info_signature,
                                          FACT_qe_identity_signature};

    if (j->policy->ignore_time) {
        fact_unknown(j, FACT_time, REASON_TIME_IGNORED, "%zu things are out of their validity", j->time_errors);
        return;
    }
    if (j->time_errors > 0) {
        fact_fail(j, FACT_time, &j->time_error);
        fact_window(j, FACT_time, j->time_window[0], j->time_window[1]);
        if (j->time_errors > 1) {
            const size_t len = strlen(j->facts[FACT_time].text);

            (void)snprintf(j->facts[FACT_time].text + len, sizeof j->facts[FACT_time].text - len, ", and %zu more",
                           j->time_errors - 1);
        }
        return;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (fact_is(j, needed[i], FACT_IS_UNKNOWN)) {
            fact_unknown(j, FACT_time, REASON_FACT_UNKNOWN, "not all that has a validity is there");
            return;
        }
    }
    fact_affirm(j, FACT_time);
}

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

bool judge_claims(struct judge *j, struct err *err)
{
    json_t *claims;

    if (j->v->claims != NULL) {
        return true;
    }
    claims = json_object();
    if (claims == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "claims");
    }
    if (j->readable && (!tcb_claims(j, claims, err) || (j->has_early && !early_claims_add(j, claims, err)) ||
                        !quote_claims_add(j, claims, err))) {
        json_decref(claims);
        return false;
    }
    j->v->claims = claims;
    return true;
}

/* What a policy demands of a service is demanded of a quote without a document too, and there is unknown: any TD with
 * the same boot chain would pass else. False: it demands nothing. */
static bool service_demand(struct judge *j, const char *why)
{
    const struct policy *p = j->policy;
    const struct {
        enum fact_id id;
        bool demanded;
    } demands[] = {{FACT_program, p->program.count > 0},
                   {FACT_config, p->config.count > 0},
                   {FACT_web, p->web.count > 0},
                   {FACT_model, p->model.count > 0}};
    bool any = false;

    for (size_t i = 0; i < sizeof demands / sizeof *demands; i++) {
        if (demands[i].demanded) {
            fact_demand(j, demands[i].id);
            fact_unknown(j, demands[i].id, REASON_FACT_UNKNOWN, "%s", why);
            any = true;
        }
    }
    if (p->gpu) {
        fact_demand(j, FACT_devices);
        fact_unknown(j, FACT_devices, REASON_DEVICE_UNCHECKED, "%s", why);
    }
    return any;
}

/* Everything that a quote and its collateral can say. */
static bool quote_judge(struct judge *j, struct bytes quote, struct err *err)
{
    struct err e = {0};

    if (quote.len > LIMIT_QUOTE) {
        fact_refute(j, FACT_form, REASON_BUF_FULL, "a quote of %zu bytes", quote.len);
        return true;
    }
    if (!quote_parse(quote, &j->q, &e)) {
        fact_fail(j, FACT_form, &e);
        return true;
    }
    j->readable = true;
    if (memcmp(j->q.vendor, quote_vendor_intel, sizeof j->q.vendor) != 0) {
        fact_refute(j, FACT_form, REASON_QE_IDENTITY, "the quoting enclave's vendor is not Intel");
    } else {
        fact_affirm(j, FACT_form);
    }
    chain_judge(j);
    qe_judge(j);
    if (!identity_judge(j, err) || !tcb_judge(j, err) || !early_judge(j, err)) {
        return false;
    }
    crl_judge(j);
    time_judge(j);
    body_judge(j);
    return true;
}

struct session *session_new(struct err *err)
{
    struct session *s = malloc(sizeof *s);

    if (s == NULL) {
        err_set(err, REASON_NO_MEMORY, ERR_NOWHERE, "a verdict");
        return NULL;
    }
    memset(&s->j, 0, sizeof s->j); /* and not the verdict's facts */
    s->j.v = &s->v;
    s->v.count = 0;
    s->v.claims = NULL;
    s->own.first = NULL;
    return s;
}

void session_free(struct session *s)
{
    if (s != NULL) {
        session_drop(s);
        free(s->j.second);
        free(s);
    }
}

void session_drop(struct session *s)
{
    judge_drop(&s->j);
    json_decref(s->v.claims);
    s->v.claims = NULL;
    s->v.result = VERDICT_UNDECIDED;
    s->v.count = 0; /* the places behind stay as they are: they are 30 KB */
}

static void session_begin(struct session *s, enum subject subject, const struct verify_input *in)
{
    session_drop(s);
    s->v.time = in->time;
    judge_init(&s->j, subject, in, &s->v);
    s->j.cache = in->cache != NULL ? in->cache : &s->own;
}

static void verdict_copy(struct verdict *to, const struct verdict *from)
{
    to->result = from->result;
    to->time = from->time;
    to->count = from->count;
    to->claims = from->claims;
    memcpy(to->facts, from->facts, from->count * sizeof *from->facts);
}

/* What the claims need is held, and stays. */
static void session_end(struct session *s)
{
    judge_end(&s->j);
    if (s->j.cache == &s->own) {
        cache_done(&s->own);
    } else {
        cache_trim(s->j.cache);
    }
}

/* The verdict with all its claims, and the session is gone. */
static bool session_close(struct session *s, bool ok, struct verdict *out, struct err *err)
{
    session_end(s);
    ok = ok && judge_claims(&s->j, err);
    if (ok) {
        verdict_copy(out, &s->v);
        s->v.claims = NULL;
    }
    session_free(s);
    return ok;
}

static struct session *session_open(enum subject subject, const struct verify_input *in, struct err *err)
{
    struct session *s = session_new(err);

    if (s != NULL) {
        session_begin(s, subject, in);
    }
    return s;
}

static void report_data_given_judge(struct judge *j)
{
    const uint8_t *seen = quote_report_data(&j->q);

    for (size_t i = 0; i < j->in->report_data_count; i++) {
        if (memcmp(seen, j->in->report_data[i], sizeof j->in->report_data[i]) == 0) {
            fact_affirm(j, FACT_report_data);
            return;
        }
    }
    if (j->in->report_data_count == 0) {
        fact_unknown(j, FACT_report_data, REASON_FACT_UNKNOWN, "no runtime data were given");
    } else {
        fact_refute(j, FACT_report_data, REASON_REPORT_DATA_MISMATCH, "%s", "");
        fact_hex(j, FACT_report_data, bytes_of(j->in->report_data[0], 64), bytes_of(seen, 64));
    }
}

/* Logs beside a quote. One of them may be the service's own. */
static bool logs_given_judge(struct judge *j, bool serves, struct err *err)
{
    const struct verify_input *in = j->in;
    bool service = false, ok = true;
    struct replay replay;

    logs_replay(in->logs, in->log_count, &replay);
    if (serves || j->subject == SUBJECT_EVIDENCE) {
        boot_judge(j, &replay);
    } else {
        replay_judge(j, FACT_boot_log, &replay, 3);
    }
    for (size_t i = 0; ok && serves && !service && i < in->log_count; i++) {
        service = log_is_service(in->logs[i]);
        ok = !service || (judge_claims(j, err) && log_judge(j, in->logs[i], LOG_BOUND_RTMR3, NULL, err));
    }
    if (in->log_count == 0) {
        fact_unknown(j, FACT_event_log, REASON_FACT_UNKNOWN, "no log was given");
    } else if (!service || fact_is(j, FACT_event_log, FACT_AFFIRMED)) {
        replay_judge(j, FACT_event_log, &replay, EVENTLOG_REGISTERS);
        if (!service && fact_is(j, FACT_event_log, FACT_AFFIRMED)) {
            (void)snprintf(j->facts[FACT_event_log].text, sizeof j->facts[FACT_event_log].text,
                           "the logs replay to RTMR0 to RTMR3");
        }
    }
    return ok;
}

static bool beside_judge(struct judge *j, bool serves, struct err *err)
{
    if (j->subject == SUBJECT_EVIDENCE || j->in->report_data_count > 0) {
        report_data_given_judge(j);
    }
    if (j->subject == SUBJECT_QUOTE && j->in->log_count == 0) {
        return true;
    }
    if (!quote_is_tdx(&j->q)) {
        fact_unknown(j, FACT_event_log, REASON_FACT_UNKNOWN, "the quote is not of a TD");
        return true;
    }
    return logs_given_judge(j, serves, err);
}

/* A quote with what the input has beside it. */
static bool bare_judge(struct judge *j, struct bytes quote, struct err *err)
{
    const bool token = j->subject == SUBJECT_EVIDENCE;
    bool serves;

    if (token || j->in->report_data_count > 0) {
        fact_demand(j, FACT_report_data);
    }
    if (token || j->in->log_count > 0) {
        fact_demand(j, FACT_event_log);
    }
    if (token) {
        fact_demand(j, FACT_boot);
        fact_demand(j, FACT_td_attributes);
    }
    serves = service_demand(j, "no log of the service was given");
    return quote_judge(j, quote, err) && (!j->readable || beside_judge(j, serves, err));
}

bool session_quote(struct session *s, struct bytes quote, const struct verify_input *in, struct err *err)
{
    bool ok;

    session_begin(s, SUBJECT_QUOTE, in);
    ok = bare_judge(&s->j, quote, err);
    session_end(s);
    return ok;
}

/* archive: the bundle that it came in; NULL: none. */
static bool bare_verify(enum subject subject, struct bytes quote, const struct bundle *archive,
                        const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_open(subject, in, err);
    bool ok;

    if (s == NULL) {
        return false;
    }
    if (archive != NULL) {
        s->j.own_files = archive->files;
        s->j.own_file_count = archive->file_count;
    }
    ok = bare_judge(&s->j, quote, err);
    /* The built-in policy decides a quote whose asker holds it, not one out of an archive (docs/formats.md, section 5).
     */
    if (archive != NULL && in->policy->builtin) {
        fact_demand(&s->j, FACT_measurements);
        fact_unknown(&s->j, FACT_measurements, REASON_NOT_DEMANDED, "a bundle is judged by a policy that is given");
    }
    return session_close(s, ok, out, err);
}

bool verify_quote(struct bytes quote, const struct verify_input *in, struct verdict *out, struct err *err)
{
    return bare_verify(SUBJECT_QUOTE, quote, NULL, in, out, err);
}

bool verify_bare_evidence(struct bytes quote, const struct verify_input *in, struct verdict *out, struct err *err)
{
    return bare_verify(SUBJECT_EVIDENCE, quote, NULL, in, out, err);
}

bool verify_undecodable(const struct err *why, const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_open(SUBJECT_QUOTE, in, err);

    if (s == NULL) {
        return false;
    }
    fact_fail(&s->j, FACT_form, why);
    return session_close(s, true, out, err);
}

/* files: the collateral of the bundle that the document came in, where the caller has his own; NULL: the document's own
 * counts. */
static bool document_verify(struct bytes text, const struct document_file *files, size_t file_count,
                            const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_open(SUBJECT_DOCUMENT, in, err);
    struct document d = {0};
    struct err e = {0};
    bool ok;

    if (s == NULL) {
        return false;
    }
    if (!document_parse(text, &d, &e)) {
        fact_fail(&s->j, FACT_form, &e);
        return session_close(s, true, out, err);
    }
    s->j.own_files = files != NULL ? files : d.files;
    s->j.own_file_count = files != NULL ? file_count : d.file_count;
    ok = quote_judge(&s->j, d.quote, err) && judge_claims(&s->j, err) &&
         (!s->j.readable || document_judge(&s->j, &d, err));
    ok = session_close(s, ok, out, err);
    document_done(&d);
    return ok;
}

bool verify_document(struct bytes text, const struct verify_input *in, struct verdict *out, struct err *err)
{
    return document_verify(text, NULL, 0, in, out, err);
}

bool verify_bundle(struct bytes text, const struct verify_input *in, bool its_time, struct verdict *out,
                   struct err *err)
{
    struct verify_input input = *in;
    struct err why = {0};
    struct bundle b;
    struct verdict v;
    bool ok;

    if (!bundle_parse(text, &b, &why)) {
        return verify_undecodable(&why, in, out, err);
    }
    input.time = its_time ? b.time : in->time;
    if (!document_is(b.evidence)) {
        input.logs = b.logs;
        input.log_count = b.log_count;
        ok = bare_verify(SUBJECT_QUOTE, b.evidence, &b, &input, &v, err);
    } else if (in->file_count > 0) {
        ok = document_verify(b.evidence, b.files, b.file_count, &input, &v, err);
    } else {
        /* Before the document's own, as it was when the bundle was made. */
        input.files = b.files;
        input.file_count = b.file_count;
        ok = document_verify(b.evidence, NULL, 0, &input, &v, err);
    }
    if (ok) {
        bundle_judge(&v, b.verdict);
        ok = !its_time || claim_str(v.claims, "time_source", "bundle", err);
        if (ok) {
            verdict_copy(out, &v);
        } else {
            verdict_done(&v);
        }
    }
    bundle_done(&b);
    return ok;
}
