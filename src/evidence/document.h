/* The evidence document (docs/formats.md, section 5). */
#ifndef SOTTO_EVIDENCE_DOCUMENT_H
#define SOTTO_EVIDENCE_DOCUMENT_H

#include "base/buf.h"
#include "crypto/tree.h"
#include "evidence/report_data.h"

struct document_file { /* one collateral file: a name of docs/formats.md section 7, and its exact bytes */
    const char *name;
    struct bytes content;
};

enum document_log_place {
    LOG_IN_RTMR3,
    LOG_IN_REPORT_DATA,
};

/* As parsed, everything is the document's own memory until document_done(). To print one, point the fields anywhere. */
struct document {
    struct bytes quote, boot_log /* NULL: none */, event_log, keyset, devices /* NULL: none */;
    uint8_t nonce[NONCE_SIZE];
    uint8_t nonce_path[TREE_PATH_MAX][SHA256_SIZE];
    size_t nonce_path_len, nonce_index, nonce_count;
    enum document_log_place log_in;    /* a hint, never believed */
    const struct document_file *files; /* collateral; NULL: none */
    size_t file_count;
    void *memory; /* document_done()'s */
};

/* It begins like a JSON object, which no quote does: not yet that it is a good document. */
bool document_is(struct bytes evidence);

MUST_USE bool document_print(const struct document *d, struct buf *out, struct err *err);

/* DOCUMENT_FORM and JSON_*: unknown members, wrong sizes, two of a name, limits. */
MUST_USE bool document_parse(struct bytes text, struct document *out, struct err *err);
void document_done(struct document *d);

#endif
