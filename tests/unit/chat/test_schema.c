#include "test.h"

#include "base/limits.h"
#include "chat/schema.h"

#include <time.h>

static struct grammar *compile(const char *text, json_t **schema, struct err *err)
{
    struct grammar *g = NULL;

    *schema = NULL;
    if (text != NULL) {
        assert_ok(json_parse(bytes_of_str(text), schema, err), *err);
    }
    return schema_compile(*schema, &g, err) ? g : NULL;
}

/* Byte by byte, and at once: the same answer. */
static bool holds(const struct grammar *g, const char *text)
{
    struct grammar_state *s;
    struct err err = {0};
    size_t taken = 0;
    bool whole, at_once;

    assert_ok(grammar_start(g, &s, &err), err);
    at_once = grammar_accepts(s, bytes_of_str(text));
    while (text[taken] != 0 && grammar_advance(s, bytes_of(text + taken, 1))) {
        taken++;
    }
    assert_int_equal(at_once, text[taken] == 0);
    whole = text[taken] == 0 && grammar_is_whole(s);
    grammar_state_free(s);
    return whole;
}

struct row {
    const char *schema;
    const char *yes[8], *no[8];
};

static const struct row rows[] = {
    {NULL,
     {"{}", "{\"a\": [1, -2.5e+3, true, null, \"x\\n\\u00e9\\\"\"], \"b\":{}}", "{ \"k\":\n  1 }"},
     {"", "[]", "1", "{\"a\":01}", "{\"a\":1,}", "{a:1}", "{\"a\":\"\\ud800\"}", "{\"a\":1.}"}},
    {"{}", {"1", "\"x\"", "[]", "null", "-0.5"}, {"nul", "+1", "'x'"}},
    {"true", {"{}"}, {"x"}},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}},\"required\":["
     "\"a\"]}",
     {"{\"a\":1}", "{\"a\": -12, \"b\": \"x\"}"},
     {"{}", "{\"b\":\"x\"}", "{\"b\":\"x\",\"a\":1}", "{\"a\":1,\"c\":2}", "{\"a\":1.5}", "{\"a\":1,}",
      "{\"a\":\"1\"}"}},
    {"{\"properties\":{\"a\":{},\"b\":{},\"c\":{}}}",
     {"{}", "{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"c\":2}", "{\"b\":1,\"c\":2}", "{\"a\":1,\"b\":2,\"c\":3}"},
     {"{\"c\":1,\"a\":2}", "{\"d\":1}", "{,\"b\":1}"}},
    {"{\"properties\":{\"ab\":{\"type\":\"null\"},\"ac\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":"
     "\"integer\"}}",
     {"{}", "{\"ab\":null,\"x\":1}", "{\"a\":1}", "{\"abc\":1,\"\":2}", "{\"ac\":null}", "{\"é\":3}"},
     {"{\"ab\":1}", "{\"ac\":null,\"ab\":1}", "{\"x\":null}", "{\"\\u0061b\":1}"}},
    {"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}}", {"{}", "{\"x\":true}"}, {"{\"x\":1}"}},
    {"{\"type\":\"object\",\"additionalProperties\":false}", {"{}", "{ }"}, {"{\"x\":1}"}},
    {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
     {"[]", "[1]", "[1, 2,3]", "[\n  1\n]"},
     {"[1,]", "[,1]", "[\"x\"]", "[1 2]"}},
    {"{\"items\":{\"type\":\"null\"},\"minItems\":1,\"maxItems\":3}",
     {"[null]", "[null,null,null]"},
     {"[]", "[null,null,null,null]"}},
    {"{\"items\":{},\"minItems\":2}", {"[1,2]", "[1,2,3,4]"}, {"[]", "[1]"}},
    {"{\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\"}],\"items\":false}",
     {"[]", "[1]", "[1,\"x\"]"},
     {"[\"x\"]", "[1,\"x\",2]"}},
    {"{\"prefixItems\":[{\"type\":\"integer\"}],\"items\":{\"type\":\"null\"},\"minItems\":1}",
     {"[1]", "[1,null,null]"},
     {"[]", "[1,2]"}},
    {"{\"enum\":[\"a\",\"bc\",1,null,{\"k\":[]}]}",
     {"\"a\"", "\"bc\"", "1", "null", "{\"k\":[]}"},
     {"\"b\"", "2", "\"abc\""}},
    {"{\"const\":\"x\\ny\"}", {"\"x\\ny\""}, {"\"x\"", "x"}},
    {"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"maxLength\":2}]}",
     {"1", "\"\"", "\"ab\"", "\"éé\""},
     {"\"abc\"", "null"}},
    {"{\"oneOf\":[{\"const\":1},{\"const\":12}]}", {"1", "12"}, {"123", "2"}},
    {"{\"type\":[\"string\",\"null\"]}", {"null", "\"x\""}, {"1"}},
    {"{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"properties\":{\"y\":{\"type\":\"null\"}},\"required\":[\"y\"]}],"
     "\"$defs\":{\"a\":{\"properties\":{\"x\":{\"type\":\"null\"}},\"required\":[\"x\"]}}}",
     {"{\"x\":null,\"y\":null}"},
     {"{\"x\":null}", "{\"y\":null}"}},
    {"{\"$ref\":\"#/$defs/tree\",\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
     "\"c\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/tree\"}}},\"required\":[\"v\"]}}}",
     {"{\"v\":1}", "{\"v\":1,\"c\":[{\"v\":2,\"c\":[]},{\"v\":3}]}"},
     {"{\"v\":1,\"c\":[{}]}"}},
    {"{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
     {"\"ab\"", "\"a\\n\"", "\"日本語\""},
     {"\"a\"", "\"abcd\""}},
    {"{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}-\\\\d+(x|yz)?$\"}",
     {"\"AB-1\"", "\"AB-123yz\"", "\"ZZ-0x\""},
     {"\"A-1\"", "\"AB-\"", "\"AB-1y\"", "\"AB-1 \""}},
    {"{\"type\":\"string\",\"pattern\":\"b.d\"}", {"\"bad\"", "\"xx b d\"", "\"béd\""}, {"\"bd\"", "\"b\\nd\""}},
    {"{\"pattern\":\"^[^\\\"\\\\\\\\a-c]*$\"}", {"\"\"", "\"xyz é\"", "\"\\n\""}, {"\"a\"", "\"\\\"\"", "\"\\\\\""}},
    {"{\"pattern\":\"^\\\\w+@\\\\w+\\\\.(com|org)$\"}",
     {"\"a@b.com\"", "\"a_1@b2.org\""},
     {"\"a@b.net\"", "\"@b.com\""}},
    {"{\"type\":\"string\",\"format\":\"date\"}",
     {"\"2026-11-26\""},
     {"\"2026-13-26\"", "\"2026-1-26\"", "\"2026-11-31\""}},
    {"{\"type\":\"string\",\"format\":\"date-time\"}",
     {"\"2026-11-26T23:59:59Z\"", "\"2026-11-26T00:00:00.5+02:00\""},
     {"\"2026-11-26\"", "\"2026-11-26T24:00:00Z\""}},
    {"{\"type\":\"string\",\"format\":\"uuid\"}", {"\"00112233-4455-6677-8899-aabbccddeeff\""}, {"\"00112233\""}},
    {"{\"type\":\"string\",\"format\":\"colour\"}", {"\"any\""}, {"1"}},
    {"{\"type\":\"integer\",\"minimum\":-3,\"maximum\":120}",
     {"-3", "-1", "0", "9", "10", "99", "100", "120"},
     {"-4", "121", "130", "200", "1.5", "00", "-10"}},
    {"{\"type\":\"integer\",\"minimum\":17}", {"17", "18", "20", "99", "100", "5000"}, {"16", "9", "0", "-17", "1"}},
    {"{\"type\":\"integer\",\"exclusiveMaximum\":0}", {"-1", "-10", "-99999"}, {"0", "1"}},
    {"{\"type\":\"integer\",\"exclusiveMinimum\":0,\"maximum\":1000}", {"1", "1000", "999", "10"}, {"0", "1001", "-1"}},
    {"{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
     {"0", "1", "0.5", "0.123", "1.0", "1.00"},
     {"1.1", "2", "-0.1", "1.01"}},
    {"{\"type\":\"number\",\"minimum\":-2,\"maximum\":-1}", {"-1", "-2", "-1.5", "-2.0"}, {"-0.5", "-2.1", "1", "0"}},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        json_t *schema;
        struct grammar *g = compile(rows[i].schema, &schema, &err);

        if (g == NULL) {
            fail_msg("%s: %s", rows[i].schema, err.detail);
        }
        for (size_t k = 0; k < 8 && rows[i].yes[k] != NULL; k++) {
            if (!holds(g, rows[i].yes[k])) {
                fail_msg("%s refuses %s", rows[i].schema, rows[i].yes[k]);
            }
        }
        for (size_t k = 0; k < 8 && rows[i].no[k] != NULL; k++) {
            if (holds(g, rows[i].no[k])) {
                fail_msg("%s takes %s", rows[i].schema, rows[i].no[k]);
            }
        }
        grammar_free(g);
        json_decref(schema);
    }
}

