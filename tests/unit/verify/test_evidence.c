/* Evidence of Trustee's form (a quote, the firmware's log, the guest's log): which facts its logs decide. Real logs
 * with the quotes that belong to them, without collateral, so that all else stays unknown; and a simulated platform's
 * evidence, of which one thing at a time is changed. */
#include "test.h"
#include "world.h"

#include "base/hex.h"
#include "base/limits.h"
#include "evidence/bundle.h"
#include "explain/verdict_print.h"
#include "explain/verify.h"
#include "os/file.h"
#include "sim/bootlog.h"

#define ZEROS_8 "00000000"
#define ZEROS_96 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8

static const char agent_log[] = "INIT sha384/" ZEROS_96 "\n";

#define COS_QUOTE "eventlog/gotdx_cos-113-tdx-quote.dat"
#define COS_LOG "eventlog/gotdx_ccel_data.dat"

/* A vector's name, or a text that is the log itself (it has a line end or is JSON), or NULL. */
static void content_get(const char *what, struct buf *out)
{
    struct err err = {0};

    if (what != NULL && strpbrk(what, "\n[") != NULL) {
        assert_ok(buf_str(out, what, &err), err);
    } else if (what != NULL) {
        assert_ok(file_read(vector_path(what), out, &err), err);
    }
}

/* A raw quote, or the member of a JSON file. */
static void quote_get(const char *name, struct buf *out)
{
    struct buf text = BUF(LIMIT_EVIDENCE);
    struct err err = {0};
    json_t *v = NULL;

    content_get(name, &text);
    if (text.p[0] == '{') {
        assert_ok(json_parse(buf_bytes(&text), &v, &err), err);
        assert_ok(hex_decode_all(bytes_of_str(json_string_value(json_object_get(v, "quote"))), out, &err), err);
        json_decref(v);
    } else {
        assert_ok(buf_add(out, text.p, text.len, &err), err);
    }
    buf_done(&text);
}

static void fact_is(const struct verdict *v, const char *name, enum reason want, const char *row)
{
    const struct fact *f = verdict_find(v, name);
    const enum reason seen = f != NULL ? f->reason : REASON_INTERNAL;

    if (seen != want || (want == REASON_OK && f->state != FACT_AFFIRMED)) {
        fail_msg("%s: %s is %s, expected %s", row, name, reason_name(seen), reason_name(want));
    }
}

