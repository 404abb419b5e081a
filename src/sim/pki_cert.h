/* Certificates and CRLs as DER, in the profile of Intel's provisioning chain (RFC 5280; Intel, "SGX PCK Certificate and
 * Certificate Revocation List Profile Specification"): v3, ECDSA with SHA-256 on P-256, five extensions, and the SGX
 * extension in a PCK certificate. Inside of sim/ only: pki.h says what is issued. */
#ifndef SOTTO_SIM_PKI_CERT_H
#define SOTTO_SIM_PKI_CERT_H

#include "base/buf.h"
#include "crypto/key.h"
#include "sim/setup.h"

#define PKI_SERIAL_SIZE 16
#define PKI_REVOKED_MAX 4

struct pki_form {
    const char *common_name;
    bool ca;
    unsigned path_len; /* of a CA */
};

struct pki_cert {
    const struct pki_form *form, *issuer_form;
    const struct key *key, *issuer_key;
    uint8_t serial[PKI_SERIAL_SIZE];
    struct setup_window window;
    const struct setup *sgx; /* NULL: no SGX extension */
    const uint8_t *instance; /* 16 bytes: the platform instance id of that extension */
};
MUST_USE bool pki_cert_print(const struct pki_cert *c, struct buf *out, struct err *err);

/* SEQUENCE { tbs, algorithm, signature } around anything: what printed above, or a test's change of it. */
MUST_USE bool pki_cert_sign(struct bytes tbs, const struct key *k, struct buf *out, struct err *err);

struct pki_list {
    const struct pki_form *form;
    const struct key *key;
    struct setup_window window;
    uint64_t number;
    uint8_t serials[PKI_REVOKED_MAX][PKI_SERIAL_SIZE];
    size_t count;
};
MUST_USE bool pki_cert_list_print(const struct pki_list *l, struct buf *out, struct err *err);

#endif
