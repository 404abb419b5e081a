#include "model/bpe.h"

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
    struct bpe_symbol *symbols;
    struct bpe_pair *heap;

    if (n <= b->cap) {
        return true;
    }
    if (n > UINT32_MAX / 4) {
        return FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "a word of %zu bytes", n);
    }
    symbols = reallocarray(b->symbols, n, sizeof *symbols);
    if (symbols == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a word of %zu bytes", n);
    }
    b->symbols = symbols;
    /* n - 1 pairs at first, and at most two new ones for each of n - 1 merges. */
    heap = reallocarray(b->heap, 3 * n, sizeof *heap);
    if (heap == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a word of %zu bytes", n);
    }
    b->heap = heap;
    b->cap = n;
    return true;
}

static void pair_push(struct bpe *b, size_t *count, const struct vocabulary *v, uint32_t left)
{
    uint32_t right = left == GONE ? GONE : b->symbols[left].behind;
    const struct vocabulary_merge *m;

    if (right == GONE) {
        return;
    }
    m = vocabulary_merge(v, b->symbols[left].symbol, b->symbols[right].symbol);
    if (m != NULL) {
        heap_push(
            b->heap, count,
            (struct bpe_pair){.rank = m->rank, .at = left, .left = m->left, .right = m->right, .result = m->result});
    }
}

static void merge_all(struct bpe *b, const struct vocabulary *v, size_t n)
{
    struct bpe_symbol *s = b->symbols;
    size_t pairs = 0;

    for (uint32_t i = 0; i + 1 < n; i++) {
        pair_push(b, &pairs, v, i);
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
        pair_push(b, &pairs, v, s[p.at].before);
        pair_push(b, &pairs, v, p.at);
    }
}

bool bpe_word(struct bpe *b, const struct vocabulary *v, struct bytes word, struct tokenizer_ids *ids, struct err *err)
{
    uint32_t n = (uint32_t)word.len;

    if (!room(b, word.len, err)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        b->symbols[i] = (struct bpe_symbol){.symbol = v->bytes[word.p[i]],
                                            .start = i,
                                            .len = 1,
                                            .before = i == 0 ? GONE : i - 1,
                                            .behind = i + 1 == n ? GONE : i + 1};
    }
    merge_all(b, v, n);
    for (uint32_t i = 0; i != GONE && n != 0; i = b->symbols[i].behind) {
        const struct bpe_symbol *s = &b->symbols[i];

        if (vocabulary_is_text(v, s->symbol)) {
            if (!tokenizer_ids_add(ids, s->symbol, err)) {
                return false;
            }
            continue;
        }
        /* A merge whose result is no token of text: its bytes one by one. */
        for (uint32_t j = s->start; j < s->start + s->len; j++) {
            uint32_t byte = v->bytes[word.p[j]];

            if (vocabulary_is_text(v, byte) && !tokenizer_ids_add(ids, byte, err)) {
                return false;
            }
        }
    }
    return true;
}
