/* A small vocabulary for tests, as GGUF bytes: the 256 bytes (ids 0..255 in the order of the alphabet's characters),
 * merges of "hello", of digits and of spaces, and special tokens. */
#ifndef SOTTO_TESTS_VOCABULARY_MAKE_H
#define SOTTO_TESTS_VOCABULARY_MAKE_H

#include "gguf_make.h"

#include <stdio.h>

#define VOCABULARY_BYTES 256

static const char *const vocabulary_words[] = {
    "he",           "ll",         "hell",    "hello",    "\xc4\xa0h", "\xc4\xa0hello", "12", "\xc4\xa0\xc4\xa0",
    "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<b>",       "<tag>",
};
enum {
    VOCABULARY_HE = VOCABULARY_BYTES,
    VOCABULARY_LL,
    VOCABULARY_HELL,
    VOCABULARY_HELLO,
    VOCABULARY_SPACE_H,
    VOCABULARY_SPACE_HELLO,
    VOCABULARY_12,
    VOCABULARY_SPACES,
    VOCABULARY_IM_START, /* control */
    VOCABULARY_IM_END,   /* control */
    VOCABULARY_THINK,    /* user-defined, a mark by its name */
    VOCABULARY_THINK_END,
    VOCABULARY_B,   /* user-defined, no mark */
    VOCABULARY_TAG, /* user-defined, a mark because the template writes it */
    VOCABULARY_COUNT,
};

static const char *const vocabulary_merges[] = {
    "h e", "l l", "he ll", "hell o", "1 2", "\xc4\xa0 \xc4\xa0", "\xc4\xa0 h", "\xc4\xa0 hello",
};

/* The alphabet's character of a byte, in UTF-8. */
static inline const char *vocabulary_character(unsigned byte, char out[3])
{
    unsigned code = byte, next = 256;

    for (unsigned i = 0; i <= byte; i++) {
        bool prints = (i >= 0x21 && i <= 0x7e) || (i >= 0xa1 && i <= 0xac) || i >= 0xae;

        code = prints ? i : next++;
    }
    out[0] = (char)(code < 0x80 ? code : 0xc0 | code >> 6);
    out[1] = (char)(code < 0x80 ? 0 : 0x80 | (code & 0x3f));
    out[2] = '\0';
    return out;
}

/* pre: the pre-tokenizer's name. */
MAKE_UNUSED static void vocabulary_make(struct buf *b, const char *pre)
{
    static char characters[VOCABULARY_BYTES][3];
    const char *tokens[VOCABULARY_COUNT];
    int32_t kinds[VOCABULARY_COUNT];

    for (unsigned i = 0; i < VOCABULARY_COUNT; i++) {
        tokens[i] =
            i < VOCABULARY_BYTES ? vocabulary_character(i, characters[i]) : vocabulary_words[i - VOCABULARY_BYTES];
        kinds[i] = i < VOCABULARY_IM_START ? 1 : i < VOCABULARY_THINK ? 3 : 4;
    }
    make_begin(b, 0, 8);
    make_str(b, "tokenizer.ggml.model", "gpt2");
    make_str(b, "tokenizer.ggml.pre", pre);
    make_strs(b, "tokenizer.ggml.tokens", tokens, VOCABULARY_COUNT);
    make_i32s(b, "tokenizer.ggml.token_type", kinds, VOCABULARY_COUNT);
    make_strs(b, "tokenizer.ggml.merges", vocabulary_merges, sizeof vocabulary_merges / sizeof vocabulary_merges[0]);
    make_u32(b, "tokenizer.ggml.bos_token_id", VOCABULARY_IM_START);
    make_u32(b, "tokenizer.ggml.eos_token_id", VOCABULARY_IM_END);
    make_str(b, "tokenizer.chat_template", "{{ '<tag>' + message.content }}");
}

/* The same words and ids in SentencePiece: <0x00> to <0xFF>, but U+2581 for the space, the scores in the order of the
 * ids, but " h" last. */
MAKE_UNUSED static void vocabulary_make_spm(struct buf *b, bool space_prefix)
{
    static char bytes[VOCABULARY_BYTES][8];
    const char *tokens[VOCABULARY_COUNT];
    int32_t kinds[VOCABULARY_COUNT];
    float scores[VOCABULARY_COUNT];

    for (unsigned i = 0; i < VOCABULARY_COUNT; i++) {
        if (i < VOCABULARY_BYTES) {
            (void)snprintf(bytes[i], sizeof bytes[i], "<0x%02X>", i);
        }
        tokens[i] = i == ' '                      ? "\xe2\x96\x81"
                    : i < VOCABULARY_BYTES        ? bytes[i]
                    : i == VOCABULARY_SPACE_H     ? "\xe2\x96\x81h"
                    : i == VOCABULARY_SPACE_HELLO ? "\xe2\x96\x81hello"
                    : i == VOCABULARY_SPACES      ? "\xe2\x96\x81\xe2\x96\x81"
                                                  : vocabulary_words[i - VOCABULARY_BYTES];
        kinds[i] = i < VOCABULARY_BYTES && i != ' ' ? 6 : i < VOCABULARY_IM_START ? 1 : i < VOCABULARY_THINK ? 3 : 4;
        scores[i] = i == VOCABULARY_SPACE_H ? -1000 : -(float)i;
    }
    make_begin(b, 0, 8);
    make_str(b, "tokenizer.ggml.model", "llama");
    make_strs(b, "tokenizer.ggml.tokens", tokens, VOCABULARY_COUNT);
    make_i32s(b, "tokenizer.ggml.token_type", kinds, VOCABULARY_COUNT);
    make_f32s(b, "tokenizer.ggml.scores", scores, VOCABULARY_COUNT);
    make_u32(b, "tokenizer.ggml.bos_token_id", VOCABULARY_IM_START);
    make_u32(b, "tokenizer.ggml.eos_token_id", VOCABULARY_IM_END);
    make_bool(b, "tokenizer.ggml.add_space_prefix", space_prefix);
    make_str(b, "tokenizer.chat_template", "{{ '<tag>' + message.content }}");
}

#endif
