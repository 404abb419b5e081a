#include "chat/jinja_syntax.h"

static bool binary_new(struct parser *p, int op, struct jinja_node *b, struct jinja_node **a)
{
    struct jinja_node *n;

    if (!jinja_node_new(p, JINJA_BINARY, &n)) {
        return false;
    }
    n->op = op;
    n->a = *a;
    n->b = b;
    *a = n;
    return true;
}

static bool unary(struct parser *p, bool filters, struct jinja_node **out);

/* Expressions up to a closing sign, with commas between them and perhaps one behind. */
static bool items_parse(struct parser *p, const char *close, struct jinja_node **tail_first, bool pairs)
{
    struct jinja_node **tail = tail_first, *e;

    while (!jinja_is_sign(p, close)) {
        if (!jinja_expression(p, &e) || !jinja_item_add(p, &tail, e, NULL) ||
            (pairs && (!jinja_expect(p, ":") || !jinja_expression(p, &e) || !jinja_item_add(p, &tail, e, NULL)))) {
            return false;
        }
        if (!jinja_is_sign(p, ",")) {
            break;
        }
        if (!jinja_next(p)) {
            return false;
        }
    }
    return jinja_expect(p, close);
}

/* Behind "(". */
static bool args_parse(struct parser *p, struct jinja_node **first)
{
    struct jinja_node **tail = first, *e, *item;

    while (!jinja_is_sign(p, ")")) {
        struct jinja_str keyword = {0};

        if (jinja_is_sign(p, "*") || jinja_is_sign(p, "**")) {
            return jinja_fail(p, "* in a call");
        }
        if (!jinja_expression(p, &e)) {
            return false;
        }
        if (jinja_is_sign(p, "=") && e->kind == JINJA_NAME) {
            keyword = e->text;
            if (!jinja_next(p) || !jinja_expression(p, &e)) {
                return false;
            }
        }
        if (!jinja_item_add(p, &tail, e, &item)) {
            return false;
        }
        item->text = keyword;
        if (!jinja_is_sign(p, ",")) {
            break;
        }
        if (!jinja_next(p)) {
            return false;
        }
    }
    return jinja_expect(p, ")");
}

/* Behind "(": one expression, or a tuple. */
static bool parenthesis(struct parser *p, struct jinja_node **out)
{
    struct jinja_node **tail, *n;

    if (!jinja_is_sign(p, ")")) {
        if (!jinja_expression(p, out)) {
            return false;
        }
        if (!jinja_is_sign(p, ",")) {
            return jinja_expect(p, ")");
        }
    } else {
        *out = NULL;
    }
    if (!jinja_node_new(p, JINJA_TUPLE, &n)) {
        return false;
    }
    tail = &n->first;
    if (*out != NULL && (!jinja_item_add(p, &tail, *out, NULL) || !jinja_next(p))) {
        return false;
    }
    *out = n;
    return items_parse(p, ")", tail, false);
}

static bool literal(struct parser *p, struct jinja_value v, struct jinja_node **out)
{
    if (!jinja_node_new(p, JINJA_LITERAL, out)) {
        return false;
    }
    (*out)->value = v;
    return jinja_next(p);
}

static bool name_parse(struct parser *p, struct jinja_node **out)
{
    static const struct {
        const char *words[2];
        int value; /* 0, 1, -1: none */
    } constants[] = {{{"true", "True"}, 1}, {{"false", "False"}, 0}, {{"none", "None"}, -1}};

    for (size_t i = 0; i < 6; i++) {
        if (jinja_is_word(p, constants[i / 2].words[i % 2])) {
            const int v = constants[i / 2].value;

            return literal(p, v < 0 ? jinja_none : jinja_bool(v == 1), out);
        }
    }
    if (!jinja_node_new(p, JINJA_NAME, out)) {
        return false;
    }
    (*out)->text = p->token.text;
    return jinja_next(p);
}

/* Texts side by side are one. */
static bool string_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_str all = p->token.text;
    void *room;

    if (!jinja_next(p)) {
        return false;
    }
    while (p->token.kind == TOKEN_STRING) {
        if (!arena_alloc(&p->t->arena, all.len + p->token.text.len, 1, &room, p->err)) {
            return false;
        }
        memcpy(room, all.p, all.len);
        memcpy((uint8_t *)room + all.len, p->token.text.p, p->token.text.len);
        all = (struct jinja_str){.p = room, .len = all.len + p->token.text.len};
        if (!jinja_next(p)) {
            return false;
        }
    }
    if (!jinja_node_new(p, JINJA_LITERAL, out)) {
        return false;
    }
    (*out)->value = jinja_of(all);
    return true;
}

