#include "chat/form.h"

bool form_init(struct form *f, const json_t *schema, struct err *err)
{
    *f = (struct form){.joined = BUF(2 * OUTPUT_CALL_MAX)};
    return schema == NULL || (schema_compile(json_is_true(schema) ? NULL : schema, &f->grammar, err) &&
                              grammar_start(f->grammar, &f->state, err));
}

void form_done(struct form *f)
{
    grammar_state_free(f->state);
    grammar_free(f->grammar);
    if (f->joined.p != NULL) {
        explicit_bzero(f->joined.p, f->joined.cap);
    }
    buf_done(&f->joined);
    *f = (struct form){0};
}

/* What would be said if the text came. Before something was said, all that is held back counts: it may turn out to be
 * no mark. False: no memory. */
static bool says(struct form *f, const struct output *o, struct bytes held, struct bytes text, struct bytes *out,
                 struct err *err)
{
    *out = text;
    if (f->begun) {
        return true;
    }
    f->joined.len = 0;
    if (!buf_add(&f->joined, o->pending.p, o->pending.len, err) || !buf_add(&f->joined, held.p, held.len, err) ||
        !buf_add(&f->joined, text.p, text.len, err)) {
        return false;
    }
    *out = output_says(o, buf_bytes(&f->joined));
    return true;
}

bool form_allows(struct form *f, const struct output *o, struct bytes held, struct bytes text)
{
    struct bytes said;
    struct err err;

    return text.len > 0 && says(f, o, held, text, &said, &err) && grammar_accepts(f->state, said);
}

bool form_allows_mark(struct form *f, const struct output *o, struct bytes held, struct bytes name)
{
    if (f->begun) {
        return false;
    }
    return output_is_tag(o, name) ? form_allows(f, o, held, name) : !output_is_content(o);
}

bool form_take(struct form *f, const struct output *o, struct bytes held, struct bytes text, struct err *err)
{
    struct bytes said;

    if (!says(f, o, held, text, &said, err)) {
        return false;
    }
    f->begun = f->begun || said.len > 0;
    return grammar_advance(f->state, said) ||
           FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a token that the answer's form does not take");
}

bool form_is_whole(const struct form *f)
{
    return grammar_is_whole(f->state);
}

bool form_is_over(const struct form *f)
{
    return f->begun && grammar_is_over(f->state);
}
