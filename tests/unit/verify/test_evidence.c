/* Evidence of Trustee's form (a quote, the firmware's log, the guest's log): which facts its logs decide. Real logs
 * with the quotes that belong to them; no collateral, so that all else stays unknown. */
#include "test.h"

#include "base/hex.h"
#include "base/limits.h"
#include "os/file.h"
#include "verify/verify.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logs_decide)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
