#include "model/tokenizer.h"

#include "model/bpe.h"
#include "model/pretokenizer.h"
#include "model/special.h"
#include "model/unicode.h"
#include "model/vocabulary.h"

#include <stdlib.h>

struct tokenizer {
    struct vocabulary vocabulary;
    struct special special;
    const struct pretokenizer *pre; /* NULL: SentencePiece */
    bool space_prefix;              /* of SentencePiece: text begins with a space, also behind a special token */
    struct tokenizer_info info;
    uint8_t *flags; /* of tokens */
};

enum {                 /* of a token */
       FLAG_END = 1,   /* ends an answer */
       FLAG_STRIP = 2, /* a special one that takes the white space behind it along */
};

#define SPACE "\xe2\x96\x81" /* U+2581, SentencePiece's */
#define DEEPSEEK_END \
    "<\xef\xbd\x9c" \
    "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"

/* Tokens that end an answer in one model or another, by the names that llama.cpp knows too, and the one behind which
 * FunctionGemma waits for what a tool gives. They are control tokens even where a file forgot to say so. */
static const char *const end_names[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|eom_id|>",
    "<EOT>",
    "<|EOT|>",
    "<|return|>",
    "<|call|>",
    "<|end_of_text|>",
    DEEPSEEK_END,
    "</s>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<start_function_response>",
};

/* Where <|return|> and <|call|> end an answer (gpt-oss), <|end|> ends one of its messages; these marks stand between
 * them, and parsers must see them. */
static const char *const harmony_marks[] = {"<|end|>", "<|start|>", "<|channel|>", "<|message|>", "<|constrain|>"};

void tokenizer_ids_done(struct tokenizer_ids *ids)
{
    if (ids->p != NULL) {
        explicit_bzero(ids->p, ids->cap * sizeof *ids->p);
        free(ids->p);
    }
    *ids = TOKENIZER_IDS(ids->max);
}

void tokenizer_ids_remove(struct tokenizer_ids *ids, size_t at, size_t n)
{
    memmove(ids->p + at, ids->p + at + n, (ids->count - at - n) * sizeof *ids->p);
    ids->count -= n;
}

void tokenizer_ids_cut(struct tokenizer_ids *ids)
{
    if (ids->count > ids->max) {
        ids->left_out = true;
        tokenizer_ids_remove(ids, ids->keep, ids->count - ids->max);
    }
}