/* What cannot be held is named. */
static struct grammar_state *at(const struct grammar *g, struct bytes before)
{
    struct grammar_state *s;
    struct err err = {0};

    assert_ok(grammar_start(g, &s, &err), err);
    assert_true(grammar_advance(s, before));
    return s;
}

/* What a state has been asked before makes no difference to what it says: the same as one that was asked nothing. */
static void test_asked(void **state)
{
    static const char *const pieces[] = {
        "{",    "{\"", "{\"a\":", "\"a\":1", "1",       "12",       "-",      ".5",
        "e9",   ",",   ", \"b\"", "]",       "}]",      "\"",       "\\",     "\\u00",
        "x",    "ab",  "é",       "\xc3",    "\xa9",    "\xe6\x97", " ",      "\n  ",
        "null", "nul", "true}",   "2026-",   "11-26\"", "AB-1",     "@b.com", "foo bar foo bar"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bytes text = bytes_of_str(rows[i].yes[0]);
        struct err err = {0};
        json_t *schema;
        struct grammar *g = compile(rows[i].schema, &schema, &err);

        for (size_t n = 0; n <= text.len; n++) {
            struct grammar_state *all = at(g, bytes_of(text.p, n));

            for (size_t k = 0; k < 2 * (sizeof pieces / sizeof *pieces); k++) {
                const struct bytes piece = bytes_of_str(pieces[k % (sizeof pieces / sizeof *pieces)]);
                struct grammar_state *one = at(g, bytes_of(text.p, n));

                assert_int_equal(grammar_accepts(all, piece), grammar_accepts(one, piece));
                grammar_state_free(one);
            }
            assert_int_equal(grammar_advance(all, bytes_of(text.p + n, text.len - n)), true);
            assert_true(grammar_is_whole(all));
            grammar_state_free(all);
        }
        grammar_free(g);
        json_decref(schema);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *schema;
        enum reason reason;
        const char *why;
    } bad[] = {
        {"{\"not\":{}}", REASON_SCHEMA_UNSUPPORTED, "the keyword \"not\""},
        {"{\"if\":{},\"then\":{}}", REASON_SCHEMA_UNSUPPORTED, "the keyword \"if\""},
        {"{\"type\":\"object\",\"patternProperties\":{}}", REASON_SCHEMA_UNSUPPORTED,
         "the keyword \"patternProperties\""},
        {"{\"type\":\"array\",\"uniqueItems\":true}", REASON_SCHEMA_UNSUPPORTED, "uniqueItems"},
        {"{\"type\":\"number\",\"multipleOf\":2}", REASON_SCHEMA_UNSUPPORTED, "multipleOf"},
        {"{\"type\":\"number\",\"minimum\":0.5}", REASON_SCHEMA_UNSUPPORTED,
         "minimum or maximum that is not a whole number of at most 15 digits"},
        {"{\"$ref\":\"http://x/y\"}", REASON_SCHEMA_UNSUPPORTED, "$ref to another document"},
        {"{\"$ref\":\"#/$defs/x\"}", REASON_SCHEMA_FORM, "$ref to what is not there"},
        {"{\"anyOf\":[{}],\"properties\":{}}", REASON_SCHEMA_UNSUPPORTED, "\"properties\" beside \"anyOf\""},
        {"{\"type\":\"text\"}", REASON_SCHEMA_FORM, "a type that JSON has not"},
        {"{\"enum\":[]}", REASON_SCHEMA_FORM, "\"enum\" is no list, or an empty one"},
        {"{\"type\":\"array\",\"minItems\":2,\"maxItems\":1}", REASON_SCHEMA_FORM,
         "an array that has more items than it may"},
        {"{\"properties\":{},\"required\":[\"x\"]}", REASON_SCHEMA_FORM, "\"x\" is required and cannot be there"},
        {"{\"pattern\":\"(?=x)\"}", REASON_SCHEMA_UNSUPPORTED,
         "a pattern with a group that looks around or has a name"},
        {"{\"pattern\":\"\\\\1\"}", REASON_SCHEMA_UNSUPPORTED, "a pattern with an escape that is not known"},
        {"{\"pattern\":\"a\",\"minLength\":3}", REASON_SCHEMA_UNSUPPORTED, "a pattern or a format beside a length"},
        {"[1]", REASON_SCHEMA_FORM, "a schema that is no object"},
        {"false", REASON_SCHEMA_UNSUPPORTED, "the schema false"},
        {"{\"pattern\":\"((((((((((a{1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000})\"}",
         REASON_OK, NULL},
        {"{\"$ref\":\"#\"}", REASON_OK, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        json_t *schema;
        struct grammar *g = compile(bad[i].schema, &schema, &err);

        if (bad[i].why == NULL) { /* large, or endless: made or refused, and walked within bounds */
            if (g != NULL) {
                struct grammar_state *s = NULL;

                if (grammar_start(g, &s, &err)) {
                    (void)grammar_accepts(s, bytes_of_str("\"aaaaaaaaaaaa"));
                }
                grammar_state_free(s);
            }
        } else {
            if (g != NULL) {
                fail_msg("%s is taken", bad[i].schema);
            }
            assert_string_equal(err.detail, bad[i].why);
            assert_string_equal(reason_name(err.reason), reason_name(bad[i].reason));
        }
        grammar_free(g);
        json_decref(schema);
    }
}

/* ---- hostile ---- */

/* before, count times the form with its number for @ and the next one for %, and, inside of no text, commas between,
 * behind. */
static char *repeat(const char *before, const char *form, int count, const char *behind)
{
    struct buf out = BUF(MIB(32));
    struct err err;

    assert_true(buf_str(&out, before, &err));
    for (int i = 0; i < count; i++) {
        for (const char *p = form; *p != 0; p++) {
            assert_true(*p == '@' || *p == '%' ? buf_printf(&out, &err, "%d", *p == '@' ? i : i + 1)
                                               : buf_u8(&out, (uint8_t)*p, &err));
        }
        assert_true(i + 1 == count || behind[0] == '"' || behind[0] == ')' || buf_u8(&out, ',', &err));
    }
    assert_true(buf_str(&out, behind, &err) && buf_u8(&out, 0, &err));
    return (char *)out.p;
}

/* Taken, and then held, or refused by name; in both cases soon. */
static void test_hostile(void **state)
{
    static const struct {
        const char *before, *form;
        int count;
        const char *behind;
        enum reason reason; /* REASON_OK: taken */
        const char *yes, *no;
    } hostile[] = {
        {"{\"enum\":[", "\"v@\"", 20000, "]}", REASON_OK, "\"v19999\"", "\"v20000\""},
        {"{\"properties\":{\"a\":{\"enum\":[", "@", 9000, "]}}}", REASON_OK, "{\"a\":8999}", "{\"a\":9000}"},
        {"{\"properties\":{", "\"p@\":{\"type\":\"null\"}", 400, "}}", REASON_OK, "{\"p0\":null,\"p399\":null}",
         "{\"p400\":null}"},
        {"{\"properties\":{", "\"p@\":{\"type\":\"null\"}", 3000, "}}", REASON_SCHEMA_UNSUPPORTED, NULL, NULL},
        {"{\"properties\":{", "\"p@\":{}", 10000, "}}", REASON_SCHEMA_UNSUPPORTED, NULL, NULL},
        {"{\"properties\":{\"a\":{}},\"required\":[", "\"a\"", 300000, "]}", REASON_SCHEMA_UNSUPPORTED, NULL, NULL},
        {"{\"enum\":[", "{\"k\":[@]}", 15000, "]}", REASON_OK, "{\"k\":[14999]}", "{\"k\":[15000]}"},
        {"{\"const\":\"", "a", 600000, "\"}", REASON_SCHEMA_UNSUPPORTED, NULL, NULL},
        {"{\"description\":\"", "a", 500000, "\",\"type\":\"null\"}", REASON_OK, "null", "\"a"},
        {"{\"pattern\":\"^(", "[a-y@]", 200, ")*$\"}", REASON_OK, "\"\"", "\"~\""},
        {"{\"pattern\":\"", "[^@]", 300000, "\"}", REASON_SCHEMA_UNSUPPORTED, NULL, NULL},
        /* Nested repetition: ways that meet are followed once. */
        {"", "", 0, "{\"pattern\":\"^((((a*)*)*b?)+)*c$\"}", REASON_OK, "\"aaaaaaaaaaaaaaaaaaaaaaaabaaaaaaac\"",
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
        {"", "", 0, "{\"pattern\":\"^(\\\\w+\\\\s?)*$\"}", REASON_OK, "\"aaaa bbbbbbbbbbbbbbbbbbbbbbbb cccccccccccc\"",
         "\" a\""},
        {"", "", 0, "{\"pattern\":\"^(a|a|a|aa)*$\"}", REASON_OK, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "\"b\""},
        {"", "", 0, "{\"pattern\":\"^(((a?){500}){2}){2}$\"}", REASON_SCHEMA_UNSUPPORTED, NULL, NULL},
        {"", "", 0,
         "{\"pattern\":\"((((((((((a{1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000})\"}",
         REASON_OK, NULL, "\"aaaaaaaaaaaa\""},
        /* Schemas that are themselves. */
        {"", "", 0, "{\"$ref\":\"#\"}", REASON_SCHEMA_FORM, NULL, NULL},
        {"", "", 0,
         "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}},\"$defs\":{\"x\":{\"anyOf\":[{\"$ref\":\"#/$defs/y\"},{"
         "\"$ref\":\"#/$defs/x\"}]},\"y\":{\"anyOf\":[{\"$ref\":\"#/$defs/x\"},{\"$ref\":\"#/$defs/y\"}]}}}",
         REASON_SCHEMA_FORM, NULL, NULL},
        {"", "", 0, "{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}", REASON_OK,
         "[[[],[[[[]]]]]]", "[1]"},
        /* 2 to the 25th ways to the same. */
        {"{\"$ref\":\"#/$defs/x0\",\"$defs\":{",
         "\"x@\":{\"anyOf\":[{\"$ref\":\"#/$defs/x%\"},{\"$ref\":\"#/$defs/x%\"}]}", 25,
         ",\"x25\":{\"type\":\"null\"}}}", REASON_OK, "null", "1"},
        /* Counts within counts. */
        {"", "", 0,
         "{\"minItems\":4096,\"items\":{\"minItems\":4096,\"items\":{\"minItems\":4096,\"items\":{\"type\":\"null\"}}}"
         "}",
         REASON_OK, NULL, "[[[null,null]]]"},
        {"", "", 0, "{\"type\":\"string\",\"minLength\":65536}", REASON_OK, NULL, "\"aaaa\""},
        {"{\"type\":\"object\",\"properties\":{", "\"p@\":{\"minItems\":4096}", 100, "}}", REASON_SCHEMA_UNSUPPORTED,
         NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        char *text = repeat(hostile[i].before, hostile[i].form, hostile[i].count, hostile[i].behind);
        const clock_t before = clock();
        struct grammar_state *s = NULL;
        struct grammar *g = NULL;
        struct err err = {0};
        json_t *schema = NULL;
        bool taken = json_parse(bytes_of_str(text), &schema, &err) && schema_compile(schema, &g, &err) &&
                     grammar_start(g, &s, &err);

        grammar_state_free(s);
        if (taken != (hostile[i].reason == REASON_OK) || (!taken && err.reason != hostile[i].reason)) {
            fail_msg("row %zu: %s %s", i, reason_name(err.reason), err.detail);
        }
        if (taken && hostile[i].yes != NULL && !holds(g, hostile[i].yes)) {
            fail_msg("row %zu refuses %s", i, hostile[i].yes);
        }
        if (taken && holds(g, hostile[i].no)) {
            fail_msg("row %zu takes %s", i, hostile[i].no);
        }
        grammar_free(g);
        json_decref(schema);
        free(text);
        if (clock() - before > 10 * CLOCKS_PER_SEC) { /* milliseconds, where nothing else slows it down */
            fail_msg("row %zu: too long", i);
        }
    }
}

/* More places than are remembered: what others left is forgotten. A text of more of them alone is not followed. */
static void test_places(void **state)
{
    static const struct {
        const char *form;
        size_t count;
        bool yes;
    } asked[] = {{"a", 400, true},  {"é", 250, true}, {"a", 400, true}, {"日", 150, true},
                 {"a", 600, false}, {"a", 1, true},   {"é", 250, true}, {"\"", 2, false}};
    struct err err = {0};
    json_t *schema;
    struct grammar *g = compile("{\"type\":\"string\",\"maxLength\":2000}", &schema, &err);
    struct grammar_state *s = at(g, bytes_of_str("\"x"));

    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct buf text = BUF(4096);

        for (size_t n = 0; n < asked[i].count; n++) {
            assert_ok(buf_str(&text, asked[i].form, &err), err);
        }
        assert_int_equal(grammar_accepts(s, buf_bytes(&text)), asked[i].yes);
        buf_done(&text);
    }
    grammar_state_free(s);
    grammar_free(g);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_forms),   cmocka_unit_test(test_asked),
        cmocka_unit_test(test_places),  cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