static bool primary(struct parser *p, struct jinja_node **out)
{
    const bool list = jinja_is_sign(p, "["), pairs = jinja_is_sign(p, "{");

    switch (p->token.kind) {
    case TOKEN_NAME:
        return name_parse(p, out);
    case TOKEN_STRING:
        return string_parse(p, out);
    case TOKEN_INT:
        return literal(p, jinja_int(p->token.integer), out);
    case TOKEN_FLOAT:
        return literal(p, (struct jinja_value){.type = JINJA_FLOAT, .real = p->token.real}, out);
    case TOKEN_END:
        return jinja_fail(p, "an expression is missing");
    case TOKEN_SIGN:
        break;
    }
    if (jinja_is_sign(p, "(")) {
        return jinja_next(p) && parenthesis(p, out);
    }
    if (list || pairs) {
        return jinja_node_new(p, list ? JINJA_TUPLE : JINJA_PAIRS, out) && jinja_next(p) &&
               items_parse(p, list ? "]" : "}", &(*out)->first, pairs);
    }
    return jinja_fail_name(p, "not expected:", p->token.text);
}

/* Behind "[": an index, or a slice. */
static bool subscript(struct parser *p, struct jinja_node *a, struct jinja_node **out)
{
    struct jinja_node *n, *parts[3] = {NULL, NULL, NULL};
    size_t i = 0;

    for (;;) {
        if (!jinja_is_sign(p, ":") && !jinja_is_sign(p, "]") && !jinja_expression(p, &parts[i])) {
            return false;
        }
        if (!jinja_is_sign(p, ":") || i == 2) {
            break;
        }
        i++;
        if (!jinja_next(p)) {
            return false;
        }
    }
    if (i == 0 && parts[0] == NULL) {
        return jinja_fail(p, "an index is missing");
    }
    if (!jinja_node_new(p, i == 0 ? JINJA_INDEX : JINJA_SLICE, &n)) {
        return false;
    }
    n->a = a;
    n->b = parts[0];
    n->c = parts[1];
    n->d = parts[2];
    *out = n;
    return jinja_expect(p, "]");
}

bool jinja_get_parse(struct parser *p, struct jinja_node *a, struct jinja_node **out)
{
    struct jinja_node *n;

    if (!jinja_next(p)) {
        return false;
    }
    if (p->token.kind == TOKEN_INT) {
        return jinja_node_new(p, JINJA_INDEX, out) &&
               ((*out)->a = a, literal(p, jinja_int(p->token.integer), &(*out)->b));
    }
    if (p->token.kind != TOKEN_NAME) {
        return jinja_fail(p, "a name is missing behind \".\"");
    }
    if (!jinja_node_new(p, JINJA_GET, &n)) {
        return false;
    }
    n->a = a;
    n->text = p->token.text;
    *out = n;
    return jinja_next(p);
}

static bool call_parse(struct parser *p, struct jinja_node *a, struct jinja_node **out)
{
    struct jinja_node *n;

    if (!jinja_node_new(p, JINJA_CALL, &n) || !jinja_next(p) || !args_parse(p, &n->first)) {
        return false;
    }
    n->a = a;
    *out = n;
    return true;
}

/* At its name. */
static bool filter_parse(struct parser *p, struct jinja_node **a)
{
    struct jinja_node *n;

    if (p->token.kind != TOKEN_NAME) {
        return jinja_fail(p, "a filter's name is missing");
    }
    if (!jinja_node_new(p, JINJA_FILTER, &n)) {
        return false;
    }
    n->a = *a;
    n->op = jinja_filter_find(p->token.text);
    if (n->op < 0) {
        return jinja_fail_name(p, "the filter", p->token.text);
    }
    *a = n;
    return jinja_next(p) && (!jinja_is_sign(p, "(") || (jinja_next(p) && args_parse(p, &n->first)));
}

