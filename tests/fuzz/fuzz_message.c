/* A request for the engine, as a gateway that was taken over could send it, and an event or a vector as an engine
 * could: what is accepted prints to bytes that are accepted and print to themselves (JSON has more than one spelling).
 */
#include "serve/message.h"

#include <stdlib.h>

static void again(const struct engine_request *r, struct buf *b)
{
    struct message_request *m = NULL;
    struct buf second = BUF(b->max);
    struct err err;

    if (!message_request_print(r, b, &err) || !message_request_parse(buf_bytes(b), &m, &err) ||
        !message_request_print(&m->request, &second, &err) || !bytes_equal(buf_bytes(b), buf_bytes(&second))) {
        abort();
    }
    message_request_free(m);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_request *m = NULL;
    struct engine_event event;
    struct engine_token *tokens;
    float *vector;
    size_t n;
    struct message_end end;
    struct buf b = BUF((size_t)1 << 24);
    struct err err = {0}, why;

    if (message_request_parse(bytes_of(data, size), &m, &err)) {
        again(&m->request, &b);
        message_request_free(m);
    } else if (err.reason == REASON_OK) {
        abort();
    }
    b.len = 0;
    if (message_text_parse(bytes_of(data, size), &event, &tokens, &err)) {
        if (!message_text_print(&event, &b, &err) || !bytes_equal(buf_bytes(&b), bytes_of(data, size))) {
            abort();
        }
        free(tokens);
    }
    b.len = 0;
    if (message_vector_parse(bytes_of(data, size), &vector, &n, &err)) {
        if (!message_vector_print(vector, n, &b, &err) || !bytes_equal(buf_bytes(&b), bytes_of(data, size))) {
            abort();
        }
        free(vector);
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
