#include "test.h"

#include "chat/form.h"

#include <stdlib.h>

/* What was said, of an answer whose text comes in pieces of 1 to most bytes, of which the last lag bytes have not
 * reached the output yet. */
struct answer {
    struct output output;
    struct form form;
    struct buf said, thought, held;
};

static bool emit(void *arg, enum output_part part, struct bytes text, struct err *err)
{
    struct answer *a = arg;

    return buf_add(part == OUTPUT_CONTENT ? &a->said : &a->thought, text.p, text.len, err);
}

static void answer_begin(struct answer *a, const struct output_format *format, bool thinking, const char *schema)
{
    json_t *v = NULL;
    struct err err = {0};

    *a = (struct answer){.said = BUF(4096), .thought = BUF(4096), .held = BUF(4096)};
    assert_ok(json_parse(bytes_of_str(schema), &v, &err), err);
    assert_ok(form_init(&a->form, v, &err), err);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thoughts),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_channels),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
