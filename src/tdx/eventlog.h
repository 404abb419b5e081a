/* A TCG crypto-agile event log as firmware leaves it in the CCEL area of a TD, and as the service writes its own (TCG
 * PC Client Platform Firmware Profile, section 10.4.5; Intel's Guest-Host Communication Interface for the indexes).
 *
 *     header: u32 index, u32 3, 20 bytes, u32 size, then the Spec ID event with the list of digest algorithms
 *     events: u32 index, u32 type, u32 count, count x (u16 algorithm, digest), u32 size, data
 *     end:    the end of the input, an index of 0xFFFFFFFF, eight bytes 0xFF, or zeros up to the end; what follows the
 *             first three is padding of one byte
 *
 * Index 0 is MRTD, which is never extended; 1..4 are RTMR0..3. The text of an event is trustworthy only where its
 * digest is over its data (`covered`). Nothing is allocated; the input is borrowed. Other forms of logs, and what each
 * digest covers: tdx/anylog.h. */
#ifndef SOTTO_TDX_EVENTLOG_H
#define SOTTO_TDX_EVENTLOG_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "crypto/hash.h"

#define EVENTLOG_REGISTERS 4
#define EVENTLOG_EV_NO_ACTION 3
#define EVENTLOG_EV_EVENT_TAG 6
#define EVENTLOG_ALG_SHA1 0x0004
#define EVENTLOG_ALG_SHA256 0x000B
#define EVENTLOG_ALG_SHA384 0x000C
#define EVENTLOG_ALG_SHA512 0x000D
#define EVENTLOG_ALG_SM3 0x0012
#define EVENTLOG_ALGORITHMS 8
#define EVENTLOG_END 0xFFFFFFFFu

struct eventlog_digest {
    uint16_t alg, size; /* of the TCG Algorithm Registry; in bytes */
    uint8_t value[HASH_SIZE_MAX];
};

struct eventlog_event {
    size_t number, offset; /* from 0, without the header; in the whole input */
    uint32_t index, type;
    bool has_sha384;
    uint8_t sha384[SHA384_SIZE]; /* what a register is extended with */
    size_t digest_count;         /* as the log has them, at least one */
    struct eventlog_digest digests[EVENTLOG_ALGORITHMS];
    struct bytes data;
};

struct eventlog {
    struct cursor rest;
    bool any; /* digests of other algorithms will do */
    size_t algorithm_count;
    struct {
        uint16_t id, size;
    } algorithms[EVENTLOG_ALGORITHMS];
    size_t next_number;
};

/* The header. LOG_FORM, LOG_ALGORITHM (no SHA-384), LOG_LIMIT, BYTES_SHORT. */
MUST_USE bool eventlog_open(struct bytes log, struct eventlog *out, struct err *err);
/* The same for logs without SHA-384 (SM3 of Hygon's guests): they can be shown, and lead to no register. */
MUST_USE bool eventlog_open_any(struct bytes log, struct eventlog *out, struct err *err);
/* The next event, or *more = false at the end. LOG_FORM, LOG_REGISTER, LOG_ALGORITHM, LOG_LIMIT, BYTES_SHORT. */
MUST_USE bool eventlog_next(struct eventlog *log, struct eventlog_event *out, bool *more, struct err *err);

/* register = SHA-384(register || digest); EV_NO_ACTION and index 0 fold nothing. The event has SHA-384. */
void eventlog_fold(uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], const struct eventlog_event *e);
/* All events folded from zero. */
MUST_USE bool eventlog_replay(struct bytes log, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                              struct err *err);

/* Whether the digest is SHA-384 of the data: only then do the data say what was measured. */
bool eventlog_covered(const struct eventlog_event *e);
const char *eventlog_type_name(uint32_t type);     /* "EV_EVENT_TAG"; "" where it is not known */
const char *eventlog_algorithm_name(uint16_t alg); /* "sha384"; "" where it is not known */

#endif
