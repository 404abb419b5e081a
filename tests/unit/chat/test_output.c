#include "test.h"

#include "chat/output.h"

static bool collect(void *arg, enum output_part part, struct bytes text, struct err *err)
{
    static const char *const names[] = {"", "T:", "C:"};
    struct buf *out = arg;
    static enum output_part last;

    /* Pieces of one part that follow each other are one, whatever the cuts; calls stand alone. */
    if (out->len == 0 || part != last || part == OUTPUT_CALL) {
        assert_true((out->len == 0 || buf_u8(out, '|', err)) && buf_str(out, names[part], err));
    }
    last = part;
    return buf_add(out, text.p, text.len, err);
}

struct row {
    const char *chat_template;
    bool tools, thinking;
    const char *output; /* "\1NAME\2" is a control token */
    const char *want;
};

/* In pieces of this many bytes; marks are whole. */
static void run(const struct row *row, size_t cut, struct buf *out)
{
    struct output_format format;
    struct output o;
    struct err err = {0};

    output_format_find(bytes_of_str(row->chat_template), &format);
    output_init(&o, &format, row->tools, row->thinking, collect, out);
    for (const char *p = row->output; *p != 0;) {
        const size_t mark = strcspn(p, "\1");
        const size_t n = mark < cut ? mark : cut;

        if (*p == 1) {
            const size_t len = strcspn(p, "\2");

            assert_ok(output_mark(&o, bytes_of(p + 1, len - 1), &err), err);
            p += len + 1;
        } else {
            assert_ok(output_add(&o, bytes_of(p, n), &err), err);
            p += n;
        }
    }
    assert_ok(output_end(&o, &err), err);
    output_done(&o);
}

#define QWEN "{% if tools %}<tool_call>{% endif %}<think>"
#define R1 "<think>\n</think> tools <｜tool▁calls▁begin｜>"
#define LLAMA "tools \"parameters\": "
#define MISTRAL "tools [TOOL_CALLS]"
#define OSS "tools <|channel|>"
#define GEMMA "tools <start_function_call>"

