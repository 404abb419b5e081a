/* Our measured events (docs/formats.md, section 3): the content of the TCG_PCR_EVENT2 records that the service appends
 * to its log and extends RTMR3 with. One form for the keeper that writes them and the verifier that reads them.
 *
 *     record: u32 register index 4 (RTMR3), u32 type 6 (EV_EVENT_TAG), u32 digest count 1, u16 algorithm 0x000C,
 *             digest[48], u32 event size, event
 *     event:  u32 tag id 0x4F545453, u32 content length, content (RFC 8785 JSON {"kind":...,"v":1,...})
 *     digest: SHA-384 of the whole event
 *
 * A log is one Spec ID Event03 record (SHA-384 only) and then such records. */
#ifndef SOTTO_EVIDENCE_EVENT_H
#define SOTTO_EVIDENCE_EVENT_H

#include "base/buf.h"
#include "codec/json.h"
#include "crypto/hash.h"

enum event_kind {
    EVENT_START,     /* {"kind":"start","v":1,"number":n,"boot_id":hex32,"numerics":1} */
    EVENT_PROGRAM,   /* {"kind":"program","v":1,"files":[{"name","sha384","backing":"memfd"|"verity"|"disk"}...]} */
    EVENT_CONFIG,    /* {"kind":"config","v":1,"settings":{...}}: effective values that affect answers or trust */
    EVENT_WEB,       /* {"kind":"web","v":1,"sha384":hex} */
    EVENT_POLICY,    /* {"kind":"policy","v":1,"sha384":hex|""}: of the operator's policy file */
    EVENT_MODEL,     /* {"kind":"model","v":1,"manifest":{...}} */
    EVENT_GPU,       /* {"kind":"gpu","v":1,"evidence_sha384":hex,"verdict":text} */
    EVENT_READY,     /* {"kind":"ready","v":1} */
    EVENT_UNLOAD,    /* {"kind":"unload","v":1,"model_id":hex} */
    EVENT_KEY_EPOCH, /* {"kind":"key-epoch","v":1,"keyset_sha384":hex} */
};

const char *event_kind_name(enum event_kind k);

/* The log's first record. */
MUST_USE bool event_log_begin(struct buf *log, struct err *err);

/* The log begins with such a record: one algorithm, nothing in the fields that say nothing. No register covers these
 * bytes, so none of them is left to choose but those in which writers of logs differ (index, platform class, errata,
 * size of UINTN). EVENT_FORM, BYTES_SHORT. */
MUST_USE bool event_log_begin_check(struct bytes log, struct err *err);

/* Appends the record of one event to log and gives its digest. content: exact RFC 8785 bytes. LOG_LIMIT. */
MUST_USE bool event_add(struct buf *log, struct bytes content, uint8_t digest[SHA384_SIZE], struct err *err);

/* The content of one event's data (behind the record's size field): tag id, length and RFC 8785 form are checked, the
 * kind is known and its members are exactly those above. *out is the JSON, the caller's to free. EVENT_FORM,
 * EVENT_KIND. */
MUST_USE bool event_parse(struct bytes event, enum event_kind *kind, json_t **out, struct bytes *content,
                          struct err *err);

/* log_root = TH(SHA-384, EVENT_LOG_ROOT, each digest in order), for platforms without a register (crypto/tagged.h). */
#define EVENT_LOG_ROOT "sotto/log/v1"

#endif
