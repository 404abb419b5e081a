/* Contracts: options that are taken are within their ranges and point into the request; a chat that is taken has no two
 * messages of one role in a row, known roles only, and no byte that was not in it or between its messages. */
#include "serve/chat.h"
#include "serve/options.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) \
    do { \
        if (!(x)) { \
            abort(); \
        } \
    } while (0)

enum api { OLLAMA, OPENAI_CHAT, OPENAI_COMPLETION };

static void options_check(const json_t *body, enum api api)
{
    struct options o;
    struct refusal why = {0};
    struct err err;
    bool ok;

    CHECK(options_init(&o, &err));
    ok = api != OLLAMA ? options_parse_openai(body, api == OPENAI_CHAT, &o, &why)
                       : options_parse_ollama(json_object_get(body, "options"), &o, &why) &&
                             options_parse_logprobs(body, &o, &why);
    CHECK(ok ? engine_options_check(&o.engine, &err) : why.status >= 400 && why.text[0] != '\0');
    for (size_t i = 0; ok && i < o.engine.stop_count; i++) {
        CHECK(strlen(o.engine.stop[i]) > 0 && strlen(o.engine.stop[i]) < ENGINE_STOP_SIZE);
    }
    for (size_t i = 0; ok && i < o.engine.bias_count; i++) {
        for (size_t k = 0; k < i; k++) {
            CHECK(o.engine.bias[i].id != o.engine.bias[k].id);
        }
    }
}

static void chat_check(const json_t *body, enum dialect d, size_t size)
{
    static const struct backend_model model = {.name = "m"};
    static const struct backend_loaded loaded = {.model = &model, .tools = true, .thinks = true};
    json_t *chat = NULL, *form = NULL;
    struct refusal why = {0};
    const json_t *m, *before = NULL;
    size_t all = 0, i;

    if (!chat_form_parse(body, d, &form, &why)) {
        CHECK(why.status >= 400 && why.text[0] != '\0');
    }
    json_decref(form);
    if (!chat_parse(body, d, &loaded, &chat, &why)) {
        CHECK(why.status >= 400 && why.text[0] != '\0');
        return;
    }
    json_array_foreach(json_object_get(chat, "messages"), i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));

        CHECK(strcmp(role, "system") == 0 || strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0 ||
              strcmp(role, "tool") == 0);
        /* Neighbours of one role are one message, unless they have more than role and content. */
        CHECK(i == 0 || strcmp(role, json_string_value(json_object_get(before, "role"))) != 0 ||
              json_object_size(m) > 2 || json_object_size(before) > 2 || strcmp(role, "tool") == 0);
        all += json_string_length(json_object_get(m, "content"));
        before = m;
    }
    CHECK(all <= size);
    json_decref(chat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;
    struct refusal why = {0};
    struct err err;
    bool zero;

    if (!json_parse(bytes_of(data, size), &body, &err)) {
        return 0;
    }
    options_check(body, OLLAMA);
    options_check(body, OPENAI_CHAT);
    options_check(body, OPENAI_COMPLETION);
    chat_check(body, DIALECT_OLLAMA, size);
    chat_check(body, DIALECT_OPENAI, size);
    CHECK(options_keep_alive_parse(json_object_get(body, "keep_alive"), &zero, &why) || why.status == 400);
    json_decref(body);
    return 0;
}
