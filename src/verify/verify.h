/* What evidence is judged with: time, collateral and policy are arguments. */
#ifndef SOTTO_VERIFY_VERIFY_H
#define SOTTO_VERIFY_VERIFY_H

#include "evidence/bundle.h"
#include "verify/cache.h"
#include "verify/policy.h"
#include "verify/verdict.h"

/* Collateral: files by the names of docs/formats.md, section 7. Contents decide, never names. A missing file leaves the
 * facts that need it unknown. */
struct verify_input {
    const struct policy *policy;
    int64_t time;
    const struct document_file *files;
    size_t file_count;
    /* Of the bundle that the evidence came in, where `files` lacks the kind; NULL: a document's own count. */
    const struct document_file *own_files;
    size_t own_file_count;
    bool archived;                  /* a bare quote came in a bundle */
    const uint8_t *nonce;           /* the one the verifier drew; NULL: none, then the fact is unknown */
    const uint8_t *connection_spki; /* SHA-256 of the SPKI of the connection; NULL: there is none */
    bool nonce_required;            /* a URL was asked: the fact `nonce` is required */
    bool connection_required;       /* something is to be sent: the fact `connection` is */
    struct cache *cache;            /* NULL: what is read is forgotten again */
    /* Beside a bare quote, and of no account elsewhere: */
    const struct bytes *logs;         /* of any form (tdx/eventlog.h), in the order in which they were written */
    size_t log_count;                 /* not 0: the fact `event_log` is required */
    const uint8_t (*report_data)[64]; /* the quote's must be one of these */
    size_t report_data_count;         /* not 0: the fact `report_data` is required */
};

#endif
