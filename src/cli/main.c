#include "cli/cmd.h"
#include "os/file.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", cmd_serve, "measure this service, verify it, and serve a model"},
    {"run", cmd_run, "verify a service, and ask its model"},
    {"list", cmd_list, "the models in the store"},
    {"show", cmd_show, "what a model is"},
    {"create", cmd_create, "put a model into the store"},
    {"verify", cmd_verify, "judge a quote, an evidence document or a service"},
    {"policy", cmd_policy, "write a policy, check it, and say what it demands"},
    {"collateral", cmd_collateral, "fetch, import and show what judgements need beside a quote"},
    {"quote", cmd_quote, "ask this machine's quote device for a quote"},
    {"inspect", cmd_inspect, "show what is inside of a file, judged by nobody"},
    {"bench", cmd_bench, "what a verification costs on this machine"},
    {"doctor", cmd_doctor, "whether this machine can serve, check by check"},
    {NULL, NULL, NULL},
};

static int help_print(FILE *to)
{
    (void)fprintf(to, "Usage: sotto COMMAND [options]   (sotto COMMAND --help says more)\n\n");
    for (size_t i = 0; commands[i].name != NULL; i++) {
        (void)fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    (void)fprintf(to, "\n  --version  %s\n", SOTTO_VERSION);
    return to == stdout ? 0 : 2;
}

/* A result that could not be written is none. */
static int output_check(int code)
{
    if (code != 0 || (fflush(stdout) == 0 && ferror(stdout) == 0)) {
        return code;
    }
    (void)fprintf(stderr, "sotto: standard output could not be written to (FILE_IO)\n");
    return 1;
}

int main(int argc, char **argv)
{
    file_stdio_open();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        return help_print(stderr);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        return help_print(stdout);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0) {
        (void)printf("sotto version %s\n", SOTTO_VERSION);
        return 0;
    }
    for (size_t i = 0; commands[i].name != NULL; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return output_check(commands[i].run(argc - 1, argv + 1));
        }
    }
    (void)fprintf(stderr, "sotto: there is no command %s (USAGE)\n", argv[1]);
    return help_print(stderr);
}
