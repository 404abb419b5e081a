/* What is true. Pure: time, collateral and policy are arguments; no file, clock or socket. Any thread.
 * Everything that can be checked is checked and reported, not only the first failure. */
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

/* A bare quote: raw bytes. False only for NO_MEMORY and INTERNAL: malformed input gives a verdict with the fact
 * `form` refuted. */
MUST_USE bool verify_quote(struct bytes quote, const struct verify_input *in, struct verdict *out, struct err *err);

/* What was to be a quote, and could not even be decoded: the fact `form` is refuted for this reason. */
MUST_USE bool verify_undecodable(const struct err *why, const struct verify_input *in, struct verdict *out,
                                 struct err *err);

/* An evidence document's exact bytes. Its own collateral is used for names that in->files lacks. */
MUST_USE bool verify_document(struct bytes text, const struct verify_input *in, struct verdict *out, struct err *err);

/* A bundle's exact bytes: its evidence and logs, with its collateral where in->files lacks the kind, and the fact
 * `archived_verdict` (not required) on whether the stored verdict was reproduced. its_time: judged at the bundle's time
 * and not at in->time, which the claim `time_source` then says. */
MUST_USE bool verify_bundle(struct bytes text, const struct verify_input *in, bool its_time, struct verdict *out,
                            struct err *err);

/* A quote, logs and report data of somebody who asks for a token (docs/formats.md, section 9): they are required, and
 * the boot chain and the TD's attributes with them. */
MUST_USE bool verify_bare_evidence(struct bytes quote, const struct verify_input *in, struct verdict *out,
                                   struct err *err);

#endif
