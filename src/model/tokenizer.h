/* Text into token ids and back, from the vocabulary in a GGUF file: byte-level BPE (tokenizer.ggml.model "gpt2") or
 * SentencePiece with byte fallback ("llama").
 *
 * BPE's pre-tokenizer is chosen by tokenizer.ggml.pre; a name that is not in the table is TOKENIZER_PRE, never guessed.
 * A tokenizer owns its memory (about 100 bytes a token and 16 a merge) and needs the file no more. It does not change
 * after tokenizer_new(): any thread may use it. */
#ifndef SOTTO_MODEL_TOKENIZER_H
#define SOTTO_MODEL_TOKENIZER_H

#include "base/buf.h"
#include "model/gguf.h"
#include "model/template.h"

struct tokenizer;

/* TOKENIZER_KIND, TOKENIZER_PRE, TOKENIZER_FORM, GGUF_KEY_*, NO_MEMORY. */
MUST_USE bool tokenizer_new(const struct gguf *g, struct tokenizer **out, struct err *err);
void tokenizer_free(struct tokenizer *t);

#define TOKENIZER_NO_TOKEN UINT32_MAX

struct tokenizer_info {
    uint32_t count;        /* of the vocabulary; ids are 0..count-1 */
    size_t longest;        /* bytes of the longest piece */
    uint32_t bos, eos;     /* TOKENIZER_NO_TOKEN: there is none */
    bool add_bos, add_eos; /* a prompt begins / ends with it */
    const char *pre;       /* the pre-tokenizer's name, "default" for SentencePiece; static */
};
void tokenizer_info(const struct tokenizer *t, struct tokenizer_info *out);

/* Which special tokens a stretch of text may spell. */
enum tokenizer_allow {
    TOKENIZER_ALLOW_ALL,     /* control and user-defined ones: a template's own text */
    TOKENIZER_ALLOW_DEFINED, /* user-defined ones: what llama.cpp does with parse_special = false */
    TOKENIZER_ALLOW_USER,    /* a user's text: only such user-defined ones as no template or parser uses as a mark */
};

/* A growing list of ids; tokenizer_ids_done() wipes and frees. */
struct tokenizer_ids {
    uint32_t *p;
    size_t count, cap, max; /* one more than max is CONTEXT_FULL, unless it cuts */
    /* Then the first keep ids stay (keep < max), and the last ones: up to 2 * max in all, until tokenizer_ids_cut().
     * Of a text that is far too long only the ends are looked at. left_out: something is. */
    bool cuts, left_out;
    size_t keep;
};
#define TOKENIZER_IDS(maximum) ((struct tokenizer_ids){.p = NULL, .count = 0, .cap = 0, .max = (maximum)})
void tokenizer_ids_done(struct tokenizer_ids *ids);
MUST_USE bool tokenizer_ids_add(struct tokenizer_ids *ids, uint32_t id, struct err *err);
void tokenizer_ids_remove(struct tokenizer_ids *ids, size_t at, size_t n);
/* So that no more than max are there. */
void tokenizer_ids_cut(struct tokenizer_ids *ids);

/* Appends the ids of text; neither BOS nor EOS is added. Any bytes are accepted; a byte that the vocabulary has no
 * token for gives none. CONTEXT_FULL if more than ids->max come, before anything is done where the length alone says
 * so. Memory while it runs: about 80 bytes a byte of the longest word. Time: n log n. SentencePiece puts a space before
 * the text, and behind a special token, unless the file has tokenizer.ggml.add_space_prefix = false. NO_MEMORY. */
MUST_USE bool tokenizer_encode(const struct tokenizer *t, struct bytes text, enum tokenizer_allow allow,
                               struct tokenizer_ids *ids, struct err *err);

/* A rendered chat: ALLOW_ALL in the template's segments, ALLOW_USER in those from users. A special token never spans a
 * border; what lies between two special tokens is one text, whatever borders it crosses. */
MUST_USE bool tokenizer_encode_rendered(const struct tokenizer *t, const struct template_rendered *r,
                                        struct tokenizer_ids *ids, struct err *err);

/* The bytes of one token, borrowed from the tokenizer: exact, also where they are no whole UTF-8 sequence; of a control
 * token its name ("<|im_end|>"). TOKEN_RANGE. */
MUST_USE bool tokenizer_piece(const struct tokenizer *t, uint32_t id, struct bytes *out, struct err *err);

/* ids < count. */
bool tokenizer_is_control(const struct tokenizer *t, uint32_t id); /* not to be shown in an answer */
bool tokenizer_is_end(const struct tokenizer *t, uint32_t id);     /* ends an answer: eos, eot and their like */

#endif
