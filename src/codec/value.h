/* JSON values over the pull reader (codec/pull.h), for builds without jansson: the verification library, and the one
 * for wasm32 (docs/library.md). Where SOTTO_JSON_OWN is defined, codec/json.h gives this interface jansson's names, of
 * which it has the part that the verifier uses, with jansson's meaning; tests hold the two against each other.
 *
 * A parsed tree is read-only and one piece of memory: its nodes live until every reference to any of them is given
 * back. One thread at a time. About 64 bytes a value beside the text. */
#ifndef SOTTO_CODEC_VALUE_H
#define SOTTO_CODEC_VALUE_H

#include "base/bytes.h"
#include "base/err.h"

enum value_type { /* in jansson's order */
                  VALUE_OBJECT,
                  VALUE_ARRAY,
                  VALUE_STRING,
                  VALUE_INTEGER,
                  VALUE_REAL, /* as its text: nothing of ours computes with it */
                  VALUE_TRUE,
                  VALUE_FALSE,
                  VALUE_NULL,
};

struct value_member {
    const char *name; /* zero-terminated; NULL in arrays */
    size_t name_len;
    struct value *value;
};

struct value {
    enum value_type type;
    unsigned refs;
    struct value_tree *tree; /* that it was parsed with; NULL: made by value_new_*() */
    union {
        struct {
            struct value_member *members; /* of objects and arrays, in order */
            size_t count, room;
            const struct value_member **sorted; /* by name, where a parsed object has many; else NULL */
        };
        struct {
            const char *text; /* zero-terminated */
            size_t len;
        };
        int64_t integer;
    };
};

/* JSON_FORM (also for a member that is there twice), JSON_DEPTH, ARENA_FULL, NO_MEMORY. */
MUST_USE bool value_parse(struct bytes text, struct value **out, struct err *err);
/* The same, and the exact bytes of the value of a member of the outermost object; NULL, 0 where no member is spelled
 * so. */
MUST_USE bool value_parse_span(struct bytes text, const char *member, struct value **out, struct bytes *span,
                               struct err *err);

struct value *value_new(enum value_type type);    /* empty, 0; NULL: no memory */
struct value *value_new_string(const char *text); /* NULL: no memory, or not UTF-8 */
struct value *value_new_integer(int64_t n);       /* NULL: no memory */
struct value *value_ref(struct value *v);         /* NULL is allowed, here and below */
void value_unref(struct value *v);

/* Both take the reference over, whatever comes. -1: v is NULL, or the container is not one of ours that can grow. An
 * object's member of the same name is replaced. */
int value_set_new(struct value *object, const char *name, struct value *v);
int value_append_new(struct value *array, struct value *v);

/* NULL where there is none, or v is of another type. */
struct value *value_get(const struct value *object, const char *name);
struct value *value_at(const struct value *array, size_t i);

static inline bool value_is(const struct value *v, enum value_type type)
{
    return v != NULL && v->type == type;
}

static inline size_t value_count(const struct value *v, enum value_type type)
{
    return value_is(v, type) ? v->count : 0;
}

#endif
