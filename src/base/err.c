#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Details quote hostile input: what is not printable ASCII must not reach a terminal or a log. */
static void detail_clean(char *s)
{
    for (; *s != '\0'; s++) {
        if (*s < 0x20 || *s > 0x7e) {
            *s = '?';
        }
    }
}

void err_set(struct err *err, enum reason reason, size_t offset, const char *fmt, ...)
{
    va_list ap;

    err->reason = reason;
    err->offset = offset;
    va_start(ap, fmt);
    (void)vsnprintf(err->detail, sizeof err->detail, fmt, ap);
    va_end(ap);
    detail_clean(err->detail);
}

void err_prefix(struct err *err, const char *prefix)
{
    char old[sizeof err->detail];

    memcpy(old, err->detail, sizeof old);
    (void)snprintf(err->detail, sizeof err->detail, "%s: %s", prefix, old);
    detail_clean(err->detail);
}

void err_print(const struct err *err, char *out, size_t out_size)
{
    const char *what = err->detail[0] != '\0' ? err->detail : reason_text(err->reason);
    const char *todo = reason_todo(err->reason);
    const char *join = todo[0] != '\0' ? "; " : "";

    if (err->offset == ERR_NOWHERE) {
        (void)snprintf(out, out_size, "%s (%s)%s%s", what, reason_name(err->reason), join, todo);
    } else {
        (void)snprintf(out, out_size, "%s (%s at byte %zu)%s%s", what, reason_name(err->reason), err->offset, join,
                       todo);
    }
}
