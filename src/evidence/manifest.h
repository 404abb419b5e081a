/* The model manifest (docs/formats.md, section 2): what the `model` event carries and clients demand. */
#ifndef SOTTO_EVIDENCE_MANIFEST_H
#define SOTTO_EVIDENCE_MANIFEST_H

#include "base/buf.h"
#include "codec/json.h"
#include "crypto/hash.h"

struct manifest_file {
    char name[256]; /* no folder */
    uint64_t length;
    uint8_t sha256[SHA256_SIZE]; /* of the whole file: the digest that registries use */
    uint8_t tree_root[SHA256_SIZE];
    uint8_t file_id[SHA384_SIZE];
};

struct manifest {
    char name[256];                    /* "smollm2:135m" */
    const struct manifest_file *files; /* owner: whoever made the manifest; of a parsed one manifest_done() frees it */
    size_t file_count;
    uint8_t model_id[SHA384_SIZE];
    uint8_t tokenizer_sha256[SHA256_SIZE], template_sha256[SHA256_SIZE], defaults_sha256[SHA256_SIZE];
};

#define MANIFEST_CHUNK 1048576 /* bytes of the file to one leaf of its tree */

/* TH(SHA-384, "sotto/model/v1", u64le length, u32le chunk, root) */
void manifest_file_id(uint64_t length, const uint8_t tree_root[SHA256_SIZE], uint8_t out[SHA384_SIZE]);
/* One file: its file_id; several: TH(SHA-384, "sotto/model-set/v1", file ids in order). */
void manifest_model_id(const struct manifest_file *files, size_t count, uint8_t out[SHA384_SIZE]);

MUST_USE bool manifest_print(const struct manifest *m, struct buf *out, struct err *err); /* RFC 8785 bytes */
/* MANIFEST_FORM; model_id and file ids must follow from what they are computed from. */
MUST_USE bool manifest_parse(const json_t *value, struct manifest *out, struct err *err);
void manifest_done(struct manifest *m); /* of a parsed one */

#endif
