/* Bytes from another process: frames come out whole and within their limit, or the channel ends. */
#include "base/limits.h"
#include "proc/frame.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct channel *c = NULL;
    struct frame f;
    struct err err = {0};
    size_t total = 0;
    bool got = true;
    int fds[2];

    if (size > 65536 || !channel_pair(fds, &err)) {
        return 0;
    }
    if (!channel_new(fds[0], &c, &err) || write(fds[1], data, size) != (ssize_t)size) {
        abort();
    }
    (void)close(fds[1]);
    while (channel_next(c, &f, &got, &err)) {
        if (!got || f.payload.len > LIMIT_FRAME || f.fd >= 0) {
            abort(); /* the stream has ended: there is a frame, or an error */
        }
        total += FRAME_HEAD + f.payload.len;
    }
    if (total > size || (err.reason != REASON_PEER_GONE && err.reason != REASON_FRAME_FORM)) {
        abort();
    }
    channel_free(c);
    return 0;
}
