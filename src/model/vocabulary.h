/* A vocabulary as tables: texts to symbols, pairs of symbols to what they merge into. Used by the tokenizer alone.
 *
 * A symbol is a text that merging can meet: the tokens have symbol numbers equal to their ids. In byte-level BPE
 * (tokenizer.ggml.model "gpt2") the texts that stand in merges but are no tokens come behind them, and so do single
 * bytes that are no tokens. In SentencePiece ("llama") two symbols merge if their joined text is a token, the one of
 * the highest score first; a space is U+2581 there, and a character that is no token VOCABULARY_RAW. */
#ifndef SOTTO_MODEL_VOCABULARY_H
#define SOTTO_MODEL_VOCABULARY_H

#include "base/arena.h"
#include "model/gguf.h"

#define VOCABULARY_NONE UINT32_MAX
#define VOCABULARY_RAW (UINT32_MAX - 1)

enum vocabulary_kind { /* tokenizer.ggml.token_type */
                       VOCABULARY_NORMAL = 1,
                       VOCABULARY_UNKNOWN = 2,
                       VOCABULARY_CONTROL = 3,
                       VOCABULARY_DEFINED = 4,
                       VOCABULARY_UNUSED = 5,
                       VOCABULARY_BYTE = 6,
                       VOCABULARY_MARK = 7, /* not in files: a user-defined one that templates and parsers use */
};

struct vocabulary_merge {
    uint32_t left, right; /* symbols; VOCABULARY_NONE: an empty slot */
    uint32_t rank, result;
};

struct vocabulary_slot {
    uint32_t hash, symbol; /* VOCABULARY_NONE: empty */
};

struct vocabulary {
    uint32_t count;       /* tokens */
    struct bytes *texts;  /* of symbols, as the file spells them */
    struct bytes *pieces; /* of tokens: the bytes they stand for */
    uint8_t *kinds;       /* of tokens: enum vocabulary_kind */
    bool unique;          /* no two of them have one text */
    uint32_t symbol_count;
    uint32_t bytes[256];           /* the symbol of each byte */
    struct vocabulary_slot *slots; /* hash table: text to symbol */
    size_t slot_mask;
    struct vocabulary_merge *merges; /* hash table; of BPE */
    size_t merge_mask;
    uint32_t *ranks;      /* of tokens: the least merges first; of SentencePiece, else NULL */
    uint64_t *neighbours; /* bits by hash: two characters that stand side by side in a token; of SentencePiece */
    size_t neighbour_mask;
    struct arena memory;
};

/* TOKENIZER_FORM, GGUF_KEY_*, NO_MEMORY. Copies what it needs. */
MUST_USE bool vocabulary_init(const struct gguf *g, bool spm, struct vocabulary *out, struct err *err);
void vocabulary_done(struct vocabulary *v);

/* A token that merging may give. Control tokens and marks never come from text, not even where a file has merges that
 * lead to them: they are recognised whole, or not at all. */
bool vocabulary_is_text(const struct vocabulary *v, uint32_t symbol);

uint32_t vocabulary_find(const struct vocabulary *v, struct bytes text); /* VOCABULARY_NONE */

/* What two neighbours merge into, and how early; joined: the text of both. false: they do not. */
bool vocabulary_merge(const struct vocabulary *v, uint32_t left, uint32_t right, struct bytes joined, uint32_t *rank,
                      uint32_t *result);

/* Of SentencePiece: no token has these characters side by side, so that no merge goes across. */
bool vocabulary_parts(const struct vocabulary *v, uint32_t left, uint32_t right);

#endif
