/* What a model wrote: the first byte says whose marks it has and whether tools and thinking are on, bytes 1 and 2 stand
 * around control tokens. Contract: the parts do not depend on how the text was cut; a call is an object with a name and
 * arguments, and comes only where tools were asked for; of a text without marks and without white space at its
 * beginning nothing is lost. */
#include "chat/output.h"
#include "codec/json.h"

#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

struct parts {
    struct buf all[3];
    bool tools;
};

static bool emit(void *arg, enum output_part part, struct bytes text, struct err *err)
{
    struct parts *p = arg;
    json_t *v = NULL;

    must(text.len > 0);
    if (part == OUTPUT_CALL) {
        must(p->tools && json_parse(text, &v, err) && json_is_string(json_object_get(v, "name")) &&
             json_is_object(json_object_get(v, "arguments")) && json_object_size(v) == 2);
        json_decref(v);
    }
    return buf_add(&p->all[part], text.p, text.len, err) && (part != OUTPUT_CALL || buf_u8(&p->all[part], 0, err));
}

static bool read_all(const struct output_format *f, uint8_t how, struct bytes text, size_t cut, struct parts *p)
{
    struct output o;
    struct err err;
    bool ok = true;

    *p = (struct parts){.all = {BUF(1 << 24), BUF(1 << 24), BUF(1 << 24)}, .tools = (how & 8) != 0};
    output_init(&o, f, p->tools, (how & 16) != 0, emit, p);
    for (size_t at = 0; ok && at < text.len;) {
        const uint8_t *mark = memchr(text.p + at, 1, text.len - at);
        const size_t plain = mark != NULL ? (size_t)(mark - text.p) - at : text.len - at;
        const uint8_t *end = plain == 0 ? memchr(text.p + at, 2, text.len - at) : NULL;

        if (plain > 0) {
            const size_t n = plain < cut ? plain : cut;

            ok = output_add(&o, bytes_of(text.p + at, n), &err);
            at += n;
        } else if (end != NULL) {
            ok = output_mark(&o, bytes_of(text.p + at + 1, (size_t)(end - text.p) - at - 1), &err);
            at = (size_t)(end - text.p) + 1;
        } else {
            at++;
        }
    }
    ok = ok && output_end(&o, &err);
    output_done(&o);
    return ok;
}

static void parts_done(struct parts *p)
{
    for (size_t i = 0; i < 3; i++) {
        buf_done(&p->all[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const templates[] = {"",
                                            "tools <tool_call><think>",
                                            "tools \"parameters\": ",
                                            "tools [TOOL_CALLS]",
                                            "tools <think><｜tool▁calls▁begin｜>",
                                            "tools <|channel|>",
                                            "<think>",
                                            "tools <start_function_call>"};
    struct output_format f;
    struct parts one, two;
    struct bytes text;
    bool a, b;

    if (size == 0) {
        return 0;
    }
    text = bytes_of(data + 1, size - 1);
    output_format_find(bytes_of_str(templates[data[0] & 7]), &f);
    a = read_all(&f, data[0], text, SIZE_MAX, &one);
    b = read_all(&f, data[0], text, 1, &two);
    must(a == b);
    for (size_t i = 0; a && i < 3; i++) {
        must(bytes_equal(buf_bytes(&one.all[i]), buf_bytes(&two.all[i])));
    }
    if (a && (data[0] & 31) == 0 && memchr(text.p, 1, text.len) == NULL) {
        must(bytes_equal(buf_bytes(&one.all[OUTPUT_CONTENT]), text));
    }
    parts_done(&one);
    parts_done(&two);
    return 0;
}
