/* Logs of one line an event. Nothing is allocated; the input is borrowed.
 *
 * IMA, the kernel's ascii_runtime_measurements:
 *
 *     INDEX TEMPLATE-HASH ima-ng|ima-ngv2|ima-sig|ima-sigv2 [TYPE:]ALG:FILE-HASH PATH [SIGNATURE]
 *
 * The template hash is over each field behind its length as u32: "[TYPE:]ALG:", a zero byte and the hash; the path and
 * a zero byte; the signature. Index 10 and the other PCRs from 8 to 14 are RTMR2, 0 to 3 the registers of their number.
 * A hash of zeros is a violation, which extends the register with 0xFF.
 *
 * AAEL, the file of CoCo's attestation agent: "INIT ALG/VALUE", then "DOMAIN OPERATION CONTENT". Each line, the first
 * one too, is an event of RTMR3 whose digest is of the line. VALUE has to be zero: what else the register held is not
 * in the log.
 *
 * Each line ends in "\n"; the last may lack it. LOG_FORM, LOG_REGISTER, LOG_ALGORITHM, LOG_LIMIT, HEX_DIGIT. */
#ifndef SOTTO_TDX_TEXTLOG_H
#define SOTTO_TDX_TEXTLOG_H

#include "tdx/eventlog.h"

struct textlog {
    struct cursor rest;
    uint16_t alg; /* AAEL: 0 before INIT */
    size_t next_number;
};

struct textlog_event {
    struct eventlog_event e; /* data: the line; type: 0 */
    bool known, covered;     /* whether the digest could be computed again, and was the same */
};

MUST_USE bool textlog_open(struct bytes text, struct textlog *out, struct err *err);
MUST_USE bool textlog_ima_next(struct textlog *log, struct textlog_event *out, bool *more, struct err *err);
MUST_USE bool textlog_aael_next(struct textlog *log, struct textlog_event *out, bool *more, struct err *err);

#endif
