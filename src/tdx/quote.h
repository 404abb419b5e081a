/* A quote, versions 3 to 5 (Intel DCAP quote format): header, body, signature data. Reading; whether any
 * signature holds, verify/ decides.
 *
 *     0   u16 version, u16 attestation key type, u32 TEE type, v3: u16 QE SVN, u16 PCE SVN; else 4 bytes reserved,
 *         QE vendor id[16], user data[20]
 *     48  v3 (SGX) and v4: the body. v5: u16 body type, u32 body size, the body
 *     u32 length, then the signature data of that length:
 *         signature[64], attestation key[64], v4 and v5: u16 6, u32 length, and then of that length:
 *             QE report[384], its signature[64], u16 length, QE authentication data,
 *             u16 certification type, u32 length, certification data
 *
 * The quote's signature is over everything before the signature data's length. Bytes left inside are errors; bytes
 * behind the signature data are common (buffers of fixed size) and reported. */
#ifndef SOTTO_TDX_QUOTE_H
#define SOTTO_TDX_QUOTE_H

#include "tdx/report.h"

#define QUOTE_TEE_SGX 0x00
#define QUOTE_TEE_TDX 0x81
#define QUOTE_KEY_P256 2
#define QUOTE_CERTIFICATION_PPID 1         /* PPID[16], CPUSVN[16], u16 PCESVN, PCEID[2] */
#define QUOTE_CERTIFICATION_PPID_RSA2048 2 /* the same, the PPID encrypted into 256 bytes */
#define QUOTE_CERTIFICATION_PPID_RSA3072 3 /* into 384 */
#define QUOTE_CERTIFICATION_PCK_LEAF 4     /* PEM: the PCK certificate alone */
#define QUOTE_CERTIFICATION_PCK_CHAIN 5    /* PEM: leaf, intermediate, root */
#define QUOTE_CERTIFICATION_QE_REPORT 6
#define QUOTE_AUTH_MAX 1024

enum quote_body_type { /* as a version 5 quote spells them */
                       QUOTE_BODY_SGX = 1,
                       QUOTE_BODY_TD10 = 2,
                       QUOTE_BODY_TD15 = 3,
                       QUOTE_BODY_TD15EX = 4,
};

extern const uint8_t quote_vendor_intel[16];

struct quote { /* all struct bytes borrow from the input */
    uint16_t version, key_type;
    uint32_t tee_type;
    uint8_t reserved[4]; /* v3: the QE's and the PCE's SVN, which nothing signs but the quote itself: never judged by */
    uint8_t vendor[16], user_data[20];
    enum quote_body_type body_type;
    struct td_body td;   /* of the QUOTE_BODY_TDs */
    struct sgx_body sgx; /* of QUOTE_BODY_SGX */
    struct bytes signed_part;
    struct bytes signature, key; /* 64 each */
    struct bytes qe_report_part; /* what qe_signature is over */
    struct sgx_body qe_report;
    struct bytes qe_signature, qe_auth;
    uint16_t certification_type; /* 1..5: Intel's verifier takes no other */
    struct bytes certification;
    struct bytes ppid, pceid; /* types 1 to 3; ppid is empty where it is encrypted */
    struct bytes trailing;    /* behind the signature data */
};

/* QUOTE_VERSION, QUOTE_KEY_TYPE, QUOTE_TEE_TYPE, QUOTE_BODY_TYPE, QUOTE_CERTIFICATION, BYTES_SHORT, BYTES_LEFT. */
MUST_USE bool quote_parse(struct bytes in, struct quote *out, struct err *err);

static inline bool quote_is_tdx(const struct quote *q)
{
    return q->body_type != QUOTE_BODY_SGX;
}

const uint8_t *quote_report_data(const struct quote *q); /* 64 bytes; borrowed from q */

#endif
