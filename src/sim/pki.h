/* The simulator's own PKI, in the shape of Intel's provisioning chain: root -> platform CA -> PCK, root -> TCB signer,
 * and the CRLs of root and platform CA. All keys derive from 32 bytes; signatures are random, so that certificates that
 * must stay what they are (policies name the root by its SHA-256) are kept with the seed.
 *
 * Nobody can take it for Intel's: the root's subject is "CN=SIMULATED SGX Root CA, O=no security, C=ZZ". */
#ifndef SOTTO_SIM_PKI_H
#define SOTTO_SIM_PKI_H

#include "base/buf.h"
#include "crypto/key.h"
#include "sim/setup.h"

#define PKI_SEED_SIZE 32

enum pki_role {
    PKI_ROOT,
    PKI_CA,     /* platform CA */
    PKI_PCK,    /* the platform's own certificate */
    PKI_SIGNER, /* of TCB info and QE identity */
    PKI_ROLES,
};

struct pki {
    struct key *keys[PKI_ROLES];
    struct key *attestation;     /* the quoting enclave's */
    struct buf certs[PKI_ROLES]; /* DER */
    uint8_t mac_key[32];         /* of TD reports */
    uint8_t id[32];              /* of the installation; public */
};

/* Keys, and certificates newly signed as the setup has them. */
MUST_USE bool pki_new(const uint8_t seed[PKI_SEED_SIZE], const struct setup *s, struct pki *out, struct err *err);
/* Keys, and certificates that pki_save() wrote. SIM_STATE. */
MUST_USE bool pki_load(const uint8_t seed[PKI_SEED_SIZE], struct bytes saved, struct pki *out, struct err *err);
MUST_USE bool pki_save(const struct pki *p, struct buf *out, struct err *err); /* PEM, in the order of the roles */
void pki_done(struct pki *p);

void pki_root_sha256(const struct pki *p, uint8_t out[32]); /* what a policy names */

/* A certificate or list that a test has changed, signed again by a key of this PKI, so that nothing but the change is
 * wrong. */
MUST_USE bool pki_sign_again(const struct pki *p, enum pki_role issuer, struct buf *der, struct err *err);

/* Certificates as PEM, the leaf first. PKI_PCK: PCK, platform CA, root; PKI_CA: platform CA, root; PKI_SIGNER: signer,
 * root. */
MUST_USE bool pki_chain(const struct pki *p, enum pki_role leaf, struct buf *out, struct err *err);

/* DER, appended. role: PKI_ROOT or PKI_CA. */
MUST_USE bool pki_crl(const struct pki *p, enum pki_role role, const struct setup *s, struct buf *out, struct err *err);

#endif
