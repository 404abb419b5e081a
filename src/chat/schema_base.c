/* The rules of JSON that schemas are made of. */
#include "chat/schema_parts.h"

void schema_say(struct schema *c, const char *text)
{
    grammar_text(c->g, bytes_of_str(text));
}

/* Bytes of U+0080 and above, well formed. */
static void wide_say(struct schema *c)
{
    static const uint8_t forms[][8] = {
        {0xc2, 0xdf, 0x80, 0xbf},
        {0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf},
        {0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
        {0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf},
        {0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
        {0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf},
    };

    grammar_begin(c->g, c->wide);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (i > 0) {
            grammar_or(c->g);
        }
        for (size_t k = 0; k < 8 && forms[i][k] != 0; k += 2) {
            grammar_range(c->g, forms[i][k], forms[i][k + 1]);
        }
    }
    grammar_end(c->g);
}

void schema_set(struct schema *c, const char *members, bool negated)
{
    uint8_t set[32] = {0};

    for (unsigned b = 0x20; b < 0x80; b++) {
        const bool in = strchr(members, (int)b) != NULL;

        if (in != negated) {
            set[b / 8] |= (uint8_t)(1U << (b % 8));
        }
    }
    grammar_set(c->g, set);
}

/* \u and four digits, but no half of a pair, and no NUL. */
static void escape_say(struct schema *c)
{
    static const char hex[] = "0123456789abcdefABCDEF", some[] = "123456789abcdefABCDEF";
    static const char *const forms[][4] = {{"123456789abcefABCEF", hex, hex, hex},
                                           {"dD", "01234567", hex, hex},
                                           {"0", some, hex, hex},
                                           {"0", "0", some, hex},
                                           {"0", "0", "0", some}};

    grammar_begin(c->g, c->escape);
    schema_say(c, "\\");
    schema_set(c, "\"\\/bfnrt", false);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        grammar_or(c->g);
        schema_say(c, "\\u");
        for (size_t k = 0; k < 4; k++) {
            schema_set(c, forms[i][k], false);
        }
    }
    grammar_end(c->g);
}

static void character_say(struct schema *c)
{
    grammar_begin(c->g, c->character);
    schema_set(c, "\"\\", true);
    grammar_or(c->g);
    grammar_use(c->g, c->wide);
    grammar_or(c->g);
    grammar_use(c->g, c->escape);
    grammar_end(c->g);
}

/* Nothing, a space, or a new line and some indentation: without a bound a model may write nothing else for ever. */
static void space_say(struct schema *c)
{
    const uint32_t some = grammar_rule(c->g);
    uint32_t next = some;

    grammar_begin(c->g, some);
    grammar_end(c->g);
    for (int i = 0; i < 20; i++) {
        const uint32_t one = grammar_rule(c->g);

        grammar_begin(c->g, one);
        grammar_or(c->g);
        grammar_range(c->g, ' ', ' ');
        grammar_use(c->g, next);
        grammar_end(c->g);
        next = one;
    }
    grammar_begin(c->g, c->space);
    grammar_or(c->g);
    schema_say(c, " ");
    grammar_or(c->g);
    schema_say(c, "\n");
    grammar_use(c->g, next);
    grammar_end(c->g);
}

static void number_say(struct schema *c)
{
    const uint32_t rest = schema_digits(c, 0, 15);

    grammar_begin(c->g, c->whole);
    schema_say(c, "0");
    grammar_or(c->g);
    grammar_range(c->g, '1', '9');
    grammar_use(c->g, rest);
    grammar_end(c->g);
}

uint32_t schema_repeat(struct schema *c, uint32_t rule, size_t least, size_t most)
{
    uint32_t next = grammar_rule(c->g);

    grammar_begin(c->g, next); /* behind the last */
    if (most == SCHEMA_NO_END) {
        grammar_or(c->g);
        grammar_use(c->g, rule);
        grammar_use(c->g, next);
        most = least;
    }
    grammar_end(c->g);
    for (size_t i = most; i > 0; i--) {
        const uint32_t one = grammar_rule(c->g);

        grammar_begin(c->g, one);
        if (i > least) {
            grammar_or(c->g); /* it may end here */
        }
        grammar_use(c->g, rule);
        grammar_use(c->g, next);
        grammar_end(c->g);
        next = one;
    }
    return next;
}

uint32_t schema_digits(struct schema *c, size_t least, size_t most)
{
    return schema_repeat(c, c->digit, least, most);
}

