#include "model/tokenizer.h"

#include "model/bpe.h"
#include "model/pretokenizer.h"
#include "model/special.h"
#include "model/vocabulary.h"

#include <stdlib.h>

struct tokenizer {
    struct vocabulary vocabulary;
    struct special special;
    const struct pretokenizer *pre;
    struct tokenizer_info info;
    uint8_t *ends;  /* of tokens: 1 if it ends an answer */
    size_t longest; /* bytes of the longest piece */
};

#define DEEPSEEK_END \
    "<\xef\xbd\x9c" \
    "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"

/* Tokens that end an answer in one model or another, by the names that llama.cpp knows too. They are control tokens
 * even where a file forgot to say so. */
static const char *const end_names[] = {
    "<|eot_id|>", "<|im_end|>", "<|end|>",    "<end_of_turn>", "<|endoftext|>",   "<|eom_id|>",
    "<EOT>",      "<|EOT|>",    "<|return|>", "<|call|>",      "<|end_of_text|>", DEEPSEEK_END,
};

void tokenizer_ids_done(struct tokenizer_ids *ids)
{
    free(ids->p);
    *ids = TOKENIZER_IDS(ids->max);
}

bool tokenizer_ids_add(struct tokenizer_ids *ids, uint32_t id, struct err *err)
{
    if (ids->count >= ids->max) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "more than %zu tokens", ids->max);
    }
    if (ids->count == ids->cap) {
        size_t cap = ids->cap != 0 ? ids->cap * 2 : 64;
        uint32_t *p = reallocarray(ids->p, cap, sizeof *p);

        if (p == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu tokens", cap);
        }
        ids->p = p;
        ids->cap = cap;
    }
    ids->p[ids->count++] = id;
    return true;
}

/* An id under key: TOKENIZER_NO_TOKEN if the file names none. */
static bool id_read(const struct gguf *g, const char *key, uint32_t count, uint32_t *out, struct err *err)
{
    const struct gguf_pair *p = gguf_find(g, key);
    uint32_t id = TOKENIZER_NO_TOKEN;

    if (p != NULL && !gguf_get_u32(g, key, &id, err)) {
        return false;
    }
    if (p != NULL && id >= count) {
        return FAIL(err, REASON_TOKENIZER_FORM, p->offset, "%s is %u, the vocabulary has %u tokens", key, id, count);
    }
    *out = id;
    return true;
}

static bool flag_read(const struct gguf *g, const char *key, bool fallback, bool *out, struct err *err)
{
    *out = fallback;
    return gguf_find(g, key) == NULL || gguf_get_bool(g, key, out, err);
}

static bool kind_check(const struct gguf *g, const struct pretokenizer **out, struct err *err)
{
    struct bytes model, pre;
    const struct pretokenizer *found;

    if (!gguf_get_str(g, "tokenizer.ggml.model", &model, err)) {
        return false;
    }
    if (!bytes_equal(model, bytes_of_str("gpt2"))) {
        return FAIL(err, REASON_TOKENIZER_KIND, gguf_find(g, "tokenizer.ggml.model")->offset,
                    "tokenizer.ggml.model is %.*s, gpt2 is wanted", (int)(model.len < 64 ? model.len : 64),
                    (const char *)model.p);
    }
    if (!gguf_get_str(g, "tokenizer.ggml.pre", &pre, err)) {
        return false;
    }
    found = pretokenizer_find(pre);
    if (found == NULL) {
        return FAIL(err, REASON_TOKENIZER_PRE, gguf_find(g, "tokenizer.ggml.pre")->offset, "tokenizer.ggml.pre is %.*s",
                    (int)(pre.len < 64 ? pre.len : 64), (const char *)pre.p);
    }
    *out = found;
    return true;
}

/* The ends of answers: what the file names, and the known names. */
static bool ends_read(const struct gguf *g, struct tokenizer *t, struct err *err)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};

    t->ends = calloc(t->vocabulary.count, 1);
    if (t->ends == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%u tokens", t->vocabulary.count);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t id;

        if (!id_read(g, keys[i], t->vocabulary.count, &id, err)) {
            return false;
        }
        if (id != TOKENIZER_NO_TOKEN) {
            t->ends[id] = 1;
        }
    }
    for (size_t i = 0; i < sizeof end_names / sizeof end_names[0]; i++) {
        uint32_t id = vocabulary_find(&t->vocabulary, bytes_of_str(end_names[i]));

        if (id < t->vocabulary.count) {
            t->ends[id] = 1;
            t->vocabulary.kinds[id] = VOCABULARY_CONTROL;
            t->vocabulary.pieces[id] = t->vocabulary.texts[id];
        }
    }
    return true;
}

static bool tokenizer_read(const struct gguf *g, struct tokenizer *t, struct err *err)
{
    if (!kind_check(g, &t->pre, err) || !vocabulary_init(g, &t->vocabulary, err) || !ends_read(g, t, err) ||
        !special_init(&t->vocabulary, gguf_template(g), &t->special, err)) {
        return false;
    }
    for (size_t i = 0; i < t->special.count; i++) {
        const struct special_token *s = &t->special.tokens[i];

        if (s->defined && s->mark) {
            t->vocabulary.kinds[s->id] = VOCABULARY_MARK;
        }
    }
    for (uint32_t i = 0; i < t->vocabulary.count; i++) {
        t->longest = t->vocabulary.pieces[i].len > t->longest ? t->vocabulary.pieces[i].len : t->longest;
    }
    t->info.count = t->vocabulary.count;
    t->info.pre = t->pre->name;
    if (!id_read(g, "tokenizer.ggml.bos_token_id", t->info.count, &t->info.bos, err) ||
        !id_read(g, "tokenizer.ggml.eos_token_id", t->info.count, &t->info.eos, err) ||
        !flag_read(g, "tokenizer.ggml.add_bos_token", t->pre->add_bos, &t->info.add_bos, err) ||
        !flag_read(g, "tokenizer.ggml.add_eos_token", false, &t->info.add_eos, err)) {
        return false;
    }
    if ((t->info.add_bos && t->info.bos == TOKENIZER_NO_TOKEN) ||
        (t->info.add_eos && t->info.eos == TOKENIZER_NO_TOKEN)) {
        return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "a token is to be added that the file does not name");
    }
    return true;
}

