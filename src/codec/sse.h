/* Server-sent events (WHATWG HTML, 9.2), writing. */
#ifndef SOTTO_CODEC_SSE_H
#define SOTTO_CODEC_SSE_H

#include "base/buf.h"

/* "data: ...\n\n"; data that has line ends becomes several data lines of one event. */
MUST_USE bool sse_data_print(struct buf *out, struct bytes data, struct err *err);
/* A comment that keeps proxies from closing a silent stream. */
MUST_USE bool sse_heartbeat_print(struct buf *out, struct err *err);

#endif
