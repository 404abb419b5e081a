/* Contract: what a request names is fit for a file's name, and an error leaves nothing behind. */
#include "attest/ask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t report_data[2][64];
    struct err err = {0};
    struct ask a;

    if (!ask_parse(bytes_of(data, size), &a, &err)) {
        if (err.reason == REASON_OK || err.reason == REASON_INTERNAL) {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < a.policy_count; i++) {
        const char *id = a.policy_ids[i];

        if (id[0] == '\0' || id[0] == '.' || strlen(id) >= ASK_POLICY_ID_SIZE || strchr(id, '/') != NULL) {
            abort();
        }
    }
    if (a.is_document != (a.document.memory != NULL) || (a.is_document && a.quote.len > 0)) {
        abort();
    }
    (void)ask_report_data(&a, report_data);
    ask_done(&a);
    return 0;
}
