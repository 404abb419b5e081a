#include "bad.h"

#include "model/pretokenizer.h"
#include "model/tokenizer.h"
#include "model/unicode.h"
#include "vector_json.h"
#include "vocabulary_make.h"

#include <math.h>

static struct tokenizer *tokenizer_make(const char *pre)
{
    struct buf b = BUF(MIB(1));
    struct tokenizer *t;
    struct gguf g;
    struct err err;

    vocabulary_make(&b, pre);
    assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
    assert_ok(tokenizer_new(&g, &t, &err), err);
    gguf_done(&g);
    buf_done(&b); /* the tokenizer has what it needs */
    return t;
}

static struct tokenizer *spm_make(bool space_prefix)
{
    struct buf b = BUF(MIB(1));
    struct tokenizer *t;
    struct gguf g;
    struct err err;

    vocabulary_make_spm(&b, space_prefix);
    assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
    assert_ok(tokenizer_new(&g, &t, &err), err);
    gguf_done(&g);
    buf_done(&b);
    return t;
}

static void assert_ids(const struct tokenizer *t, const char *text, enum tokenizer_allow allow, const uint32_t *want,
                       size_t count)
{
    struct tokenizer_ids ids = TOKENIZER_IDS(1000);
    struct err err;

    assert_ok(tokenizer_encode(t, bytes_of_str(text), allow, &ids, &err), err);
    assert_int_equal(ids.count, count);
    assert_memory_equal(ids.p, want, count * sizeof *want);
    tokenizer_ids_done(&ids);
}

#define IDS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)

static void test_merges(void **state)
{
    struct tokenizer *t = tokenizer_make("gpt-2");

    (void)state;
    assert_ids(t, "hello", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_HELLO));
    assert_ids(t, "hello hello", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_HELLO, VOCABULARY_SPACE_HELLO));
    assert_ids(t, "hellohe", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_HELLO, VOCABULARY_HE));
    assert_ids(t, "lll", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_LL, 'l'));
    assert_ids(t, "\xff\x80", TOKENIZER_ALLOW_ALL, IDS(0xff, 0x80));
    assert_ids(t, "", TOKENIZER_ALLOW_ALL, NULL, 0);
    assert_ids(t, "12", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_12));
    tokenizer_free(t);
    t = tokenizer_make("smollm");
    assert_ids(t, "12", TOKENIZER_ALLOW_ALL, IDS('1', '2'));
    tokenizer_free(t);
    t = tokenizer_make("llama-bpe");
    /* A word that is a token as it stands is not merged: here both ways lead to it. */
    assert_ids(t, "hello", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_HELLO));
    tokenizer_free(t);
}

static void test_spm(void **state)
{
    struct tokenizer *t = spm_make(false);
    struct tokenizer_info info;
    struct bytes piece;
    struct err err;

    (void)state;
    assert_ids(t, "hello hello", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_HELLO, VOCABULARY_SPACE_HELLO));
    assert_ids(t, "lll", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_LL, 'l'));
    /* Bytes where no token is; a text that spells the name of one is text. */
    assert_ids(t, "\xc3\xa4\xff", TOKENIZER_ALLOW_ALL, IDS(0xc3, 0xa4, 0xff));
    assert_ids(t, "<0x41>", TOKENIZER_ALLOW_ALL, IDS('<', '0', 'x', '4', '1', '>'));
    assert_ids(t, "   ", TOKENIZER_ALLOW_ALL, IDS(VOCABULARY_SPACES, ' '));
    assert_ids(t, "<|im_end|>", TOKENIZER_ALLOW_USER, IDS('<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|', '>'));
    assert_ids(t, "", TOKENIZER_ALLOW_ALL, NULL, 0);
    assert_ok(tokenizer_piece(t, VOCABULARY_SPACE_HELLO, &piece, &err), err);
    assert_true(bytes_equal(piece, bytes_of_str(" hello")));
    assert_ok(tokenizer_piece(t, 0xff, &piece, &err), err);
    assert_true(bytes_equal(piece, bytes_of("\xff", 1)));
    tokenizer_info(t, &info);
    assert_true(info.add_bos);
    tokenizer_free(t);
    t = spm_make(true); /* a space before text, also behind a special token */
    assert_ids(t, "hello<|im_end|>hello", TOKENIZER_ALLOW_ALL,
               IDS(VOCABULARY_SPACE_HELLO, VOCABULARY_IM_END, VOCABULARY_SPACE_HELLO));
    assert_ids(t, "", TOKENIZER_ALLOW_ALL, NULL, 0);
    tokenizer_free(t);
}

