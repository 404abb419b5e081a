#include "model/vocabulary.h"

#include "model/unicode.h"

#include <stdlib.h>

/* A sound hash needs a handful of steps at this load; a file made so that all texts collide is refused. */
#define PROBES_MAX 1024
#define MEMORY_MAX MIB(512)
#define FORESEEN 32 /* merges whose memory is asked for together */

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
static size_t slot_find(const struct vocabulary *v, struct bytes text, uint64_t hash)
{
    size_t at = hash & v->slot_mask;

    for (int i = 0; i < PROBES_MAX; i++, at = (at + 1) & v->slot_mask) {
        const struct vocabulary_slot *s = &v->slots[at];

        if (s->symbol == VOCABULARY_NONE ||
            (s->hash == (uint32_t)(hash >> 32) && bytes_equal(v->texts[s->symbol], text))) {
            return at;
        }
    }
    return SIZE_MAX;
}

static void slot_set(struct vocabulary *v, size_t at, uint64_t hash, uint32_t symbol)
{
    v->slots[at] = (struct vocabulary_slot){.hash = (uint32_t)(hash >> 32), .symbol = symbol};
}

uint32_t vocabulary_find(const struct vocabulary *v, struct bytes text)
{
    size_t at = slot_find(v, text, text_hash(text));

    return at == SIZE_MAX ? VOCABULARY_NONE : v->slots[at].symbol;
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

bool vocabulary_merge(const struct vocabulary *v, uint32_t left, uint32_t right, struct bytes joined, uint32_t *rank,
                      uint32_t *result)
{
    size_t at;

    if (v->ranks != NULL) {
        uint32_t id = vocabulary_find(v, joined);

        if (!vocabulary_is_text(v, id) || v->kinds[id] == VOCABULARY_BYTE) {
            return false;
        }
        *rank = v->ranks[id];
        *result = id;
        return true;
    }
    at = merge_slot(v, left, right);
    if (at == SIZE_MAX || v->merges[at].left == VOCABULARY_NONE) {
        return false;
    }
    *rank = v->merges[at].rank;
    *result = v->merges[at].result;
    return true;
}

static size_t neighbour_hash(const struct vocabulary *v, uint32_t left, uint32_t right)
{
    return pair_hash(left, right) & v->neighbour_mask;
}

bool vocabulary_parts(const struct vocabulary *v, uint32_t left, uint32_t right)
{
    size_t bit = neighbour_hash(v, left, right);

    return (v->neighbours[bit / 64] >> bit % 64 & 1) == 0;
}

static bool slots_alloc(struct vocabulary *v, size_t slots, struct err *err)
{
    void *p;

    if (!arena_alloc(&v->memory, slots, sizeof *v->slots, &p, err)) {
        return false;
    }
    v->slots = p;
    v->slot_mask = slots - 1;
    memset(v->slots, 0xff, slots * sizeof *v->slots);
    return true;
}

/* Merges mostly lead from token to token: room for what does not is made when it comes. */
static bool slots_grow(struct vocabulary *v, struct err *err)
{
    const struct vocabulary_slot *old = v->slots;
    size_t count = v->slot_mask + 1;

    if (!slots_alloc(v, 2 * count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct bytes text;
        size_t at;

        if (old[i].symbol == VOCABULARY_NONE) {
            continue;
        }
        text = v->texts[old[i].symbol];
        at = slot_find(v, text, text_hash(text));

        if (at == SIZE_MAX) {
            return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "the vocabulary's texts collide");
        }
        v->slots[at] = old[i];
    }
    return true;
}

/* The symbol of text, made if there is none yet (then the text is copied). */
static bool intern(struct vocabulary *v, struct bytes text, uint32_t *out, struct err *err)
{
    const uint64_t hash = text_hash(text);
    size_t at;
    uint8_t *copy;

    if (2 * (size_t)v->symbol_count > v->slot_mask && !slots_grow(v, err)) {
        return false;
    }
    at = slot_find(v, text, hash);
    if (at == SIZE_MAX) {
        return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "the vocabulary's texts collide");
    }
    if (v->slots[at].symbol == VOCABULARY_NONE) {
        if (!arena_copy(&v->memory, text, &copy, err)) {
            return false;
        }
        v->texts[v->symbol_count] = bytes_of(copy, text.len);
        slot_set(v, at, hash, v->symbol_count++);
    }
    *out = v->slots[at].symbol;
    return true;
}

