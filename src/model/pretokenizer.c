#include "model/pretokenizer.h"

#include "model/unicode.h"

/* A place in the text. Behind the last character the class is END. */
enum { END = 100 };

struct place {
    size_t at, len;
    uint32_t code;
    unsigned class;
};

static struct place place_at(struct bytes text, size_t at)
{
    struct place p = {.at = at, .class = END};

    if (at < text.len) {
        p.len = unicode_decode(text, at, &p.code);
        p.class = unicode_class(p.code);
    }
    return p;
}

static struct place after(struct bytes text, struct place p)
{
    return place_at(text, p.at + p.len);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* 's 't 'm 'd 're 've 'll: their length, or 0. */
static size_t contraction(struct bytes text, size_t at, bool any_case)
{
    static const char *const endings[] = {"s", "t", "m", "d", "re", "ve", "ll"};

    for (size_t i = 0; text.p[at] == '\'' && i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i]), same = 0;

        while (same < n && at + 1 + same < text.len) {
            uint8_t c = text.p[at + 1 + same];

            if ((any_case ? lower(c) : c) != (uint8_t)endings[i][same]) {
                break;
            }
            same++;
        }
        if (same == n) {
            return 1 + n;
        }
    }
    return 0;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * With digits = 1, each number is cut out first: it is a word, and to the text before it, it is the end. */
static struct place gpt2_place(const struct pretokenizer *p, struct bytes text, size_t at)
{
    struct place here = place_at(text, at);

    if (p->digits != 0 && here.class == UNICODE_NUMBER) {
        here.class = END;
    }
    return here;
}

static size_t gpt2_next(const struct pretokenizer *p, struct bytes text, size_t at)
{
    struct place here = place_at(text, at), word, last;
    size_t n = contraction(text, at, false);

    if (n != 0) {
        return at + n;
    }
    if (p->digits != 0 && here.class == UNICODE_NUMBER) {
        return at + here.len;
    }
    word = here.code == ' ' ? gpt2_place(p, text, at + here.len) : here;
    if (word.class != END && word.class != UNICODE_SPACE) {
        unsigned class = word.class;

        while (word.class == class) {
            word = gpt2_place(p, text, word.at + word.len);
        }
        return word.at;
    }
    last = here;
    for (word = here; word.class == UNICODE_SPACE; word = gpt2_place(p, text, word.at + word.len)) {
        last = word;
    }
    /* The last space belongs to what follows it, unless nothing does. */
    return word.class != END && last.at > at ? last.at : word.at;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
 * \s+(?!\S)|\s+ */
static size_t llama3_spaces(struct bytes text, struct place here)
{
    struct place last = here, word = here;
    size_t line_end = 0;

    while (word.class == UNICODE_SPACE) {
        if (word.code == '\r' || word.code == '\n') {
            line_end = word.at + word.len;
        }
        last = word;
        word = after(text, word);
    }
    if (line_end != 0) {
        return line_end;
    }
    return word.class != END && last.at > here.at ? last.at : word.at;
}

static size_t llama3_next(const struct pretokenizer *p, struct bytes text, size_t at)
{
    struct place here = place_at(text, at), word = after(text, here);
    size_t n = contraction(text, at, true);

    if (n != 0) {
        return at + n;
    }
    if (here.class == UNICODE_LETTER ||
        (here.code != '\r' && here.code != '\n' && here.class != UNICODE_NUMBER && word.class == UNICODE_LETTER)) {
        while (word.class == UNICODE_LETTER) {
            word = after(text, word);
        }
        return word.at;
    }
    if (here.class == UNICODE_NUMBER) {
        for (unsigned i = 1; i < p->digits && word.class == UNICODE_NUMBER; i++) {
            word = after(text, word);
        }
        return word.at;
    }
    word = here.code == ' ' ? word : here;
    if (word.class == UNICODE_OTHER) {
        while (word.class == UNICODE_OTHER) {
            word = after(text, word);
        }
        while (word.class != END && (word.code == '\r' || word.code == '\n')) {
            word = after(text, word);
        }
        return word.at;
    }
    return llama3_spaces(text, here);
}

static const struct pretokenizer table[] = {
    {"gpt-2", gpt2_next, 0, false, false},     {"smollm", gpt2_next, 1, false, false},
    {"starcoder", gpt2_next, 1, false, false}, {"llama-bpe", llama3_next, 3, true, true},
    {"qwen2", llama3_next, 1, false, false},   {"deepseek-r1-qwen", llama3_next, 1, false, false},
};

const struct pretokenizer *pretokenizer_find(struct bytes name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (bytes_equal(name, bytes_of_str(table[i].name))) {
            return &table[i];
        }
    }
    return NULL;
}

size_t pretokenizer_next(const struct pretokenizer *p, struct bytes text, size_t at)
{
    return p->next(p, text, at);
}
