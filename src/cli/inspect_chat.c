#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/report.h"

#include "codec/json.h"
#include "model/template.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>

#define CHAT_MAX MIB(32)

static const struct args_option options[] = {
    {"template", 0, "FILE", "the template, instead of the model's"},
    {"segments", 0, NULL, "print a JSON list of [text, from_user]"},
    {"json", 0, NULL, "errors as JSON"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto inspect chat [MODEL] [--template FILE] [--segments]",
    .about =
        "Reads a chat as JSON on standard input (messages, add_generation_prompt, and what a template may ask for) "
        "and prints the prompt that the template makes of it.",
    .options = options,
    .operands_min = 0,
    .operands_max = 1,
};

static bool template_hash(const struct args *a, uint8_t out[SHA256_SIZE], struct err *err)
{
    struct model_header h = {.fd = -1};
    struct buf text = BUF(LIMIT_GGUF_STRING);
    const char *path = args_get(a, "template");
    bool ok;

    if (path != NULL) {
        ok = file_read(path, &text, err);
        hash_bytes(HASH_SHA256, buf_bytes(&text), out);
        buf_done(&text);
        return ok;
    }
    if (a->operand_count == 0) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "MODEL or --template is wanted");
    }
    ok = model_header_open(a->operands[0], &h, err);
    if (ok) {
        hash_bytes(HASH_SHA256, gguf_template(&h.gguf), out);
    }
    model_header_done(&h);
    return ok;
}

/* messages[i] borrow from the JSON. */
static bool messages_read(const json_t *list, struct template_message *messages, struct err *err)
{
    const json_t *value;
    size_t i;

    json_array_foreach(list, i, value)
    {
        const char *content;
        json_t *text;

        if (!json_get_str(value, "role", &messages[i].role, err) ||
            !json_get(value, "content", JSON_STRING, &text, err)) {
            return false;
        }
        content = json_string_value(text);
        messages[i].content = bytes_of(content, json_string_length(text));
    }
    return true;
}

static bool segments_print(const struct template_rendered *r, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, "[", err);

    for (size_t i = 0; ok && i < r->count; i++) {
        const struct template_segment *s = &r->segments[i];

        ok = buf_str(out, i == 0 ? "[" : ",[", err) &&
             json_print_str(bytes_of(r->text.p + s->start, s->len), out, err) &&
             buf_str(out, s->from_user ? ",true]" : ",false]", err);
    }
    return ok && buf_str(out, "]\n", err);
}

static bool render(const json_t *chat_json, const uint8_t hash[SHA256_SIZE], struct template_rendered *out,
                   struct err *err)
{
    struct template_chat chat = {0};
    struct template_message *messages;
    json_t *list;
    bool ok;

    if (!json_get(chat_json, "messages", JSON_ARRAY, &list, err)) {
        return false;
    }
    chat.count = json_array_size(list);
    chat.add_generation_prompt = json_is_true(json_object_get(chat_json, "add_generation_prompt"));
    messages = calloc(chat.count + 1, sizeof *messages);
    if (messages == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu messages", chat.count);
    }
    chat.messages = messages;
    ok = messages_read(list, messages, err) && template_render(template_renderer_find(hash), &chat, out, err);
    free(messages);
    return ok;
}

static bool chat(const struct args *a, struct err *err)
{
    struct buf text = BUF(CHAT_MAX), out = BUF(8 * CHAT_MAX);
    struct template_rendered r = {.text = BUF(0)};
    uint8_t hash[SHA256_SIZE];
    json_t *json = NULL;
    bool ok = template_hash(a, hash, err) && model_stdin_read(&text, err) && json_parse(buf_bytes(&text), &json, err) &&
              render(json, hash, &r, err);

    if (ok && args_flag(a, "segments")) {
        ok = segments_print(&r, &out, err);
        if (ok) {
            (void)fwrite(out.p, 1, out.len, stdout);
        }
    } else if (ok) {
        (void)fwrite(r.text.p, 1, r.text.len, stdout);
    }
    template_rendered_done(&r);
    json_decref(json);
    buf_done(&text);
    buf_done(&out);
    return ok;
}

int inspect_chat(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    if (chat(&a, &err)) {
        return 0;
    }
    code = report_inspect_error(&err, args_flag(&a, "json"));
    return err.reason == REASON_USAGE ? 2 : code;
}
