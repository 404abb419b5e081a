#include "model/pretokenizer.h"

#include "model/unicode.h"

/* A place in the text. Behind the last character the class is END. */
enum { END = 100 };

struct place {
    size_t at, len;
    uint32_t code;
    unsigned class;
};

/* Ideographs and kana, as the pattern of DeepSeek V3 names them. */
static bool is_cjk(uint32_t code)
{
    return (code >= 0x4e00 && code <= 0x9fa5) || (code >= 0x3040 && code <= 0x30ff);
}

static struct place place_at(struct bytes text, size_t at)
{
    struct place p = {.at = at, .class = END};

    if (at < text.len) {
        p.len = unicode_decode(text, at, &p.code);
        p.class = unicode_class(p.code);
    }
    return p;
}

/* The character behind p as the last pattern sees it: where an earlier one has cut, the text ends. */
static struct place after(const struct pretokenizer *t, struct bytes text, struct place p)
{
    struct place next = place_at(text, p.at + p.len);

    if ((t->cut != CUT_NOTHING && next.class == UNICODE_NUMBER) ||
        (t->cut == CUT_NUMBERS_CJK && is_cjk(next.code) != is_cjk(p.code))) {
        next.class = END;
    }
    return next;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool is_letter_of_ascii(uint32_t code)
{
    return code < 0x80 && lower((uint8_t)code) >= 'a' && lower((uint8_t)code) <= 'z';
}

static bool is_line_end(struct place p)
{
    return p.class != END && (p.code == '\r' || p.code == '\n');
}

/* [^\s\p{L}\p{N}] */
static bool is_rest(struct place p)
{
    return p.class < UNICODE_LETTER;
}

/* 's 't 'm 'd 're 've 'll: their length, or 0. */
static size_t contraction(struct bytes text, size_t at, bool any_case)
{
    static const char *const endings[] = {"s", "t", "m", "d", "re", "ve", "ll"};

    for (size_t i = 0; at < text.len && text.p[at] == '\'' && i < sizeof endings / sizeof endings[0]; i++) {
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

/* \p{N}{1,digits} */
static size_t numbers_end(const struct pretokenizer *t, struct bytes text, struct place here)
{
    struct place word = place_at(text, here.at + here.len);

    for (unsigned i = 1; i < t->digits && word.class == UNICODE_NUMBER; i++) {
        word = place_at(text, word.at + word.len);
    }
    return word.at;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+, or where lines do not count \s+(?!\S)|\s+: the last space belongs to what follows it,
 * unless nothing does. */
static size_t spaces_end(const struct pretokenizer *t, struct bytes text, struct place here, bool lines)
{
    struct place last = here, word = here;
    size_t line_end = 0;

    while (word.class == UNICODE_SPACE) {
        if (is_line_end(word)) {
            line_end = word.at + word.len;
        }
        last = word;
        word = after(t, text, word);
    }
    if (lines && line_end != 0) {
        return line_end;
    }
    return word.class != END && last.at > here.at ? last.at : word.at;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+, where numbers are cut: after \p{N} */
static size_t gpt2_next(const struct pretokenizer *t, struct bytes text, size_t at)
{
    struct place here = place_at(text, at), word;
    size_t n = contraction(text, at, false);

    if (n != 0) {
        return at + n;
    }
    if (t->cut == CUT_NUMBERS && here.class == UNICODE_NUMBER) {
        return at + here.len;
    }
    word = here.code == ' ' ? after(t, text, here) : here;
    if (word.class != END && word.class != UNICODE_SPACE) {
        unsigned class = word.class;
        bool rest = is_rest(word);

        while (rest ? is_rest(word) : word.class == class) {
            word = after(t, text, word);
        }
        return word.at;
    }
    return spaces_end(t, text, here, false);
}

/* A run of letters from word on: with cases apart, as llama.cpp reads the pattern of GPT-4o,
 *     ((?=\p{L})[^a-z])*((?=\p{L})[^A-Z])+ or else ((?=\p{L})[^a-z])+((?=\p{L})[^A-Z])*
 * so that a letter beyond ASCII is of either case, and a mark is no letter. */
static size_t letters_end(const struct pretokenizer *t, struct bytes text, struct place word)
{
    size_t either_end = 0;

    if (!t->cased) {
        while (word.class == UNICODE_LETTER) {
            word = after(t, text, word);
        }
        return word.at;
    }
    for (; word.class == UNICODE_LETTER && !(word.code >= 'a' && word.code <= 'z'); word = after(t, text, word)) {
        either_end = word.code >= 0x80 ? word.at + word.len : either_end;
    }
    if (word.class != UNICODE_LETTER) {
        return either_end != 0 ? either_end : word.at;
    }
    while (word.class == UNICODE_LETTER && !(word.code >= 'A' && word.code <= 'Z')) {
        word = after(t, text, word);
    }
    return word.at;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
 * \s+(?!\S)|\s+; with cases apart the contraction stands behind the letters, and / counts as a line's end does there */
static size_t llama3_next(const struct pretokenizer *t, struct bytes text, size_t at)
{
    struct place here = place_at(text, at), word = after(t, text, here);
    size_t n = t->cased ? 0 : contraction(text, at, true);

    if (n != 0) {
        return at + n;
    }
    if (here.class == UNICODE_LETTER ||
        (!is_line_end(here) && here.class != UNICODE_NUMBER && word.class == UNICODE_LETTER)) {
        size_t end = letters_end(t, text, here.class == UNICODE_LETTER ? here : word);

        return t->cased ? end + contraction(text, end, true) : end;
    }
    if (here.class == UNICODE_NUMBER) {
        return numbers_end(t, text, here);
    }
    word = here.code == ' ' ? word : here;
    if (is_rest(word)) {
        while (is_rest(word)) {
            word = after(t, text, word);
        }
        while (is_line_end(word) || (t->cased && word.class != END && word.code == '/')) {
            word = after(t, text, word);
        }
        return word.at;
    }
    return spaces_end(t, text, here, true);
}

static bool is_letter_or_mark(struct place p)
{
    return p.class == UNICODE_LETTER || p.class == UNICODE_MARK;
}

static bool is_sign(struct place p)
{
    return p.class == UNICODE_PUNCTUATION || p.class == UNICODE_SYMBOL;
}

/* \p{N}{1,3}, then [ideographs and kana]+, then, within what these have cut,
 * [!-/:-@[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t deepseek3_next(const struct pretokenizer *t, struct bytes text, size_t at)
{
    struct place here = place_at(text, at), word = after(t, text, here);

    if (here.class == UNICODE_NUMBER) {
        return numbers_end(t, text, here);
    }
    if (here.code < 0x80 && is_sign(here) && word.class == UNICODE_LETTER && is_letter_of_ascii(word.code)) {
        while (word.class != END && is_letter_of_ascii(word.code)) {
            word = after(t, text, word);
        }
        return word.at;
    }
    if (is_letter_or_mark(here) || (!is_line_end(here) && !is_sign(here) && is_letter_or_mark(word))) {
        while (is_letter_or_mark(word)) {
            word = after(t, text, word);
        }
        return word.at;
    }
    if (is_sign(here) || (here.code == ' ' && is_sign(word))) {
        while (is_sign(word)) {
            word = after(t, text, word);
        }
        while (is_line_end(word)) {
            word = after(t, text, word);
        }
        return word.at;
    }
    if (here.class == UNICODE_SPACE) {
        return spaces_end(t, text, here, true);
    }
    /* No pattern takes these: what stands between two words is one. */
    while (word.class == UNICODE_OTHER) {
        struct place next = after(t, text, word);

        if (is_letter_or_mark(next)) {
            break;
        }
        word = next;
    }
    return word.at;
}

/* The letters of the pattern of DeepSeek LLM: those with case, of an older Unicode. Sorted. */
/* clang-format off */
static const uint32_t cased_letters[][2] = {
    {0x41, 0x5a}, {0x61, 0x7a}, {0xb5, 0xb5}, {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x1ba}, {0x1bc, 0x1bf},
    {0x1c4, 0x293}, {0x295, 0x2af}, {0x370, 0x373}, {0x376, 0x377}, {0x37b, 0x37d}, {0x37f, 0x37f}, {0x386, 0x386},
    {0x388, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1}, {0x3a3, 0x3f5}, {0x3f7, 0x481}, {0x48a, 0x52f}, {0x531, 0x556},
    {0x10a0, 0x10c5}, {0x13a0, 0x13f5}, {0x13f8, 0x13fd}, {0x1c90, 0x1cba}, {0x1cbd, 0x1cbf}, {0x1d00, 0x1d2b},
    {0x1d6b, 0x1d77}, {0x1d79, 0x1d9a}, {0x1e00, 0x1f15}, {0x1f18, 0x1f1d}, {0x1f20, 0x1f45}, {0x1f48, 0x1f4d},
    {0x1f50, 0x1f57}, {0x1f59, 0x1f59}, {0x1f5b, 0x1f5b}, {0x1f5d, 0x1f5d}, {0x1f5f, 0x1f7d}, {0x1f80, 0x1fb4},
    {0x1fb6, 0x1fbc}, {0x1fbe, 0x1fbe}, {0x1fc2, 0x1fc4}, {0x1fc6, 0x1fcc}, {0x1fd0, 0x1fd3}, {0x1fd6, 0x1fdb},
    {0x1fe0, 0x1fec}, {0x1ff2, 0x1ff4}, {0x1ff6, 0x1ffc}, {0x2102, 0x2102}, {0x2107, 0x2107}, {0x210a, 0x2113},
    {0x2115, 0x2115}, {0x2119, 0x211d}, {0x2124, 0x2124}, {0x2126, 0x2126}, {0x2128, 0x2128}, {0x212a, 0x212d},
    {0x212f, 0x2134}, {0x2139, 0x2139}, {0x213c, 0x213f}, {0x2145, 0x2149}, {0x214e, 0x214e}, {0x2183, 0x2184},
    {0x2c00, 0x2c7b}, {0x2c7e, 0x2ce4}, {0x2ceb, 0x2cee}, {0x2cf2, 0x2cf3}, {0xa640, 0xa66d}, {0xa680, 0xa69b},
    {0xa722, 0xa76f}, {0xa771, 0xa787}, {0xa78b, 0xa78e}, {0xab70, 0xabbf}, {0xfb00, 0xfb06}, {0xfb13, 0xfb17},
    {0xff21, 0xff3a}, {0xff41, 0xff5a}, {0x10400, 0x1044f}, {0x104b0, 0x104d3}, {0x104d8, 0x104fb},
    {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2}, {0x118a0, 0x118df}, {0x1e900, 0x1e943},
};
/* clang-format on */

enum { /* what a character is in those patterns; it may be several */
       DEEPSEEK_LINE = 1,
       DEEPSEEK_SPACE = 2,
       DEEPSEEK_CASED = 4,
       DEEPSEEK_SIGN = 8,
       DEEPSEEK_ASIAN = 16,
       DEEPSEEK_NUMBER = 32,
       DEEPSEEK_END = 64,
       DEEPSEEK_WORD = DEEPSEEK_CASED | DEEPSEEK_SIGN,
};

static bool is_cased(uint32_t code)
{
    size_t low = 0, high = sizeof cased_letters / sizeof cased_letters[0];

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (code > cased_letters[middle][1]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sizeof cased_letters / sizeof cased_letters[0] && code >= cased_letters[low][0];
}

static unsigned deepseek_sets(struct place p)
{
    const uint32_t c = p.code;
    unsigned sets = 0;

    if (p.class == END) {
        return DEEPSEEK_END;
    }
    if (p.class == UNICODE_SPACE) {
        return is_line_end(p) ? DEEPSEEK_LINE : DEEPSEEK_SPACE;
    }
    sets |= is_cased(c) ? DEEPSEEK_CASED : 0U;
    if ((c >= '!' && c <= '/') || (c >= ':' && c <= '~') || (c >= 0xff01 && c <= 0xff0f) ||
        (c >= 0xff1a && c <= 0xff5e) || (c >= 0x2018 && c <= 0x201f) || (c >= 0x3001 && c <= 0x3002)) {
        sets |= DEEPSEEK_SIGN;
    }
    sets |= (c >= 0x0800 && c <= 0x9fa5) || (c >= 0xac00 && c <= 0xd7ff) ? DEEPSEEK_ASIAN : 0U;
    return sets | (p.class == UNICODE_NUMBER ? DEEPSEEK_NUMBER : 0U);
}

enum deepseek_cut {
    DEEPSEEK_TOGETHER,
    DEEPSEEK_EARLY, /* before \s+$ is looked for */
    DEEPSEEK_LATE,
};

/* Between x and y; z is behind y. */
static enum deepseek_cut deepseek_cut(unsigned x, unsigned y, unsigned z)
{
    bool joins = (x & DEEPSEEK_SPACE) != 0 && (y & DEEPSEEK_WORD) != 0;

    if (((x | y) & (DEEPSEEK_LINE | DEEPSEEK_END)) != 0 || ((y & DEEPSEEK_SPACE) != 0 && (z & DEEPSEEK_WORD) != 0) ||
        (!joins && ((x ^ y) & DEEPSEEK_WORD) != 0)) {
        return DEEPSEEK_EARLY;
    }
    return ((x ^ y) & (DEEPSEEK_ASIAN | DEEPSEEK_NUMBER)) != 0 ? DEEPSEEK_LATE : DEEPSEEK_TOGETHER;
}

/* [\r\n], then \s?[letters with case]+, then \s?[!-~ without digits, and some signs]+, then \s+$, then
 * [ideographs and others]+, then \p{N}+: each cuts what those before it have left, so that two characters stay together
 * if none of them comes between. */
static size_t deepseek_next(const struct pretokenizer *t, struct bytes text, size_t at)
{
    struct place here = place_at(text, at), next = after(t, text, here);
    unsigned x = deepseek_sets(here), y = deepseek_sets(next), z;
    size_t spaces = 0; /* where those begin that the word ends in; 0: it does not, or is nothing else */
    enum deepseek_cut cut;

    for (;; x = y, y = z) {
        struct place behind = after(t, text, next);

        z = deepseek_sets(behind);
        cut = deepseek_cut(x, y, z);
        if (cut != DEEPSEEK_TOGETHER) {
            break;
        }
        if ((y & DEEPSEEK_SPACE) == 0) {
            spaces = 0;
        } else if ((x & DEEPSEEK_SPACE) == 0) {
            spaces = next.at;
        }
        next = behind;
    }
    return cut == DEEPSEEK_EARLY && spaces != 0 ? spaces : next.at;
}

/* The names that llama.cpp has for each; the first is the one that a tokenizer is said to have. */
static const struct {
    const char *names;
    struct pretokenizer pre;
} table[] = {
    {"gpt-2 phi-2 mpt olmo jais trillion granite-docling gigachat a.x-4.0 mellum exaone4",
     {"gpt-2", gpt2_next, CUT_NOTHING, 0, false, false, false}},
    {"smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
     {"smollm", gpt2_next, CUT_NUMBERS, 1, false, false, false}},
    {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2",
     {"llama-bpe", llama3_next, CUT_NOTHING, 3, false, true, true}},
    {"dbrx smaug-bpe", {"dbrx", llama3_next, CUT_NOTHING, 3, false, false, false}},
    {"qwen2 deepseek-r1-qwen kormo megrez stablelm2 hunyuan solar-open grok-2",
     {"qwen2", llama3_next, CUT_NOTHING, 1, false, false, false}},
    {"gpt-4o llama4 kanana2 minimax-m2", {"gpt-4o", llama3_next, CUT_NOTHING, 3, true, false, false}},
    {"deepseek-v3 hunyuan-dense joyai-llm", {"deepseek-v3", deepseek3_next, CUT_NUMBERS_CJK, 3, false, false, false}},
    {"deepseek-llm", {"deepseek-llm", deepseek_next, CUT_NOTHING, 0, false, false, false}},
};

static bool names_contain(const char *names, struct bytes name)
{
    for (size_t n; *names != '\0'; names += n + strspn(names + n, " ")) {
        n = strcspn(names, " ");
        if (bytes_equal(name, bytes_of(names, n))) {
            return true;
        }
    }
    return false;
}

const struct pretokenizer *pretokenizer_find(struct bytes name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (names_contain(table[i].names, name)) {
            return &table[i].pre;
        }
    }
    return NULL;
}

size_t pretokenizer_next(const struct pretokenizer *p, struct bytes text, size_t at)
{
    return p->next(p, text, at);
}
