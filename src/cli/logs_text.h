/* The logs beside a verdict: what each event is of, and whether its digest covers what the log says of it. */
#ifndef SOTTO_CLI_LOGS_TEXT_H
#define SOTTO_CLI_LOGS_TEXT_H

#include "base/buf.h"

/* A line of at most 80 columns an event, its text cut: `sotto inspect log` has the whole. */
MUST_USE bool logs_text_print(const struct bytes *logs, size_t count, struct buf *out, struct err *err);

/* A list: of each log what `sotto inspect log --json` prints, or {"error":{"reason","text"}}. */
MUST_USE bool logs_text_json(const struct bytes *logs, size_t count, struct buf *out, struct err *err);

#endif
