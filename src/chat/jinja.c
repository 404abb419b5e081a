#include "chat/jinja_parts.h"

#include <stdlib.h>

enum flow {
    FLOW_ON,
    FLOW_BREAK,
    FLOW_CONTINUE,
};

static bool eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out);
static bool run_body(struct jinja_run *r, const struct jinja_node *first, enum flow *flow);

/* ---- names ---- */

static const struct jinja_value *name_find(const struct jinja_run *r, struct jinja_str name)
{
    for (const struct jinja_frame *f = r->frame; f != NULL; f = f->parent) {
        const struct jinja_value *v = jinja_find(&f->names, name);

        if (v != NULL) {
            return v;
        }
    }
    return NULL;
}

static bool name_eval(struct jinja_run *r, struct jinja_str name, struct jinja_value *out)
{
    const struct jinja_value *v = name_find(r, name);
    const int function = v == NULL ? jinja_function_find(name) : -1;

    *out = v != NULL       ? *v
           : function >= 0 ? (struct jinja_value){.type = JINJA_FUNCTION, .function = function}
                           : jinja_undefined;
    return true;
}

static bool name_set(struct jinja_run *r, struct jinja_str name, struct jinja_value v)
{
    return jinja_set(r, &r->frame->names, jinja_of(name), v);
}

/* One name, or as many as v has items. */
static bool names_set(struct jinja_run *r, const struct jinja_node *names, const struct jinja_value *v)
{
    const struct jinja_list *items;
    size_t i = 0;

    if (names->next == NULL) {
        return name_set(r, names->text, *v);
    }
    if (!jinja_items(r, v, &items)) {
        return false;
    }
    for (; names != NULL && i < items->count; names = names->next) {
        if (!name_set(r, names->text, items->items[i++])) {
            return false;
        }
    }
    return (names == NULL && i == items->count) ||
           JINJA_FAIL(r, "%zu values for another number of names", items->count);
}

/* ---- operators ---- */

static bool add(struct jinja_run *r, const struct jinja_value *a, const struct jinja_value *b, bool text,
                struct jinja_value *out)
{
    struct jinja_out both;
    struct jinja_str all;
    bool ok;

    if (!text && a->type == JINJA_LIST && b->type == JINJA_LIST) {
        ok = jinja_list_new(r, out);
        for (size_t i = 0; ok && i < a->list->count + b->list->count; i++) {
            ok =
                jinja_append(r, out->list, i < a->list->count ? a->list->items[i] : b->list->items[i - a->list->count]);
        }
        return ok;
    }
    if (!text && (a->type != JINJA_STR || b->type != JINJA_STR)) {
        return JINJA_FAIL(r, "%s and %s are added", jinja_type_name(a), jinja_type_name(b));
    }
    jinja_out_init(&both);
    ok = jinja_print(r, &both, a, false) && jinja_print(r, &both, b, false) && jinja_out_take(r, &both, &all);
    jinja_out_done(&both);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

/* Rounds towards minus infinity, as Python does. */
static bool divide(struct jinja_run *r, enum jinja_op op, int64_t x, int64_t y, struct jinja_value *out)
{
    if (y == 0 || (x == INT64_MIN && y == -1)) {
        return JINJA_FAIL(r, "a division by zero");
    }
    if (op == JINJA_OP_DIV) {
        *out = (struct jinja_value){.type = JINJA_FLOAT, .real = (double)x / (double)y};
    } else {
        const int64_t rest = x % y, fix = rest != 0 && (rest < 0) != (y < 0);

        *out = jinja_int(op == JINJA_OP_MOD ? rest + fix * y : x / y - fix);
    }
    return true;
}

static bool whole(struct jinja_run *r, enum jinja_op op, int64_t x, int64_t y, struct jinja_value *out)
{
    int64_t n;
    bool over;

    switch ((int)op) {
    case JINJA_OP_ADD:
        over = __builtin_add_overflow(x, y, &n);
        break;
    case JINJA_OP_SUB:
        over = __builtin_sub_overflow(x, y, &n);
        break;
    case JINJA_OP_MUL:
        over = __builtin_mul_overflow(x, y, &n);
        break;
    default:
        return divide(r, op, x, y, out);
    }
    *out = jinja_int(n);
    return !over || JINJA_FAIL(r, "a number that is too large");
}

static bool arithmetic(struct jinja_run *r, enum jinja_op op, const struct jinja_value *a, const struct jinja_value *b,
                       struct jinja_value *out)
{
    const bool reals = a->type == JINJA_FLOAT || b->type == JINJA_FLOAT;
    const int64_t x = a->type == JINJA_BOOL ? a->boolean : a->integer;
    const int64_t y = b->type == JINJA_BOOL ? b->boolean : b->integer;
    const double p = a->type == JINJA_FLOAT ? a->real : (double)x, q = b->type == JINJA_FLOAT ? b->real : (double)y;
    double n;

