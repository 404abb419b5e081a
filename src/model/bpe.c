#include "model/bpe.h"

#include "model/unicode.h"

#include <stdlib.h>

#define GONE UINT32_MAX /* as a symbol: merged into the one before it */

struct bpe_symbol {
    uint32_t symbol;
    uint32_t start, len;     /* the bytes of the word that it stands for */
    uint32_t before, behind; /* neighbours; GONE: none */
};

struct bpe_pair {
    uint32_t rank, at;    /* at: the left symbol */
    uint32_t left, right; /* what both were when the pair was seen */
    uint32_t result;
};

void bpe_done(struct bpe *b)
{
    if (b->cap != 0) { /* they spell a prompt */
        explicit_bzero(b->symbols, b->cap * sizeof *b->symbols);
        explicit_bzero(b->heap, 3 * b->cap * sizeof *b->heap);
    }
    free(b->symbols);
    free(b->heap);
    *b = (struct bpe){0};
}

static bool less(const struct bpe_pair *a, const struct bpe_pair *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(struct bpe_pair *heap, size_t *count, struct bpe_pair p)
{
    size_t i = (*count)++;

    for (; i > 0 && less(&p, &heap[(i - 1) / 2]); i = (i - 1) / 2) {
        heap[i] = heap[(i - 1) / 2];
    }
    heap[i] = p;
}

static struct bpe_pair heap_pop(struct bpe_pair *heap, size_t *count)
{
    struct bpe_pair top = heap[0], last = heap[--*count];
    size_t i = 0;

    for (size_t child = 1; child < *count; child = 2 * i + 1) {
        if (child + 1 < *count && less(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!less(&heap[child], &last)) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

static bool room(struct bpe *b, size_t n, struct err *err)
{
    if (n <= b->cap) {
        return true;
    }
    if (n > UINT32_MAX / 4) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "a word of %zu bytes", n);
    }
    bpe_done(b);
    b->symbols = calloc(n, sizeof *b->symbols);
    b->heap = calloc(3 * n, sizeof *b->heap); /* n - 1 pairs at first, and at most two for each of n - 1 merges */
    if (b->symbols == NULL || b->heap == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a word of %zu bytes", n);
    }
    b->cap = n;
    return true;
}

static void pair_push(struct bpe *b, size_t *count, const struct vocabulary *v, struct bytes word, uint32_t left)
{
    uint32_t right = left == GONE ? GONE : b->symbols[left].behind;
    const struct bpe_symbol *x, *y;
    struct bpe_pair p;

    if (right == GONE) {
        return;
    }
    x = &b->symbols[left];
    y = &b->symbols[right];
    p = (struct bpe_pair){.at = left, .left = x->symbol, .right = y->symbol};
    if (vocabulary_merge(v, p.left, p.right, bytes_of(word.p + x->start, x->len + y->len), &p.rank, &p.result)) {
        heap_push(b->heap, count, p);
    }
}

static void merge_all(struct bpe *b, const struct vocabulary *v, struct bytes word, size_t n)
{
    struct bpe_symbol *s = b->symbols;
    size_t pairs = 0;

    for (uint32_t i = 0; i + 1 < n; i++) {
        pair_push(b, &pairs, v, word, i);
    }
    while (pairs != 0) {
        struct bpe_pair p = heap_pop(b->heap, &pairs);
        uint32_t right = s[p.at].behind;

        /* Seen before a neighbour was merged: no longer there. */
        if (s[p.at].symbol != p.left || right == GONE || s[right].symbol != p.right) {
            continue;
        }
        s[p.at].symbol = p.result;
        s[p.at].len += s[right].len;
        s[p.at].behind = s[right].behind;
        s[right].symbol = GONE;
        if (s[p.at].behind != GONE) {
            s[s[p.at].behind].before = p.at;
        }
        pair_push(b, &pairs, v, word, s[p.at].before);
        pair_push(b, &pairs, v, word, p.at);
    }
}

/* A symbol for each byte, or each character. */
static uint32_t symbols_set(struct bpe *b, const struct vocabulary *v, struct bytes word)
{
    uint32_t n = 0;

    for (uint32_t at = 0; at < word.len; n++) {
        uint32_t code, symbol = v->bytes[word.p[at]], len = 1;

        if (v->ranks != NULL) {
            len = (uint32_t)unicode_decode(word, at, &code);
            symbol = vocabulary_find(v, bytes_of(word.p + at, len));
            symbol = vocabulary_is_text(v, symbol) ? symbol : VOCABULARY_RAW;
        }
        b->symbols[n] =
            (struct bpe_symbol){.symbol = symbol, .start = at, .len = len, .before = n - 1, .behind = n + 1};
        at += len;
    }
    if (n != 0) {
        b->symbols[0].before = GONE;
        b->symbols[n - 1].behind = GONE;
    }
    return n;
}

bool bpe_word(struct bpe *b, const struct vocabulary *v, struct bytes word, struct tokenizer_ids *ids, struct err *err)
{
    uint32_t n;

    if (!room(b, word.len, err)) {
        return false;
    }
    n = symbols_set(b, v, word);
    merge_all(b, v, word, n);
    for (uint32_t i = 0; i != GONE && n != 0; i = b->symbols[i].behind) {
        const struct bpe_symbol *s = &b->symbols[i];

        if (vocabulary_is_text(v, s->symbol)) {
            if (!tokenizer_ids_add(ids, s->symbol, err)) {
                return false;
            }
            continue;
        }
        /* A character, or a merge's result, that is no token of text: its bytes one by one. */
        for (uint32_t j = s->start; j < s->start + s->len; j++) {
            uint32_t byte = v->bytes[word.p[j]];

            if (vocabulary_is_text(v, byte) && !tokenizer_ids_add(ids, byte, err)) {
                return false;
            }
        }
    }
    return true;
}
