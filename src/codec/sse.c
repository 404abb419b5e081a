#include "codec/sse.h"

bool sse_data_print(struct buf *out, struct bytes data, struct err *err)
{
    size_t was = out->len, start = 0;

    for (size_t i = 0; i <= data.len; i++) {
        if (i < data.len && data.p[i] != '\n') {
            continue;
        }
        if (!buf_str(out, "data: ", err) || (i > start && !buf_add(out, &data.p[start], i - start, err)) ||
            !buf_str(out, "\n", err)) {
            out->len = was;
            return false;
        }
        start = i + 1;
    }
    if (!buf_str(out, "\n", err)) {
        out->len = was;
        return false;
    }
    return true;
}

bool sse_heartbeat_print(struct buf *out, struct err *err)
{
    return buf_str(out, ":\n\n", err);
}
