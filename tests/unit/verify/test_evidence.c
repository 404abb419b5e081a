/* Evidence of Trustee's form (a quote, the firmware's log, the guest's log): which facts its logs decide. Real logs
 * with the quotes that belong to them, without collateral, so that all else stays unknown; and a simulated platform's
 * evidence, of which one thing at a time is changed. */
#include "test.h"
#include "world.h"

#include "base/hex.h"
#include "base/limits.h"
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
        struct verify_bare bare;
        struct verdict v;

        quote_get(rows[i].quote, &quote);
        content_get(rows[i].boot, &boot);
        content_get(rows[i].guest, &guest);
        bare = (struct verify_bare){
            .quote = buf_bytes(&quote), .boot_log = buf_bytes(&boot), .event_log = buf_bytes(&guest)};
        assert_ok(verify_bare_evidence(&bare, &in, &v, &err), err);
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
    uint8_t data[64];
    struct verify_bare bare;
    struct err err = {0};

    assert_non_null(w);
    world_init(w);
    if ((how & ENCLAVE) != 0) {
        w->version = 3;
        w->setup.tcb_info_id = "SGX";
        w->setup.qe_id = "QE";
    }
    world_make(w);
    report_data_form(&w->parts, data);
    data[63] ^= how & OTHER_DATA;
    assert_ok(bootlog_print(w->platform.pki.id, &boot, &err), err);
    world_quote_policy(w);
    bare = (struct verify_bare){.quote = buf_bytes(&w->quote),
                                .boot_log = buf_bytes(&boot),
                                .event_log = buf_bytes(&w->log),
                                .report_data_count = (how & NO_DATA) != 0 ? 0 : 2};
    memcpy(bare.report_data[1], data, sizeof data);
    if ((how & NO_LOGS) != 0) {
        bare.boot_log = bare.event_log = bytes_of(NULL, 0);
    }
    if ((how & (NO_GUEST_LOG | LOG_OF_TEXT)) != 0) {
        bare.event_log = (how & LOG_OF_TEXT) != 0 ? bytes_of_str("a text, and not one that any of the forms has\n")
                                                  : bytes_of(NULL, 0);
    }
    assert_ok(verify_bare_evidence(&bare, &w->input, v, &err), err);
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
        {"the firmware's log alone", NO_GUEST_LOG, "event_log", FACT_REFUTED, REASON_EVENT_LOG_REPLAY, VERDICT_REFUSED},
        {"its registers replay", NO_GUEST_LOG, "boot_log", FACT_AFFIRMED, REASON_OK, VERDICT_REFUSED},
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logs_decide), cmocka_unit_test(simulated_evidence)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
