/* All that verify/ asks of a cryptographic library beside crypto/hash.h: public-key checks over given bytes. A second
 * implementation of this page comes with the browser. Public data only; no state; any thread. */
#ifndef SOTTO_CRYPTO_SIG_H
#define SOTTO_CRYPTO_SIG_H

#include "base/bytes.h"
#include "base/err.h"

enum sig_curve {
    SIG_P256, /* key x || y 64 bytes, signature r || s 64 bytes, digest SHA-256 */
    SIG_P384, /* key 96 bytes, signature 96 bytes, digest SHA-384 */
};

/* ECDSA over the digest of message (SHA-256 for P-256, SHA-384 for P-384).
 * SIGNATURE_FORM: a length is wrong, the point is not on the curve, r or s is not in 1..n-1. SIGNATURE_WRONG.
 * CRYPTO_FAILED: the library could not, which says nothing about the signature. */
MUST_USE bool sig_check(enum sig_curve curve, struct bytes key_xy, struct bytes message, struct bytes rs,
                        struct err *err);

#endif
