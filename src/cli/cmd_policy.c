/* sotto policy: what the asker demands, written, checked and said in words. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/policy_text.h"
#include "cli/report.h"
#include "cli/trust.h"

#include "base/hex.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "os/clock.h"
#include "os/file.h"

#include <stdio.h>
#include <string.h>

static const struct args_option check_options[] = {{"json", 0, NULL, "print JSON"}, {0}};
static const struct args_option no_options[] = {{0}};

static const struct args_form check_form = {
    .usage = "sotto policy check FILE [--json]",
    .about =
        "Whether the policy has its form, what it demands, and what it leaves open. Exit code 0 if it has its form.",
    .options = check_options,
    .operands_min = 1,
    .operands_max = 1,
};

static const struct args_form explain_form = {
    .usage = "sotto policy explain FILE",
    .about = "The policy in sentences.",
    .options = no_options,
    .operands_min = 1,
    .operands_max = 1,
};

static const struct args_form show_form = {
    .usage = "sotto policy show FILE [--json]",
    .about =
        "The policy on one line in its canonical form (RFC 8785), and on the next the SHA-384 of the file as it is:\n"
        "the one that verdicts, tokens and logs carry as sotto_policy_sha384.",
    .options = check_options,
    .operands_min = 1,
    .operands_max = 1,
};

static bool canonical_print(struct bytes text, struct buf *out, struct err *err)
{
    json_t *v = NULL;
    bool ok = json_parse(text, &v, err) && json_print_canonical(v, out, err);

    json_decref(v);
    return ok;
}

static bool show_print(struct bytes text, const struct policy *p, bool json, struct buf *out, struct err *err)
{
    uint8_t sha384[SHA384_SIZE];

    policy_sha384(p, sha384);
    return (!json || buf_str(out, "{\"policy\":", err)) && canonical_print(text, out, err) &&
           buf_str(out, json ? ",\"sha384\":\"" : "\nsha384 ", err) &&
           hex_add(out, bytes_of(sha384, sizeof sha384), err) && buf_str(out, json ? "\"}\n" : "\n", err);
}

enum view {
    VIEW_CHECK,
    VIEW_EXPLAIN,
    VIEW_SHOW,
};

static bool view_print(enum view view, bool json, struct bytes text, const struct policy *p, struct buf *out,
                       struct err *err)
{
    switch (view) {
    case VIEW_CHECK:
        return json ? policy_text_json(p, clock_unix(), out, err) : policy_text_check(p, clock_unix(), out, err);
    case VIEW_EXPLAIN:
        return policy_text_explain(p, clock_unix(), out, err);
    case VIEW_SHOW:
        break;
    }
    return show_print(text, p, json, out, err);
}

static int view_main(int argc, char **argv, enum view view, const struct args_form *form)
{
    struct buf text = BUF(LIMIT_POLICY), out = BUF(MIB(4));
    struct policy *p = NULL;
    struct err err = {0};
    struct args a;
    bool ok;
    int code;

    if (!args_parse(argc, argv, form, &a, &code)) {
        return code;
    }
    ok = trust_policy_read(a.operands[0], &text, &p, &err);
    if (ok && !view_print(view, args_flag(&a, "json"), buf_bytes(&text), p, &out, &err)) {
        err_prefix(&err, a.operands[0]);
        ok = false;
    }
    ok = ok && file_write_fd(1, "standard output", buf_bytes(&out), &err);
    policy_free(p);
    buf_done(&text);
    buf_done(&out);
    return ok ? 0 : report_error(&err);
}

static int check_main(int argc, char **argv)
{
    return view_main(argc, argv, VIEW_CHECK, &check_form);
}

static int explain_main(int argc, char **argv)
{
    return view_main(argc, argv, VIEW_EXPLAIN, &explain_form);
}

static int show_main(int argc, char **argv)
{
    return view_main(argc, argv, VIEW_SHOW, &show_form);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    {"new", policy_write, "write one from an installation's configuration and its platform"},
    {"check", check_main, "whether it has its form, what it demands, and what it leaves open"},
    {"explain", explain_main, "say it in sentences"},
    {"show", show_main, "its canonical form, and the SHA-384 that tokens carry"},
};
#define VERBS (sizeof verbs / sizeof *verbs)

static int help_print(FILE *to)
{
    (void)fprintf(to, "Usage: sotto policy VERB ...   (sotto policy VERB --help says more)\n\n");
    for (size_t i = 0; i < VERBS; i++) {
        (void)fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    }
    return to == stdout ? 0 : 2;
}

int cmd_policy(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return help_print(stdout);
    }
    for (size_t i = 0; argc >= 2 && i < VERBS; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "sotto policy: there is no %s (USAGE)\n", argv[1]);
    }
    return help_print(stderr);
}
