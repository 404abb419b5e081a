#include "chat/jinja_syntax.h"

#include <stdlib.h>

#define NODES_MAX 200000

/* ---- nodes ---- */

bool jinja_node_new(struct parser *p, enum jinja_kind kind, struct jinja_node **out)
{
    void *room;

    if (p->nodes++ > NODES_MAX) {
        return jinja_fail(p, "too many parts");
    }
    if (!arena_alloc(&p->t->arena, 1, sizeof(struct jinja_node), &room, p->err)) {
        return false;
    }
    *out = room;
    (*out)->kind = kind;
    (*out)->line = p->line;
    return true;
}

bool jinja_item_add(struct parser *p, struct jinja_node ***tail, struct jinja_node *a, struct jinja_node **out)
{
    struct jinja_node *n;

    if (!jinja_node_new(p, JINJA_ITEM, &n)) {
        return false;
    }
    n->a = a;
    **tail = n;
    *tail = &n->next;
    if (out != NULL) {
        *out = n;
    }
    return true;
}

/* ---- statements ---- */

/* Up to a tag whose word is one of ends (NULL behind the last), at which the token stands; ends NULL: to the end. */
static bool body_parse(struct parser *p, const char *const *ends, struct jinja_node **first);

static const char *const ends_if[] = {"elif", "else", "endif", NULL};
static const char *const ends_else[] = {"endif", NULL};
static const char *const ends_for[] = {"else", "endfor", NULL};
static const char *const ends_for_else[] = {"endfor", NULL};
static const char *const ends_set[] = {"endset", NULL};
static const char *const ends_filter[] = {"endfilter", NULL};
static const char *const ends_macro[] = {"endmacro", NULL};
static const char *const ends_generation[] = {"endgeneration", NULL};

/* Behind the head of a tag: its body, and the word that ends it. */
static bool block(struct parser *p, const char *const *ends, struct jinja_node **first)
{
    return jinja_tag_finish(p) && body_parse(p, ends, first) && jinja_next(p);
}

static bool if_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n;
    bool more;

    if (++p->depth > JINJA_DEPTH_MAX) {
        return jinja_fail(p, "nested too deeply");
    }
    if (!jinja_node_new(p, JINJA_IF, &n) || !jinja_expression(p, &n->a) || !jinja_tag_finish(p) ||
        !body_parse(p, ends_if, &n->first)) {
        return false;
    }
    *out = n;
    if (jinja_is_word(p, "elif")) {
        more = jinja_next(p) && if_parse(p, &n->b); /* which reads the endif */
    } else {
        const bool other = jinja_is_word(p, "else");

        more = jinja_next(p) && (!other || block(p, ends_else, &n->b));
    }
    p->depth--;
    return more;
}

/* a, b or (a, b). */
static bool targets(struct parser *p, struct jinja_node **names)
{
    const bool parenthesised = jinja_is_sign(p, "(");
    struct jinja_node **tail = names, *item;

    if (parenthesised && !jinja_next(p)) {
        return false;
    }
    for (;;) {
        if (p->token.kind != TOKEN_NAME) {
            return jinja_fail(p, "a name is missing");
        }
        if (!jinja_item_add(p, &tail, NULL, &item)) {
            return false;
        }
        item->text = p->token.text;
        if (!jinja_next(p)) {
            return false;
        }
        if (!jinja_is_sign(p, ",")) {
            return !parenthesised || jinja_expect(p, ")");
        }
        if (!jinja_next(p)) {
            return false;
        }
    }
}

static bool for_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n;

    if (!jinja_node_new(p, JINJA_FOR, &n) || !targets(p, &n->names)) {
        return false;
    }
    *out = n;
    if (!jinja_is_word(p, "in")) {
        return jinja_fail(p, "\"in\" is missing");
    }
    if (!jinja_next(p) || !jinja_or_parse(p, &n->a) ||
        (jinja_is_word(p, "if") && (!jinja_next(p) || !jinja_expression(p, &n->c)))) {
        return false;
    }
    if (jinja_is_word(p, "recursive")) {
        return jinja_fail(p, "a recursive loop");
    }
    if (!jinja_tag_finish(p) || !body_parse(p, ends_for, &n->first)) {
        return false;
    }
    if (jinja_is_word(p, "else")) {
        return jinja_next(p) && block(p, ends_for_else, &n->b);
    }
    return jinja_next(p);
}

