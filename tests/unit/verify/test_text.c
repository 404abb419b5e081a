/* A verdict as people read it: within 80 columns, digests short but never alike, colours only where they are asked for.
 */
#include "test.h"

#include "verify/verdict.h"

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
                              "            expected  " LEFT "\n"
                              "            seen      " A16 A16 B16 A16 A16 A16 "\n"
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(facts), cmocka_unit_test(colours)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
