/* The reader: the scanner's tokens, made into a tree. */
#include "base/limits.h"
#include "codec/json_scan.h"
#include "codec/json_tree.h"

#include <stdlib.h>

#define TREE_MEMORY MIB(256) /* LIMIT_JSON_VALUES bounds it before */
#define SORTED_FROM 16       /* members; below, comparing all is as fast */

struct open {
    struct json_member member;
    size_t at; /* where it begins */
};

struct reader {
    struct json_scan scan;
    struct json_tree *tree;
    struct buf open; /* struct open: what is in containers that have not ended, the innermost's last */
    char *free;      /* where the next characters go: with its zero a string is no longer than with its quotes */
};

/* The characters of a name or string, or the spelling of a number, behind which there is room for a zero. */
static const char *text_keep(struct reader *r, const struct json_token *t, size_t *len)
{
    char *out = r->free;

    if (t->escaped) {
        *len = json_unescape(t->text, out);
    } else {
        *len = t->text.len;
        memcpy(out, t->text.p, t->text.len);
    }
    out[*len] = '\0';
    r->free += *len + 1;
    return out;
}

/* ---- containers ---- */

static int name_compare(const void *a, const void *b)
{
    return strcmp(((const struct open *)a)->member.name, ((const struct open *)b)->member.name);
}

/* No name is there twice. May leave them in another order. */
static bool names_check(struct open *open, size_t count, struct err *err)
{
    const struct open *twice = NULL;

    if (count > SORTED_FROM) {
        qsort(open, count, sizeof *open, name_compare);
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t k = count > SORTED_FROM ? i - 1 : 0; k < i; k++) {
            if (name_compare(&open[i], &open[k]) == 0) {
                twice = open[i].at > open[k].at ? &open[i] : &open[k];
            }
        }
    }
    return twice == NULL || FAIL(err, REASON_JSON_FORM, twice->at, "a member is there twice");
}

static bool value_get(struct reader *r, json_t **out, struct err *err);

/* An element, or a name and its value. */
static bool member_get(struct reader *r, bool named, struct err *err)
{
    struct json_token name = {.escaped = false};
    struct open o = {.at = 0};
    size_t len;

    if (named) {
        if (!json_scan_name(&r->scan, &name, err)) {
            return false;
        }
        o.at = name.at;
        o.member.name = text_keep(r, &name, &len);
    }
    return value_get(r, &o.member.value, err) && buf_add(&r->open, &o, sizeof o, err);
}

static bool container_get(struct reader *r, json_t *v, struct err *err)
{
    const size_t first = r->open.len;
    struct open *open;
    void *memory;
    bool more;

    for (;; v->count++) {
        if (!json_scan_next(&r->scan, v->type == JSON_OBJECT, &more, err)) {
            return false;
        }
        if (!more) {
            break;
        }
        if (!member_get(r, v->type == JSON_OBJECT, err)) {
            return false;
        }
    }
    if (v->count == 0) {
        return true;
    }
    if (!arena_alloc(&r->tree->arena, v->count, sizeof *v->members, &memory, err)) {
        return false;
    }
    v->members = memory;
    open = (struct open *)(void *)(r->open.p + first);
    for (size_t i = 0; i < v->count; i++) {
        v->members[i] = open[i].member;
    }
    r->open.len = first;
    return v->type == JSON_ARRAY || names_check(open, v->count, err);
}

/* The value at hand. Calls itself through container_get(), LIMIT_JSON_DEPTH levels deep at most. */
static bool value_get(struct reader *r, json_t **out, struct err *err)
{
    struct json_token t = {.escaped = false};
    json_t *v;
    void *memory;

    if (!json_scan_value(&r->scan, &t, err) || !arena_alloc(&r->tree->arena, 1, sizeof *v, &memory, err)) {
        return false;
    }
    *out = v = memory;
    v->tree = r->tree;
    v->type = t.type;
    if (t.type == JSON_OBJECT || t.type == JSON_ARRAY) {
        return container_get(r, v, err);
    }
    if (t.type == JSON_INTEGER) {
        v->integer = t.integer;
    } else if (t.type == JSON_STRING || t.type == JSON_REAL) {
        v->text = text_keep(r, &t, &v->len);
    }
    return true;
}

bool json_parse(struct bytes text, json_t **out, struct err *err)
{
    struct reader r = {.open = BUF(TREE_MEMORY), .tree = malloc(sizeof *r.tree)};
    json_t *root;
    void *memory;
    bool ok;

    if (r.tree == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "JSON of %zu bytes", text.len);
    }
    *r.tree = (struct json_tree){.arena = ARENA(TREE_MEMORY), .refs = 1};
    ok = arena_alloc(&r.tree->arena, text.len + 1, 1, &memory, err);
    if (ok) {
        r.free = memory;
        json_scan_init(&r.scan, text);
        ok = value_get(&r, &root, err) && json_scan_end(&r.scan, err);
    }
    buf_done(&r.open);
    if (!ok) {
        arena_done(&r.tree->arena);
        free(r.tree);
        return false;
    }
    *out = root;
    return true;
}
