#include "crypto/tree.h"

#define LEAF 0x00
#define NODE 0x01

void tree_leaf(struct bytes data, uint8_t out[SHA256_SIZE])
{
    const uint8_t prefix = LEAF;
    struct hash h;

    hash_init(&h, HASH_SHA256);
    hash_add(&h, bytes_of(&prefix, 1));
    hash_add(&h, data);
    hash_end(&h, out);
}

/* out may be left or right. */
static void node_hash(const uint8_t left[SHA256_SIZE], const uint8_t right[SHA256_SIZE], uint8_t out[SHA256_SIZE])
{
    const uint8_t prefix = NODE;
    struct hash h;

    hash_init(&h, HASH_SHA256);
    hash_add(&h, bytes_of(&prefix, 1));
    hash_add(&h, bytes_of(left, SHA256_SIZE));
    hash_add(&h, bytes_of(right, SHA256_SIZE));
    hash_end(&h, out);
}

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
    node_hash(left, right, out);
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

/* RFC 9162, section 2.1.3.2: the same walk from the leaf upwards, without the other leaves. */
bool tree_path_root(const uint8_t leaf[SHA256_SIZE], size_t index, size_t count, const uint8_t (*path)[SHA256_SIZE],
                    size_t path_len, uint8_t out[SHA256_SIZE])
{
    uint8_t r[SHA256_SIZE];
    size_t fn = index, sn = count - 1;

    if (index >= count) {
        return false;
    }
    memcpy(r, leaf, sizeof r);
    for (size_t i = 0; i < path_len; i++) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) != 0 || fn == sn) {
            node_hash(path[i], r, r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            node_hash(r, path[i], r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0) {
        return false;
    }
    memcpy(out, r, sizeof r);
    return true;
}
