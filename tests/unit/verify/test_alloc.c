/* Every allocation of a judgement fails in turn: it says NO_MEMORY or leaves facts open, nothing leaks (the sanitizer's
 * run sees to that), and nothing is refuted or affirmed for want of memory. */
#include "test.h"
#include "world.h"

#include "tdx/eventlog.h"

static long left = -1; /* allocations that still succeed; -1: all */
static bool failed;

static bool may(void)
{
    failed = failed || left == 0;
    if (left == 0) {
        return false;
    }
    left -= left > 0;
    return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return may() ? __real_malloc(n) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return may() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    return may() ? __real_realloc(p, n) : NULL;
}

static void document_judged(struct cache *cache)
{
    struct world *w = calloc(1, sizeof *w);
    long n = 0;

    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_judge(w); /* fills in the input */
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    verdict_done(&w->verdict);
    w->input.cache = cache;
    for (bool whole = false; !whole; n++) {
        struct err err = {0};
        bool ok;

        failed = false;
        left = n;
        ok = verify_document(buf_bytes(&w->document), &w->input, &w->verdict, &err);
        left = -1;
        whole = !failed;
        if (!ok) {
            assert_string_equal(reason_name(err.reason), "NO_MEMORY");
        } else {
            if (w->verdict.result == VERDICT_REFUSED || !world_consistent(&w->verdict)) {
                const struct fact *f = verdict_first_failure(&w->verdict);

                fail_msg("allocation %ld: %s %s", n, f != NULL ? f->name : "", f != NULL ? f->text : "");
            }
            assert_true(!whole || w->verdict.result == VERDICT_SIMULATED);
            verdict_done(&w->verdict);
        }
    }
    print_message("%ld allocations\n", n - 1);
    assert_true(n > 100);
    world_done(w);
    free(w);
}

static void document(void **state)
{
    (void)state;
    document_judged(NULL);
}

/* What failed leaves nothing half read in it. */
static void document_cached(void **state)
{
    struct cache cache = {NULL};

    (void)state;
    document_judged(&cache);
    cache_done(&cache);
}

/* The one form of logs that allocates. */
static void json_log(void **state)
{
    static const char text[] = "{\"event_log\":\"[{\\\"imr\\\":3,\\\"event_type\\\":134217729,\\\"event\\\":\\\"a\\\","
                               "\\\"event_payload\\\":\\\"00\\\"}]\"}";
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    size_t count;
    long n = 0;

    (void)state;
    for (bool whole = false; !whole; n++) {
        struct err err = {0};
        bool ok;

        memset(registers, 0, sizeof registers);
        failed = false;
        left = n;
        ok = eventlog_replay(bytes_of_str(text), registers, &count, &err);
        left = -1;
        whole = !failed;
        assert_true(ok == whole);
        if (!ok) {
            assert_string_equal(reason_name(err.reason), "NO_MEMORY");
        }
    }
    print_message("%ld allocations\n", n - 1);
    assert_true(n > 5);
}

static void policy(void **state)
{
    static const char text[] = "{\"v\":1,\"anchors\":{\"simulated\":[]},\"tcb\":{\"accept\":[\"OutOfDate\"]},"
                               "\"td\":{\"log_in\":[\"rtmr3\"],\"xfam\":{}},\"max_age\":5}";
    long n = 0;

    (void)state;
    for (bool ok = false; !ok; n++) {
        struct policy *p = NULL;
        struct err err = {0};

        left = n;
        ok = policy_parse(bytes_of_str(text), &p, &err);
        left = -1;
        if (!ok) {
            assert_string_equal(reason_name(err.reason), "NO_MEMORY");
        }
        policy_free(p);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(document), cmocka_unit_test(document_cached),
                                       cmocka_unit_test(json_log), cmocka_unit_test(policy)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
