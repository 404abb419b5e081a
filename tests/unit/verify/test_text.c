/* A verdict as people read it: within 80 columns, digests short but never alike, colours only where they are asked for.
 */
#include "test.h"

#include "explain/verdict_print.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define B16 "bbbbbbbbbbbbbbbb"
#define LEFT A16 A16 A16 A16 A16 A16

static const struct verdict refused = {
    .result = VERDICT_REFUSED,
    .time = 1795000000,
    .count = 5,
    .facts = {{.name = "form", .state = FACT_AFFIRMED, .required = true, .text = "the quote has its form"},
              {.name = "boot",
               .state = FACT_REFUTED,
               .required = true,
               .reason = REASON_RTMR_MISMATCH,
               .expected = LEFT,
               .seen = A16 A16 A16 A16 A16 B16,
               .text = "a register is another one: RTMR1"},
              {.name = "mrseam",
               .state = FACT_REFUTED,
               .required = true,
               .reason = REASON_MRSEAM_MISMATCH,
               .expected = LEFT,
               .seen = A16 A16 B16 A16 A16 A16,
               .text = "it is not in the policy"},
              {.name = "time",
               .state = FACT_IS_UNKNOWN,
               .required = true,
               .reason = REASON_FACT_UNKNOWN,
               .text = "what this check needs is not there"},
              {.name = "measurements",
               .state = FACT_IS_UNKNOWN,
               .reason = REASON_NOT_DEMANDED,
               .text = "the policy gives no value for this"}},
};

/* Terminated. */
static char *printed(bool all, bool colour)
{
    struct buf out = BUF(1 << 16);
    struct err err = {0};

    assert_ok(verdict_print_text(&refused, all, colour, &out, &err) && buf_u8(&out, 0, &err), err);
    return (char *)out.p;
}

static void facts(void **state)
{
    char *text = printed(false, false);

    (void)state;
    assert_string_equal(text, "REFUSED: at least one required fact is false. Do not trust it.\n"
                              "  judged at 2026-11-18T11:06:40Z\n"
                              "  refuted   boot                   RTMR_MISMATCH\n"
                              "            a register is another one: RTMR1\n"
                              "            expected  " A16 ".." A16 " (48 bytes)\n"
                              "            seen      " A16 ".." B16 " (48 bytes)\n"
                              "            to do     list the boot chain under td.rtmr0 to td.rtmr2 if you\n"
                              "                      built it\n"
                              "  refuted   mrseam                 MRSEAM_MISMATCH\n"
                              "            it is not in the policy\n"
                              "            expected  aaaaaaaaaaaa..aaaaaaaaaaaa..aaaaaaaaaaaa (48 bytes)\n"
                              "            seen      aaaaaaaaaaaa..bbbbbbbbbbbb..aaaaaaaaaaaa (48 bytes)\n"
                              "            to do     list the TDX module under td.mrseam if you know it\n"
                              "  unknown   measurements           NOT_DEMANDED (not required)\n"
                              "            the policy gives no value for this\n"
                              "            to do     give one with --policy (docs/formats.md, section 7)\n"
                              "  1 more could not be checked for want of that (-v lists them)\n");
    free(text);
    text = printed(true, false);
    assert_non_null(strstr(text, "\n  affirmed  form                   the quote has its form\n"));
    assert_non_null(strstr(text, "\n  unknown   time                   FACT_UNKNOWN\n"));
    assert_null(strstr(text, "more could not"));
    assert_null(strchr(text, '\033'));
    free(text);
}

/* The same text, between sequences that end what they begin. */
static void colours(void **state)
{
    char *plain = printed(true, false), *text = printed(true, true);
    size_t n = 0;
    bool on = false;

    (void)state;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\033') {
            const bool ends = strncmp(p, "\033[0m", 4) == 0;

            assert_true(ends == on);
            on = !on;
            p = strchr(p, 'm');
        } else {
            assert_int_equal(*p, plain[n++]);
        }
    }
    assert_false(on);
    assert_int_equal(n, strlen(plain));
    free(plain);
    free(text);
}

#define TYPE64 "SW/OS\\u001bSoftware/Operating/System/With/A/Name/Of/Sixty-Four/Bytes"
#define IDS \
    "\"INTEL-SA-00614\",\"INTEL-SA-00615\",\"INTEL-SA-00617\",\"INTEL-SA-00657\",\"INTEL-SA-00730\"," \
    "\"INTEL-SA-00738\",\"INTEL-SA-00767\",\"INTEL-SA-00828\",\"INTEL-SA-00837\",\"INTEL-SA-00960\""
#define BEHIND(component, type) \
    "{\"advisory_ids\":[" IDS "],\"component\":\"" component "\",\"type\":\"" type \
    "\",\"seen\":3,\"needed\":255,\"since\":\"2023-08-09\"}"

static const char claims_behind[] =
    "{\"tcb_distance\":{\"status\":\"UpToDate\",\"tcb_date\":\"2024-03-13\",\"behind\":[" BEHIND(
        "sgxtcbcomponents[15]", TYPE64) "," BEHIND("tdxtcbcomponents[0]", "Early Microcode Update") "]}}";

/* What a document says of a component is as long as it likes, and wrapped like every other line. */
static void distance_lines(void **state)
{
    struct verdict v = refused;
    struct buf out = BUF(1 << 16);
    struct err err = {0};
    size_t lines = 0;

    (void)state;
    assert_ok(json_parse(bytes_of_str(claims_behind), &v.claims, &err), err);
    assert_ok(verdict_print_text(&v, true, false, &out, &err) && buf_u8(&out, 0, &err), err);
    for (const char *p = (const char *)out.p; *p != '\0'; p = strchr(p, '\n') + 1) {
        const size_t len = strcspn(p, "\n");

        if (len > 80) {
            fail_msg("%zu columns: %.*s", len, (int)len, p);
        }
        lines++;
    }
    assert_true(lines > 20);
    assert_non_null(
        strstr((const char *)out.p, "\n  what is behind UpToDate of 2024-03-13:\n    sgxtcbcomponents[15]\n"));
    assert_non_null(strstr((const char *)out.p, "(SW/OS?Software/"));
    assert_non_null(
        strstr((const char *)out.p, "\n    tdxtcbcomponents[0] (Early Microcode Update) is 3, needs 255 since"));
    json_decref(v.claims);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(facts), cmocka_unit_test(colours),
                                       cmocka_unit_test(distance_lines)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
