/* What a parsed file says, by name. */
#include "model/gguf.h"

#include "base/cursor.h"

#include <float.h>

static int name_order(struct bytes a, const char *name)
{
    size_t len = strlen(name), n = a.len < len ? a.len : len;
    int order = n != 0 ? memcmp(a.p, name, n) : 0;

    return order != 0 ? order : (a.len > len) - (a.len < len);
}

const struct gguf_pair *gguf_find(const struct gguf *g, const char *key)
{
    for (size_t low = 0, high = g->pair_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct gguf_pair *p = &g->pairs[g->by_key[middle]];
        int order = name_order(p->key, key);

        if (order == 0) {
            return p;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

const struct gguf_tensor *gguf_tensor_find(const struct gguf *g, const char *name)
{
    for (size_t low = 0, high = g->tensor_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct gguf_tensor *t = &g->tensors[g->by_name[middle]];
        int order = name_order(t->name, name);

        if (order == 0) {
            return t;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

static uint64_t uint_le(const uint8_t *p, size_t size)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint64_t extended(uint64_t v, unsigned bits)
{
    uint64_t sign = (uint64_t)1 << (bits - 1);

    return (v ^ sign) - sign;
}

struct gguf_scalar gguf_scalar_at(const struct gguf_pair *p, uint64_t index)
{
    static const uint8_t sizes[GGUF_TYPE_COUNT] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,   [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,
        [GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8};
    size_t size = index < p->count ? sizes[p->element] : 0; /* 0: a string, or beyond the end */
    uint64_t raw = uint_le(p->value.p + (size_t)index * size, size);
    struct gguf_scalar out = {.u = raw};

    if (size == 0) {
        return out;
    }
    if (p->element == GGUF_F32) {
        uint32_t bits = (uint32_t)raw;
        float f;

        memcpy(&f, &bits, sizeof f);
        out = (struct gguf_scalar){.is_float = true, .f = (double)f};
    } else if (p->element == GGUF_F64) {
        out = (struct gguf_scalar){.is_float = true};
        memcpy(&out.f, &raw, sizeof out.f);
    } else if (p->element == GGUF_I8 || p->element == GGUF_I16 || p->element == GGUF_I32 || p->element == GGUF_I64) {
        out.is_signed = true;
        out.u = extended(raw, (unsigned)size * 8);
    }
    return out;
}

static bool find_required(const struct gguf *g, const char *key, const struct gguf_pair **out, struct err *err)
{
    *out = gguf_find(g, key);
    return *out != NULL ? true : FAIL(err, REASON_GGUF_KEY_MISSING, ERR_NOWHERE, "%s", key);
}

static bool type_fail(const struct gguf_pair *p, const char *key, const char *want, struct err *err)
{
    return FAIL(err, REASON_GGUF_KEY_TYPE, p->offset, "%s is %s, %s is wanted", key, gguf_type_name(p->type), want);
}

bool gguf_get_u32(const struct gguf *g, const char *key, uint32_t *out, struct err *err)
{
    const struct gguf_pair *p;
    struct gguf_scalar s;

    if (!find_required(g, key, &p, err)) {
        return false;
    }
    if (p->type == GGUF_STR || p->type == GGUF_ARRAY || p->type == GGUF_BOOL || p->type == GGUF_F32 ||
        p->type == GGUF_F64) {
        return type_fail(p, key, "an integer", err);
    }
    s = gguf_scalar_at(p, 0);
    if (s.u > UINT32_MAX) {
        return FAIL(err, REASON_GGUF_KEY_RANGE, p->offset, "%s does not fit into 32 bits without a sign", key);
    }
    *out = (uint32_t)s.u;
    return true;
}

bool gguf_get_f32(const struct gguf *g, const char *key, float *out, struct err *err)
{
    const struct gguf_pair *p;
    double v;

    if (!find_required(g, key, &p, err)) {
        return false;
    }
    if (p->type != GGUF_F32 && p->type != GGUF_F64) {
        return type_fail(p, key, "a float", err);
    }
    v = gguf_scalar_at(p, 0).f;
    if (!(v >= -(double)FLT_MAX && v <= (double)FLT_MAX)) {
        return FAIL(err, REASON_GGUF_KEY_RANGE, p->offset, "%s is no finite number", key);
    }
    *out = (float)v;
    return true;
}

bool gguf_get_bool(const struct gguf *g, const char *key, bool *out, struct err *err)
{
    const struct gguf_pair *p;

    if (!find_required(g, key, &p, err)) {
        return false;
    }
    if (p->type != GGUF_BOOL) {
        return type_fail(p, key, "a bool", err);
    }
    *out = p->value.p[0] != 0;
    return true;
}

bool gguf_get_str(const struct gguf *g, const char *key, struct bytes *out, struct err *err)
{
    const struct gguf_pair *p;

    if (!find_required(g, key, &p, err)) {
        return false;
    }
    if (p->type != GGUF_STR) {
        return type_fail(p, key, "a string", err);
    }
    *out = p->value;
    return true;
}

bool gguf_get_array(const struct gguf *g, const char *key, enum gguf_type element, const struct gguf_pair **out,
                    struct err *err)
{
    const struct gguf_pair *p;

    if (!find_required(g, key, &p, err)) {
        return false;
    }
    if (p->type != GGUF_ARRAY || p->element != element) {
        return FAIL(err, REASON_GGUF_KEY_TYPE, p->offset, "%s is %s of %s, an array of %s is wanted", key,
                    gguf_type_name(p->type), gguf_type_name(p->element), gguf_type_name(element));
    }
    *out = p;
    return true;
}

struct gguf_strings gguf_strings_of(const struct gguf_pair *array)
{
    return (struct gguf_strings){.rest = array->value};
}

bool gguf_strings_next(struct gguf_strings *s, struct bytes *out)
{
    struct cursor c = cursor_init(s->rest.p, s->rest.len), text;
    struct err ignored;
    uint64_t len;

    /* The array was checked when the file was parsed: only its end ends it. */
    if (!cursor_u64le(&c, &len, &ignored) || !cursor_take(&c, (size_t)len, &text, &ignored)) {
        return false;
    }
    *out = cursor_rest(&text);
    s->rest = cursor_rest(&c);
    return true;
}

struct bytes gguf_template(const struct gguf *g)
{
    const struct gguf_pair *p = gguf_find(g, "tokenizer.chat_template");

    return p != NULL && p->type == GGUF_STR ? p->value : bytes_of(NULL, 0);
}

static bool begins(struct bytes b, const char *prefix)
{
    size_t len = strlen(prefix);

    return b.len >= len && memcmp(b.p, prefix, len) == 0;
}

void gguf_identity(const struct gguf *g, struct identity *out)
{
    struct hash h;

    hash_init(&h, HASH_SHA256);
    for (size_t i = 0; i < g->pair_count; i++) {
        const struct gguf_pair *p = &g->pairs[i];

        if (begins(p->key, "tokenizer.") && !begins(p->key, "tokenizer.chat_template")) {
            hash_add(&h, p->raw);
        }
    }
    hash_end(&h, out->tokenizer_sha256);
    hash_bytes(HASH_SHA256, gguf_template(g), out->template_sha256);
}
