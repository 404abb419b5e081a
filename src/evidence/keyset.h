/* The key set (docs/formats.md, section 4): the public keys that a quote binds, carried as exact RFC 8785 bytes. */
#ifndef SOTTO_EVIDENCE_KEYSET_H
#define SOTTO_EVIDENCE_KEYSET_H

#include "base/buf.h"
#include "crypto/hash.h"

struct keyset {
    uint8_t node[16];            /* drawn at the start of the service */
    uint8_t tls_spki_sha256[32]; /* of the TLS certificate's SubjectPublicKeyInfo */
    uint8_t hpke_public_key[32]; /* X25519; key_id 1. All zero: none yet ("hpke":[]) */
    uint8_t receipt_xy[64];      /* P-256; signs receipts */
    uint8_t web_sha384[48];      /* of the page's manifest */
    int64_t not_before, not_after;
};

/* Exact bytes, appended. */
MUST_USE bool keyset_print(const struct keyset *k, struct buf *out, struct err *err);

/* KEYSET_FORM: not canonical, unknown, missing or repeated members, a kid that is not the key's thumbprint. */
MUST_USE bool keyset_parse(struct bytes text, struct keyset *out, struct err *err);

#endif
