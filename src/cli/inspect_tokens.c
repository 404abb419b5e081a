/* `sotto inspect tokens` and its reverse, `sotto inspect text`. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/report.h"

#include "model/tokenizer.h"

#include <stdio.h>

#define TEXT_MAX MIB(64)

static const struct args_option token_options[] = {
    {"control", 0, NULL, "recognise control tokens in the text"},
    {"bos", 0, NULL, "add the start token where the model says so"},
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const struct args_form token_form = {
    .usage = "sotto inspect tokens MODEL [--control] [--bos] [--json]",
    .about = "Reads text on standard input and prints its token ids.",
    .options = token_options,
    .operands_min = 1,
    .operands_max = 1,
};

static const struct args_option text_options[] = {
    {"json", 0, NULL, "errors as JSON"},
    {0},
};

static const struct args_form text_form = {
    .usage = "sotto inspect text MODEL",
    .about = "Reads token ids on standard input and prints the exact bytes that they stand for.",
    .options = text_options,
    .operands_min = 1,
    .operands_max = 1,
};

static bool tokenizer_open(const char *operand, struct tokenizer **out, struct err *err)
{
    struct model_header h = {0};
    bool ok = model_header_open(operand, &h, err) && tokenizer_new(&h.headers.all, out, err);

    model_header_done(&h);
    return ok;
}

static bool ids_print(const struct tokenizer_ids *ids, bool json, struct err *err)
{
    struct buf out = BUF(16 * TEXT_MAX);
    bool ok = !json || buf_str(&out, "[", err);

    for (size_t i = 0; ok && i < ids->count; i++) {
        ok = buf_printf(&out, err, "%s%u", i == 0 ? "" : json ? "," : " ", ids->p[i]);
    }
    ok = ok && buf_str(&out, json ? "]\n" : "\n", err);
    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    return ok;
}

static bool tokens(const struct args *a, struct err *err)
{
    struct tokenizer *t = NULL;
    struct tokenizer_ids ids = TOKENIZER_IDS(TEXT_MAX);
    struct buf text = BUF(TEXT_MAX);
    struct tokenizer_info info;
    bool ok = tokenizer_open(a->operands[0], &t, err) && model_stdin_read(&text, err);

    if (ok) {
        tokenizer_info(t, &info);
        ok = (!args_flag(a, "bos") || !info.add_bos || tokenizer_ids_add(&ids, info.bos, err)) &&
             tokenizer_encode(t, buf_bytes(&text),
                              args_flag(a, "control") ? TOKENIZER_ALLOW_ALL : TOKENIZER_ALLOW_DEFINED, &ids, err) &&
             ids_print(&ids, args_flag(a, "json"), err);
    }
    tokenizer_ids_done(&ids);
    buf_done(&text);
    tokenizer_free(t);
    return ok;
}

int inspect_tokens(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (!args_parse(argc, argv, &token_form, &a, &code)) {
        return code;
    }
    return tokens(&a, &err) ? 0 : report_inspect_error(&err, args_flag(&a, "json"));
}

/* Decimal ids between white space. */
static bool id_take(struct bytes text, size_t *at, uint32_t *out, bool *end, struct err *err)
{
    uint32_t v = 0;
    size_t start;

    while (*at < text.len && strchr(" \t\r\n", text.p[*at]) != NULL) {
        (*at)++;
    }
    *end = *at == text.len;
    for (start = *at; *at < text.len && text.p[*at] >= '0' && text.p[*at] <= '9'; (*at)++) {
        if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint32_t)(text.p[*at] - '0'), &v)) {
            return FAIL(err, REASON_TOKEN_RANGE, start, "a token id that does not fit into 32 bits");
        }
    }
    if (!*end && *at == start) {
        return FAIL(err, REASON_REQUEST_FORM, start, "a token id is wanted");
    }
    *out = v;
    return true;
}

static bool pieces(const struct tokenizer *t, struct bytes ids, struct buf *out, struct err *err)
{
    for (size_t at = 0;;) {
        struct bytes piece;
        uint32_t id;
        bool end;

        if (!id_take(ids, &at, &id, &end, err)) {
            return false;
        }
        if (end) {
            return true;
        }
        if (!tokenizer_piece(t, id, &piece, err) || !buf_add(out, piece.p, piece.len, err)) {
            return false;
        }
    }
}

int inspect_text(int argc, char **argv)
{
    struct args a;
    struct err err;
    struct tokenizer *t = NULL;
    struct buf ids = BUF(16 * TEXT_MAX), out = BUF(16 * TEXT_MAX);
    bool ok;
    int code;

    if (!args_parse(argc, argv, &text_form, &a, &code)) {
        return code;
    }
    ok = tokenizer_open(a.operands[0], &t, &err) && model_stdin_read(&ids, &err) &&
         pieces(t, buf_bytes(&ids), &out, &err);
    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&ids);
    buf_done(&out);
    tokenizer_free(t);
    return ok ? 0 : report_inspect_error(&err, args_flag(&a, "json"));
}
