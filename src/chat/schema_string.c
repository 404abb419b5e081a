/* Strings: a length, a format, or a regular expression (the part of ECMA-262 that speaks of one character after the
 * other: no look around, no reference back). */
#include "chat/schema_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define ITEMS_MAX 512 /* of one alternative */
#define DEPTH_MAX 32
#define REPEAT_MAX 1000

struct regex {
    struct schema *c;
    const char *p;
    unsigned depth;
};

/* A set of characters: those of ASCII one by one, all others together. */
struct characters {
    bool in[128];
    bool wide;
    bool space; /* \\s, which means some beyond ASCII as well: its opposite is of ASCII alone */
};

static bool fail(const struct regex *x, const char *what)
{
    char text[80];

    (void)snprintf(text, sizeof text, "a pattern with %s", what);
    return schema_fail(x->c, text);
}

static uint32_t characters_rule(struct schema *c, const struct characters *s)
{
    static const char letters[] = "btnfr", values[] = "\b\t\n\f\r";
    const uint32_t r = grammar_rule(c->g);
    uint8_t plain[32] = {0};
    bool any = false;

    for (unsigned b = 0x20; b < 0x80; b++) {
        if (s->in[b] && b != '"' && b != '\\') {
            plain[b / 8] |= (uint8_t)(1U << (b % 8));
            any = true;
        }
    }
    grammar_begin(c->g, r);
    if (any) {
        grammar_set(c->g, plain);
    }
    for (unsigned b = 0; b < 0x80; b++) {
        char text[8];
        const char *letter = b != 0 && b < 0x20 ? strchr(values, (int)b) : NULL;

        if (!s->in[b] || (b >= 0x20 && b != '"' && b != '\\')) {
            continue;
        }
        if (any) {
            grammar_or(c->g);
        }
        any = true;
        if (b >= 0x20) {
            (void)snprintf(text, sizeof text, "\\%c", (int)b);
        } else if (letter != NULL) {
            (void)snprintf(text, sizeof text, "\\%c", letters[letter - values]);
        } else {
            (void)snprintf(text, sizeof text, "\\u%04x", b);
        }
        schema_say(c, text);
    }
    if (s->wide) {
        if (any) {
            grammar_or(c->g);
        }
        grammar_use(c->g, c->wide);
    }
    grammar_end(c->g);
    return r;
}

static void range_add(struct characters *s, unsigned from, unsigned to)
{
    for (unsigned b = from; b <= to && b < 128; b++) {
        s->in[b] = true;
    }
}

static void negate(struct characters *s)
{
    for (unsigned b = 1; b < 128; b++) {
        s->in[b] = !s->in[b];
    }
    s->in[0] = false; /* no text of ours has it */
    s->wide = !s->wide && !s->space;
}

