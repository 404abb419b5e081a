/* The command line, by table: one row an option, from which parsing and --help come.
 *
 *     static const struct args_option options[] = {
 *         {"json", 0, NULL, "print JSON"},
 *         {"policy", 'p', "FILE", "the policy to judge by"},
 *         {0}};
 *     struct args a;
 *     if (!args_parse(argc, argv, &form, &a, &code)) return code;
 *
 * Long options as --name VALUE or --name=VALUE, short ones as -p VALUE; "--" ends them. An unknown option, a missing
 * value, or too few or too many operands: a message on stderr, exit code 2. --help: the text on stdout, exit code 0. */
#ifndef SOTTO_CLI_ARGS_H
#define SOTTO_CLI_ARGS_H

#include "base/err.h"

#include <stdint.h>

#define ARGS_OPTIONS_MAX 32
#define ARGS_GIVEN_MAX 64

struct args_option {
    const char *name;  /* without dashes; NULL ends the table */
    char letter;       /* 0: none */
    const char *value; /* the value's name in the help; NULL: a flag */
    const char *help;
};

struct args_form {
    const char *usage; /* "sotto verify QUOTE [options]" */
    const char *about; /* one paragraph */
    const struct args_option *options;
    int operands_min, operands_max; /* max -1: any number */
};

struct args {
    const struct args_form *form;
    const char *values[ARGS_OPTIONS_MAX]; /* by row, the last: NULL: not given; "" for a flag that was given */
    struct {
        int row;
        const char *value;
    } given[ARGS_GIVEN_MAX]; /* as they came */
    int given_count;
    char **operands;
    int operand_count;
};

/* argv is reordered: operands come last. */
MUST_USE bool args_parse(int argc, char **argv, const struct args_form *form, struct args *out, int *exit_code);

const char *args_get(const struct args *a, const char *name); /* NULL: not given */
bool args_flag(const struct args *a, const char *name);
/* Of an option that may be given several times: the nth value, from 0. NULL: there are fewer. */
const char *args_nth(const struct args *a, const char *name, int n);

/* A decimal number of an option within min..max, or fallback if it was not given. USAGE. */
MUST_USE bool args_number(const struct args *a, const char *name, uint64_t min, uint64_t max, uint64_t fallback,
                          uint64_t *out, struct err *err);

#endif
