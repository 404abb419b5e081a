#include "test.h"

#include "chat/form.h"

#include <stdlib.h>

/* What was said, of an answer whose text comes in pieces of 1 to most bytes, of which the last lag bytes have not
 * reached the output yet. */
struct answer {
    struct output output;
    struct form form;
    struct buf said, thought, held, call;
};

static bool emit(void *arg, enum output_part part, struct bytes text, struct err *err)
{
    struct answer *a = arg;

    return buf_add(part == OUTPUT_CONTENT    ? &a->said
                   : part == OUTPUT_THINKING ? &a->thought
                                             : &a->call,
                   text.p, text.len, err);
}

static void answer_begin(struct answer *a, const struct output_format *format, bool thinking, const char *schema)
{
    json_t *v = NULL;
    struct err err = {0};

    *a = (struct answer){.said = BUF(4096), .thought = BUF(4096), .held = BUF(4096)};
    assert_ok(json_parse(bytes_of_str(schema), &v, &err), err);
    assert_ok(form_init(&a->form, v, NULL, format, &err), err);
    json_decref(v);
    output_init(&a->output, format, false, thinking, emit, a);
}

static void answer_end(struct answer *a)
{
    output_done(&a->output);
    form_done(&a->form);
    buf_done(&a->said);
    buf_done(&a->thought);
    buf_done(&a->held);
    buf_done(&a->call);
}

/* False: the form does not take it. */
static bool answer_add(struct answer *a, struct bytes piece, size_t lag)
{
    struct err err = {0};
    size_t out;

    if (!form_allows(&a->form, &a->output, buf_bytes(&a->held), piece)) {
        return false;
    }
    assert_ok(form_take(&a->form, &a->output, buf_bytes(&a->held), piece, &err), err);
    assert_ok(buf_add(&a->held, piece.p, piece.len, &err), err);
    out = a->held.len > lag ? a->held.len - lag : 0;
    assert_ok(output_add(&a->output, bytes_of(a->held.p, out), &err), err);
    buf_drop(&a->held, out);
    return true;
}

static bool answer_all(struct answer *a, const char *text, size_t most, size_t lag)
{
    const size_t len = strlen(text);
    struct err err = {0};

    for (size_t at = 0, n; at < len; at += n) {
        n = 1 + (size_t)rand() % most;
        n = n < len - at ? n : len - at;
        if (!answer_add(a, bytes_of(text + at, n), lag)) {
            return false;
        }
    }
    assert_ok(output_add(&a->output, buf_bytes(&a->held), &err), err);
    assert_ok(output_end(&a->output, &err), err);
    return true;
}

#define SPACES_30 "                              "
#define SPACES SPACES_30 SPACES_30 SPACES_30 SPACES_30

static const struct {
    bool thinks, thinking;
    const char *text, *said; /* NULL: it is not of the form */
} rows[] = {
    {false, false, "{\"a\":1}", "{\"a\":1}"},
    {false, false, "<think>x</think>{\"a\":1}", NULL},
    {true, false, "{\"a\":1}", "{\"a\":1}"},
    {true, false, "<think>x {\"a\": </ thing</think>\n\n{\"a\":1}", "{\"a\":1}"},
    {true, false, "\n<think></think>{\"a\":12}", "{\"a\":12}"},
    {true, false, "<think>x</think><think>y</think> { \"a\":1}", "{ \"a\":1}"},
    {true, true, "\nx</think>\n\n{\"a\":1}", "{\"a\":1}"},
    {true, true, "</think>{\"a\":1}", "{\"a\":1}"},
    {true, true, "x<think>y</think>{\"a\":1}", "{\"a\":1}"},
    {true, false, "<think>x</think>\n\nThe answer: {\"a\":1}", NULL},
    {true, false, "<think>x</think>{\"b\":1}", NULL},
    {true, false, "<think>x</think>{\"a\":}", NULL},
    {true, false, "<thin{\"a\":1}", NULL},
    {true, false, "</think>{\"a\":1}", NULL},
    {true, false, "x{\"a\":1}", NULL},
    {true, false, "{\"a\":1}<think>x</think>", NULL},
    {true, false, SPACES "{\"a\":1}", NULL},
    {true, true, "x</think>}", NULL},
    {true, true, "x</think>" SPACES "{\"a\":1}", NULL},
};

static void test_thoughts(void **state)
{
    static const char schema[] =
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}";

    (void)state;
    srand(1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct output_format format = {.style = OUTPUT_TAGGED, .thinks = rows[i].thinks};

        for (size_t n = 0; n < 600; n++) {
            struct answer a;
            bool taken;

            answer_begin(&a, &format, rows[i].thinking, schema);
            taken = answer_all(&a, rows[i].text, 1 + n % 30, n % 11);
            if (taken != (rows[i].said != NULL)) {
                fail_msg("%s: in pieces of %zu, %zu behind", rows[i].text, 1 + n % 30, n % 11);
            }
            if (taken) {
                assert_true(form_is_whole(&a.form) && form_is_over(&a.form));
                /* white space before the first of what is said may be given out as well */
                while (a.said.len > 0 && a.said.p[0] == '\n') {
                    buf_drop(&a.said, 1);
                }
                assert_int_equal(a.said.len, strlen(rows[i].said));
                assert_memory_equal(a.said.p, rows[i].said, a.said.len);
            }
            answer_end(&a);
        }
    }
}

