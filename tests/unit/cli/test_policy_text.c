/* What `sotto policy` says of a policy: each thing that is left open by its reason, and nothing where nothing is. */
#include "test.h"

#include "cli/policy_text.h"
#include "codec/json.h"

#define NOW INT64_C(1795000000) /* 2026-11-18T11:06:40Z */
#define D48 "\"111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111\""
#define BOOT "\"mrtd\":[" D48 "],\"rtmr0\":[" D48 "],\"rtmr1\":[" D48 "],\"rtmr2\":[" D48 "]"
#define SERVICE "\"service\":{\"program\":[" D48 "],\"config\":[" D48 "],\"web\":[" D48 "],\"model\":[" D48 "]"
#define XFAM ",\"xfam\":{\"mask\":\"0000000000000000\",\"value\":\"0000000000000000\"},\"mrseam\":[" D48 "]"
#define PLATFORM \
    "\"platform\":{\"ppid\":[\"11111111111111111111111111111111\"],\"smt\":false,\"cached_keys\":false,\"dynamic\":" \
    "false}"
#define REST "\"max_age\":60"
#define CLOSED \
    "\"anchors\":{\"intel\":true},\"tcb\":{\"min_evaluation\":19},\"td\":{" BOOT XFAM "}," PLATFORM "," SERVICE \
    "}," REST

static struct policy *parsed(const char *text)
{
    struct policy *p = NULL;
    struct err err = {0};

    assert_ok(policy_parse(bytes_of_str(text), &p, &err), err);
    return p;
}

/* "member REASON" of each, in order. */
static void open_lines(const char *text, char out[2000])
{
    struct policy_line lines[POLICY_LINES_MAX];
    struct policy *p = parsed(text);
    const size_t count = policy_text_lines(p, NOW, lines);

    out[0] = '\0';
    assert_true(count < POLICY_LINES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (lines[i].reason != REASON_OK) {
            (void)snprintf(out + strlen(out), 2000 - strlen(out), "%s%s %s", out[0] == '\0' ? "" : ", ",
                           lines[i].member, reason_name(lines[i].reason));
            assert_true(reason_todo(lines[i].reason)[0] != '\0');
        } else {
            assert_true(lines[i].text[0] != '\0');
        }
    }
    policy_free(p);
}

static const struct {
    const char *text, *open;
} rows[] = {
    {"{\"v\":1," CLOSED "}", ""},
    {"{\"v\":1}",
     "anchors POLICY_NO_ANCHOR, tcb.min_evaluation POLICY_EVALUATION, td.mrtd POLICY_BOOT, td.rtmr0 POLICY_BOOT, "
     "td.rtmr1 POLICY_BOOT, td.rtmr2 POLICY_BOOT, td.mrseam POLICY_OPEN, td.xfam POLICY_OPEN, platform "
     "POLICY_PLATFORM, platform POLICY_OPEN, service.program POLICY_SERVICE, service.config POLICY_SERVICE, "
     "service.web POLICY_SERVICE, service.model POLICY_SERVICE, max_age POLICY_AGE"},
    {"{\"v\":1,\"anchors\":{\"simulated\":[\"1111111111111111111111111111111111111111111111111111111111111111\"]},"
     "\"tcb\":{\"min_evaluation\":0},\"td\":{" BOOT XFAM "}," PLATFORM "," SERVICE "}," REST "}",
     "anchors.simulated POLICY_SIMULATED"},
    {"{\"v\":1,\"anchors\":{\"intel\":true},\"tcb\":{\"min_evaluation\":19,\"accept\":[\"UpToDate\",\"OutOfDate\","
     "\"Revoked\"],"
     "\"grace\":{\"ConfigurationNeeded\":\"2026-11-18T11:06:39Z\",\"OutOfDate\":\"2026-11-18T11:06:40Z\"}},\"td\":"
     "{" BOOT XFAM "}," PLATFORM "," SERVICE "}," REST "}",
     "tcb.grace POLICY_GRACE, tcb.accept POLICY_TCB, tcb POLICY_REVOKED"},
    {"{\"v\":1,\"anchors\":{\"intel\":true},\"tcb\":{\"min_evaluation\":19},\"td\":{" BOOT XFAM
     ",\"attributes\":{\"mask\":\"0000001000000000\",\"value\":\"0000001000000000\"}}," PLATFORM "," SERVICE
     ",\"backing\":[\"disk\"]}," REST ",\"quote\":{\"trailing\":\"any\"},\"ignore_time\":true,\"gpu\":{\"count\":1}}",
     "ignore_time TIME_IGNORED, td.attributes POLICY_ATTRIBUTES, quote.trailing POLICY_TRAILING, service.backing "
     "POLICY_BACKING, gpu DEVICE_UNCHECKED"},
};

static void what_is_open(void **state)
{
    char open[2000];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_lines(rows[i].text, open);
        if (strcmp(open, rows[i].open) != 0) {
            fail_msg("%s:\nsays %s\nnot  %s", rows[i].text, open, rows[i].open);
        }
    }
}

/* Attributes that demand as much as the default does leave nothing open. */
static void attributes(void **state)
{
    static const struct {
        const char *mask, *value;
        bool open;
    } bits[] = {{"ffffffffffffffff", "0000001000000000", false},
                {"ffffffffffffffff", "0000003000000000", true}, /* not what the default demands */
                {"ffffff00ffffffff", "0000000000000000", true},
                {"00ffffffffffffff", "0000001000000000", true}};
    char text[4000], open[2000];

    (void)state;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"v\":1,\"anchors\":{\"intel\":true},\"tcb\":{\"min_evaluation\":19},\"td\":{" BOOT XFAM
                       ",\"attributes\":{\"mask\":\"%s\",\"value\":\"%s\"}}," PLATFORM "," SERVICE "}," REST "}",
                       bits[i].mask, bits[i].value);
        open_lines(text, open);
        assert_string_equal(open, bits[i].open ? "td.attributes POLICY_ATTRIBUTES" : "");
    }
}

static void printed(void **state)
{
    bool (*const views[])(const struct policy *, int64_t, struct buf *, struct err *) = {policy_text_check,
                                                                                         policy_text_explain};
    struct buf out = BUF(1 << 16);
    json_t *v = NULL;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy *p = parsed(rows[i].text);

        for (size_t k = 0; k < 2; k++) {
            size_t column = 0;

            out.len = 0;
            assert_ok(views[k](p, NOW, &out, &err), err);
            for (size_t at = 0; at < out.len; at++) {
                column = out.p[at] == '\n' ? 0 : column + 1;
                assert_true(column <= 80);
            }
            assert_int_equal(column, 0);
        }
        out.len = 0;
        assert_ok(policy_text_json(p, NOW, &out, &err), err);
        assert_ok(json_parse(buf_bytes(&out), &v, &err), err);
        assert_int_equal(json_array_size(json_object_get(v, "open")) == 0, rows[i].open[0] == '\0');
        json_decref(v);
        policy_free(p);
    }
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_open), cmocka_unit_test(attributes),
                                       cmocka_unit_test(printed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
