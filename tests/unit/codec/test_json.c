#include "base/limits.h"
#include "codec/json.h"
#include "test.h"

#include <float.h>
#include <math.h>

static void canonical(const char *in, const char *want)
{
    struct buf out = BUF(4096);
    struct err err = {0};
    json_t *v = NULL;

    assert_ok(json_parse(bytes_of_str(in), &v, &err), err);
    assert_ok(json_print_canonical(v, &out, &err), err);
    if (!bytes_equal(buf_bytes(&out), bytes_of_str(want))) {
        fail_msg("%s gave %.*s", in, (int)out.len, (const char *)out.p);
    }
    json_decref(v);
    assert_ok(json_parse_canonical(bytes_of_str(want), &v, &err), err);
    json_decref(v);
    buf_done(&out);
}

static void rfc8785_strings_and_order(void **state)
{
    (void)state;
    /* Section 3.2.2 (without its fractions), and 3.2.3: order of UTF-16 code units. */
    canonical("{\n  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
              "  \"literals\": [null, true, false]\n}",
              "{\"literals\":[null,true,false],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
              "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
              "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
              "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
              "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
              "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
    /* From the RFC author's test data: arrays.json, structures.json. */
    canonical("[ 56, { \"d\": true, \"10\": null, \"1\": [ ] } ]", "[56,{\"1\":[],\"10\":null,\"d\":true}]");
    canonical("{\"1\": {\"f\": {\"f\": \"hi\",\"F\": 5} ,\"\\n\": 56},\"10\": { },\"\": \"empty\",\"a\": { },"
              "\"111\": [ {\"e\": \"yes\",\"E\": \"no\" } ],\"A\": { }}",
              "{\"\":\"empty\",\"1\":{\"\\n\":56,\"f\":{\"F\":5,\"f\":\"hi\"}},\"10\":{},"
              "\"111\":[{\"E\":\"no\",\"e\":\"yes\"}],\"A\":{},\"a\":{}}");
    canonical("[\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"]", "[\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"]");
    canonical("[9007199254740991,-9007199254740991,-0]", "[9007199254740991,-9007199254740991,0]");
}

static void canonical_refusals(void **state)
{
    static const struct {
        const char *text;
        enum reason reason;
    } cases[] = {{"{\"b\":1,\"a\":2}", REASON_JSON_CANONICAL},
                 {"{\"a\": 1}", REASON_JSON_CANONICAL},
                 {"[1.0]", REASON_JSON_CANONICAL},
                 {"[1e1]", REASON_JSON_CANONICAL},
                 {"[-0]", REASON_JSON_CANONICAL},
                 {"[9007199254740992]", REASON_JSON_CANONICAL},
                 {"[\"\\u0041\"]", REASON_JSON_CANONICAL},
                 {"[\"\\/\"]", REASON_JSON_CANONICAL},
                 {"[\"\\u001F\"]", REASON_JSON_CANONICAL},
                 {"[]\n", REASON_JSON_CANONICAL}};
    struct err err = {0};
    json_t *v = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(json_parse_canonical(bytes_of_str(cases[i].text), &v, &err), err, cases[i].reason, 0);
    }
    assert_null(v);
}

