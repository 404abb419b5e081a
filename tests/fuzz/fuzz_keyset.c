/* Contract: a key set has one spelling. */
#include "base/limits.h"
#include "evidence/keyset.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF(LIMIT_KEYSET);
    struct err err = {0};
    struct keyset k;

    if (keyset_parse(bytes_of(data, size), &k, &err)) {
        if (!keyset_print(&k, &out, &err) || !bytes_equal(buf_bytes(&out), bytes_of(data, size))) {
            abort();
        }
    } else if (err.reason != REASON_KEYSET_FORM) {
        abort();
    }
    buf_done(&out);
    return 0;
}