bool tokenizer_ids_add(struct tokenizer_ids *ids, uint32_t id, struct err *err)
{
    if (ids->cuts && ids->count >= 2 * ids->max) {
        tokenizer_ids_cut(ids);
    }
    if (ids->count >= ids->max && !ids->cuts) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "more than %zu tokens", ids->max);
    }
    if (ids->count == ids->cap) {
        size_t cap = ids->cap != 0 ? ids->cap * 2 : 64;
        uint32_t *p = calloc(cap, sizeof *p);

        if (p == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu tokens", cap);
        }
        if (ids->p != NULL) {
            memcpy(p, ids->p, ids->count * sizeof *p);
            explicit_bzero(ids->p, ids->cap * sizeof *p); /* a prompt's */
            free(ids->p);
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

static bool kind_read(const struct gguf *g, bool *spm, struct err *err)
{
    struct bytes model;

    if (!gguf_get_str(g, "tokenizer.ggml.model", &model, err)) {
        return false;
    }
    *spm = bytes_equal(model, bytes_of_str("llama"));
    return *spm || bytes_equal(model, bytes_of_str("gpt2")) ||
           FAIL(err, REASON_TOKENIZER_KIND, gguf_find(g, "tokenizer.ggml.model")->offset,
                "tokenizer.ggml.model is %.*s, gpt2 or llama is wanted", (int)(model.len < 64 ? model.len : 64),
                (const char *)model.p);
}

/* Files of the Ollama library do not always name theirs: these vocabularies are known by a token at its place. */
static const struct {
    uint32_t id;
    const char *token, *pre;
} known[] = {{128000, "<|begin_of_text|>", "llama-bpe"}, {200002, "<|return|>", "gpt-4o"}};

static bool pre_read(const struct gguf *g, struct tokenizer *t, struct err *err)
{
    const bool is_named = gguf_find(g, "tokenizer.ggml.pre") != NULL;
    struct bytes pre = bytes_of_str("default");

    if (is_named && !gguf_get_str(g, "tokenizer.ggml.pre", &pre, err)) {
        return false;
    }
    for (size_t i = 0; bytes_equal(pre, bytes_of_str("default")) && i < sizeof known / sizeof known[0]; i++) {
        if (vocabulary_find(&t->vocabulary, bytes_of_str(known[i].token)) == known[i].id) {
            pre = bytes_of_str(known[i].pre);
        }
    }
    t->pre = pretokenizer_find(pre);
    return t->pre != NULL ||
           FAIL(err, REASON_TOKENIZER_PRE, is_named ? gguf_find(g, "tokenizer.ggml.pre")->offset : ERR_NOWHERE,
                "tokenizer.ggml.pre is %s%.*s", is_named ? "" : "absent: ", (int)(pre.len < 64 ? pre.len : 64),
                (const char *)pre.p);
}

static uint32_t token_find(const struct tokenizer *t, const char *name)
{
    return vocabulary_find(&t->vocabulary, bytes_of_str(name));
}

static void kind_set(struct tokenizer *t, uint32_t id, enum vocabulary_kind kind)
{
    t->vocabulary.kinds[id] = (uint8_t)kind;
    t->vocabulary.pieces[id] = t->vocabulary.texts[id];
}

/* The ends of answers: what the file names, and the known names. */
static bool ends_read(const struct gguf *g, struct tokenizer *t, struct err *err)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t id;

        if (!id_read(g, keys[i], t->vocabulary.count, &id, err)) {
            return false;
        }
        if (id != TOKENIZER_NO_TOKEN) {
            t->flags[id] |= FLAG_END;
        }
    }
    for (size_t i = 0; i < sizeof end_names / sizeof end_names[0]; i++) {
        uint32_t id = token_find(t, end_names[i]);

        if (id < t->vocabulary.count) {
            t->flags[id] |= FLAG_END;
            kind_set(t, id, VOCABULARY_CONTROL);
        }
    }
    if (token_find(t, "<|return|>") < t->vocabulary.count && token_find(t, "<|call|>") < t->vocabulary.count) {
        for (size_t i = 0; i < sizeof harmony_marks / sizeof harmony_marks[0]; i++) {
            uint32_t id = token_find(t, harmony_marks[i]);

            if (id < t->vocabulary.count) {
                t->flags[id] &= (uint8_t)~FLAG_END;
                kind_set(t, id, VOCABULARY_DEFINED);
            }
        }
    }
    return true;
}

/* A file says nothing of it: in Phi-3 special tokens take the white space behind them, except these. */
static void strip_set(const struct gguf *g, struct tokenizer *t)
{
    static const char *const except[] = {"<unk>", "<s>", "<|endoftext|>"};
    char lower[256] = {0};
    struct bytes name;
    struct err ignored;

    if (gguf_find(g, "general.name") == NULL || !gguf_get_str(g, "general.name", &name, &ignored)) {
        return;
    }
    for (size_t i = 0; i < name.len && i < sizeof lower - 1; i++) {
        lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 'a' - 'A' : name.p[i]);
    }
    if (strstr(lower, "phi-3") == NULL && strstr(lower, "phi3") == NULL) {
        return;
    }
    for (size_t i = 0; i < t->special.count; i++) {
        t->flags[t->special.tokens[i].id] |= FLAG_STRIP;
    }
    for (size_t i = 0; i < sizeof except / sizeof except[0]; i++) {
        uint32_t id = token_find(t, except[i]);

        if (id < t->vocabulary.count) {
            t->flags[id] &= (uint8_t)~FLAG_STRIP;
        }
    }
}

