/* Contract: what is printed from a document that was read, reads as the same document. */
#include "base/limits.h"
#include "evidence/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct bytes a, struct bytes b)
{
    if (!bytes_equal(a, b) || (a.p == NULL) != (b.p == NULL)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF(LIMIT_EVIDENCE);
    struct err err = {0};
    struct document d, again;

    if (!document_parse(bytes_of(data, size), &d, &err)) {
        return 0;
    }
    if (!document_print(&d, &out, &err) || !document_parse(buf_bytes(&out), &again, &err)) {
        abort();
    }
    same(d.quote, again.quote);
    same(d.boot_log, again.boot_log);
    same(d.event_log, again.event_log);
    same(d.keyset, again.keyset);
    same(d.devices, again.devices);
    if (d.file_count != again.file_count || d.nonce_path_len != again.nonce_path_len ||
        d.nonce_index != again.nonce_index || d.nonce_count != again.nonce_count || d.log_in != again.log_in ||
        memcmp(d.nonce, again.nonce, sizeof d.nonce) != 0) {
        abort();
    }
    for (size_t i = 0; i < d.file_count; i++) {
        if (strcmp(d.files[i].name, again.files[i].name) != 0) {
            abort();
        }
        same(d.files[i].content, again.files[i].content);
    }
    document_done(&d);
    document_done(&again);
    buf_done(&out);
    return 0;
}
