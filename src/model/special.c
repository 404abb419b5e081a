#include "model/special.h"

#include <stdlib.h>

#define TEXT_MAX 256 /* of a special token: each place of a text may be looked at so far */

/* User-defined tokens that parsers of answers act on, whatever the template says. */
static const char *const marks[] = {
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<|tool_call|>",
    "[TOOL_CALLS]",
    "[INST]",
    "[/INST]",
    "<|end|>",
    "<|start|>",
    "<|channel|>",
    "<|message|>",
    "<|constrain|>",
    "<start_function_declaration>",
    "<end_function_declaration>",
    "<start_function_call>",
    "<end_function_call>",
    "<start_function_response>",
    "<end_function_response>",
    "<escape>",
};

static bool contains(struct bytes where, struct bytes what)
{
    return what.len != 0 && where.len >= what.len && memmem(where.p, where.len, what.p, what.len) != NULL;
}

/* A name in brackets that the template writes or a parser reads. Plain words and runs of spaces, which some
 * vocabularies define too, are text. */
static bool is_mark(struct bytes text, struct bytes chat_template)
{
    bool brackets = text.len > 2 && ((text.p[0] == '<' && text.p[text.len - 1] == '>') ||
                                     (text.p[0] == '[' && text.p[text.len - 1] == ']'));

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (bytes_equal(text, bytes_of_str(marks[i]))) {
            return true;
        }
    }
    return brackets && contains(chat_template, text);
}

static int bytes_order(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n != 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int token_order(const void *a, const void *b)
{
    const struct special_token *x = a, *y = b;
    int order = bytes_order(x->text, y->text);

    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

bool special_init(const struct vocabulary *v, struct bytes chat_template, struct special *out, struct err *err)
{
    struct special s = {0};
    size_t count = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        count += v->kinds[i] >= VOCABULARY_UNKNOWN && v->kinds[i] <= VOCABULARY_DEFINED;
    }
    s.tokens = calloc(count + 1, sizeof *s.tokens);
    if (s.tokens == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu special tokens", count);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->kinds[i] >= VOCABULARY_UNKNOWN && v->kinds[i] <= VOCABULARY_DEFINED && v->texts[i].len > TEXT_MAX) {
            free(s.tokens);
            return FAIL(err, REASON_TOKENIZER_FORM, ERR_NOWHERE, "special token %u has %zu bytes, at most %d", i,
                        v->texts[i].len, TEXT_MAX);
        }
    }
    for (uint32_t i = 0; i < v->count; i++) {
        bool defined = v->kinds[i] == VOCABULARY_DEFINED;

        if ((defined || v->kinds[i] == VOCABULARY_CONTROL || v->kinds[i] == VOCABULARY_UNKNOWN) &&
            v->texts[i].len != 0) {
            s.tokens[s.count++] = (struct special_token){
                .text = v->texts[i],
                .id = i,
                .defined = defined,
                .mark = !defined || is_mark(v->texts[i], chat_template),
            };
        }
    }
    qsort(s.tokens, s.count, sizeof *s.tokens, token_order);
    for (size_t byte = 0, i = 0; byte <= 256; byte++) {
        while (i < s.count && s.tokens[i].text.p[0] < byte) {
            i++;
        }
        s.first[byte] = i;
    }
    *out = s;
    return true;
}

void special_done(struct special *s)
{
    free(s->tokens);
    *s = (struct special){0};
}

static bool allowed(const struct special_token *t, enum tokenizer_allow allow)
{
    switch (allow) {
    case TOKENIZER_ALLOW_ALL:
        return true;
    case TOKENIZER_ALLOW_DEFINED:
        return t->defined;
    case TOKENIZER_ALLOW_USER:
        return t->defined && !t->mark;
    }
    return false;
}

/* ---- What was found, as a heap: longer tokens first, then lower ids, then earlier places. ---- */

static bool before(const struct special_found *a, const struct special_found *b)
{
    return a->len != b->len ? a->len > b->len : a->id != b->id ? a->id < b->id : a->at < b->at;
}

