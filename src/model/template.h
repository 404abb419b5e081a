/* Chats into prompts. A built-in renderer is chosen by the exact SHA-256 of the model's template; each yields segments
 * that remember what came from a user: text that came from a user is never tokenised into control tokens. */
#ifndef SOTTO_MODEL_TEMPLATE_H
#define SOTTO_MODEL_TEMPLATE_H

#include "base/buf.h"

struct template_message {
    const char *role;     /* "system", "user", "assistant"; lower case */
    struct bytes content; /* UTF-8 */
};

struct template_chat { /* borrowed */
    const struct template_message *messages;
    size_t count;
    bool add_generation_prompt;
};

struct template_segment {
    size_t start, len; /* in the rendered bytes */
    bool from_user;    /* message contents, whatever their role; the template's own text is not */
};

struct template_rendered {
    struct buf text;
    struct template_segment *segments;
    size_t count;
};

enum template_renderer {
    TEMPLATE_NONE, /* no renderer for this template */
    TEMPLATE_CHATML_SMOLLM2,
    TEMPLATE_CHATML,
};

/* By the SHA-256 of the template's exact bytes. */
enum template_renderer template_renderer_find(const uint8_t template_sha256[32]);

/* TEMPLATE_UNSUPPORTED, CHAT_FORM. */
MUST_USE bool template_render(enum template_renderer r, const struct template_chat *chat, struct template_rendered *out,
                              struct err *err);
void template_rendered_done(struct template_rendered *r);

/* A chat without its oldest messages: of the first n only those of the system stay. out has room for all messages;
 * the result borrows it. n < chat->count. */
struct template_chat template_without_oldest(const struct template_chat *chat, size_t n, struct template_message *out);

#endif
