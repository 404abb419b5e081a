/* The log: one line an event, to stderr, in logfmt with a syslog level in front, so that a journal reads it:
 *
 *     <6>time=2026-11-24T12:00:00Z role=gateway msg="listening" address=127.0.0.1:11434
 *
 * Only programs and the service's processes log (ranks 4 and up); modules return errors.
 * No prompt, answer, token of a prompt, account name or key is ever passed to it: values are states, sizes, durations,
 * addresses of listeners, reason names. Control characters and quotes in values are escaped. Any thread. */
#ifndef SOTTO_OS_LOG_H
#define SOTTO_OS_LOG_H

#include "base/err.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

void log_init(const char *role, enum log_level least); /* role: a static string */

/* key, value pairs after msg, then NULL. All strings. */
__attribute__((sentinel)) void log_event(enum log_level level, const char *msg, ...);

/* msg with the error's reason, offset and detail. */
void log_error(enum log_level level, const char *msg, const struct err *err);

#endif