static bool list_grow(struct special_list *list, struct err *err)
{
    if (list->count == list->cap) {
        size_t cap = list->cap != 0 ? list->cap * 2 : 16;
        struct special_found *p = reallocarray(list->p, cap, sizeof *p);

        if (p == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu special tokens", cap);
        }
        list->p = p;
        list->cap = cap;
    }
    return true;
}

static bool heap_push(struct special_list *heap, struct special_found f, struct err *err)
{
    size_t i;

    if (!list_grow(heap, err)) {
        return false;
    }
    for (i = heap->count++; i > 0 && before(&f, &heap->p[(i - 1) / 2]); i = (i - 1) / 2) {
        heap->p[i] = heap->p[(i - 1) / 2];
    }
    heap->p[i] = f;
    return true;
}

static struct special_found heap_pop(struct special_list *heap)
{
    struct special_found top = heap->p[0], last = heap->p[--heap->count];
    size_t i = 0;

    for (size_t child = 1; child < heap->count; child = 2 * i + 1) {
        if (child + 1 < heap->count && before(&heap->p[child + 1], &heap->p[child])) {
            child++;
        }
        if (!before(&heap->p[child], &last)) {
            break;
        }
        heap->p[i] = heap->p[child];
        i = child;
    }
    heap->p[i] = last;
    return top;
}

/* ---- Finding. ---- */

/* The first token in low..high whose byte at depth is at least `byte`; all of them share the bytes before. */
static size_t bound(const struct special *s, size_t low, size_t high, size_t depth, unsigned byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct bytes *t = &s->tokens[middle].text;

        if (t->len <= depth || t->p[depth] < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The longest token that text spells from its first byte on. */
static bool longest(const struct special *s, struct bytes text, enum tokenizer_allow allow, struct special_found *out)
{
    size_t low = text.len != 0 ? s->first[text.p[0]] : 0, high = text.len != 0 ? s->first[text.p[0] + 1] : 0;
    bool any = false;

    for (size_t depth = 0; low < high; depth++) {
        const struct special_token *hit = NULL;

        /* Equal texts stand together: the last one has the id that the vocabulary knows the text by. */
        for (; low < high && s->tokens[low].text.len == depth + 1; low++) {
            hit = &s->tokens[low];
        }
        if (hit != NULL && allowed(hit, allow)) {
            out->len = depth + 1;
            out->id = hit->id;
            any = true;
        }
        if (depth + 1 == text.len) {
            break;
        }
        low = bound(s, low, high, depth + 1, text.p[depth + 1]);
        high = bound(s, low, high, depth + 1, text.p[depth + 1] + 1U);
    }
    return any;
}

static int place_order(const void *a, const void *b)
{
    const struct special_found *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* A place has at most one entry in the heap, its longest; where that is in the way of another, a shorter one follows.
 */
bool special_find(const struct special *s, struct bytes text, size_t start, size_t len, enum tokenizer_allow allow,
                  struct special_list *out, struct err *err)
{
    struct special_list heap = {0};
    struct special_found f;
    uint8_t *taken = NULL;
    bool ok = true;

    for (size_t i = 0; ok && i < len; i++) {
        f.at = start + i;
        ok = !longest(s, bytes_of(text.p + f.at, len - i), allow, &f) || heap_push(&heap, f, err);
    }
    if (ok && heap.count != 0) {
        taken = calloc(len, 1);
        ok = taken != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", len);
    }
    while (ok && heap.count != 0) {
        uint8_t *place, *next;

        f = heap_pop(&heap);
        place = taken + (f.at - start);
        next = memchr(place, 1, f.len);
        if (next == NULL) {
            memset(place, 1, f.len);
            ok = list_grow(out, err);
            if (ok) {
                out->p[out->count++] = f;
            }
        } else if (longest(s, bytes_of(text.p + f.at, (size_t)(next - place)), allow, &f)) {
            ok = heap_push(&heap, f, err);
        }
    }
    if (ok && out->count != 0) {
        qsort(out->p, out->count, sizeof *out->p, place_order);
    }
    free(taken);
    free(heap.p);
    return ok;
}