static void spans_are_exact(void **state)
{
    static const struct {
        const char *text, *span; /* of the member "x"; NULL: there is none */
    } cases[] = {
        {"{\"x\":1}", "1"},
        {" {\"a\" : \"x\\\"}\", \"x\" : { \"y\" : [ \"}\" ] , \"z\":1 } , \"b\":2}", "{ \"y\" : [ \"}\" ] , \"z\":1 }"},
        {"{\"a\":{\"x\":1},\"b\":[\"x\"],\"x\":\"v\\\\\"}", "\"v\\\\\""},
        {"{\"x\":[[],{},\"]\"],\"y\":0}", "[[],{},\"]\"]"},
        {"{\"x\":-12 }", "-12"},
        {"{\"\\u0078\":1}", NULL},
        {"{}", NULL},
        {"[\"x\",1]", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes span, text = bytes_of_str(cases[i].text);
        struct err err = {0};
        json_t *v;

        assert_ok(json_parse_span(text, "x", &v, &span, &err), err);
        json_decref(v);
        if (cases[i].span == NULL) {
            assert_null(span.p);
            continue;
        }
        assert_true(bytes_equal(span, bytes_of_str(cases[i].span)));
        assert_true(span.p > text.p && span.p < text.p + text.len);
    }
}

static void getters_name_what_is_wrong(void **state)
{
    static const char *const names[] = {"s", "n", "b", "h", "e", "m", NULL};
    struct buf out = BUF(3);
    struct err err = {0};
    json_t *v = NULL;
    const char *s;
    uint8_t h[2] = {7, 7};
    uint64_t n = 9;
    bool b;

    (void)state;
    assert_ok(
        json_parse(bytes_of_str("{\"s\":\"t\",\"n\":5,\"b\":false,\"h\":\"ff00\",\"e\":\"AAEC\",\"m\":-1}"), &v, &err),
        err);
    assert_true(json_get_str(v, "s", &s, &err) && strcmp(s, "t") == 0);
    assert_true(json_get_u64(v, "n", 5, &n, &err) && n == 5);
    assert_true(json_get_bool(v, "b", &b, &err) && !b);
    assert_true(json_get_hex(v, "h", h, 2, &err) && h[0] == 255 && h[1] == 0);
    assert_true(json_get_base64(v, "e", &out, &err) && out.len == 3);
    assert_true(json_only(v, names, &err));
    assert_fails(json_get_str(v, "x", &s, &err), err, REASON_JSON_MEMBER, ERR_NOWHERE);
    assert_fails(json_get_str(v, "n", &s, &err), err, REASON_JSON_TYPE, ERR_NOWHERE);
    assert_fails(json_get_u64(v, "n", 4, &n, &err), err, REASON_JSON_RANGE, ERR_NOWHERE);
    assert_fails(json_get_bool(v, "n", &b, &err), err, REASON_JSON_TYPE, ERR_NOWHERE);
    assert_fails(json_get_bool(v, "x", &b, &err), err, REASON_JSON_MEMBER, ERR_NOWHERE);
    assert_fails(json_get_u64(v, "m", UINT64_MAX, &n, &err), err, REASON_JSON_RANGE, ERR_NOWHERE);
    assert_fails(json_get_hex(v, "h", h, 3, &err), err, REASON_HEX_LENGTH, ERR_NOWHERE);
    assert_fails(json_get_base64(v, "e", &out, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_fails(json_only(v, names + 1, &err), err, REASON_JSON_UNKNOWN, ERR_NOWHERE);
    json_decref(v);
    buf_done(&out);
}

static void hostile_text_becomes_a_string(void **state)
{
    struct buf out = BUF(100);
    struct err err = {0};

    (void)state;
    assert_ok(json_print_str(bytes_of("a\"\\\x01\xff\xed\xa0\x80\0z", 10), &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("\"a\\\"\\\\\\u0001\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                                          "\xef\xbf\xbd\\u0000z\"")));
    buf_done(&out);
}

/* References: nodes of a parsed tree outlive their root, and trees that were made hold what was put into them. */
static void references(void **state)
{
    json_t *root, *inner, *made = json_object(), *list = json_array();
    struct err err = {0};

    (void)state;
    assert_ok(json_parse(bytes_of_str("{\"a\":{\"b\":\"c\"}}"), &root, &err), err);
    inner = json_incref(json_object_get(root, "a"));
    assert_int_equal(json_object_set_new(root, "x", json_integer(1)), -1); /* read-only */
    json_decref(root);
    assert_string_equal(json_string_value(json_object_get(inner, "b")), "c");
    assert_int_equal(json_array_append_new(list, inner), 0);
    assert_int_equal(json_array_append_new(list, json_string("\xff")), -1); /* not UTF-8 */
    assert_int_equal(json_array_append_new(made, json_integer(1)), -1);     /* no array */
    assert_int_equal(json_object_set_new(made, "n", json_integer(1)), 0);
    assert_int_equal(json_object_set_new(made, "n", json_integer(2)), 0);
    assert_int_equal(json_object_set_new(made, "list", list), 0);
    assert_int_equal(json_object_size(made), 2);
    assert_int_equal(json_integer_value(json_object_get(made, "n")), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(made, "list"), 0), "b")), "c");
    assert_null(json_array_get(list, 1));
    assert_null(json_object_get(list, "b"));
    json_decref(made);
}

/* A value made of values, deeper than any stack: it is freed one after the other. */
static void deep_values_are_freed(void **state)
{
    json_t *v = json_null();

    (void)state;
    for (size_t i = 0; i < 1000000; i++) {
        json_t *list = json_array();

        assert_int_equal(json_array_append_new(list, v), 0);
        v = list;
    }
    json_decref(v);
}

static void printed_as(json_t *v, const char *want)
{
    struct buf out = BUF(1000);
    struct err err = {0};

    assert_non_null(v);
    assert_ok(json_print(v, &out, &err) && buf_u8(&out, 0, &err), err);
    assert_string_equal((const char *)out.p, want);
    json_decref(v);
    buf_done(&out);
}

