/* /api/generate and /api/chat, as Ollama answers them. */
#include "os/clock.h"
#include "serve/answer.h"
#include "serve/chat.h"
#include "serve/options.h"
#include "serve/routes_parts.h"

struct ask { /* what both routes have in common */
    const char *model;
    bool stream, unload;
    const struct backend_loaded *loaded;
    struct options options;
};

static bool images_check(const json_t *body, const char *model, struct refusal *why)
{
    const json_t *images = routes_member(body, "images");

    return images == NULL || (json_is_array(images) && json_array_size(images) == 0) ||
           refusal_set(why, 400, "registry.ollama.ai/library/%.200s does not support vision", model);
}

static bool ask_parse(struct routes *rs, const struct request *r, const json_t *body, bool chat, struct ask *out,
                      struct refusal *why)
{
    struct err err;

    if (!routes_str_get(body, "model", &out->model, why) || !routes_bool_get(body, "stream", true, &out->stream, why) ||
        (chat && !routes_model_check(out->model, why)) ||
        !routes_loaded_get(rs, r, out->model, chat, &out->loaded, why) ||
        !images_check(body, out->loaded->model->name, why) ||
        !options_keep_alive_parse(routes_member(body, "keep_alive"), &out->unload, why)) {
        return false;
    }
    return (options_init(&out->options, &err) || refusal_of(why, &err)) &&
           options_parse_context(body, &out->options, why) &&
           options_parse_ollama(routes_member(body, "options"), &out->options, why) &&
           options_parse_logprobs(body, &out->options, why);
}

static bool prompt_check(const json_t *body, bool raw, struct refusal *why)
{
    static const char *const texts[] = {"suffix", "template", "system"};
    const json_t *context = routes_member(body, "context");
    bool set[3], has_context = json_array_size(context) > 0;

    for (size_t i = 0; i < 3; i++) {
        const char *text;

        if (!routes_str_get(body, texts[i], &text, why)) {
            return false;
        }
        set[i] = text[0] != '\0';
    }
    if (context != NULL && !json_is_array(context)) {
        return refusal_set(why, 400, "context must be an array of integers");
    }
    if (raw && (set[1] || set[2] || has_context)) {
        return refusal_set(why, 400, "raw mode does not support template, system, or context");
    }
    if (set[0]) {
        return routes_not_supported(why, "suffix: the model does not support insert");
    }
    if (set[1]) {
        return routes_not_supported(why, "template: the model's own is measured and used");
    }
    return !has_context || routes_not_supported(why, "context: send the messages to /api/chat");
}

static bool generate(struct routes *rs, const struct request *r, const json_t *body, struct reply *p,
                     struct refusal *why)
{
    struct ask ask = {0};
    struct answer_setup setup = {.form = ANSWER_GENERATE, .choices = 1};
    struct engine_request request = {0};
    json_t *chat = NULL, *form = NULL;
    const char *prompt, *system;
    bool raw, ok;

    if (!ask_parse(rs, r, body, false, &ask, why) || !routes_str_get(body, "prompt", &prompt, why) ||
        !routes_str_get(body, "system", &system, why) || !routes_bool_get(body, "raw", false, &raw, why) ||
        !prompt_check(body, raw, why)) {
        return false;
    }
    if (prompt[0] == '\0') {
        answer_send_loaded(ANSWER_GENERATE, ask.stream, ask.model, ask.unload ? "unload" : "load", p);
        return true;
    }
    setup.stream = ask.stream;
    setup.model = ask.model;
    request.wish = ask.options.wish;
    request.options = ask.options.engine;
    ok = chat_form_parse(body, DIALECT_OLLAMA, &form, why) &&
         (raw || !ask.loaded->chat || chat_of_prompt(body, system, prompt, ask.loaded, &chat, why));
    request.prompt = bytes_of_str(prompt);
    request.chat = chat;
    request.form = form;
    request.now = clock_unix();
    ok = ok && answer_start(rs->backend, &request, &setup, p, why);
    json_decref(chat);
    json_decref(form);
    return ok;
}

static bool chat(struct routes *rs, const struct request *r, const json_t *body, struct reply *p, struct refusal *why)
{
    struct ask ask = {0};
    struct answer_setup setup = {.form = ANSWER_CHAT, .choices = 1};
    struct engine_request request = {0};
    const json_t *messages = routes_member(body, "messages");
    json_t *chat = NULL, *form = NULL;
    bool ok;

    if (!ask_parse(rs, r, body, true, &ask, why)) {
        return false;
    }
    if (messages == NULL || (json_is_array(messages) && json_array_size(messages) == 0)) {
        answer_send_loaded(ANSWER_CHAT, ask.stream, ask.model, ask.unload ? "unload" : "load", p);
        return true;
    }
    if (!ask.loaded->chat) {
        return refusal_set(why, 400, "\"%.200s\" does not support chat", ask.model);
    }
    ok = chat_form_parse(body, DIALECT_OLLAMA, &form, why) && chat_parse(body, DIALECT_OLLAMA, ask.loaded, &chat, why);
    setup.stream = ask.stream;
    setup.model = ask.model;
    request.wish = ask.options.wish;
    request.options = ask.options.engine;
    request.chat = chat;
    request.form = form;
    request.now = clock_unix();
    ok = ok && answer_start(rs->backend, &request, &setup, p, why);
    json_decref(chat);
    json_decref(form);
    return ok;
}

static void answer(struct routes *rs, const struct request *r, struct reply *p,
                   bool (*route)(struct routes *, const struct request *, const json_t *, struct reply *,
                                 struct refusal *))
{
    struct refusal why = {0};
    json_t *body = NULL;

    if (!routes_body_get(r, &body, &why) || !route(rs, r, body, p, &why)) {
        refusal_send(&why, DIALECT_OLLAMA, p);
    }
    json_decref(body);
}

void ollama_generate(struct routes *rs, const struct request *r, struct reply *p)
{
    answer(rs, r, p, generate);
}

void ollama_chat(struct routes *rs, const struct request *r, struct reply *p)
{
    answer(rs, r, p, chat);
}
