/* Sentences for people, within 80 columns. */
#ifndef SOTTO_BASE_WRAP_H
#define SOTTO_BASE_WRAP_H

#include "base/buf.h"

/* Words from column `at` on, and an end of line; lines that follow the first begin at the indent. A word that is longer
 * than a line stays whole. BUF_FULL, NO_MEMORY. */
MUST_USE bool wrap_print(const char *text, size_t at, size_t indent, struct buf *out, struct err *err);

#endif
