#include "engine/prompt.h"

#include <stdio.h>

static struct bytes token_text(const struct prompt *p, uint32_t id)
{
    struct bytes text = {0};
    struct err err;

    return id != TOKENIZER_NO_TOKEN && tokenizer_piece(p->tokenizer, id, &text, &err) ? text : bytes_of(NULL, 0);
}

static bool render(const struct prompt *p, const json_t *chat, int64_t now, struct template_rendered *out,
                   struct err *err)
{
    const struct jinja_input in = {.variables = chat,
                                   .add_generation_prompt = true,
                                   .bos = token_text(p, p->vocabulary.bos),
                                   .eos = token_text(p, p->vocabulary.eos),
                                   .now = now};

    return jinja_render(p->chat_template, &in, out, err);
}

/* ---- the template ---- */

static bool probe(const struct prompt *p, const char *arguments)
{
    static const char form[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"\","
        "\"tool_calls\":[{\"id\":\"abcdefghi\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":%s}}]},{\"role\":\"tool\",\"name\":\"f\",\"tool_call_id\":\"abcdefghi\","
        "\"content\":\"b\"}]}";
    struct template_rendered out;
    struct err err;
    char text[512];
    json_t *chat = NULL;
    bool ok;

    (void)snprintf(text, sizeof text, form, arguments);
    ok = json_parse(bytes_of_str(text), &chat, &err) && render(p, chat, 0, &out, &err);
    json_decref(chat);
    if (ok) {
        template_rendered_done(&out);
    }
    return ok;
}

void prompt_init(struct prompt *p, const struct tokenizer *t, struct bytes chat_template)
{
    struct err why = {.detail = "the file has no chat template"};

    *p = (struct prompt){.tokenizer = t};
    tokenizer_info(t, &p->vocabulary);
    if (chat_template.len == 0 || !jinja_parse(chat_template, &p->chat_template, &why)) {
        (void)snprintf(p->problem, sizeof p->problem, "%s", why.detail);
        return;
    }
    output_format_find(chat_template, &p->format);
    p->arguments_text = !probe(p, "{\"x\":1}") && probe(p, "\"{}\"");
}

void prompt_done(struct prompt *p)
{
    jinja_free(p->chat_template);
    *p = (struct prompt){0};
}

/* ---- chats ---- */

static bool is_system(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));

    return role != NULL && strcmp(role, "system") == 0;
}

/* The call with its arguments as text. NULL: no memory. */
static json_t *call_as_text(const json_t *call)
{
    json_t *function = json_object_copy(json_object_get(call, "function")), *copy = json_object_copy(call);
    const json_t *arguments = json_object_get(function, "arguments");
    struct buf text = BUF(LIMIT_HTTP_BODY);
    struct err err;
    bool ok = function != NULL && copy != NULL && arguments != NULL && json_print(arguments, &text, &err);

    ok = ok && json_object_set_new(function, "arguments", json_stringn((const char *)text.p, text.len)) == 0 &&
         json_object_set(copy, "function", function) == 0;
    buf_done(&text);
    json_decref(function);
    if (!ok) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static json_t *message_as_text(const json_t *message)
{
    json_t *copy = json_object_copy(message), *calls = json_array();
    const json_t *call;
    size_t i;
    bool ok = copy != NULL && calls != NULL;

    json_array_foreach(json_object_get(message, "tool_calls"), i, call)
    {
        ok = ok && json_array_append_new(calls, call_as_text(call)) == 0;
    }
    ok = ok && json_object_set(copy, "tool_calls", calls) == 0;
    json_decref(calls);
    if (!ok) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

/* The chat without its oldest messages: of the first n only those of the system stay. NULL: no memory. */
static json_t *chat_without(const struct prompt *p, const json_t *chat, size_t n)
{
    json_t *rest = json_object_copy(chat), *messages = json_array(), *v;
    bool ok = rest != NULL && messages != NULL;
    size_t i;

    json_array_foreach(json_object_get(chat, "messages"), i, v)
    {
        const bool convert = p->arguments_text && json_object_get(v, "tool_calls") != NULL;

        if (ok && (i >= n || is_system(v))) {
            ok = (convert ? json_array_append_new(messages, message_as_text(v)) : json_array_append(messages, v)) == 0;
        }
    }
    ok = ok && json_object_set(rest, "messages", messages) == 0;
    json_decref(messages);
    if (!ok) {
        json_decref(rest);
        return NULL;
    }
    return rest;
}

/* Some templates write the token that begins a text, some leave it to the tokenizer. */
static bool bos_ensure(const struct prompt *p, struct tokenizer_ids *ids, struct err *err)
{
    const uint32_t bos = p->vocabulary.bos;

    if (!p->vocabulary.add_bos || bos == TOKENIZER_NO_TOKEN || (ids->count > 0 && ids->p[0] == bos)) {
        return true;
    }
    if (!tokenizer_ids_add(ids, bos, err)) {
        return false;
    }
    memmove(ids->p + 1, ids->p, (ids->count - 1) * sizeof *ids->p);
    ids->p[0] = bos;
    return true;
}

static bool ends_in_thinking(struct bytes text)
{
    static const char mark[] = "<think>";

    while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == ' ')) {
        text.len--;
    }
    return text.len >= sizeof mark - 1 && memcmp(text.p + text.len - (sizeof mark - 1), mark, sizeof mark - 1) == 0;
}

static bool chat_encode(const struct prompt *p, const struct engine_request *q, size_t without,
                        struct tokenizer_ids *ids, struct prompt_shape *out, struct err *err)
{
    json_t *rest = chat_without(p, q->chat, without);
    struct template_rendered text;
    bool ok;