    if (!reals) {
        return whole(r, op, x, y, out);
    }
    switch ((int)op) {
    case JINJA_OP_ADD:
        n = p + q;
        break;
    case JINJA_OP_SUB:
        n = p - q;
        break;
    case JINJA_OP_MUL:
        n = p * q;
        break;
    case JINJA_OP_DIV:
        if (!(q < 0) && !(q > 0)) {
            return JINJA_FAIL(r, "a division by zero");
        }
        n = p / q;
        break;
    default:
        return JINJA_FAIL(r, "// and %% are of whole numbers here");
    }
    *out = (struct jinja_value){.type = JINJA_FLOAT, .real = n};
    return true;
}

static bool is_number(const struct jinja_value *v)
{
    return v->type == JINJA_BOOL || v->type == JINJA_INT || v->type == JINJA_FLOAT;
}

/* "-" * 20, and the like of lists. */
static bool repeat(struct jinja_run *r, struct jinja_value v, int64_t times, struct jinja_value *out)
{
    struct jinja_value sum = v;
    bool ok = times <= 100000 || JINJA_FAIL(r, "a text %lld times", (long long)times);

    if (ok && times <= 0) {
        *out = jinja_text("");
        return v.type == JINJA_STR || jinja_list_new(r, out);
    }
    for (int64_t i = 1; ok && i < times; i++) {
        const struct jinja_value before = sum;

        ok = add(r, &before, &v, false, &sum);
    }
    *out = sum;
    return ok;
}

static bool binary(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    const enum jinja_op op = (enum jinja_op)n->op;
    struct jinja_value a, b;

    if (!eval(r, n->a, &a)) {
        return false;
    }
    if (op == JINJA_OP_AND || op == JINJA_OP_OR) {
        *out = a;
        return jinja_true(&a) == (op == JINJA_OP_OR) || eval(r, n->b, out);
    }
    if (!eval(r, n->b, &b)) {
        return false;
    }
    if (is_number(&a) && is_number(&b) && op != JINJA_OP_CONCAT) {
        return arithmetic(r, op, &a, &b, out);
    }
    if (op == JINJA_OP_ADD || op == JINJA_OP_CONCAT) {
        return add(r, &a, &b, op == JINJA_OP_CONCAT, out);
    }
    if (op == JINJA_OP_MUL && (a.type == JINJA_STR || a.type == JINJA_LIST) && b.type == JINJA_INT) {
        return repeat(r, a, b.integer, out);
    }
    return JINJA_FAIL(r, "arithmetic with %s and %s", jinja_type_name(&a), jinja_type_name(&b));
}

static bool compare_one(struct jinja_run *r, enum jinja_op op, const struct jinja_value *a, const struct jinja_value *b,
                        bool *out)
{
    int order;
    bool ok;

    if (op == JINJA_OP_EQ || op == JINJA_OP_NE) {
        ok = jinja_equal(r, a, b, out);
        *out = *out == (op == JINJA_OP_EQ);
        return ok;
    }
    if (op == JINJA_OP_IN || op == JINJA_OP_NOT_IN) {
        ok = jinja_contains(r, b, a, out);
        *out = *out == (op == JINJA_OP_IN);
        return ok;
    }
    if (!jinja_order(r, a, b, &order)) {
        return false;
    }
    *out = op == JINJA_OP_LT ? order < 0 : op == JINJA_OP_LE ? order <= 0 : op == JINJA_OP_GT ? order > 0 : order >= 0;
    return true;
}

static bool compare(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value left, right;
    bool holds = true;

    if (!eval(r, n->a, &left)) {
        return false;
    }
    for (const struct jinja_node *i = n->first; holds && i != NULL; i = i->next) {
        if (!eval(r, i->a, &right) || !compare_one(r, (enum jinja_op)i->op, &left, &right, &holds)) {
            return false;
        }
        left = right;
    }
    *out = jinja_bool(holds);
    return true;
}

/* ---- parts ---- */

static bool slice_end(struct jinja_run *r, const struct jinja_node *n, int64_t count, int64_t fallback, int64_t low,
                      int64_t high, int64_t *out)
{
    struct jinja_value v;

    *out = fallback;
    if (n == NULL) {
        return true;
    }
    if (!eval(r, n, &v)) {
        return false;
    }
    if (v.type != JINJA_INT) {
        return v.type == JINJA_NONE || JINJA_FAIL(r, "a slice up to %s", jinja_type_name(&v));
    }
    *out = v.integer < 0 ? v.integer + count : v.integer;
    *out = *out < low ? low : *out > high ? high : *out;
    return true;
}

static bool slice(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    const struct jinja_list *items;
    struct jinja_value v, by = jinja_int(1), list;
    int64_t count, from, to;

    if (!eval(r, n->a, &v) || (n->d != NULL && !eval(r, n->d, &by)) || !jinja_list_new(r, &list)) {
        return false;
    }
    if ((v.type != JINJA_LIST && v.type != JINJA_STR) || by.type != JINJA_INT || by.integer == 0 ||
        by.integer < -1000000 || by.integer > 1000000) {
        return JINJA_FAIL(r, "a slice of %s", jinja_type_name(&v));
    }
    if (!jinja_items(r, &v, &items)) {
        return false;
    }
    count = (int64_t)items->count;
    const bool back = by.integer < 0;

    if (!slice_end(r, n->b, count, back ? count - 1 : 0, back ? -1 : 0, back ? count - 1 : count, &from) ||
        !slice_end(r, n->c, count, back ? -1 : count, back ? -1 : 0, back ? count - 1 : count, &to)) {
        return false;
    }
    for (int64_t i = from; back ? i > to : i < to; i += by.integer) {
        if (!jinja_append(r, list.list, items->items[i])) {
            return false;
        }
    }
    *out = list;
    return v.type == JINJA_LIST || /* the characters again as one text */
           jinja_join(r, jinja_text("").str, &list, out);
}

static bool index_eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v, key;