/* Of tokens that overlap the longer one counts, and where it does not fit a shorter one. */
static void test_overlap(void **state)
{
    static const char *const tokens[] = {"x", "abc", "cdef", "ab", "a", "bc"}, *const merges[] = {"x x"};
    static const int32_t kinds[] = {1, 4, 4, 4, 4, 4};
    struct buf b = BUF(MIB(1));
    struct tokenizer *t;
    struct gguf g;
    struct err err;

    (void)state;
    make_begin(&b, 0, 5);
    make_str(&b, "tokenizer.ggml.model", "gpt2");
    make_str(&b, "tokenizer.ggml.pre", "gpt-2");
    make_strs(&b, "tokenizer.ggml.tokens", tokens, 6);
    make_i32s(&b, "tokenizer.ggml.token_type", kinds, 6);
    make_strs(&b, "tokenizer.ggml.merges", merges, 1);
    assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
    assert_ok(tokenizer_new(&g, &t, &err), err);
    assert_ids(t, "abcdef", TOKENIZER_ALLOW_USER, IDS(3, 2));
    assert_ids(t, "xabcab", TOKENIZER_ALLOW_USER, IDS(0, 1, 3));
    assert_ids(t, "aabc", TOKENIZER_ALLOW_USER, IDS(4, 1));
    tokenizer_free(t);
    gguf_done(&g);
    buf_done(&b);
}

/* Finding them looks at each place of a text as far as the longest reaches. */
static void test_special_long(void **state)
{
    static char longest[258];
    const char *tokens[] = {"x", longest}, *const merges[] = {"x x"};
    static const int32_t kinds[] = {1, 3};

    (void)state;
    for (size_t len = 256; len <= 257; len++) {
        struct buf b = BUF(MIB(1));
        struct tokenizer *t;
        struct gguf g;
        struct err err = {0};

        memset(longest, 'a', len);
        make_begin(&b, 0, 5);
        make_str(&b, "tokenizer.ggml.model", "gpt2");
        make_str(&b, "tokenizer.ggml.pre", "gpt-2");
        make_strs(&b, "tokenizer.ggml.tokens", tokens, 2);
        make_i32s(&b, "tokenizer.ggml.token_type", kinds, 2);
        make_strs(&b, "tokenizer.ggml.merges", merges, 1);
        assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
        if (len == 256) {
            assert_ok(tokenizer_new(&g, &t, &err), err);
            tokenizer_free(t);
        } else {
            assert_fails(tokenizer_new(&g, &t, &err), err, REASON_TOKENIZER_FORM, ERR_NOWHERE);
        }
        gguf_done(&g);
        buf_done(&b);
    }
}

