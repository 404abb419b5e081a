#include "crypto/tagged.h"

#include <endian.h>

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
    const uint64_t len = htole64(field.len);

    hash_add(h, bytes_of(&len, sizeof len));
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
