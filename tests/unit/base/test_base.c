#include "base/arena.h"
#include "base/base64.h"
#include "base/civil.h"
#include "base/cursor.h"
#include "base/hex.h"
#include "test.h"

static void cursor_reads_and_stops(void **state)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct cursor c = cursor_init(in, sizeof in), sub;
    struct err err = {0};
    uint8_t u8;
    uint16_t u16;
    uint32_t u32 = 77;
    uint64_t u64;

    (void)state;
    assert_true(cursor_u8(&c, &u8, &err) && u8 == 1);
    assert_true(cursor_u16le(&c, &u16, &err) && u16 == 0x0302);
    assert_true(cursor_u64le(&c, &u64, &err) && u64 == 0x0b0a090807060504);
    assert_true(cursor_take(&c, 4, &sub, &err) && sub.offset == 11);
    assert_fails(cursor_u64le(&sub, &u64, &err), err, REASON_BYTES_SHORT, 11);
    assert_true(cursor_u32be(&sub, &u32, &err) && u32 == 0x0c0d0e0f);
    assert_true(cursor_end(&sub, &err));
    assert_fails(cursor_end(&c, &err), err, REASON_BYTES_LEFT, 15);
    assert_fails(cursor_u32le(&c, &u32, &err), err, REASON_BYTES_SHORT, 15);
    assert_int_equal(u32, 0x0c0d0e0f);
    assert_fails(cursor_skip(&c, SIZE_MAX, &err), err, REASON_BYTES_SHORT, 15);
    assert_true(cursor_skip(&c, 1, &err) && cursor_end(&c, &err) && cursor_skip(&c, 0, &err));
}

