#include "cli/args.h"
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

static const struct args_option options[] = {
    {"json", 0, NULL, "print JSON"},
    {"policy", 'p', "FILE", "the policy"},
    {"number", 'n', "N", "a number"},
    {NULL, 0, NULL, NULL},
};
static const struct args_form form = {"test THING [options]", "A test.", options, 1, 2};

/* What args_parse() prints (help, usage) would be no TAP. */
static bool parse_quietly(int argc, char **argv, struct args *a, int *code)
{
    int out = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    bool ok;

    (void)fflush(stdout);
    (void)dup2(nowhere, STDOUT_FILENO);
    ok = args_parse(argc, argv, &form, a, code);
    (void)fflush(stdout);
    (void)dup2(out, STDOUT_FILENO);
    (void)close(out);
    (void)close(nowhere);
    return ok;
}

static void command_lines(void **state)
{
    static const struct {
        const char *argv[8];
        int exit_code; /* -1: parsed */
        const char *policy, *operand;
        bool json;
        int operands;
    } cases[] = {
        {{"x", "thing"}, -1, NULL, "thing", false, 1},
        {{"x", "--json", "thing", "-p", "f"}, -1, "f", "thing", true, 1},
        {{"x", "thing", "--policy=f"}, -1, "f", "thing", false, 1},
        {{"x", "thing", "--policy", "--json"}, -1, "--json", "thing", false, 1},
        {{"x", "--", "--json"}, -1, NULL, "--json", false, 1},
        {{"x", "-"}, -1, NULL, "-", false, 1},
        {{"x", "--policy=", "a", "b"}, -1, "", "a", false, 2},
        {{"x"}, 2, NULL, NULL, false, 0},
        {{"x", "a", "b", "c"}, 2, NULL, NULL, false, 0},
        {{"x", "a", "--policy"}, 2, NULL, NULL, false, 0},
        {{"x", "a", "--json=1"}, 2, NULL, NULL, false, 0},
        {{"x", "a", "--jso"}, 2, NULL, NULL, false, 0},
        {{"x", "a", "-pf"}, 2, NULL, NULL, false, 0},
        {{"x", "a", "-z"}, 2, NULL, NULL, false, 0},
        {{"x", "--help"}, 0, NULL, NULL, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[9] = {0};
        struct args a = {0};
        int argc = 0, code = -1;
        bool ok;

        while (cases[i].argv[argc] != NULL) {
            argv[argc] = strdup(cases[i].argv[argc]);
            argc++;
        }
        char *copies[8];
        memcpy(copies, argv, sizeof copies);
        ok = parse_quietly(argc, argv, &a, &code);
        assert_int_equal(ok, cases[i].exit_code == -1);
        if (ok) {
            assert_int_equal(a.operand_count, cases[i].operands);
            assert_string_equal(a.operands[0], cases[i].operand);
            assert_int_equal(args_flag(&a, "json"), cases[i].json);
            if (cases[i].policy == NULL) {
                assert_null(args_get(&a, "policy"));
            } else {
                assert_string_equal(args_get(&a, "policy"), cases[i].policy);
            }
        } else {
            assert_int_equal(code, cases[i].exit_code);
        }
        for (int k = 0; k < argc; k++) {
            free(copies[k]);
        }
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {{"1", true, 1},
                 {"100", true, 100},
                 {"0", false, 0},
                 {"101", false, 0},
                 {"", false, 0},
                 {"-1", false, 0},
                 {"1x", false, 0},
                 {" 1", false, 0},
                 {"99999999999999999999999", false, 0},
                 {"18446744073709551617", false, 0}};
    struct args a = {.form = &form};
    struct err err = {0};
    uint64_t n;

    (void)state;
    assert_true(args_number(&a, "number", 1, 100, 7, &n, &err) && n == 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        a.values[2] = cases[i].text;
        assert_int_equal(args_number(&a, "number", 1, 100, 7, &n, &err), cases[i].ok);
        if (cases[i].ok) {
            assert_int_equal(n, cases[i].value);
        } else {
            assert_int_equal(err.reason, REASON_USAGE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(command_lines), cmocka_unit_test(numbers)};

    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