/* Start and end token; SentencePiece has a start token, number 1, unless the file says otherwise. */
static bool info_read(const struct gguf *g, struct tokenizer *t, bool spm, struct err *err)
{
    struct tokenizer_info *info = &t->info;

    info->count = t->vocabulary.count;
    info->pre = spm ? "default" : t->pre->name;
    if (!id_read(g, "tokenizer.ggml.bos_token_id", info->count, &info->bos, err) ||
        !id_read(g, "tokenizer.ggml.eos_token_id", info->count, &info->eos, err) ||
        !flag_read(g, "tokenizer.ggml.add_bos_token", spm || t->pre->add_bos, &info->add_bos, err) ||
        !flag_read(g, "tokenizer.ggml.add_eos_token", false, &info->add_eos, err) ||
        !flag_read(g, "tokenizer.ggml.add_space_prefix", spm, &t->space_prefix, err)) {
        return false;
    }
    if (spm && info->bos == TOKENIZER_NO_TOKEN && info->count > 1) {
        info->bos = 1;
    }
    return !((info->add_bos && info->bos == TOKENIZER_NO_TOKEN) ||
             (info->add_eos && info->eos == TOKENIZER_NO_TOKEN)) ||
           FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "a token is to be added that the file does not name");
}

static bool tokenizer_read(const struct gguf *g, struct tokenizer *t, struct err *err)
{
    bool spm;

    if (!kind_read(g, &spm, err) || !vocabulary_init(g, spm, &t->vocabulary, err) || (!spm && !pre_read(g, t, err))) {
        return false;
    }
    t->flags = calloc(t->vocabulary.count, 1);
    if (t->flags == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%u tokens", t->vocabulary.count);
    }
    if (!ends_read(g, t, err) || !special_init(&t->vocabulary, gguf_template(g), &t->special, err)) {
        return false;
    }
    strip_set(g, t);
    for (size_t i = 0; i < t->special.count; i++) {
        const struct special_token *s = &t->special.tokens[i];

        if (s->defined && s->mark) {
            t->vocabulary.kinds[s->id] = VOCABULARY_MARK;
        }
    }
    for (uint32_t i = 0; i < t->vocabulary.count; i++) {
        t->info.longest = t->vocabulary.pieces[i].len > t->info.longest ? t->vocabulary.pieces[i].len : t->info.longest;
    }
    return info_read(g, t, spm, err);
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
        free(t->flags);
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

/* Text without special tokens, in byte-level BPE. */
static bool words_encode(const struct tokenizer *t, struct bpe *bpe, struct bytes text, struct tokenizer_ids *ids,
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

/* The same in SentencePiece. It knows no words: the text is cut where no merge can go across. */
static bool pieces_encode(const struct tokenizer *t, struct bpe *bpe, struct bytes text, struct tokenizer_ids *ids,
                          struct err *err)
{
    uint32_t before = 0, code;
    size_t start = 0;

    for (size_t at = 0, n; at < text.len; at += n, before = code) {
        n = unicode_decode(text, at, &code);
        if (at != 0 && vocabulary_parts(&t->vocabulary, before, code)) {
            if (!bpe_word(bpe, &t->vocabulary, bytes_of(text.p + start, at - start), ids, err)) {
                return false;
            }
            start = at;
        }
    }
    return bpe_word(bpe, &t->vocabulary, bytes_of(text.p + start, text.len - start), ids, err);
}

static bool text_encode(const struct tokenizer *t, struct bpe *bpe, struct bytes text, struct tokenizer_ids *ids,
                        struct err *err)
{
    struct buf spaced = BUF(3 * (text.len + 1));
    bool ok = true;

    if (t->pre != NULL) {
        return words_encode(t, bpe, text, ids, err);
    }
    if (text.len == 0) {
        return true;
    }
    ok = !t->space_prefix || buf_str(&spaced, SPACE, err);
    for (size_t at = 0, n; ok && at < text.len; at += n) {
        const uint8_t *space = memchr(text.p + at, ' ', text.len - at);

        n = space != NULL ? (size_t)(space - text.p) - at : text.len - at;
        ok = buf_add(&spaced, text.p + at, n, err) && (space == NULL || buf_str(&spaced, SPACE, err));
        n += space != NULL;
    }
    ok = ok && pieces_encode(t, bpe, buf_bytes(&spaced), ids, err);
    buf_done(&spaced);
    return ok;
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
        size_t end = i + 1 < found->count ? found->p[i + 1].at : text.len;

        ok = text_encode(t, &bpe, bytes_of(text.p + at, f->at - at), ids, err) && tokenizer_ids_add(ids, f->id, err);
        at = f->at + f->len;
        while ((t->flags[f->id] & FLAG_STRIP) != 0 && at < end &&
               (text.p[at] == ' ' || (text.p[at] >= '\t' && text.p[at] <= '\r'))) {
            at++;
        }
    }
    ok = ok && text_encode(t, &bpe, bytes_of(text.len != 0 ? text.p + at : NULL, text.len - at), ids, err);
    bpe_done(&bpe);
    return ok;
}

/* Text that cannot fit is refused before memory is taken for it. */
static bool length_check(const struct tokenizer *t, struct bytes text, const struct tokenizer_ids *ids, struct err *err)
{
    size_t room = ids->max - ids->count;

    if (!ids->cuts && t->info.longest != 0 && text.len / t->info.longest > room) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "%zu bytes are more than %zu tokens", text.len, room);
    }
    return true;
}

