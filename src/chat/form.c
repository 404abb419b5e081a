#include "chat/form.h"

bool form_init(struct form *f, const json_t *schema, const json_t *chat, const struct output_format *format,
               struct err *err)
{
    const struct output_call *call;

    *f = (struct form){.joined = BUF(2 * OUTPUT_CALL_MAX),
                       .calls = json_is_string(schema),
                       .may_think = !json_is_false(json_object_get(chat, "enable_thinking"))};
    if (schema == NULL) {
        return true;
    }
    if (f->calls) {
        call = output_call_form(format);
        f->marked = call != NULL && call->marked;
        return (call != NULL || FAIL(err, REASON_NOT_SUPPORTED, ERR_NOWHERE,
                                     "a call cannot be forced in the form of this model's template")) &&
               schema_compile_call(json_object_get(chat, "tools"), json_string_value(schema), call, &f->grammar, err) &&
               grammar_start(f->grammar, &f->state, err);
    }
    return schema_compile(json_is_true(schema) ? NULL : schema, &f->grammar, err) &&
           grammar_start(f->grammar, &f->state, err);
}

void form_done(struct form *f)
{
    grammar_state_free(f->state);
    grammar_free(f->grammar);
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
    *out = output_says(o, f->may_think, buf_bytes(&f->joined));
    return true;
}

static bool allows(struct form *f, const struct output *o, struct bytes held, struct bytes text, bool mark)
{
    struct bytes said;
    struct err err;

    return text.len > 0 && says(f, o, held, text, &said, &err) && grammar_accepts(f->state, said) &&
           (mark || !f->marked || f->begun || said.len == 0);
}

bool form_allows(struct form *f, const struct output *o, struct bytes held, struct bytes text)
{
    return allows(f, o, held, text, false);
}

/* A control token that is part of what is thought or said, as its name is. */
static bool is_text(const struct form *f, const struct output *o, struct bytes name)
{
    return f->calls || (!f->begun && (f->may_think || !output_is_content(o)) && output_is_tag(o, name));
}

bool form_allows_mark(struct form *f, const struct output *o, struct bytes held, struct bytes name)
{
    return is_text(f, o, name) ? allows(f, o, held, name, true) : !f->begun && !output_is_content(o);
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

bool form_take_mark(struct form *f, const struct output *o, struct bytes held, struct bytes name, struct err *err)
{
    return !is_text(f, o, name) || form_take(f, o, held, name, err);
}

bool form_is_whole(const struct form *f)
{
    return grammar_is_whole(f->state);
}

bool form_is_over(const struct form *f)
{
    return f->begun && grammar_is_over(f->state);
}
