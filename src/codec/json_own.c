/* Parsing and printing without jansson (SOTTO_JSON_OWN): see json_jansson.c for the other build. */
#include "codec/json.h"

bool json_parse(struct bytes text, json_t **out, struct err *err)
{
    return value_parse(text, out, err);
}

bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err)
{
    return value_parse_span(text, member, out, span, err);
}

bool json_print(const json_t *value, struct buf *out, struct err *err)
{
    const bool object = value->type == VALUE_OBJECT;
    bool ok = true;

    switch (value->type) {
    case VALUE_OBJECT:
    case VALUE_ARRAY:
        ok = buf_u8(out, object ? '{' : '[', err);
        for (size_t i = 0; ok && i < value->count; i++) {
            const struct value_member *m = &value->members[i];

            ok = (i == 0 || buf_u8(out, ',', err)) &&
                 (!object || (json_print_str(bytes_of(m->name, m->name_len), out, err) && buf_u8(out, ':', err))) &&
                 json_print(m->value, out, err);
        }
        return ok && buf_u8(out, object ? '}' : ']', err);
    case VALUE_STRING:
        return json_print_str(bytes_of(value->text, value->len), out, err);
    case VALUE_REAL:
        return buf_str(out, value->text, err);
    case VALUE_INTEGER:
        return buf_printf(out, err, "%lld", (long long)value->integer);
    case VALUE_TRUE:
        return buf_str(out, "true", err);
    case VALUE_FALSE:
        return buf_str(out, "false", err);
    case VALUE_NULL:
        return buf_str(out, "null", err);
    }
    return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a JSON type that does not exist");
}
