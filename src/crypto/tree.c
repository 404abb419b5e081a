#include "crypto/tree.h"

#define LEAF 0x00
#define NODE 0x01

static void prefixed(uint8_t prefix, struct bytes a, struct bytes b, uint8_t out[SHA256_SIZE])
{
    struct hash h;

    hash_init(&h, HASH_SHA256);
    hash_add(&h, bytes_of(&prefix, 1));
    hash_add(&h, a);
    hash_add(&h, b);
    hash_end(&h, out);
}

void tree_leaf(struct bytes data, uint8_t out[SHA256_SIZE])
{
    prefixed(LEAF, data, bytes_of(NULL, 0), out);
}

void tree_node(const uint8_t left[SHA256_SIZE], const uint8_t right[SHA256_SIZE], uint8_t out[SHA256_SIZE])
{
    prefixed(NODE, bytes_of(left, SHA256_SIZE), bytes_of(right, SHA256_SIZE), out);
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
            tree_node(path[i], r, r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_node(r, path[i], r);
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
