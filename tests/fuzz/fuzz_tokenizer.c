/* The first byte chooses a pre-tokenizer, or SentencePiece, the rest is text. Contract: pieces joined are the text's
 * bytes; a user's text gives no control token and no mark; cut into template and user segments, it still gives back its
 * bytes, and where no special token is spelled, the ids of the whole. */
#include "model/tokenizer.h"
#include "vocabulary_make.h"

#include <string.h>

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static const char *const pres[] = {"smollm", "gpt-2",       "llama-bpe",    "qwen2",
                                   "gpt-4o", "deepseek-v3", "deepseek-llm", "spm"};
static struct tokenizer *tokenizers[sizeof pres / sizeof pres[0]];

static const struct tokenizer *tokenizer_get(unsigned i)
{
    struct buf b = BUF(1 << 20);
    struct gguf g;
    struct err err;

    if (tokenizers[i] == NULL) {
        if (strcmp(pres[i], "spm") == 0) {
            vocabulary_make_spm(&b, false);
        } else {
            vocabulary_make(&b, pres[i]);
        }
        must(gguf_parse(buf_bytes(&b), &g, &err) && tokenizer_new(&g, &tokenizers[i], &err));
        gguf_done(&g);
        buf_done(&b);
    }
    return tokenizers[i];
}

static void bytes_check(const struct tokenizer *t, const struct tokenizer_ids *ids, struct bytes text)
{
    size_t at = 0;

    for (size_t i = 0; i < ids->count; i++) {
        struct bytes piece;
        struct err err;

        must(tokenizer_piece(t, ids->p[i], &piece, &err));
        must(piece.len <= text.len - at && memcmp(piece.p, text.p + at, piece.len) == 0);
        at += piece.len;
    }
    must(at == text.len);
}

static bool special(uint32_t id)
{
    return id >= VOCABULARY_IM_START;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer_ids all = TOKENIZER_IDS(1 << 20), user = TOKENIZER_IDS(1 << 20), chat = TOKENIZER_IDS(1 << 20);
    struct template_rendered r = {.text = BUF(1 << 20)};
    struct template_segment segments[3];
    const struct tokenizer *t;
    struct bytes text;
    bool plain = true;
    struct err err;

    if (size < 1) {
        return 0;
    }
    t = tokenizer_get(data[0] % (sizeof pres / sizeof pres[0]));
    text = bytes_of(data + 1, size - 1);
    if (memmem(text.p, text.len, "\xe2\x96\x81", 3) != NULL) {
        return 0; /* SentencePiece's space: it comes back as one */
    }
    must(tokenizer_encode(t, text, TOKENIZER_ALLOW_ALL, &all, &err));
    bytes_check(t, &all, text);
    must(tokenizer_encode(t, text, TOKENIZER_ALLOW_USER, &user, &err));
    bytes_check(t, &user, text);
    for (size_t i = 0; i < user.count; i++) {
        must(!special(user.p[i]) || user.p[i] == VOCABULARY_B);
    }
    for (size_t i = 0; i < all.count; i++) {
        plain = plain && !special(all.p[i]);
    }
    must(buf_add(&r.text, text.p, text.len, &err));
    segments[0] = (struct template_segment){.start = 0, .len = text.len / 3, .from_user = false};
    segments[1] = (struct template_segment){.start = text.len / 3, .len = text.len / 3, .from_user = true};
    segments[2] = (struct template_segment){
        .start = 2 * (text.len / 3), .len = text.len - 2 * (text.len / 3), .from_user = false};
    r.segments = segments;
    r.count = 3;
    must(tokenizer_encode_rendered(t, &r, &chat, &err));
    bytes_check(t, &chat, text);
    if (plain) {
        must(chat.count == all.count && (all.count == 0 || memcmp(chat.p, all.p, all.count * sizeof *all.p) == 0));
    }
    buf_done(&r.text);
    tokenizer_ids_done(&all);
    tokenizer_ids_done(&user);
    tokenizer_ids_done(&chat);
    return 0;
}