static const struct row rows[] = {
    {"plain", true, false, "<think>x</think> <tool_call>", "<think>x</think> <tool_call>"},
    {QWEN, true, false, "Hello <think> you", "Hello <think> you"},
    {QWEN, true, false, "\n<think>\n a < b </think>\n\nIt is.", "T:a < b |It is."},
    {QWEN, false, false, "<think>\n\n</think>\n\nIt is.", "It is."},
    {QWEN, false, false, "<thin", "<thin"},
    {QWEN, false, false, "<tool_call>{}</tool_call>", "<tool_call>{}</tool_call>"},
    {QWEN, true, false, "<think>t</think>\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>",
     "T:t|C:{\"name\":\"f\",\"arguments\":{\"a\":1}}"},
    {QWEN, true, false,
     "So:\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</"
     "tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":\"{\\\"b\\\":2}\"}</tool_call>",
     "So:\n|C:{\"name\":\"f\",\"arguments\":{}}|C:{\"name\":\"g\",\"arguments\":{\"b\":2}}"},
    {QWEN, true, false, "<tool_call>{\"name\":\"f\",\"arguments\":{}}", "C:{\"name\":\"f\",\"arguments\":{}}"},
    {QWEN, true, false, "<tool_call>{\"name\":5}</tool_call> x", "<tool_call>{\"name\":5}</tool_call> x"},
    {QWEN, true, false, "<tool_call>{\"na", "<tool_call>{\"na"},
    {QWEN, true, false,
     "<tool_call>{\"name\":\"f\"}</tool_call><tool_call>{\"name\":\"g\",\"arguments\":null}</tool_call>",
     "C:{\"name\":\"f\",\"arguments\":{}}|C:{\"name\":\"g\",\"arguments\":{}}"},
    /* What is thought is no call. */
    {QWEN, true, false, "<think>a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call></think>b",
     "T:a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>|b"},
    {QWEN, true, false, "<think>no end <tool_call>{}", "T:no end <tool_call>{}"},
    {QWEN, true, false, "a </think> b <think> c", "a </think> b <think> c"},
    /* Marks that a file has as control tokens. */
    {QWEN, true, false,
     "\1<think>\2t\1</think>\2\n\1<tool_call>\2{\"name\":\"f\",\"arguments\":{}}\1</tool_call>\2\1<|im_end|>\2",
     "T:t|C:{\"name\":\"f\",\"arguments\":{}}"},
    {"plain", true, false, "a\1<think>\2b", "ab"},
    {R1, false, true, "\nhm</think>\n\nYes.", "T:hm|Yes."},
    {R1, false, true, "no end", "T:no end"},
    {R1, true, true,
     "hm</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
     "[1]}\n```<｜tool▁call▁end｜>"
     "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "T:hm|C:{\"name\":\"f\",\"arguments\":{\"a\":[1]}}|C:{\"name\":\"g\",\"arguments\":{}}"},
    {GEMMA, true, false, "<start_function_call>call:f{}<end_function_call>", "C:{\"name\":\"f\",\"arguments\":{}}"},
    {GEMMA, true, false,
     "Well. \1<start_function_call>\2call:get_x{city:\1<escape>\2New \"York\", {NY}: [1]\1<escape>\2,n:-1.5,ok:true,"
     "none:null,deep:{a b:[1,\1<escape>\2\1<escape>\2,{}], \1<escape>\2k:\1<escape>\2: 7}}\1<end_function_call>\2",
     "Well. |C:{\"name\":\"get_x\",\"arguments\":{\"city\":\"New \\\"York\\\", {NY}: "
     "[1]\",\"n\":-1.5,\"ok\":true,\"none\":null,\"deep\":{\"a b\":[1,\"\",{}],\"k:\":7}}}"},
    {GEMMA, true, false,
     "<start_function_call>call:f{a:Paris , 1:x}<end_function_call><start_function_call>\ncall:g{b:2}\n<end_function_"
     "call>",
     "C:{\"name\":\"f\",\"arguments\":{\"a\":\"Paris\",\"1\":\"x\"}}|C:{\"name\":\"g\",\"arguments\":{\"b\":2}}"},
    {GEMMA, true, false, "<start_function_call>call:f{a:<escape>x<escape>}",
     "C:{\"name\":\"f\",\"arguments\":{\"a\":\"x\"}}"},
    /* None of these is a call; nothing of it is lost. */
    {GEMMA, true, false, "<start_function_call>call:f{a:<escape>x<end_function_call>",
     "<start_function_call>call:f{a:<escape>x<end_function_call>"},
    {GEMMA, true, false, "<start_function_call>f{}<end_function_call>.",
     "<start_function_call>f{}<end_function_call>."},
    {GEMMA, true, false, "<start_function_call>call:{}<end_function_call>",
     "<start_function_call>call:{}<end_function_call>"},
    {GEMMA, true, false, "<start_function_call>call:f{a:1,a:2}<end_function_call>",
     "<start_function_call>call:f{a:1,a:2}<end_function_call>"},
    {GEMMA, true, false, "<start_function_call>call:f{a:<b}<end_function_call>",
     "<start_function_call>call:f{a:<b}<end_function_call>"},
    {GEMMA, true, false, "<start_function_call>call:f", "<start_function_call>call:f"},
    {GEMMA, true, false, "<start_function_call>call:f{a:1}}<end_function_call>",
     "<start_function_call>call:f{a:1}}<end_function_call>"},
    {GEMMA, false, false, "<start_function_call>call:f{}<end_function_call>",
     "<start_function_call>call:f{}<end_function_call>"},
    {LLAMA, true, false, "{\"name\": \"f\", \"parameters\": {\"x\": \"y\"}}",
     "C:{\"name\":\"f\",\"arguments\":{\"x\":\"y\"}}"},
    {LLAMA, true, false, "\1<|python_tag|>\2{\"name\": \"f\", \"parameters\": {}}",
     "C:{\"name\":\"f\",\"arguments\":{}}"},
    {LLAMA, true, false, "{\"a\": 1}", "{\"a\": 1}"},
    {LLAMA, false, false, "{\"name\": \"f\", \"parameters\": {}}", "{\"name\": \"f\", \"parameters\": {}}"},
    {LLAMA, true, false, "It is {\"name\"", "It is {\"name\""},
    {LLAMA, true, false, "\n{\"name\": \"f\", \"parameters\": {\"x\": \"}\\\"{\"}} That is all.",
     "C:{\"name\":\"f\",\"arguments\":{\"x\":\"}\\\"{\"}}|That is all."},
    {LLAMA, true, false, "{\"name\":\"f\",\"parameters\":{}}; {\"name\":\"g\",\"parameters\":\"{}\"}\n{\"name\":1}",
     "C:{\"name\":\"f\",\"arguments\":{}}|C:{\"name\":\"g\",\"arguments\":{}}|{\"name\":1}"},
    {LLAMA, true, false, "{\"name\": \"Ann\"}", "{\"name\": \"Ann\"}"},
    {"<think> " LLAMA, true, true, "a</think>\n{\"name\": \"f\", \"parameters\": {}}",
     "T:a|C:{\"name\":\"f\",\"arguments\":{}}"},
    {LLAMA, true, false, "[f(a=1)]", "[f(a=1)]"}, /* Python is read by nobody here */
    {LLAMA, true, false, "\1<|python_tag|>\2print(1)", "print(1)"},
    {MISTRAL, true, false,
     "\1[TOOL_CALLS]\2[{\"name\": \"f\", \"arguments\": {}}, {\"name\": \"g\", \"arguments\": {}}]",
     "C:{\"name\":\"f\",\"arguments\":{}}|C:{\"name\":\"g\",\"arguments\":{}}"},
    {MISTRAL, true, false, "[TOOL_CALLS][]", "[TOOL_CALLS][]"}, /* spelled, not the token */
    {MISTRAL, true, false,
     "So: \1[TOOL_CALLS]\2f\1[CALL_ID]\2abc123def\1[ARGS]\2{\"a\": \"b\"}\1[TOOL_CALLS]\2g\1[ARGS]\2{}",
     "So: |C:{\"name\":\"f\",\"arguments\":{\"a\":\"b\"}}|C:{\"name\":\"g\",\"arguments\":{}}"},
    {MISTRAL, true, false, "\1[TOOL_CALLS]\2f\1[ARGS]\2{\"a", "f[ARGS]{\"a"},
    {MISTRAL, false, false, "\1[TOOL_CALLS]\2[{\"name\":\"f\",\"arguments\":{}}]",
     "[{\"name\":\"f\",\"arguments\":{}}]"},
    {OSS, true, false,
     "\1<|channel|>\2analysis\1<|message|>\2Let me "
     "see\1<|end|>\2\1<|start|>\2assistant\1<|channel|>\2final\1<|message|>\2Yes <|end|>.\1<|return|>\2",
     "T:Let me see|Yes <|end|>."},
    {OSS, true, false,
     "\1<|channel|>\2commentary to=functions.f \1<|constrain|>\2json\1<|message|>\2{\"a\":1}\1<|call|>\2",
     "C:{\"name\":\"f\",\"arguments\":{\"a\":1}}"},
    {OSS, false, false, "\1<|channel|>\2commentary to=functions.f\1<|message|>\2{\"a\":1}\1<|call|>\2", "{\"a\":1}"},
    {OSS, false, false, "no header", "no header"},
    {OSS, true, false,
     "\1<|channel|>\2analysis\1<|message|>\2hm\1<|end|>\2\1<|start|>\2assistant "
     "to=functions.f\1<|channel|>\2commentary "
     "\1<|constrain|>\2json\1<|message|>\2{}\1<|call|>\2",
     "T:hm|C:{\"name\":\"f\",\"arguments\":{}}"},
    {OSS, true, false, "\1<|channel|>\2commentary\1<|message|>\2I look.\1<|end|>\2", "I look."},
    {OSS, true, false, "\1<|channel|>\2commentary to=functions.f\1<|message|>\2{\"a", "{\"a"},
    {OSS, true, false, "\1<|channel|>\2analysis\1<|message|>\2no end", "T:no end"},
};

/* Whatever the pieces are. */
static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t cut = 1; cut <= strlen(rows[i].output); cut++) {
            struct buf out = BUF(65536);
            struct err err;

            run(&rows[i], cut, &out);
            assert_true(buf_u8(&out, 0, &err));
            assert_string_equal((const char *)out.p, rows[i].want);
            buf_done(&out);
        }
    }
}

