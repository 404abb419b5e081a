/* A certificate and its SGX extension. Contract: every number is in its range, an error's offset lies within the input,
 * and the output is untouched on failure. */
#include "tdx/pck.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pck p, untouched;
    struct err err = {0};
    struct x509 x;

    if (!x509_parse(bytes_of(data, size), &x, &err)) {
        return 0;
    }
    memset(&p, 0xa5, sizeof p);
    untouched = p;
    if (!pck_parse(&x, &p, &err)) {
        if (err.reason == REASON_OK || (err.offset != ERR_NOWHERE && err.offset > size) ||
            memcmp(&p, &untouched, sizeof p) != 0) {
            abort();
        }
        return 0;
    }
    if (p.sgx_type > 2 || p.dynamic > PCK_FLAG_SET || p.cached_keys > PCK_FLAG_SET || p.smt > PCK_FLAG_SET) {
        abort();
    }
    return 0;
}
