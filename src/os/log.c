#include "os/log.h"

#include "base/civil.h"
#include "os/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* One write(2) a line: lines of several processes and threads do not mix. */
struct line {
    char text[1024];
    size_t len;
};

static const char *log_role = "sotto";
static enum log_level log_least = LOG_LEVEL_INFO;

void log_init(const char *role, enum log_level least)
{
    log_role = role;
    log_least = least;
}

static void line_char(struct line *l, char c)
{
    if (l->len < sizeof l->text - 2) { /* room for the closing quote and the line's end */
        l->text[l->len++] = c;
    }
}

static void line_str(struct line *l, const char *s)
{
    for (; *s != '\0'; s++) {
        line_char(l, *s);
    }
}

static void line_value(struct line *l, const char *s)
{
    line_char(l, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            line_char(l, '\\');
        }
        line_char(l, *s < 0x20 || *s == 0x7f ? '?' : *s);
    }
    if (l->len < sizeof l->text - 1) {
        l->text[l->len++] = '"';
    }
}

static void line_pair(struct line *l, const char *key, const char *value)
{
    line_char(l, ' ');
    line_str(l, key);
    line_char(l, '=');
    line_value(l, value);
}

static void line_begin(struct line *l, enum log_level level, const char *msg)
{
    char time[CIVIL_ISO8601_SIZE];
    char head[96];

    civil_print_iso8601(clock_unix(), time);
    (void)snprintf(head, sizeof head, "<%d>time=%s role=%s pid=%d", (int)level, time, log_role, (int)getpid());
    l->len = 0;
    line_str(l, head);
    line_pair(l, "msg", msg);
}

static void line_write(struct line *l)
{
    ssize_t n;

    l->text[l->len++] = '\n';
    n = write(STDERR_FILENO, l->text, l->len);
    (void)n; /* a log that cannot be written stops nothing */
}

void log_event(enum log_level level, const char *msg, ...)
{
    struct line l;
    const char *key;
    va_list ap;

    if (level > log_least) {
        return;
    }
    line_begin(&l, level, msg);
    va_start(ap, msg);
    while ((key = va_arg(ap, const char *)) != NULL) {
        line_pair(&l, key, va_arg(ap, const char *));
    }
    va_end(ap);
    line_write(&l);
}

void log_error(enum log_level level, const char *msg, const struct err *err)
{
    char offset[24];

    (void)snprintf(offset, sizeof offset, "%zu", err->offset);
    if (err->offset == ERR_NOWHERE) {
        log_event(level, msg, "reason", reason_name(err->reason), "detail", err->detail, NULL);
    } else {
        log_event(level, msg, "reason", reason_name(err->reason), "detail", err->detail, "byte", offset, NULL);
    }
}
