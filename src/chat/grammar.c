#include "chat/grammar.h"

#include <stdlib.h>

enum element_kind {
    ELEMENT_END, /* of a rule */
    ELEMENT_OR,  /* of an alternative; another one follows */
    ELEMENT_BYTES,
    ELEMENT_RULE,
};

struct element {
    enum element_kind kind;
    uint32_t value; /* index of a set, or of a rule */
};

struct grammar {
    struct element *elements;
    size_t count, room;
    uint32_t *rules; /* where each begins; UNSAID */
    size_t rule_count, rule_room;
    uint8_t (*sets)[32];
    size_t set_count, set_room;
    uint32_t root;
    bool failed, large;
};

#define UNSAID UINT32_MAX
#define NOTHING UINT32_MAX /* no parent: the whole text ends there */

/* What comes after an element that is read: a place in a rule, and in turn what comes after that rule. */
struct grammar_frame {
    uint32_t place, parent;
};

/* ---- making ---- */

bool grammar_new(struct grammar **out, struct err *err)
{
    struct grammar *g = calloc(1, sizeof *g);

    if (g == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a grammar");
    }
    *out = g;
    return true;
}

void grammar_free(struct grammar *g)
{
    if (g != NULL) {
        free(g->elements);
        free(g->rules);
        free(g->sets);
        free(g);
    }
}

/* Room for one more of size bytes. */
static bool grow(struct grammar *g, void **items, size_t count, size_t *room, size_t size)
{
    const size_t wanted = *room == 0 ? 64 : *room * 2;
    void *more;

    g->large = g->large || count >= GRAMMAR_ELEMENTS_MAX;
    if (g->failed || g->large) {
        return false;
    }
    if (count < *room) {
        return true;
    }
    more = reallocarray(*items, wanted, size);
    if (more == NULL) {
        g->failed = true;
        return false;
    }
    *items = more;
    *room = wanted;
    return true;
}

static void element_add(struct grammar *g, enum element_kind kind, uint32_t value)
{
    void *p = g->elements;

    if (grow(g, &p, g->count, &g->room, sizeof *g->elements)) {
        g->elements = p;
        g->elements[g->count++] = (struct element){kind, value};
    }
}

uint32_t grammar_rule(struct grammar *g)
{
    void *p = g->rules;

    if (!grow(g, &p, g->rule_count, &g->rule_room, sizeof *g->rules)) {
        return 0;
    }
    g->rules = p;
    g->rules[g->rule_count] = UNSAID;
    return (uint32_t)g->rule_count++;
}

void grammar_begin(struct grammar *g, uint32_t rule)
{
    if (rule < g->rule_count) {
        g->rules[rule] = (uint32_t)g->count;
    }
}

void grammar_or(struct grammar *g)
{
    element_add(g, ELEMENT_OR, 0);
}

void grammar_end(struct grammar *g)
{
    element_add(g, ELEMENT_END, 0);
}

void grammar_set(struct grammar *g, const uint8_t set[32])
{
    void *p = g->sets;

    for (size_t i = 0; i < g->set_count; i++) {
        if (memcmp(g->sets[i], set, sizeof g->sets[i]) == 0) {
            element_add(g, ELEMENT_BYTES, (uint32_t)i);
            return;
        }
    }
    if (grow(g, &p, g->set_count, &g->set_room, sizeof *g->sets)) {
        g->sets = p;
        memcpy(g->sets[g->set_count], set, sizeof g->sets[0]);
        element_add(g, ELEMENT_BYTES, (uint32_t)g->set_count++);
    }
}

void grammar_range(struct grammar *g, uint8_t from, uint8_t to)
{
    uint8_t set[32] = {0};

    for (unsigned c = from; c <= to; c++) {
        set[c / 8] |= (uint8_t)(1U << (c % 8));
    }
    grammar_set(g, set);
}

void grammar_text(struct grammar *g, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        grammar_range(g, text.p[i], text.p[i]);
    }
}

void grammar_use(struct grammar *g, uint32_t rule)
{
    element_add(g, ELEMENT_RULE, rule);
}

bool grammar_close(struct grammar *g, uint32_t root, struct err *err)
{
    g->root = root;
    for (size_t i = 0; i < g->rule_count; i++) {
        g->failed = g->failed || g->rules[i] == UNSAID;
    }
    if (g->large) {
        return FAIL(err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "the form that is asked for is too large");
    }
    return !g->failed || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a grammar");
}

/* ---- reading ---- */

struct walk {
    const struct grammar *g;
    struct grammar_frame frames[GRAMMAR_FRAMES_MAX]; /* each behind its parent */
    uint32_t heads[2][GRAMMAR_STACKS_MAX];           /* the ways before and behind a byte */
    size_t frame_count, head_count;
    bool whole, over;
};

struct grammar_state {
    struct walk now, next; /* next: what is tried */
    uint32_t moved[GRAMMAR_FRAMES_MAX];
};

static uint32_t frame_add(struct walk *w, uint32_t place, uint32_t parent)
{
    if (w->frame_count == GRAMMAR_FRAMES_MAX) {
        w->over = true;
        return 0;
    }
    w->frames[w->frame_count] = (struct grammar_frame){place, parent};
    return (uint32_t)w->frame_count++;
}