/* "<0x0A>" */
static bool byte_parse(struct bytes text, uint8_t *out)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high, *low;

    if (text.len != 6 || memcmp(text.p, "<0x", 3) != 0 || text.p[5] != '>' || text.p[3] == 0 || text.p[4] == 0) {
        return false;
    }
    high = strchr(digits, text.p[3]);
    low = strchr(digits, text.p[4]);
    if (high == NULL || low == NULL) {
        return false;
    }
    *out = (uint8_t)(16 * (high - digits) + (low - digits));
    return true;
}

/* The bytes that an ordinary token's text stands for, out of characters of the alphabet, or of U+2581 and what it is
 * not; any other character stands for its own UTF-8. */
static struct bytes piece_make(const struct vocabulary *v, const uint16_t *bytes_by_code, struct bytes text,
                               uint8_t *piece)
{
    size_t len = 0;

    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        size_t n = unicode_decode(text, at, &code);

        if (v->ranks != NULL && code == 0x2581) {
            piece[len++] = ' ';
        } else if (v->ranks == NULL && code < 512 && bytes_by_code[code] < 256) {
            piece[len++] = (uint8_t)bytes_by_code[code];
        } else {
            memcpy(piece + len, text.p + at, n);
            len += n;
        }
        at += n;
    }
    return bytes_of(piece, len);
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

/* The piece of token i; where it is not the text itself it goes to p, and *p behind it. */
static bool piece_set(struct vocabulary *v, uint32_t i, const uint16_t *bytes_by_code, uint8_t **p, struct err *err)
{
    struct bytes *piece = &v->pieces[i];

    *piece = v->texts[i];
    if (v->kinds[i] == VOCABULARY_NORMAL) {
        *piece = piece_make(v, bytes_by_code, v->texts[i], *p);
    } else if (v->kinds[i] == VOCABULARY_UNUSED) {
        piece->len = 0;
    } else if (v->kinds[i] == VOCABULARY_BYTE && v->ranks != NULL) {
        if (!byte_parse(v->texts[i], *p)) {
            return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "token %u is a byte, and not spelled <0xHH>", i);
        }
        v->bytes[**p] = i;
        *piece = bytes_of(*p, 1);
    }
    *p += piece->p == *p ? piece->len : 0;
    return true;
}

/* Texts and pieces stand in two runs of memory, each as long as the file's array. */
static bool tokens_read(const struct gguf_pair *tokens, struct vocabulary *v, struct err *err)
{
    struct gguf_strings strings;
    uint32_t codes[256];
    uint16_t bytes_by_code[512];
    uint8_t *texts, *piece;
    struct bytes text;
    void *p;

    if (!arena_copy(&v->memory, tokens->value, &texts, err) ||
        !arena_alloc(&v->memory, tokens->value.len, 1, &p, err)) {
        return false;
    }
    piece = p;
    strings.rest = bytes_of(texts, tokens->value.len);
    alphabet_make(codes);
    memset(bytes_by_code, 0xff, sizeof bytes_by_code);
    memset(v->bytes, 0xff, sizeof v->bytes);
    for (unsigned i = 0; i < 256; i++) {
        bytes_by_code[codes[i]] = (uint16_t)i;
    }
    for (uint32_t i = 0; gguf_strings_next(&strings, &text); i++) {
        const uint64_t hash = text_hash(text);
        size_t at = slot_find(v, text, hash);

        v->texts[i] = text;
        if (at == SIZE_MAX) {
            return FAIL(err, REASON_TOKENIZER_FORM, tokens->offset, "the vocabulary's texts collide");
        }
        if (!piece_set(v, i, bytes_by_code, &piece, err)) {
            return false;
        }
        v->unique = v->unique && v->slots[at].symbol == VOCABULARY_NONE;
        slot_set(v, at, hash, i); /* of two tokens with one text the later one counts, as in llama.cpp */
    }
    v->symbol_count = v->count;
    for (unsigned i = 0; v->ranks == NULL && i < 256; i++) {
        uint8_t utf8[4];

        if (!intern(v, bytes_of(utf8, unicode_encode(codes[i], utf8)), &v->bytes[i], err)) {
            return false;
        }
    }
    return true;
}

