#include "sim/quoting.h"

#include "base/limits.h"
#include "crypto/hash.h"

#define AUTH_SIZE 32
#define SIGNATURE_AND_KEY 128
#define QE_ATTRIBUTES_INIT_PROVISION 0x11 /* of SGX attributes: initialised, with the provisioning key; no debug */

static bool header_print(const struct setup *s, unsigned version, struct buf *out, struct err *err)
{
    return buf_u16le(out, (uint16_t)version, err) && buf_u16le(out, QUOTE_KEY_P256, err) &&
           buf_u32le(out, QUOTE_TEE_TDX, err) && buf_zero(out, 4, err) &&
           buf_add(out, quote_vendor_intel, sizeof quote_vendor_intel, err) &&
           buf_add(out, s->user_data, sizeof s->user_data, err);
}

static bool body_print(const struct td_body *b, bool is_15, struct buf *out, struct err *err)
{
    return buf_add(out, b->tee_tcb_svn, sizeof b->tee_tcb_svn, err) && buf_add(out, b->mrseam, sizeof b->mrseam, err) &&
           buf_add(out, b->mrsignerseam, sizeof b->mrsignerseam, err) && buf_u64le(out, b->seam_attributes, err) &&
           buf_u64le(out, b->td_attributes, err) && buf_u64le(out, b->xfam, err) &&
           buf_add(out, b->mrtd, sizeof b->mrtd, err) && buf_add(out, b->mrconfigid, sizeof b->mrconfigid, err) &&
           buf_add(out, b->mrowner, sizeof b->mrowner, err) &&
           buf_add(out, b->mrownerconfig, sizeof b->mrownerconfig, err) && buf_add(out, b->rtmr, sizeof b->rtmr, err) &&
           buf_add(out, b->report_data, sizeof b->report_data, err) &&
           (!is_15 || (buf_add(out, b->tee_tcb_svn_2, sizeof b->tee_tcb_svn_2, err) &&
                       buf_add(out, b->mrservicetd, sizeof b->mrservicetd, err)));
}

/* Header and body: what the attestation key signs. */
static bool signed_print(const struct setup *s, const struct td_body *b, unsigned version, struct buf *out,
                         struct err *err)
{
    if (!header_print(s, version, out, err)) {
        return false;
    }
    if (version == 4) {
        return body_print(b, false, out, err);
    }
    return buf_u16le(out, QUOTE_BODY_TD15, err) && buf_u32le(out, TD_BODY_15_SIZE, err) &&
           body_print(b, true, out, err);
}

/* The quoting enclave's own report: it binds the attestation key. */
static void qe_report_form(const struct setup *s, const uint8_t key_xy[64], const uint8_t auth[AUTH_SIZE],
                           uint8_t out[SGX_BODY_SIZE])
{
    struct hash h;

    memset(out, 0, SGX_BODY_SIZE);
    memcpy(out, s->cpusvn, sizeof s->cpusvn);
    out[SGX_BODY_ATTRIBUTES] = QE_ATTRIBUTES_INIT_PROVISION;
    out[SGX_BODY_ATTRIBUTES + 8] = 0xe7; /* XFRM, which the identity's mask leaves out */
    memcpy(out + SGX_BODY_MRENCLAVE, s->qe_mrenclave, sizeof s->qe_mrenclave);
    memcpy(out + SGX_BODY_MRSIGNER, s->qe_mrsigner, sizeof s->qe_mrsigner);
    out[SGX_BODY_ISVPRODID] = (uint8_t)s->qe_isvprodid;
    out[SGX_BODY_ISVPRODID + 1] = (uint8_t)(s->qe_isvprodid >> 8);
    out[SGX_BODY_ISVSVN] = (uint8_t)s->qe_isvsvn;
    out[SGX_BODY_ISVSVN + 1] = (uint8_t)(s->qe_isvsvn >> 8);
    hash_init(&h, HASH_SHA256);
    hash_add(&h, bytes_of(key_xy, 64));
    hash_add(&h, bytes_of(auth, AUTH_SIZE));
    hash_end(&h, out + SGX_BODY_REPORT_DATA);
}

/* Certification data of type 6: the QE report, its signature, authentication data, and the PCK chain (type 5). */
static bool certification_print(const struct pki *p, const struct setup *s, const uint8_t key_xy[64], struct buf *out,
                                struct err *err)
{
    uint8_t auth[AUTH_SIZE], report[SGX_BODY_SIZE], rs[64];
    struct buf chain = BUF(LIMIT_CHAIN);
    bool ok;

    for (size_t i = 0; i < AUTH_SIZE; i++) { /* as Intel's reference enclave fills it */
        auth[i] = (uint8_t)i;
    }
    qe_report_form(s, key_xy, auth, report);
    ok = key_sign(p->keys[PKI_PCK], bytes_of(report, sizeof report), rs, err) && pki_chain(p, PKI_PCK, &chain, err) &&
         buf_u8(&chain, 0, err) && buf_add(out, report, sizeof report, err) && buf_add(out, rs, sizeof rs, err) &&
         buf_u16le(out, AUTH_SIZE, err) && buf_add(out, auth, sizeof auth, err) &&
         buf_u16le(out, QUOTE_CERTIFICATION_PCK_CHAIN, err) && buf_u32le(out, (uint32_t)chain.len, err) &&
         buf_add(out, chain.p, chain.len, err);
    buf_done(&chain);
    return ok;
}

bool quoting_quote(const struct pki *p, const struct setup *s, const struct td_body *body, unsigned version,
                   struct buf *out, struct err *err)
{
    struct buf quote = BUF(LIMIT_QUOTE), certification = BUF(LIMIT_QUOTE);
    uint8_t key_xy[64], rs[64];
    bool ok;

    if (version != 4 && version != 5) {
        return FAIL(err, REASON_QUOTE_VERSION, ERR_NOWHERE, "version %u, not 4 or 5", version);
    }
    key_public(p->attestation, key_xy);
    ok = signed_print(s, body, version, &quote, err) && key_sign(p->attestation, buf_bytes(&quote), rs, err) &&
         certification_print(p, s, key_xy, &certification, err) &&
         buf_u32le(&quote, (uint32_t)(SIGNATURE_AND_KEY + 6 + certification.len), err) &&
         buf_add(&quote, rs, sizeof rs, err) && buf_add(&quote, key_xy, sizeof key_xy, err) &&
         buf_u16le(&quote, QUOTE_CERTIFICATION_QE_REPORT, err) && buf_u32le(&quote, (uint32_t)certification.len, err) &&
         buf_add(&quote, certification.p, certification.len, err) && buf_add(out, quote.p, quote.len, err);
    buf_done(&certification);
    buf_done(&quote);
    return ok;
}
