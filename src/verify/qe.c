/* The quoting enclave: its report, the key that it vouches for, and whether it is Intel's. */
#include "base/hex.h"
#include "verify/judge.h"

#include <stdio.h>

/* REPORTDATA = SHA-256(attestation key || QE authentication data), 32 zero bytes. */
static void binding_judge(struct judge *j)
{
    uint8_t want[64] = {0};
    struct hash h;

    hash_init(&h, HASH_SHA256);
    hash_add(&h, j->q.key);
    hash_add(&h, j->q.qe_auth);
    hash_end(&h, want);
    if (memcmp(want, j->q.qe_report.report_data, sizeof want) == 0) {
        fact_affirm(j, FACT_qe_binding);
    } else {
        fact_refute(j, FACT_qe_binding, REASON_QE_BINDING, "the report's data are not those of the key");
        fact_hex(j, FACT_qe_binding, bytes_of(want, sizeof want), bytes_of(j->q.qe_report.report_data, 64));
    }
}

/* (seen & mask) == want, byte by byte. */
static bool masked_equal(const uint8_t *seen, const uint8_t *want, const uint8_t *mask, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((seen[i] & mask[i]) != (want[i] & mask[i])) {
            return false;
        }
    }
    return true;
}

/* The document shows numbers as hexadecimal of the most significant byte first. */
static void miscselect_bytes(uint32_t v, uint8_t out[4])
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

/* "11000000... under mask fbffffff..." */
static void masked_seen(struct judge *j, const uint8_t *seen, const uint8_t *want, const uint8_t *mask, size_t n)
{
    char digits[2][2 * 16 + 1], expected[100];

    hex_encode(bytes_of(want, n), digits[0]);
    hex_encode(bytes_of(mask, n), digits[1]);
    (void)snprintf(expected, sizeof expected, "%s under mask %s", digits[0], digits[1]);
    fact_seen(j, FACT_qe_identity, expected, "");
    fact_seen_hex(j, FACT_qe_identity, bytes_of(seen, n));
}

static void numbers_seen(struct judge *j, unsigned want, unsigned seen)
{
    char text[2][12];

    (void)snprintf(text[0], sizeof text[0], "%u", want);
    (void)snprintf(text[1], sizeof text[1], "%u", seen);
    fact_seen(j, FACT_qe_identity, text[0], text[1]);
}

static void enclave_judge(struct judge *j)
{
    static const char *const ids[] = {[QE_ID_QE] = "QE", [QE_ID_TD_QE] = "TD_QE", [QE_ID_OTHER] = "another"};
    const enum qe_id want = quote_is_tdx(&j->q) ? QE_ID_TD_QE : QE_ID_QE;
    const struct qe_identity *q = j->qe_identity;
    const struct sgx_body *r = &j->q.qe_report;
    uint8_t misc[4];

    miscselect_bytes(r->miscselect, misc);
    if (q->id != want) {
        fact_refute(j, FACT_qe_identity, REASON_QE_IDENTITY, "the identity is of another enclave");
        fact_seen(j, FACT_qe_identity, ids[want], ids[q->id]);
    } else if ((r->attributes[0] & SGX_ATTRIBUTE_DEBUG) != 0) {
        fact_refute(j, FACT_qe_identity, REASON_QE_IDENTITY, "the quoting enclave is a debug enclave");
        masked_seen(j, r->attributes, q->attributes, q->attributes_mask, 16);
    } else if (!masked_equal(misc, q->miscselect, q->miscselect_mask, 4)) {
        fact_refute(j, FACT_qe_identity, REASON_QE_IDENTITY, "MISCSELECT");
        masked_seen(j, misc, q->miscselect, q->miscselect_mask, 4);
    } else if (!masked_equal(r->attributes, q->attributes, q->attributes_mask, 16)) {
        fact_refute(j, FACT_qe_identity, REASON_QE_IDENTITY, "ATTRIBUTES");
        masked_seen(j, r->attributes, q->attributes, q->attributes_mask, 16);
    } else if (memcmp(r->mrsigner, q->mrsigner, sizeof q->mrsigner) != 0) {
        fact_refute(j, FACT_qe_identity, REASON_QE_IDENTITY, "MRSIGNER");
        fact_hex(j, FACT_qe_identity, bytes_of(q->mrsigner, sizeof q->mrsigner), bytes_of(r->mrsigner, 32));
    } else if (r->isvprodid != q->isvprodid) {
        fact_refute(j, FACT_qe_identity, REASON_QE_IDENTITY, "ISVPRODID");
        numbers_seen(j, q->isvprodid, r->isvprodid);
    } else {
        fact_affirm(j, FACT_qe_identity);
    }
}

void qe_judge(struct judge *j)
{
    fact_signature(j, FACT_quote_signature, NULL, j->q.key.p, j->q.signed_part, j->q.signature.p,
                   REASON_QUOTE_SIGNATURE, "");
    binding_judge(j);
    if (j->pck_chain != NULL) {
        fact_signature(j, FACT_qe_report_signature, NULL, j->pck_chain->certs[0].key_xy, j->q.qe_report_part,
                       j->q.qe_signature.p, REASON_QE_SIGNATURE, "");
    }
}

bool identity_judge(struct judge *j, struct err *err)
{
    const char *name = "qe_identity.json";
    struct piece *p;
    struct err e = {0};

    if (!collateral_document_find(j, PIECE_QE_IDENTITY, &name, &p, &e)) {
        if (e.reason == REASON_NO_MEMORY) {
            *err = e;
            return false;
        }
        fact_fail(j, FACT_qe_identity_signature, &e);
        fact_fail(j, FACT_qe_identity, &e);
        return true;
    }
    if (p == NULL) {
        fact_unknown(j, FACT_qe_identity_signature, REASON_COLLATERAL_ABSENT, "%s", name);
        fact_unknown(j, FACT_qe_identity, REASON_COLLATERAL_ABSENT, "%s", name);
        return true;
    }
    j->qe_piece = piece_ref(p);
    j->qe_identity = (const void *)p->parsed;
    enclave_judge(j);
    time_check(j, name, j->qe_identity->issued, j->qe_identity->next_update, REASON_COLLATERAL_NOT_YET,
               REASON_COLLATERAL_EXPIRED);
    if (chain_signer_judge(j, FACT_qe_identity_signature, collateral_find(j, COLLATERAL_QE_CHAIN),
                           "qe_identity_issuer_chain.pem", &j->qe_chain)) {
        fact_signature(j, FACT_qe_identity_signature, p, j->qe_chain->certs[0].key_xy, j->qe_identity->sig.part,
                       j->qe_identity->sig.signature, REASON_COLLATERAL_SIGNATURE, name);
    }
    return true;
}
