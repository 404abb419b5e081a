/* What a caller of POST /v1/attestation asks (docs/formats.md, section 9). Form alone: nothing is judged here.
 *
 *     {"tee":"tdx","evidence":base64url,"policy_ids":[...],"runtime_data":{"raw":base64} or {"structured":{...}},
 *      "runtime_data_hash_algorithm":"sha256"|"sha384"|"sha512"}
 *
 * evidence is an evidence document, or {"quote":base64,"cc_eventlog":base64|null,"aa_eventlog":base64|null}. */
#ifndef SOTTO_ATTEST_ASK_H
#define SOTTO_ATTEST_ASK_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "evidence/document.h"

#define ASK_POLICIES_MAX 8
#define ASK_POLICY_ID_SIZE 65

struct ask {
    char policy_ids[ASK_POLICIES_MAX][ASK_POLICY_ID_SIZE];
    size_t policy_count;
    struct buf text; /* the evidence, decoded */
    bool is_document;
    struct document document;              /* where it is one */
    struct buf quote, boot_log, event_log; /* where it is none */
    bool has_runtime_data, runtime_data_is_raw;
    struct buf runtime_data; /* raw bytes, or the RFC 8785 bytes of a structured one */
    enum hash_alg runtime_hash;
};

/* TEE_UNSUPPORTED, REQUEST_FORM (a policy's id is letters, digits, '.', '_' and '-'), JSON_*, BASE64_*, DOCUMENT_FORM.
 */
MUST_USE bool ask_parse(struct bytes body, struct ask *out, struct err *err);
void ask_done(struct ask *a);

/* Letters, digits, '.', '_' and '-', no dot first: nothing that leaves the folder of the policies. */
bool ask_policy_id_check(const char *id);

size_t ask_logs(const struct ask *a, struct bytes out[2]); /* the count of out; borrowed */

/* Trustee's rule for report data: the digest of the runtime data, zeros behind it. Raw data of at most 64 bytes may
 * also stand there themselves, zeros behind them: Trustee's manual says the one, its program does the other, and either
 * binds them. The count of out. */
size_t ask_report_data(const struct ask *a, uint8_t out[2][64]);

#endif