/* The higher its score, the lower its rank; equal scores, equal ranks. */
static bool ranks_read(const struct gguf *g, struct vocabulary *v, struct err *err)
{
    const struct gguf_pair *scores;

    if (!gguf_get_array(g, "tokenizer.ggml.scores", GGUF_F32, &scores, err)) {
        return false;
    }
    if (scores->count != v->count) {
        return FAIL(err, REASON_TOKENIZER_FORM, scores->offset, "%llu scores for %u tokens",
                    (unsigned long long)scores->count, v->count);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        float score = (float)gguf_scalar_at(scores, i).f + 0.0F; /* -0 is 0 */
        uint32_t bits;

        if (score != score) {
            return FAIL(err, REASON_TOKENIZER_FORM, scores->offset + 4 * (size_t)i, "the score of token %u is NaN", i);
        }
        memcpy(&bits, &score, sizeof bits);
        v->ranks[i] = bits >> 31 != 0 ? bits : 0x7fffffffU - bits;
    }
    return true;
}

/* Every two characters that stand side by side in a token that text can merge into. */
static void neighbours_set(struct vocabulary *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t left, right;
        size_t at = v->texts[i].len;

        if (vocabulary_is_text(v, i) && v->kinds[i] != VOCABULARY_BYTE && at != 0) {
            at = unicode_decode(v->texts[i], 0, &left);
        }
        for (; at < v->texts[i].len; left = right) {
            size_t bit;

            at += unicode_decode(v->texts[i], at, &right);
            bit = neighbour_hash(v, left, right);
            v->neighbours[bit / 64] |= (uint64_t)1 << bit % 64;
        }
    }
}

struct reading {
    struct buf joined;
    uint32_t next; /* the token that the next merge most often leads to: the one behind the last */
};

/* Token i is the text of both, and the one that counts by that text. */
static bool is_joined(const struct vocabulary *v, uint32_t i, struct bytes left, struct bytes right)
{
    return v->unique && i < v->count && v->texts[i].len == left.len + right.len &&
           memcmp(v->texts[i].p, left.p, left.len) == 0 && memcmp(v->texts[i].p + left.len, right.p, right.len) == 0;
}

/* "left right" */
static bool pair_split(struct bytes line, struct bytes out[2])
{
    const uint8_t *space = line.len > 1 ? memchr(line.p + 1, ' ', line.len - 1) : NULL;

    if (space == NULL || space == line.p + line.len - 1) {
        return false;
    }
    out[0] = bytes_of(line.p, (size_t)(space - line.p));
    out[1] = bytes_of(space + 1, line.len - out[0].len - 1);
    return true;
}

/* Fetches the memory that the next merges will most likely read: one after the other each would wait for it five times,
 * which is most of what reading a vocabulary takes. Nothing depends on what is guessed here. */
