/* GGUF versions 2 and 3, little-endian (ggml docs/gguf.md), read strictly from bytes that someone else chose.
 *
 * A struct gguf borrows the bytes it was read from: names, strings, arrays and tensor data point into them, and they
 * must outlive it and must not change. What it allocates is its two tables, about 100 bytes a key and 110 a tensor;
 * counts are held against the file's length before that. Reading is for any thread once it is parsed.
 *
 * Refused, by the GGUF_* reasons with the offset in the file: another magic or version; counts that the file cannot
 * hold; keys or strings past the end; unknown types, nested arrays, bools other than 0 and 1; a key twice; an alignment
 * that is no power of two of 8 or more, or larger than the file; tensors with an empty, long or repeated name, no or
 * more than four dimensions, a dimension of 0, a product that overflows, an unknown type, rows that are no whole
 * blocks, an unaligned offset, data past the end or shared with another. Bytes behind the last tensor are allowed. */
#ifndef SOTTO_MODEL_GGUF_H
#define SOTTO_MODEL_GGUF_H

#include "base/arena.h"
#include "base/limits.h"
#include "model/identity.h"
#include "model/quant.h"

enum gguf_type { /* of metadata values, as GGUF numbers them */
                 GGUF_U8,
                 GGUF_I8,
                 GGUF_U16,
                 GGUF_I16,
                 GGUF_U32,
                 GGUF_I32,
                 GGUF_F32,
                 GGUF_BOOL,
                 GGUF_STR,
                 GGUF_ARRAY,
                 GGUF_U64,
                 GGUF_I64,
                 GGUF_F64,
                 GGUF_TYPE_COUNT,
};

struct gguf_pair {
    struct bytes key;
    struct bytes raw; /* the pair's own bytes: from the key's length to the end of the value */
    enum gguf_type type;
    enum gguf_type element; /* of an array; of anything else the type itself */
    uint64_t count;         /* elements of an array; else 1 */
    struct bytes value;     /* scalar or elements as they stand in the file; of a string its bytes without the length */
    size_t offset;          /* of value, in the file */
};

struct gguf_tensor {
    struct bytes name; /* 1..64 bytes, unique */
    const struct quant_type *type;
    uint32_t dim_count;             /* 1..4 */
    uint64_t dims[LIMIT_GGUF_DIMS]; /* dims[0] is contiguous and whole blocks; 1 beyond dim_count */
    uint64_t weights;               /* product of dims */
    uint64_t offset, size;          /* of its data, in the file, in bytes */
    size_t entry;                   /* where its row of the tensor table begins, for messages */
    uint32_t part;                  /* which file of a split model has it; 0 of any other */
};

struct gguf {
    uint32_t version, alignment;
    const struct gguf_pair *pairs; /* in file order */
    size_t pair_count;
    const struct gguf_tensor *tensors; /* in file order */
    size_t tensor_count;
    uint64_t data_start;        /* where the data section begins, aligned */
    uint64_t file_length;       /* of the whole file */
    struct bytes file;          /* what was given: the whole file, or its start */
    const struct bytes *files;  /* of a joined model, each part's; else NULL */
    uint32_t *by_key, *by_name; /* indexes of both tables, sorted by name */
    struct arena memory;
};

/* The whole file. GGUF_*. *out holds memory until gguf_done(). */
MUST_USE bool gguf_parse(struct bytes file, struct gguf *out, struct err *err);

/* The same checks, from the first bytes of a file of file_length >= prefix.len bytes. BYTES_SHORT while prefix is
 * shorter than the file: read more and try again, up to LIMIT_GGUF_HEADER. */
MUST_USE bool gguf_parse_header(struct bytes prefix, uint64_t file_length, struct gguf *out, struct err *err);
void gguf_done(struct gguf *g); /* an empty one is accepted */

/* ---- Models in several files (gguf_split.c). ---- */

/* How many files NAME-00001-of-0000N.gguf is the first of; 1: of any other name. */
uint32_t gguf_split_count(const char *name);
/* The name of part number index, from 0; out has room for strlen(first) + 1. */
void gguf_split_name(const char *first, uint32_t index, char *out);
/* How a file is called where the model's own name is not kept: "model.gguf", "model-00002-of-00003.gguf". */
#define GGUF_PART_NAME_SIZE 32
void gguf_part_name(uint32_t index, uint32_t count, char out[GGUF_PART_NAME_SIZE]);

/* The parts in order, each parsed by itself, as one model: the metadata of the first, the tensors of all. One part
 * alone is checked too: it may be a part of something. GGUF_SPLIT, GGUF_TENSOR_REPEATED, GGUF_COUNT. *out borrows from
 * the parts, which must outlive it, and holds memory until gguf_done(). */
MUST_USE bool gguf_join(const struct gguf *parts, size_t count, struct gguf *out, struct err *err);

MUST_USE bool gguf_index_tensors(struct gguf *g, struct err *err); /* of this folder's files alone: makes by_name */

/* Borrowed; NULL: absent. */
const struct gguf_pair *gguf_find(const struct gguf *g, const char *key);
const struct gguf_tensor *gguf_tensor_find(const struct gguf *g, const char *name);

/* A tensor's bytes; only of gguf_parse()d files. */
struct bytes gguf_tensor_data(const struct gguf *g, const struct gguf_tensor *t);

/* Values by key. GGUF_KEY_MISSING; GGUF_KEY_TYPE; GGUF_KEY_RANGE where the value does not fit. Integers of every width
 * and sign count as integers; f32 and f64 as floats. */
MUST_USE bool gguf_get_u32(const struct gguf *g, const char *key, uint32_t *out, struct err *err);
MUST_USE bool gguf_get_f32(const struct gguf *g, const char *key, float *out, struct err *err);
MUST_USE bool gguf_get_bool(const struct gguf *g, const char *key, bool *out, struct err *err);
MUST_USE bool gguf_get_str(const struct gguf *g, const char *key, struct bytes *out, struct err *err);
MUST_USE bool gguf_get_array(const struct gguf *g, const char *key, enum gguf_type element,
                             const struct gguf_pair **out, struct err *err);

/* One value of a scalar, or element index of an array, widened exactly: integers into u (two's complement where
 * signed), floats into f, a bool into u. 0 for a string, an array of strings, or an index beyond the end. */
struct gguf_scalar {
    bool is_float, is_signed;
    uint64_t u;
    double f;
};
struct gguf_scalar gguf_scalar_at(const struct gguf_pair *p, uint64_t index);

/* The strings of an array in order:
 *     struct gguf_strings s = gguf_strings_of(pair);
 *     while (gguf_strings_next(&s, &str)) ... */
struct gguf_strings {
    struct bytes rest;
};
struct gguf_strings gguf_strings_of(const struct gguf_pair *array);
bool gguf_strings_next(struct gguf_strings *s, struct bytes *out);

/* The two digests of docs/formats.md section 2 that come from metadata, into out->tokenizer_sha256 and
 * out->template_sha256; the other members stay. */
void gguf_identity(const struct gguf *g, struct identity *out);

/* The chat template's bytes; empty if there is none. */
struct bytes gguf_template(const struct gguf *g);

const char *gguf_type_name(enum gguf_type t); /* "u32", "array"; static */

#endif
