#include "test.h"

#include "serve/message.h"

static const char chat_text[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"be short\"},{\"role\":\"user\",\"content\":\"hello\"}]}";
static const char *const stops[] = {"\n\n", "END"};

static const struct engine_bias biases[] = {{7, -100.0f}, {1, 0.5f}};

static struct engine_request request_make(const json_t *chat)
{
    struct engine_request r = {.chat = chat, .now = 1700000000, .prompt = bytes_of_str("once upon a time")};

    engine_options_default(&r.options);
    r.options.temperature = 0.25f;
    r.options.seed = 0x0123456789abcdefULL;
    r.options.choice = 3;
    r.options.num_predict = -1;
    r.options.mirostat_eta = 0.75f;
    r.options.top_logprobs = 20;
    r.options.bias = biases;
    r.options.bias_count = 2;
    r.options.stop = stops;
    r.options.stop_count = 2;
    return r;
}

static void test_request(void **state)
{
    json_t *chat = NULL, *form = json_boolean(true);
    struct err parse = {0};

    (void)state;
    assert_ok(json_parse(bytes_of_str(chat_text), &chat, &parse), parse);
    for (int is_chat = 0; is_chat < 2; is_chat++) {
        struct engine_request r = request_make(is_chat != 0 ? chat : NULL);
        struct message_request *m;
        struct buf b = BUF(65536);
        struct err err = {0};

        r.form = is_chat != 0 ? form : NULL;
        assert_ok(message_request_print(&r, &b, &err), err);
        assert_ok(message_request_parse(buf_bytes(&b), &m, &err), err);
        assert_true(m->request.options.temperature == 0.25f);
        assert_true(m->request.options.seed == r.options.seed);
        assert_int_equal(m->request.options.choice, 3);
        assert_int_equal(m->request.options.num_predict, -1);
        assert_true(m->request.options.mirostat_eta == 0.75f);
        assert_int_equal(m->request.options.top_logprobs, 20);
        assert_int_equal(m->request.options.bias_count, 2);
        assert_memory_equal(m->request.options.bias, biases, sizeof biases);
        assert_int_equal(m->request.options.stop_count, 2);
        assert_string_equal(m->request.options.stop[1], "END");
        if (is_chat != 0) {
            struct buf text = BUF(65536);

            assert_ok(json_print(m->request.chat, &text, &err), err);
            assert_true(bytes_equal(buf_bytes(&text), bytes_of_str(chat_text)));
            assert_int_equal(m->request.now, 1700000000);
            assert_true(json_is_true(m->request.form));
            buf_done(&text);
        } else {
            assert_null(m->request.chat);
            assert_null(m->request.form);
            assert_true(bytes_equal(m->request.prompt, r.prompt));
        }
        message_request_free(m);
        for (size_t len = 0; len < b.len; len++) { /* cut anywhere: refused */
            assert_false(message_request_parse(bytes_of(b.p, len), &m, &err));
        }
        assert_ok(buf_u8(&b, 0, &err), err);
        assert_false(message_request_parse(buf_bytes(&b), &m, &err));
        assert_int_equal(err.reason, REASON_BYTES_LEFT);
        buf_done(&b);
    }
    json_decref(chat);
    json_decref(form);
}

static void test_limits(void **state)
{
    const char *many[ENGINE_STOPS_MAX + 1];
    struct engine_request r = request_make(NULL);
    char longest[ENGINE_STOP_SIZE + 1];
    struct buf b = BUF(65536);
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ENGINE_STOPS_MAX + 1; i++) {
        many[i] = "x";
    }
    r.options.stop = many;
    r.options.stop_count = ENGINE_STOPS_MAX + 1;
    assert_fails(message_request_print(&r, &b, &err), err, REASON_OPTION_RANGE, ERR_NOWHERE);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    many[0] = longest;
    r.options.stop_count = 1;
    assert_fails(message_request_print(&r, &b, &err), err, REASON_OPTION_RANGE, ERR_NOWHERE);
    buf_done(&b);
}

