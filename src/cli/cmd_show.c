#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/model_json.h"
#include "cli/report.h"

#include "codec/json.h"
#include "model/summary.h"

#include <stdio.h>
#include <unistd.h>

static const struct args_option options[] = {
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto show NAME [--json]",
    .about = "Says what a model of the store is.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

static bool json_show(const struct store_model *m, const struct gguf *g, const struct summary *s, struct err *err)
{
    struct buf out = BUF(MIB(16));
    bool ok =
        model_json_open(m, &out, err) && buf_str(&out, ",\"architecture\":", err) &&
        json_print_str(bytes_of_str(s->architecture), &out, err) &&
        buf_printf(&out, err, ",\"parameter_count\":%llu,\"context_length\":%u,\"embedding_length\":%u,\"template\":",
                   (unsigned long long)s->weights, s->context, s->embedding) &&
        json_print_str(gguf_template(g), &out, err) && buf_str(&out, ",\"unused_layers\":", err) &&
        json_print_str(bytes_of_str(m->unused), &out, err) && buf_str(&out, "}\n", err);

    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    return ok;
}

static void text_show(const struct store_model *m, const struct summary *s)
{
    char id[MODEL_ID_SIZE];

    model_id_print(m, id);
    printf("  Model\n    name                %s\n    id                  %s\n    architecture        %s\n", m->name, id,
           s->architecture);
    printf("    parameters          %s\n    context length      %u\n    embedding length    %u\n", s->parameters,
           s->context, s->embedding);
    printf("    quantization        %s\n", s->file_type);
    if (m->unused[0] != '\0') {
        printf("    not used            %s\n", m->unused);
    }
}

static bool show(const char *name, bool json, struct err *err)
{
    struct model_header h;
    struct store store;
    struct store_model m;
    struct summary s;
    bool ok = true;

    if (!store_open(NULL, &store, err) || !store_find(&store, name, &m, err) || !model_header_open(m.name, &h, err)) {
        return false;
    }
    summary_make(&h.headers.all, &s);
    if (json) {
        ok = json_show(&m, &h.headers.all, &s, err);
    } else {
        text_show(&m, &s);
    }
    model_header_done(&h);
    return ok;
}

int cmd_show(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    return show(a.operands[0], args_flag(&a, "json"), &err) ? 0 : report_error(&err);
}
