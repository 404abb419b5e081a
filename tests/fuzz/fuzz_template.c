/* Bytes as a chat: messages end at NUL bytes, each begins with a digit that chooses its role. Contract: segments cover
 * the text in turns, and the user's segments hold exactly the contents, in order. */
#include "model/template.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES 16

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static size_t messages_split(const uint8_t *data, size_t size, struct template_message *out)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    size_t count = 0;

    while (size > 1 && count < MESSAGES) {
        const uint8_t *end = memchr(data + 1, 0, size - 1);
        size_t len = end != NULL ? (size_t)(end - data) : size;

        out[count++] = (struct template_message){.role = roles[data[0] % 3], .content = bytes_of(data + 1, len - 1)};
        size -= end != NULL ? len + 1 : len;
        data += end != NULL ? len + 1 : len;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template_message messages[MESSAGES];
    struct template_chat chat = {.messages = messages, .count = messages_split(data, size, messages)};

    chat.add_generation_prompt = size % 2 == 0;
    for (int i = 0; i < 2; i++) {
        struct template_rendered r;
        struct err err;
        size_t at = 0, message = 0;

        must(template_render(i == 0 ? TEMPLATE_CHATML : TEMPLATE_CHATML_SMOLLM2, &chat, &r, &err));
        for (size_t k = 0; k < r.count; k++) {
            const struct template_segment *s = &r.segments[k];

            must(s->start == at && s->len != 0 && s->from_user == (k % 2 == 1));
            at += s->len;
            if (s->from_user) {
                while (message < chat.count && messages[message].content.len == 0) {
                    message++;
                }
                must(message < chat.count &&
                     bytes_equal(messages[message++].content, bytes_of(r.text.p + s->start, s->len)));
            }
        }
        must(at == r.text.len);
        template_rendered_done(&r);
    }
    return 0;
}
