#include "cli/report.h"

#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int report_exit_code(enum reason r)
{
    switch (reason_kind(r)) {
    case REASON_KIND_OK:
    case REASON_KIND_ADVICE:
        return 0;
    case REASON_KIND_USAGE:
        return 2;
    case REASON_KIND_REFUTED:
        return 11;
    case REASON_KIND_UNKNOWN:
        return 12;
    case REASON_KIND_INPUT:
    case REASON_KIND_ABSENT:
    case REASON_KIND_CONFLICT:
    case REASON_KIND_LIMIT:
    case REASON_KIND_BUSY:
    case REASON_KIND_SYSTEM:
    case REASON_KIND_INTERNAL:
    case REASON_KIND_RETIRED:
        return 1;
    }
    return 1;
}

bool report_colour(int fd)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(fd) && (none == NULL || none[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

int report_error(const struct err *err)
{
    char line[600];

    err_print(err, line, sizeof line);
    (void)fprintf(stderr, "sotto: %s\n", line);
    return report_exit_code(err->reason);
}

int report_inspect_error(const struct err *err, bool json)
{
    struct buf out = BUF(4096);
    struct err ignored = {0};

    (void)fprintf(stderr, "%s: %s\n", reason_name(err->reason),
                  err->detail[0] != '\0' ? err->detail : reason_text(err->reason));
    if (json && buf_printf(&out, &ignored, "{\"error\":{\"reason\":\"%s\",\"offset\":", reason_name(err->reason)) &&
        (err->offset == ERR_NOWHERE ? buf_str(&out, "null", &ignored)
                                    : buf_printf(&out, &ignored, "%zu", err->offset)) &&
        buf_str(&out, ",\"text\":", &ignored) && json_print_str(bytes_of_str(err->detail), &out, &ignored) &&
        buf_str(&out, "}}\n", &ignored)) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    return 1;
}
