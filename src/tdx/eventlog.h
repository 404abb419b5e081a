/* A TCG crypto-agile event log as firmware leaves it in the CCEL area of a TD, and as the service writes its own (TCG
 * PC Client Platform Firmware Profile, section 10.4.5; Intel's Guest-Host Communication Interface for the indexes).
 *
 *     header: u32 index, u32 3, 20 bytes, u32 size, then the Spec ID event with the list of digest algorithms
 *     events: u32 index, u32 type, u32 count, count x (u16 algorithm, digest), u32 size, data
 *     end:    the end of the input, an index of 0xFFFFFFFF, or zeros up to the end; what follows is padding of one byte
 *
 * Index 0 is MRTD, which is never extended; 1..4 are RTMR0..3. The text of an event is trustworthy only where its
 * digest is over its data (`covered`). Nothing is allocated; the input is borrowed. */
#ifndef SOTTO_TDX_EVENTLOG_H
#define SOTTO_TDX_EVENTLOG_H

#include "base/buf.h"
#include "base/cursor.h"
#include "crypto/hash.h"

#define EVENTLOG_REGISTERS 4
#define EVENTLOG_EV_NO_ACTION 3
#define EVENTLOG_EV_EVENT_TAG 6
#define EVENTLOG_ALG_SHA384 0x000C
#define EVENTLOG_END 0xFFFFFFFFu

struct eventlog_event {
    size_t number, offset; /* from 0, without the header; in the whole input */
    uint32_t index, type;
    uint8_t sha384[SHA384_SIZE];
    struct bytes data;
};

struct eventlog {
    struct cursor rest;
    size_t algorithm_count;
    struct {
        uint16_t id, size;
    } algorithms[8];
    size_t next_number;
};

/* The header. LOG_FORM, LOG_ALGORITHM (no SHA-384), LOG_LIMIT, BYTES_SHORT. */
MUST_USE bool eventlog_open(struct bytes log, struct eventlog *out, struct err *err);
/* The next event, or *more = false at the end. LOG_FORM, LOG_REGISTER, LOG_ALGORITHM, LOG_LIMIT, BYTES_SHORT. */
MUST_USE bool eventlog_next(struct eventlog *log, struct eventlog_event *out, bool *more, struct err *err);

/* register = SHA-384(register || digest); EV_NO_ACTION and index 0 fold nothing. */
void eventlog_fold(uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], const struct eventlog_event *e);
/* All events folded from zero. */
MUST_USE bool eventlog_replay(struct bytes log, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                              struct err *err);

/* Whether the digest is SHA-384 of the data: only then do the data say what was measured. */
bool eventlog_covered(const struct eventlog_event *e);
const char *eventlog_type_name(uint32_t type); /* "EV_EVENT_TAG"; "" where it is not known */

/* {"events":[{"number","offset","register","type","name","digest","covered","size","data"}...],
 *  "registers":{"rtmr_0"...}}, appended. */
MUST_USE bool eventlog_print_json(struct bytes log, struct buf *out, struct err *err);
/* The same for people: a line an event, then the registers. */
MUST_USE bool eventlog_print_text(struct bytes log, struct buf *out, struct err *err);

#endif