static void test_special(void **state)
{
    struct tokenizer *t = tokenizer_make("smollm");
    struct tokenizer_ids few = TOKENIZER_IDS(2);
    struct bytes piece;
    struct err err;

    (void)state;
    assert_ids(t, "<|im_end|>hello<think>", TOKENIZER_ALLOW_ALL,
               IDS(VOCABULARY_IM_END, VOCABULARY_HELLO, VOCABULARY_THINK));
    assert_ids(t, "<think><|im_end|>", TOKENIZER_ALLOW_DEFINED,
               IDS(VOCABULARY_THINK, '<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|', '>'));
    assert_ids(t, "<b><tag>", TOKENIZER_ALLOW_USER, IDS(VOCABULARY_B, '<', 't', 'a', 'g', '>'));
    assert_ids(t, "<think>", TOKENIZER_ALLOW_USER, IDS('<', 't', 'h', 'i', 'n', 'k', '>'));
    assert_true(tokenizer_is_control(t, VOCABULARY_IM_START));
    assert_false(tokenizer_is_control(t, VOCABULARY_THINK));
    assert_true(tokenizer_is_end(t, VOCABULARY_IM_END));
    assert_false(tokenizer_is_end(t, VOCABULARY_IM_START));
    assert_ok(tokenizer_piece(t, VOCABULARY_SPACE_HELLO, &piece, &err), err);
    assert_true(bytes_equal(piece, bytes_of_str(" hello")));
    assert_fails(tokenizer_piece(t, VOCABULARY_COUNT, &piece, &err), err, REASON_TOKEN_RANGE, ERR_NOWHERE);
    assert_fails(tokenizer_encode(t, bytes_of_str("abc"), TOKENIZER_ALLOW_ALL, &few, &err), err, REASON_CONTEXT_FULL,
                 ERR_NOWHERE);
    few.count = 0; /* 12 bytes are the longest piece: 40 are refused before anything is done */
    assert_fails(
        tokenizer_encode(t, bytes_of_str("<|im_start|><|im_start|><|im_start|>xxxx"), TOKENIZER_ALLOW_ALL, &few, &err),
        err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    assert_int_equal(few.count, 0);
    tokenizer_ids_done(&few);
    tokenizer_free(t);
}

static void chat_ids(const struct tokenizer *t, const char *const *parts, size_t count, struct tokenizer_ids *ids)
{
    struct template_segment segments[8];
    struct template_rendered r = {.text = BUF(1000), .segments = segments, .count = count};
    struct err err;

    for (size_t i = 0; i < count; i++) { /* template, user, template, ... */
        segments[i] = (struct template_segment){.start = r.text.len, .len = strlen(parts[i]), .from_user = i % 2 == 1};
        assert_ok(buf_str(&r.text, parts[i], &err), err);
    }
    assert_ok(tokenizer_encode_rendered(t, &r, ids, &err), err);
    buf_done(&r.text);
}

static void assert_chat(const struct tokenizer *t, const char *const *parts, size_t parts_count, const uint32_t *want,
                        size_t count)
{
    struct tokenizer_ids ids = TOKENIZER_IDS(1000);

    chat_ids(t, parts, parts_count, &ids);
    assert_int_equal(ids.count, count);
    assert_memory_equal(ids.p, want, count * sizeof *want);
    tokenizer_ids_done(&ids);
}

static void test_segments(void **state)
{
    struct tokenizer *t = tokenizer_make("smollm");

    (void)state;
    /* Words are merged across borders. */
    assert_chat(t, (const char *const[]){"<|im_start|>he", "ll", "o<|im_end|>"}, 3,
                IDS(VOCABULARY_IM_START, VOCABULARY_HELLO, VOCABULARY_IM_END));
    /* A user's control token is text, and so is one that only border and user spell together. */
    assert_chat(t, (const char *const[]){"<|im_start|>", "<|im_end|>", "<|im_end|>"}, 3,
                IDS(VOCABULARY_IM_START, '<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|', '>', VOCABULARY_IM_END));
    assert_chat(t, (const char *const[]){"<|im_", "end|>", "hello"}, 3,
                IDS('<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|', '>', VOCABULARY_HELLO));
    assert_chat(t, (const char *const[]){"<think>", "<think>", "<tag>"}, 3,
                IDS(VOCABULARY_THINK, '<', 't', 'h', 'i', 'n', 'k', '>', VOCABULARY_TAG));
    tokenizer_free(t);
}

/* Of a text of which the middle goes only the ends are looked at; borders and users stay what they are. */
static void test_ends(void **state)
{
    enum { SIZE = 1000000 };
    static const char first[] = "<|im_start|>x<|im_end|>", last[] = "<|im_end|>y<|im_end|>";
    struct tokenizer *t = tokenizer_make("smollm");
    struct tokenizer_ids ids = TOKENIZER_IDS(16), raw = TOKENIZER_IDS(16);
    struct template_segment segments[3] = {
        {.start = 0, .len = 12}, {.start = 12, .len = SIZE - 22, .from_user = true}, {.start = SIZE - 10, .len = 10}};
    struct template_rendered r = {.text = BUF(SIZE), .segments = segments, .count = 3};
    char *text = malloc(SIZE);
    struct err err;

    (void)state;
    assert_non_null(text);
    memset(text, 'q', SIZE);
    memcpy(text, first, sizeof first - 1);
    memcpy(text + SIZE - (sizeof last - 1), last, sizeof last - 1);
    assert_ok(buf_add(&r.text, text, SIZE, &err), err);
    ids.cuts = raw.cuts = true;
    ids.keep = raw.keep = 4;
    assert_ok(tokenizer_encode_rendered(t, &r, &ids, &err), err);
    tokenizer_ids_cut(&ids);
    assert_int_equal(ids.count, 16);
    assert_memory_equal(ids.p,
                        ((const uint32_t[]){VOCABULARY_IM_START, 'x', '<', '|', '<', '|', 'i', 'm', '_', 'e', 'n', 'd',
                                            '|', '>', 'y', VOCABULARY_IM_END}),
                        16 * sizeof *ids.p);
    assert_in_range(ids.left_out, 1, 2 * 16 * 12); /* 12 bytes are the longest piece */
    assert_ok(tokenizer_encode(t, bytes_of((const uint8_t *)text, SIZE), TOKENIZER_ALLOW_ALL, &raw, &err), err);
    tokenizer_ids_cut(&raw);
    assert_int_equal(raw.count, 16);
    assert_memory_equal(raw.p,
                        ((const uint32_t[]){VOCABULARY_IM_START, 'x', VOCABULARY_IM_END, 'q', 'q', 'q', 'q', 'q', 'q',
                                            'q', 'q', 'q', 'q', VOCABULARY_IM_END, 'y', VOCABULARY_IM_END}),
                        16 * sizeof *raw.p);
    assert_in_range(raw.left_out, 1, 2 * 16 * 12);
    tokenizer_ids_done(&ids);
    tokenizer_ids_done(&raw);
    buf_done(&r.text);
    free(text);
    tokenizer_free(t);
}

/* Words by the patterns' own words: "|" stands where one ends. */
static void test_words(void **state)
{
    static const struct {
        const char *pre, *words;
    } cases[] = {
        {"gpt-2", "I|'m| 123| don|'t"},
        {"gpt-2", "a| | b"},
        {"gpt-2", "a|  "},
        {"gpt-2", "a|\n\n| b"},
        {"gpt-2", "it|'|S"},
        {"gpt-2", "\xc3\xa4\xc3\xb6| \xe4\xbb\x8a|...| \xc2\xbd"},
        {"smollm", "a|1|2| |3|  |4"},
        {"smollm", "\xc2\xbd| |\xd9\xa3"},
        {"llama-bpe", "123|4| |5"},
        {"llama-bpe", "it|'S|!a| !|\t\n| b"},
        {"llama-bpe", "a|!\n\n|b"},
        {"qwen2", "1|2| !|x"},
        {"qwen2", "!!\n\n|\tx"},
        {"gpt-2", "a|\xff\xfe|b"},
        {"gpt-4o", "Hello|World's"},
        {"gpt-4o", "it's|DON'T| URL|/\n/|x"},
        {"gpt-4o", "\xc3\x9c|BER| b\xc3\x9c|B"}, /* a letter beyond ASCII has either case, as in llama.cpp */
        {"gpt-4o", "123|4| \xcc\x81\xcc\x81|a"},
        {"deepseek-v3", "123|45|\xe4\xbb\x8a\xe3\x81\xb2|x|.abc|1| |2"},
        {"deepseek-v3", "e\xcc\x81|?!\n| +|\x01|\x01x|\xe3\x82\xab|\xe3\x83\xbb|\xe3\x82\xab"},
        {"deepseek-llm", " hello|\n|\n| .|\t(|x|12|   "},
        {"deepseek-llm", "Gr|\xc3\xb6\xc3\x9f|e| |\xe3\x80\x81|\xe0\xa4\x95|\xe0\xa5\xa7|\xc2\xb2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100], got[200];
        size_t len = 0, out = 0;
        const struct pretokenizer *p = pretokenizer_find(bytes_of_str(cases[i].pre));

        assert_non_null(p);
        for (const char *c = cases[i].words; *c != '\0'; c++) {
            if (*c != '|') {
                text[len++] = *c;
            }
        }
        for (size_t at = 0; at < len;) {
            size_t end = pretokenizer_next(p, bytes_of(text, len), at);

            if (at != 0) {
                got[out++] = '|';
            }
            memcpy(got + out, text + at, end - at);
            out += end - at;
            at = end;
        }
        got[out] = '\0';
        assert_string_equal(got, cases[i].words);
    }
    assert_null(pretokenizer_find(bytes_of_str("smollm2")));
    assert_null(pretokenizer_find(bytes_of_str("")));
}

static void test_unicode(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xa4", 2, 0xe4},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xc0\x80", 1, UNICODE_INVALID},         /* not the shortest */
        {"\xe0\x80\x80", 1, UNICODE_INVALID},     /* not the shortest */
        {"\xed\xa0\x80", 1, UNICODE_INVALID},     /* a surrogate */
        {"\xf4\x90\x80\x80", 1, UNICODE_INVALID}, /* beyond U+10FFFF */
        {"\xe2\x82", 1, UNICODE_INVALID},         /* cut */
        {"\x80", 1, UNICODE_INVALID},
        {"\xff", 1, UNICODE_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code;
        uint8_t back[4];

        assert_int_equal(unicode_decode(bytes_of_str(cases[i].bytes), 0, &code), cases[i].len);
        assert_int_equal(code, cases[i].code);
        if (code != UNICODE_INVALID) {
            assert_int_equal(unicode_encode(code, back), cases[i].len);
            assert_memory_equal(back, cases[i].bytes, cases[i].len);
        }
    }
    for (size_t i = 1; i < unicode_range_count; i++) {
        assert_true(unicode_ranges[i - 1].last < unicode_ranges[i].first);
    }
    assert_int_equal(unicode_class(0x4e00), UNICODE_LETTER);
    assert_int_equal(unicode_class(0xd7a3), UNICODE_LETTER); /* the last Hangul syllable */
    assert_int_equal(unicode_class(0x0663), UNICODE_NUMBER);
    assert_int_equal(unicode_class(0x3000), UNICODE_SPACE);
    assert_int_equal(unicode_class(0x200b), UNICODE_OTHER); /* of width zero, and no space */
    assert_int_equal(unicode_class(0x10ffff), UNICODE_OTHER);
    assert_int_equal(unicode_class(0x2ffc), UNICODE_SYMBOL); /* of Unicode 15.1 */
    assert_int_equal(unicode_class(0x2ebf0), UNICODE_LETTER);
}

static const struct {
    const char *key, *value; /* replaces the string under key */
    enum reason reason;
} refused[] = {
    {"tokenizer.ggml.model", "bert", REASON_TOKENIZER_KIND},
    {"tokenizer.ggml.pre", "smollm2", REASON_TOKENIZER_PRE},
    {"tokenizer.ggml.pre", "default", REASON_TOKENIZER_PRE},
};

static void test_refused(void **state)
{
    static const char *const tokens[] = {"a", "b"}, *const merges[] = {"a b"}, *const no_pair[] = {"ab"};
    static const int32_t kinds[] = {1, 9};
    struct tokenizer *t;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct buf b = BUF(MIB(1));
        bool model = strcmp(refused[i].key, "tokenizer.ggml.model") == 0;
        struct gguf g;
        struct err err;

        make_begin(&b, 0, 4);
        make_str(&b, "tokenizer.ggml.model", model ? refused[i].value : "gpt2");
        make_str(&b, "tokenizer.ggml.pre", model ? "gpt-2" : refused[i].value);
        make_strs(&b, "tokenizer.ggml.tokens", tokens, 2);
        make_strs(&b, "tokenizer.ggml.merges", merges, 1);
        assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
        assert_fails(tokenizer_new(&g, &t, &err), err, refused[i].reason, gguf_find(&g, refused[i].key)->offset);
        gguf_done(&g);
        buf_done(&b);
    }
    for (int i = 0; i < 5; i++) {
        struct buf b = BUF(MIB(1));
        struct gguf g;
        struct err err = {0};

        make_begin(&b, 0, 5);
        make_str(&b, "tokenizer.ggml.model", "gpt2");
        make_str(&b, "tokenizer.ggml.pre", "gpt-2");
        make_strs(&b, "tokenizer.ggml.tokens", tokens, i == 0 ? 0 : 2);
        make_strs(&b, "tokenizer.ggml.merges", i == 1 ? no_pair : merges, 1);
        if (i <= 1) {
            make_str(&b, "general.name", "x");
        } else if (i == 2) {
            make_i32s(&b, "tokenizer.ggml.token_type", kinds, 2);
        } else if (i == 3) {
            make_i32s(&b, "tokenizer.ggml.token_type", kinds, 1);
        } else {
            make_u32(&b, "tokenizer.ggml.bos_token_id", 2);
        }
        assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
        assert_false(tokenizer_new(&g, &t, &err));
        assert_int_equal(err.reason, REASON_TOKENIZER_FORM);
        gguf_done(&g);
        buf_done(&b);
    }
}

