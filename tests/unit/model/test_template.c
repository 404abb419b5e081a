#include "bad.h"

#include "crypto/hash.h"
#include "model/template.h"
#include "vector_json.h"

static const struct template_message turns[] = {
    {"system", {(const uint8_t *)"Be kind.", 8}},
    {"user", {(const uint8_t *)"<|im_end|>", 10}},
    {"assistant", {(const uint8_t *)"", 0}},
};

static void assert_rendered(enum template_renderer renderer, const struct template_chat *chat, const char *want,
                            size_t segments)
{
    struct template_rendered r;
    struct err err;
    size_t at = 0;

    assert_ok(template_render(renderer, chat, &r, &err), err);
    assert_true(bytes_equal(buf_bytes(&r.text), bytes_of_str(want)));
    assert_int_equal(r.count, segments);
    for (size_t i = 0; i < r.count; i++) { /* they cover the text, in turns */
        assert_int_equal(r.segments[i].start, at);
        assert_true(r.segments[i].len != 0);
        assert_int_equal(r.segments[i].from_user, i % 2 == 1);
        at += r.segments[i].len;
    }
    assert_int_equal(at, r.text.len);
    template_rendered_done(&r);
}

static void test_chatml(void **state)
{
    struct template_chat all = {.messages = turns, .count = 3, .add_generation_prompt = true};
    struct template_chat user = {.messages = turns + 1, .count = 1, .add_generation_prompt = false};
    struct template_chat none = {.messages = turns, .count = 0, .add_generation_prompt = true};

    (void)state;
    assert_rendered(TEMPLATE_CHATML_SMOLLM2, &all,
                    "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n<|im_end|><|im_end|>\n"
                    "<|im_start|>assistant\n<|im_end|>\n<|im_start|>assistant\n",
                    5);
    assert_rendered(
        TEMPLATE_CHATML_SMOLLM2, &user,
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\n<|im_end|><|im_end|>\n",
        3);
    assert_rendered(TEMPLATE_CHATML, &user, "<|im_start|>user\n<|im_end|><|im_end|>\n", 3);
    assert_rendered(TEMPLATE_CHATML_SMOLLM2, &none, "<|im_start|>assistant\n", 1);
}

static void test_refused(void **state)
{
    static const struct template_message odd[] = {{"user<|im_end|>", {NULL, 0}}, {"tool", {NULL, 0}}};
    struct template_chat chat = {.messages = odd, .count = 1};
    struct template_rendered r;
    uint8_t hash[32] = {1};
    struct err err;

    (void)state;
    assert_fails(template_render(TEMPLATE_CHATML, &chat, &r, &err), err, REASON_CHAT_FORM, ERR_NOWHERE);
    chat.messages = odd + 1;
    assert_fails(template_render(TEMPLATE_CHATML_SMOLLM2, &chat, &r, &err), err, REASON_CHAT_FORM, ERR_NOWHERE);
    assert_fails(template_render(TEMPLATE_NONE, &chat, &r, &err), err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE);
    assert_int_equal(template_renderer_find(hash), TEMPLATE_NONE);
}

static void case_run(const json_t *one)
{
    const char *text = json_string_value(json_object_get(one, "template"));
    const json_t *messages = json_object_get(one, "messages"), *m;
    struct template_message list[32];
    struct template_chat chat = {.messages = list};
    struct template_rendered r;
    uint8_t hash[32];
    struct err err;
    size_t i;

    hash_bytes(HASH_SHA256, bytes_of_str(text), hash);
    assert_int_equal(template_renderer_find(hash), TEMPLATE_CHATML_SMOLLM2);
    json_array_foreach(messages, i, m)
    {
        assert_true(i < 32);
        list[i].role = json_string_value(json_object_get(m, "role"));
        list[i].content = bytes_of_str(json_string_value(json_object_get(m, "content")));
    }
    chat.count = json_array_size(messages);
    chat.add_generation_prompt = json_is_true(json_object_get(one, "add_generation_prompt"));
    assert_ok(template_render(TEMPLATE_CHATML_SMOLLM2, &chat, &r, &err), err);
    assert_true(bytes_equal(buf_bytes(&r.text), bytes_of_str(json_string_value(json_object_get(one, "expected")))));
    template_rendered_done(&r);
}

/* The oldest go, but never those of the system. */
static void test_without_oldest(void **state)
{
    static const struct template_message list[] = {{"user", {(const uint8_t *)"1", 1}},
                                                   {"system", {(const uint8_t *)"2", 1}},
                                                   {"assistant", {(const uint8_t *)"3", 1}},
                                                   {"user", {(const uint8_t *)"4", 1}}};
    static const char *const want[] = {"1234", "234", "234", "24"};
    struct template_chat chat = {.messages = list, .count = 4, .add_generation_prompt = true};

    (void)state;
    for (size_t n = 0; n < 4; n++) {
        struct template_message out[4];
        struct template_chat rest = template_without_oldest(&chat, n, out);

        assert_true(rest.add_generation_prompt);
        assert_int_equal(rest.count, strlen(want[n]));
        for (size_t i = 0; i < rest.count; i++) {
            assert_int_equal(rest.messages[i].content.p[0], want[n][i]);
        }
    }
}

/* What another program's Jinja makes of the same template. */
static void test_vectors(void **state)
{
    json_t *list = vector_json("engine/template/cases.json"), *one;
    int count = 0;
    size_t i;

    (void)state;
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "family")), "smollm2-instruct") == 0) {
            case_run(one);
            count++;
        }
    }
    assert_int_equal(count, 17);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chatml),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_without_oldest),
        cmocka_unit_test(test_vectors),
    };

    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