/* \d \w \s and their opposites, or one character. *one: it is, and which. */
static bool escape_read(struct regex *x, struct characters *s, unsigned *one)
{
    static const char letters[] = "tnrfv", values[] = "\t\n\r\f\v";
    const char letter = *x->p;
    const char *at = letter != 0 ? strchr(letters, letter) : NULL;
    struct characters class = {0};

    *one = 128;
    if (letter == 0) {
        return fail(x, "nothing behind \\");
    }
    x->p++;
    if (at != NULL) {
        *one = (uint8_t)values[at - letters];
    } else if (strchr("dDwWsS", letter) != NULL) {
        if ((letter | 0x20) == 'd' || (letter | 0x20) == 'w') {
            range_add(&class, '0', '9');
        }
        if ((letter | 0x20) == 'w') {
            range_add(&class, 'a', 'z');
            range_add(&class, 'A', 'Z');
            range_add(&class, '_', '_');
        }
        if ((letter | 0x20) == 's') {
            range_add(&class, '\t', '\r');
            range_add(&class, ' ', ' ');
            class.space = true;
        }
        if (letter < 'a') {
            negate(&class);
        }
        for (unsigned b = 0; b < 128; b++) {
            s->in[b] = s->in[b] || class.in[b];
        }
        s->wide = s->wide || class.wide;
        s->space = s->space || class.space;
        return true;
    } else if ((letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
               (letter >= 'A' && letter <= 'Z')) {
        return fail(x, "an escape that is not known");
    } else {
        *one = (uint8_t)letter;
    }
    if (*one < 128) {
        s->in[*one] = true;
    }
    return true;
}

/* Behind "[". */
static bool class_read(struct regex *x, struct characters *s)
{
    const bool negated = *x->p == '^';
    unsigned last = 128;

    x->p += negated;
    while (*x->p != ']') {
        unsigned c = (uint8_t)*x->p;

        if (c == 0) {
            return fail(x, "a class without its end");
        }
        if (c >= 0x80) {
            return fail(x, "a class of characters beyond ASCII");
        }
        x->p++;
        if (c == '\\') {
            if (!escape_read(x, s, &c)) {
                return false;
            }
        } else if (c == '-' && last < 128 && *x->p != ']') {
            c = (uint8_t)*x->p++;
            if (c == '\\' && !escape_read(x, s, &c)) {
                return false;
            }
            if (c >= 128 || c < last) {
                return fail(x, "a range that is none");
            }
            range_add(s, last, c);
            c = 128;
        } else {
            s->in[c] = true;
        }
        last = c;
    }
    x->p++;
    if (negated) {
        negate(s);
    }
    return s->wide || memchr(s->in, true, sizeof s->in) != NULL || fail(x, "a class of no characters");
}

static bool either_read(struct regex *x, uint32_t *out);

static bool group_read(struct regex *x, uint32_t *out)
{
    if (x->p[0] == '?') {
        if (x->p[1] != ':') {
            return fail(x, "a group that looks around or has a name");
        }
        x->p += 2;
    }
    if (!either_read(x, out)) {
        return false;
    }
    return *x->p++ == ')' || fail(x, "a group without its end");
}

static bool atom_read(struct regex *x, uint32_t *out)
{
    struct characters s = {0};
    const uint8_t c = (uint8_t)*x->p;
    unsigned one;
    char text[8] = {0};
    size_t len = 0;

    if (c == 0 || strchr("*+?{}])^$|", c) != NULL) {
        return fail(x, "a sign in a place where it means nothing here");
    }
    x->p++;
    if (c == '(') {
        return group_read(x, out);
    }
    if (c >= 0x80) { /* one character, whole */
        text[len++] = (char)c;
        while (len < 4 && ((uint8_t)*x->p & 0xc0) == 0x80) {
            text[len++] = *x->p++;
        }
        *out = schema_text(x->c, text);
        return true;
    }
    if (c == '.') {
        range_add(&s, '\n', '\n');
        range_add(&s, '\r', '\r');
        negate(&s);
    } else if (c == '[') {
        if (!class_read(x, &s)) {
            return false;
        }
    } else if (c == '\\') {
        if (!escape_read(x, &s, &one)) {
            return false;
        }
    } else {
        s.in[c] = true;
    }
    *out = characters_rule(x->c, &s);
    return true;
}

/* {n}, {n,} or {n,m}: behind the brace. */
static bool counts_read(struct regex *x, size_t *least, size_t *most)
{
    char *end;

    *least = strtoul(x->p, &end, 10);
    if (end == x->p || *x->p < '0' || *x->p > '9') {
        return fail(x, "a count that is none");
    }
    *most = *least;
    x->p = end;
    if (*x->p == ',') {
        x->p++;
        *most = SCHEMA_NO_END;
        if (*x->p != '}') {
            *most = strtoul(x->p, &end, 10);
            if (end == x->p || *x->p < '0' || *x->p > '9') {
                return fail(x, "a count that is none");
            }
            x->p = end;
        }
    }
    if (*least > REPEAT_MAX || (*most != SCHEMA_NO_END && (*most > REPEAT_MAX || *most < *least))) {
        return fail(x, "a count above 1,000, or less than its least");
    }
    return *x->p++ == '}' || fail(x, "a count without its end");
}

static bool repeated_read(struct regex *x, uint32_t *out)
{
    size_t least, most;

    if (!atom_read(x, out)) {
        return false;
    }
    while (*x->p != 0 && strchr("*+?{", *x->p) != NULL) {
        const char c = *x->p++;

        least = c == '+';
        most = c == '?' ? 1 : SCHEMA_NO_END;
        if (c == '{' && !counts_read(x, &least, &most)) {
            return false;
        }
        if (*x->p == '?') { /* as few as will do: the same texts */
            x->p++;
        }
        *out = schema_repeat(x->c, *out, least, most);
    }
    return true;
}

static bool sequence_read(struct regex *x, uint32_t *out)
{
    uint32_t items[ITEMS_MAX];
    size_t count = 0;

    while (*x->p != 0 && *x->p != '|' && *x->p != ')' && !(x->p[0] == '$' && x->p[1] == 0)) {
        if (count == ITEMS_MAX) {
            return fail(x, "too many parts");
        }
        if (!repeated_read(x, &items[count++])) {
            return false;
        }
    }
    *out = schema_sequence(x->c, items, count);
    return true;
}

static bool either_read(struct regex *x, uint32_t *out)
{
    uint32_t ways[64];
    size_t count = 0;

    if (++x->depth > DEPTH_MAX) {
        return fail(x, "groups nested too deeply");
    }
    for (;;) {
        if (count == sizeof ways / sizeof *ways) {
            return fail(x, "too many alternatives");
        }
        if (!sequence_read(x, &ways[count++])) {
            return false;
        }
        if (*x->p != '|') {
            break;
        }
        x->p++;
    }
    x->depth--;
    *out = schema_either(x->c, ways, count);
    return true;
}

/* Not anchored at an end: anything may stand there. */
static bool pattern_rule(struct schema *c, const char *pattern, uint32_t *out)
{
    const uint32_t any = schema_repeat(c, c->character, 0, SCHEMA_NO_END);
    struct regex x = {.c = c, .p = pattern};
    uint32_t parts[5] = {c->quote}, body;
    const bool begins = pattern[0] == '^';
    size_t count = 1;
    bool ends;

    x.p += begins;
    if (!either_read(&x, &body)) {
        return false;
    }
    ends = *x.p == '$';
    x.p += ends;
    if (*x.p != 0) {
        return fail(&x, "a sign in a place where it means nothing here");
    }
    if (!begins) {
        parts[count++] = any;
    }
    parts[count++] = body;
    if (!ends) {
        parts[count++] = any;
    }
    parts[count++] = c->quote;
    *out = schema_sequence(c, parts, count);
    return true;
}

/* Formats that can be held; the others say something, and ask for nothing (JSON Schema, Validation, section 7.2.1). */
static const char *format_pattern(const char *format)
{
/* February without its 29th: whether there is one depends on the year. */
#define DATE \
    "[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
#define TIME "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    static const struct {
        const char *name, *pattern;
    } formats[] = {
        {"date", "^" DATE "$"},
        {"time", "^" TIME "$"},
        {"date-time", "^" DATE "T" TIME "$"},
        {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        {"email", "^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63}){1,8}$"},
        {"ipv4", "^(" OCTET "\\.){3}" OCTET "$"},
    };

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, format) == 0) {
            return formats[i].pattern;
        }
    }
    return NULL;
}

