/* The event log on the disk, and the register that it explains (docs/formats.md, section 3). The keeper's alone.
 *
 *     DIR/event_log   the log, exact bytes
 *     DIR/pending     while an event is on its way: "STTOWAL1", u64le length of the log before it, register before it,
 *                     register after it, the event's record
 *     DIR/lock        held while it is open
 *
 * Each event: `pending` is written and synced, the register is extended and read again, the record is appended and
 * synced, `pending` is removed. A crash at any of these steps is found out by comparing the register with both values:
 * still the old one, and the event never happened; already the new one, and the record is appended. A register that is
 * zero belongs to a new boot, whatever the files hold: an old log is put aside as event_log.old. Any other value:
 * REGISTER_UNEXPLAINED.
 *
 * Without a register the log alone counts, and it begins anew with each boot id. */
#ifndef SOTTO_SERVE_JOURNAL_H
#define SOTTO_SERVE_JOURNAL_H

#include "base/buf.h"
#include "evidence/event.h"

struct journal_register {
    bool (*read)(void *arg, uint8_t out[SHA384_SIZE], struct err *err);
    bool (*extend)(void *arg, const uint8_t digest[SHA384_SIZE], struct err *err);
    void *arg;
};

struct journal;

/* reg NULL: the platform has none. boot_id: 32 hex digits. DEVICE_HELD while another process has it open;
 * REGISTER_UNEXPLAINED, LOG_*, EVENT_*, STORE_FORM (a damaged `pending`), FILE_*. */
MUST_USE bool journal_open(const char *dir, const struct journal_register *reg, const char *boot_id,
                           struct journal **out, struct err *err);
void journal_close(struct journal *j);

/* content: an event's exact RFC 8785 bytes. One that is refused (EVENT_*, LOG_LIMIT) changes nothing; after any other
 * error nothing more may be appended: open it anew. */
MUST_USE bool journal_append(struct journal *j, struct bytes content, struct err *err);
bool journal_is_broken(const struct journal *j);

struct bytes journal_log(const struct journal *j); /* until the next append */
uint64_t journal_starts(const struct journal *j);  /* `start` events since boot */
bool journal_is_ready(const struct journal *j);    /* the last start has its `ready` */
bool journal_in_register(const struct journal *j);
/* Zero bytes where the register carries the log; else the root over all digests. */
MUST_USE bool journal_root(const struct journal *j, uint8_t out[SHA384_SIZE], struct err *err);
/* Whether a manifest (its RFC 8785 bytes' SHA-384) is in the loaded set: the last start's `model` events that no
 * `unload` took back. */
bool journal_has_model(const struct journal *j, const uint8_t manifest_sha384[SHA384_SIZE]);

#endif
