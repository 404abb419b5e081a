/* Contract: an event that is read is the one that its content gives when it is written. */
#include "evidence/event.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf log = BUF(1 << 20);
    struct err err = {0};
    enum event_kind kind;
    struct bytes content;
    json_t *v;
    uint8_t digest[SHA384_SIZE];

    if (!event_parse(bytes_of(data, size), &kind, &v, &content, &err)) {
        return 0;
    }
    if (event_add(&log, content, digest, &err)) {
        if (log.len < size || memcmp(log.p + log.len - size, data, size) != 0) {
            abort();
        }
    } else if (err.reason != REASON_LOG_LIMIT) {
        abort();
    }
    json_decref(v);
    buf_done(&log);
    return 0;
}