/* Scores that are none, absent, or too few; a byte that is not spelled as one. */
static void test_spm_refused(void **state)
{
    static const char *const tokens[] = {"<0x4g>", "b"};

    (void)state;
    for (int i = 0; i < 4; i++) {
        const float scores[] = {0, i == 0 ? NAN : 1};
        const int32_t kinds[] = {i == 3 ? 6 : 1, 1};
        struct buf b = BUF(MIB(1));
        struct tokenizer *t;
        struct gguf g;
        struct err err = {0};

        make_begin(&b, 0, i == 2 ? 3 : 4);
        make_str(&b, "tokenizer.ggml.model", "llama");
        make_strs(&b, "tokenizer.ggml.tokens", tokens, 2);
        make_i32s(&b, "tokenizer.ggml.token_type", kinds, 2);
        if (i != 2) {
            make_f32s(&b, "tokenizer.ggml.scores", scores, i == 1 ? 1 : 2);
        }
        assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
        assert_false(tokenizer_new(&g, &t, &err));
        assert_int_equal(err.reason, i == 2 ? REASON_GGUF_KEY_MISSING : REASON_TOKENIZER_FORM);
        gguf_done(&g);
        buf_done(&b);
    }
}

/* The file spells NUL, which codec/json.h refuses, "\u0000": it is read as U+F000, which no case has, and made NUL. */
static json_t *cases_read(const char *name)
{
    struct err err;
    json_t *list = NULL;
    size_t len;
    uint8_t *bytes = vector_read(name, &len);

    for (size_t i = 0; i + 6 <= len; i++) {
        if (memcmp(bytes + i, "\\u0000", 6) == 0) {
            bytes[i + 2] = 'f';
        }
        assert_memory_not_equal(bytes + i, "\xef\x80\x80", 3);
    }
    assert_ok(json_parse(bytes_of(bytes, len), &list, &err), err);
    free(bytes);
    return list;
}