    return eval(r, n->a, &v) && eval(r, n->b, &key) && jinja_subscript(r, &v, &key, out);
}

static bool list_eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v;

    if (!jinja_list_new(r, out)) {
        return false;
    }
    for (const struct jinja_node *i = n->first; i != NULL; i = i->next) {
        if (!eval(r, i->a, &v) || !jinja_append(r, out->list, v)) {
            return false;
        }
    }
    return true;
}

static bool dict_eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value key, v;

    if (!jinja_dict_new(r, JINJA_DICT, out)) {
        return false;
    }
    for (const struct jinja_node *i = n->first; i != NULL; i = i->next->next) {
        if (!eval(r, i->a, &key) || !eval(r, i->next->a, &v) || !jinja_set(r, out->dict, key, v)) {
            return false;
        }
    }
    return true;
}

/* ---- calls ---- */

static bool args_eval(struct jinja_run *r, const struct jinja_node *first, struct jinja_args *out)
{
    struct jinja_str *names;
    void *values_room, *names_room;
    size_t count = 0;

    for (const struct jinja_node *i = first; i != NULL; i = i->next) {
        count++;
    }
    if (!arena_alloc(&r->arena, count, sizeof *out->values, &values_room, r->err) ||
        !arena_alloc(&r->arena, count, sizeof *names, &names_room, r->err)) {
        return false;
    }
    names = names_room;
    *out = (struct jinja_args){values_room, names, count};
    count = 0;
    for (const struct jinja_node *i = first; i != NULL; i = i->next, count++) {
        names[count] = i->text;
        if (!eval(r, i->a, &out->values[count])) {
            return false;
        }
    }
    return true;
}

static bool is_parameter(const struct jinja_node *macro, struct jinja_str name)
{
    const struct jinja_node *p = macro->names;

    while (p != NULL && !(p->text.len == name.len && memcmp(p->text.p, name.p, name.len) == 0)) {
        p = p->next;
    }
    return p != NULL;
}