/* A rule of one alternative. */
uint32_t schema_sequence(struct schema *c, const uint32_t *rules, size_t count)
{
    const uint32_t r = grammar_rule(c->g);

    grammar_begin(c->g, r);
    for (size_t i = 0; i < count; i++) {
        grammar_use(c->g, rules[i]);
    }
    grammar_end(c->g);
    return r;
}

uint32_t schema_text(struct schema *c, const char *text)
{
    const uint32_t r = grammar_rule(c->g);

    grammar_begin(c->g, r);
    schema_say(c, text);
    grammar_end(c->g);
    return r;
}

uint32_t schema_either(struct schema *c, const uint32_t *rules, size_t count)
{
    const uint32_t r = grammar_rule(c->g);

    grammar_begin(c->g, r);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            grammar_or(c->g);
        }
        grammar_use(c->g, rules[i]);
    }
    grammar_end(c->g);
    return r;
}

uint32_t schema_maybe(struct schema *c, uint32_t rule)
{
    return schema_repeat(c, rule, 0, 1);
}

/* . and digits; e, sign and digits. */
static void fraction_make(struct schema *c)
{
    const uint32_t point = schema_text(c, "."), digits = schema_digits(c, 1, 16);
    const uint32_t sign = grammar_rule(c->g), letter = grammar_rule(c->g);
    const uint32_t fraction[] = {point, digits}, power[] = {letter, sign, schema_digits(c, 1, 2)};

    grammar_begin(c->g, sign);
    grammar_or(c->g);
    schema_set(c, "+-", false);
    grammar_end(c->g);
    grammar_begin(c->g, letter);
    schema_set(c, "eE", false);
    grammar_end(c->g);
    c->fraction = schema_maybe(c, schema_sequence(c, fraction, 2));
    c->power = schema_maybe(c, schema_sequence(c, power, 3));
}

static void container_say(struct schema *c, uint32_t rule, const char *open, const char *close, uint32_t item)
{
    const uint32_t rest = grammar_rule(c->g);

    grammar_begin(c->g, rest);
    grammar_or(c->g);
    schema_say(c, ",");
    grammar_use(c->g, c->space);
    grammar_use(c->g, item);
    grammar_use(c->g, c->space);
    grammar_use(c->g, rest);
    grammar_end(c->g);
    grammar_begin(c->g, rule);
    schema_say(c, open);
    grammar_use(c->g, c->space);
    schema_say(c, close);
    grammar_or(c->g);
    schema_say(c, open);
    grammar_use(c->g, c->space);
    grammar_use(c->g, item);
    grammar_use(c->g, c->space);
    grammar_use(c->g, rest);
    schema_say(c, close);
    grammar_end(c->g);
}

/* "name" : value, of whatever name. */
uint32_t schema_pair(struct schema *c, uint32_t name, uint32_t value)
{
    const uint32_t parts[] = {name, c->space, schema_text(c, ":"), c->space, value};

    return schema_sequence(c, parts, 5);
}

void schema_base_make(struct schema *c)
{
    uint32_t *const rules[] = {&c->space, &c->wide,  &c->escape, &c->character, &c->digit,
                               &c->whole, &c->value, &c->object, &c->array};
    uint32_t minus, parts[4];

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        *rules[i] = grammar_rule(c->g);
    }
    space_say(c);
    wide_say(c);
    escape_say(c);
    character_say(c);
    grammar_begin(c->g, c->digit);
    grammar_range(c->g, '0', '9');
    grammar_end(c->g);
    c->quote = schema_text(c, "\"");
    parts[0] = c->quote;
    parts[1] = schema_repeat(c, c->character, 0, SCHEMA_NO_END);
    parts[2] = c->quote;
    c->string = schema_sequence(c, parts, 3);
    number_say(c);
    fraction_make(c);
    minus = schema_maybe(c, schema_text(c, "-"));
    parts[0] = minus;
    parts[1] = c->whole;
    c->integer = schema_sequence(c, parts, 2);
    parts[2] = c->fraction;
    parts[3] = c->power;
    c->number = schema_sequence(c, parts, 4);
    c->null = schema_text(c, "null");
    parts[0] = schema_text(c, "true");
    parts[1] = schema_text(c, "false");
    c->boolean = schema_either(c, parts, 2);
    {
        const uint32_t all[] = {c->string, c->number, c->object, c->array, c->boolean, c->null};

        grammar_begin(c->g, c->value);
        for (size_t i = 0; i < 6; i++) {
            if (i > 0) {
                grammar_or(c->g);
            }
            grammar_use(c->g, all[i]);
        }
        grammar_end(c->g);
    }
    container_say(c, c->object, "{", "}", schema_pair(c, c->string, c->value));
    container_say(c, c->array, "[", "]", c->value);
}