bool jinja_capture_parse(struct parser *p, bool begun, struct jinja_node **capture, struct jinja_node **out)
{
    if (!jinja_node_new(p, JINJA_CAPTURE, capture)) {
        return false;
    }
    *out = *capture;
    if (begun && !filter_parse(p, out)) {
        return false;
    }
    while (jinja_is_sign(p, "|")) {
        if (!jinja_next(p) || !filter_parse(p, out)) {
            return false;
        }
    }
    return true;
}

/* An argument of a test may stand without parentheses. */
static bool test_arg(struct parser *p, struct jinja_node *test)
{
    static const char *const others[] = {"else", "or", "and", "is", "if", "not", "in"};
    struct jinja_node **tail = &test->first, *e;

    if (jinja_is_sign(p, "(")) {
        return jinja_next(p) && args_parse(p, &test->first);
    }
    if (p->token.kind == TOKEN_END ||
        (p->token.kind == TOKEN_SIGN && !jinja_is_sign(p, "[") && !jinja_is_sign(p, "{"))) {
        return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (jinja_is_word(p, others[i])) {
            return true;
        }
    }
    return unary(p, false, &e) && jinja_item_add(p, &tail, e, NULL);
}

static bool test_parse(struct parser *p, struct jinja_node **a)
{
    struct jinja_node *n, *negated;
    bool not ;

    if (!jinja_next(p)) {
        return false;
    }
    not = jinja_is_word(p, "not");
    if (not &&!jinja_next(p)) {
        return false;
    }
    if (p->token.kind != TOKEN_NAME) {
        return jinja_fail(p, "a test's name is missing");
    }
    if (!jinja_node_new(p, JINJA_TEST, &n)) {
        return false;
    }
    n->a = *a;
    n->op = jinja_test_find(p->token.text);
    if (n->op < 0) {
        return jinja_fail_name(p, "the test", p->token.text);
    }
    if (!jinja_next(p) || !test_arg(p, n)) {
        return false;
    }
    *a = n;
    if (not ) {
        if (!jinja_node_new(p, JINJA_NOT, &negated)) {
            return false;
        }
        negated->a = n;
        *a = negated;
    }
    return true;
}

static bool postfix(struct parser *p, bool filters, struct jinja_node **a)
{
    for (;;) {
        bool ok;

        if (jinja_is_sign(p, ".")) {
            ok = jinja_get_parse(p, *a, a);
        } else if (jinja_is_sign(p, "[")) {
            ok = jinja_next(p) && subscript(p, *a, a);
        } else if (jinja_is_sign(p, "(")) {
            ok = call_parse(p, *a, a);
        } else if (filters && jinja_is_sign(p, "|")) {
            ok = jinja_next(p) && filter_parse(p, a);
        } else if (filters && jinja_is_word(p, "is")) {
            ok = test_parse(p, a);
        } else {
            return true;
        }
        if (!ok) {
            return false;
        }
    }
}

static bool unary(struct parser *p, bool filters, struct jinja_node **out)
{
    struct jinja_node *a = NULL;

    if (++p->depth > JINJA_DEPTH_MAX) {
        return jinja_fail(p, "nested too deeply");
    }
    if (jinja_is_sign(p, "-")) {
        if (!jinja_node_new(p, JINJA_NEGATE, &a) || !jinja_next(p) || !unary(p, false, &a->a)) {
            return false;
        }
    } else if (!primary(p, &a)) {
        return false;
    }
    p->depth--;
    *out = a;
    return postfix(p, filters, out);
}

/* + and - bind less than ~, and that less than * and its like. */
static bool binary(struct parser *p, size_t level, struct jinja_node **out)
{
    static const struct {
        const char *sign;
        enum jinja_op op;
        size_t level;
    } signs[] = {
        {"+", JINJA_OP_ADD, 0}, {"-", JINJA_OP_SUB, 0},    {"~", JINJA_OP_CONCAT, 1}, {"*", JINJA_OP_MUL, 2},
        {"/", JINJA_OP_DIV, 2}, {"//", JINJA_OP_FLOOR, 2}, {"%", JINJA_OP_MOD, 2},
    };
    struct jinja_node *b;

    if (level == 3) {
        return unary(p, true, out) && (!jinja_is_sign(p, "**") || jinja_fail(p, "the operator **"));
    }
    if (!binary(p, level + 1, out)) {
        return false;
    }
    for (;;) {
        enum jinja_op op = JINJA_OP_NONE;

        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
            op = signs[i].level == level && jinja_is_sign(p, signs[i].sign) ? signs[i].op : op;
        }
        if (op == JINJA_OP_NONE) {
            return true;
        }
        if (!jinja_next(p) || !binary(p, level + 1, &b) || !binary_new(p, (int)op, b, out)) {
            return false;
        }
    }
}