static bool set_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n, *base;

    if (!jinja_node_new(p, JINJA_SET, &n) || !targets(p, &n->names)) {
        return false;
    }
    *out = n;
    if (jinja_is_sign(p, ".")) { /* of a namespace */
        if (!jinja_node_new(p, JINJA_NAME, &base)) {
            return false;
        }
        base->text = n->names->text;
        if (!jinja_get_parse(p, base, &n->d)) {
            return false;
        }
    }
    if (jinja_is_sign(p, "=")) {
        return jinja_next(p) && jinja_value_parse(p, &n->a);
    }
    return jinja_capture_parse(p, false, &base, &n->a) && block(p, ends_set, &base->first);
}

static bool filter_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *capture;

    return jinja_node_new(p, JINJA_PRINT, out) && jinja_capture_parse(p, true, &capture, &(*out)->a) &&
           block(p, ends_filter, &capture->first);
}

static bool macro_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n, **tail, *item;

    if (!jinja_node_new(p, JINJA_DEFINE, &n)) {
        return false;
    }
    *out = n;
    if (p->token.kind != TOKEN_NAME) {
        return jinja_fail(p, "the macro's name is missing");
    }
    n->text = p->token.text;
    tail = &n->names;
    if (!jinja_next(p) || !jinja_expect(p, "(")) {
        return false;
    }
    while (p->token.kind == TOKEN_NAME) {
        if (!jinja_item_add(p, &tail, NULL, &item)) {
            return false;
        }
        item->text = p->token.text;
        if (!jinja_next(p) || (jinja_is_sign(p, "=") && (!jinja_next(p) || !jinja_expression(p, &item->a)))) {
            return false;
        }
        if (!jinja_is_sign(p, ",")) {
            break;
        }
        if (!jinja_next(p)) {
            return false;
        }
    }
    return jinja_expect(p, ")") && block(p, ends_macro, &n->first);
}

static bool control_parse(struct parser *p, enum jinja_kind kind, struct jinja_node **out)
{
    return jinja_node_new(p, kind, out);
}

/* The word of the tag is the token. *out may stay NULL. */
static bool statement(struct parser *p, struct jinja_node **out)
{
    const struct jinja_str word = p->token.text;
    bool ok;

    if (p->token.kind != TOKEN_NAME) {
        return jinja_fail(p, "a statement is missing");
    }
    if (!jinja_next(p)) {
        return false;
    }
    if (jinja_str_is(word, "if")) {
        ok = if_parse(p, out);
    } else if (jinja_str_is(word, "for")) {
        ok = for_parse(p, out);
    } else if (jinja_str_is(word, "set")) {
        ok = set_parse(p, out);
    } else if (jinja_str_is(word, "filter")) {
        ok = filter_parse(p, out);
    } else if (jinja_str_is(word, "macro")) {
        ok = macro_parse(p, out);
    } else if (jinja_str_is(word, "break")) {
        ok = control_parse(p, JINJA_BREAK, out);
    } else if (jinja_str_is(word, "continue")) {
        ok = control_parse(p, JINJA_CONTINUE, out);
    } else if (jinja_str_is(word, "generation")) { /* marks what is trained on: its body is printed as any other */
        ok = block(p, ends_generation, out);
    } else {
        ok = jinja_fail_name(p, "the statement", word);
    }
    return ok && jinja_tag_finish(p);
}

/* White space that stands before a tag and is not printed. */
static size_t text_end(const struct parser *p, size_t from, size_t tag)
{
    const int sign = tag + 2 < p->s.len ? p->s.p[tag + 2] : 0;
    size_t end = tag;

    if (sign == '-') {
        while (end > from && jinja_is_space(p->s.p[end - 1])) {
            end--;
        }
    } else if (sign != '+' && p->s.p[tag + 1] != '{') { /* lstrip_blocks: up to the line's beginning */
        while (end > from && jinja_is_space(p->s.p[end - 1]) && p->s.p[end - 1] != '\n') {
            end--;
        }
        if (end > 0 && p->s.p[end - 1] != '\n') {
            end = tag;
        }
    }
    return end;
}

static bool text_add(struct parser *p, size_t from, size_t to, struct jinja_node ***tail)
{
    struct jinja_node *n;

    if (from == to) {
        return true;
    }
    if (!jinja_node_new(p, JINJA_TEXT, &n)) {
        return false;
    }
    n->text = (struct jinja_str){.p = p->s.p + from, .len = to - from};
    **tail = n;
    *tail = &n->next;
    return true;
}

