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

static void options_check(const json_t *body, bool openai)
{
    struct options o;
    struct refusal why = {0};
    struct err err;
    bool ok;

    CHECK(options_init(&o, &err));
    ok = openai ? options_parse_openai(body, &o, &why)
                : options_parse_ollama(json_object_get(body, "options"), &o, &why);
    CHECK(ok ? engine_options_check(&o.engine, &err) : why.status >= 400 && why.text[0] != '\0');
    for (size_t i = 0; ok && i < o.engine.stop_count; i++) {
        CHECK(strlen(o.engine.stop[i]) > 0 && strlen(o.engine.stop[i]) < ENGINE_STOP_SIZE);
    }
}

static void chat_check(const json_t *body, enum dialect d, size_t size)
{
    struct chat c;
    struct refusal why = {0};
    size_t all = 0;

    if (!chat_parse(json_object_get(body, "messages"), d, "m", &c, &why)) {
        CHECK(why.status >= 400 && why.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < c.chat.count; i++) {
        const struct template_message *m = &c.chat.messages[i];

        CHECK(strcmp(m->role, "system") == 0 || strcmp(m->role, "user") == 0 || strcmp(m->role, "assistant") == 0);
        CHECK(i == 0 || strcmp(m->role, c.chat.messages[i - 1].role) != 0);
        all += m->content.len;
    }
    CHECK(all <= size);
    chat_done(&c);
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
    options_check(body, false);
    options_check(body, true);
    chat_check(body, DIALECT_OLLAMA, size);
    chat_check(body, DIALECT_OPENAI, size);
    CHECK(options_keep_alive_parse(json_object_get(body, "keep_alive"), &zero, &why) || why.status == 400);
    json_decref(body);
    return 0;
}
