/* Inside of the template interpreter (model/jinja*.c): the syntax tree, the values, and who does what.
 *
 *     jinja_parse.c   text -> tree, with jinja_token.c and jinja_expression.c
 *     jinja.c         the tree is walked: statements and expressions
 *     jinja_call.c    arguments, members, methods, functions
 *     jinja_filter.c  filters and tests
 *     jinja_text.c    what is done to texts
 *     jinja_value.c   values: from JSON, to text, compared */
#ifndef SOTTO_CHAT_JINJA_PARTS_H
#define SOTTO_CHAT_JINJA_PARTS_H

#include "base/arena.h"
#include "base/limits.h"
#include "chat/jinja.h"

/* ---- values ---- */

enum jinja_type {
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STR,
    JINJA_LIST,
    JINJA_DICT,
    JINJA_NAMESPACE, /* a dictionary whose members can be set */
    JINJA_LOOP,
    JINJA_MACRO,
    JINJA_FUNCTION,
    JINJA_METHOD,
};

/* Bytes, and of each whether it came from a user (1) or is the template's own (0); NULL: all are its own. */
struct jinja_str {
    const uint8_t *p, *user;
    size_t len;
};

struct jinja_value {
    enum jinja_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct jinja_str str;
        struct jinja_list *list;
        struct jinja_dict *dict;
        const struct jinja_loop *loop;
        const struct jinja_node *macro;
        int function; /* index into the table of jinja_call.c */
        struct jinja_bound *method;
    };
};

struct jinja_list {
    struct jinja_value *items;
    size_t count, room;
};

struct jinja_pair {
    struct jinja_value key, value;
};

struct jinja_dict { /* in order of insertion */
    struct jinja_pair *pairs;
    size_t count, room;
};

struct jinja_bound { /* "text".strip: a method and whose it is */
    int method;
    struct jinja_value self;
};

struct jinja_loop {
    const struct jinja_list *items;
    size_t index; /* from 0 */
};

/* ---- tree ---- */

enum jinja_kind {
    /* expressions */
    JINJA_LITERAL, /* value */
    JINJA_NAME,    /* text */
    JINJA_ITEM,    /* a, in the list of one of the others; an argument's keyword is its text, a comparison's its op */
    JINJA_TUPLE,   /* list: first */
    JINJA_PAIRS,   /* dictionary: key, value, key, value in first */
    JINJA_GET,     /* a.text */
    JINJA_INDEX,   /* a[b] */
    JINJA_SLICE,   /* a[b:c:d], NULL where left out */
    JINJA_CALL,    /* a(first...) */
    JINJA_FILTER,  /* a | op(first...) */
    JINJA_TEST,    /* a is op(first...) */
    JINJA_NOT,
    JINJA_NEGATE,
    JINJA_BINARY,  /* a op b; `and` and `or` too */
    JINJA_COMPARE, /* a, then each of first: op and b */
    JINJA_CHOICE,  /* b if a else c */
    JINJA_CAPTURE, /* what first prints */
    /* statements */
    JINJA_TEXT,   /* text */
    JINJA_PRINT,  /* a */
    JINJA_IF,     /* a: first, else b (a list) */
    JINJA_FOR,    /* names in a if c: first, else b */
    JINJA_SET,    /* names (or d, a JINJA_GET) = a */
    JINJA_DEFINE, /* macro text(names = their a): first */
    JINJA_BREAK,
    JINJA_CONTINUE,
};

enum jinja_op {
    JINJA_OP_NONE,
    JINJA_OP_OR,
    JINJA_OP_AND,
    JINJA_OP_EQ,
    JINJA_OP_NE,
    JINJA_OP_LT,
    JINJA_OP_LE,
    JINJA_OP_GT,
    JINJA_OP_GE,
    JINJA_OP_IN,
    JINJA_OP_NOT_IN,
    JINJA_OP_ADD,
    JINJA_OP_SUB,
    JINJA_OP_MUL,
    JINJA_OP_DIV,
    JINJA_OP_FLOOR,
    JINJA_OP_MOD,
    JINJA_OP_CONCAT,
};

struct jinja_node {
    enum jinja_kind kind;
    unsigned line;
    int op;                /* enum jinja_op; of filters and tests an index into their table */
    struct jinja_str text; /* p NULL: none */
    struct jinja_value value;
    struct jinja_node *a, *b, *c, *d;
    struct jinja_node *first, *names; /* lists by next */
    struct jinja_node *next;
};

struct jinja {
    struct arena arena;
    struct jinja_node *body;
};

/* ---- one rendering ---- */

struct jinja_out {
    struct buf text, user; /* as in struct jinja_str */
};

struct jinja_frame { /* names of one scope */
    struct jinja_frame *parent;
    struct jinja_dict names;
};

struct jinja_run {
    struct arena arena;
    struct jinja_out *out;     /* where statements print to */
    struct jinja_frame *frame; /* innermost */
    struct jinja_frame globals;
    int64_t now;
    size_t steps;
    unsigned depth, line;
    struct err *err;
};

/* False ends the rendering: CHAT_FORM with the line. */
#define JINJA_FAIL(run, ...) (jinja_error((run), __VA_ARGS__), false)
__attribute__((format(printf, 2, 3))) void jinja_error(struct jinja_run *r, const char *fmt, ...);
bool jinja_step(struct jinja_run *r, size_t bytes);

/* ---- jinja_value.c ---- */

