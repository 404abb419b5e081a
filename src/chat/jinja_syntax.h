/* Inside of the template parser: tokens (jinja_token.c), expressions (jinja_expression.c), statements (jinja_parse.c).
 */
#ifndef SOTTO_CHAT_JINJA_SYNTAX_H
#define SOTTO_CHAT_JINJA_SYNTAX_H

#include "chat/jinja_parts.h"

enum token_kind {
    TOKEN_END, /* of the tag */
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_SIGN, /* one or two characters */
};

struct token {
    enum token_kind kind;
    struct jinja_str text; /* of a string: its characters, escapes resolved */
    int64_t integer;
    double real;
};

struct parser {
    struct jinja *t;
    struct bytes s;
    size_t at;
    size_t counted; /* lines were counted up to here */
    unsigned line, depth, braces;
    size_t nodes;
    char tag; /* '%' or '{': what is open */
    struct token token;
    struct err *err;
};

/* TEMPLATE_UNSUPPORTED, with the line; always false. */
bool jinja_fail(struct parser *p, const char *what);
bool jinja_fail_name(struct parser *p, const char *what, struct jinja_str name);

/* The next token of the tag that is open; behind its end, the white space that goes with it is taken. */
bool jinja_next(struct parser *p);
bool jinja_is_sign(const struct parser *p, const char *text);
bool jinja_is_word(const struct parser *p, const char *text);
bool jinja_expect(struct parser *p, const char *sign); /* and the token behind it */
bool jinja_tag_finish(struct parser *p);               /* the token is the tag's end */
void jinja_tag_closed(struct parser *p, char before, char kind);
void jinja_lines_count(struct parser *p);
bool jinja_is_space(int c);

bool jinja_node_new(struct parser *p, enum jinja_kind kind, struct jinja_node **out);
/* An item at the end of a list; tail is where its pointer goes. out NULL: not wanted. */
bool jinja_item_add(struct parser *p, struct jinja_node ***tail, struct jinja_node *a, struct jinja_node **out);

bool jinja_expression(struct parser *p, struct jinja_node **out);
bool jinja_or_parse(struct parser *p, struct jinja_node **out);    /* without "a if b else c" */
bool jinja_value_parse(struct parser *p, struct jinja_node **out); /* an expression, or several with commas: a tuple */
/* Of a block that is set or filtered: *capture prints what is filtered, *out is what comes of it; begun: at the first
 * filter's name, else at a '|' or none. */
bool jinja_capture_parse(struct parser *p, bool begun, struct jinja_node **capture, struct jinja_node **out);
bool jinja_get_parse(struct parser *p, struct jinja_node *a, struct jinja_node **out); /* at the point of a.name */

#endif
