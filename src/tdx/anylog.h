/* Logs of measurements in every form that TDX guests have them, behind one iterator. What a file is, its first bytes
 * say; each form has its reader, and one table in anylog.c lists them:
 *
 *     tcg     TCG crypto-agile: CCEL, with CoCo's AAEL records in it, and the service's own (tdx/eventlog.h)
 *     dstack  a JSON array of {"imr","event_type","digest","event","event_payload"}, or an object with such an array,
 * or its text, as the member "event_log"; events of versions 1 and 2 (tdx/dstack.h) ima     the ascii list of the
 * kernel's IMA (tdx/textlog.h) aael    CoCo's attestation agent: INIT, then a line an event (tdx/textlog.h)
 *
 * Nothing of a log is to be believed that its register does not confirm, and of an event's text only what its digest
 * covers: `coverage` says how much that is, found by computing the digest again. */
#ifndef SOTTO_TDX_ANYLOG_H
#define SOTTO_TDX_ANYLOG_H

#include "base/buf.h"
#include "tdx/dstack.h"
#include "tdx/eventlog.h"
#include "tdx/textlog.h"

enum anylog_coverage {
    ANYLOG_UNKNOWN, /* of an algorithm or a form that is not computed here, or what was hashed is not in the log */
    ANYLOG_NOT,     /* the digest is of something else: the text is a label that anybody may have written */
    ANYLOG_PART,    /* of `part` of the data alone */
    ANYLOG_WHOLE,
};

struct anylog_event {
    struct eventlog_event e; /* e.offset is ERR_NOWHERE in JSON; e.data is valid until the next event */
    struct bytes name;       /* dstack: the event's name; else empty */
    enum anylog_coverage coverage;
    struct bytes part; /* within e.data */
};

struct anylog {
    const struct anylog_form *form;
    struct eventlog tcg;
    struct dstack dstack;
    struct textlog text;
};

/* The bytes are borrowed until anylog_done(), which is due after success only. The reasons of the form's reader. */
MUST_USE bool anylog_open(struct bytes log, struct anylog *out, struct err *err);
MUST_USE bool anylog_next(struct anylog *log, struct anylog_event *out, bool *more, struct err *err);
void anylog_done(struct anylog *log);
const char *anylog_form_name(const struct anylog *log);

/* Every event of a log folded into registers that hold what came before: logs follow one another in a guest.
 * LOG_ALGORITHM at an event that has no SHA-384 digest; the reasons of the readers. registers: untouched on failure. */
MUST_USE bool anylog_replay(struct bytes log, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                            struct err *err);

/* {"format","events":[{"number","offset","register","type","name","algorithm","digest","digests":{...},"covered":
 * true|false|null,"covers":{"offset","size"}|null,"event","text","size","data"}...],"registers":{"rtmr_0"...}|null} */
MUST_USE bool anylog_print_json(struct bytes log, struct buf *out, struct err *err);
/* The same for people: a line or two an event, then the registers. */
MUST_USE bool anylog_print_text(struct bytes log, struct buf *out, struct err *err);

/* What an event's data say, in a few words, from the structures that its type has; empty where nothing can be read.
 * Bytes of the log: print them escaped. */
MUST_USE bool anylog_describe(const struct anylog_event *e, struct buf *out, struct err *err);

#endif