extern const struct jinja_value jinja_undefined, jinja_none;
struct jinja_value jinja_bool(bool b);
struct jinja_value jinja_int(int64_t n);
struct jinja_value jinja_text(const char *s); /* static, the template's own */
struct jinja_value jinja_of(struct jinja_str s);
struct jinja_str jinja_part(struct jinja_str s, size_t from, size_t to);
bool jinja_str_is(struct jinja_str s, const char *text);
const char *jinja_type_name(const struct jinja_value *v);

bool jinja_append(struct jinja_run *r, struct jinja_list *list, struct jinja_value v);
bool jinja_list_new(struct jinja_run *r, struct jinja_value *out);
bool jinja_dict_new(struct jinja_run *r, enum jinja_type type, struct jinja_value *out);
bool jinja_set(struct jinja_run *r, struct jinja_dict *d, struct jinja_value key, struct jinja_value v);
const struct jinja_value *jinja_find(const struct jinja_dict *d, struct jinja_str key); /* NULL: none */

/* Every text is a user's. */
bool jinja_from_json(struct jinja_run *r, const json_t *json, struct jinja_value *out);

bool jinja_true(const struct jinja_value *v);
bool jinja_equal(struct jinja_run *r, const struct jinja_value *a, const struct jinja_value *b, bool *out);
/* -1, 0, 1: two numbers or two texts. */
bool jinja_order(struct jinja_run *r, const struct jinja_value *a, const struct jinja_value *b, int *out);
bool jinja_contains(struct jinja_run *r, const struct jinja_value *in, const struct jinja_value *v, bool *out);
/* What `for` walks over; the keys of a dictionary, the characters of a text. */
bool jinja_items(struct jinja_run *r, const struct jinja_value *v, const struct jinja_list **out);
bool jinja_length(struct jinja_run *r, const struct jinja_value *v, int64_t *out);

bool jinja_put(struct jinja_run *r, struct jinja_out *out, struct jinja_str s);
/* As Python's str() does, or repr() where it is inside of a list. */
bool jinja_print(struct jinja_run *r, struct jinja_out *out, const struct jinja_value *v, bool quoted);
bool jinja_to_str(struct jinja_run *r, const struct jinja_value *v, struct jinja_str *out);
struct jinja_json_form {
    int64_t indent; /* -1: one line */
    struct jinja_str between, colon;
    bool ascii, sorted;
};
bool jinja_print_json(struct jinja_run *r, struct jinja_out *out, const struct jinja_value *v,
                      const struct jinja_json_form *form, size_t level);
void jinja_out_init(struct jinja_out *out);
void jinja_out_done(struct jinja_out *out);
/* Into the arena. */
bool jinja_out_take(struct jinja_run *r, struct jinja_out *out, struct jinja_str *s);

/* ---- jinja_call.c ---- */

struct jinja_args {
    struct jinja_value *values;
    const struct jinja_str *names; /* p NULL: positional */
    size_t count;
};
/* By place or by keyword; fallback where it was not given. */
const struct jinja_value *jinja_arg(const struct jinja_args *a, size_t place, const char *name,
                                    const struct jinja_value *fallback);

/* The same, of a type; fallback also for none. */
bool jinja_int_arg(struct jinja_run *r, const struct jinja_args *a, size_t place, const char *name, int64_t fallback,
                   int64_t *out);
bool jinja_str_arg(struct jinja_run *r, const struct jinja_args *a, size_t place, const char *name,
                   const char *fallback, struct jinja_str *out);
bool jinja_bool_arg(const struct jinja_args *a, size_t place, const char *name);
/* [key, value] pairs, or the keys, or the values. */
bool jinja_dict_items(struct jinja_run *r, const struct jinja_dict *d, bool keys, bool values, struct jinja_value *out);
bool jinja_path_get(struct jinja_run *r, const struct jinja_value *v, struct jinja_str path, struct jinja_value *out);

/* ---- jinja_text.c: as Python's str has it ---- */

enum letter_case {
    CASE_UPPER,
    CASE_LOWER,
    CASE_TITLE,
    CASE_CAPITALIZE,
};

struct jinja_str jinja_strip(struct jinja_str s, bool left, bool right, const struct jinja_str *set); /* NULL: space */
bool jinja_recase(struct jinja_run *r, struct jinja_str s, enum letter_case how, struct jinja_value *out);
bool jinja_split(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out);
bool jinja_replace(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out);
bool jinja_indent(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out);
bool jinja_format(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out);
bool jinja_join(struct jinja_run *r, struct jinja_str between, const struct jinja_value *items,
                struct jinja_value *out);

/* ---- jinja_filter.c ---- */

int jinja_filter_find(struct jinja_str name); /* -1: none */
int jinja_test_find(struct jinja_str name);
int jinja_function_find(struct jinja_str name);
bool jinja_filter(struct jinja_run *r, int filter, const struct jinja_value *v, const struct jinja_args *args,
                  struct jinja_value *out);
bool jinja_test(struct jinja_run *r, int test, const struct jinja_value *v, const struct jinja_args *args, bool *out);
bool jinja_method(struct jinja_run *r, const struct jinja_bound *m, const struct jinja_args *args,
                  struct jinja_value *out);
bool jinja_function(struct jinja_run *r, int function, const struct jinja_args *args, struct jinja_value *out);
/* v.name: a method, a member, or undefined. */
bool jinja_attribute(struct jinja_run *r, const struct jinja_value *v, struct jinja_str name, struct jinja_value *out);
bool jinja_subscript(struct jinja_run *r, const struct jinja_value *v, const struct jinja_value *key,
                     struct jinja_value *out);

#endif