/* A scope of its own above the template's; what its body prints is its value. */
static bool macro_call(struct jinja_run *r, const struct jinja_node *macro, const struct jinja_args *args,
                       struct jinja_value *out)
{
    struct jinja_frame frame = {.parent = &r->globals}, *caller = r->frame;
    struct jinja_out text, *outer = r->out;
    struct jinja_str all;
    enum flow flow;
    size_t place = 0;
    bool ok = true;

    r->frame = &frame;
    for (const struct jinja_node *p = macro->names; ok && p != NULL; p = p->next, place++) {
        char name[64];
        const struct jinja_value *given;
        struct jinja_value v = jinja_undefined;

        ok = p->text.len < sizeof name || JINJA_FAIL(r, "a parameter's name is too long");
        if (!ok) {
            break;
        }
        memcpy(name, p->text.p, p->text.len);
        name[p->text.len] = 0;
        given = jinja_arg(args, place, name, NULL);
        if (given != NULL) {
            v = *given;
        } else if (p->a != NULL) {
            ok = eval(r, p->a, &v);
        }
        ok = ok && name_set(r, p->text, v);
    }
    for (size_t i = 0; ok && i < args->count; i++) {
        ok = args->names[i].p == NULL || is_parameter(macro, args->names[i]) ||
             JINJA_FAIL(r, "a macro with an argument it does not know");
    }
    if (ok && args->count > place) {
        ok = JINJA_FAIL(r, "a macro with too many arguments");
    }
    jinja_out_init(&text);
    r->out = &text;
    ok = ok && run_body(r, macro->first, &flow) && jinja_out_take(r, &text, &all);
    r->out = outer;
    r->frame = caller;
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

static bool call(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value f;
    struct jinja_args args;

    if (!eval(r, n->a, &f) || !args_eval(r, n->first, &args)) {
        return false;
    }
    r->line = n->line;
    switch ((int)f.type) {
    case JINJA_MACRO:
        return macro_call(r, f.macro, &args, out);
    case JINJA_FUNCTION:
        return jinja_function(r, f.function, &args, out);
    case JINJA_METHOD:
        return jinja_method(r, f.method, &args, out);
    default:
        return JINJA_FAIL(r, "%s \"%.*s\" is called", jinja_type_name(&f),
                          (int)(n->a->text.len < 40 ? n->a->text.len : 40),
                          n->a->text.p != NULL ? (const char *)n->a->text.p : "");
    }
}

static bool filter_eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_args args;
    struct jinja_value v;

    return eval(r, n->a, &v) && args_eval(r, n->first, &args) && jinja_filter(r, n->op, &v, &args, out);
}

static bool test_eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_args args;
    struct jinja_value v;
    bool holds;

    if (!eval(r, n->a, &v) || !args_eval(r, n->first, &args) || !jinja_test(r, n->op, &v, &args, &holds)) {
        return false;
    }
    *out = jinja_bool(holds);
    return true;
}

/* ---- expressions ---- */

static bool negate(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    const struct jinja_value zero = jinja_int(0);
    struct jinja_value v;

    if (!eval(r, n->a, &v)) {
        return false;
    }
    if (v.type == JINJA_FLOAT) {
        *out = (struct jinja_value){.type = JINJA_FLOAT, .real = -v.real};
        return true;
    }
    return (is_number(&v) ? arithmetic(r, JINJA_OP_SUB, &zero, &v, out)
                          : JINJA_FAIL(r, "minus %s", jinja_type_name(&v)));
}

static bool not_eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v;

    if (!eval(r, n->a, &v)) {
        return false;
    }
    *out = jinja_bool(!jinja_true(&v));
    return true;
}

static bool choice(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v;

    *out = jinja_undefined;
    return eval(r, n->a, &v) && (jinja_true(&v) ? eval(r, n->b, out) : n->c == NULL || eval(r, n->c, out));
}

static bool capture(struct jinja_run *r, const struct jinja_node *first, struct jinja_value *out);