static struct bytes case_text(const json_t *one, const char *member, struct buf *out)
{
    const char *text = json_string_value(json_object_get(one, member));
    struct err err;

    while (*text != '\0') {
        const bool zero = strncmp(text, "\xef\x80\x80", 3) == 0;

        assert_ok(buf_u8(out, zero ? 0 : (uint8_t)*text, &err), err);
        text += zero ? 3 : 1;
    }
    return buf_bytes(out);
}

static void cases_run(const struct tokenizer *t, const char *name, bool exact_bytes)
{
    struct tokenizer_info info;
    struct err err;
    json_t *list = cases_read(name), *one;
    size_t i;

    assert_true(json_array_size(list) > 20);
    tokenizer_info(t, &info);
    json_array_foreach(list, i, one)
    {
        const json_t *want = json_object_get(one, "ids");
        struct buf text = BUF(MIB(1));
        struct bytes in = case_text(one, "text", &text);
        bool control = json_is_true(json_object_get(one, "parse_special"));
        bool add = json_is_true(json_object_get(one, "add_special"));
        struct tokenizer_ids ids = TOKENIZER_IDS(100000);
        struct buf back = BUF(MIB(1));

        if (add && info.add_bos) {
            assert_ok(tokenizer_ids_add(&ids, info.bos, &err), err);
        }
        assert_ok(tokenizer_encode(t, in, control ? TOKENIZER_ALLOW_ALL : TOKENIZER_ALLOW_DEFINED, &ids, &err), err);
        assert_int_equal(ids.count, json_array_size(want));
        for (size_t k = 0; k < ids.count; k++) {
            struct bytes piece;

            assert_int_equal(ids.p[k], json_integer_value(json_array_get(want, k)));
            assert_ok(tokenizer_piece(t, ids.p[k], &piece, &err), err);
            assert_ok(buf_add(&back, piece.p, piece.len, &err), err);
        }
        if (json_object_get(one, "detokenized") != NULL && !exact_bytes) {
            const char *member = json_object_get(one, "pieces") != NULL ? "pieces" : "detokenized";
            struct buf pieces = BUF(MIB(1));

            assert_true(bytes_equal(buf_bytes(&back), case_text(one, member, &pieces)));
            buf_done(&pieces);
        } else if (exact_bytes && !add) {
            assert_true(bytes_equal(buf_bytes(&back), in));
        }
        buf_done(&text);
        buf_done(&back);
        tokenizer_ids_done(&ids);
    }
    json_decref(list);
}