    if (rest == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a chat");
    }
    ok = render(p, rest, q->now, &text, err);
    json_decref(rest);
    if (!ok) {
        return false;
    }
    ids->count = 0;
    out->thinking = p->format.thinks && ends_in_thinking(buf_bytes(&text.text));
    ok = tokenizer_encode_rendered(p->tokenizer, &text, ids, err) && bos_ensure(p, ids, err);
    template_rendered_done(&text);
    return ok;
}

/* Of a prompt that is too long whatever is done, Ollama keeps the first tokens and the last ones. */
static void cut_allow(const struct engine_request *q, size_t keep, struct tokenizer_ids *ids)
{
    ids->cuts = q->wish == ENGINE_ANSWER;
    ids->keep = keep;
    ids->left_out = false;
}

static void cut_end(struct tokenizer_ids *ids, struct prompt_shape *out)
{
    if (ids->cuts) {
        tokenizer_ids_cut(ids);
        ids->cuts = false;
        out->truncated = out->truncated || ids->left_out;
    }
}

/* Ollama's rule for a chat that the context does not hold: the oldest messages go, as few as will do, but never one of
 * the system or the last. */
static bool chat_fit(const struct prompt *p, const struct engine_request *q, struct tokenizer_ids *ids,
                     struct prompt_shape *out, struct err *err)
{
    const size_t count = json_array_size(json_object_get(q->chat, "messages"));
    size_t too_few = 0, enough = count > 0 ? count - 1 : 0;

    if (chat_encode(p, q, 0, ids, out, err)) {
        return true;
    }
    if (err->reason != REASON_CONTEXT_FULL || q->wish == ENGINE_ANSWER_WHOLE) {
        return false;
    }
    if (!chat_encode(p, q, enough, ids, out, err)) {
        if (err->reason != REASON_CONTEXT_FULL) {
            return false;
        }
        out->truncated = enough != 0;
        cut_allow(q, out->keep, ids);
        return chat_encode(p, q, enough, ids, out, err);
    }
    while (enough - too_few > 1) {
        size_t half = too_few + (enough - too_few) / 2;

        if (chat_encode(p, q, half, ids, out, err)) {
            enough = half;
        } else if (err->reason == REASON_CONTEXT_FULL) {
            too_few = half;
        } else {
            return false;
        }
    }
    out->truncated = true;
    return chat_encode(p, q, enough, ids, out, err);
}

/* A text to be embedded, with the tokens that the file asks for around it. */
static bool text_encode(const struct prompt *p, const struct engine_request *q, struct tokenizer_ids *ids,
                        struct prompt_shape *out, struct err *err)
{
    const struct tokenizer_info *v = &p->vocabulary;
    struct bytes text = q->prompt;
    const size_t last = v->add_eos ? 1 : 0;
    size_t room;
    bool ok;

    ids->max -= last;
    if (v->add_bos && !tokenizer_ids_add(ids, v->bos, err)) {
        return false;
    }
    room = (ids->max - ids->count) * v->longest;
    if (q->wish == ENGINE_EMBED_CUT && text.len > room) {
        out->truncated = true;
        text.len = room; /* bytes that give as many tokens as there is room for, or more */
    }
    ok = tokenizer_encode(p->tokenizer, text, TOKENIZER_ALLOW_USER, ids, err);
    if (!ok && err->reason == REASON_CONTEXT_FULL && q->wish == ENGINE_EMBED_CUT) {
        out->truncated = true;
        ok = true;
    }
    ids->max += last;
    return ok && (last == 0 || tokenizer_ids_add(ids, v->eos, err));
}

static bool raw_encode(const struct prompt *p, const struct engine_request *q, struct tokenizer_ids *ids,
                       struct err *err)
{
    const uint32_t bos = p->vocabulary.bos;

    return ((!p->vocabulary.add_bos && q->prompt.len != 0) || bos == TOKENIZER_NO_TOKEN ||
            tokenizer_ids_add(ids, bos, err)) &&
           tokenizer_encode(p->tokenizer, q->prompt, TOKENIZER_ALLOW_USER, ids, err);
}

/* The start token is counted by itself; one token at least is not kept, so that something can go. */
static size_t keep_count(const struct prompt *p, const struct engine_request *q, size_t context)
{
    const size_t wish = (size_t)q->options.num_keep + (p->vocabulary.add_bos ? 1 : 0);

    return q->options.num_keep < 0 || wish > context - 1 ? context - 1 : wish;
}

bool prompt_make(const struct prompt *p, const struct engine_request *q, struct tokenizer_ids *ids,
                 struct prompt_shape *out, struct err *err)
{
    bool ok;

    *out = (struct prompt_shape){0};
    if (q->wish == ENGINE_EMBED || q->wish == ENGINE_EMBED_CUT) {
        return text_encode(p, q, ids, out, err);
    }
    out->keep = keep_count(p, q, ids->max);
    if (q->chat != NULL) {
        out->format = p->format;
        out->tools = json_array_size(json_object_get(q->chat, "tools")) > 0;
        ok = (p->chat_template != NULL || FAIL(err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE, "%s", p->problem)) &&
             chat_fit(p, q, ids, out, err);
    } else {
        cut_allow(q, out->keep, ids);
        ok = raw_encode(p, q, ids, err);
    }
    cut_end(ids, out);
    if (q->options.num_keep < 0 && ids->count < out->keep) {
        out->keep = ids->count;
    }
    return ok;
}
