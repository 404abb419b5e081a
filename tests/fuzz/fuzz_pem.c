/* Contract: what was read, printed and read again is the same blocks; an error's offset lies within the text. */
#include "codec/pem.h"

#include "base/limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF(LIMIT_CRL * 4);
    struct err err = {0};
    struct pem p, again;

    if (!pem_parse(bytes_of(data, size), "CERTIFICATE", &p, &err)) {
        if (err.reason == REASON_OK || (err.offset != ERR_NOWHERE && err.offset > size)) {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < p.count; i++) {
        if (!pem_add(&text, "CERTIFICATE", p.blocks[i], &err)) {
            abort();
        }
    }
    if (!pem_parse(buf_bytes(&text), "CERTIFICATE", &again, &err) || again.count != p.count) {
        abort();
    }
    for (size_t i = 0; i < p.count; i++) {
        if (!bytes_equal(p.blocks[i], again.blocks[i])) {
            abort();
        }
    }
    pem_done(&again);
    pem_done(&p);
    buf_done(&text);
    return 0;
}