static void fractions(void **state)
{
    static const struct {
        double number;
        const char *text;
    } made[] = {{0.7, "0.7"},
                {5, "5.0"},
                {-0.0, "-0.0"},
                {1e22, "1e+22"},
                {0.1 + 0.2, "0.30000000000000004"},
                {1.0 / 3, "0.3333333333333333"},
                {5e-324, "4.94065645841247e-324"},
                {DBL_MAX, "1.7976931348623157e+308"}};
    struct err err = {0};
    json_t *v = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        assert_ok(json_parse(bytes_of_str(made[i].text), &v, &err), err);
        assert_true(json_is_real(v) && json_is_number(v) && !json_is_integer(v));
        assert_memory_equal(&(double){json_number_value(v)}, &made[i].number, sizeof(double));
        json_decref(v);
        printed_as(json_real(made[i].number), made[i].text);
    }
    assert_null(json_real(INFINITY));
    assert_null(json_real(NAN));
    assert_ok(json_parse(bytes_of_str("[1.50,1E2,-7]"), &v, &err), err);
    assert_true(json_number_value(json_array_get(v, 2)) == -7.0);
    printed_as(v, "[1.50,1E2,-7]"); /* as they were written */
}

static void making(void **state)
{
    json_t *v = json_object_of({"s", json_string("t")}, {"n", json_integer(INT64_MIN)}, {"b", json_boolean(true)},
                               {"z", json_null()}, {"l", json_array()}),
           *list;

    (void)state;
    list = json_object_get(v, "l");
    assert_int_equal(json_array_insert_new(list, 0, json_stringn("a\0b", 3)), 0);
    assert_int_equal(json_array_insert_new(list, 0, json_boolean(false)), 0);
    assert_int_equal(json_array_insert_new(list, 1, json_integer(1)), 0);
    assert_int_equal(json_array_insert_new(list, 4, json_integer(2)), -1);
    assert_int_equal(json_array_append(list, json_object_get(v, "s")), 0);
    printed_as(json_object_copy(v), "{\"s\":\"t\",\"n\":-9223372036854775808,\"b\":true,\"z\":null,"
                                    "\"l\":[false,1,\"a\\u0000b\",\"t\"]}");
    json_array_truncate(list, 1);
    printed_as(v, "{\"s\":\"t\",\"n\":-9223372036854775808,\"b\":true,\"z\":null,\"l\":[false]}");
    assert_null(json_object_of({"a", json_integer(1)}, {"b", json_string("\xff")}, {"c", json_array()}));
    assert_null(json_string(NULL));
}

/* Each at the byte that cannot be. */
static void refusals(void **state)
{
    static const struct {
        const char *text;
        size_t len, offset;
    } rows[] = {
        {"[trux]", 6, 1},     {"true", 3, 0},       {"[nul]", 5, 1},     {"\"abc\"", 4, 4},
        {"{\"abc\"", 5, 5},   {"{\"a\"=1}", 7, 4},  {"{\"a\" 1}", 7, 5}, {"{a:1}", 5, 1},
        {"\"ab\xff\"", 5, 3}, {"\"ab\x01\"", 5, 3}, {"\"ab\\x\"", 6, 3}, {"{\"a\":}", 6, 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        json_t *v;

        if (json_parse(bytes_of((const uint8_t *)rows[i].text, rows[i].len), &v, &err) ||
            err.reason != REASON_JSON_FORM || err.offset != rows[i].offset) {
            fail_msg("%s: %s at %zu", rows[i].text, reason_name(err.reason), err.offset);
        }
    }
}

static void values_without_end(void **state)
{
    struct buf text = BUF(2 * LIMIT_JSON_VALUES + 2);
    struct err err = {0};
    json_t *v;
    uint8_t *p;

    (void)state;
    assert_ok(buf_room(&text, 2 * LIMIT_JSON_VALUES + 2, &p, &err), err);
    for (size_t i = 0; i < LIMIT_JSON_VALUES; i++) { /* beside the list itself, one more than are allowed */
        memcpy(p + 1 + 2 * i, "0,", 2);
    }
    p[0] = '[';
    p[2 * LIMIT_JSON_VALUES] = ']';
    assert_fails(json_parse(bytes_of(p, 2 * LIMIT_JSON_VALUES + 1), &v, &err), err, REASON_ARENA_FULL,
                 2 * LIMIT_JSON_VALUES - 1);
    p[2 * LIMIT_JSON_VALUES - 2] = ']';
    assert_ok(json_parse(bytes_of(p, 2 * LIMIT_JSON_VALUES - 1), &v, &err), err);
    assert_int_equal(json_array_size(v), LIMIT_JSON_VALUES - 1);
    json_decref(v);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc8785_strings_and_order),

                                       cmocka_unit_test(canonical_refusals),
                                       cmocka_unit_test(spans_are_exact),
                                       cmocka_unit_test(getters_name_what_is_wrong),
                                       cmocka_unit_test(hostile_text_becomes_a_string),
                                       cmocka_unit_test(references),
                                       cmocka_unit_test(deep_values_are_freed),
                                       cmocka_unit_test(fractions),
                                       cmocka_unit_test(making),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(values_without_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
