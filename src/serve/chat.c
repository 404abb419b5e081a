#include "serve/chat.h"

#define CHAT_MAX (2 * LIMIT_HTTP_BODY)
#define CHAT_MESSAGES_MAX 16384

static const char *role_find(const char *role, enum dialect d)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (http_token_equal(bytes_of_str(role), roles[i])) {
            return roles[i];
        }
    }
    return d == DIALECT_OPENAI && strcmp(role, "developer") == 0 ? "system" : NULL;
}

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);

    return json_is_null(v) ? NULL : v;
}

static bool is_empty(const json_t *v)
{
    return v == NULL || (json_is_array(v) && json_array_size(v) == 0);
}

static bool not_supported(struct refusal *why, const char *model, const char *what)
{
    return refusal_set(why, 400, "registry.ollama.ai/library/%.200s does not support %s", model, what);
}

static struct bytes string_bytes(const json_t *s)
{
    return bytes_of(json_string_value(s), json_string_length(s));
}

/* The messages that are made; the last one grows while its role goes on. */
struct making {
    json_t *messages;
    json_t *extra;    /* members of the message at hand beside role and content; NULL: none */
    const char *role; /* NULL: none is begun */
    struct buf content;
};

static bool no_memory(struct refusal *why)
{
    struct err err;

    err_set(&err, REASON_NO_MEMORY, ERR_NOWHERE, "a chat");
    return refusal_of(why, &err);
}

/* text behind what is there, and between where something is. */
static bool append(struct buf *content, struct bytes text, const char *between, struct refusal *why)
{
    struct err err;

    return ((content->len == 0 || buf_str(content, between, &err)) && buf_add(content, text.p, text.len, &err)) ||
           refusal_of(why, &err);
}

static bool message_end(struct making *c, struct refusal *why)
{
    json_t *m = c->extra != NULL ? c->extra : json_object();
    struct err err;
    bool ok = m != NULL || no_memory(why);

    c->extra = NULL;
    if (c->role == NULL) {
        json_decref(m);
        return ok;
    }
    ok = ok && (buf_u8(&c->content, 0, &err) || refusal_of(why, &err));
    ok = ok && ((json_object_set_new(m, "role", json_string(c->role)) == 0 &&
                 json_object_set_new(m, "content", json_string((const char *)c->content.p)) == 0 &&
                 json_array_append(c->messages, m) == 0) ||
                no_memory(why));
    json_decref(m);
    c->role = NULL;
    c->content.len = 0;
    return ok;
}

/* OpenAI's content in parts: text alone is understood. */
static bool parts_parse(const json_t *parts, const char *model, struct buf *out, struct refusal *why)
{
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        const char *type = json_string_value(json_object_get(part, "type"));
        const json_t *text = json_object_get(part, "text");

        if (type != NULL && strcmp(type, "image_url") == 0) {
            return not_supported(why, model, "vision");
        }
        if (type == NULL || strcmp(type, "text") != 0 || !json_is_string(text)) {
            return refusal_set(why, 400, "invalid message format");
        }
        if (!append(out, string_bytes(text), "\n", why)) {
            return false;
        }
    }
    return true;
}

static bool content_parse(const json_t *m, enum dialect d, const char *model, struct buf *out, struct refusal *why)
{
    const json_t *content = member(m, "content");

    if (content == NULL) {
        return d == DIALECT_OLLAMA || !is_empty(member(m, "tool_calls")) ||
               refusal_set(why, 400, "invalid message content type: <nil>");
    }
    if (json_is_string(content)) {
        return append(out, string_bytes(content), "", why);
    }
    if (d == DIALECT_OPENAI && json_is_array(content)) {
        return parts_parse(content, model, out, why);
    }
    return refusal_set(why, 400, "invalid message content type");
}

static bool role_parse(const json_t *m, enum dialect d, const struct backend_loaded *loaded, const char **out,
                       struct refusal *why)
{
    const json_t *role = json_object_get(m, "role");

