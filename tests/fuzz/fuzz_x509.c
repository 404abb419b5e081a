/* Contract: every span of a certificate lies within it, and an error's offset too. */
#include "codec/x509.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.len > 0 && (part.p < data || part.len > size || (size_t)(part.p - data) > size - part.len)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct x509 x;

    if (!x509_parse(bytes_of(data, size), &x, &err)) {
        if (err.reason == REASON_OK || err.offset > size) {
            abort();
        }
        return 0;
    }
    within(x.tbs, data, size);
    within(x.serial, data, size);
    within(x.issuer, data, size);
    within(x.subject, data, size);
    within(x.authority_key_id, data, size);
    within(x.subject_key_id, data, size);
    for (size_t i = 0; i < x.extension_count; i++) {
        within(cursor_rest(&x.extensions[i].value), data, size);
        if (x509_extension_get(&x, x.extensions[i].oid) != &x.extensions[i]) {
            abort(); /* repeated */
        }
    }
    return 0;
}
