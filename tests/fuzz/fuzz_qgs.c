/* Contract: a request that is read is the one that its report gives when it is written, but for the version's minor
 * number, the error code and the id list, which requests may have; and a quote that is read lies within the message. */
#include "device/qgs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf again = BUF(QGS_PREFIX_SIZE + QGS_REQUEST_MAX);
    struct bytes report, quote;
    struct err err = {0};

    if (qgs_request_parse(bytes_of(data, size), &report, &err)) {
        if (!qgs_request_print(report, &again, &err) || again.len > QGS_PREFIX_SIZE + size ||
            memcmp(again.p + QGS_PREFIX_SIZE + QGS_HEADER_SIZE + 8, data + QGS_HEADER_SIZE + 8, report.len) != 0) {
            abort();
        }
    } else if (err.reason != REASON_SIM_FORM) {
        abort();
    }
    if (qgs_response_parse(bytes_of(data, size), &quote, &err)) {
        if (quote.len == 0 || quote.p < data || quote.p + quote.len != data + size) {
            abort();
        }
    } else if (err.reason != REASON_DEVICE_EVIDENCE && err.reason != REASON_DEVICE_FAILED &&
               err.reason != REASON_QUOTE_EMPTY) {
        abort();
    }
    buf_done(&again);
    return 0;
}
