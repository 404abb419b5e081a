#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

static const struct reader {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} readers[] = {
    {"model", inspect_model, "a model file's metadata, tensors and identity"},
    {"tokens", inspect_tokens, "text to token ids"},
    {"text", inspect_text, "token ids to text"},
    {"chat", inspect_chat, "a chat to the prompt that the template makes of it"},
    {"tensor", inspect_tensor, "a tensor as float32"},
    {"blocks", inspect_blocks, "blocks of a tensor type as float32"},
    {"logits", inspect_logits, "what the engine computes for token ids"},
    {"greedy", inspect_greedy, "the most likely ids that follow"},
    {"quote", inspect_quote, "the fields of a quote"},
    {"log", inspect_log, "the events of a log, and the registers that they replay to"},
    {NULL, NULL, NULL},
};

static int help_print(FILE *to)
{
    (void)fprintf(to, "Usage: sotto inspect WHAT ...   (sotto inspect WHAT --help says more)\n\n");
    for (size_t i = 0; readers[i].name != NULL; i++) {
        (void)fprintf(to, "  %-8s %s\n", readers[i].name, readers[i].help);
    }
    return to == stdout ? 0 : 2;
}

int cmd_inspect(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return help_print(stdout);
    }
    for (size_t i = 0; argc >= 2 && readers[i].name != NULL; i++) {
        if (strcmp(argv[1], readers[i].name) == 0) {
            return readers[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "sotto inspect: there is no reader %s (USAGE)\n", argv[1]);
    }
    return help_print(stderr);
}