/* Of a text of which the middle goes, only the ends are looked at: bytes that give max tokens each. False: all of it.
 */
static bool ends_find(const struct tokenizer *t, struct bytes text, struct tokenizer_ids *ids, size_t *end)
{
    *end = ids->max * t->info.longest;
    if (!ids->cuts || *end == 0 || text.len / 2 <= *end) {
        return false;
    }
    ids->left_out = true;
    return true;
}

static bool stretch_encode(const struct tokenizer *t, struct bytes text, enum tokenizer_allow allow,
                           struct tokenizer_ids *ids, struct err *err)
{
    struct special_list found = {0};
    bool ok =
        special_find(&t->special, text, 0, text.len, allow, &found, err) && found_encode(t, text, &found, ids, err);

    free(found.p);
    return ok;
}

bool tokenizer_encode(const struct tokenizer *t, struct bytes text, enum tokenizer_allow allow,
                      struct tokenizer_ids *ids, struct err *err)
{
    size_t end;

    if (ends_find(t, text, ids, &end)) {
        return stretch_encode(t, bytes_of(text.p, end), allow, ids, err) &&
               stretch_encode(t, bytes_of(text.p + text.len - end, end), allow, ids, err);
    }
    return length_check(t, text, ids, err) && stretch_encode(t, text, allow, ids, err);
}

/* The bytes from..to of it. */
static bool rendered_encode(const struct tokenizer *t, const struct template_rendered *r, size_t from, size_t to,
                            struct tokenizer_ids *ids, struct err *err)
{
    struct special_list found = {0};
    const struct bytes text = bytes_of(to != 0 ? r->text.p + from : NULL, to - from);
    bool ok = true;

    for (size_t i = 0; ok && i < r->count; i++) {
        const struct template_segment *s = &r->segments[i];
        const size_t start = s->start > from ? s->start : from, end = s->start + s->len < to ? s->start + s->len : to;

        ok = start >= end || special_find(&t->special, text, start - from, end - start,
                                          s->from_user ? TOKENIZER_ALLOW_USER : TOKENIZER_ALLOW_ALL, &found, err);
    }
    ok = ok && found_encode(t, text, &found, ids, err);
    free(found.p);
    return ok;
}

bool tokenizer_encode_rendered(const struct tokenizer *t, const struct template_rendered *r, struct tokenizer_ids *ids,
                               struct err *err)
{
    const struct bytes text = buf_bytes(&r->text);
    size_t end;

    if (ends_find(t, text, ids, &end)) {
        return rendered_encode(t, r, 0, end, ids, err) && rendered_encode(t, r, text.len - end, text.len, ids, err);
    }
    return length_check(t, text, ids, err) && rendered_encode(t, r, 0, text.len, ids, err);
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
    return (t->flags[id] & FLAG_END) != 0;
}
