#include "codec/value.h"

#include "base/arena.h"
#include "base/limits.h"
#include "codec/pull.h"
#include "codec/utf8.h"

#include <stdlib.h>

#define TREE_MEMORY MIB(256) /* LIMIT_JSON_VALUES bounds it before */
#define SORTED_FROM 16       /* members; below, looking at all is as fast */
#define NODES 64             /* that are taken at once */

struct value_tree {
    struct arena arena;
    unsigned refs;
};

/* ---- parsing ---- */

struct builder {
    struct pull pull;
    struct value_tree *tree;
    struct value_member *open; /* of all containers that are open, the innermost last */
    size_t open_count, open_room;
    struct {
        struct value *container;
        size_t first;
    } levels[LIMIT_JSON_DEPTH];
    size_t depth;
    char *text; /* where the next name or string goes: all of them are no longer than the text */
    struct value *nodes;
    size_t nodes_left;
    const char *wanted; /* the outermost object's member whose bytes are; NULL: none */
    bool in_wanted;
    size_t wanted_at, wanted_end;
};

static bool open_add(struct builder *b, struct value_member m, struct err *err)
{
    if (b->open_count == b->open_room) {
        const size_t room = b->open_room == 0 ? 64 : 2 * b->open_room;
        struct value_member *more = realloc(b->open, room * sizeof *more);

        if (more == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu values", room);
        }
        b->open = more;
        b->open_room = room;
    }
    b->open[b->open_count++] = m;
    return true;
}

/* The token's characters, zero-terminated. Together with its zero it is never longer than with what stands around it.
 */
static const char *text_copy(struct builder *b, const struct pull_token *t, size_t *len)
{
    char *copy = b->text;

    if (t->escaped) {
        *len = pull_unescape(t->text, copy);
    } else {
        memcpy(copy, t->text.p, t->text.len);
        *len = t->text.len;
    }
    copy[*len] = '\0';
    b->text += *len + 1;
    return copy;
}

static int name_compare(const struct value_member *a, const struct value_member *b)
{
    if (a->name_len != b->name_len) {
        return a->name_len < b->name_len ? -1 : 1;
    }
    return memcmp(a->name, b->name, a->name_len);
}

static int sorted_compare(const void *a, const void *b)
{
    return name_compare(*(const struct value_member *const *)a, *(const struct value_member *const *)b);
}

/* A closed object's index, and that no name is there twice. */
static bool members_check(struct builder *b, struct value *object, size_t at, struct err *err)
{
    bool twice = false;
    void *memory;

    if (object->count <= SORTED_FROM) {
        for (size_t i = 1; i < object->count; i++) {
            for (size_t k = 0; k < i; k++) {
                twice = twice || name_compare(&object->members[i], &object->members[k]) == 0;
            }
        }
    } else {
        if (!arena_alloc(&b->tree->arena, object->count, sizeof *object->sorted, &memory, err)) {
            return false;
        }
        object->sorted = memory;
        for (size_t i = 0; i < object->count; i++) {
            object->sorted[i] = &object->members[i];
        }
        qsort(memory, object->count, sizeof *object->sorted, sorted_compare);
        for (size_t i = 1; i < object->count; i++) {
            twice = twice || name_compare(object->sorted[i - 1], object->sorted[i]) == 0;
        }
    }
    return !twice || FAIL(err, REASON_JSON_FORM, at, "a member is there twice");
}

static bool container_close(struct builder *b, size_t at, struct err *err)
{
    struct value *v = b->levels[b->depth - 1].container;
    const size_t first = b->levels[b->depth - 1].first;
    void *memory;

    b->depth--;
    v->count = b->open_count - first;
    b->open_count = first;
    if (v->count == 0) {
        return true;
    }
    if (!arena_alloc(&b->tree->arena, v->count, sizeof *v->members, &memory, err)) {
        return false;
    }
    v->members = memory;
    memcpy(v->members, b->open + first, v->count * sizeof *v->members);
    return v->type == VALUE_ARRAY || members_check(b, v, at, err);
}

