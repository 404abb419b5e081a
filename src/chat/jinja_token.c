#include "chat/jinja_syntax.h"

#include <stdio.h>
#include <stdlib.h>

bool jinja_fail(struct parser *p, const char *what)
{
    return FAIL(p->err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE, "line %u of the chat template: %s", p->line, what);
}

bool jinja_fail_name(struct parser *p, const char *what, struct jinja_str name)
{
    return FAIL(p->err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE, "line %u of the chat template: %s \"%.*s\"", p->line,
                what, (int)(name.len < 40 ? name.len : 40), (const char *)name.p);
}

/* A character; -1: none. */
static int peek(const struct parser *p, size_t ahead)
{
    return p->at + ahead < p->s.len ? p->s.p[p->at + ahead] : -1;
}

bool jinja_is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

void jinja_lines_count(struct parser *p)
{
    for (; p->counted < p->at; p->counted++) {
        p->line += p->s.p[p->counted] == '\n';
    }
}

/* Behind a tag: '-' takes all white space, and a block or comment the end of its line (trim_blocks). */
void jinja_tag_closed(struct parser *p, char before, char kind)
{
    if (before == '-') {
        while (jinja_is_space(peek(p, 0))) {
            p->at++;
        }
    } else if (kind != '{' && before != '+' && peek(p, 0) == '\n') {
        p->at++;
    }
}

/* "%}", "-%}", "+%}", and likewise "}}" outside of a dictionary. */
static bool tag_end(struct parser *p)
{
    const int first = peek(p, 0);
    const size_t sign = first == '-' || first == '+';
    const int close = p->tag == '{' ? '}' : '%';

    if (peek(p, sign) != close || peek(p, sign + 1) != '}' || (p->tag == '{' && p->braces > 0)) {
        return false;
    }
    p->at += sign + 2;
    jinja_tag_closed(p, sign ? (char)first : 0, p->tag);
    p->token.kind = TOKEN_END;
    return true;
}