/* Control tokens: those of thoughts where thoughts may be, others only while it thinks, none in what is said. */
static void test_marks(void **state)
{
    const struct output_format format = {.style = OUTPUT_TAGGED, .thinks = true};
    const struct bytes begin = bytes_of_str("<think>"), end = bytes_of_str("</think>"), other = bytes_of_str("<|x|>");
    const struct bytes none = {0};
    struct err err = {0};
    struct answer a;

    (void)state;
    answer_begin(&a, &format, false, "true");
    assert_true(form_allows_mark(&a.form, &a.output, none, begin));
    assert_false(form_allows_mark(&a.form, &a.output, none, end));
    assert_false(form_allows_mark(&a.form, &a.output, none, other));
    assert_ok(output_mark(&a.output, begin, &err), err);
    assert_true(form_allows_mark(&a.form, &a.output, none, end));
    assert_true(form_allows_mark(&a.form, &a.output, none, other));
    assert_false(form_is_whole(&a.form)); /* thoughts are no answer */
    assert_ok(output_mark(&a.output, end, &err), err);
    assert_false(form_allows(&a.form, &a.output, none, bytes_of_str("x")));
    assert_true(answer_add(&a, bytes_of_str("{"), 0));
    assert_false(form_allows_mark(&a.form, &a.output, none, begin));
    assert_false(form_allows_mark(&a.form, &a.output, none, other));
    answer_end(&a);
}

/* A model that was told not to think does not begin to. */
static void test_no_thoughts(void **state)
{
    const struct output_format format = {.style = OUTPUT_TAGGED, .thinks = true};
    json_t *chat = json_object(), *form = json_boolean(true);
    struct answer a;
    struct err err = {0};

    (void)state;
    answer_begin(&a, &format, false, "true");
    form_done(&a.form);
    assert_int_equal(json_object_set_new(chat, "enable_thinking", json_boolean(false)), 0);
    assert_ok(form_init(&a.form, form, chat, &format, &err), err);
    assert_false(answer_add(&a, bytes_of_str("<"), 0));
    assert_false(answer_add(&a, bytes_of_str("\n"), 0));
    assert_false(form_allows_mark(&a.form, &a.output, bytes_of(NULL, 0), bytes_of_str("<think>")));
    assert_true(answer_add(&a, bytes_of_str("{}"), 0));
    answer_end(&a);
    json_decref(form);
    json_decref(chat);
}

/* gpt-oss: what is not in the final channel is free. */
static void test_channels(void **state)
{
    const struct output_format format = {.style = OUTPUT_HARMONY, .thinks = true};
    const struct bytes none = {0};
    struct err err = {0};
    struct answer a;

    (void)state;
    answer_begin(&a, &format, false, "true");
    assert_true(form_allows_mark(&a.form, &a.output, none, bytes_of_str("<|channel|>")));
    assert_true(answer_add(&a, bytes_of_str("analysis"), 0));
    assert_ok(output_mark(&a.output, bytes_of_str("<|message|>"), &err), err);
    assert_true(answer_add(&a, bytes_of_str("so it is"), 0));
    assert_ok(output_mark(&a.output, bytes_of_str("<|end|>"), &err), err);
    assert_true(answer_add(&a, bytes_of_str("final"), 0));
    assert_ok(output_mark(&a.output, bytes_of_str("<|message|>"), &err), err);
    assert_false(form_allows(&a.form, &a.output, none, bytes_of_str("so")));
    assert_true(answer_add(&a, bytes_of_str("{}"), 0));
    assert_true(form_is_over(&a.form));
    answer_end(&a);
}

/* ---- calls that are forced ---- */