    if (!json_is_object(m) || !json_is_string(role)) {
        return refusal_set(why, 400, "every message is an object with a role");
    }
    if (!is_empty(member(m, "images"))) {
        return not_supported(why, loaded->model->name, "vision");
    }
    *out = role_find(json_string_value(role), d);
    if (*out == NULL) {
        return refusal_set(why, 400,
                           "invalid role: %.40s, must be one of [\"system\", \"user\", \"assistant\", \"tool\"]",
                           json_string_value(role));
    }
    return loaded->tools || (is_empty(member(m, "tool_calls")) && strcmp(*out, "tool") != 0) ||
           not_supported(why, loaded->model->name, "tools");
}

/* OpenAI's arguments are JSON in a text, Ollama's an object. */
static json_t *arguments_get(const json_t *function)
{
    json_t *v = json_object_get(function, "arguments"), *parsed = NULL;
    struct err err;

    if (v == NULL) {
        return json_object();
    }
    return json_is_string(v) && json_parse(string_bytes(v), &parsed, &err) ? parsed : json_incref(v);
}

static bool calls_parse(const json_t *calls, json_t *extra, struct refusal *why)
{
    json_t *list = json_array();
    const json_t *call;
    size_t i;
    bool ok = list != NULL || no_memory(why);

    json_array_foreach(calls, i, call)
    {
        const json_t *function = json_object_get(call, "function"), *id = member(call, "id");
        json_t *arguments = arguments_get(function);

        if (ok && (!json_is_string(json_object_get(function, "name")) || !json_is_object(arguments))) {
            ok = refusal_set(why, 400, "a tool call is a function with a name and with arguments, an object");
        }
        ok = ok && (json_array_append_new(
                        list, json_object_of(
                                  {"id", json_is_string(id) ? json_incref((json_t *)(uintptr_t)id) : json_string("")},
                                  {"type", json_string("function")},
                                  {"function", json_object_of({"name", json_incref(json_object_get(function, "name"))},
                                                              {"arguments", json_incref(arguments)})})) == 0 ||
                    no_memory(why));
        json_decref(arguments);
    }
    ok = ok && (json_object_set(extra, "tool_calls", list) == 0 || no_memory(why));
    json_decref(list);
    return ok;
}

/* What templates look for beside role and content. */
static bool extra_parse(const json_t *m, const char *role, json_t **out, struct refusal *why)
{
    static const struct {
        const char *from, *to;
    } texts[] = {{"thinking", "thinking"},
                 {"thinking", "reasoning_content"},
                 {"reasoning", "thinking"},
                 {"reasoning", "reasoning_content"},
                 {"reasoning_content", "thinking"},
                 {"reasoning_content", "reasoning_content"},
                 {"name", "name"},
                 {"tool_name", "name"},
                 {"tool_call_id", "tool_call_id"}};
    json_t *extra = json_object();
    bool ok = extra != NULL || no_memory(why);

    for (size_t i = 0; ok && i < sizeof texts / sizeof *texts; i++) {
        json_t *v = json_object_get(m, texts[i].from);
        const bool thought = i < 6;

        if (json_is_string(v) && json_string_length(v) > 0 && strcmp(role, thought ? "assistant" : "tool") == 0) {
            ok = json_object_set(extra, texts[i].to, v) == 0 || no_memory(why);
        }
    }
    if (ok && !is_empty(member(m, "tool_calls"))) {
        ok = (strcmp(role, "assistant") == 0 && json_is_array(member(m, "tool_calls"))) ||
             refusal_set(why, 400, "tool_calls is a list, and the assistant's");
        ok = ok && calls_parse(member(m, "tool_calls"), extra, why);
    }
    if (!ok || (json_object_size(extra) == 0 && strcmp(role, "tool") != 0)) {
        json_decref(extra);
        extra = NULL;
    }
    *out = extra;
    return ok;
}

static bool message_parse(struct making *c, const json_t *m, enum dialect d, const struct backend_loaded *loaded,
                          struct refusal *why)
{
    struct buf content = BUF(CHAT_MAX);
    const char *role = NULL;
    json_t *extra = NULL;
    bool ok = role_parse(m, d, loaded, &role, why) && content_parse(m, d, loaded->model->name, &content, why) &&
              extra_parse(m, role, &extra, why);