static bool eval_inner(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v;

    switch ((int)n->kind) {
    case JINJA_LITERAL:
        *out = n->value;
        return true;
    case JINJA_NAME:
        return name_eval(r, n->text, out);
    case JINJA_TUPLE:
        return list_eval(r, n, out);
    case JINJA_PAIRS:
        return dict_eval(r, n, out);
    case JINJA_GET:
        return eval(r, n->a, &v) && jinja_attribute(r, &v, n->text, out);
    case JINJA_INDEX:
        return index_eval(r, n, out);
    case JINJA_SLICE:
        return slice(r, n, out);
    case JINJA_CALL:
        return call(r, n, out);
    case JINJA_FILTER:
        return filter_eval(r, n, out);
    case JINJA_TEST:
        return test_eval(r, n, out);
    case JINJA_NOT:
        return not_eval(r, n, out);
    case JINJA_NEGATE:
        return negate(r, n, out);
    case JINJA_BINARY:
        return binary(r, n, out);
    case JINJA_COMPARE:
        return compare(r, n, out);
    case JINJA_CHOICE:
        return choice(r, n, out);
    case JINJA_CAPTURE:
        return capture(r, n->first, out);
    default:
        break;
    }
    return JINJA_FAIL(r, "no expression");
}

static bool eval(struct jinja_run *r, const struct jinja_node *n, struct jinja_value *out)
{
    struct jinja_value v = jinja_undefined;
    bool ok;

    r->line = n->line;
    if (!jinja_step(r, 0)) {
        return false;
    }
    if (++r->depth > JINJA_DEPTH_MAX) {
        return JINJA_FAIL(r, "nested too deeply");
    }
    ok = eval_inner(r, n, &v);
    r->depth--;
    *out = v;
    return ok;
}

/* ---- statements ---- */

static bool print(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value v;

    return eval(r, n->a, &v) && jinja_print(r, r->out, &v, false);
}

static bool run_if(struct jinja_run *r, const struct jinja_node *n, enum flow *flow)
{
    struct jinja_value v;

    return eval(r, n->a, &v) && run_body(r, jinja_true(&v) ? n->first : n->b, flow);
}

/* The items for which the loop's condition holds. */
static bool for_filter(struct jinja_run *r, const struct jinja_node *n, const struct jinja_list **items)
{
    struct jinja_value kept, holds;
    const struct jinja_list *all = *items;

    if (!jinja_list_new(r, &kept)) {
        return false;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (!names_set(r, n->names, &all->items[i]) || !eval(r, n->c, &holds) ||
            (jinja_true(&holds) && !jinja_append(r, kept.list, all->items[i]))) {
            return false;
        }
    }
    *items = kept.list;
    return true;
}

/* whole: whether a round came to the end of the loop's body; where none did, Jinja takes the else. */
static bool for_items(struct jinja_run *r, const struct jinja_node *n, const struct jinja_list *items, bool *whole)
{
    struct jinja_frame *frame = r->frame;
    enum flow flow = FLOW_ON;

    for (size_t i = 0; flow != FLOW_BREAK && i < items->count; i++) {
        const struct jinja_loop loop = {items, i};
        void *kept;

        frame->names.count = 0; /* each round has a scope of its own */
        flow = FLOW_ON;
        if (!arena_alloc(&r->arena, 1, sizeof loop, &kept, r->err)) {
            return false;
        }
        memcpy(kept, &loop, sizeof loop);
        if (!names_set(r, n->names, &items->items[i]) ||
            !name_set(r, jinja_text("loop").str, (struct jinja_value){.type = JINJA_LOOP, .loop = kept}) ||
            !run_body(r, n->first, &flow)) {
            return false;
        }
        *whole = *whole || flow == FLOW_ON;
    }
    return true;
}

static bool run_for(struct jinja_run *r, const struct jinja_node *n, enum flow *flow)
{
    struct jinja_frame frame = {.parent = r->frame};
    const struct jinja_list *items;
    struct jinja_value v;
    bool ok, whole = false;

    if (!eval(r, n->a, &v) || !jinja_items(r, &v, &items)) {
        return false;
    }
    r->frame = &frame;
    ok = (n->c == NULL || for_filter(r, n, &items)) && for_items(r, n, items, &whole);
    r->frame = frame.parent;
    return ok && (whole || run_body(r, n->b, flow));
}

