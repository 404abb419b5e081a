#include "model/vocabulary.h"

#include "model/unicode.h"

#include <stdlib.h>

/* A sound hash needs a handful of steps at this load; a file made so that all texts collide is refused. */
#define PROBES_MAX 1024
#define MEMORY_MAX MIB(512)

/* GPT-2's alphabet: bytes that print stand for themselves, the others for U+0100, U+0101, ... in order. */
static bool prints(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

static void alphabet_make(uint32_t codes[256])
{
    uint32_t next = 256;

    for (unsigned i = 0; i < 256; i++) {
        codes[i] = prints(i) ? i : next++;
    }
}

static uint64_t text_hash(struct bytes b)
{
    uint64_t h = 0xcbf29ce484222325U;

    for (size_t i = 0; i < b.len; i++) {
        h = (h ^ b.p[i]) * 0x100000001b3U;
    }
    return h ^ h >> 32;
}

static uint64_t pair_hash(uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15U;

    return h ^ h >> 32;
}

static size_t table_size(size_t entries)
{
    size_t n = 16;

    while (n < entries * 2) {
        n *= 2;
    }
    return n;
}

/* The slot that holds text, or the empty one where it would go; SIZE_MAX: too many steps. */
static size_t slot_find(const struct vocabulary *v, struct bytes text)
{
    size_t at = text_hash(text) & v->slot_mask;

    for (int i = 0; i < PROBES_MAX; i++, at = (at + 1) & v->slot_mask) {
        if (v->slots[at] == VOCABULARY_NONE || bytes_equal(v->texts[v->slots[at]], text)) {
            return at;
        }
    }
    return SIZE_MAX;
}

uint32_t vocabulary_find(const struct vocabulary *v, struct bytes text)
{
    size_t at = slot_find(v, text);

    return at == SIZE_MAX ? VOCABULARY_NONE : v->slots[at];
}

bool vocabulary_is_text(const struct vocabulary *v, uint32_t symbol)
{
    return symbol < v->count && v->kinds[symbol] != VOCABULARY_CONTROL && v->kinds[symbol] != VOCABULARY_UNKNOWN &&
           v->kinds[symbol] != VOCABULARY_MARK;
}

static size_t merge_slot(const struct vocabulary *v, uint32_t left, uint32_t right)
{
    size_t at = pair_hash(left, right) & v->merge_mask;

    for (int i = 0; i < PROBES_MAX; i++, at = (at + 1) & v->merge_mask) {
        const struct vocabulary_merge *m = &v->merges[at];

        if (m->left == VOCABULARY_NONE || (m->left == left && m->right == right)) {
            return at;
        }
    }
    return SIZE_MAX;
}

const struct vocabulary_merge *vocabulary_merge(const struct vocabulary *v, uint32_t left, uint32_t right)
{
    size_t at = merge_slot(v, left, right);

    return at == SIZE_MAX || v->merges[at].left == VOCABULARY_NONE ? NULL : &v->merges[at];
}

/* The symbol of text, made if there is none yet (then the text is copied). */
static bool intern(struct vocabulary *v, struct bytes text, uint32_t *out, struct err *err)
{
    size_t at = slot_find(v, text);
    uint8_t *copy;

    if (at == SIZE_MAX) {
        return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "the vocabulary's texts collide");
    }
    if (v->slots[at] == VOCABULARY_NONE) {
        if (!arena_copy(&v->memory, text, &copy, err)) {
            return false;
        }
        v->texts[v->symbol_count] = bytes_of(copy, text.len);
        v->slots[at] = v->symbol_count++;
    }
    *out = v->slots[at];
    return true;
}

/* The bytes that a token's text stands for; a character outside of the alphabet stands for its own UTF-8. */
static bool piece_make(struct vocabulary *v, const uint16_t *bytes_by_code, struct bytes text, struct bytes *out,
                       struct err *err)
{
    void *p;
    uint8_t *piece;
    size_t len = 0;

    if (!arena_alloc(&v->memory, text.len, 1, &p, err)) {
        return false;
    }
    piece = p;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        size_t n = unicode_decode(text, at, &code);

        if (code < 512 && bytes_by_code[code] < 256) {
            piece[len++] = (uint8_t)bytes_by_code[code];
        } else {
            memcpy(piece + len, text.p + at, n);
            len += n;
        }
        at += n;
    }
    *out = bytes_of(piece, len);
    return true;
}

static bool kinds_read(const struct gguf *g, struct vocabulary *v, struct err *err)
{
    const struct gguf_pair *types;

    memset(v->kinds, VOCABULARY_NORMAL, v->count);
    if (gguf_find(g, "tokenizer.ggml.token_type") == NULL) {
        return true;
    }
    if (!gguf_get_array(g, "tokenizer.ggml.token_type", GGUF_I32, &types, err)) {
        return false;
    }
    if (types->count != v->count) {
        return FAIL(err, REASON_TOKENIZER_FORM, types->offset, "%llu token types for %u tokens",
                    (unsigned long long)types->count, v->count);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        uint64_t kind = gguf_scalar_at(types, i).u;

        if (kind < VOCABULARY_NORMAL || kind > VOCABULARY_BYTE) {
            return FAIL(err, REASON_TOKENIZER_FORM, types->offset + 4 * (size_t)i, "token %u has the type %lld", i,
                        (long long)kind);
        }
        v->kinds[i] = (uint8_t)kind;
    }
    return true;
}

