/* What `verify`, `run` and `chat` share: how the options --policy, --collateral and --time become the input of a
 * judgement, how evidence is fetched, and how a verdict is shown. */
#ifndef SOTTO_CLI_TRUST_H
#define SOTTO_CLI_TRUST_H

#include "collateral/directory.h"
#include "explain/verify.h"
#include "net/client.h"

struct trust {
    struct policy *policy;
    struct buf policy_text; /* its exact bytes; empty: the built-in one */
    struct directory collateral;
    const char *services;      /* borrowed: "URL[,URL]" in place of a directory; NULL: none */
    struct verify_input input; /* policy, time and files; nonce and connection are trust_fetch()'s */
    uint8_t nonce[NONCE_SIZE], spki[32];
};

/* Each may be NULL: the built-in policy, no collateral, now. collateral: a directory, a file (cli/collateral_import.h),
 * or services by their URLs. POLICY_FORM, FILE_*, TIME_FORM, COLLATERAL_URL. The trust must not move while it is open:
 * its input points into it. */
MUST_USE bool trust_open(const char *policy_file, const char *collateral, const char *time_text, struct trust *out,
                         struct err *err);
/* The PCK certificate that the quote lacks, as if it were in the collateral directory. FILE_*. */
MUST_USE bool trust_pck(struct trust *t, const char *file, struct err *err);
void trust_close(struct trust *t);

/* Where --collateral is a service (or several): fetches what this evidence (a quote in any form, a document, a bundle)
 * needs. What could not be had is said on stderr and stays absent, so that the facts that need it are unknown; evidence
 * that cannot be read is left to the judge. */
void trust_collateral(struct trust *t, struct bytes evidence);
/* A policy's exact bytes, appended to text, and what they say. FILE_*, POLICY_FORM, JSON_*; the detail names the file.
 */
MUST_USE bool trust_policy_read(const char *path, struct buf *text, struct policy **out, struct err *err);

/* Draws a nonce, asks the service for evidence over it (docs/formats.md, section 5), and makes nonce and connection
 * part of the input. path: what stands before /.well-known; "" or "/" for none. */
MUST_USE bool trust_fetch(struct trust *t, struct client *c, const char *path, struct buf *document, struct err *err);

/* On stdout: JSON, or text with the facts that are not affirmed, or with all of them and the logs' events: in JSON
 * these are the member "logs", each as `sotto inspect log` prints it, or {"error":...}. */
MUST_USE bool trust_print(const struct verdict *v, const struct bytes *logs, size_t log_count, bool json, bool all,
                          struct err *err);

#endif
