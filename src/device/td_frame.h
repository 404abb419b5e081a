/* What a simulated TD's guest and its platform say to each other on DIR/td.sock; it stands for the TDCALL instruction.
 *
 *     frame:   u16 version 1, u16 kind, u32 length of the payload, payload      (little-endian)
 *     request: kind           payload              reply's payload
 *              1 REPORT       64 bytes             TDREPORT, 1,024 bytes
 *              2 READ         u8 index             RTMR[index], 48 bytes
 *              3 EXTEND       u8 index, 48 bytes   RTMR[index] as it is then, 48 bytes; it is on the disk before
 *              4 BOOT_LOG     none                 the boot event log (CCEL)
 *     reply:   the request's kind + 0x8000; or 0xFFFF, and the payload is the name of a reason
 *
 * A connection carries any number of requests, one after the other. Anything else ends it. */
#ifndef SOTTO_DEVICE_TD_FRAME_H
#define SOTTO_DEVICE_TD_FRAME_H

#include "base/buf.h"

#define TD_FRAME_HEADER_SIZE 8
#define TD_FRAME_REQUEST_MAX 64 /* bytes of payload: a request for a report */
#define TD_FRAME_REPLY 0x8000u
#define TD_FRAME_ERROR 0xFFFFu

enum td_frame_kind {
    TD_FRAME_REPORT = 1,
    TD_FRAME_READ = 2,
    TD_FRAME_EXTEND = 3,
    TD_FRAME_BOOT_LOG = 4,
};

struct td_frame_header {
    unsigned kind;
    size_t len; /* of the payload */
};

MUST_USE bool td_frame_print(unsigned kind, struct bytes payload, struct buf *out, struct err *err);

/* max: bytes of payload that are allowed. SIM_FORM: version or length. */
MUST_USE bool td_frame_parse(const uint8_t in[TD_FRAME_HEADER_SIZE], size_t max, struct td_frame_header *out,
                             struct err *err);

#endif
