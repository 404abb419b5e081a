#include "model/template.h"

#include <stdlib.h>

/* Renderers that reproduce one template each, byte for byte. */
static const struct {
    uint8_t sha256[32];
    enum template_renderer renderer;
} known[] = {
    /* SmolLM2-Instruct, 135M to 1.7B */
    {{0x87, 0x2b, 0xe4, 0x9d, 0xbb, 0x63, 0x80, 0x44, 0xad, 0x01, 0xb6, 0x03, 0x88, 0xf4, 0x8d, 0x46,
      0x9f, 0xf2, 0x98, 0x0e, 0x5f, 0x0d, 0xcc, 0xdc, 0x22, 0xec, 0x90, 0x7d, 0xb5, 0x4d, 0x07, 0x88},
     TEMPLATE_CHATML_SMOLLM2},
};

#define SMOLLM2_SYSTEM "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

enum template_renderer template_renderer_find(const uint8_t template_sha256[32])
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(known[i].sha256, template_sha256, sizeof known[i].sha256) == 0) {
            return known[i].renderer;
        }
    }
    return TEMPLATE_NONE;
}

/* Text of one origin; neighbours of the same origin are one segment. */
static bool add(struct template_rendered *r, struct bytes text, bool from_user, struct err *err)
{
    struct template_segment *last = r->count != 0 ? &r->segments[r->count - 1] : NULL;
    size_t start = r->text.len;

    if (text.len == 0) {
        return true;
    }
    if (!buf_add(&r->text, text.p, text.len, err)) {
        return false;
    }
    if (last != NULL && last->from_user == from_user) {
        last->len += text.len;
        return true;
    }
    if ((r->count & (r->count - 1)) == 0) {
        size_t cap = r->count == 0 ? 1 : r->count * 2;
        struct template_segment *p = reallocarray(r->segments, cap, sizeof *p);

        if (p == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu segments", cap);
        }
        r->segments = p;
    }
    r->segments[r->count++] = (struct template_segment){.start = start, .len = text.len, .from_user = from_user};
    return true;
}

static bool literal(struct template_rendered *r, const char *text, struct err *err)
{
    return add(r, bytes_of_str(text), false, err);
}

/* The role stands in the template's own text, where control tokens are recognised: it is one of three words and never
 * free text. */
static bool role_check(const char *role, size_t index, struct err *err)
{
    static const char *const roles[] = {"system", "user", "assistant"};

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(role, roles[i]) == 0) {
            return true;
        }
    }
    return FAIL(err, REASON_CHAT_FORM, ERR_NOWHERE, "message %zu: system, user or assistant is wanted as its role",
                index);
}

/* <|im_start|>ROLE\nCONTENT<|im_end|>\n for each message; default_system goes in front of a chat that does not begin
 * with a system message. */
static bool chatml(const struct template_chat *chat, const char *default_system, struct template_rendered *r,
                   struct err *err)
{
    if (default_system != NULL && chat->count != 0 && strcmp(chat->messages[0].role, "system") != 0 &&
        (!literal(r, "<|im_start|>system\n", err) || !literal(r, default_system, err) ||
         !literal(r, "<|im_end|>\n", err))) {
        return false;
    }
    for (size_t i = 0; i < chat->count; i++) {
        const struct template_message *m = &chat->messages[i];

        if (!role_check(m->role, i, err) || !literal(r, "<|im_start|>", err) || !literal(r, m->role, err) ||
            !literal(r, "\n", err) || !add(r, m->content, true, err) || !literal(r, "<|im_end|>\n", err)) {
            return false;
        }
    }
    return !chat->add_generation_prompt || literal(r, "<|im_start|>assistant\n", err);
}

bool template_render(enum template_renderer renderer, const struct template_chat *chat, struct template_rendered *out,
                     struct err *err)
{
    struct template_rendered r = {.text = BUF(SIZE_MAX / 4)};
    bool ok = false;

    switch (renderer) {
    case TEMPLATE_NONE:
        ok = FAIL(err, REASON_TEMPLATE_UNSUPPORTED, ERR_NOWHERE, "no renderer is known for the model's chat template");
        break;
    case TEMPLATE_CHATML_SMOLLM2:
        ok = chatml(chat, SMOLLM2_SYSTEM, &r, err);
        break;
    case TEMPLATE_CHATML:
        ok = chatml(chat, NULL, &r, err);
        break;
    }
    if (!ok) {
        template_rendered_done(&r);
        return false;
    }
    *out = r;
    return true;
}

void template_rendered_done(struct template_rendered *r)
{
    buf_done(&r->text);
    free(r->segments);
    *r = (struct template_rendered){.text = BUF(r->text.max)};
}

struct template_chat template_without_oldest(const struct template_chat *chat, size_t n, struct template_message *out)
{
    struct template_chat rest = {.messages = out, .add_generation_prompt = chat->add_generation_prompt};

    for (size_t i = 0; i < chat->count; i++) {
        if (i >= n || strcmp(chat->messages[i].role, "system") == 0) {
            out[rest.count++] = chat->messages[i];
        }
    }
    return rest;
}