static size_t utf8_put(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* \xhh, \uhhhh, \Uhhhhhhhh: at the letter. */
static bool escape_hex(struct parser *p, size_t digits, uint8_t *out, size_t *len)
{
    uint32_t c = 0;

    for (size_t i = 1; i <= digits; i++) {
        const int d = peek(p, i);
        const int v = is_digit(d)            ? d - '0'
                      : d >= 'a' && d <= 'f' ? d - 'a' + 10
                      : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                             : -1;

        if (v < 0) {
            return jinja_fail(p, "an escape without its digits");
        }
        c = c << 4 | (uint32_t)v;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return jinja_fail(p, "an escape of no character");
    }
    *len += utf8_put(c, out + *len);
    p->at += digits + 1;
    return true;
}

static bool escape_read(struct parser *p, uint8_t *out, size_t *len)
{
    static const char letters[] = "ntr\\'\"abfv", values[] = "\n\t\r\\'\"\a\b\f\v";
    const int c = peek(p, 0);
    const char *at = c > 0 ? strchr(letters, c) : NULL;

    if (at != NULL) {
        out[(*len)++] = (uint8_t)values[at - letters];
        p->at++;
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        return escape_hex(p, c == 'x' ? 2 : c == 'u' ? 4 : 8, out, len);
    }
    if (c == '\n') {
        p->at++;
        return true;
    }
    if (is_digit(c)) {
        return jinja_fail(p, "an octal escape");
    }
    out[(*len)++] = '\\';
    return true;
}

static bool string_read(struct parser *p)
{
    const int quote = peek(p, 0);
    uint8_t *out;
    void *room;
    size_t end = p->at + 1, len = 0;

    while (end < p->s.len && p->s.p[end] != quote) {
        end += p->s.p[end] == '\\' ? 2 : 1;
    }
    if (end >= p->s.len) {
        return jinja_fail(p, "a text without its end");
    }
    if (!arena_alloc(&p->t->arena, end - p->at, 1, &room, p->err)) {
        return false;
    }
    out = room;
    for (p->at++; p->at < end;) {
        if (p->s.p[p->at] != '\\') {
            out[len++] = p->s.p[p->at++];
            continue;
        }
        p->at++;
        if (!escape_read(p, out, &len)) {
            return false;
        }
    }
    p->at = end + 1;
    p->token = (struct token){.kind = TOKEN_STRING, .text = {.p = out, .len = len}};
    return true;
}

static bool number_read(struct parser *p)
{
    const size_t from = p->at;
    char text[32];
    size_t len;
    bool real = false;

    while (is_digit(peek(p, 0)) || (peek(p, 0) == '.' && is_digit(peek(p, 1)) && !real)) {
        real = real || peek(p, 0) == '.';
        p->at++;
    }
    if ((peek(p, 0) == 'e' || peek(p, 0) == 'E') &&
        (is_digit(peek(p, 1)) || ((peek(p, 1) == '-' || peek(p, 1) == '+') && is_digit(peek(p, 2))))) {
        real = true;
        for (p->at += 2; is_digit(peek(p, 0)); p->at++) {
        }
    }
    len = p->at - from;
    if (len >= sizeof text || (!real && len > 18)) {
        return jinja_fail(p, "a number that is too long");
    }
    memcpy(text, p->s.p + from, len);
    text[len] = 0;
    p->token = (struct token){.kind = real ? TOKEN_FLOAT : TOKEN_INT};
    if (real) {
        p->token.real = strtod(text, NULL);
    } else {
        p->token.integer = strtoll(text, NULL, 10);
    }
    return true;
}

static bool sign_read(struct parser *p)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "//", "**"};
    const int c = peek(p, 0);
    size_t len = 1;

    if (c <= 0 || strchr("+-*/%~<>=()[]{},.:|!", c) == NULL) {
        return jinja_fail(p, c < 0 ? "a tag without its end" : "a sign that is none of the language");
    }
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
        if (c == two[i][0] && peek(p, 1) == two[i][1]) {
            len = 2;
        }
    }
    p->braces += c == '{';
    p->braces -= c == '}' && p->braces > 0;
    p->token = (struct token){.kind = TOKEN_SIGN, .text = {.p = p->s.p + p->at, .len = len}};
    p->at += len;
    return true;
}

bool jinja_next(struct parser *p)
{
    const size_t from = p->at;

    while (jinja_is_space(peek(p, 0))) {
        p->at++;
    }
    jinja_lines_count(p);
    if (tag_end(p)) {
        return true;
    }
    if (peek(p, 0) == '"' || peek(p, 0) == '\'') {
        return string_read(p);
    }
    if (is_digit(peek(p, 0))) {
        return number_read(p);
    }
    if (!is_letter(peek(p, 0))) {
        return sign_read(p);
    }
    p->token = (struct token){.kind = TOKEN_NAME, .text = {.p = p->s.p + p->at}};
    while (is_letter(peek(p, 0)) || is_digit(peek(p, 0))) {
        p->at++;
    }
    p->token.text.len = (size_t)(p->s.p + p->at - p->token.text.p);
    return p->at > from;
}

static bool token_is(const struct parser *p, enum token_kind kind, const char *text)
{
    return p->token.kind == kind && jinja_str_is(p->token.text, text);
}

bool jinja_is_sign(const struct parser *p, const char *text)
{
    return token_is(p, TOKEN_SIGN, text);
}

bool jinja_is_word(const struct parser *p, const char *text)
{
    return token_is(p, TOKEN_NAME, text);
}

bool jinja_expect(struct parser *p, const char *sign)
{
    char what[40];

    if (!jinja_is_sign(p, sign)) {
        (void)snprintf(what, sizeof what, "\"%s\" is missing", sign);
        return jinja_fail(p, what);
    }
    return jinja_next(p);
}

bool jinja_tag_finish(struct parser *p)
{
    return p->token.kind == TOKEN_END ||
           (p->token.kind == TOKEN_STRING ? jinja_fail(p, "a text that is too much")
                                          : jinja_fail_name(p, "not expected:", p->token.text));
}
