#include "serve/chat.h"

#include "os/secret.h"

#define CHAT_MAX (2 * LIMIT_HTTP_BODY)
#define CHAT_MESSAGES_MAX 16384

static const char *role_find(const char *role, enum dialect d)
{
    static const char *const roles[] = {"system", "user", "assistant"};

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
    struct err err;
    json_t *m;

    if (c->role == NULL) {
        return true;
    }
    if (!buf_u8(&c->content, 0, &err)) {
        return refusal_of(why, &err);
    }
    m = json_object();
    if (m == NULL || json_object_set_new(m, "role", json_string(c->role)) != 0 ||
        json_object_set_new(m, "content", json_string((const char *)c->content.p)) != 0 ||
        json_array_append(c->messages, m) != 0) {
        json_decref(m);
        return no_memory(why);
    }
    json_decref(m);
    c->content.len = 0;
    return true;
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
        return d == DIALECT_OLLAMA || refusal_set(why, 400, "invalid message content type: <nil>");
    }
    if (json_is_string(content)) {
        return append(out, string_bytes(content), "", why);
    }
    if (d == DIALECT_OPENAI && json_is_array(content)) {
        return parts_parse(content, model, out, why);
    }
    return refusal_set(why, 400, "invalid message content type");
}

static bool role_parse(const json_t *m, enum dialect d, const char *model, const char **out, struct refusal *why)
{
    const json_t *role = json_object_get(m, "role");

    if (!json_is_object(m) || !json_is_string(role)) {
        return refusal_set(why, 400, "every message is an object with a role");
    }
    if (!is_empty(member(m, "images"))) {
        return not_supported(why, model, "vision");
    }
    if (!is_empty(member(m, "tool_calls")) || http_token_equal(bytes_of_str(json_string_value(role)), "tool")) {
        return not_supported(why, model, "tools");
    }
    *out = role_find(json_string_value(role), d);
    return *out != NULL ||
           refusal_set(why, 400, "invalid role: %.40s, must be one of [\"system\", \"user\", \"assistant\", \"tool\"]",
                       json_string_value(role));
}

static bool message_parse(struct making *c, const json_t *m, enum dialect d, const char *model, struct refusal *why)
{
    struct buf content = BUF(CHAT_MAX);
    const char *role = NULL;
    bool ok = role_parse(m, d, model, &role, why) && content_parse(m, d, model, &content, why);

    if (ok && c->role != NULL && strcmp(c->role, role) == 0) {
        ok = append(&c->content, buf_bytes(&content), "\n\n", why);
    } else if (ok) {
        ok = message_end(c, why) && append(&c->content, buf_bytes(&content), "", why);
        c->role = role;
    }
    secret_wipe(content.p, content.cap);
    buf_done(&content);
    return ok;
}

/* Ends what is made: the object, or nothing. */
static bool finish(struct making *c, bool ok, json_t **out, struct refusal *why)
{
    json_t *chat = NULL;

    ok = ok && message_end(c, why);
    if (ok) {
        chat = json_object();
        ok = (chat != NULL && json_object_set(chat, "messages", c->messages) == 0) || no_memory(why);
    }
    json_decref(c->messages);
    secret_wipe(c->content.p, c->content.cap);
    buf_done(&c->content);
    if (!ok) {
        json_decref(chat);
        return false;
    }
    *out = chat;
    return true;
}

bool chat_parse(const json_t *messages, enum dialect d, const char *model, json_t **out, struct refusal *why)
{
    struct making c = {.messages = json_array(), .content = BUF(CHAT_MAX)};
    bool ok = json_is_array(messages) || refusal_set(why, 400, "messages must be an array");

    ok = ok && (c.messages != NULL || no_memory(why));
    if (ok && json_array_size(messages) > CHAT_MESSAGES_MAX) {
        ok = refusal_set(why, 400, "%zu messages, at most %d", json_array_size(messages), CHAT_MESSAGES_MAX);
    }
    for (size_t i = 0; ok && i < json_array_size(messages); i++) {
        ok = message_parse(&c, json_array_get(messages, i), d, model, why);
    }
    return finish(&c, ok, out, why);
}

bool chat_of_prompt(const char *system, const char *prompt, json_t **out, struct refusal *why)
{
    struct making c = {.messages = json_array(), .content = BUF(CHAT_MAX)};
    bool ok = c.messages != NULL || no_memory(why);

    if (ok && system != NULL && system[0] != '\0') {
        c.role = "system";
        ok = append(&c.content, bytes_of_str(system), "", why) && message_end(&c, why);
    }
    c.role = "user";
    ok = ok && append(&c.content, bytes_of_str(prompt), "", why);
    return finish(&c, ok, out, why);
}