/* What the block prints; its names are its own. */
static bool capture(struct jinja_run *r, const struct jinja_node *first, struct jinja_value *out)
{
    struct jinja_frame frame = {.parent = r->frame};
    struct jinja_out text, *outer = r->out;
    struct jinja_str all;
    enum flow flow;
    bool ok;

    jinja_out_init(&text);
    r->out = &text;
    r->frame = &frame;
    ok = run_body(r, first, &flow) && jinja_out_take(r, &text, &all);
    r->frame = frame.parent;
    r->out = outer;
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

static bool run_set(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value v, of;

    if (!eval(r, n->a, &v)) {
        return false;
    }
    if (n->d == NULL) {
        return names_set(r, n->names, &v);
    }
    if (!eval(r, n->d->a, &of)) {
        return false;
    }
    return of.type == JINJA_NAMESPACE ? jinja_set(r, of.dict, jinja_of(n->d->text), v)
                                      : JINJA_FAIL(r, "a member of %s is set", jinja_type_name(&of));
}

static bool run_one(struct jinja_run *r, const struct jinja_node *n, enum flow *flow)
{
    r->line = n->line;
    switch ((int)n->kind) {
    case JINJA_TEXT:
        return jinja_put(r, r->out, n->text);
    case JINJA_PRINT:
        return print(r, n);
    case JINJA_IF:
        return run_if(r, n, flow);
    case JINJA_FOR:
        return run_for(r, n, flow);
    case JINJA_SET:
        return run_set(r, n);
    case JINJA_DEFINE:
        return name_set(r, n->text, (struct jinja_value){.type = JINJA_MACRO, .macro = n});
    case JINJA_BREAK:
        *flow = FLOW_BREAK;
        return true;
    case JINJA_CONTINUE:
        *flow = FLOW_CONTINUE;
        return true;
    default:
        return JINJA_FAIL(r, "no statement");
    }
}

static bool run_body(struct jinja_run *r, const struct jinja_node *first, enum flow *flow)
{
    *flow = FLOW_ON;
    if (++r->depth > JINJA_DEPTH_MAX) {
        return JINJA_FAIL(r, "nested too deeply");
    }
    for (const struct jinja_node *n = first; n != NULL && *flow == FLOW_ON; n = n->next) {
        if (!jinja_step(r, 0) || !run_one(r, n, flow)) {
            return false;
        }
    }
    r->depth--;
    return true;
}

/* ---- the whole ---- */

/* None of the variables may take the place of what the model's file says. */
static bool variables_set(struct jinja_run *r, const struct jinja_input *in)
{
    const struct {
        const char *name;
        struct jinja_value value;
    } own[] = {
        {"add_generation_prompt", jinja_bool(in->add_generation_prompt)},
        {"bos_token", jinja_of((struct jinja_str){.p = in->bos.p, .len = in->bos.len})},
        {"eos_token", jinja_of((struct jinja_str){.p = in->eos.p, .len = in->eos.len})},
    };
    struct jinja_value all;

    if (!jinja_from_json(r, in->variables, &all)) {
        return false;
    }
    if (all.type == JINJA_DICT) {
        r->globals.names = *all.dict;
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (!name_set(r, jinja_text(own[i].name).str, own[i].value)) {
            return false;
        }
    }
    return true;
}

static bool segments_make(const struct jinja_out *out, struct template_rendered *r, struct err *err)
{
    const uint8_t *user = out->user.p;
    size_t count = 0;

    for (size_t i = 0; i < out->text.len; i++) {
        count += i == 0 || user[i] != user[i - 1];
    }
    r->segments = calloc(count + 1, sizeof *r->segments);
    if (r->segments == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu segments", count);
    }
    for (size_t i = 0; i < out->text.len; i++) {
        if (i == 0 || user[i] != user[i - 1]) {
            r->segments[r->count++] = (struct template_segment){.start = i, .from_user = user[i] != 0};
        }
        r->segments[r->count - 1].len++;
    }
    return true;
}

bool jinja_render(const struct jinja *t, const struct jinja_input *in, struct template_rendered *out, struct err *err)
{
    struct jinja_out text;
    struct jinja_run r = {.arena = ARENA(JINJA_MEMORY_MAX), .out = &text, .now = in->now, .line = 1, .err = err};
    struct template_rendered rendered = {0};
    enum flow flow;
    bool ok;

    r.frame = &r.globals;
    jinja_out_init(&text);
    ok = variables_set(&r, in) && run_body(&r, t->body, &flow) && segments_make(&text, &rendered, err);
    if (ok) {
        rendered.text = text.text;
        text.text = BUF(JINJA_OUTPUT_MAX);
        *out = rendered;
    }
    jinja_out_done(&text);
    arena_done(&r.arena);
    return ok;
}
