#include "crypto/tagged.h"

static void u64le_put(uint64_t v, uint8_t out[8])
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

void tagged_hash(enum hash_alg alg, const char *tag, const struct bytes *fields, size_t count, uint8_t *out)
{
    struct bytes name = bytes_of_str(tag);
    uint8_t tag_len = (uint8_t)name.len;
    uint8_t len[8];
    struct hash h;

    hash_init(&h, alg);
    hash_add(&h, bytes_of(&tag_len, 1));
    hash_add(&h, name);
    for (size_t i = 0; i < count; i++) {
        u64le_put(fields[i].len, len);
        hash_add(&h, bytes_of(len, sizeof len));
        hash_add(&h, fields[i]);
    }
    hash_end(&h, out);
}
