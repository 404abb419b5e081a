#include "model/identity.h"

#include "crypto/tree.h"

#include <stdlib.h>

#define CHUNK 1048576

struct identity_reader {
    struct hash whole, leaf;
    uint64_t length;
    size_t in_leaf; /* bytes of the chunk that have come */
    struct buf leaves;
};

static void leaf_begin(struct identity_reader *r)
{
    static const uint8_t prefix = 0; /* RFC 6962, 2.1: leaf = SHA-256(0x00 || data) */

    hash_init(&r->leaf, HASH_SHA256);
    hash_add(&r->leaf, bytes_of(&prefix, 1));
    r->in_leaf = 0;
}

bool identity_reader_new(struct identity_reader **out, struct err *err)
{
    struct identity_reader *r = calloc(1, sizeof *r);

    if (r == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", sizeof *r);
    }
    r->leaves = BUF(SIZE_MAX / 2);
    hash_init(&r->whole, HASH_SHA256);
    leaf_begin(r);
    *out = r;
    return true;
}

static bool leaf_end(struct identity_reader *r, struct err *err)
{
    uint8_t *out;

    if (!buf_room(&r->leaves, SHA256_SIZE, &out, err)) {
        return false;
    }
    hash_end(&r->leaf, out);
    buf_grew(&r->leaves, SHA256_SIZE);
    leaf_begin(r);
    return true;
}

bool identity_reader_add(struct identity_reader *r, struct bytes piece, struct err *err)
{
    for (size_t done = 0; done < piece.len;) {
        size_t n = piece.len - done;
        struct bytes part;

        n = n < CHUNK - r->in_leaf ? n : CHUNK - r->in_leaf;
        part = bytes_of(piece.p + done, n);
        hash_add(&r->whole, part);
        hash_add(&r->leaf, part);
        r->in_leaf += n;
        r->length += n;
        done += n;
        if (r->in_leaf == CHUNK && !leaf_end(r, err)) {
            return false;
        }
    }
    return true;
}

bool identity_reader_end(struct identity_reader *r, struct identity *out, struct err *err)
{
    void *leaves;

    if (r->in_leaf != 0 && !leaf_end(r, err)) {
        return false;
    }
    leaves = r->leaves.p;
    out->length = r->length;
    hash_end(&r->whole, out->sha256);
    tree_root(leaves, r->leaves.len / SHA256_SIZE, out->tree_root);
    return true;
}

void identity_reader_free(struct identity_reader *r)
{
    if (r != NULL) {
        buf_done(&r->leaves);
        free(r);
    }
}
