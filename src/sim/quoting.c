#include "sim/quoting.h"

#include "base/limits.h"
#include "codec/pem.h"
#include "crypto/hash.h"

#define AUTH_SIZE 32
#define SIGNATURE_AND_KEY 128
#define QE_ATTRIBUTES_INIT_PROVISION 0x11 /* of SGX attributes: initialised, with the provisioning key; no debug */

static unsigned body_type_get(const struct setup *s, unsigned version)
{
    static const unsigned usual[] = {[3] = QUOTE_BODY_SGX, [4] = QUOTE_BODY_TD10, [5] = QUOTE_BODY_TD15};

    return s->body_type != 0 ? s->body_type : usual[version];
}

static bool header_print(const struct setup *s, unsigned version, unsigned type, struct buf *out, struct err *err)
{
    return buf_u16le(out, (uint16_t)version, err) && buf_u16le(out, QUOTE_KEY_P256, err) &&
           buf_u32le(out, type == QUOTE_BODY_SGX ? QUOTE_TEE_SGX : QUOTE_TEE_TDX, err) &&
           buf_u16le(out, version == 3 ? s->qe_isvsvn : 0, err) && buf_u16le(out, version == 3 ? s->pcesvn : 0, err) &&
           buf_add(out, quote_vendor_intel, sizeof quote_vendor_intel, err) &&
           buf_add(out, s->user_data, sizeof s->user_data, err);
}

static bool sgx_body_print(const struct setup *s, const struct td_body *b, struct buf *out, struct err *err)
{
    uint8_t body[SGX_BODY_SIZE] = {0};

    memcpy(body + SGX_BODY_CPUSVN, s->cpusvn, sizeof s->cpusvn);
    body[SGX_BODY_ATTRIBUTES] = s->sgx_attributes;
    memcpy(body + SGX_BODY_MRENCLAVE, s->mrenclave, sizeof s->mrenclave);
    memcpy(body + SGX_BODY_MRSIGNER, s->mrsigner, sizeof s->mrsigner);
    memcpy(body + SGX_BODY_REPORT_DATA, b->report_data, sizeof b->report_data);
    return buf_add(out, body, sizeof body, err);
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
    static const uint32_t sizes[] = {[QUOTE_BODY_SGX] = SGX_BODY_SIZE,
                                     [QUOTE_BODY_TD10] = TD_BODY_SIZE,
                                     [QUOTE_BODY_TD15] = TD_BODY_15_SIZE,
                                     [QUOTE_BODY_TD15EX] = TD_BODY_15EX_SIZE};
    const unsigned type = body_type_get(s, version);

    if (!header_print(s, version, type, out, err) ||
        (version == 5 && (!buf_u16le(out, (uint16_t)type, err) || !buf_u32le(out, sizes[type], err)))) {
        return false;
    }
    if (type == QUOTE_BODY_SGX) {
        return sgx_body_print(s, b, out, err);
    }
    return body_print(b, type != QUOTE_BODY_TD10, out, err) &&
           (type != QUOTE_BODY_TD15EX || buf_zero(out, TD_BODY_15EX_SIZE - TD_BODY_15_SIZE, err));
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

/* The PCK chain (type 5, with the zero byte that Intel's has), its leaf alone, or which platform it is of. */
static bool pck_print(const struct pki *p, const struct setup *s, struct buf *out, struct err *err)
{
    static const size_t encrypted[] = {0, 0, 256, 384};

    if (s->certification_type == QUOTE_CERTIFICATION_PCK_CHAIN) {
        return pki_chain(p, PKI_PCK, out, err) && buf_u8(out, 0, err);
    }
    if (s->certification_type == QUOTE_CERTIFICATION_PCK_LEAF) {
        return pem_add(out, "CERTIFICATE", buf_bytes(&p->certs[PKI_PCK]), err);
    }
    return (s->certification_type == QUOTE_CERTIFICATION_PPID ? buf_add(out, s->ppid, sizeof s->ppid, err)
                                                              : buf_zero(out, encrypted[s->certification_type], err)) &&
           buf_add(out, s->cpusvn, sizeof s->cpusvn, err) && buf_u16le(out, s->pcesvn, err) &&
           buf_add(out, s->pceid, sizeof s->pceid, err);
}

/* Certification data of type 6: the QE report, its signature, authentication data, and what leads to the PCK chain. */
static bool certification_print(const struct pki *p, const struct setup *s, const uint8_t key_xy[64], struct buf *out,
                                struct err *err)
{
    uint8_t auth[AUTH_SIZE], report[SGX_BODY_SIZE], rs[64];
    struct buf pck = BUF(LIMIT_CHAIN);
    bool ok;

    for (size_t i = 0; i < AUTH_SIZE; i++) { /* as Intel's reference enclave fills it */
        auth[i] = (uint8_t)i;
    }
    qe_report_form(s, key_xy, auth, report);
    ok = key_sign(p->keys[PKI_PCK], bytes_of(report, sizeof report), rs, err) && pck_print(p, s, &pck, err) &&
         buf_add(out, report, sizeof report, err) && buf_add(out, rs, sizeof rs, err) &&
         buf_u16le(out, AUTH_SIZE, err) && buf_add(out, auth, sizeof auth, err) &&
         buf_u16le(out, (uint16_t)s->certification_type, err) && buf_u32le(out, (uint32_t)pck.len, err) &&
         buf_add(out, pck.p, pck.len, err);
    buf_done(&pck);
    return ok;
}

bool quoting_quote(const struct pki *p, const struct setup *s, const struct td_body *body, unsigned version,
                   struct buf *out, struct err *err)
{
    struct buf quote = BUF(LIMIT_QUOTE), certification = BUF(LIMIT_QUOTE);
    const size_t outer = version == 3 ? 0 : 6; /* type and size of what certifies the key */
    uint8_t key_xy[64], rs[64];
    bool ok;

    if (version < 3 || version > 5) {
        return FAIL(err, REASON_QUOTE_VERSION, ERR_NOWHERE, "version %u, not 3, 4 or 5", version);
    }
    key_public(p->attestation, key_xy);
    ok = signed_print(s, body, version, &quote, err) && key_sign(p->attestation, buf_bytes(&quote), rs, err) &&
         certification_print(p, s, key_xy, &certification, err) &&
         buf_u32le(&quote, (uint32_t)(SIGNATURE_AND_KEY + outer + certification.len), err) &&
         buf_add(&quote, rs, sizeof rs, err) && buf_add(&quote, key_xy, sizeof key_xy, err) &&
         (outer == 0 || (buf_u16le(&quote, QUOTE_CERTIFICATION_QE_REPORT, err) &&
                         buf_u32le(&quote, (uint32_t)certification.len, err))) &&
         buf_add(&quote, certification.p, certification.len, err) && buf_add(out, quote.p, quote.len, err);
    buf_done(&certification);
    buf_done(&quote);
    return ok;
}