static size_t tag_find(const struct parser *p)
{
    size_t i = p->at;

    while (i + 1 < p->s.len &&
           (p->s.p[i] != '{' || (p->s.p[i + 1] != '{' && p->s.p[i + 1] != '%' && p->s.p[i + 1] != '#'))) {
        i++;
    }
    return i + 1 < p->s.len ? i : p->s.len;
}

/* Behind "{#". */
static bool comment(struct parser *p)
{
    for (; p->at + 1 < p->s.len; p->at++) {
        if (p->s.p[p->at] == '#' && p->s.p[p->at + 1] == '}') {
            const char before = (char)p->s.p[p->at - 1];

            p->at += 2;
            jinja_tag_closed(p, before, '#');
            return true;
        }
    }
    return jinja_fail(p, "a comment without its end");
}

static bool print_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n;

    if (!jinja_next(p) || !jinja_node_new(p, JINJA_PRINT, &n) || !jinja_value_parse(p, &n->a)) {
        return false;
    }
    *out = n;
    return jinja_tag_finish(p);
}

static bool is_end(const struct parser *p, const char *const *ends)
{
    for (size_t i = 0; ends != NULL && ends[i] != NULL; i++) {
        if (jinja_is_word(p, ends[i])) {
            return true;
        }
    }
    return false;
}

/* A block or print tag, at its second character. *ended: it is one of ends. */
static bool tag_parse(struct parser *p, const char *const *ends, struct jinja_node **out, bool *ended)
{
    const size_t sign = p->at + 1 < p->s.len && (p->s.p[p->at + 1] == '-' || p->s.p[p->at + 1] == '+');

    *ended = false;
    p->tag = (char)p->s.p[p->at];
    p->braces = 0;
    p->at += 1 + sign;
    if (p->tag == '{') {
        return print_parse(p, out);
    }
    if (!jinja_next(p)) {
        return false;
    }
    *ended = is_end(p, ends);
    return *ended || statement(p, out);
}

static bool body_parse(struct parser *p, const char *const *ends, struct jinja_node **first)
{
    struct jinja_node **tail = first;
    bool ended = false;

    if (++p->depth > JINJA_DEPTH_MAX) {
        return jinja_fail(p, "nested too deeply");
    }
    while (!ended) {
        const size_t from = p->at, tag = tag_find(p);

        if (!text_add(p, from, tag < p->s.len ? text_end(p, from, tag) : tag, &tail)) {
            return false;
        }
        p->at = tag;
        if (tag == p->s.len) {
            jinja_lines_count(p);
            p->depth--;
            return ends == NULL || jinja_fail(p, "a block without its end");
        }
        p->at = tag + 1;
        if (p->s.p[p->at] == '#') {
            p->at++;
            if (!comment(p)) {
                return false;
            }
        } else if (!tag_parse(p, ends, tail, &ended)) {
            return false;
        }
        while (*tail != NULL) {
            tail = &(*tail)->next;
        }
    }
    p->depth--;
    return true;
}

/* Line ends are "\n", and one at the very end is none of the text's. */
static bool text_copy(struct jinja *t, struct bytes text, struct bytes *out, struct err *err)
{
    uint8_t *copy;
    size_t len = 0;

    if (text.len > JINJA_TEMPLATE_MAX) {
        return FAIL(err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE, "a chat template of %zu bytes", text.len);
    }
    if (!arena_copy(&t->arena, text, &copy, err)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const bool end = copy[i] == '\r';

        i += end && i + 1 < text.len && copy[i + 1] == '\n';
        copy[len++] = end ? '\n' : copy[i];
    }
    *out = bytes_of(copy, len - (len > 0 && copy[len - 1] == '\n'));
    return true;
}

bool jinja_parse(struct bytes text, struct jinja **out, struct err *err)
{
    struct parser p = {.t = malloc(sizeof *p.t), .line = 1, .err = err};

    if (p.t == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a chat template");
    }
    *p.t = (struct jinja){.arena = ARENA(JINJA_MEMORY_MAX)};
    if (!text_copy(p.t, text, &p.s, err) || !body_parse(&p, NULL, &p.t->body)) {
        jinja_free(p.t);
        return false;
    }
    *out = p.t;
    return true;
}

void jinja_free(struct jinja *t)
{
    if (t != NULL) {
        arena_done(&t->arena);
        free(t);
    }
}
