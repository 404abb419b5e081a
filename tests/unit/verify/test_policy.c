/* The policy's form: the table of tests/bad/policy, and what absent and empty members mean. */
#include "bad.h"
#include "base/limits.h"
#include "verify/policy_data.h"

static bool policy_read(struct bytes in, struct err *err)
{
    struct policy *p;

    if (!policy_parse(in, &p, err)) {
        return false;
    }
    policy_free(p);
    return true;
}

static void bad_files(void **state)
{
    (void)state;
    bad_run("policy", policy_read);
}

static struct policy *parsed(const char *text)
{
    struct policy *p = NULL;
    struct err err = {0};

    assert_ok(policy_parse(bytes_of_str(text), &p, &err), err);
    return p;
}

static void defaults_are(const char *text)
{
    struct policy *p = parsed(text);

    assert_false(p->intel);
    assert_int_equal(p->simulated.count, 0);
    for (size_t i = 0; i < TCB_STATUS_COUNT; i++) {
        assert_int_equal(p->accept[i], i == TCB_UP_TO_DATE || i == TCB_SW_HARDENING_NEEDED);
    }
    assert_int_equal(p->places, PLACE_RTMR3);
    assert_int_equal(p->backing, BACKING_MEMFD | BACKING_VERITY);
    assert_false(p->attributes.given || p->xfam.given || p->has_min_evaluation || p->gpu || p->trailing_any);
    assert_false(p->ignore_time);
    assert_true(p->smt && p->cached_keys && p->dynamic);
    assert_int_equal(p->mrtd.count + p->program.count + p->model.count + p->ppid.count, 0);
    policy_free(p);
}

static void absent_and_empty(void **state)
{
    (void)state;
    defaults_are("{\"v\":1}");
    defaults_are(
        "{\"v\":1,\"anchors\":{},\"tcb\":{},\"td\":{},\"platform\":{},\"quote\":{},\"service\":{},\"gpu\":{}}");
    defaults_are("{\"v\":1,\"anchors\":{\"simulated\":[]},\"tcb\":{\"accept\":[],\"grace\":{}},\"td\":{\"mrtd\":[],"
                 "\"attributes\":{},\"log_in\":[]},\"service\":{\"program\":[],\"backing\":[]},\"max_age\":0}");
}

static void values(void **state)
{
    struct policy *p = parsed(
        "{\"v\":1,\"anchors\":{\"intel\":true},\"tcb\":{\"accept\":[\"OutOfDate\"],\"min_evaluation\":0,"
        "\"grace\":{\"ConfigurationNeeded\":\"2026-12-31\"}},\"td\":{\"attributes\":{\"mask\":\"0000001000000080\","
        "\"value\":\"0000001000000000\"},\"log_in\":[\"report-data\"]},\"platform\":{\"smt\":true,\"dynamic\":false},"
        "\"service\":{\"backing\":[\"disk\"]},\"max_age\":3600}");

    (void)state;
    assert_true(p->intel && p->has_min_evaluation && !p->dynamic);
    assert_true(p->smt && p->cached_keys);
    assert_true(p->accept[TCB_OUT_OF_DATE]);
    assert_false(p->accept[TCB_UP_TO_DATE]);
    assert_true(p->grace[TCB_CONFIGURATION_NEEDED]);
    assert_int_equal(p->grace_until[TCB_CONFIGURATION_NEEDED], 1798761599);
    assert_true(p->attributes.mask == UINT64_C(0x8000000010000000));
    assert_true(p->attributes.value == UINT64_C(0x10000000));
    assert_int_equal(p->places, PLACE_REPORT_DATA);
    assert_int_equal(p->backing, BACKING_DISK);
    assert_int_equal(policy_max_age(p), 3600);
    policy_free(p);
}

/* Whoever wrote a policy is told which member is meant, from the root on. */
static void paths(void **state)
{
    static const struct {
        const char *text, *path;
        enum reason reason;
    } rows[] = {
        {"{\"v\":1,\"anchor\":{}}", "anchor: ", REASON_JSON_UNKNOWN},
        {"{\"v\":2}", "v: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"anchors\":{\"intel\":1}}", "anchors.intel: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"anchors\":{\"simulated\":[\"00\"]}}", "anchors.simulated[0]: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"td\":{\"mrtd\":[],\"rtmr3\":[]}}", "td.rtmr3: ", REASON_JSON_UNKNOWN},
        {"{\"v\":1,\"td\":{\"xfam\":{\"mask\":\"00\"}}}", "td.xfam.mask: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"td\":{\"attributes\":{\"mask\":\"0000000000000000\"}}}", "td.attributes: ", REASON_JSON_MEMBER},
        {"{\"v\":1,\"td\":{\"attributes\":{\"bits\":0}}}", "td.attributes.bits: ", REASON_JSON_UNKNOWN},
        {"{\"v\":1,\"td\":{\"log_in\":[\"rtmr3\",\"disk\"]}}", "td.log_in[1]: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"tcb\":{\"accept\":[\"UpToDate\",\"Fine\"]}}", "tcb.accept[1]: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"tcb\":{\"grace\":{\"OutOfDate\":\"soon\"}}}", "tcb.grace.OutOfDate: ", REASON_TIME_FORM},
        {"{\"v\":1,\"service\":{\"backing\":[\"tape\"]}}", "service.backing[0]: ", REASON_POLICY_FORM},
        {"{\"v\":1,\"platform\":{\"smt\":\"no\"}}", "platform.smt: ", REASON_POLICY_FORM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};

        assert_false(policy_read(bytes_of_str(rows[i].text), &err));
        if (err.reason != rows[i].reason || strncmp(err.detail, rows[i].path, strlen(rows[i].path)) != 0) {
            fail_msg("%s: %s (%s)", rows[i].text, err.detail, reason_name(err.reason));
        }
    }
}

/* A list of that many values of 48 bytes, and white space behind the policy. */
static void policy_of(size_t values, size_t spaces, struct buf *out)
{
    struct err err = {0};

    assert_ok(buf_str(out, "{\"v\":1,\"td\":{\"mrtd\":[", &err), err);
    for (size_t i = 0; i < values; i++) {
        assert_ok(buf_printf(out, &err, "%s\"%096zu\"", i == 0 ? "" : ",", i), err);
    }
    assert_ok(buf_str(out, "]}}", &err), err);
    for (size_t i = 0; i < spaces; i++) {
        assert_ok(buf_u8(out, ' ', &err), err);
    }
}

static void limits(void **state)
{
    static const struct {
        size_t values, spaces;
        bool ok;
    } rows[] = {{POLICY_LIST_MAX, 0, true}, {POLICY_LIST_MAX + 1, 0, false}, {1, 1000, true}, {1, LIMIT_POLICY, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text = BUF(2 * LIMIT_POLICY);
        struct err err = {0};

        policy_of(rows[i].values, rows[i].spaces, &text);
        assert_int_equal(policy_read(buf_bytes(&text), &err), rows[i].ok);
        assert_int_equal(err.reason, rows[i].ok ? REASON_OK : REASON_POLICY_FORM);
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_files), cmocka_unit_test(absent_and_empty),
                                       cmocka_unit_test(values), cmocka_unit_test(paths), cmocka_unit_test(limits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
