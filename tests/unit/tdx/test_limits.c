/* Logs of every form at their limits: as many events as are allowed and one more, and a byte too many. */
#include "test.h"

#include "base/buf.h"
#include "base/limits.h"
#include "tdx/eventlog.h"

static const uint8_t tcg_header[] = {0,   0,   0,   0,   3,   0,   0,   0,   0,   0,    0,   0,   0,   0, 0, 0,   0,
                                     0,   0,   0,   0,   0,   0,   0,   0,   0,   0,    0,   33,  0,   0, 0, 'S', 'p',
                                     'e', 'c', ' ', 'I', 'D', ' ', 'E', 'v', 'e', 'n',  't', '0', '3', 0, 0, 0,   0,
                                     0,   0,   2,   0,   2,   1,   0,   0,   0,   0x0c, 0,   48,  0,   0};
/* index 1, a separator, one digest of SHA-384, no data */
static const uint8_t tcg_event[4 + 4 + 4 + 2 + 48 + 4] = {1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x0c};

#define ZEROS_24 "000000000000000000000000"
#define ZEROS_96 ZEROS_24 ZEROS_24 ZEROS_24 ZEROS_24

#define TEXT(s) \
    { \
        (const uint8_t *)(s), sizeof(s) - 1 \
    }

static const struct form {
    const char *name;
    size_t first; /* events of `begin` */
    struct bytes begin, event, between, end;
} forms[] = {
    {"TCG", 0, {tcg_header, sizeof tcg_header}, {tcg_event, sizeof tcg_event}, {NULL, 0}, {NULL, 0}},
    {"AAEL", 1, TEXT("INIT sha384/" ZEROS_96 "\n"), TEXT("a b c\n"), {NULL, 0}, {NULL, 0}},
    {"dstack", 0, TEXT("["), TEXT("{\"imr\":3,\"event_type\":134217729,\"event\":\"a\",\"event_payload\":\"\"}"),
     TEXT(","), TEXT("]")},
};

static void log_of(const struct form *f, size_t events, struct buf *out)
{
    struct err err = {0};

    out->len = 0;
    assert_ok(buf_add(out, f->begin.p, f->begin.len, &err), err);
    for (size_t i = 0; i < events; i++) {
        assert_ok((i == 0 || buf_add(out, f->between.p, f->between.len, &err)) &&
                      buf_add(out, f->event.p, f->event.len, &err),
                  err);
    }
    assert_ok(buf_add(out, f->end.p, f->end.len, &err), err);
}

static void replayed(const struct buf *log, const char *name, enum reason want)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct err err = {.reason = REASON_OK};
    size_t count;
    const bool ok = eventlog_replay(buf_bytes(log), registers, &count, &err);

    if (ok != (want == REASON_OK) || err.reason != want) {
        fail_msg("%s, %zu bytes: %s (%s), not %s", name, log->len, reason_name(err.reason), err.detail,
                 reason_name(want));
    }
}

static void events_without_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct buf log = BUF(LIMIT_LOG);

        log_of(&forms[i], LIMIT_LOG_EVENTS - forms[i].first, &log);
        replayed(&log, forms[i].name, REASON_OK);
        log_of(&forms[i], LIMIT_LOG_EVENTS + 1 - forms[i].first, &log);
        replayed(&log, forms[i].name, REASON_LOG_LIMIT);
        buf_done(&log);
    }
}

/* A log of few events, with what its form allows behind it up to a byte too many: for AAEL, long lines. */
static void bytes_without_end(void **state)
{
    static char line[60001];
    const struct bytes fill[] = {bytes_of("\xff", 1), bytes_of(line, 60000), bytes_of(" ", 1)};

    (void)state;
    memset(line, 'c', sizeof line);
    memcpy(line, "a b ", 4);
    line[59999] = '\n';
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct buf log = BUF(LIMIT_LOG + sizeof line);
        struct err err = {0};

        log_of(&forms[i], 1, &log);
        while (log.len <= LIMIT_LOG) {
            assert_ok(buf_add(&log, fill[i].p, fill[i].len, &err), err);
        }
        replayed(&log, forms[i].name, REASON_LOG_LIMIT);
        log.len -= fill[i].len;
        replayed(&log, forms[i].name, REASON_OK);
        buf_done(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events_without_end), cmocka_unit_test(bytes_without_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
