/* The model store, in Ollama's layout, so that both can share one:
 *
 *     ROOT/manifests/HOST/NAMESPACE/MODEL/TAG   an image manifest (JSON); its SHA-256 is the model's ID
 *     ROOT/blobs/sha256-HEX                     layers and configurations, named by their digests
 *
 * ROOT is SOTTO_MODELS, or OLLAMA_MODELS, or ~/.sotto/models. A model is there when its manifest is, and that is
 * written last: after a crash at any moment the store holds the model as before or as after, and at most blobs that no
 * manifest names yet (putting the model in again takes them up) and a temporary file, which store_open() removes once
 * nobody holds it. Files: manifests and blobs are 0644, folders 0755.
 *
 * A store's root belongs to the operator; what lies in it is checked (STORE_FORM): digests and sizes have their form,
 * the blob has the size that the manifest says. Whether its bytes have the digest is seen by whoever reads them. */
#ifndef SOTTO_STORE_STORE_H
#define SOTTO_STORE_STORE_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "engine/engine.h"
#include "model/gguf.h"
#include "store/name.h"

#define STORE_PATH_MAX 4096

struct store {
    char root[STORE_PATH_MAX];
};

/* root NULL: as above. Need not exist yet. CONFIG_FORM if there is no HOME either or the path is too long. */
MUST_USE bool store_open(const char *root, struct store *out, struct err *err);

struct store_layer {
    uint8_t sha256[SHA256_SIZE];
    uint64_t size;
};

struct store_model {
    char name[STORE_NAME_SIZE];                  /* "smollm2:135m" */
    uint8_t id[SHA256_SIZE];                     /* of the manifest's bytes: what users know as ID and digest */
    struct store_layer files[LIMIT_MODEL_FILES]; /* the GGUF file; of a split model each, in order */
    size_t file_count;
    uint64_t size;                                              /* of all that the manifest names */
    int64_t modified;                                           /* unix */
    char format[16], family[65], parameters[32], file_type[16]; /* from the configuration; "" if it does not say */
    char unused[128]; /* kinds of layers that this version does not use, "params, template"; "" if none */
};

/* All models, sorted by name; *out is the caller's, free() it. A damaged one is left out, and *damaged (may be NULL)
 * gets the error of the first. */
MUST_USE bool store_list(const struct store *s, struct store_model **out, size_t *count, struct err *damaged,
                         struct err *err);

/* MODEL_NAME, MODEL_ABSENT, STORE_FORM. */
MUST_USE bool store_find(const struct store *s, const char *name, struct store_model *out, struct err *err);

/* One of the model's files, opened for reading; the caller closes it. STORE_FORM where it is missing or has another
 * size. */
MUST_USE bool store_open_file(const struct store *s, const struct store_model *m, size_t index, int *fd,
                              struct err *err);

struct store_import {
    const char *name;                /* under which it is put in; what was there is replaced */
    const struct engine_part *files; /* the GGUF file; of a split model each, in order */
    size_t file_count;
    const uint8_t *sha256;                                      /* demanded of the first file, or NULL */
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* may be NULL */
    void *arg;
};

/* Copies, hashes and checks the files, then names them. MODEL_DIGEST, GGUF_*, FILE_*. */
MUST_USE bool store_import(const struct store *s, const struct store_import *in, struct store_model *out,
                           struct err *err);

/* The metadata and tensor table of an open GGUF file, reading no more than they take: bytes holds them and must outlive
 * *out. Also for files outside of a store. GGUF_*, FILE_*. */
MUST_USE bool store_header(int fd, const char *path, struct buf *bytes, struct gguf *out, struct err *err);

/* The same of all files of a model, and what they are together. GGUF_SPLIT where they do not belong together. */
struct store_headers {
    struct buf *bytes;
    struct gguf *files, all;
    size_t count;
};
MUST_USE bool store_headers_read(const struct engine_part *files, size_t count, struct store_headers *out,
                                 struct err *err);
void store_headers_done(struct store_headers *h); /* an empty one is accepted */

#endif