static bool compare_op(struct parser *p, enum jinja_op *out)
{
    static const struct {
        const char *sign;
        enum jinja_op op;
    } signs[] = {{"==", JINJA_OP_EQ}, {"!=", JINJA_OP_NE}, {"<", JINJA_OP_LT},
                 {"<=", JINJA_OP_LE}, {">", JINJA_OP_GT},  {">=", JINJA_OP_GE}};

    *out = jinja_is_word(p, "in") ? JINJA_OP_IN : jinja_is_word(p, "not") ? JINJA_OP_NOT_IN : JINJA_OP_NONE;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        *out = jinja_is_sign(p, signs[i].sign) ? signs[i].op : *out;
    }
    return *out == JINJA_OP_NONE ||
           (jinja_next(p) &&
            (*out != JINJA_OP_NOT_IN || (jinja_is_word(p, "in") ? jinja_next(p) : jinja_fail(p, "\"in\" is missing"))));
}

static bool compare(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n = NULL, **tail = NULL, *b, *item;
    enum jinja_op op;

    if (!binary(p, 0, out)) {
        return false;
    }
    for (;;) {
        if (!compare_op(p, &op)) {
            return false;
        }
        if (op == JINJA_OP_NONE) {
            return true;
        }
        if (n == NULL) {
            if (!jinja_node_new(p, JINJA_COMPARE, &n)) {
                return false;
            }
            n->a = *out;
            *out = n;
            tail = &n->first;
        }
        if (!binary(p, 0, &b) || !jinja_item_add(p, &tail, b, &item)) {
            return false;
        }
        item->op = (int)op;
    }
}

static bool not_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n;

    if (!jinja_is_word(p, "not")) {
        return compare(p, out);
    }
    if (++p->depth > JINJA_DEPTH_MAX) {
        return jinja_fail(p, "nested too deeply");
    }
    if (!jinja_node_new(p, JINJA_NOT, &n) || !jinja_next(p) || !not_parse(p, &n->a)) {
        return false;
    }
    p->depth--;
    *out = n;
    return true;
}

static bool and_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *b;

    if (!not_parse(p, out)) {
        return false;
    }
    while (jinja_is_word(p, "and")) {
        if (!jinja_next(p) || !not_parse(p, &b) || !binary_new(p, JINJA_OP_AND, b, out)) {
            return false;
        }
    }
    return true;
}

bool jinja_or_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *b;

    if (!and_parse(p, out)) {
        return false;
    }
    while (jinja_is_word(p, "or")) {
        if (!jinja_next(p) || !and_parse(p, &b) || !binary_new(p, JINJA_OP_OR, b, out)) {
            return false;
        }
    }
    return true;
}

bool jinja_expression(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n;

    if (++p->depth > JINJA_DEPTH_MAX) {
        return jinja_fail(p, "nested too deeply");
    }
    if (!jinja_or_parse(p, out)) {
        return false;
    }
    while (jinja_is_word(p, "if")) {
        if (!jinja_node_new(p, JINJA_CHOICE, &n) || !jinja_next(p)) {
            return false;
        }
        n->b = *out;
        *out = n;
        if (!jinja_or_parse(p, &n->a) ||
            (jinja_is_word(p, "else") && (!jinja_next(p) || !jinja_expression(p, &n->c)))) {
            return false;
        }
    }
    p->depth--;
    return true;
}

/* Behind "=": a, or a, b. */
bool jinja_value_parse(struct parser *p, struct jinja_node **out)
{
    struct jinja_node *n, **tail, *e;

    if (!jinja_expression(p, out)) {
        return false;
    }
    if (!jinja_is_sign(p, ",")) {
        return true;
    }
    if (!jinja_node_new(p, JINJA_TUPLE, &n)) {
        return false;
    }
    tail = &n->first;
    if (!jinja_item_add(p, &tail, *out, NULL)) {
        return false;
    }
    *out = n;
    while (jinja_is_sign(p, ",")) {
        if (!jinja_next(p) || !jinja_expression(p, &e) || !jinja_item_add(p, &tail, e, NULL)) {
            return false;
        }
    }
    return true;
}