static void test_text(void **state)
{
    static struct engine_token tokens[2];
    const struct engine_event e = {.text = bytes_of_str("hello"),
                                   .thinking = bytes_of_str("hm"),
                                   .calls = bytes_of_str("{}\n"),
                                   .tokens = tokens,
                                   .token_count = 2};
    struct engine_event out;
    struct engine_token *owned;
    struct buf b = BUF(1024);
    struct err err = {0};

    (void)state;
    tokens[0] = (struct engine_token){.self = {bytes_of_str("hel"), -0.25}, .best_count = 1};
    tokens[0].best[0] = (struct engine_logprob){bytes_of("\xff\0", 2), -0.125};
    tokens[1] = (struct engine_token){.self = {bytes_of("", 0), -700}};
    assert_ok(message_text_print(&e, &b, &err), err);
    assert_ok(message_text_parse(buf_bytes(&b), &out, &owned, &err), err);
    assert_true(bytes_equal(out.text, e.text) && bytes_equal(out.thinking, e.thinking) &&
                bytes_equal(out.calls, e.calls));
    assert_int_equal(out.token_count, 2);
    assert_true(out.tokens == owned && owned[0].best_count == 1 && owned[1].best_count == 0);
    assert_true(bytes_equal(owned[0].best[0].token, tokens[0].best[0].token));
    assert_true(owned[0].best[0].value == -0.125 && owned[0].self.value == -0.25 && owned[1].self.value == -700);
    free(owned);
    for (size_t len = 0; len < b.len; len++) { /* cut anywhere: refused */
        assert_false(message_text_parse(bytes_of(b.p, len), &out, &owned, &err));
    }
    b.p[26] = ENGINE_LOGPROBS_MAX + 1;
    assert_false(message_text_parse(buf_bytes(&b), &out, &owned, &err));
    assert_int_equal(err.reason, REASON_FRAME_FORM);
    memset(b.p + 22, 0xff, 4); /* more tokens than there are bytes */
    assert_fails(message_text_parse(buf_bytes(&b), &out, &owned, &err), err, REASON_FRAME_FORM, 26);
    buf_done(&b);
}

static void test_vector(void **state)
{
    static const float v[] = {1.5f, -0.0f, -3e38f};
    struct buf b = BUF(64);
    struct err err = {0};
    float *out;
    size_t n;

    (void)state;
    assert_ok(message_vector_print(v, 3, &b, &err), err);
    assert_ok(message_vector_parse(buf_bytes(&b), &out, &n, &err), err);
    assert_int_equal(n, 3);
    assert_memory_equal(out, v, sizeof v);
    free(out);
    assert_fails(message_vector_parse(bytes_of(b.p, 11), &out, &n, &err), err, REASON_FRAME_FORM, ERR_NOWHERE);
    b.p[6] = 0x80; /* infinite */
    b.p[7] = 0x7f;
    assert_fails(message_vector_parse(buf_bytes(&b), &out, &n, &err), err, REASON_FRAME_FORM, 4);
    buf_done(&b);
}

static void test_end(void **state)
{
    const struct message_end e = {
        .end = ENGINE_END_LENGTH,
        .stats = {.prompt_tokens = 7, .answer_tokens = 9, .prompt_ns = 1ULL << 40, .answer_ns = 5, .truncated = true},
        .queue_ns = 11,
    };
    struct message_end out;
    struct buf b = BUF(256);
    struct err err = {0};

    (void)state;
    assert_ok(message_end_print(&e, &b, &err), err);
    assert_ok(message_end_parse(buf_bytes(&b), &out, &err), err);
    assert_int_equal(out.end, ENGINE_END_LENGTH);
    assert_int_equal(out.stats.answer_tokens, 9);
    assert_true(out.stats.prompt_ns == 1ULL << 40 && out.stats.truncated && out.queue_ns == 11);
    b.p[0] = 9;
    assert_fails(message_end_parse(buf_bytes(&b), &out, &err), err, REASON_FRAME_FORM, 0);
    buf_done(&b);
}

static void test_error(void **state)
{
    static const uint8_t wild[10] = {0xff, 0xff};
    struct err e = {0}, out = {0}, err = {0};
    struct buf b = BUF(1024);

    (void)state;
    err_set(&e, REASON_CONTEXT_FULL, 12, "%d tokens", 5000);
    assert_ok(message_err_print(&e, &b, &err), err);
    assert_ok(message_err_parse(buf_bytes(&b), &out, &err), err);
    assert_int_equal(out.reason, REASON_CONTEXT_FULL);
    assert_int_equal(out.offset, 12);
    assert_string_equal(out.detail, "5000 tokens");
    assert_fails(message_err_parse(bytes_of(wild, sizeof wild), &out, &err), err, REASON_FRAME_FORM, 0);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request), cmocka_unit_test(test_limits), cmocka_unit_test(test_text),
        cmocka_unit_test(test_vector),  cmocka_unit_test(test_end),    cmocka_unit_test(test_error),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