static void merges_foresee(const struct vocabulary *v, const struct bytes *lines, size_t count)
{
    const struct vocabulary_slot *slots[2 * FORESEEN];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        struct bytes pair[2];

        for (size_t side = 0; pair_split(lines[i], pair) && side < 2; side++) {
            slots[n] = &v->slots[text_hash(pair[side]) & v->slot_mask];
            __builtin_prefetch(slots[n++]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (slots[i]->symbol != VOCABULARY_NONE) {
            __builtin_prefetch(&v->texts[slots[i]->symbol]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (slots[i]->symbol != VOCABULARY_NONE) {
            __builtin_prefetch(v->texts[slots[i]->symbol].p);
        }
    }
    for (size_t i = 0; i + 1 < n; i += 2) {
        __builtin_prefetch(&v->merges[pair_hash(slots[i]->symbol, slots[i + 1]->symbol) & v->merge_mask], 1);
    }
}

/* The first of two equal pairs counts. */
static bool merge_read(struct vocabulary *v, struct bytes line, uint32_t rank, struct reading *r, struct err *err)
{
    struct vocabulary_merge m = {.rank = rank, .result = r->next};
    struct bytes pair[2], left, right;
    size_t at;

    if (!pair_split(line, pair)) {
        return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "merge %u is no pair", rank);
    }
    left = pair[0];
    right = pair[1];
    r->joined.len = 0;
    if (!intern(v, left, &m.left, err) || !intern(v, right, &m.right, err) ||
        (!is_joined(v, r->next, left, right) &&
         (!buf_add(&r->joined, left.p, left.len, err) || !buf_add(&r->joined, right.p, right.len, err) ||
          !intern(v, buf_bytes(&r->joined), &m.result, err)))) {
        return false;
    }
    r->next = m.result + 1;
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
    struct reading r = {.joined = BUF(LIMIT_GGUF_STRING)};
    struct bytes lines[FORESEEN];
    uint32_t rank = 0;
    size_t count;
    bool ok = true;

    do {
        for (count = 0; count < FORESEEN && gguf_strings_next(&strings, &lines[count]); count++) {
        }
        merges_foresee(v, lines, count);
        for (size_t i = 0; ok && i < count; i++) {
            ok = merge_read(v, lines[i], rank++, &r, err);
        }
    } while (ok && count == FORESEEN);
    buf_done(&r.joined);
    return ok;
}

static bool tables_alloc(struct vocabulary *v, bool spm, size_t merges, struct err *err)
{
    size_t symbols = v->count + (spm ? 0 : 256 + 3 * merges), pairs = table_size(merges);
    size_t bits = table_size(8 * (size_t)v->count);
    void *p[6] = {NULL};

    if (!arena_alloc(&v->memory, symbols, sizeof *v->texts, &p[0], err) ||
        !arena_alloc(&v->memory, v->count, sizeof *v->pieces, &p[1], err) ||
        !arena_alloc(&v->memory, v->count, 1, &p[2], err) || !slots_alloc(v, table_size((size_t)v->count + 256), err) ||
        !(spm ? arena_alloc(&v->memory, v->count, sizeof *v->ranks, &p[4], err) &&
                    arena_alloc(&v->memory, bits / 64 + 1, sizeof *v->neighbours, &p[5], err)
              : arena_alloc(&v->memory, pairs, sizeof *v->merges, &p[3], err))) {
        return false;
    }
    v->texts = p[0];
    v->pieces = p[1];
    v->kinds = p[2];
    v->merges = p[3];
    v->ranks = p[4];
    v->neighbours = p[5];
    if (!spm) {
        memset(v->merges, 0xff, pairs * sizeof *v->merges);
    }
    v->merge_mask = pairs - 1;
    v->neighbour_mask = bits - 1;
    return true;
}

bool vocabulary_init(const struct gguf *g, bool spm, struct vocabulary *out, struct err *err)
{
    struct vocabulary v = {.memory = ARENA(MEMORY_MAX), .unique = true};
    const struct gguf_pair *tokens, *merges = NULL;
    uint64_t merge_count;

    if (!gguf_get_array(g, "tokenizer.ggml.tokens", GGUF_STR, &tokens, err) ||
        (!spm && !gguf_get_array(g, "tokenizer.ggml.merges", GGUF_STR, &merges, err))) {
        return false;
    }
    merge_count = merges != NULL ? merges->count : 0;
    if (tokens->count == 0 || tokens->count > LIMIT_VOCABULARY || merge_count > LIMIT_VOCABULARY) {
        return FAIL(err, REASON_TOKENIZER_FORM, tokens->offset, "%llu tokens and %llu merges, at most %u are allowed",
                    (unsigned long long)tokens->count, (unsigned long long)merge_count, LIMIT_VOCABULARY);
    }
    v.count = (uint32_t)tokens->count;
    if (!tables_alloc(&v, spm, (size_t)merge_count, err) || !kinds_read(g, &v, err) || !tokens_read(tokens, &v, err) ||
        !(spm ? ranks_read(g, &v, err) : merges_read(merges, &v, err))) {
        arena_done(&v.memory);
        return false;
    }
    if (spm) {
        neighbours_set(&v);
    }
    *out = v;
    return true;
}

void vocabulary_done(struct vocabulary *v)
{
    arena_done(&v->memory);
}
