#include "crypto/tagged.h"

static void u64le_put(uint64_t v, uint8_t out[8])
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

void tagged_begin(struct hash *h, enum hash_alg alg, const char *tag)
{
    const struct bytes name = bytes_of_str(tag);
    const uint8_t len = (uint8_t)name.len;

    hash_init(h, alg);
    hash_add(h, bytes_of(&len, 1));
    hash_add(h, name);
}

void tagged_add(struct hash *h, struct bytes field)
{
    uint8_t len[8];

    u64le_put(field.len, len);
    hash_add(h, bytes_of(len, sizeof len));
    hash_add(h, field);
}

void tagged_hash(enum hash_alg alg, const char *tag, const struct bytes *fields, size_t count, uint8_t *out)
{
    struct hash h;

    tagged_begin(&h, alg, tag);
    for (size_t i = 0; i < count; i++) {
        tagged_add(&h, fields[i]);
    }
    hash_end(&h, out);
}
