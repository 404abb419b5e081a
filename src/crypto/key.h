/* P-256 key pairs of our own: made here or from 32 given bytes, never exported. Programs that sign: the service's
 * gateway (receipts, TLS), sotto-attestd (tokens), sotto-sim (its PKI). A struct key is used by one thread at a time.
 */
#ifndef SOTTO_CRYPTO_KEY_H
#define SOTTO_CRYPTO_KEY_H

#include "base/buf.h"

struct key;

MUST_USE bool key_new(struct key **out, struct err *err);
/* Deterministic: the private scalar is derived from seed and label (HKDF-SHA256, rejection of 0 and of >= n). */
MUST_USE bool key_derive(struct bytes seed, const char *label, struct key **out, struct err *err);
/* PKCS#8 or SEC 1 PEM. */
MUST_USE bool key_from_pem(struct bytes pem, struct key **out, struct err *err);
MUST_USE bool key_to_pem(const struct key *k, struct buf *out, struct err *err); /* PKCS#8; for files of mode 0600 */
void key_free(struct key *k);

void key_public(const struct key *k, uint8_t xy[64]);

/* SubjectPublicKeyInfo, DER. */
MUST_USE bool key_spki(const struct key *k, struct buf *out, struct err *err);

/* ECDSA with SHA-256 over message; r || s. */
MUST_USE bool key_sign(const struct key *k, struct bytes message, uint8_t rs[64], struct err *err);

/* A self-signed TLS certificate (CN and subjectAltName from names: host names and addresses), DER. */
MUST_USE bool key_self_signed(const struct key *k, const char *const *names, size_t count, int64_t not_before,
                              int64_t not_after, struct buf *der, struct err *err);

/* The OpenSSL key (EVP_PKEY *), for net/tls alone. Borrowed. */
void *key_native(const struct key *k);

#endif
