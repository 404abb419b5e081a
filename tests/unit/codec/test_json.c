#include "base/limits.h"
#include "codec/json.h"
#include "test.h"

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

/* Many small values take far more memory than text. */
static void too_many_values(void **state)
{
    struct buf text = BUF(4 * LIMIT_JSON_VALUES);
    struct err err = {0};
    json_t *v = NULL;

    (void)state;
    assert_ok(buf_str(&text, "[0", &err), err);
    for (size_t i = 2; i < LIMIT_JSON_VALUES; i++) {
        assert_ok(buf_str(&text, ",0", &err), err);
    }
    text.len--;
    assert_ok(buf_str(&text, "0]", &err), err);
    assert_ok(json_parse(buf_bytes(&text), &v, &err), err);
    assert_int_equal(json_array_size(v), LIMIT_JSON_VALUES - 1);
    json_decref(v);
    text.len--;
    assert_ok(buf_str(&text, ",0]", &err), err);
    assert_false(json_parse(buf_bytes(&text), &v, &err));
    assert_int_equal(err.reason, REASON_ARENA_FULL);
    assert_int_equal(err.offset, text.len - 3);
    buf_done(&text);
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
        struct bytes span = {0}, text = bytes_of_str(cases[i].text);
        struct err err = {0};

        if (cases[i].span == NULL) {
            assert_fails(json_span(text, "x", &span, &err), err, REASON_JSON_MEMBER, 0);
            continue;
        }
        assert_ok(json_span(text, "x", &span, &err), err);
        assert_true(bytes_equal(span, bytes_of_str(cases[i].span)));
        assert_true(span.p > text.p && span.p < text.p + text.len);
    }
}

static void getters_name_what_is_wrong(void **state)
{
    static const char *const names[] = {"s", "n", "b", "h", "e", NULL};
    struct buf out = BUF(3);
    struct err err = {0};
    json_t *v = NULL;
    const char *s;
    uint8_t h[2] = {7, 7};
    uint64_t n = 9;
    bool b;

    (void)state;
    assert_ok(json_parse(bytes_of_str("{\"s\":\"t\",\"n\":5,\"b\":false,\"h\":\"ff00\",\"e\":\"AAEC\"}"), &v, &err),
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc8785_strings_and_order),  cmocka_unit_test(too_many_values),
        cmocka_unit_test(canonical_refusals),         cmocka_unit_test(spans_are_exact),
        cmocka_unit_test(getters_name_what_is_wrong), cmocka_unit_test(hostile_text_becomes_a_string)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