static const char tools[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"now\"}},{\"type\":\"function\",\"function\":{\"name\":"
    "\"weather\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"$ref\":\"#/$defs/c\"}},\"required\":[\"city\"],"
    "\"$defs\":{\"c\":{\"enum\":[\"Rome\",\"Oslo\"]}}}}}]";

static json_t *chat_of(const char *list)
{
    json_t *chat = json_object(), *v = NULL;
    struct err err = {0};

    assert_ok(json_parse(bytes_of_str(list), &v, &err), err);
    assert_int_equal(json_object_set(chat, "tools", v), 0);
    json_decref(v);
    return chat;
}

/* Control tokens between \1 and \2. False: it is not taken. */
static bool call_all(struct answer *a, const char *text)
{
    struct err err = {0};

    for (const char *p = text; *p != 0;) {
        const bool mark = *p == '\1';
        const size_t n = mark ? strcspn(p + 1, "\2") : 1;
        const struct bytes piece = bytes_of(p + (mark ? 1 : 0), n);

        if (!mark && !answer_add(a, piece, 0)) {
            return false;
        }
        if (mark) {
            if (!form_allows_mark(&a->form, &a->output, bytes_of(NULL, 0), piece)) {
                return false;
            }
            assert_ok(form_take_mark(&a->form, &a->output, bytes_of(NULL, 0), piece, &err), err);
            assert_ok(output_mark(&a->output, piece, &err), err);
        }
        p += mark ? n + 2 : 1;
    }
    return true;
}

#define ROME "weather\", \"arguments\": {\"city\": \"Rome\"}}"

static void test_calls(void **state)
{
    static const struct {
        const char *template, *tool, *text;
        bool whole;
    } calls[] = {
        {"tools <tool_call>", "", "<tool_call>\n{\"name\": \"" ROME "\n</tool_call>", true},
        {"tools <tool_call>", "", "\1<tool_call>\2\n{\"name\": \"" ROME "\n\1</tool_call>\2", true},
        {"tools <tool_call> <think>", "", "<think>a</think>\n<tool_call>\n{\"name\": \"" ROME "\n</tool_call>", true},
        {"tools <tool_call>", "weather", "<tool_call>\n{\"name\": \"" ROME "\n</tool_call>", true},
        {"tools <tool_call>", "now", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", true},
        {"tools <tool_call>", "now", "<tool_call>\n{\"name\": \"w", false},
        {"tools <tool_call>", "", "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"P", false},
        {"tools <tool_call>", "", "Rome", false},
        {"tools \"parameters\": ", "", "{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}", true},
        {"tools [TOOL_CALLS]", "", "\1[TOOL_CALLS]\2[{\"name\": \"" ROME "]", true},
        {"tools [TOOL_CALLS]", "", "[", false},
        {"tools [TOOL_CALLS] [ARGS]", "", "\1[TOOL_CALLS]\2weather\1[ARGS]\2{\"city\": \"Rome\"}", true},
        {"tools <｜tool▁calls▁begin｜>", "",
         "\1<｜tool▁calls▁begin｜>\2\1<｜tool▁call▁begin｜>\2function\1<｜tool▁sep｜>\2weather\n```json\n{\"city\": "
         "\"Rome\"}\n```\1<｜tool▁call▁end｜>\2\1<｜tool▁calls▁end｜>\2",
         true},
        {"tools <tool_call>", "", "\1<|im_start|>\2", false},
    };
    json_t *chat = chat_of(tools), *name;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct output_format format;
        struct answer a = {.said = BUF(4096), .thought = BUF(4096), .held = BUF(4096), .call = BUF(4096)};
        bool taken;

        output_format_find(bytes_of_str(calls[i].template), &format);
        name = json_string(calls[i].tool);
        assert_ok(form_init(&a.form, name, chat, &format, &err), err);
        json_decref(name);
        output_init(&a.output, &format, true, false, emit, &a);
        taken = call_all(&a, calls[i].text);
        if (taken != calls[i].whole || (taken && !form_is_over(&a.form))) {
            fail_msg("row %zu: %s", i, calls[i].text);
        }
        if (taken) { /* and what was forced is read as a call */
            assert_ok(output_end(&a.output, &err), err);
            assert_int_equal(a.said.len, 0);
            assert_true(a.call.len > 0);
        }
        answer_end(&a);
    }
    json_decref(chat);
}

/* Those that cannot be forced. */
static void test_no_call(void **state)
{
    static const struct {
        const char *template, *tool, *tools;
        enum reason reason;
    } rows_no[] = {
        {"tools <|channel|>", "", tools, REASON_NOT_SUPPORTED},
        {"<tool_call>", "", tools, REASON_NOT_SUPPORTED},
        {"tools <tool_call>", "rain", tools, REASON_SCHEMA_FORM},
        {"tools <tool_call>", "", "[{\"function\":{\"name\":\"a\\\"b\"}}]", REASON_SCHEMA_FORM},
        {"tools <tool_call>", "", "[{\"function\":{\"name\":\"a\",\"parameters\":{\"not\":{}}}}]",
         REASON_SCHEMA_UNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows_no / sizeof *rows_no; i++) {
        json_t *chat = chat_of(rows_no[i].tools), *name = json_string(rows_no[i].tool);
        struct output_format format;
        struct err err = {0};
        struct form f;

        output_format_find(bytes_of_str(rows_no[i].template), &format);
        assert_false(form_init(&f, name, chat, &format, &err));
        assert_int_equal(err.reason, rows_no[i].reason);
        form_done(&f);
        json_decref(name);
        json_decref(chat);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thoughts), cmocka_unit_test(test_marks), cmocka_unit_test(test_no_thoughts),
        cmocka_unit_test(test_channels), cmocka_unit_test(test_calls), cmocka_unit_test(test_no_call),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
