/* JSON values, one a line. */
#ifndef SOTTO_CODEC_NDJSON_H
#define SOTTO_CODEC_NDJSON_H

#include "codec/json.h"

/* One value, compact, and a line feed. */
MUST_USE bool ndjson_print(struct buf *out, const json_t *value, struct err *err);

/* The next whole line of what has come so far, without its end; false: more must come. *next: where to look then. */
bool ndjson_line_get(struct bytes in, size_t *next, struct bytes *line);

#endif
