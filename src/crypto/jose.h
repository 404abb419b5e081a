/* JWS compact serialisation (RFC 7515), JWK (RFC 7517) and thumbprints (RFC 7638) for ES256; the algorithm is that of
 * the key, never chosen by the token. */
#ifndef SOTTO_CRYPTO_JOSE_H
#define SOTTO_CRYPTO_JOSE_H

#include "base/buf.h"
#include "crypto/key.h"

#define JOSE_KID_SIZE 44 /* base64url of SHA-256, zero-terminated */

/* The RFC 7638 thumbprint of a P-256 public key. */
MUST_USE bool jose_thumbprint(const uint8_t xy[64], char out[JOSE_KID_SIZE], struct err *err);

/* {"alg":"ES256","crv":"P-256","kid":...,"kty":"EC","use":"sig","x":...,"y":...}, RFC 8785 bytes. */
MUST_USE bool jose_jwk_add(struct buf *out, const uint8_t xy[64], struct err *err);

/* header.payload.signature: header {"alg":"ES256","kid":thumbprint,"typ":typ}; payload: exact JSON bytes. */
MUST_USE bool jose_sign(struct buf *out, const struct key *k, const char *typ, struct bytes payload, struct err *err);

/* Checks a token that jose_sign() made with one key, and appends the payload's bytes. The header must be exactly the
 * one that the key and typ give, so a token cannot choose its algorithm. JOSE_FORM, JOSE_KEY, SIGNATURE_WRONG. Claims
 * are the caller's to judge. */
MUST_USE bool jose_check(struct bytes token, const uint8_t xy[64], const char *typ, struct buf *payload,
                         struct err *err);

#endif
