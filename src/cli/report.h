/* How every subcommand ends in an error: one line on stderr in the form of man/sotto.1, and the exit code of the
 * reason's kind. */
#ifndef SOTTO_CLI_REPORT_H
#define SOTTO_CLI_REPORT_H

#include "base/err.h"

/* "sotto: model.gguf: ... (GGUF_TENSOR_RANGE at byte 77); the download may be incomplete" */
int report_error(const struct err *err);

/* `sotto inspect`: the reason's name first on the last line of stderr; with json the object of docs/formats.md section
 * 10 on stdout. */
int report_inspect_error(const struct err *err, bool json);

int report_exit_code(enum reason r);

/* Whether control sequences for colours may be written: to a terminal that knows them, unless NO_COLOR is set. */
bool report_colour(int fd);

#endif