static void head_add(struct walk *w, uint32_t *heads, uint32_t place, uint32_t parent)
{
    for (size_t i = 0; i < w->head_count; i++) {
        if (w->frames[heads[i]].place == place && w->frames[heads[i]].parent == parent) {
            return;
        }
    }
    if (w->head_count == GRAMMAR_STACKS_MAX) {
        w->over = true;
        return;
    }
    heads[w->head_count++] = frame_add(w, place, parent);
}

/* Follows everything at place that takes no byte, up to sets of bytes. */
static void expand(struct walk *w, uint32_t *heads, uint32_t place, uint32_t parent, unsigned depth)
{
    const struct element *e = &w->g->elements[place];

    if (w->over || depth > 256) {
        w->over = true;
        return;
    }
    if (e->kind == ELEMENT_BYTES) {
        head_add(w, heads, place, parent);
    } else if (e->kind == ELEMENT_END || e->kind == ELEMENT_OR) {
        if (parent == NOTHING) {
            w->whole = true;
        } else {
            expand(w, heads, w->frames[parent].place, w->frames[parent].parent, depth + 1);
        }
    } else {
        const struct element *after = e + 1;
        /* The last element of an alternative needs no way back to it. */
        const uint32_t back =
            after->kind == ELEMENT_END || after->kind == ELEMENT_OR ? parent : frame_add(w, place + 1, parent);

        for (const struct element *a = &w->g->elements[w->g->rules[e->value]];; a++) {
            expand(w, heads, (uint32_t)(a - w->g->elements), back, depth + 1);
            while (a->kind != ELEMENT_END && a->kind != ELEMENT_OR) {
                a++;
            }
            if (a->kind == ELEMENT_END || w->over) {
                break;
            }
        }
    }
}

static void walk_copy(struct walk *to, const struct walk *from)
{
    to->g = from->g;
    to->frame_count = from->frame_count;
    to->head_count = from->head_count;
    to->whole = from->whole;
    to->over = false;
    memcpy(to->frames, from->frames, from->frame_count * sizeof *from->frames);
    memcpy(to->heads[0], from->heads[0], from->head_count * sizeof *from->heads[0]);
}

/* False: the text cannot come. The heads end in w->heads[0]. */
static bool walk_text(struct walk *w, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        const size_t before = w->head_count;

        w->head_count = 0;
        w->whole = false;
        for (size_t h = 0; h < before; h++) {
            const struct grammar_frame f = w->frames[w->heads[0][h]];
            const uint8_t *set = w->g->sets[w->g->elements[f.place].value];

            if ((set[text.p[i] / 8] >> (text.p[i] % 8) & 1) != 0) {
                expand(w, w->heads[1], f.place + 1, f.parent, 0);
            }
        }
        if (w->over || (w->head_count == 0 && !w->whole)) {
            return false;
        }
        memcpy(w->heads[0], w->heads[1], w->head_count * sizeof w->heads[0][0]);
    }
    return true;
}

/* What was tried becomes what is: only what its heads still need. */
static void next_take(struct grammar_state *s)
{
    const struct walk *from = &s->next;
    struct walk *to = &s->now;

    memset(s->moved, 0, from->frame_count * sizeof *s->moved);
    for (size_t i = 0; i < from->head_count; i++) {
        s->moved[from->heads[0][i]] = 1;
    }
    for (size_t i = from->frame_count; i > 0; i--) {
        if (s->moved[i - 1] != 0 && from->frames[i - 1].parent != NOTHING) {
            s->moved[from->frames[i - 1].parent] = 1;
        }
    }
    to->frame_count = 0;
    for (size_t i = 0; i < from->frame_count; i++) {
        if (s->moved[i] != 0) {
            const struct grammar_frame f = from->frames[i];

            s->moved[i] = (uint32_t)to->frame_count;
            to->frames[to->frame_count++] =
                (struct grammar_frame){f.place, f.parent == NOTHING ? NOTHING : s->moved[f.parent]};
        }
    }
    for (size_t i = 0; i < from->head_count; i++) {
        to->heads[0][i] = s->moved[from->heads[0][i]];
    }
    to->head_count = from->head_count;
    to->whole = from->whole;
}

bool grammar_start(const struct grammar *g, struct grammar_state **out, struct err *err)
{
    struct grammar_state *s = calloc(1, sizeof *s);
    const struct element *a = &g->elements[g->rules[g->root]];

    if (s == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a grammar's state");
    }
    s->now.g = g;
    for (;; a++) {
        expand(&s->now, s->now.heads[0], (uint32_t)(a - g->elements), NOTHING, 0);
        while (a->kind != ELEMENT_END && a->kind != ELEMENT_OR) {
            a++;
        }
        if (a->kind == ELEMENT_END) {
            break;
        }
    }
    if (s->now.over) {
        grammar_state_free(s);
        return FAIL(err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "the form can be read in too many ways");
    }
    *out = s;
    return true;
}

void grammar_state_free(struct grammar_state *s)
{
    free(s);
}

bool grammar_accepts(struct grammar_state *s, struct bytes text)
{
    walk_copy(&s->next, &s->now);
    return walk_text(&s->next, text);
}

bool grammar_advance(struct grammar_state *s, struct bytes text)
{
    if (!grammar_accepts(s, text)) {
        return false;
    }
    next_take(s);
    return true;
}

bool grammar_is_whole(const struct grammar_state *s)
{
    return s->now.whole;
}

bool grammar_is_over(const struct grammar_state *s)
{
    return s->now.head_count == 0;
}