static const enum value_type types[] = {
    [PULL_OBJECT] = VALUE_OBJECT,   [PULL_ARRAY] = VALUE_ARRAY, [PULL_STRING] = VALUE_STRING,
    [PULL_INTEGER] = VALUE_INTEGER, [PULL_REAL] = VALUE_REAL,   [PULL_TRUE] = VALUE_TRUE,
    [PULL_FALSE] = VALUE_FALSE,     [PULL_NULL] = VALUE_NULL,
};

static bool value_make(struct builder *b, const struct pull_token *t, struct value **out, struct err *err)
{
    struct value *v;
    void *memory;

    if (b->nodes_left == 0) {
        if (!arena_alloc(&b->tree->arena, NODES, sizeof *v, &memory, err)) {
            return false;
        }
        b->nodes = memory;
        b->nodes_left = NODES;
    }
    v = b->nodes++; /* zero, as the arena gives it */
    b->nodes_left--;
    v->type = types[t->kind];
    v->tree = b->tree;
    if (t->kind == PULL_INTEGER) {
        v->integer = t->integer;
    } else if (t->kind == PULL_STRING || t->kind == PULL_REAL) {
        v->text = text_copy(b, t, &v->len);
    }
    *out = v;
    return true;
}

/* Where the wanted member's value begins and ends, by the token that was read last. */
static void span_follow(struct builder *b, const struct pull_token *t)
{
    if (t->kind == PULL_NAME && b->pull.depth == 1) {
        b->in_wanted = !t->escaped && bytes_equal(t->text, bytes_of_str(b->wanted));
        b->wanted_at = b->in_wanted ? 0 : b->wanted_at;
    } else if (b->in_wanted) {
        b->wanted_at = b->wanted_at == 0 ? t->at : b->wanted_at;
        b->wanted_end = b->pull.at;
        b->in_wanted = b->pull.depth > 1;
    }
}

static bool tree_build(struct builder *b, struct value **root, struct err *err)
{
    struct value_member m = {.name = NULL};
    struct pull_token t = {.kind = PULL_NULL};
    void *memory;

    if (!arena_alloc(&b->tree->arena, b->pull.text.len + 1, 1, &memory, err)) {
        return false;
    }
    b->text = memory;

    for (;;) {
        if (!pull_next(&b->pull, &t, err)) {
            return false;
        }
        if (t.kind == PULL_END) {
            return true;
        }
        if (b->wanted != NULL) {
            span_follow(b, &t);
        }
        if (t.kind == PULL_NAME) {
            m.name = text_copy(b, &t, &m.name_len);
        } else if (t.kind == PULL_OBJECT_END || t.kind == PULL_ARRAY_END) {
            if (!container_close(b, t.at, err)) {
                return false;
            }
        } else {
            /* A container stands among its parent's values, below those that it opens itself. */
            if (!value_make(b, &t, &m.value, err) || (b->depth > 0 && !open_add(b, m, err))) {
                return false;
            }
            if (b->depth == 0) {
                *root = m.value;
            }
            if (t.kind == PULL_OBJECT || t.kind == PULL_ARRAY) {
                b->levels[b->depth].container = m.value;
                b->levels[b->depth++].first = b->open_count;
            }
            m = (struct value_member){.name = NULL};
        }
    }
}

bool value_parse_span(struct bytes text, const char *member, struct value **out, struct bytes *span, struct err *err)
{
    struct builder *b = calloc(1, sizeof *b);
    struct value *root = NULL;
    bool ok = false;

    if (b == NULL || (b->tree = calloc(1, sizeof *b->tree)) == NULL) {
        free(b);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "JSON of %zu bytes", text.len);
    }
    b->tree->arena = ARENA(TREE_MEMORY);
    b->tree->refs = 1;
    b->wanted = member;
    pull_init(&b->pull, text);
    ok = tree_build(b, &root, err);
    if (ok) {
        *out = root;
        *span = b->wanted_end == 0 ? bytes_of(NULL, 0) : bytes_of(text.p + b->wanted_at, b->wanted_end - b->wanted_at);
    } else {
        arena_done(&b->tree->arena);
        free(b->tree);
    }
    free(b->open);
    free(b);
    return ok;
}

bool value_parse(struct bytes text, struct value **out, struct err *err)
{
    struct bytes none;

    return value_parse_span(text, NULL, out, &none, err);
}

/* ---- making ---- */

struct value *value_new(enum value_type type)
{
    struct value *v = calloc(1, sizeof *v);

