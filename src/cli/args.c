#include "cli/args.h"

#include "base/limits.h"
#include "base/wrap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEFT 24 /* the width of "--name VALUE" */
#define RIGHT (6 + LEFT + 1)

/* "  -x, --name VALUE     what it does" */
static bool option_print(char letter, const char *left, const char *help, struct buf *out, struct err *err)
{
    const char name[] = {' ', ' ', letter != 0 ? '-' : ' ', letter != 0 ? letter : ' ', letter != 0 ? ',' : ' ',
                         ' ', 0};

    return (strlen(left) <= LEFT ? buf_printf(out, err, "%s%-*s ", name, LEFT, left)
                                 : buf_printf(out, err, "%s%s\n%*s", name, left, RIGHT, "")) &&
           wrap_print(help, RIGHT, RIGHT, out, err);
}

static void help_print(const struct args_form *f)
{
    struct buf out = BUF(KIB(64)), about = BUF(KIB(16));
    struct err err;
    bool ok = buf_str(&about, f->about, &err) && buf_u8(&about, 0, &err);

    for (size_t i = 0; ok && i < about.len; i++) {
        about.p[i] = about.p[i] == '\n' ? ' ' : about.p[i];
    }
    ok = ok && buf_printf(&out, &err, "Usage: %s\n\n", f->usage) &&
         wrap_print((const char *)about.p, 0, 0, &out, &err) && buf_str(&out, "\nOptions:\n", &err);
    for (const struct args_option *o = f->options; ok && o->name != NULL; o++) {
        char left[64];

        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        ok = option_print(o->letter, left, o->help, &out, &err);
    }
    if (ok && option_print('h', "--help", "this text", &out, &err)) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    buf_done(&about);
}

__attribute__((format(printf, 2, 3))) static bool usage_fail(const struct args_form *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, " (USAGE)\nUsage: %s   (--help says more)\n", f->usage);
    return false;
}

/* The row that "--name", "--name=value" or "-x" means; -1: none. */
static int option_find(const struct args_form *f, const char *arg, const char **inline_value)
{
    const char *name = arg + 2;
    size_t len = strcspn(name, "=");

    *inline_value = NULL;
    for (int i = 0; f->options[i].name != NULL; i++) {
        const struct args_option *o = &f->options[i];

        if (arg[1] != '-') {
            if (o->letter != 0 && arg[1] == o->letter && arg[2] == '\0') {
                return i;
            }
        } else if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            *inline_value = name[len] == '=' ? name + len + 1 : NULL;
            return i;
        }
    }
    return -1;
}

/* One option at argv[*i]; *i moves over its value. */
static bool option_take(int argc, char **argv, int *i, struct args *a)
{
    const char *value;
    int row = option_find(a->form, argv[*i], &value);
    const struct args_option *o;

    if (row < 0) {
        return usage_fail(a->form, "unknown option %s", argv[*i]);
    }
    o = &a->form->options[row];
    if (o->value == NULL) {
        if (value != NULL) {
            return usage_fail(a->form, "option --%s takes no value", o->name);
        }
        a->values[row] = "";
        return true;
    }
    if (a->given_count == ARGS_GIVEN_MAX) {
        return usage_fail(a->form, "more than %d options", ARGS_GIVEN_MAX);
    }
    if (value == NULL) {
        if (*i + 1 >= argc) {
            return usage_fail(a->form, "option --%s wants a value: %s", o->name, o->value);
        }
        value = argv[++*i];
    }
    a->values[row] = value;
    a->given[a->given_count].row = row;
    a->given[a->given_count++].value = value;
    return true;
}

bool args_parse(int argc, char **argv, const struct args_form *form, struct args *out, int *exit_code)
{
    struct args a = {.form = form, .operands = argv + 1};
    bool options = true;

    *exit_code = 2;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            help_print(form);
            *exit_code = 0;
            return false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!option_take(argc, argv, &i, &a)) {
                return false;
            }
        } else {
            a.operands[a.operand_count++] = argv[i];
        }
    }
    if (a.operand_count < form->operands_min) {
        return usage_fail(form, "something is missing");
    }
    if (form->operands_max >= 0 && a.operand_count > form->operands_max) {
        return usage_fail(form, "too much: %s", a.operands[form->operands_max]);
    }
    *out = a;
    return true;
}

const char *args_get(const struct args *a, const char *name)
{
    for (int i = 0; a->form->options[i].name != NULL; i++) {
        if (strcmp(a->form->options[i].name, name) == 0) {
            return a->values[i];
        }
    }
    return NULL;
}

bool args_flag(const struct args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

const char *args_nth(const struct args *a, const char *name, int n)
{
    for (int i = 0; i < a->given_count; i++) {
        if (strcmp(a->form->options[a->given[i].row].name, name) == 0 && n-- == 0) {
            return a->given[i].value;
        }
    }
    return NULL;
}

bool args_number(const struct args *a, const char *name, uint64_t min, uint64_t max, uint64_t fallback, uint64_t *out,
                 struct err *err)
{
    const char *text = args_get(a, name);
    uint64_t v = 0;

    if (text == NULL) {
        *out = fallback;
        return true;
    }
    for (const char *p = text; *p != '\0' || p == text; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10U, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
            return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--%s %s is no number", name, text);
        }
    }
    if (v < min || v > max) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--%s %s is not within %llu..%llu", name, text,
                    (unsigned long long)min, (unsigned long long)max);
    }
    *out = v;
    return true;
}
