#include "model/special.h"

#include <stdlib.h>

/* User-defined tokens that parsers of answers act on, whatever the template says. */
static const char *const marks[] = {
    "<think>",          "</think>",      "<tool_call>",  "</tool_call>", "<tool_response>",
    "</tool_response>", "<|tool_call|>", "[TOOL_CALLS]", "[INST]",       "[/INST]",
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

static bool found_add(struct special_list *list, struct special_found found, struct err *err)
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
    list->p[list->count++] = found;
    return true;
}

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

/* Every token that text spells from its first byte on. */
static bool spelled_at(const struct special *s, struct bytes text, size_t at, enum tokenizer_allow allow,
                       struct special_list *out, struct err *err)
{
    size_t low = 0, high = s->count;

    for (size_t depth = 0; depth < text.len && low < high; depth++) {
        const struct special_token *hit = NULL;

        low = bound(s, low, high, depth, text.p[depth]);
        high = bound(s, low, high, depth, text.p[depth] + 1U);
        /* Equal texts stand together: the last one has the id that the vocabulary knows the text by. */
        for (size_t i = low; i < high && s->tokens[i].text.len == depth + 1; i++) {
            hit = &s->tokens[i];
        }
        if (hit != NULL && allowed(hit, allow) &&
            !found_add(out, (struct special_found){.at = at, .len = depth + 1, .id = hit->id}, err)) {
            return false;
        }
    }
    return true;
}

static int rank_order(const void *a, const void *b)
{
    const struct special_found *x = a, *y = b;

    if (x->len != y->len) {
        return x->len < y->len ? 1 : -1;
    }
    if (x->id != y->id) {
        return x->id > y->id ? 1 : -1;
    }
    return (x->at > y->at) - (x->at < y->at);
}

static int place_order(const void *a, const void *b)
{
    const struct special_found *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

bool special_find(const struct special *s, struct bytes text, size_t start, size_t len, enum tokenizer_allow allow,
                  struct special_list *out, struct err *err)
{
    struct special_list all = {0};
    uint8_t *taken = NULL;
    bool ok = true;

    for (size_t i = 0; ok && i < len; i++) {
        ok = spelled_at(s, bytes_of(text.p + start + i, len - i), start + i, allow, &all, err);
    }
    if (!ok || all.count == 0) {
        goto out;
    }
    taken = calloc(len, 1);
    if (taken == NULL) {
        ok = FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", len);
        goto out;
    }
    qsort(all.p, all.count, sizeof *all.p, rank_order);
    for (size_t i = 0; ok && i < all.count; i++) {
        const struct special_found *f = &all.p[i];

        if (memchr(taken + (f->at - start), 1, f->len) == NULL) {
            memset(taken + (f->at - start), 1, f->len);
            ok = found_add(out, *f, err);
        }
    }
out:
    if (ok && out->count != 0) {
        qsort(out->p, out->count, sizeof *out->p, place_order);
    }
    free(taken);
    free(all.p);
    return ok;
}
