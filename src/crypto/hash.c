/* The low-level calls neither allocate nor fail, which is what the verifier's warm path and the keeper want; EVP does
 * both. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct hash *)0)->state), "SHA-256 state");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(((struct hash *)0)->state), "SHA-512 state");

size_t hash_size(enum hash_alg alg)
{
    static const size_t sizes[] = {SHA256_SIZE, SHA384_SIZE, SHA512_SIZE};

    return sizes[alg];
}

void hash_init(struct hash *h, enum hash_alg alg)
{
    void *state = h->state;

    h->alg = alg;
    if (alg == HASH_SHA256) {
        (void)SHA256_Init(state);
    } else if (alg == HASH_SHA384) {
        (void)SHA384_Init(state);
    } else {
        (void)SHA512_Init(state);
    }
}

void hash_add(struct hash *h, struct bytes b)
{
    void *state = h->state;

    if (b.len == 0) {
        return;
    }
    if (h->alg == HASH_SHA256) {
        (void)SHA256_Update(state, b.p, b.len);
    } else {
        (void)SHA512_Update(state, b.p, b.len);
    }
}

void hash_end(struct hash *h, uint8_t *out)
{
    void *state = h->state;

    if (h->alg == HASH_SHA256) {
        (void)SHA256_Final(out, state);
    } else if (h->alg == HASH_SHA384) {
        (void)SHA384_Final(out, state);
    } else {
        (void)SHA512_Final(out, state);
    }
}

void hash_bytes(enum hash_alg alg, struct bytes b, uint8_t *out)
{
    struct hash h;

    hash_init(&h, alg);
    hash_add(&h, b);
    hash_end(&h, out);
}
