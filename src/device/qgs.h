/* Messages of the quoting service (Intel DCAP, QuoteGeneration/quote_wrapper/qgs_msg_lib). Integers are little-endian,
 * but the length before a message is big-endian.
 *
 *     prefix:   u32be length of the message
 *     header:   u16 major 1, u16 minor, u32 type, u32 size of the whole message, u32 error code
 *     request:  header (type 0), u32 report size 1,024, u32 size of the id list, report, id list
 *     response: header (type 1), u32 size of the selected id, u32 size of the quote, id, quote
 *
 * Nothing is allocated; what is parsed borrows from the input. */
#ifndef SOTTO_DEVICE_QGS_H
#define SOTTO_DEVICE_QGS_H

#include "base/buf.h"

#define QGS_PREFIX_SIZE 4
#define QGS_HEADER_SIZE 16
#define QGS_REQUEST_MAX 4096 /* a report and a few ids of 16 bytes */

#define QGS_SUCCESS 0
#define QGS_ERROR_UNEXPECTED 0x12001
#define QGS_ERROR_INVALID_PARAMETER 0x12003

/* With the prefix; no id list: the service chooses. */
MUST_USE bool qgs_request_print(struct bytes report, struct buf *out, struct err *err);
/* message: without the prefix. SIM_FORM. */
MUST_USE bool qgs_request_parse(struct bytes message, struct bytes *report, struct err *err);

/* With the prefix. error other than QGS_SUCCESS: id and quote are empty. */
MUST_USE bool qgs_response_print(uint32_t error, struct bytes id, struct bytes quote, struct buf *out, struct err *err);
/* message: without the prefix. DEVICE_EVIDENCE: malformed. DEVICE_FAILED: the service's own error. QUOTE_EMPTY. */
MUST_USE bool qgs_response_parse(struct bytes message, struct bytes *quote, struct err *err);

#endif
