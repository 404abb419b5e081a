/* A JSON Schema and a text, with a NUL byte between them. Contract: a schema is compiled or refused with a reason of
 * its own; what is accepted at once is accepted byte by byte, and the other way round; a text that is whole is JSON; a
 * form of which nothing can be read does not come out. */
#include "chat/schema.h"

#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void text_check(const struct grammar *g, struct bytes text)
{
    struct grammar_state *s = NULL;
    struct err err = {0};
    json_t *v = NULL;
    size_t taken = 0;
    bool at_once;

    if (!grammar_start(g, &s, &err)) {
        must(err.reason == REASON_SCHEMA_UNSUPPORTED || err.reason == REASON_SCHEMA_FORM);
        return;
    }
    at_once = grammar_accepts(s, text);
    while (taken < text.len && grammar_advance(s, bytes_of(text.p + taken, 1))) {
        taken++;
    }
    /* At once there is room for fewer ways than with a rest after each byte. */
    must(!at_once || taken == text.len);
    if (taken == text.len && grammar_is_whole(s) && text.len > 0) {
        must(json_parse(text, &v, &err) || err.reason == REASON_JSON_DEPTH);
        json_decref(v);
    }
    grammar_state_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t len = end != NULL ? (size_t)(end - data) : size;
    struct grammar *g = NULL;
    json_t *schema = NULL;
    struct err err = {0};

    if (!json_parse(bytes_of(data, len), &schema, &err)) {
        return 0;
    }
    if (schema_compile(schema, &g, &err)) {
        text_check(g, end != NULL ? bytes_of(end + 1, size - len - 1) : bytes_of_str("{\"a\": [1, \"x\"]}"));
    } else {
        must(err.reason == REASON_SCHEMA_FORM || err.reason == REASON_SCHEMA_UNSUPPORTED ||
             err.reason == REASON_JSON_RANGE);
    }
    grammar_free(g);
    json_decref(schema);
    return 0;
}
