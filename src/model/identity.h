/* What a model is, byte for byte (docs/formats.md, section 2): computed while its file is read, put into the manifest.
 */
#ifndef SOTTO_MODEL_IDENTITY_H
#define SOTTO_MODEL_IDENTITY_H

#include "base/buf.h"
#include "crypto/hash.h"

struct identity {
    uint64_t length;
    uint8_t sha256[SHA256_SIZE];           /* of the whole file */
    uint8_t tree_root[SHA256_SIZE];        /* RFC 6962 over chunks of 1 MiB */
    uint8_t tokenizer_sha256[SHA256_SIZE]; /* raw bytes of the pairs `tokenizer.*`, without the chat template */
    uint8_t template_sha256[SHA256_SIZE];  /* the chat template's exact bytes; of nothing if there is none */
};

/* Hashes a file that arrives in order, in pieces of any size: whole-file digest and tree. */
struct identity_reader;
MUST_USE bool identity_reader_new(struct identity_reader **out, struct err *err);
MUST_USE bool identity_reader_add(struct identity_reader *r, struct bytes piece, struct err *err);
/* length, sha256 and tree_root; the other two are gguf's to fill (model/gguf.h). */
MUST_USE bool identity_reader_end(struct identity_reader *r, struct identity *out, struct err *err);
void identity_reader_free(struct identity_reader *r);

#endif
