/* A whole GGUF file as a vocabulary: it is refused, or every id has a piece and any text can be encoded. */
#include "model/tokenizer.h"

#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "hello <|im_end|> 12\n\xff";
    struct tokenizer_ids ids = TOKENIZER_IDS(1000);
    struct tokenizer_info info;
    struct tokenizer *t;
    struct bytes piece;
    struct gguf g;
    struct err err;

    if (!gguf_parse(bytes_of(data, size), &g, &err)) {
        return 0;
    }
    if (tokenizer_new(&g, &t, &err)) {
        tokenizer_info(t, &info);
        for (uint32_t i = 0; i < info.count; i++) {
            must(tokenizer_piece(t, i, &piece, &err));
        }
        must(tokenizer_encode(t, bytes_of(text, sizeof text - 1), TOKENIZER_ALLOW_USER, &ids, &err));
        for (size_t i = 0; i < ids.count; i++) {
            must(ids.p[i] < info.count && !tokenizer_is_control(t, ids.p[i]));
        }
        tokenizer_ids_done(&ids);
        tokenizer_free(t);
    }
    gguf_done(&g);
    return 0;
}
