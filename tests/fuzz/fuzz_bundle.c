/* Contract: what is printed from a bundle that was read, reads as the same bundle. */
#include "base/limits.h"
#include "evidence/bundle.h"

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
    struct bundle b, again;

    if (!bundle_parse(bytes_of(data, size), &b, &err)) {
        return 0;
    }
    if (!bundle_is(bytes_of(data, size)) || !bundle_print(&b, &out, &err) || !bundle_is(buf_bytes(&out)) ||
        !bundle_parse(buf_bytes(&out), &again, &err)) {
        abort();
    }
    same(b.evidence, again.evidence);
    same(b.policy, again.policy);
    same(b.verdict, again.verdict);
    if (b.file_count != again.file_count || b.time != again.time || (b.files == NULL) != (again.files == NULL)) {
        abort();
    }
    for (size_t i = 0; i < b.file_count; i++) {
        if (strcmp(b.files[i].name, again.files[i].name) != 0) {
            abort();
        }
        same(b.files[i].content, again.files[i].content);
    }
    if (b.log_count != again.log_count) {
        abort();
    }
    for (size_t i = 0; i < b.log_count; i++) {
        same(b.logs[i], again.logs[i]);
    }
    bundle_done(&b);
    bundle_done(&again);
    buf_done(&out);
    return 0;
}
