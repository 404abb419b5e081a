/* What a quote says, as claims and for people. */
#ifndef SOTTO_EXPLAIN_QUOTE_PRINT_H
#define SOTTO_EXPLAIN_QUOTE_PRINT_H

#include "tdx/quote.h"

/* Members of an object, spelled as docs/formats.md section 9 spells claims: mr_td, rtmr_0.. rtmr_3, mr_seam,
 * mrsigner_seam, seam_attributes, td_attributes, xfam, mr_config_id, mr_owner, mr_owner_config, report_data,
 * tee_tcb_svn; of TD 1.5 tee_tcb_svn2 and mr_servicetd; of TD 1.5Ex vmid, td_id, devinfo, init_servtd_hash,
 * init_servtd_attr, init_cpusvn, init_tee_tcb_svn, init_tee_fmspc, cur_servtd_hash, cur_servtd_attr. Lower-case
 * hexadecimal in the order of the bytes.
 *
 * Of an SGX body: cpusvn, attributes, mrenclave, mrsigner, report_data, isvextprodid, configid, isvfamilyid, and as
 * numbers miscselect, isvprodid, isvsvn, configsvn. */
MUST_USE bool td_body_claims(const struct td_body *b, json_t *object, struct err *err);
MUST_USE bool sgx_body_claims(const struct sgx_body *b, json_t *object, struct err *err);

/* Members of an object: quote_version, att_key_type, tee_type, vendor_id, user_data, body_type, of v3 qe_svn and
 * pce_svn, certification_type, trailing_len, and the body's. */
MUST_USE bool quote_claims(const struct quote *q, json_t *object, struct err *err);

MUST_USE bool claim_number(json_t *object, const char *name, uint64_t n, struct err *err); /* one such member */

/* All fields as one JSON object, appended: the claims above, and the signature data. */
MUST_USE bool quote_print_json(const struct quote *q, struct buf *out, struct err *err);
/* The same for people, a field a line. */
MUST_USE bool quote_print_text(const struct quote *q, struct buf *out, struct err *err);

#endif
