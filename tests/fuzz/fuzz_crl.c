/* Contract: a list that was read counts its entries, and finds each of them. */
#include "codec/x509.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct x509_crl crl;
    struct cursor list;
    size_t count = 0;

    if (!x509_crl_parse(bytes_of(data, size), &crl, &err)) {
        if (err.reason == REASON_OK || err.offset > size) {
            abort();
        }
        return 0;
    }
    for (list = crl.revoked; list.left > 0; count++) {
        struct cursor entry;
        struct bytes serial;

        if (!der_expect(&list, DER_SEQUENCE, &entry, &err) || !der_positive(&entry, &serial, &err) ||
            !x509_crl_lists(&crl, serial)) {
            abort();
        }
        if (count > 64) { /* looking each up is quadratic */
            return 0;
        }
    }
    if (count != crl.revoked_count) {
        abort();
    }
    return 0;
}
