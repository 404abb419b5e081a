/* /v1/chat/completions and /v1/completions, as OpenAI's clients know them and Ollama answers them. */
#include "os/clock.h"
#include "serve/answer.h"
#include "serve/chat.h"
#include "serve/options.h"
#include "serve/routes_parts.h"

static bool stream_parse(const json_t *body, struct answer_setup *setup, struct refusal *why)
{
    const json_t *options = routes_member(body, "stream_options");

    if (options != NULL && !json_is_object(options)) {
        return refusal_set(why, 400, "stream_options must be an object");
    }
    return routes_bool_get(body, "stream", false, &setup->stream, why) &&
           routes_bool_get(options, "include_usage", false, &setup->usage, why);
}

static bool chat(struct routes *rs, const struct request *r, const json_t *body, struct reply *p, struct refusal *why)
{
    struct answer_setup setup = {.form = ANSWER_OPENAI, .heartbeat_ms = rs->heartbeat_ms};
    struct engine_request request = {0};
    const struct backend_loaded *loaded;
    const json_t *messages = routes_member(body, "messages");
    struct options options;
    json_t *chat = NULL, *form = NULL;
    struct err err;
    bool ok;

    if (!routes_str_get(body, "model", &setup.model, why) || !routes_model_check(setup.model, why) ||
        !stream_parse(body, &setup, why)) {
        return false;
    }
    if (messages == NULL || (json_is_array(messages) && json_array_size(messages) == 0)) {
        return refusal_set(why, 400, "[] is too short - 'messages'");
    }
    if (!routes_loaded_get(rs, r, setup.model, true, &loaded, why) ||
        !(options_init(&options, &err) || refusal_of(why, &err)) || !options_parse_openai(body, true, &options, why)) {
        return false;
    }
    if (!loaded->chat) {
        return refusal_set(why, 400, "\"%.200s\" does not support chat", setup.model);
    }
    ok = chat_form_parse(body, DIALECT_OPENAI, &form, why) && chat_parse(body, DIALECT_OPENAI, loaded, &chat, why);
    setup.choices = options.choices;
    request.wish = options.wish;
    request.options = options.engine;
    request.chat = chat;
    request.form = form;
    request.now = clock_unix();
    ok = ok && answer_start(rs->backend, &request, &setup, p, why);
    json_decref(chat);
    json_decref(form);
    return ok;
}

/* The prompt is a user's message to a model that has a chat template, as in Ollama; else it is raw. */
static bool completion(struct routes *rs, const struct request *r, const json_t *body, struct reply *p,
                       struct refusal *why)
{
    struct answer_setup setup = {.form = ANSWER_COMPLETION, .heartbeat_ms = rs->heartbeat_ms};
    struct engine_request request = {0};
    const struct backend_loaded *loaded;
    struct options options;
    json_t *chat = NULL;
    const char *prompt, *suffix;
    bool echo, ok;
    struct err err;

    if (!routes_str_get(body, "model", &setup.model, why) || !routes_model_check(setup.model, why) ||
        !stream_parse(body, &setup, why) || !routes_str_get(body, "prompt", &prompt, why) ||
        !routes_str_get(body, "suffix", &suffix, why) || !routes_bool_get(body, "echo", false, &echo, why)) {
        return false;
    }
    if (prompt[0] == '\0') {
        return refusal_set(why, 400, "prompt is required");
    }
    if (suffix[0] != '\0' || echo) {
        return routes_not_supported(why, suffix[0] != '\0' ? "suffix: the model does not support insert" : "echo");
    }
    if (!routes_loaded_get(rs, r, setup.model, true, &loaded, why) ||
        !(options_init(&options, &err) || refusal_of(why, &err)) || !options_parse_openai(body, false, &options, why) ||
        (loaded->chat && !chat_of_prompt(NULL, "", prompt, loaded, &chat, why))) {
        return false;
    }
    setup.choices = options.choices;
    request.wish = options.wish;
    request.options = options.engine;
    request.prompt = bytes_of_str(prompt);
    request.chat = chat;
    request.now = clock_unix();
    ok = answer_start(rs->backend, &request, &setup, p, why);
    json_decref(chat);
    return ok;
}

static void answer(struct routes *rs, const struct request *r, struct reply *p,
                   bool (*route)(struct routes *, const struct request *, const json_t *, struct reply *,
                                 struct refusal *))
{
    struct refusal why = {0};
    json_t *body = NULL;

    if (!routes_body_get(r, &body, &why) || !route(rs, r, body, p, &why)) {
        refusal_send(&why, DIALECT_OPENAI, p);
    }
    json_decref(body);
}

void openai_chat(struct routes *rs, const struct request *r, struct reply *p)
{
    answer(rs, r, p, chat);
}

void openai_completion(struct routes *rs, const struct request *r, struct reply *p)
{
    answer(rs, r, p, completion);
}
