/* sotto inspect quote, sotto inspect log: fields and events, judged by nobody. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/quote_file.h"
#include "cli/report.h"

#include "base/limits.h"
#include "explain/quote_print.h"
#include "tdx/eventlog.h"

#include <stdio.h>

static const struct args_option options[] = {{"json", 0, NULL, "print JSON"}, {NULL, 0, NULL, NULL}};

static const struct args_form quote_form = {
    .usage = "sotto inspect quote FILE [--json]",
    .about = "Prints the fields of a quote (raw, hexadecimal or base64; - is standard input). Nothing is judged.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

static const struct args_form log_form = {
    .usage = "sotto inspect log FILE [--json]",
    .about =
        "Prints the events of a log (CCEL, dstack's JSON, IMA's or CoCo's text; - is standard input), whether each "
        "digest covers its text, and the registers that they replay to. Nothing is judged.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

static bool quote_print(struct bytes file, bool json, struct buf *out, struct err *err)
{
    struct buf raw = BUF(LIMIT_QUOTE_DEVICE);
    struct quote q;
    bool ok = quote_file_decode(file, &raw, err) && quote_parse(buf_bytes(&raw), &q, err) &&
              (json ? quote_print_json(&q, out, err) : quote_print_text(&q, out, err));

    buf_done(&raw);
    return ok;
}

static bool log_print(struct bytes file, bool json, struct buf *out, struct err *err)
{
    return json ? eventlog_print_json(file, out, err) : eventlog_print_text(file, out, err);
}

static int inspect(int argc, char **argv, const struct args_form *form, size_t max,
                   bool (*print)(struct bytes file, bool json, struct buf *out, struct err *err))
{
    struct buf file = BUF(max), out = BUF(16 * LIMIT_LOG);
    struct err err = {0};
    struct args a;
    bool json, ok;
    int code;

    if (!args_parse(argc, argv, form, &a, &code)) {
        return code;
    }
    json = args_flag(&a, "json");
    ok = quote_file_read(a.operands[0], &file, &err) && print(buf_bytes(&file), json, &out, &err) &&
         (!json || buf_str(&out, "\n", &err));
    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
        code = fflush(stdout) == 0 ? 0 : 1;
    } else {
        code = report_inspect_error(&err, json);
    }
    buf_done(&out);
    buf_done(&file);
    return code;
}

int inspect_quote(int argc, char **argv)
{
    return inspect(argc, argv, &quote_form, LIMIT_EVIDENCE, quote_print);
}

int inspect_log(int argc, char **argv)
{
    return inspect(argc, argv, &log_form, LIMIT_LOG, log_print);
}
