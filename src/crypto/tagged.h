/* The tagged hash of docs/formats.md, section 1: every hash of ours says what it is of, and each field's length is
 * hashed before the field.
 *
 *     TH(alg, tag, f1, f2, ...) = alg(u8 length of tag, tag, u64le length of f1, f1, ...) */
#ifndef SOTTO_CRYPTO_TAGGED_H
#define SOTTO_CRYPTO_TAGGED_H

#include "crypto/hash.h"

/* tag: ASCII, at most 255 characters. hash_size(alg) bytes into out. */
void tagged_hash(enum hash_alg alg, const char *tag, const struct bytes *fields, size_t count, uint8_t *out);

/* The same field by field: begin, any number of add, hash_end(). */
void tagged_begin(struct hash *h, enum hash_alg alg, const char *tag);
void tagged_add(struct hash *h, struct bytes field);

#endif
