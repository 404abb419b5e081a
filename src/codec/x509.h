/* X.509 certificates and CRLs (RFC 5280) of the profile that Intel's provisioning chain uses: v3, ECDSA with SHA-256 on
 * P-256. Reading only: whether a chain holds, verify/ decides. All fields are borrowed from the input. */
#ifndef SOTTO_CODEC_X509_H
#define SOTTO_CODEC_X509_H

#include "codec/der.h"

#define X509_EXTENSIONS_MAX 16
#define X509_KEY_CERT_SIGN \
    0x04 /* bits of keyUsage's first byte, the most significant bit first (RFC 5280, section 4.2.1.3) */
#define X509_CRL_SIGN 0x02
#define X509_DIGITAL_SIGNATURE 0x80

struct x509_extension {
    struct bytes oid; /* content bytes of the OBJECT IDENTIFIER */
    bool critical;
    struct cursor value; /* content of the OCTET STRING */
};

struct x509 {
    struct bytes whole, tbs;      /* tbs: what is signed */
    uint8_t signature[64];        /* r || s */
    struct bytes serial;          /* without sign byte; up to 20 */
    struct bytes issuer, subject; /* the whole Names, DER */
    char common_name[64];         /* of the subject; "" if it has none or a longer one */
    int64_t not_before, not_after;
    uint8_t key_xy[64];
    struct bytes authority_key_id, subject_key_id; /* empty: none */
    bool has_basic_constraints, ca;
    int path_len;       /* -1: no limit */
    unsigned key_usage; /* bits above; 0: none given */
    struct x509_extension extensions[X509_EXTENSIONS_MAX];
    size_t extension_count;
};

/* The whole input is one certificate. X509_FORM, X509_ALGORITHM, X509_EXTENSION (repeated, or critical and unknown),
 * DER_*. */
MUST_USE bool x509_parse(struct bytes der, struct x509 *out, struct err *err);
const struct x509_extension *x509_extension_get(const struct x509 *x, struct bytes oid); /* NULL: none */

struct x509_crl {
    struct bytes tbs;
    uint8_t signature[64];
    struct bytes issuer; /* the whole Name, DER */
    int64_t this_update, next_update;
    struct bytes authority_key_id; /* empty: none */
    struct cursor revoked;         /* content of revokedCertificates; empty: none. Already checked for form */
    size_t revoked_count;
};

/* CRL_FORM (also without a number), X509_ALGORITHM, X509_EXTENSION (repeated, or critical and unknown, entries' too),
 * DER_*. */
MUST_USE bool x509_crl_parse(struct bytes der, struct x509_crl *out, struct err *err);
bool x509_crl_lists(const struct x509_crl *crl, struct bytes serial);

#endif
