/* SHA-2 (FIPS 180-4). No allocation, no failure; the state is the caller's. */
#ifndef SOTTO_CRYPTO_HASH_H
#define SOTTO_CRYPTO_HASH_H

#include "base/bytes.h"

enum hash_alg {
    HASH_SHA256,
    HASH_SHA384,
    HASH_SHA512,
};

#define SHA256_SIZE 32
#define SHA384_SIZE 48
#define SHA512_SIZE 64
#define HASH_SIZE_MAX 64

size_t hash_size(enum hash_alg alg);

void hash_bytes(enum hash_alg alg, struct bytes b, uint8_t *out); /* hash_size(alg) bytes into out */

/* Piece by piece: init, any number of add, one end. */
struct hash {
    enum hash_alg alg;
    uint64_t state[32]; /* opaque */
};

void hash_init(struct hash *h, enum hash_alg alg);
void hash_add(struct hash *h, struct bytes b);
void hash_end(struct hash *h, uint8_t *out);

/* What a TDX module does with a register: SHA-384(register || digest). */
static inline void hash_extend(uint8_t reg[SHA384_SIZE], const uint8_t digest[SHA384_SIZE])
{
    struct hash h;

    hash_init(&h, HASH_SHA384);
    hash_add(&h, bytes_of(reg, SHA384_SIZE));
    hash_add(&h, bytes_of(digest, SHA384_SIZE));
    hash_end(&h, reg);
}

#endif