    if (v != NULL) {
        v->type = type;
        v->refs = 1;
    }
    return v;
}

struct value *value_new_integer(int64_t n)
{
    struct value *v = value_new(VALUE_INTEGER);

    if (v != NULL) {
        v->integer = n;
    }
    return v;
}

static char *text_new(const char *text)
{
    const struct bytes b = bytes_of_str(text);
    char *copy;

    for (size_t i = 0; i < b.len;) {
        const size_t n = b.p[i] < 0x80 ? 1 : utf8_length(b, i);

        if (n == 0) {
            return NULL;
        }
        i += n;
    }
    copy = malloc(b.len + 1);
    return copy == NULL ? NULL : memcpy(copy, text, b.len + 1);
}

struct value *value_new_string(const char *text)
{
    struct value *v = value_new(VALUE_STRING);

    if (v != NULL) {
        v->text = text_new(text);
        if (v->text == NULL) {
            free(v);
            return NULL;
        }
        v->len = strlen(text);
    }
    return v;
}

struct value *value_ref(struct value *v)
{
    if (v != NULL && v->tree != NULL) {
        v->tree->refs++;
    } else if (v != NULL) {
        v->refs++;
    }
    return v;
}

void value_unref(struct value *v)
{
    if (v == NULL) {
        return;
    }
    if (v->tree != NULL) {
        struct value_tree *tree = v->tree;

        if (--tree->refs == 0) {
            arena_done(&tree->arena);
            free(tree);
        }
        return;
    }
    if (--v->refs > 0) {
        return;
    }
    if (v->type == VALUE_OBJECT || v->type == VALUE_ARRAY) {
        for (size_t i = 0; i < v->count; i++) {
            free((void *)(uintptr_t)v->members[i].name);
            value_unref(v->members[i].value);
        }
        free(v->members);
    } else if (v->type == VALUE_STRING) {
        free((void *)(uintptr_t)v->text);
    }
    free(v);
}

static int member_add(struct value *container, struct value_member m)
{
    if (container->count == container->room) {
        const size_t room = container->room == 0 ? 8 : 2 * container->room;
        struct value_member *more = realloc(container->members, room * sizeof *more);

        if (more == NULL) {
            return -1;
        }
        container->members = more;
        container->room = room;
    }
    container->members[container->count++] = m;
    return 0;
}

static struct value_member *member_find(const struct value *object, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < object->count; i++) {
        if (object->members[i].name_len == len && memcmp(object->members[i].name, name, len) == 0) {
            return &object->members[i];
        }
    }
    return NULL;
}

int value_set_new(struct value *object, const char *name, struct value *v)
{
    struct value_member m = {.name_len = strlen(name), .value = v}, *old;

    if (v == NULL || !value_is(object, VALUE_OBJECT) || object->tree != NULL) {
        value_unref(v);
        return -1;
    }
    old = member_find(object, name);
    if (old != NULL) {
        value_unref(old->value);
        old->value = v;
        return 0;
    }
    m.name = text_new(name);
    if (m.name == NULL || member_add(object, m) != 0) {
        free((void *)(uintptr_t)m.name);
        value_unref(v);
        return -1;
    }
    return 0;
}

int value_append_new(struct value *array, struct value *v)
{
    const struct value_member m = {.value = v};

    if (v == NULL || !value_is(array, VALUE_ARRAY) || array->tree != NULL || member_add(array, m) != 0) {
        value_unref(v);
        return -1;
    }
    return 0;
}

/* ---- looking ---- */

struct value *value_get(const struct value *object, const char *name)
{
    const struct value_member *m;

    if (!value_is(object, VALUE_OBJECT)) {
        return NULL;
    }
    if (object->sorted != NULL) {
        const struct value_member key = {.name = name, .name_len = strlen(name)}, *const wanted = &key;
        const struct value_member **found =
            bsearch(&wanted, object->sorted, object->count, sizeof *object->sorted, sorted_compare);

        return found == NULL ? NULL : (*found)->value;
    }
    m = member_find(object, name);
    return m == NULL ? NULL : m->value;
}

struct value *value_at(const struct value *array, size_t i)
{
    return i < value_count(array, VALUE_ARRAY) ? array->members[i].value : NULL;
}
