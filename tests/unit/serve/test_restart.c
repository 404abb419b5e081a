/* A role that dies: when it is started again, and when no more. */
#include "test.h"

#include "serve/restart.h"

#define S UINT64_C(1000000000)

static void test_delays(void **state)
{
    static const uint64_t want[] = {0, 0, 400, 800, 1600, 3200, 3200, 3200, 3200, 3200};
    struct restart r = {0};
    uint64_t now = S, delay;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) { /* each comes up, and dies within a second: for ever */
        restart_up(&r, now);
        assert_true(restart_is_up(&r));
        now += S;
        assert_true(restart_died(&r, now, &delay));
        assert_int_equal(delay, want[i]);
        assert_false(restart_is_up(&r));
    }
    restart_up(&r, now);
    restart_up(&r, now + 5 * S); /* said again: it has been up since before */
    assert_true(restart_died(&r, now + RESTART_GOOD_NS, &delay));
    assert_int_equal(delay, 0);
    restart_up(&r, now);
    assert_true(restart_died(&r, now + RESTART_GOOD_NS - 1, &delay));
    assert_true(restart_died(&r, now, &delay));
    assert_int_equal(delay, 400);
}

static void test_the_end(void **state)
{
    struct restart r = {0};
    uint64_t delay, total = 0;

    (void)state;
    for (int i = 1; i < RESTART_FAILED_MAX; i++) {
        assert_true(restart_died(&r, S, &delay));
        total += delay;
    }
    assert_false(restart_died(&r, S, &delay));
    assert_true(total < 15000); /* soon enough for whoever waits for the service's end */
    r = (struct restart){0};
    for (int i = 1; i < RESTART_FAILED_MAX; i++) {
        assert_true(restart_died(&r, S, &delay));
    }
    restart_up(&r, S); /* one that came up after all */
    assert_true(restart_died(&r, 2 * S, &delay));
    assert_true(restart_died(&r, 2 * S, &delay));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_delays), cmocka_unit_test(test_the_end)};

    return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