static struct tokenizer *tokenizer_load(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t max = 64 << 20, len;
    uint8_t *bytes = malloc(max);
    struct tokenizer *t;
    struct gguf g;
    struct err err;

    assert_non_null(f);
    assert_non_null(bytes);
    len = fread(bytes, 1, max, f);
    (void)fseek(f, 0, SEEK_END);
    assert_ok(gguf_parse_header(bytes_of(bytes, len), (uint64_t)ftell(f), &g, &err), err);
    (void)fclose(f);
    assert_ok(tokenizer_new(&g, &t, &err), err);
    gguf_done(&g);
    free(bytes);
    return t;
}

/* The ids that llama.cpp gives, for every vocabulary whose pre-tokenizer is known. */
static void test_vectors(void **state)
{
    static const struct {
        const char *name;
        bool upstream, exact;
    } rows[] = {
        {"gpt-2", true, true},        {"starcoder", true, true},
        {"deepseek-llm", true, true}, {"deepseek-r1-qwen", false, true},
        {"llama-spm", true, false},   {"phi-3", true, false},
    };
    static const char *const kinds[] = {"upstream", "extra", "special"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tokenizer *t;

        (void)snprintf(path, sizeof path, "engine/tokenizer/%s.gguf", rows[i].name);
        t = tokenizer_load(vector_path(path));
        for (size_t k = rows[i].upstream ? 0 : 1; k < 3; k++) {
            (void)snprintf(path, sizeof path, "engine/tokenizer/%s.%s.json", rows[i].name, kinds[k]);
            cases_run(t, path, rows[i].exact);
        }
        tokenizer_free(t);
    }
}

