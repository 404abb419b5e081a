/* Whole trees, of who has all leaves: a verifier has a path. */
#include "crypto/tree.h"

/* The largest power of two smaller than count, which is at least 2. */
static size_t split(size_t count)
{
    size_t k = 1;

    while (k < count - k) {
        k *= 2;
    }
    return k;
}

/* Recursion as deep as the tree is high: at most 64. */
void tree_root(const uint8_t (*leaves)[SHA256_SIZE], size_t count, uint8_t out[SHA256_SIZE])
{
    uint8_t left[SHA256_SIZE], right[SHA256_SIZE];
    size_t k;

    if (count == 0) {
        hash_bytes(HASH_SHA256, bytes_of(NULL, 0), out);
        return;
    }
    if (count == 1) {
        memcpy(out, leaves[0], SHA256_SIZE);
        return;
    }
    k = split(count);
    tree_root(leaves, k, left);
    tree_root(leaves + k, count - k, right);
    tree_node(left, right, out);
}

size_t tree_path(const uint8_t (*leaves)[SHA256_SIZE], size_t count, size_t index, uint8_t (*out)[SHA256_SIZE])
{
    size_t k, n;

    if (count <= 1) {
        return 0;
    }
    k = split(count);
    if (index < k) {
        n = tree_path(leaves, k, index, out);
        tree_root(leaves + k, count - k, out[n]);
    } else {
        n = tree_path(leaves + k, count - k, index - k, out);
        tree_root(leaves, k, out[n]);
    }
    return n + 1;
}
