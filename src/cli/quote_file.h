/* Quotes in files: raw, or as hexadecimal or base64 text, which may be wrapped. */
#ifndef SOTTO_CLI_QUOTE_FILE_H
#define SOTTO_CLI_QUOTE_FILE_H

#include "base/buf.h"

/* The quote's bytes, appended to out, from whatever form they are in. HEX_*, BASE64_*. */
MUST_USE bool quote_file_decode(struct bytes file, struct buf *out, struct err *err);

/* A whole file, or standard input for "-", appended. */
MUST_USE bool quote_file_read(const char *path, struct buf *out, struct err *err);

#endif
