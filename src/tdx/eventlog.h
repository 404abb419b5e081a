/* Logs of measurements in every form that TDX guests have them, behind one iterator. What a file is, its first bytes
 * say; each form has its reader (tdx/log_*.c), which says how it is spelled:
 *
 *     tcg     TCG crypto-agile: CCEL, with CoCo's AAEL records in it, and the service's own
 *     dstack  a JSON array of events, or an object with such an array, or its text, as the member "event_log"
 *     ima     the ascii list of the kernel's IMA
 *     aael    CoCo's attestation agent: INIT, then a line an event
 *
 * Nothing of a log is to be believed that its register does not confirm, and of an event's text only what its digest
 * covers. The input is borrowed until the end of the walk; only dstack's form allocates. */
#ifndef SOTTO_TDX_EVENTLOG_H
#define SOTTO_TDX_EVENTLOG_H

#include "base/buf.h"
#include "base/cursor.h"
#include "codec/json.h"
#include "crypto/hash.h"

#define EVENTLOG_REGISTERS 4
#define EVENTLOG_EV_NO_ACTION 3
#define EVENTLOG_EV_EVENT_TAG 6
#define EVENTLOG_DSTACK_EVENT 0x08000001u
#define EVENTLOG_ALG_SHA384 0x000C /* of the TCG Algorithm Registry */
#define EVENTLOG_ALGORITHMS 8

enum eventlog_coverage {                   /* of an event's text by its digest */
                         EVENTLOG_UNKNOWN, /* of an algorithm or a form that is not computed here, or what was hashed is
                                              not in the log */
                         EVENTLOG_NOT,     /* the digest is of something else: the text is a label that anybody may have
                                              written */
                         EVENTLOG_PART,    /* of a part of the data alone */
                         EVENTLOG_WHOLE,
                         EVENTLOG_OF_DATA,     /* not looked at: if the digest is of anything here, then of the data */
                         EVENTLOG_OF_TEMPLATE, /* not looked at: if it is of anything here, then of the fields of IMA's
                                                  template */
};

struct eventlog_digest {
    uint16_t alg, size; /* of the TCG Algorithm Registry; in bytes */
    uint8_t value[HASH_SIZE_MAX];
};

struct eventlog_event {
    size_t number, offset; /* from 0, without the header; in the whole input, ERR_NOWHERE in JSON */
    uint32_t index, type;  /* 0: MRTD, which is never extended; 1..4: RTMR0..3 */
    bool has_sha384;
    uint8_t sha384[SHA384_SIZE]; /* what a register is extended with */
    size_t digest_count;         /* as the log has them, at least one */
    struct eventlog_digest digests[EVENTLOG_ALGORITHMS];
    struct bytes data; /* until the next event */
    struct bytes name; /* dstack: the event's name; else empty */
    enum eventlog_coverage coverage;
};

struct eventlog {
    const struct eventlog_form *form;
    struct cursor rest;
    size_t next_number;
    bool sha384; /* events without it are errors */
    size_t algorithm_count;
    struct {
        uint16_t id, size;
    } algorithms[EVENTLOG_ALGORITHMS]; /* tcg: of the header */
    const struct log_algorithm *alg;   /* aael: of INIT; NULL: before it */
    json_t *root;                      /* dstack */
    const json_t *events;              /* in root */
    struct buf payload;                /* of the last event */
};

/* A TCG log with SHA-384 digests, and nothing else: what the service writes. Nothing is allocated; eventlog_done() is
 * not due. LOG_FORM, LOG_ALGORITHM (no SHA-384), LOG_LIMIT, BYTES_SHORT. */
MUST_USE bool eventlog_open(struct bytes log, struct eventlog *out, struct err *err);
/* A log of any form, also without SHA-384 (SM3 of Hygon's guests): such a one can be shown, and leads to no register.
 * eventlog_done() is due after success. JSON_* as well. */
MUST_USE bool eventlog_open_any(struct bytes log, struct eventlog *out, struct err *err);
/* The next event, or *more = false at the end. LOG_FORM, LOG_REGISTER, LOG_ALGORITHM, LOG_LIMIT, BYTES_SHORT, HEX_*,
 * JSON_*. */
MUST_USE bool eventlog_next(struct eventlog *log, struct eventlog_event *out, bool *more, struct err *err);
void eventlog_done(struct eventlog *log);

/* register = SHA-384(register || digest); EV_NO_ACTION and index 0 fold nothing. The event has SHA-384. */
void eventlog_fold(uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], const struct eventlog_event *e);
/* Every event of a log of any form folded into registers that hold what came before: logs follow one another in a
 * guest. LOG_ALGORITHM at an event that has no SHA-384 digest; the reasons above. registers: untouched on failure. */
MUST_USE bool eventlog_replay(struct bytes log, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                              struct err *err);
/* Whether the digest is SHA-384 of the data: only then do the data say what was measured. */
bool eventlog_covered(const struct eventlog_event *e);

/* ---- for people and programs that look at a log; nothing here judges (eventlog_print.c) ---- */

/* How much of an event its digest covers, found by computing it again; part: of the data, where it is a part. */
enum eventlog_coverage eventlog_coverage(const struct eventlog_event *e, struct bytes *part);
/* {"format","events":[{"number","offset","register","type","name","algorithm","digest","digests":{...},"covered":
 * true|false|null,"covers":{"offset","size"}|null,"event","text","size","data"}...],"registers":{"rtmr_0"...}|null} */
MUST_USE bool eventlog_print_json(struct bytes log, struct buf *out, struct err *err);
/* The same for people: a line or two an event, then the registers. */
MUST_USE bool eventlog_print_text(struct bytes log, struct buf *out, struct err *err);

#endif
