/* JWS compact serialisation (RFC 7515) for ES256; the algorithm is that of the key, never chosen by the token. */
#ifndef SOTTO_CRYPTO_JOSE_H
#define SOTTO_CRYPTO_JOSE_H

#include "base/buf.h"
#include "crypto/jwk.h"
#include "crypto/key.h"

/* header.payload.signature: header {"alg":"ES256","kid":thumbprint,"typ":typ}; payload: exact JSON bytes. */
MUST_USE bool jose_sign(struct buf *out, const struct key *k, const char *typ, struct bytes payload, struct err *err);

/* Checks a token that jose_sign() made with one key, and appends the payload's bytes. The header must be exactly the
 * one that the key and typ give, so a token cannot choose its algorithm. JOSE_FORM, JOSE_KEY, SIGNATURE_WRONG. Claims
 * are the caller's to judge. */
MUST_USE bool jose_check(struct bytes token, const uint8_t xy[64], const char *typ, struct buf *payload,
                         struct err *err);

#endif
