/* /v1/chat/completions and /v1/completions, as OpenAI's clients know them and Ollama answers them. */
#include "os/clock.h"
#include "serve/answer.h"
#include "serve/chat.h"
#include "serve/options.h"
#include "serve/routes_parts.h"

static bool is_empty(const json_t *v)
{
    return v == NULL || json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static bool format_check(const json_t *format, struct refusal *why)
{
    const char *type = json_string_value(json_object_get(format, "type"));

    return format == NULL || (type != NULL && strcmp(type, "text") == 0) ||
           routes_not_supported(why, "response_format: answers cannot be held to JSON or to a schema");
}

/* reasoning_effort, or reasoning.effort. */
static bool effort_check(const json_t *effort, const char *model, struct refusal *why)
{
    if (effort != NULL && !json_is_string(effort)) {
        return refusal_set(why, 400, "reasoning_effort must be a string");
    }
    return effort == NULL || strcmp(json_string_value(effort), "none") == 0 ||
           refusal_set(why, 400, "\"%.200s\" does not support thinking", model);
}

static bool unsupported_check(const json_t *body, const char *model, struct refusal *why)
{
    if (!is_empty(routes_member(body, "tools")) || !is_empty(routes_member(body, "functions"))) {
        return refusal_set(why, 400, "registry.ollama.ai/library/%.200s does not support tools", model);
    }
    return effort_check(routes_member(body, "reasoning_effort"), model, why) &&
           effort_check(routes_member(routes_member(body, "reasoning"), "effort"), model, why) &&
           format_check(routes_member(body, "response_format"), why);
}

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
    json_t *chat = NULL;
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
        !unsupported_check(body, loaded->model->name, why) ||
        !(options_init(&options, &err) || refusal_of(why, &err)) || !options_parse_openai(body, true, &options, why)) {
        return false;
    }
    if (!loaded->chat) {
        return refusal_set(why, 400, "\"%.200s\" does not support chat", setup.model);
    }
    if (!chat_parse(messages, DIALECT_OPENAI, loaded->model->name, &chat, why)) {
        return false;
    }
    request.options = options.engine;
    request.chat = chat;
    request.now = clock_unix();
    ok = answer_start(rs->backend, &request, &setup, p, why);
    json_decref(chat);
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
        (loaded->chat && !chat_of_prompt("", prompt, &chat, why))) {
        return false;
    }
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
