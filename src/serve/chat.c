#include "serve/chat.h"

#include "base/checked.h"

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

/* text appended to what is there, behind a blank line where something is. */
static bool append(struct arena *a, struct bytes *content, struct bytes text, const char *between, struct refusal *why)
{
    size_t gap = content->len > 0 ? strlen(between) : 0, len;
    struct err err;
    void *p;

    if (!checked_add(content->len + gap, text.len, &len) || !arena_alloc(a, len + 1, 1, &p, &err)) {
        err_set(&err, REASON_ARENA_FULL, ERR_NOWHERE, "the chat is too long");
        return refusal_of(why, &err);
    }
    if (content->len > 0) {
        memcpy(p, content->p, content->len);
        memcpy((uint8_t *)p + content->len, between, gap);
    }
    if (text.len > 0) {
        memcpy((uint8_t *)p + content->len + gap, text.p, text.len);
    }
    *content = bytes_of(p, len);
    return true;
}

/* OpenAI's content in parts: text alone is understood. */
static bool parts_parse(const json_t *parts, const char *model, struct arena *a, struct bytes *out, struct refusal *why)
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
        if (!append(a, out, string_bytes(text), "\n", why)) {
            return false;
        }
    }
    return true;
}

static bool content_parse(const json_t *m, enum dialect d, const char *model, struct arena *a, struct bytes *out,
                          struct refusal *why)
{
    const json_t *content = member(m, "content");

    if (content == NULL) {
        return d == DIALECT_OLLAMA || refusal_set(why, 400, "invalid message content type: <nil>");
    }
    if (json_is_string(content)) {
        *out = string_bytes(content);
        return true;
    }
    if (d == DIALECT_OPENAI && json_is_array(content)) {
        return parts_parse(content, model, a, out, why);
    }
    return refusal_set(why, 400, "invalid message content type");
}

static bool message_parse(const json_t *m, enum dialect d, const char *model, struct arena *a,
                          struct template_message *out, struct refusal *why)
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
    out->role = role_find(json_string_value(role), d);
    if (out->role == NULL) {
        return refusal_set(why, 400,
                           "invalid role: %.40s, must be one of [\"system\", \"user\", \"assistant\", \"tool\"]",
                           json_string_value(role));
    }
    out->content = bytes_of(NULL, 0);
    return content_parse(m, d, model, a, &out->content, why);
}

static bool messages_alloc(struct chat *c, size_t count, struct template_message **out, struct refusal *why)
{
    struct err err;
    void *p;

    c->memory = ARENA(CHAT_MAX);
    if (count > CHAT_MESSAGES_MAX || !arena_alloc(&c->memory, count, sizeof **out, &p, &err)) {
        err_set(&err, REASON_ARENA_FULL, ERR_NOWHERE, "%zu messages", count);
        return refusal_of(why, &err);
    }
    *out = p;
    return true;
}

bool chat_parse(const json_t *messages, enum dialect d, const char *model, struct chat *out, struct refusal *why)
{
    struct chat c = {0};
    struct template_message *list = NULL;
    size_t count = 0;

    if (!json_is_array(messages)) {
        return refusal_set(why, 400, "messages must be an array");
    }
    if (!messages_alloc(&c, json_array_size(messages), &list, why)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(messages); i++) {
        struct template_message m = {0};
        bool ok = message_parse(json_array_get(messages, i), d, model, &c.memory, &m, why);

        if (ok && count > 0 && strcmp(list[count - 1].role, m.role) == 0) {
            ok = append(&c.memory, &list[count - 1].content, m.content, "\n\n", why);
        } else if (ok) {
            list[count++] = m;
        }
        if (!ok) {
            chat_done(&c);
            return false;
        }
    }
    c.chat = (struct template_chat){.messages = list, .count = count, .add_generation_prompt = true};
    *out = c;
    return true;
}

bool chat_of_prompt(const char *system, struct bytes prompt, struct chat *out, struct refusal *why)
{
    struct chat c = {0};
    struct template_message *list = NULL;
    size_t count = 0;

    if (!messages_alloc(&c, 2, &list, why)) {
        return false;
    }
    if (system != NULL && system[0] != '\0') {
        list[count++] = (struct template_message){.role = "system", .content = bytes_of_str(system)};
    }
    list[count++] = (struct template_message){.role = "user", .content = prompt};
    c.chat = (struct template_chat){.messages = list, .count = count, .add_generation_prompt = true};
    *out = c;
    return true;
}

void chat_done(struct chat *c)
{
    arena_done(&c->memory);
}
