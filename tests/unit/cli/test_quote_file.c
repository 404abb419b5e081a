/* Evidence in the forms that people have it in, by tables: what is taken out of it, and what is refused. */
#include "test.h"

#include "base/hex.h"
#include "base/limits.h"
#include "cli/quote_file.h"
#include "os/file.h"

#include <stdlib.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define ARMOUR(text) "-----BEGIN TDX QUOTE-----\r\n" text "\r\n-----END TDX QUOTE-----\r\n"

static void test_forms(void **state)
{
    static const struct {
        const char *text, *quote; /* in hexadecimal */
        const char *logs[3];
    } rows[] = {
        {"0400ff", "0400ff", {NULL}},
        {"0x04\n 00\r\nFF\n", "0400ff", {NULL}},
        {"BAD/\n", "0400ff", {NULL}},
        {"BAD_", "0400ff", {NULL}},
        {"BAA=", "0400", {NULL}},
        {"BAA", "0400", {NULL}},
        {ARMOUR("BA\nD/"), "0400ff", {NULL}},
        {ARMOUR("0400FF"), "0400ff", {NULL}},
        {"\xef\xbb\xbf"
         "0400ff",
         "0400ff",
         {NULL}},
        {"\x04\x01\xff", "0401ff", {NULL}},
        {" {\"quote\":\"0400ff\"}", "0400ff", {NULL}},
        {"{\"quote\":\"BAD/\",\"event_log\":\"[]\",\"report_data\":\"00\",\"vm_config\":{}}", "0400ff", {"[]"}},
        {"{\"event_log\":[{\"imr\":3}],\"quote\":\"BAD/\"}", "0400ff", {"[{\"imr\":3}]"}},
        {"{\"quote\":\"BAD/\",\"aa_eventlog\":\"INIT sha384/00\\na b c\",\"cc_eventlog\":\"QUI=\"}",
         "0400ff",
         {"AB", "INIT sha384/00\na b c"}},
        {"{\"quote\":\"BAD/\",\"cc_eventlog\":null,\"event_log\":\"\"}", "0400ff", {NULL}},
        {"{\"tdx\":{\"quote\":\"BAD/\",\"event_log\":\"4142\"},\"quote\":\"00\"}", "0400ff", {"AB"}},
        {"{\"intel_quote\":\"0400ff\"}", "0400ff", {NULL}},
        {"{\"td_quote\":\"BAD_\"}", "0400ff", {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf want = BUF(16);
        struct quote_file f;
        struct err err = {0};
        size_t n = 0;

        assert_ok(quote_file_open(bytes_of_str(rows[i].text), &f, &err), err);
        assert_ok(hex_decode_all(bytes_of_str(rows[i].quote), &want, &err), err);
        assert_true(bytes_equal(buf_bytes(&f.quote), buf_bytes(&want)));
        assert_false(f.is_bundle || f.is_document);
        for (; rows[i].logs[n] != NULL; n++) {
            assert_true(n < f.log_count && bytes_equal(buf_bytes(&f.logs[n]), bytes_of_str(rows[i].logs[n])));
        }
        assert_int_equal(f.log_count, n);
        quote_file_close(&f);
        buf_done(&want);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        enum reason reason;
        bool is_bundle, is_document;
    } rows[] = {
        {"not a quote", REASON_BASE64_LENGTH, false, false},
        {"0400f*", REASON_BASE64_DIGIT, false, false},
        {"BAF=", REASON_BASE64_DIGIT, false, false}, /* bits behind the last byte */
        {"====", REASON_BASE64_LENGTH, false, false},
        {ARMOUR(""), REASON_BASE64_LENGTH, false, false},
        {"[{\"imr\":3}]", REASON_JSON_TYPE, false, false},
        {"{", REASON_JSON_FORM, false, false},
        {"{}", REASON_JSON_MEMBER, false, false},
        {"{\"quote\":[4]}", REASON_JSON_MEMBER, false, false},
        {"{\"quote\":\"BA!!\"}", REASON_BASE64_DIGIT, false, false},
        {"{\"quote\":\"BAD/\",\"quote\":\"00\"}", REASON_JSON_FORM, false, false},
        {"{\"quote\":\"BAD/\",\"event_log\":7}", REASON_JSON_TYPE, false, false},
        {"{\"quote\":\"BAD/\",\"cc_eventlog\":\"?\"}", REASON_BASE64_LENGTH, false, false},
        {"{\"v\":1,\"quote\":\"BAD/\"}", REASON_JSON_MEMBER, false, true},
        {"{\"quote\":\"BAD/\",\"keyset\":\"\"}", REASON_JSON_MEMBER, false, true},
        {"{\"v\":1,\"evidence\":\"BAD/\"}", REASON_JSON_MEMBER, true, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct quote_file f;

        assert_false(quote_file_open(bytes_of_str(rows[i].text), &f, &err));
        assert_string_equal(reason_name(err.reason), reason_name(rows[i].reason));
        assert_int_equal(f.is_bundle, rows[i].is_bundle);
        assert_int_equal(f.is_document, rows[i].is_document);
        assert_int_equal(f.log_count, 0);
    }
}

static void test_logs(void **state)
{
    static char path[] = "/tmp/test_quote_file_XXXXXX";
    struct quote_file f = {.log_count = 0};
    struct err err = {0};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < QUOTE_FILE_LOGS; i++) {
        assert_ok(quote_file_log(&f, path, &err), err);
    }
    assert_fails(quote_file_log(&f, path, &err), err, REASON_LOG_LIMIT, ERR_NOWHERE);
    assert_int_equal(f.log_count, QUOTE_FILE_LOGS);
    quote_file_close(&f);
    assert_int_equal(ftruncate(fd, (off_t)LIMIT_LOG + 1), 0);
    assert_fails(quote_file_log(&f, path, &err), err, REASON_FILE_SIZE, ERR_NOWHERE);
    assert_int_equal(unlink(path), 0);
    assert_fails(quote_file_log(&f, path, &err), err, REASON_FILE_ABSENT, ERR_NOWHERE);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
