#include "serve/catalog.h"

#include "base/hex.h"

#include <math.h>

#define ARRAY_SHOWN 5 /* elements; longer arrays are null, as Ollama has it */

bool catalog_entry(const struct store_model *m, json_t **out, struct err *err)
{
    char hex[2 * SHA256_SIZE + 1];
    json_t *v;

    hex_encode(bytes_of(m->id, SHA256_SIZE), hex);
    v = json_object_of({"name", json_string(m->name)}, {"size", json_integer((int64_t)m->size)},
                       {"modified", json_integer(m->modified)}, {"digest", json_string(hex)},
                       {"architecture", json_string(m->family)}, {"parameter_size", json_string(m->parameters)},
                       {"quantization", json_string(m->file_type)});
    if (v == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a model's entry");
    }
    *out = v;
    return true;
}

static json_t *scalar_json(const struct gguf_pair *p, uint64_t index)
{
    const struct gguf_scalar s = gguf_scalar_at(p, index);

    if (p->element == GGUF_BOOL) {
        return json_boolean(s.u != 0);
    }
    if (s.is_float) {
        return isfinite(s.f) ? json_real(s.f) : json_null();
    }
    return s.u <= INT64_MAX || s.is_signed ? json_integer((int64_t)s.u) : json_null();
}

/* A string that is not UTF-8 has no JSON form: null. */
static json_t *string_json(struct bytes b)
{
    json_t *v = json_stringn((const char *)b.p, b.len);

    return v != NULL ? v : json_null();
}

static json_t *array_json(const struct gguf_pair *p)
{
    struct gguf_strings strings;
    struct bytes b;
    json_t *v;

    if (p->count > ARRAY_SHOWN) {
        return json_null();
    }
    v = json_array();
    if (p->element == GGUF_STR) {
        strings = gguf_strings_of(p);
        while (gguf_strings_next(&strings, &b)) {
            (void)json_array_append_new(v, string_json(b));
        }
        return v;
    }
    for (uint64_t i = 0; i < p->count; i++) {
        (void)json_array_append_new(v, scalar_json(p, i));
    }
    return v;
}

static json_t *info_json(const struct gguf *g)
{
    json_t *info = json_object();

    for (size_t i = 0; i < g->pair_count; i++) {
        const struct gguf_pair *p = &g->pairs[i];
        json_t *v, *key;

        if (bytes_equal(p->key, bytes_of_str("tokenizer.chat_template"))) {
            continue; /* shown by itself */
        }
        v = p->type == GGUF_ARRAY ? array_json(p) : p->type == GGUF_STR ? string_json(p->value) : scalar_json(p, 0);
        key = string_json(p->key);
        if (json_is_string(key) && strlen(json_string_value(key)) == p->key.len) {
            (void)json_object_set(info, json_string_value(key), v);
        }
        json_decref(key);
        json_decref(v);
    }
    return info;
}

bool catalog_describe(json_t *entry, int fd, struct err *err)
{
    struct buf header = BUF(LIMIT_GGUF_HEADER);
    struct gguf g = {0};
    struct bytes text;
    bool ok = store_header(fd, "model", &header, &g, err);

    if (ok) {
        text = gguf_template(&g);
        ok = (json_object_set_new(entry, "template", string_json(text)) == 0 &&
              json_object_set_new(entry, "info", info_json(&g)) == 0) ||
             FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a model's metadata");
    }
    gguf_done(&g);
    buf_done(&header);
    return ok;
}
