/* JWK (RFC 7517) and thumbprints (RFC 7638) of P-256 public keys: hashes and text, no key of OpenSSL's. */
#ifndef SOTTO_CRYPTO_JWK_H
#define SOTTO_CRYPTO_JWK_H

#include "base/buf.h"

#define JWK_KID_SIZE 44 /* base64url of SHA-256, zero-terminated */

/* The RFC 7638 thumbprint of a P-256 public key. */
MUST_USE bool jwk_thumbprint(const uint8_t xy[64], char out[JWK_KID_SIZE], struct err *err);

/* {"alg":"ES256","crv":"P-256","kid":...,"kty":"EC","use":"sig","x":...,"y":...}, RFC 8785 bytes. */
MUST_USE bool jwk_add(struct buf *out, const uint8_t xy[64], struct err *err);

#endif
