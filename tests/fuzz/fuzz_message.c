/* A request for the engine, as a gateway that was taken over could send it: what is accepted prints to the same bytes.
 */
#include "serve/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_request *m = NULL;
    struct message_end end;
    struct buf b = BUF((size_t)1 << 24);
    struct err err = {0}, why;

    if (message_request_parse(bytes_of(data, size), &m, &err)) {
        if (!message_request_print(&m->request, &b, &err) || !bytes_equal(buf_bytes(&b), bytes_of(data, size))) {
            abort();
        }
        message_request_free(m);
    } else if (err.reason == REASON_OK) {
        abort();
    }
    b.len = 0;
    if (message_end_parse(bytes_of(data, size), &end, &err) && end.end == ENGINE_END_NOT) {
        abort();
    }
    if (message_err_parse(bytes_of(data, size), &why, &err) &&
        (why.reason == REASON_OK || why.reason >= REASON_COUNT)) {
        abort();
    }
    buf_done(&b);
    return 0;
}
