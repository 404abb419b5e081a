/* dstack's event log: a JSON array of {"imr":0..3,"event_type","digest":hex,"event","event_payload":hex,"version":1|2,
 * "hash_input":hex}, the last two optional; or an object whose member "event_log" is such an array or its text.
 *
 * Events of type 0x08000001 are dstack's own. Their digest is SHA-384 of
 *
 *     version 1: u32 type, ":", event, ":", payload
 *     version 2: RFC 8785 JSON {"name":event,"payload":hex,"type":134217729}
 *
 *                or {"event":event,"event_type":134217729,"payload":hex,"version":2}, if the digest is of that
 *
 * and may be empty: then it is computed. Everything else is an event of the firmware's log, its data possibly left out.
 * JSON_*, HEX_*, LOG_REGISTER, LOG_ALGORITHM (a digest of another size, or none), LOG_LIMIT; no offsets but JSON's. */
#ifndef SOTTO_TDX_DSTACK_H
#define SOTTO_TDX_DSTACK_H

#include "base/buf.h"
#include "codec/json.h"
#include "tdx/eventlog.h"

#define DSTACK_EVENT 0x08000001u

struct dstack {
    json_t *root;
    const json_t *events; /* in root */
    size_t next_number;
    struct buf payload; /* of the last event */
};

struct dstack_event {
    struct eventlog_event e; /* data: the payload, until the next event */
    struct bytes name;
    bool covered; /* an event of dstack's own, and the digest is of its name and payload */
};

MUST_USE bool dstack_open(struct bytes text, struct dstack *out, struct err *err);
MUST_USE bool dstack_next(struct dstack *log, struct dstack_event *out, bool *more, struct err *err);
void dstack_done(struct dstack *log);

#endif