    if (ok && extra == NULL && c->extra == NULL && c->role != NULL && strcmp(c->role, role) == 0) {
        ok = append(&c->content, buf_bytes(&content), "\n\n", why);
    } else if (ok) {
        ok = message_end(c, why) && append(&c->content, buf_bytes(&content), "", why);
        c->role = role;
        c->extra = extra;
        extra = NULL;
    }
    json_decref(extra);
    buf_done(&content);
    return ok;
}

/* ---- what goes with the messages ---- */

/* The tool that has to be called: its name, "" for any; NULL: none has to be. */
static const char *forced_tool(const json_t *body, enum dialect d)
{
    const json_t *choice = d == DIALECT_OPENAI ? member(body, "tool_choice") : NULL;
    const char *word = json_string_value(choice), *type = json_string_value(json_object_get(choice, "type"));

    if (word != NULL) {
        return strcmp(word, "required") == 0 ? "" : NULL;
    }
    return type != NULL && strcmp(type, "function") == 0
               ? json_string_value(json_object_get(json_object_get(choice, "function"), "name"))
               : NULL;
}

static bool tools_parse(const json_t *body, enum dialect d, const struct backend_loaded *loaded, json_t *chat,
                        struct refusal *why)
{
    json_t *tools = json_object_get(body, "tools");
    const json_t *choice = d == DIALECT_OPENAI ? member(body, "tool_choice") : NULL, *tool;
    const char *word = json_string_value(choice), *forced = forced_tool(body, d);
    size_t i;

    if (!is_empty(member(body, "functions"))) {
        return refusal_set(why, 400, "functions: name them as tools");
    }
    if (word != NULL && strcmp(word, "none") == 0) {
        return true;
    }
    if (choice != NULL && forced == NULL && (word == NULL || strcmp(word, "auto") != 0)) {
        return refusal_set(why, 400, "tool_choice: \"auto\", \"none\", \"required\", or a function with a name");
    }
    if (forced != NULL && is_empty(tools)) {
        return refusal_set(why, 400, "tool_choice: there are no tools");
    }
    if (tools == NULL || json_is_null(tools) || is_empty(tools)) {
        return true;
    }
    if (!loaded->tools) {
        return not_supported(why, loaded->model->name, "tools");
    }
    json_array_foreach(tools, i, tool)
    {
        if (!json_is_string(json_object_get(json_object_get(tool, "function"), "name"))) {
            return refusal_set(why, 400, "a tool is a function with a name");
        }
    }
    return (json_is_array(tools) || refusal_set(why, 400, "tools is a list")) &&
           (json_object_set(chat, "tools", tools) == 0 || no_memory(why));
}

/* Ollama: true, false, or how much. OpenAI: reasoning_effort, or reasoning.effort. A model that can think does, unless
 * it is told not to. */
static bool think_parse(const json_t *body, enum dialect d, const struct backend_loaded *loaded, json_t *chat,
                        struct refusal *why)
{
    static const struct {
        const char *name, *effort; /* as clients name it, and as templates know it; NULL: no thinking */
    } efforts[] = {{"none", NULL},   {"minimal", "low"}, {"low", "low"},    {"medium", "medium"},
                   {"high", "high"}, {"xhigh", "high"},  {"ultra", "high"}, {"max", "high"}};
    const size_t count = sizeof efforts / sizeof *efforts;
    const json_t *think = d == DIALECT_OLLAMA ? member(body, "think") : member(body, "reasoning_effort");
    size_t i = count;
    bool on = loaded->thinks;

    if (d == DIALECT_OPENAI && think == NULL) {
        think = member(member(body, "reasoning"), "effort");
    }
    if (json_is_string(think)) {
        for (i = 0; i < count && strcmp(efforts[i].name, json_string_value(think)) != 0; i++) {
        }
    }
    if (think != NULL && i == count && (d == DIALECT_OPENAI || !json_is_boolean(think))) {
        return refusal_set(why, 400,
                           d == DIALECT_OPENAI
                               ? "reasoning_effort must be a string: none, minimal, low, medium, high, xhigh or max"
                               : "think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\")");
    }
    if (think != NULL) {
        on = i < count ? efforts[i].effort != NULL : json_is_true(think);
    }
    if (on && !loaded->thinks) {
        return refusal_set(why, 400, "\"%.200s\" does not support thinking", loaded->model->name);
    }
    if (on && i < count && json_object_set_new(chat, "reasoning_effort", json_string(efforts[i].effort)) != 0) {
        return no_memory(why);
    }
    return !loaded->thinks ||
           (json_object_set_new(chat, "enable_thinking", json_boolean(on)) == 0 &&
            json_object_set_new(chat, "thinking", json_boolean(on)) == 0) ||
           no_memory(why);
}