/* Nothing waits that needs not: what cannot become a mark is given out at once. */
static void test_at_once(void **state)
{
    struct output_format format;
    struct buf out = BUF(1024);
    struct output o;
    struct err err;

    (void)state;
    output_format_find(bytes_of_str(QWEN), &format);
    assert_true(format.tools && format.thinks && format.style == OUTPUT_TAGGED);
    output_init(&o, &format, true, false, collect, &out);
    assert_ok(output_add(&o, bytes_of_str("Hello <to"), &err), err);
    assert_int_equal(out.len, 6);
    assert_ok(output_add(&o, bytes_of_str("day>"), &err), err);
    assert_int_equal(out.len, 13);
    output_done(&o);
    buf_done(&out);
}

/* A call that would become too large is content, all of it. */
static void test_too_large(void **state)
{
    struct output_format format;
    struct buf text = BUF(OUTPUT_CALL_MAX), out = BUF(2 * OUTPUT_CALL_MAX);
    struct output o;
    struct err err = {0};
    uint8_t *room;

    (void)state;
    output_format_find(bytes_of_str(GEMMA), &format);
    output_init(&o, &format, true, false, collect, &out);
    assert_ok(buf_str(&text, "<start_function_call>call:f{a:<escape>", &err), err);
    assert_ok(buf_room(&text, MIB(1), &room, &err), err);
    memset(room, 1, MIB(1)); /* six times as long in JSON */
    buf_grew(&text, MIB(1));
    assert_ok(buf_str(&text, "<escape>}<end_function_call>", &err), err);
    assert_ok(output_add(&o, buf_bytes(&text), &err), err);
    assert_ok(output_end(&o, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&text)));
    output_done(&o);
    buf_done(&text);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
