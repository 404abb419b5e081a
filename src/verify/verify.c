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
    json_decref(s->j.claims);
    json_decref(s->v.claims);
    s->j.claims = s->v.claims = NULL;
    s->v.result = VERDICT_UNDECIDED;
    s->v.count = 0; /* the places behind stay as they are: they are 30 KB */
}

static void session_begin(struct session *s, enum subject subject, const struct verify_input *in)
{
    session_drop(s);
    s->v.time = in->time;
    judge_init(&s->j, subject, in, &s->v);
    s->j.cache = in->cache != NULL ? in->cache : &s->own;
    s->j.own_files = in->own_files;
    s->j.own_file_count = in->own_file_count;
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

/* Where log and document say what is theirs. */
bool claims_begin(struct judge *j, struct err *err)
{
    if (j->claims == NULL) {
        j->claims = json_object();
    }
    return j->claims != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "claims");
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
        ok = !service || (claims_begin(j, err) && log_judge(j, in->logs[i], LOG_BOUND_RTMR3, NULL, err));
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

/* A quote with what the input has beside it. */
static bool bare_judge(struct judge *j, struct bytes quote, struct err *err)
{
    const bool serves = service_demand(j, "no log of the service was given");

    if (!quote_judge(j, quote, err)) {
        return false;
    }
    if (j->readable && j->facts[FACT_report_data].required) {
        report_data_given_judge(j);
    }
    if (!j->readable || !j->facts[FACT_event_log].required) {
        return true;
    }
    if (!quote_is_tdx(&j->q)) {
        fact_unknown(j, FACT_event_log, REASON_FACT_UNKNOWN, "the quote is not of a TD");
        return true;
    }
    return logs_given_judge(j, serves, err);
}

static bool bare_session(struct session *s, enum subject subject, struct bytes quote, const struct verify_input *in,
                         struct err *err)
{
    bool ok;

    session_begin(s, subject, in);
    ok = bare_judge(&s->j, quote, err);
    /* The built-in policy decides a quote whose asker holds it, not one out of an archive (docs/formats.md, section 5).
     */
    if (in->archived && in->policy->builtin) {
        fact_demand(&s->j, FACT_measurements);
        fact_unknown(&s->j, FACT_measurements, REASON_NOT_DEMANDED, "a bundle is judged by a policy that is given");
    }
    session_end(s);
    return ok;
}

bool session_quote(struct session *s, struct bytes quote, const struct verify_input *in, struct err *err)
{
    return bare_session(s, SUBJECT_QUOTE, quote, in, err);
}

bool session_bare_evidence(struct session *s, struct bytes quote, const struct verify_input *in, struct err *err)
{
    return bare_session(s, SUBJECT_EVIDENCE, quote, in, err);
}

void session_undecodable(struct session *s, const struct err *why, const struct verify_input *in)
{
    session_begin(s, SUBJECT_QUOTE, in);
    fact_fail(&s->j, FACT_form, why);
    session_end(s);
}

bool session_document(struct session *s, struct bytes text, const struct verify_input *in, struct err *err)
{
    struct document d = {0};
    struct err e = {0};
    bool ok = true;

    session_begin(s, SUBJECT_DOCUMENT, in);
    if (document_parse(text, &d, &e)) {
        if (in->own_files == NULL) {
            s->j.own_files = d.files;
            s->j.own_file_count = d.file_count;
        }
        ok = quote_judge(&s->j, d.quote, err) && claims_begin(&s->j, err) &&
             (!s->j.readable || document_judge(&s->j, &d, err));
        document_done(&d);
    } else {
        fact_fail(&s->j, FACT_form, &e);
    }
    session_end(s);
    return ok;
}