bool chat_form_parse(const json_t *body, enum dialect d, json_t **out, struct refusal *why)
{
    json_t *form = json_object_get(body, d == DIALECT_OLLAMA ? "format" : "response_format");
    const char *type = d == DIALECT_OLLAMA ? json_string_value(form) : json_string_value(json_object_get(form, "type"));
    const char *tool = forced_tool(body, d);

    *out = NULL;
    if (tool != NULL) { /* nothing is said then, so that response_format asks for nothing */
        *out = json_string(tool);
        return *out != NULL || no_memory(why);
    }
    if (form == NULL || json_is_null(form) || (type != NULL && (type[0] == 0 || strcmp(type, "text") == 0))) {
        return true;
    }
    if (type != NULL && strcmp(type, d == DIALECT_OLLAMA ? "json" : "json_object") == 0) {
        *out = json_boolean(true);
    } else if (d == DIALECT_OLLAMA && json_is_object(form)) {
        *out = json_incref(form);
    } else if (type != NULL && strcmp(type, "json_schema") == 0 &&
               json_is_object(json_object_get(json_object_get(form, "json_schema"), "schema"))) {
        *out = json_incref(json_object_get(json_object_get(form, "json_schema"), "schema"));
    } else {
        return refusal_set(why, 400,
                           d == DIALECT_OLLAMA
                               ? "invalid format: expected \"json\" or a JSON schema"
                               : "response_format: \"text\", \"json_object\", or \"json_schema\" with a schema");
    }
    return *out != NULL || no_memory(why);
}

/* Ends what is made: the object, or nothing. */
static bool finish(struct making *c, const json_t *body, enum dialect d, const struct backend_loaded *loaded, bool ok,
                   json_t **out, struct refusal *why)
{
    json_t *chat = NULL;

    ok = ok && message_end(c, why);
    if (ok) {
        chat = json_object();
        ok = ((chat != NULL && json_object_set(chat, "messages", c->messages) == 0) || no_memory(why)) &&
             tools_parse(body, d, loaded, chat, why) && think_parse(body, d, loaded, chat, why);
    }
    json_decref(c->messages);
    json_decref(c->extra);
    buf_done(&c->content);
    if (!ok) {
        json_decref(chat);
        return false;
    }
    *out = chat;
    return true;
}

bool chat_parse(const json_t *body, enum dialect d, const struct backend_loaded *loaded, json_t **out,
                struct refusal *why)
{
    struct making c = {.messages = json_array(), .content = BUF(CHAT_MAX)};
    const json_t *messages = json_object_get(body, "messages");
    bool ok = json_is_array(messages) || refusal_set(why, 400, "messages must be an array");

    ok = ok && (c.messages != NULL || no_memory(why));
    if (ok && json_array_size(messages) > CHAT_MESSAGES_MAX) {
        ok = refusal_set(why, 400, "%zu messages, at most %d", json_array_size(messages), CHAT_MESSAGES_MAX);
    }
    for (size_t i = 0; ok && i < json_array_size(messages); i++) {
        ok = message_parse(&c, json_array_get(messages, i), d, loaded, why);
    }
    return finish(&c, body, d, loaded, ok, out, why);
}

bool chat_of_prompt(const json_t *body, const char *system, const char *prompt, const struct backend_loaded *loaded,
                    json_t **out, struct refusal *why)
{
    struct making c = {.messages = json_array(), .content = BUF(CHAT_MAX)};
    bool ok = c.messages != NULL || no_memory(why);

    if (ok && system != NULL && system[0] != '\0') {
        c.role = "system";
        ok = append(&c.content, bytes_of_str(system), "", why) && message_end(&c, why);
    }
    c.role = "user";
    ok = ok && append(&c.content, bytes_of_str(prompt), "", why);
    return finish(&c, body, DIALECT_OLLAMA, loaded, ok, out, why);
}
