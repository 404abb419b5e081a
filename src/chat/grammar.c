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

/* What is to be read: a place in a rule, and in turn what comes after that rule. Those that are the same are one, so
 * that ways which meet are followed once. */
struct frame {
    uint32_t place, parent;
    uint32_t link; /* to the next one of its bucket */
    uint32_t seen; /* with which byte it was followed last */
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

/* Room for one more of size bytes, of at most so many. */
static bool grow(struct grammar *g, void **items, size_t count, size_t *room, size_t size, size_t most)
{
    const size_t wanted = *room == 0 ? 64 : *room * 2;
    void *more;

    g->large = g->large || count >= most;
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

    if (grow(g, &p, g->count, &g->room, sizeof *g->elements, GRAMMAR_ELEMENTS_MAX)) {
        g->elements = p;
        g->elements[g->count++] = (struct element){kind, value};
    }
}

uint32_t grammar_rule(struct grammar *g)
{
    void *p = g->rules;

    if (!grow(g, &p, g->rule_count, &g->rule_room, sizeof *g->rules, GRAMMAR_ELEMENTS_MAX)) {
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
    if (grow(g, &p, g->set_count, &g->set_room, sizeof *g->sets, GRAMMAR_SETS_MAX)) {
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

bool grammar_failed(const struct grammar *g)
{
    return g->failed || g->large;
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

#define BUCKETS 1024
#define CHECK_MAX 4000000 /* frames of all rules of a grammar together */
#define EXPAND_DEPTH_MAX 1024
#define POINT_HEADS_MAX 32768

/* Where some text leads to. What can be read there does not depend on how it was reached, so that each byte is followed
 * from there once, and all the texts of a vocabulary cost little more than one look at each of their bytes. */
struct point {
    uint32_t first, count; /* its ways, in s->point_heads: frames in front of a set of bytes */
    bool whole;
    uint16_t next[256]; /* NEXT_UNKNOWN, NEXT_NONE, or a point */
};

#define NEXT_UNKNOWN 0 /* nothing leads to point 0, where the text so far ends, without being followed anew */
#define NEXT_NONE UINT16_MAX

struct grammar_state {
    const struct grammar *g;
    struct frame frames[GRAMMAR_FRAMES_MAX]; /* each behind its parent */
    uint32_t buckets[BUCKETS];
    size_t frame_count, kept; /* kept: those of the ways so far; the others are of what is tried */
    struct point points[GRAMMAR_POINTS_MAX];
    size_t point_count;
    uint32_t point_heads[POINT_HEADS_MAX + GRAMMAR_STACKS_MAX];
    uint8_t first[32];                  /* the bytes that may come next */
    uint32_t tried[GRAMMAR_STACKS_MAX]; /* the ways behind a byte that is tried */
    size_t tried_count;
    bool tried_whole, over;
    uint32_t byte; /* counts those that were tried, never 0 */
    uint32_t moved[GRAMMAR_FRAMES_MAX];
};

static uint32_t *bucket_of(struct grammar_state *s, uint32_t place, uint32_t parent)
{
    return &s->buckets[(place * 2654435761U ^ parent * 2246822519U) >> 22];
}

static uint32_t frame_put(struct grammar_state *s, size_t at, uint32_t place, uint32_t parent)
{
    uint32_t *bucket = bucket_of(s, place, parent);

    s->frames[at] = (struct frame){place, parent, *bucket, 0};
    *bucket = (uint32_t)at;
    return (uint32_t)at;
}

static uint32_t frame_get(struct grammar_state *s, uint32_t place, uint32_t parent)
{
    uint32_t i = *bucket_of(s, place, parent);

    while (i != NOTHING && (s->frames[i].place != place || s->frames[i].parent != parent)) {
        i = s->frames[i].link;
    }
    if (i != NOTHING) {
        return i;
    }
    if (s->frame_count == GRAMMAR_FRAMES_MAX) {
        s->over = true;
        return 0;
    }
    return frame_put(s, s->frame_count++, place, parent);
}

/* Back to the first n frames. */
static void frames_drop(struct grammar_state *s, size_t n)
{
    while (s->frame_count > n) {
        const struct frame *f = &s->frames[--s->frame_count];

        *bucket_of(s, f->place, f->parent) = f->link;
    }
}

static void byte_begin(struct grammar_state *s)
{
    s->byte = s->byte == UINT32_MAX ? 1 : s->byte + 1;
    s->tried_count = 0;
    s->tried_whole = false;
}

static void expand(struct grammar_state *s, uint32_t place, uint32_t parent, unsigned depth);

/* Each alternative of a rule. */
static void expand_rule(struct grammar_state *s, uint32_t rule, uint32_t back, unsigned depth)
{
    for (const struct element *a = &s->g->elements[s->g->rules[rule]];; a++) {
        expand(s, (uint32_t)(a - s->g->elements), back, depth);
        while (a->kind != ELEMENT_END && a->kind != ELEMENT_OR) {
            a++;
        }
        if (a->kind == ELEMENT_END || s->over) {
            break;
        }
    }
}

/* Follows everything at place that takes no byte, up to sets of bytes. */
static void expand(struct grammar_state *s, uint32_t place, uint32_t parent, unsigned depth)
{
    const struct element *e = &s->g->elements[place];
    const uint32_t frame = frame_get(s, place, parent);

    s->over = s->over || depth > EXPAND_DEPTH_MAX;
    if (s->over || s->frames[frame].seen == s->byte) {
        return;
    }
    s->frames[frame].seen = s->byte;
    if (e->kind == ELEMENT_BYTES) {
        s->over = s->tried_count == GRAMMAR_STACKS_MAX;
        if (!s->over) {
            s->tried[s->tried_count++] = frame;
        }
    } else if (e->kind == ELEMENT_RULE) {
        const struct element *after = e + 1;
        /* The last element of an alternative needs no way back to it. */
        const uint32_t back =
            after->kind == ELEMENT_END || after->kind == ELEMENT_OR ? parent : frame_get(s, place + 1, parent);

        expand_rule(s, e->value, back, depth + 1);
    } else if (parent == NOTHING) {
        s->tried_whole = true;
    } else {
        expand(s, s->frames[parent].place, s->frames[parent].parent, depth + 1);
    }
}

static const uint8_t *head_set(const struct grammar_state *s, uint32_t head)
{
    return s->g->sets[s->g->elements[s->frames[head].place].value];
}

static bool set_has(const uint8_t set[32], uint8_t byte)
{
    return (set[byte / 8] >> (byte % 8) & 1) != 0;
}

/* Back to the text so far. */
static void points_drop(struct grammar_state *s)
{
    frames_drop(s, s->kept);
    s->point_count = 1;
    memset(s->points[0].next, 0, sizeof s->points[0].next);
    s->over = false;
}

/* What was tried, as a point; NEXT_NONE: there is no room. */
static uint16_t point_put(struct grammar_state *s)
{
    const struct point *last = &s->points[s->point_count - 1];
    const uint32_t first = last->first + last->count;
    struct point *p = &s->points[s->point_count];

    for (size_t i = 1; i < s->point_count; i++) {
        const struct point *other = &s->points[i];

        if (other->count == s->tried_count && other->whole == s->tried_whole &&
            memcmp(s->point_heads + other->first, s->tried, s->tried_count * sizeof *s->tried) == 0) {
            return (uint16_t)i;
        }
    }
    if (s->point_count == GRAMMAR_POINTS_MAX || first + s->tried_count > POINT_HEADS_MAX) {
        return NEXT_NONE;
    }
    memcpy(s->point_heads + first, s->tried, s->tried_count * sizeof *s->tried);
    p->first = first;
    p->count = (uint32_t)s->tried_count;
    p->whole = s->tried_whole;
    memset(p->next, 0, sizeof p->next);
    return (uint16_t)s->point_count++;
}

/* One byte from a point. NEXT_NONE: it cannot come, or s->over: not be followed. */
static uint16_t follow(struct grammar_state *s, uint16_t from, uint8_t byte)
{
    const struct point *p = &s->points[from];
    uint16_t to = NEXT_NONE;

    byte_begin(s);
    for (size_t i = 0; i < p->count; i++) {
        const uint32_t head = s->point_heads[p->first + i];
        const struct frame f = s->frames[head];

        if (set_has(head_set(s, head), byte)) {
            expand(s, f.place + 1, f.parent, 0);
        }
    }
    if (s->over) {
        return NEXT_NONE;
    }
    if (s->tried_count > 0 || s->tried_whole) {
        to = point_put(s);
        s->over = to == NEXT_NONE;
    }
    if (!s->over) {
        s->points[from].next[byte] = to;
    }
    return to;
}

static uint16_t follow_all(struct grammar_state *s, struct bytes text)
{
    uint16_t at = 0;

    for (size_t i = 0; i < text.len && at != NEXT_NONE; i++) {
        const uint16_t to = s->points[at].next[text.p[i]];

        at = to != NEXT_UNKNOWN ? to : follow(s, at, text.p[i]);
    }
    return at;
}

/* Where the text leads to; NEXT_NONE: it cannot come. That it cannot be followed for what others left there is no
 * answer: it is followed alone. */
static uint16_t walk(struct grammar_state *s, struct bytes text)
{
    uint16_t at;

    s->over = false;
    at = follow_all(s, text);
    if (s->over) {
        points_drop(s);
        at = follow_all(s, text);
    }
    return at;
}

/* A point becomes the text so far: only what its ways still need. */
static void take(struct grammar_state *s, const uint32_t *heads, size_t count, bool whole)
{
    memset(s->moved, 0, s->frame_count * sizeof *s->moved);
    for (size_t i = 0; i < count; i++) {
        s->moved[heads[i]] = 1;
    }
    for (size_t i = s->frame_count; i > 0; i--) {
        if (s->moved[i - 1] != 0 && s->frames[i - 1].parent != NOTHING) {
            s->moved[s->frames[i - 1].parent] = 1;
        }
    }
    s->kept = 0;
    memset(s->buckets, 0xff, sizeof s->buckets);
    for (size_t i = 0; i < s->frame_count; i++) {
        if (s->moved[i] != 0) {
            const struct frame f = s->frames[i];

            s->moved[i] = frame_put(s, s->kept++, f.place, f.parent == NOTHING ? NOTHING : s->moved[f.parent]);
        }
    }
    s->frame_count = s->kept;
    memset(s->first, 0, sizeof s->first);
    for (size_t i = 0; i < count; i++) {
        s->point_heads[i] = s->moved[heads[i]];
        for (size_t k = 0; k < sizeof s->first; k++) {
            s->first[k] |= head_set(s, s->point_heads[i])[k];
        }
    }
    s->points[0].first = 0;
    s->points[0].count = (uint32_t)count;
    s->points[0].whole = whole;
    points_drop(s);
}

/* From a rule's beginning, in s->tried. */
static void rule_begin(struct grammar_state *s, uint32_t rule)
{
    frames_drop(s, 0);
    byte_begin(s);
    expand_rule(s, rule, NOTHING, 0);
}

/* No rule by itself can be read in more ways than are followed, and the root in some: what could not be held is
 * refused before it begins. */
static bool rules_are_followed(struct grammar_state *s, struct err *err)
{
    size_t frames = 0;

    for (uint32_t r = 0; r < s->g->rule_count; r++) {
        rule_begin(s, r);
        frames += s->frame_count;
        if (s->over || frames > CHECK_MAX) {
            return FAIL(err, REASON_SCHEMA_UNSUPPORTED, ERR_NOWHERE, "the form can be read in too many ways");
        }
        if (s->tried_count == 0 && !s->tried_whole) {
            return FAIL(err, REASON_SCHEMA_FORM, ERR_NOWHERE, "a schema that is nothing but itself");
        }
    }
    return true;
}

bool grammar_start(const struct grammar *g, struct grammar_state **out, struct err *err)
{
    struct grammar_state *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a grammar's state");
    }
    s->g = g;
    memset(s->buckets, 0xff, sizeof s->buckets);
    if (!rules_are_followed(s, err)) {
        grammar_state_free(s);
        return false;
    }
    rule_begin(s, g->root);
    take(s, s->tried, s->tried_count, s->tried_whole);
    *out = s;
    return true;
}

void grammar_state_free(struct grammar_state *s)
{
    free(s);
}

bool grammar_accepts(struct grammar_state *s, struct bytes text)
{
    return text.len == 0 || (set_has(s->first, text.p[0]) && walk(s, text) != NEXT_NONE);
}

bool grammar_advance(struct grammar_state *s, struct bytes text)
{
    const uint16_t at = text.len == 0 ? 0 : walk(s, text);

    if (at != 0 && at != NEXT_NONE) {
        take(s, s->point_heads + s->points[at].first, s->points[at].count, s->points[at].whole);
    }
    return at != NEXT_NONE;
}

bool grammar_is_whole(const struct grammar_state *s)
{
    return s->points[0].whole;
}

bool grammar_is_over(const struct grammar_state *s)
{
    return s->points[0].count == 0;
}
