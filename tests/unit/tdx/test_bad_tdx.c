/* The bad files of the formats that tdx/ reads: what each must give stands in tests/bad/FORMAT/expected.txt. */
#include "bad.h"
#include "tdx/eventlog.h"
#include "tdx/quote.h"

static bool quote_read(struct bytes in, struct err *err)
{
    struct quote q;

    return quote_parse(in, &q, err);
}

static bool log_read(struct bytes in, struct err *err)
{
    struct eventlog_event e;
    struct eventlog log;
    bool more = true, ok = eventlog_open(in, &log, err);

    while (ok && more) {
        ok = eventlog_next(&log, &e, &more, err);
    }
    return ok;
}

static bool any_read(struct bytes in, struct err *err)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    size_t count;

    return eventlog_replay(in, registers, &count, err);
}

static void bad_quotes(void **state)
{
    (void)state;
    bad_run("quote", quote_read);
}

static void bad_logs(void **state)
{
    (void)state;
    bad_run("eventlog", log_read);
}

/* Every form, written by tests/bad/make_logs.py. */
static void bad_logs_of_any_form(void **state)
{
    (void)state;
    bad_run("log", any_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_quotes), cmocka_unit_test(bad_logs),
                                       cmocka_unit_test(bad_logs_of_any_form)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