static bool tokens_read(const struct gguf_pair *tokens, struct vocabulary *v, struct err *err)
{
    struct gguf_strings strings = gguf_strings_of(tokens);
    uint32_t codes[256];
    uint16_t bytes_by_code[512];
    struct bytes text;

    alphabet_make(codes);
    memset(bytes_by_code, 0xff, sizeof bytes_by_code);
    for (unsigned i = 0; i < 256; i++) {
        bytes_by_code[codes[i]] = (uint16_t)i;
    }
    for (uint32_t i = 0; gguf_strings_next(&strings, &text); i++) {
        size_t at = slot_find(v, text);
        uint8_t *copy;

        if (at == SIZE_MAX) {
            return FAIL(err, REASON_TOKENIZER_FORM, tokens->offset, "the vocabulary's texts collide");
        }
        if (!arena_copy(&v->memory, text, &copy, err)) {
            return false;
        }
        v->texts[i] = bytes_of(copy, text.len);
        v->pieces[i] = v->texts[i];
        if (v->kinds[i] == VOCABULARY_UNUSED) {
            v->pieces[i] = bytes_of(copy, 0);
        } else if (v->kinds[i] == VOCABULARY_NORMAL && !piece_make(v, bytes_by_code, v->texts[i], &v->pieces[i], err)) {
            return false;
        }
        v->slots[at] = i; /* of two tokens with one text the later one counts, as in llama.cpp */
    }
    v->symbol_count = v->count;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t utf8[4];

        if (!intern(v, bytes_of(utf8, unicode_encode(codes[i], utf8)), &v->bytes[i], err)) {
            return false;
        }
    }
    return true;
}

/* One line "left right". The first of two equal pairs counts. */
static bool merge_read(struct vocabulary *v, struct bytes line, uint32_t rank, struct buf *joined, struct err *err)
{
    struct vocabulary_merge m = {.rank = rank};
    const uint8_t *space = line.len > 1 ? memchr(line.p + 1, ' ', line.len - 1) : NULL;
    struct bytes left, right;
    size_t at;

    if (space == NULL || space == line.p + line.len - 1) {
        return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "merge %u is no pair", rank);
    }
    left = bytes_of(line.p, (size_t)(space - line.p));
    right = bytes_of(space + 1, line.len - left.len - 1);
    joined->len = 0;
    if (!buf_add(joined, left.p, left.len, err) || !buf_add(joined, right.p, right.len, err) ||
        !intern(v, left, &m.left, err) || !intern(v, right, &m.right, err) ||
        !intern(v, buf_bytes(joined), &m.result, err)) {
        return false;
    }
    at = merge_slot(v, m.left, m.right);
    if (at == SIZE_MAX) {
        return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "the merges collide");
    }
    if (v->merges[at].left == VOCABULARY_NONE) {
        v->merges[at] = m;
    }
    return true;
}

static bool merges_read(const struct gguf_pair *merges, struct vocabulary *v, struct err *err)
{
    struct gguf_strings strings = gguf_strings_of(merges);
    struct buf joined = BUF(LIMIT_GGUF_STRING);
    struct bytes line;
    bool ok = true;

    for (uint32_t rank = 0; ok && gguf_strings_next(&strings, &line); rank++) {
        ok = merge_read(v, line, rank, &joined, err);
    }
    buf_done(&joined);
    return ok;
}

static bool tables_alloc(struct vocabulary *v, size_t merges, struct err *err)
{
    size_t symbols = (size_t)v->count + 256 + 3 * merges, slots = table_size(symbols), pairs = table_size(merges);
    void *p[5];

    if (!arena_alloc(&v->memory, symbols, sizeof *v->texts, &p[0], err) ||
        !arena_alloc(&v->memory, v->count, sizeof *v->pieces, &p[1], err) ||
        !arena_alloc(&v->memory, v->count, 1, &p[2], err) ||
        !arena_alloc(&v->memory, slots, sizeof *v->slots, &p[3], err) ||
        !arena_alloc(&v->memory, pairs, sizeof *v->merges, &p[4], err)) {
        return false;
    }
    v->texts = p[0];
    v->pieces = p[1];
    v->kinds = p[2];
    v->slots = p[3];
    v->merges = p[4];
    memset(v->slots, 0xff, slots * sizeof *v->slots);
    memset(v->merges, 0xff, pairs * sizeof *v->merges);
    v->slot_mask = slots - 1;
    v->merge_mask = pairs - 1;
    return true;
}

bool vocabulary_init(const struct gguf *g, struct vocabulary *out, struct err *err)
{
    struct vocabulary v = {.memory = ARENA(MEMORY_MAX)};
    const struct gguf_pair *tokens, *merges;

    if (!gguf_get_array(g, "tokenizer.ggml.tokens", GGUF_STR, &tokens, err) ||
        !gguf_get_array(g, "tokenizer.ggml.merges", GGUF_STR, &merges, err)) {
        return false;
    }
    if (tokens->count == 0 || tokens->count > LIMIT_VOCABULARY || merges->count > LIMIT_VOCABULARY) {
        return FAIL(err, REASON_TOKENIZER_FORM, tokens->offset, "%llu tokens and %llu merges, at most %u are allowed",
                    (unsigned long long)tokens->count, (unsigned long long)merges->count, LIMIT_VOCABULARY);
    }
    v.count = (uint32_t)tokens->count;
    if (!tables_alloc(&v, (size_t)merges->count, err) || !kinds_read(g, &v, err) || !tokens_read(tokens, &v, err) ||
        !merges_read(merges, &v, err)) {
        arena_done(&v.memory);
        return false;
    }
    *out = v;
    return true;
}

void vocabulary_done(struct vocabulary *v)
{
    arena_done(&v->memory);
}
