/* Contract: every span lies within the input, in order, and with what is between them makes up the whole; an error's
 * offset lies within it too. */
#include "explain/quote_print.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void at_must(struct bytes part, const uint8_t *at)
{
    if (part.p != at) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF(1 << 20);
    struct err err = {0};
    struct quote q;

    if (!quote_parse(bytes_of(data, size), &q, &err)) {
        if (err.reason == REASON_OK || err.offset > size) {
            abort();
        }
        return 0;
    }
    at_must(q.signed_part, data);
    at_must(q.signature, data + q.signed_part.len + 4);
    at_must(q.key, q.signature.p + 64);
    at_must(q.qe_report_part, q.key.p + 64 + (q.version == 3 ? 0 : 6));
    at_must(q.qe_signature, q.qe_report_part.p + SGX_BODY_SIZE);
    at_must(q.qe_auth, q.qe_signature.p + 64 + 2);
    at_must(q.certification, q.qe_auth.p + q.qe_auth.len + 6);
    at_must(q.trailing, q.certification.p + q.certification.len);
    if (q.trailing.p + q.trailing.len != data + size || q.qe_auth.len > QUOTE_AUTH_MAX || q.version < 3 ||
        q.version > 5 || !quote_print_json(&q, &text, &err)) {
        abort();
    }
    buf_done(&text);
    return 0;
}