/* Vocabularies of real models, where their files are at hand: under the names in the environment. The demo model's has
 * no tokens for some control characters. */
static void model_cases(const char *variable, const char *name)
{
    const char *model = getenv(variable);
    struct tokenizer *t;
    char path[128];

    if (model == NULL || *model == '\0') {
        print_message("skipped: %s names no file\n", variable);
        skip();
    }
    t = tokenizer_load(model);
    (void)snprintf(path, sizeof path, "engine/tokenizer/%s.extra.json", name);
    cases_run(t, path, false);
    (void)snprintf(path, sizeof path, "engine/tokenizer/%s.special.json", name);
    cases_run(t, path, false);
    tokenizer_free(t);
}

static void test_demo_model(void **state)
{
    (void)state;
    model_cases("MODEL", "smollm");
}

static void test_gemma3(void **state)
{
    (void)state;
    model_cases("MODEL_GEMMA3", "gemma3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unicode),     cmocka_unit_test(test_words),        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_special),     cmocka_unit_test(test_special_long), cmocka_unit_test(test_spm),
        cmocka_unit_test(test_overlap),     cmocka_unit_test(test_segments),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_spm_refused), cmocka_unit_test(test_vectors),      cmocka_unit_test(test_demo_model),
        cmocka_unit_test(test_gemma3),      cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
