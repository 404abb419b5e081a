#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/report.h"

#include "chat/jinja.h"
#include "model/tokenizer.h"
#include "os/clock.h"
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
        "Reads a chat as JSON on standard input (messages, tools, add_generation_prompt, bos, eos, vars, now_unix) "
        "and prints the prompt that the template makes of it.",
    .options = options,
    .operands_min = 0,
    .operands_max = 1,
};

/* What the template is given beside the chat. */
struct given {
    struct buf text, bos, eos;
};

static void given_done(struct given *g)
{
    buf_done(&g->text);
    buf_done(&g->bos);
    buf_done(&g->eos);
}

static bool token_text(const struct tokenizer *t, uint32_t id, struct buf *out, struct err *err)
{
    struct bytes text;

    return id == TOKENIZER_NO_TOKEN || (tokenizer_piece(t, id, &text, err) && buf_add(out, text.p, text.len, err));
}

static bool given_of_model(const char *path, struct given *out, struct err *err)
{
    struct model_header h = {0};
    struct tokenizer_info info;
    struct tokenizer *t = NULL;
    bool ok = model_header_open(path, &h, err) && tokenizer_new(&h.headers.all, &t, err);

    if (ok) {
        const struct bytes text = gguf_template(&h.headers.all);

        tokenizer_info(t, &info);
        ok = buf_add(&out->text, text.p, text.len, err) && token_text(t, info.bos, &out->bos, err) &&
             token_text(t, info.eos, &out->eos, err);
    }
    tokenizer_free(t);
    model_header_done(&h);
    return ok;
}

static bool given_read(const struct args *a, struct given *out, struct err *err)
{
    const char *path = args_get(a, "template");

    if (path == NULL && a->operand_count == 0) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "MODEL or --template is wanted");
    }
    if (a->operand_count > 0 && !given_of_model(a->operands[0], out, err)) {
        return false;
    }
    out->text.len = path != NULL ? 0 : out->text.len;
    return path == NULL || file_read(path, &out->text, err);
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

static bool member_text(const json_t *object, const char *name, struct buf *out, struct err *err)
{
    const char *text;

    if (json_object_get(object, name) == NULL) {
        return true;
    }
    out->len = 0;
    return json_get_str(object, name, &text, err) && buf_str(out, text, err);
}

/* "vars", and beside them "messages" and "tools". */
static bool variables_make(const json_t *asked, json_t **out, struct err *err)
{
    static const char *const names[] = {"messages", "tools"};
    const json_t *vars = json_object_get(asked, "vars");
    json_t *all = json_object(), *v;
    const char *name;
    bool ok = all != NULL;

    json_object_foreach(vars, name, v)
    {
        ok = ok && json_object_set(all, name, v) == 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        v = json_object_get(asked, names[i]);
        ok = ok && (v == NULL || json_is_null(v) || json_object_set(all, names[i], v) == 0);
    }
    *out = all;
    return ok || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a chat");
}

static bool render(const json_t *asked, struct given *g, struct template_rendered *out, struct err *err)
{
    struct jinja_input in = {.add_generation_prompt = json_is_true(json_object_get(asked, "add_generation_prompt"))};
    struct jinja *t = NULL;
    json_t *variables = NULL, *list;
    uint64_t now = 0;
    bool ok = json_get(asked, "messages", JSON_ARRAY, &list, err) && member_text(asked, "bos", &g->bos, err) &&
              member_text(asked, "eos", &g->eos, err) &&
              (json_object_get(asked, "now_unix") == NULL || json_get_u64(asked, "now_unix", INT64_MAX, &now, err)) &&
              variables_make(asked, &variables, err) && jinja_parse(buf_bytes(&g->text), &t, err);

    if (ok) {
        in.variables = variables;
        in.bos = buf_bytes(&g->bos);
        in.eos = buf_bytes(&g->eos);
        in.now = json_object_get(asked, "now_unix") != NULL ? (int64_t)now : clock_unix();
        ok = jinja_render(t, &in, out, err);
    }
    jinja_free(t);
    json_decref(variables);
    return ok;
}

static bool chat(const struct args *a, struct err *err)
{
    struct buf text = BUF(CHAT_MAX), out = BUF(8 * CHAT_MAX);
    struct given g = {BUF(LIMIT_GGUF_STRING), BUF(KIB(64)), BUF(KIB(64))};
    struct template_rendered r = {.text = BUF(0)};
    json_t *json = NULL;
    bool ok = given_read(a, &g, err) && model_stdin_read(&text, err) && json_parse(buf_bytes(&text), &json, err) &&
              render(json, &g, &r, err);

    if (ok && args_flag(a, "segments")) {
        ok = segments_print(&r, &out, err);
        if (ok) {
            (void)fwrite(out.p, 1, out.len, stdout);
        }
    } else if (ok) {
        (void)fwrite(r.text.p, 1, r.text.len, stdout);
    }
    template_rendered_done(&r);
    given_done(&g);
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