bool tokenizer_new(const struct gguf *g, struct tokenizer **out, struct err *err)
{
    struct tokenizer *t = calloc(1, sizeof *t);

    if (t == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", sizeof *t);
    }
    if (!tokenizer_read(g, t, err)) {
        tokenizer_free(t);
        return false;
    }
    *out = t;
    return true;
}

void tokenizer_free(struct tokenizer *t)
{
    if (t != NULL) {
        special_done(&t->special);
        vocabulary_done(&t->vocabulary);
        free(t->ends);
        free(t);
    }
}

void tokenizer_info(const struct tokenizer *t, struct tokenizer_info *out)
{
    *out = t->info;
}

/* The token whose text is the whole word; TOKENIZER_NO_TOKEN: none. */
static bool word_find(const struct tokenizer *t, struct bytes word, uint32_t *out, struct err *err)
{
    const struct vocabulary *v = &t->vocabulary;
    struct buf text = BUF(2 * word.len); /* no character of the alphabet takes more */
    bool ok = true;

    for (size_t i = 0; ok && i < word.len; i++) {
        struct bytes c = v->texts[v->bytes[word.p[i]]];

        ok = buf_add(&text, c.p, c.len, err);
    }
    if (ok) {
        uint32_t id = vocabulary_find(v, buf_bytes(&text));

        *out = vocabulary_is_text(v, id) ? id : TOKENIZER_NO_TOKEN;
    }
    buf_done(&text);
    return ok;
}

/* Text without special tokens. */
static bool text_encode(const struct tokenizer *t, struct bpe *bpe, struct bytes text, struct tokenizer_ids *ids,
                        struct err *err)
{
    for (size_t at = 0, end; at < text.len; at = end) {
        struct bytes word;
        uint32_t id = TOKENIZER_NO_TOKEN;

        end = pretokenizer_next(t->pre, text, at);
        word = bytes_of(text.p + at, end - at);
        if (t->pre->whole_words && !word_find(t, word, &id, err)) {
            return false;
        }
        if (id != TOKENIZER_NO_TOKEN ? !tokenizer_ids_add(ids, id, err)
                                     : !bpe_word(bpe, &t->vocabulary, word, ids, err)) {
            return false;
        }
    }
    return true;
}

/* The special tokens are known: what lies between them is one text each. */
static bool found_encode(const struct tokenizer *t, struct bytes text, const struct special_list *found,
                         struct tokenizer_ids *ids, struct err *err)
{
    struct bpe bpe = {0};
    size_t at = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < found->count; i++) {
        const struct special_found *f = &found->p[i];

        ok = text_encode(t, &bpe, bytes_of(text.p + at, f->at - at), ids, err) && tokenizer_ids_add(ids, f->id, err);
        at = f->at + f->len;
    }
    ok = ok && text_encode(t, &bpe, bytes_of(text.len != 0 ? text.p + at : NULL, text.len - at), ids, err);
    bpe_done(&bpe);
    return ok;
}

/* Text that cannot fit is refused before memory is taken for it. */
static bool length_check(const struct tokenizer *t, struct bytes text, const struct tokenizer_ids *ids, struct err *err)
{
    size_t room = ids->max - ids->count;

    if (t->longest != 0 && text.len / t->longest > room) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "%zu bytes are more than %zu tokens", text.len, room);
    }
    return true;
}

bool tokenizer_encode(const struct tokenizer *t, struct bytes text, enum tokenizer_allow allow,
                      struct tokenizer_ids *ids, struct err *err)
{
    struct special_list found = {0};
    bool ok = length_check(t, text, ids, err) && special_find(&t->special, text, 0, text.len, allow, &found, err) &&
              found_encode(t, text, &found, ids, err);

    free(found.p);
    return ok;
}

bool tokenizer_encode_rendered(const struct tokenizer *t, const struct template_rendered *r, struct tokenizer_ids *ids,
                               struct err *err)
{
    struct special_list found = {0};
    struct bytes text = buf_bytes(&r->text);
    bool ok = length_check(t, text, ids, err);

    for (size_t i = 0; ok && i < r->count; i++) {
        const struct template_segment *s = &r->segments[i];

        ok = special_find(&t->special, text, s->start, s->len,
                          s->from_user ? TOKENIZER_ALLOW_USER : TOKENIZER_ALLOW_ALL, &found, err);
    }
    ok = ok && found_encode(t, text, &found, ids, err);
    free(found.p);
    return ok;
}

bool tokenizer_piece(const struct tokenizer *t, uint32_t id, struct bytes *out, struct err *err)
{
    if (id >= t->vocabulary.count) {
        return FAIL(err, REASON_TOKEN_RANGE, ERR_NOWHERE, "token %u, the vocabulary has %u", id, t->vocabulary.count);
    }
    *out = t->vocabulary.pieces[id];
    return true;
}

bool tokenizer_is_control(const struct tokenizer *t, uint32_t id)
{
    return t->vocabulary.kinds[id] == VOCABULARY_CONTROL || t->vocabulary.kinds[id] == VOCABULARY_UNKNOWN;
}

bool tokenizer_is_end(const struct tokenizer *t, uint32_t id)
{
    return t->ends[id] != 0;
}