static void buf_stays_within_its_maximum(void **state)
{
    struct buf b = BUF(1000);
    struct err err = {0};
    uint8_t *p;
    size_t len;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(buf_u8(&b, (uint8_t)i, &err));
    }
    assert_fails(buf_u8(&b, 0, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_int_equal(b.len, 1000);
    assert_int_equal(b.p[999], 999 & 255);
    buf_drop(&b, 998);
    assert_int_equal(b.len, 2);
    assert_int_equal(b.p[0], 998 & 255);
    assert_fails(buf_zero(&b, SIZE_MAX, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_true(buf_printf(&b, &err, "%s", "xyz") && buf_u32be(&b, 0x41424344, &err) && buf_u16le(&b, 0x4241, &err));
    assert_true(buf_take(&b, &p, &len, &err));
    assert_int_equal(len, 11);
    assert_memory_equal(p + 2, "xyzABCDAB", 10);
    free(p);
    assert_null(b.p);
}

static void arena_stays_within_its_maximum(void **state)
{
    struct arena a = ARENA(100000);
    struct err err = {0};
    uint8_t *copy;
    void *p;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(arena_alloc(&a, 3, 20, &p, &err));
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_int_equal(((uint8_t *)p)[59], 0);
        memset(p, 255, 60);
    }
    assert_true(arena_copy(&a, bytes_of_str("name"), &copy, &err));
    assert_string_equal((char *)copy, "name");
    assert_fails(arena_alloc(&a, 100000, 1, &p, &err), err, REASON_ARENA_FULL, ERR_NOWHERE);
    assert_fails(arena_alloc(&a, SIZE_MAX, 2, &p, &err), err, REASON_ARENA_FULL, ERR_NOWHERE);
    assert_fails(arena_alloc(&a, SIZE_MAX, 1, &p, &err), err, REASON_ARENA_FULL, ERR_NOWHERE);
    arena_done(&a);
    assert_true(arena_alloc(&a, 0, 0, &p, &err));
    assert_non_null(p);
    arena_done(&a);
}

static void hex_within_its_maximum(void **state)
{
    struct buf out = BUF(4);
    struct err err = {0};

    (void)state;
    assert_ok(hex_add(&out, bytes_of_str("ab"), &err), err);
    assert_fails(hex_add(&out, bytes_of_str("a"), &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_fails(hex_add(&out, bytes_of(out.p, SIZE_MAX / 2 + 1), &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_int_equal(out.len, 4);
    buf_done(&out);
}

static void hex_round_trip_and_refusals(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        enum reason reason;
        size_t offset;
    } cases[] = {
        {"00ff10AB", 4, REASON_OK, 0},
        {"00ff10A", 4, REASON_HEX_LENGTH, 7},
        {"00ff10AB0", 4, REASON_HEX_LENGTH, 9},
        {"00fg10AB", 4, REASON_HEX_DIGIT, 3},
        {"", 0, REASON_OK, 0},
        {"0x00ff10", 4, REASON_HEX_DIGIT, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[4] = {9, 9, 9, 9};
        struct err err = {0};
        bool ok = hex_decode(bytes_of_str(cases[i].text), out, cases[i].len, &err);

        assert_int_equal(err.reason, cases[i].reason);
        assert_int_equal(ok, cases[i].reason == REASON_OK);
        assert_int_equal(err.offset, cases[i].offset);
        if (!ok) {
            assert_int_equal(out[0], 9);
        } else if (cases[i].len == 4) {
            char text[9];

            assert_memory_equal(out, "\x00\xff\x10\xab", 4);
            hex_encode(bytes_of(out, 4), text);
            assert_string_equal(text, "00ff10ab");
        }
    }
}

static void base64_has_one_spelling(void **state)
{
    static const struct {
        enum base64_form form;
        const char *text, *bytes;
        enum reason reason;
    } cases[] = {
        /* RFC 4648, section 10 */
        {BASE64_STANDARD, "", "", REASON_OK},
        {BASE64_STANDARD, "Zg==", "f", REASON_OK},
        {BASE64_STANDARD, "Zm8=", "fo", REASON_OK},
        {BASE64_STANDARD, "Zm9v", "foo", REASON_OK},
        {BASE64_STANDARD, "Zm9vYmFy", "foobar", REASON_OK},
        {BASE64_URL, "Zm9vYg", "foob", REASON_OK},
        {BASE64_URL, "-_-_", "\xfb\xff\xbf", REASON_OK},
        {BASE64_STANDARD, "+/+/", "\xfb\xff\xbf", REASON_OK},
        {BASE64_STANDARD, "-_-_", "", REASON_BASE64_DIGIT},
        {BASE64_URL, "+/+/", "", REASON_BASE64_DIGIT},
        {BASE64_URL, "Zg==", "", REASON_BASE64_DIGIT},
        {BASE64_STANDARD, "Zg", "", REASON_BASE64_LENGTH},
        {BASE64_STANDARD, "Z===", "", REASON_BASE64_DIGIT},
        {BASE64_STANDARD, "====", "", REASON_BASE64_DIGIT},
        {BASE64_URL, "Z", "", REASON_BASE64_LENGTH},
        {BASE64_STANDARD, "Zh==", "", REASON_BASE64_DIGIT},
        {BASE64_STANDARD, "Zm9=", "", REASON_BASE64_DIGIT},
        {BASE64_STANDARD, "Zg==Zg==", "", REASON_BASE64_DIGIT},
        {BASE64_STANDARD, "Zm9v\n", "", REASON_BASE64_LENGTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF(100), back = BUF(100);
        struct err err = {0};
        bool ok = base64_decode(bytes_of_str(cases[i].text), cases[i].form, &out, &err);

        assert_int_equal(err.reason, cases[i].reason);
        assert_int_equal(ok, cases[i].reason == REASON_OK);
        assert_true(bytes_equal(buf_bytes(&out), bytes_of_str(cases[i].bytes)));
        if (ok) {
            assert_true(base64_add(&back, cases[i].form, buf_bytes(&out), &err));
            assert_true(bytes_equal(buf_bytes(&back), bytes_of_str(cases[i].text)));
        }
        buf_done(&out);
        buf_done(&back);
    }
}

/* Each field at its ends and beyond, and each digit of a text. */
static void civil_has_bounds(void **state)
{
    static const struct {
        struct civil c;
        bool ok;
    } rows[] = {
        {{1, 1, 1, 0, 0, 0}, true},      {{9999, 12, 31, 23, 59, 59}, true}, {{0, 1, 1, 0, 0, 0}, false},
        {{10000, 1, 1, 0, 0, 0}, false}, {{2026, 0, 1, 0, 0, 0}, false},     {{2026, 13, 1, 0, 0, 0}, false},
        {{2026, 1, 0, 0, 0, 0}, false},  {{2026, 1, 32, 0, 0, 0}, false},    {{2026, 1, 1, -1, 0, 0}, false},
        {{2026, 1, 1, 24, 0, 0}, false}, {{2026, 1, 1, 0, -1, 0}, false},    {{2026, 1, 1, 0, 60, 0}, false},
        {{2026, 1, 1, 0, 0, -1}, false}, {{2026, 1, 1, 0, 0, 60}, false},    {{2026, -100000000, 1, 0, 0, 0}, false},
    };
    char text[] = "2026-11-24T12:34:56Z";
    struct err err = {0};
    int64_t t;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(civil_to_unix(&rows[i].c, &t, &err), rows[i].ok);
    }
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char was = text[i];

        text[i] = 'x';
        assert_fails(civil_parse_iso8601(bytes_of_str(text), &t, &err), err, REASON_TIME_FORM, 0);
        text[i] = was;
    }
    assert_true(civil_parse_iso8601(bytes_of_str(text), &t, &err));
}

static void civil_days_are_right(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_time;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:34:56Z", 951827696},
        {"2026-11-24T12:00:00Z", 1795521600},
        {"0001-01-01T00:00:00Z", -62135596800},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"1969-12-31T23:59:59Z", -1},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"2038-01-19T03:14:08Z", 2147483648},
    };
    static const char *const bad[] = {"2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z",  "2026-11-24T24:00:00Z",
                                      "2026-11-24 12:00:00Z", "2026-11-24T12:00:00",   "2026-11-24T12:00:00+00:00",
                                      "2026-11-24T12:00:60Z", "2026-11-24T12:00:00.Z", "",
                                      "2026-11-2xT12:00:00Z"};
    char text[CIVIL_ISO8601_SIZE];
    struct err err = {0};
    int64_t t;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(civil_parse_iso8601(bytes_of_str(cases[i].text), &t, &err));
        assert_int_equal(t, cases[i].unix_time);
        civil_print_iso8601(t, text);
        assert_string_equal(text, cases[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err.reason = REASON_OK;
        assert_false(civil_parse_iso8601(bytes_of_str(bad[i]), &t, &err));
        assert_int_equal(err.reason, REASON_TIME_FORM);
    }
    for (int64_t day = -62135596800; day < 253402300799; day += 86400 * 37) {
        struct civil c;

        civil_from_unix(day, &c);
        assert_true(civil_to_unix(&c, &t, &err));
        assert_int_equal(t, day);
    }
}

static void errors_cannot_forge_lines(void **state)
{
    struct err err = {0};
    char line[400];

    (void)state;
    err_set(&err, REASON_JSON_FORM, 7, "seen: %s", "a\nb\x1b[31m\x80");
    assert_string_equal(err.detail, "seen: a?b?[31m?");
    err_prefix(&err, "file.json");
    err_print(&err, line, sizeof line);
    assert_string_equal(line, "file.json: seen: a?b?[31m? (JSON_FORM at byte 7)");
}

static void every_reason_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        enum reason r = (enum reason)i, found;

        assert_true(reason_find(reason_name(r), &found));
        assert_int_equal(found, r); /* so no name is there twice */
        assert_true(reason_text(r)[0] != '\0');
        assert_non_null(reason_todo(r));
        assert_true(reason_kind_name(reason_kind(r))[0] != '\0');
    }
    assert_false(reason_find("NO_SUCH_REASON", &(enum reason){REASON_OK}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_reads_and_stops),         cmocka_unit_test(buf_stays_within_its_maximum),
        cmocka_unit_test(arena_stays_within_its_maximum), cmocka_unit_test(hex_round_trip_and_refusals),
        cmocka_unit_test(hex_within_its_maximum),         cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(civil_days_are_right),           cmocka_unit_test(civil_has_bounds),
        cmocka_unit_test(errors_cannot_forge_lines),      cmocka_unit_test(every_reason_is_whole),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
