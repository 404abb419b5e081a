/* The hash tree of RFC 6962, section 2.1, with SHA-256: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left ||
 * right), the left subtree the largest power of two smaller than the count. */
#ifndef SOTTO_CRYPTO_TREE_H
#define SOTTO_CRYPTO_TREE_H

#include "base/err.h"
#include "crypto/hash.h"

#define TREE_PATH_MAX 64

void tree_leaf(struct bytes data, uint8_t out[SHA256_SIZE]);
/* out may be left or right. */
void tree_node(const uint8_t left[SHA256_SIZE], const uint8_t right[SHA256_SIZE], uint8_t out[SHA256_SIZE]);

/* The root over count leaf hashes; of none: SHA-256 of nothing. */
void tree_root(const uint8_t (*leaves)[SHA256_SIZE], size_t count, uint8_t out[SHA256_SIZE]);

/* The audit path (section 2.1.1) of leaf index < count, from the leaf upwards. Returns its length. */
size_t tree_path(const uint8_t (*leaves)[SHA256_SIZE], size_t count, size_t index, uint8_t (*out)[SHA256_SIZE]);

/* The root that a leaf hash and a path lead to. False: the path does not have the length that index and count demand,
 * or index >= count. */
bool tree_path_root(const uint8_t leaf[SHA256_SIZE], size_t index, size_t count, const uint8_t (*path)[SHA256_SIZE],
                    size_t path_len, uint8_t out[SHA256_SIZE]);

#endif