static bool length_get(struct schema *c, const json_t *schema, const char *name, size_t fallback, size_t *out)
{
    const json_t *v = json_object_get(schema, name);

    *out = v == NULL ? fallback : (size_t)json_integer_value(v);
    return v == NULL || (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= 65536) ||
           schema_fail(c, "a length that is not within 0 and 65,536");
}

bool schema_string(struct schema *c, const json_t *schema, uint32_t *out)
{
    const json_t *pattern = json_object_get(schema, "pattern"), *format = json_object_get(schema, "format");
    const char *of = json_is_string(pattern)  ? json_string_value(pattern)
                     : json_is_string(format) ? format_pattern(json_string_value(format))
                                              : NULL;
    size_t least, most;

    if (!length_get(c, schema, "minLength", 0, &least) || !length_get(c, schema, "maxLength", SCHEMA_NO_END, &most)) {
        return false;
    }
    if (pattern != NULL && !json_is_string(pattern)) {
        return FAIL(c->err, REASON_SCHEMA_FORM, ERR_NOWHERE, "\"pattern\" is no text");
    }
    if (least > most) {
        return FAIL(c->err, REASON_SCHEMA_FORM, ERR_NOWHERE, "a string that is longer than it may be");
    }
    if (of != NULL) {
        return (least == 0 && most == SCHEMA_NO_END) ? pattern_rule(c, of, out)
                                                     : schema_fail(c, "a pattern or a format beside a length");
    }
    if (least == 0 && most == SCHEMA_NO_END) {
        *out = c->string;
    } else {
        const uint32_t parts[] = {c->quote, schema_repeat(c, c->character, least, most), c->quote};

        *out = schema_sequence(c, parts, 3);
    }
    return true;
}
