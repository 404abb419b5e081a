#include "base/limits.h"
#include "test.h"

#include "oracle/agrees.h"

static const struct {
    const char *text;
    enum reason reason; /* OK: it is taken */
    size_t offset;
} texts[] = {
    {"{}", REASON_OK, 0},
    {" [ ] ", REASON_OK, 0},
    {"{\"a\":[1,-2,3.5,1e2,true,false,null,\"x\"],\"b\":{\"c\":{}}}", REASON_OK, 0},
    {"\"\\ud83d\\ude00\\u0041\\n\\/\\\"\\\\\"", REASON_OK, 0},
    {"\"\\u00e9\\u20ac\\uffff\\u0001\"", REASON_OK, 0},
    {"9223372036854775807", REASON_OK, 0},
    {"-9223372036854775808", REASON_OK, 0},
    {"-0", REASON_OK, 0},
    {"0e5", REASON_OK, 0},
    {"-0.0", REASON_OK, 0},
    {"1e-400", REASON_OK, 0},
    {"1.7976931348623157e308", REASON_OK, 0},
    {"1.7976931348623158079e308", REASON_OK, 0},
    {"179769313486231580793e288", REASON_OK, 0},
    {"0.00017976931348623158079e312", REASON_OK, 0},
    {"0e999999999999999999999", REASON_OK, 0},
    {"1e-99999999999999999999", REASON_OK, 0},
    {"[1,2", REASON_JSON_FORM, 4},
    {"[1,]", REASON_JSON_FORM, 3},
    {"[,1]", REASON_JSON_FORM, 1},
    {"{\"a\"}", REASON_JSON_FORM, 4},
    {"{\"a\":}", REASON_JSON_FORM, 5},
    {"{\"a\":1,}", REASON_JSON_FORM, 7},
    {"{1:2}", REASON_JSON_FORM, 1},
    {"[1}", REASON_JSON_FORM, 2},
    {"{\"a\":1]", REASON_JSON_FORM, 6},
    {"01", REASON_JSON_FORM, 1},
    {"-", REASON_JSON_FORM, 1},
    {"1.", REASON_JSON_FORM, 2},
    {"1.e1", REASON_JSON_FORM, 2},
    {".5", REASON_JSON_FORM, 0},
    {"1e", REASON_JSON_FORM, 2},
    {"1e+", REASON_JSON_FORM, 3},
    {"tru", REASON_JSON_FORM, 0},
    {"True", REASON_JSON_FORM, 0},
    {"truex", REASON_JSON_FORM, 4},
    {"9223372036854775808", REASON_JSON_FORM, 0},
    {"-9223372036854775809", REASON_JSON_FORM, 0},
    {"1e309", REASON_JSON_FORM, 0},
    {"1.7976931348623159e308", REASON_JSON_FORM, 0},
    {"-0.017976931348623159e310", REASON_JSON_FORM, 0},
    {"1e99999999999999999999", REASON_JSON_FORM, 0},
    {"\"\\u0000\"", REASON_JSON_FORM, 1},
    {"\"\\ud800\"", REASON_JSON_FORM, 1},
    {"\"\\ud800\\u0041\"", REASON_JSON_FORM, 1},
    {"\"\\udc00\"", REASON_JSON_FORM, 1},
    {"\"a\\x\"", REASON_JSON_FORM, 2},
    {"\"\\u12\"", REASON_JSON_FORM, 1},
    {"\"\x80\"", REASON_JSON_FORM, 1},
    {"\"\xc3\"", REASON_JSON_FORM, 1},
    {"\"a\tb\"", REASON_JSON_FORM, 2},
    {"\"a", REASON_JSON_FORM, 2},
    {"\"a\\", REASON_JSON_FORM, 2},
    {"{\"a\":1,\"a\":2}", REASON_JSON_FORM, 7},
    {"{\"a\":1,\"\\u0061\":2}", REASON_JSON_FORM, 7},
    {"", REASON_JSON_FORM, 0},
    {"  ", REASON_JSON_FORM, 2},
    {"1 2", REASON_JSON_FORM, 2},
    {"{} x", REASON_JSON_FORM, 3},
    {"\xef\xbb\xbf{}", REASON_JSON_FORM, 0},
};

/* Each text, and each beginning of each, in both readers. */
static void every_text_as_jansson_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct bytes whole = bytes_of_str(texts[i].text);
        json_t *v = NULL;
        struct err err = {0};
        bool accepted;

        for (size_t n = 0; n <= whole.len; n++) {
            uint8_t *exact = malloc(n + 1);

            assert_non_null(exact);
            memcpy(exact, whole.p, n);
            if (!oracle_agrees(bytes_of(exact, n), &accepted)) {
                fail_msg("the readers disagree on the first %zu bytes of %s", n, texts[i].text);
            }
            free(exact);
        }
        assert_int_equal(accepted, texts[i].reason == REASON_OK);
        if (texts[i].reason != REASON_OK) {
            assert_fails(json_parse(whole, &v, &err), err, texts[i].reason, texts[i].offset);
            assert_null(v);
        }
    }
}

/* Depth and the number of values: exactly the limit is taken, one more is not. */
static void limits(void **state)
{
    struct err err = {0};
    json_t *v = NULL;
    char deep[2 * LIMIT_JSON_DEPTH + 3];
    struct buf text = BUF(4 * LIMIT_JSON_VALUES);

    (void)state;
    memset(deep, '[', LIMIT_JSON_DEPTH + 1);
    memset(deep + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    assert_ok(json_parse(bytes_of(deep + 1, sizeof deep - 3), &v, &err), err);
    json_decref(v);
    assert_fails(json_parse(bytes_of(deep, sizeof deep - 1), &v, &err), err, REASON_JSON_DEPTH, LIMIT_JSON_DEPTH);
    assert_ok(buf_str(&text, "[0", &err), err);
    for (size_t i = 2; i < LIMIT_JSON_VALUES; i++) {
        assert_ok(buf_str(&text, ",0", &err), err);
    }
    assert_ok(buf_str(&text, "]", &err), err);
    assert_ok(json_parse(buf_bytes(&text), &v, &err), err);
    json_decref(v);
    text.len--;
    assert_ok(buf_str(&text, ",0]", &err), err);
    assert_fails(json_parse(buf_bytes(&text), &v, &err), err, REASON_ARENA_FULL, text.len - 2);
    buf_done(&text);
}

/* Objects of many members are searched by an index: every name is found, and one that is there twice is seen. */
static void many_members(void **state)
{
    struct buf text = BUF(100000);
    struct err err = {0};
    json_t *v;
    bool accepted;
    char name[20];

    (void)state;
    assert_ok(buf_str(&text, "{\"first\":0", &err), err);
    for (unsigned i = 0; i < 1000; i++) {
        assert_ok(buf_printf(&text, &err, ",\"m%u\":%u", i * 7919 % 1000, i), err);
    }
    assert_ok(buf_str(&text, "}", &err), err);
    assert_true(oracle_agrees(buf_bytes(&text), &accepted) && accepted);
    assert_ok(json_parse(buf_bytes(&text), &v, &err), err);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "m%u", i * 7919 % 1000);
        assert_int_equal(json_integer_value(json_object_get(v, name)), i);
    }
    assert_null(json_object_get(v, "m1000"));
    json_decref(v);
    text.len--;
    assert_ok(buf_str(&text, ",\"m5\":1}", &err), err);
    assert_true(oracle_agrees(buf_bytes(&text), &accepted) && !accepted);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_text_as_jansson_says), cmocka_unit_test(limits),
                                       cmocka_unit_test(many_members)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
