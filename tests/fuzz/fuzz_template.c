/* A template and a chat, with a NUL byte between them: whatever it is, a template parses or is TEMPLATE_UNSUPPORTED,
 * and renders or says why. Contract: segments cover the text in turns; rendering twice gives the same; with every
 * letter of the chat's texts another one, only bytes of the user's segments change, as long as the template does not
 * look at them (so it is held against templates that only print: those of the seeds that begin with "{#plain#}"). */
#include "chat/jinja.h"

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool render(const struct jinja *t, const json_t *chat, struct template_rendered *out)
{
    const struct jinja_input in = {.variables = chat,
                                   .add_generation_prompt = true,
                                   .bos = bytes_of_str("<s>"),
                                   .eos = bytes_of_str("</s>"),
                                   .now = 1700000000};
    struct err err = {0};
    const bool ok = jinja_render(t, &in, out, &err);
    size_t at = 0;

    must(ok || err.reason == REASON_CHAT_FORM || err.reason == REASON_ARENA_FULL || err.reason == REASON_BUF_FULL);
    for (size_t i = 0; ok && i < out->count; i++) {
        const struct template_segment *s = &out->segments[i];

        must(s->start == at && s->len != 0 && (i == 0 || s->from_user != s[-1].from_user));
        at += s->len;
    }
    must(!ok || at == out->text.len);
    return ok;
}

/* Every text of the chat is made of one letter, beside its members' names: no other byte is in the user's segments. */
static void plain_check(const struct template_rendered *r)
{
    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; r->segments[i].from_user && k < r->segments[i].len; k++) {
            must(memchr("ZzrolecntROLECNT", r->text.p[r->segments[i].start + k], 16) != NULL);
        }
        for (size_t k = 0; !r->segments[i].from_user && k < r->segments[i].len; k++) {
            must(r->text.p[r->segments[i].start + k] != 'Z');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char usual[] =
        "{\"messages\":[{\"role\":\"Z\",\"content\":\"ZZZ\"},{\"role\":\"ZZ\",\"content\":\"Z\"}]}";
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const struct bytes text = bytes_of(data, end != NULL ? (size_t)(end - data) : size);
    const struct bytes chat = end != NULL ? bytes_of(end + 1, size - text.len - 1) : bytes_of_str(usual);
    const bool plain = text.len >= 9 && memcmp(text.p, "{#plain#}", 9) == 0 && memchr(text.p, 'Z', text.len) == NULL &&
                       memchr(text.p, 'z', text.len) == NULL && memchr(text.p, '\\', text.len) == NULL;
    struct template_rendered one, two;
    struct jinja *t = NULL;
    json_t *variables = NULL;
    struct err err = {0};

    if (!json_parse(chat, &variables, &err)) {
        return 0;
    }
    if (!jinja_parse(text, &t, &err)) {
        must(err.reason == REASON_TEMPLATE_UNSUPPORTED || err.reason == REASON_ARENA_FULL);
    } else if (render(t, variables, &one)) {
        must(render(t, variables, &two) && bytes_equal(buf_bytes(&one.text), buf_bytes(&two.text)));
        if (plain && end == NULL) {
            plain_check(&one);
        }
        template_rendered_done(&one);
        template_rendered_done(&two);
    }
    jinja_free(t);
    json_decref(variables);
    return 0;
}