static void logs_decide(void **state)
{
    static const struct {
        const char *what, *quote, *boot, *guest;
        enum reason boot_log, event_log; /* INTERNAL: the fact is not there */
    } rows[] = {
        {"CCEL", COS_QUOTE, COS_LOG, NULL, REASON_OK, REASON_OK},
        {"CCEL in the other place", COS_QUOTE, NULL, COS_LOG, REASON_OK, REASON_OK},
        {"no log", COS_QUOTE, NULL, NULL, REASON_INTERNAL, REASON_FACT_UNKNOWN},
        {"a log without events", COS_QUOTE, "[]", NULL, REASON_LOG_ABSENT, REASON_LOG_ABSENT},
        {"a separator twice", COS_QUOTE, "eventlog/goeventlog_cos-113-intel-tdx-dupe-separator.bin", NULL,
         REASON_EVENT_LOG_REPLAY, REASON_EVENT_LOG_REPLAY},
        {"the same log twice", COS_QUOTE, COS_LOG, COS_LOG, REASON_EVENT_LOG_REPLAY, REASON_EVENT_LOG_REPLAY},
        {"another machine's log", COS_QUOTE, "eventlog/dstack_ccel.bin", NULL, REASON_EVENT_LOG_REPLAY,
         REASON_EVENT_LOG_REPLAY},
        {"one event of RTMR3 too many", COS_QUOTE, COS_LOG, agent_log, REASON_OK, REASON_EVENT_LOG_REPLAY},
        {"CCEL and IMA", "eventlog/cctrusted_quote.bin", "eventlog/cctrusted_ccel_data.bin",
         "eventlog/cctrusted_ima_log.bin", REASON_OK, REASON_OK},
        {"CCEL without IMA", "eventlog/cctrusted_quote.bin", "eventlog/cctrusted_ccel_data.bin", NULL,
         REASON_EVENT_LOG_REPLAY, REASON_EVENT_LOG_REPLAY},
        {"IMA before CCEL", "eventlog/cctrusted_quote.bin", "eventlog/cctrusted_ima_log.bin",
         "eventlog/cctrusted_ccel_data.bin", REASON_EVENT_LOG_REPLAY, REASON_EVENT_LOG_REPLAY},
        {"dstack", "eventlog/dstack_verifier_quote-report.json", "eventlog/dstack_verifier_quote-report.json", NULL,
         REASON_OK, REASON_OK},
        {"dstack without digests", "eventlog/dstack_verifier_tdx-lite-getquote.json", NULL,
         "eventlog/dstack_verifier_tdx-lite-getquote.json", REASON_OK, REASON_OK},
        {"dstack, another launch", "eventlog/dstack_verifier_quote-report.json",
         "eventlog/dstack_verifier_tdx-lite-getquote.json", NULL, REASON_EVENT_LOG_REPLAY, REASON_EVENT_LOG_REPLAY},
        {"SM3", COS_QUOTE, "eventlog/trustee_CCEL_data_csv.bin", NULL, REASON_LOG_ALGORITHM, REASON_LOG_ALGORITHM},
        {"a TPM's log", COS_QUOTE, "eventlog/goeventlog_tpm_ubuntu-2104-no-secure-boot.bin", NULL, REASON_LOG_REGISTER,
         REASON_LOG_REGISTER},
        {"no log at all", COS_QUOTE, COS_LOG, "a text, and not one that any of the forms has\n", REASON_LOG_FORM,
         REASON_LOG_FORM},
        {"JSON that ends early", COS_QUOTE, COS_LOG, "[", REASON_JSON_FORM, REASON_JSON_FORM},
    };
    struct policy *policy;
    struct err err = {0};

    (void)state;
    assert_ok(policy_builtin(&policy, &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf quote = BUF(LIMIT_QUOTE), boot = BUF(LIMIT_LOG), guest = BUF(LIMIT_LOG);
        struct verify_input in = {.policy = policy, .time = 1700000000};
        struct bytes logs[2];
        struct verdict v;

        quote_get(rows[i].quote, &quote);
        content_get(rows[i].boot, &boot);
        content_get(rows[i].guest, &guest);
        in.logs = logs;
        if (rows[i].boot != NULL) {
            logs[in.log_count++] = buf_bytes(&boot);
        }
        if (rows[i].guest != NULL) {
            logs[in.log_count++] = buf_bytes(&guest);
        }
        assert_ok(verify_bare_evidence(buf_bytes(&quote), &in, &v, &err), err);
        fact_is(&v, "boot_log", rows[i].boot_log, rows[i].what);
        fact_is(&v, "event_log", rows[i].event_log, rows[i].what);
        verdict_done(&v);
        buf_done(&quote);
        buf_done(&boot);
        buf_done(&guest);
    }
    policy_free(policy);
}

/* The simulated firmware's log and the service's, the quote and its report data; bits of what is judged. */
#define OTHER_DATA 1U
#define NO_DATA 2U
#define NO_LOGS 4U
#define NO_GUEST_LOG 8U
#define ENCLAVE 16U
#define LOG_OF_TEXT 32U

static void simulated_judge(unsigned how, struct verdict *v)
{
    struct world *w = calloc(1, sizeof *w);
    struct buf boot = BUF(LIMIT_LOG);
    uint8_t data[2][64] = {{0}};
    struct bytes logs[2];
    struct err err = {0};

    assert_non_null(w);
    world_init(w);
    if ((how & ENCLAVE) != 0) {
        w->version = 3;
        w->setup.tcb_info_id = "SGX";
        w->setup.qe_id = "QE";
    }
    world_make(w);
    report_data_form(&w->parts, data[1]);
    data[1][63] ^= how & OTHER_DATA;
    assert_ok(bootlog_print(w->platform.pki.id, &boot, &err), err);
    world_quote_policy(w);
    logs[0] = buf_bytes(&boot);
    logs[1] =
        (how & LOG_OF_TEXT) != 0 ? bytes_of_str("a text, and not one that any of the forms has\n") : buf_bytes(&w->log);
    w->input.logs = logs;
    w->input.log_count = (how & NO_LOGS) != 0 ? 0 : (how & NO_GUEST_LOG) != 0 ? 1 : 2;
    w->input.report_data = (const uint8_t(*)[64])data;
    w->input.report_data_count = (how & NO_DATA) != 0 ? 0 : 2;
    assert_ok(verify_bare_evidence(buf_bytes(&w->quote), &w->input, v, &err), err);
    assert_true(world_consistent(v));
    buf_done(&boot);
    world_done(w);
    free(w);
}

static void simulated_evidence(void **state)
{
    static const struct {
        const char *name;
        unsigned how;
        const char *fact;
        enum fact_state state;
        enum reason reason;
        enum verdict_result result;
    } rows[] = {
        {"nothing is changed", 0, "report_data", FACT_AFFIRMED, REASON_OK, VERDICT_SIMULATED},
        {"nothing is changed, and the logs replay", 0, "event_log", FACT_AFFIRMED, REASON_OK, VERDICT_SIMULATED},
        {"other report data", OTHER_DATA, "report_data", FACT_REFUTED, REASON_REPORT_DATA_MISMATCH, VERDICT_REFUSED},
        {"no report data", NO_DATA, "report_data", FACT_IS_UNKNOWN, REASON_FACT_UNKNOWN, VERDICT_UNDECIDED},
        {"no log", NO_LOGS, "event_log", FACT_IS_UNKNOWN, REASON_FACT_UNKNOWN, VERDICT_UNDECIDED},
        {"the firmware's log alone", NO_GUEST_LOG, "event_log", FACT_IS_UNKNOWN, REASON_LOG_ABSENT, VERDICT_UNDECIDED},
        {"its registers replay", NO_GUEST_LOG, "boot_log", FACT_AFFIRMED, REASON_OK, VERDICT_UNDECIDED},
        {"a log that is none", LOG_OF_TEXT, "event_log", FACT_REFUTED, REASON_LOG_FORM, VERDICT_REFUSED},
        {"an enclave, which has no log", ENCLAVE, "event_log", FACT_IS_UNKNOWN, REASON_FACT_UNKNOWN, VERDICT_UNDECIDED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict v;
        const struct fact *f;

        simulated_judge(rows[i].how, &v);
        f = verdict_find(&v, rows[i].fact);
        if (f == NULL || f->state != rows[i].state || f->reason != rows[i].reason || v.result != rows[i].result) {
            fail_msg("%s: %s is %s (%s), and it is %s", rows[i].name, rows[i].fact,
                     f == NULL ? "not there" : fact_state_name(f->state), f == NULL ? "" : f->text,
                     verdict_result_name(v.result));
        }
        verdict_done(&v);
    }
}

/* ---- on a simulated platform, where the service's log is one of them ---- */

static const char last_log[] =
    "[{\"imr\":3,\"event_type\":1,\"event\":\"\",\"event_payload\":\"\",\"digest\":\"" ZEROS_96 "\"}]";

struct beside {
    const char *what, *logs; /* b: the firmware's, s: the service's, f: events that are not the service's */
    const char *report_data; /* r: the quote's, x: another; both: either will do */
    bool demands_service;    /* the policy does */
    bool evidence;           /* of somebody who asks for a token */
    unsigned version;        /* of the quote */
    enum verdict_result result;
    enum reason boot_log, event_log, report, program; /* INTERNAL: the fact is not there */
};

static size_t logs_make(const struct world *w, const struct buf *boot, const char *which, struct bytes out[4])
{
    size_t n = 0;

    for (; which[n] != '\0'; n++) {
        out[n] = which[n] == 'b' ? buf_bytes(boot) : which[n] == 's' ? buf_bytes(&w->log) : bytes_of_str(last_log);
    }
    return n;
}

static void beside_judge(struct world *w, const struct beside *row)
{
    struct buf boot = BUF(LIMIT_LOG);
    uint8_t report_data[2][64] = {{0}};
    struct bytes logs[4];
    struct err err = {0};

    world_init(w);
    w->version = row->version;
    world_make(w);
    if (row->demands_service) {
        world_judge(w);
        verdict_done(&w->verdict);
    } else {
        world_quote_policy(w);
    }
    assert_ok(bootlog_print(w->platform.pki.id, &boot, &err), err);
    w->input.logs = logs;
    w->input.log_count = logs_make(w, &boot, row->logs, logs);
    w->input.report_data = (const uint8_t(*)[64])report_data;
    w->input.report_data_count = strlen(row->report_data);
    report_data_form(&w->parts, report_data[strcmp(row->report_data, "xr") == 0 ? 1 : 0]);
    report_data[0][9] ^= row->report_data[0] == 'x' ? 1 : 0;
    assert_ok((row->evidence ? verify_bare_evidence : verify_quote)(buf_bytes(&w->quote), &w->input, &w->verdict, &err),
              err);
    if (w->verdict.result != row->result) {
        fail_msg("%s: the result is %s", row->what, verdict_result_name(w->verdict.result));
    }
    assert_true(world_consistent(&w->verdict));
    fact_is(&w->verdict, "boot_log", row->boot_log, row->what);
    fact_is(&w->verdict, "event_log", row->event_log, row->what);
    fact_is(&w->verdict, "report_data", row->report, row->what);
    fact_is(&w->verdict, "program", row->program, row->what);
    world_done(w);
    buf_done(&boot);
}

#define OK REASON_OK
#define NO REASON_INTERNAL
#define NOT_THERE REASON_LOG_ABSENT
#define OTHER REASON_EVENT_LOG_REPLAY
#define UNKNOWN REASON_FACT_UNKNOWN
#define YES VERDICT_SIMULATED
#define MAYBE VERDICT_UNDECIDED
#define REFUSED VERDICT_REFUSED

static void logs_beside(void **state)
{
    static const struct beside rows[] = {
        {"nothing", "", "", false, false, 4, YES, NO, NO, NO, NO},
        {"both logs", "bs", "", false, false, 4, YES, OK, OK, NO, NO},
        {"both logs, TD 1.5", "bs", "", false, false, 5, YES, OK, OK, NO, NO},
        {"the service's log first", "sb", "", false, false, 4, YES, OK, OK, NO, NO},
        {"the firmware's alone", "b", "", false, false, 4, MAYBE, OK, NOT_THERE, NO, NO},
        {"the service's alone", "s", "", false, false, 4, MAYBE, NOT_THERE, NOT_THERE, NO, NO},
        {"one twice", "bss", "", false, false, 4, REFUSED, OK, OTHER, NO, NO},
        {"another log of RTMR3", "bf", "", false, false, 4, REFUSED, OK, OTHER, NO, NO},
        {"an enclave, whose registers are demanded", "bs", "", false, false, 3, REFUSED, NO, UNKNOWN, NO, NO},
        {"report data", "", "r", false, false, 4, YES, NO, NO, OK, NO},
        {"one of two", "", "xr", false, false, 4, YES, NO, NO, OK, NO},
        {"other report data", "", "x", false, false, 4, REFUSED, NO, NO, REASON_REPORT_DATA_MISMATCH, NO},
        {"other report data, good logs", "bs", "x", false, false, 4, REFUSED, OK, OK, REASON_REPORT_DATA_MISMATCH, NO},
        {"the service is demanded", "bs", "", true, false, 4, YES, OK, OK, NO, OK},
        {"it is demanded, and no log given", "", "", true, false, 4, MAYBE, NO, NO, NO, UNKNOWN},
        {"it is demanded, without its log", "b", "", true, false, 4, MAYBE, OK, NOT_THERE, NO, UNKNOWN},
        {"it is demanded, without the firmware's", "s", "", true, false, 4, MAYBE, NOT_THERE, NOT_THERE, NO, OK},
        {"it is demanded, another log", "bf", "", true, false, 4, REFUSED, OK, OTHER, NO, UNKNOWN},
        {"it is demanded, its log twice", "bss", "", true, false, 4, REFUSED, OK, OTHER, NO, OK},
        {"a token", "bs", "r", false, true, 4, YES, OK, OK, OK, NO},
        {"a token, no log", "", "r", false, true, 4, MAYBE, NO, UNKNOWN, OK, NO},
        {"a token, no report data", "bs", "", false, true, 4, MAYBE, OK, OK, UNKNOWN, NO},
        {"a token, other report data", "bs", "x", false, true, 4, REFUSED, OK, OK, REASON_REPORT_DATA_MISMATCH, NO},
        {"a token, the service is demanded", "bs", "r", true, true, 4, YES, OK, OK, OK, OK},
    };
    static struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        beside_judge(&w, &rows[i]);
    }
}

/* A bundle has the logs, and the stored verdict says whether they are still those. */
static void logs_in_bundles(void **state)
{
    static const struct {
        const char *logs; /* those that are left in the bundle */
        enum verdict_result result;
        enum reason archived;
    } rows[] = {{"bs", YES, OK},
                {"sb", YES, OK},
                {"", YES, REASON_ARCHIVED_VERDICT},
                {"b", MAYBE, REASON_ARCHIVED_VERDICT},
                {"bb", REFUSED, REASON_ARCHIVED_VERDICT}};
    struct buf boot = BUF(LIMIT_LOG), verdict = BUF(LIMIT_POLICY), text = BUF(LIMIT_EVIDENCE);
    struct bundle b = {.time = WORLD_TIME};
    static struct world w;
    struct bytes logs[4];
    uint8_t report_data[1][64];
    struct err err = {0};

    (void)state;
    world_init(&w);
    world_make(&w);
    world_quote_policy(&w);
    assert_ok(bootlog_print(w.platform.pki.id, &boot, &err), err);
    report_data_form(&w.parts, report_data[0]);
    w.input.logs = logs;
    w.input.log_count = logs_make(&w, &boot, "bs", logs);
    w.input.report_data = (const uint8_t(*)[64])report_data;
    w.input.report_data_count = 1;
    assert_ok(verify_quote(buf_bytes(&w.quote), &w.input, &w.verdict, &err), err);
    assert_ok(verdict_print_json(&w.verdict, &verdict, &err), err);
    b.evidence = buf_bytes(&w.quote);
    b.verdict = buf_bytes(&verdict);
    b.files = w.files;
    b.file_count = w.file_count;
    b.logs = logs;
    w.input.file_count = w.input.log_count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t asked = 0; asked < 2; asked++) { /* for the report data again, or not */
            text.len = 0;
            b.log_count = logs_make(&w, &boot, rows[i].logs, logs);
            w.input.report_data_count = asked;
            assert_ok(bundle_print(&b, &text, &err), err);
            verdict_done(&w.verdict);
            assert_ok(verify_bundle(buf_bytes(&text), &w.input, false, &w.verdict, &err), err);
            assert_int_equal(w.verdict.result, rows[i].result);
            fact_is(&w.verdict, "archived_verdict", rows[i].archived, rows[i].logs);
            fact_is(&w.verdict, "report_data", asked ? OK : NO, rows[i].logs);
        }
    }
    text.len = 0;
    b.log_count = BUNDLE_LOGS_MAX + 1;
    assert_fails(bundle_print(&b, &text, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    world_done(&w);
    buf_done(&boot);
    buf_done(&verdict);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logs_decide), cmocka_unit_test(simulated_evidence),
                                       cmocka_unit_test(logs_beside), cmocka_unit_test(logs_in_bundles)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
