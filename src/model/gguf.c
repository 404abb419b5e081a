#include "model/gguf.h"

#include "base/cursor.h"

#include <stdlib.h>

#define MAGIC 0x46554747U /* "GGUF" */
#define KEY_MAX 65535     /* docs/gguf.md: 2^16 - 1 */
#define NAME_MAX_BYTES 64
#define HEADER_SIZE 24 /* magic, version, counts */
#define PAIR_MIN 14    /* length, one byte of key, type, one byte of value */
#define TENSOR_MIN 33  /* length, one byte of name, one dimension, type, offset */
#define ALIGNMENT_DEFAULT 32
#define ALIGNMENT_MIN 8
#define STR_ARG(b) (int)((b).len < 80 ? (b).len : 80), (const char *)(b).p

static const struct {
    const char *name;
    uint8_t size; /* of one value; 0: it says itself */
} types[GGUF_TYPE_COUNT] = {
    [GGUF_U8] = {"u8", 1},      [GGUF_I8] = {"i8", 1},       [GGUF_U16] = {"u16", 2}, [GGUF_I16] = {"i16", 2},
    [GGUF_U32] = {"u32", 4},    [GGUF_I32] = {"i32", 4},     [GGUF_F32] = {"f32", 4}, [GGUF_BOOL] = {"bool", 1},
    [GGUF_STR] = {"string", 0}, [GGUF_ARRAY] = {"array", 0}, [GGUF_U64] = {"u64", 8}, [GGUF_I64] = {"i64", 8},
    [GGUF_F64] = {"f64", 8},
};

const char *gguf_type_name(enum gguf_type t)
{
    return types[t].name;
}

/* The bytes at hand, and how many more the file has behind them. */
struct source {
    struct cursor c;
    uint64_t beyond;
};

static bool fits(const struct source *s, uint64_t len)
{
    return len <= s->c.left || len - s->c.left <= s->beyond;
}

/* What the file could hold but the bytes at hand do not. */
static bool at_hand(const struct source *s, uint64_t len, struct err *err)
{
    return len <= s->c.left || FAIL(err, REASON_BYTES_SHORT, s->c.offset, "%llu bytes wanted, %zu at hand",
                                    (unsigned long long)len, s->c.left);
}

/* A length and that many bytes. The length is compared with what is left: nothing is allocated. */
static bool string_read(struct source *s, size_t min, size_t max, const char *what, struct bytes *out, struct err *err)
{
    size_t at = s->c.offset;
    struct cursor text;
    uint64_t len;

    if (!cursor_u64le(&s->c, &len, err)) {
        return false;
    }
    if (len < min || len > max || !fits(s, len)) {
        return FAIL(err, REASON_GGUF_STRING, at, "%s of %llu bytes, %llu are left, %zu..%zu are allowed", what,
                    (unsigned long long)len, (unsigned long long)(s->c.left + s->beyond), min, max);
    }
    if (!at_hand(s, len, err) || !cursor_take(&s->c, (size_t)len, &text, err)) {
        return false;
    }
    *out = cursor_rest(&text);
    return true;
}

static bool type_read(struct source *s, enum gguf_type *out, struct err *err)
{
    size_t at = s->c.offset;
    uint32_t type;

    if (!cursor_u32le(&s->c, &type, err)) {
        return false;
    }
    if (type >= GGUF_TYPE_COUNT) {
        return FAIL(err, REASON_GGUF_TYPE, at, "type %u of a value, 0..12 are known", type);
    }
    *out = (enum gguf_type)type;
    return true;
}

/* count values of one scalar type or strings, passed over and checked. */
static bool values_read(struct source *s, enum gguf_type type, uint64_t count, size_t array_at, struct err *err)
{
    struct bytes text;

    if (types[type].size != 0) {
        if (count > UINT64_MAX / types[type].size || !fits(s, count * types[type].size)) {
            return FAIL(err, REASON_GGUF_ARRAY, array_at, "%llu values of %u bytes, %llu bytes are left",
                        (unsigned long long)count, types[type].size, (unsigned long long)(s->c.left + s->beyond));
        }
        if (!at_hand(s, count * types[type].size, err)) {
            return false;
        }
        for (uint64_t i = 0; type == GGUF_BOOL && i < count; i++) {
            if (s->c.next[i] > 1) {
                return FAIL(err, REASON_GGUF_BOOL, s->c.offset + (size_t)i, "bool with the byte %u", s->c.next[i]);
            }
        }
        return cursor_skip(&s->c, (size_t)count * types[type].size, err);
    }
    if (count > UINT64_MAX / 8 || !fits(s, count * 8)) {
        return FAIL(err, REASON_GGUF_ARRAY, array_at, "%llu strings, %llu bytes are left", (unsigned long long)count,
                    (unsigned long long)(s->c.left + s->beyond));
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!string_read(s, 0, LIMIT_GGUF_STRING, "a string", &text, err)) {
            return false;
        }
    }
    return true;
}

static bool array_read(struct source *s, struct gguf_pair *p, struct err *err)
{
    size_t at = s->c.offset;

    if (!type_read(s, &p->element, err)) {
        return false;
    }
    if (p->element == GGUF_ARRAY) {
        return FAIL(err, REASON_GGUF_ARRAY_NESTED, at, "an array of arrays");
    }
    if (!cursor_u64le(&s->c, &p->count, err)) {
        return false;
    }
    p->offset = s->c.offset;
    p->value.p = s->c.next;
    if (!values_read(s, p->element, p->count, at, err)) {
        return false;
    }
    p->value.len = s->c.offset - p->offset;
    return true;
}

static bool pair_read(struct source *s, struct gguf_pair *out, struct err *err)
{
    struct gguf_pair p = {.count = 1};
    struct cursor start = s->c;
    size_t before;

    if (!string_read(s, 1, KEY_MAX, "a key", &p.key, err) || !type_read(s, &p.type, err)) {
        return false;
    }
    p.element = p.type;
    if (p.type == GGUF_ARRAY) {
        if (!array_read(s, &p, err)) {
            return false;
        }
    } else if (p.type == GGUF_STR) {
        p.offset = s->c.offset + 8;
        if (!string_read(s, 0, LIMIT_GGUF_STRING, "a string", &p.value, err)) {
            return false;
        }
    } else {
        before = s->c.offset;
        p.offset = before;
        p.value = bytes_of(s->c.next, types[p.type].size);
        if (s->c.left < types[p.type].size) {
            return FAIL(err, REASON_BYTES_SHORT, s->c.offset, "the file ends inside of a value");
        }
        if (!values_read(s, p.type, 1, before, err)) {
            return false;
        }
    }
    p.raw = bytes_of(start.next, s->c.offset - start.offset);
    *out = p;
    return true;
}

static int bytes_order(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n != 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int pair_order(const void *a, const void *b, void *table)
{
    const struct gguf_pair *pairs = table;

    return bytes_order(pairs[*(const uint32_t *)a].key, pairs[*(const uint32_t *)b].key);
}

static int tensor_order(const void *a, const void *b, void *table)
{
    const struct gguf_tensor *tensors = table;

    return bytes_order(tensors[*(const uint32_t *)a].name, tensors[*(const uint32_t *)b].name);
}

static int offset_order(const void *a, const void *b, void *table)
{
    const struct gguf_tensor *tensors = table;
    uint64_t x = tensors[*(const uint32_t *)a].offset, y = tensors[*(const uint32_t *)b].offset;

    return (x > y) - (x < y);
}

static bool index_make(struct gguf *g, size_t count, uint32_t **out, struct err *err)
{
    void *p;
    uint32_t *index;

    if (!arena_alloc(&g->memory, count, sizeof(uint32_t), &p, err)) {
        return false;
    }
    index = p;
    for (size_t i = 0; i < count; i++) {
        index[i] = (uint32_t)i;
    }
    *out = index;
    return true;
}

/* The later one of two equal names is the one that is wrong. */
static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool pairs_read(struct source *s, struct gguf *g, uint64_t count, struct err *err)
{
    struct gguf_pair *pairs;
    void *p;

    if (!arena_alloc(&g->memory, (size_t)count, sizeof *pairs, &p, err)) {
        return false;
    }
    pairs = p;
    for (size_t i = 0; i < count; i++) {
        if (!pair_read(s, &pairs[i], err)) {
            return false;
        }
    }
    g->pairs = pairs;
    g->pair_count = (size_t)count;
    if (!index_make(g, g->pair_count, &g->by_key, err)) {
        return false;
    }
    qsort_r(g->by_key, g->pair_count, sizeof(uint32_t), pair_order, pairs);
    for (size_t i = 1; i < g->pair_count; i++) {
        if (pair_order(&g->by_key[i - 1], &g->by_key[i], pairs) == 0) {
            const struct gguf_pair *twice = &pairs[later(g->by_key[i - 1], g->by_key[i])];

            return FAIL(err, REASON_GGUF_KEY_REPEATED, (size_t)(twice->raw.p - g->file.p), "%.*s", STR_ARG(twice->key));
        }
    }
    return true;
}

static bool alignment_read(struct gguf *g, uint64_t tensors, struct err *err)
{
    const struct gguf_pair *p = gguf_find(g, "general.alignment");
    uint32_t v = ALIGNMENT_DEFAULT;

    if (p != NULL) {
        if (!gguf_get_u32(g, "general.alignment", &v, err)) {
            return false;
        }
        if (v < ALIGNMENT_MIN || (v & (v - 1)) != 0) {
            return FAIL(err, REASON_GGUF_ALIGNMENT, p->offset, "general.alignment is %u", v);
        }
        if (tensors != 0 && v > g->file_length) {
            return FAIL(err, REASON_GGUF_ALIGNMENT, p->offset, "general.alignment is %u, the file has %llu bytes", v,
                        (unsigned long long)g->file_length);
        }
    }
    g->alignment = v;
    return true;
}

static bool dims_read(struct source *s, struct gguf_tensor *t, struct err *err)
{
    size_t at = s->c.offset;

    if (!cursor_u32le(&s->c, &t->dim_count, err)) {
        return false;
    }
    if (t->dim_count == 0 || t->dim_count > LIMIT_GGUF_DIMS) {
        return FAIL(err, REASON_GGUF_TENSOR_DIMS, at, "%.*s has %u dimensions, 1..4 are allowed", STR_ARG(t->name),
                    t->dim_count);
    }
    t->weights = 1;
    for (uint32_t i = 0; i < LIMIT_GGUF_DIMS; i++) {
        t->dims[i] = 1;
        at = s->c.offset;
        if (i < t->dim_count && !cursor_u64le(&s->c, &t->dims[i], err)) {
            return false;
        }
        if (t->dims[i] == 0) {
            return FAIL(err, REASON_GGUF_TENSOR_DIMS, at, "%.*s: dimension %u is 0", STR_ARG(t->name), i);
        }
        if (t->dims[i] > INT64_MAX || __builtin_mul_overflow(t->weights, t->dims[i], &t->weights) ||
            t->weights > INT64_MAX) {
            return FAIL(err, REASON_GGUF_TENSOR_SIZE, at, "%.*s: dimension %u is %llu", STR_ARG(t->name), i,
                        (unsigned long long)t->dims[i]);
        }
    }
    return true;
}

static bool tensor_read(struct source *s, const struct gguf *g, struct gguf_tensor *out, struct err *err)
{
    struct gguf_tensor t = {.entry = s->c.offset};
    size_t at;
    uint32_t type;

    if (!string_read(s, 0, LIMIT_GGUF_STRING, "a tensor's name", &t.name, err)) {
        return false;
    }
    if (t.name.len == 0 || t.name.len > NAME_MAX_BYTES || memchr(t.name.p, 0, t.name.len) != NULL) {
        return FAIL(err, REASON_GGUF_TENSOR_NAME, t.entry, "a name of %zu bytes, 1..64 without NUL are allowed",
                    t.name.len);
    }
    if (!dims_read(s, &t, err)) {
        return false;
    }
    at = s->c.offset;
    if (!cursor_u32le(&s->c, &type, err)) {
        return false;
    }
    t.type = quant_type_get(type);
    if (t.type == NULL) {
        return FAIL(err, REASON_GGUF_TENSOR_TYPE, at, "%.*s has the type %u", STR_ARG(t.name), type);
    }
    if (t.dims[0] % t.type->weights != 0) {
        return FAIL(err, REASON_GGUF_TENSOR_BLOCKS, at, "%.*s: rows of %llu, blocks of %u (%s)", STR_ARG(t.name),
                    (unsigned long long)t.dims[0], t.type->weights, t.type->name);
    }
    if (__builtin_mul_overflow(t.weights / t.type->weights, (uint64_t)t.type->bytes, &t.size)) {
        return FAIL(err, REASON_GGUF_TENSOR_SIZE, t.entry, "%.*s: the size overflows", STR_ARG(t.name));
    }
    at = s->c.offset;
    if (!cursor_u64le(&s->c, &t.offset, err)) {
        return false;
    }
    if (t.offset % g->alignment != 0) {
        return FAIL(err, REASON_GGUF_TENSOR_ALIGNMENT, at, "%.*s at %llu, the alignment is %u", STR_ARG(t.name),
                    (unsigned long long)t.offset, g->alignment);
    }
    *out = t;
    return true;
}

/* Data offsets count from the data section in the file, and from the file's start afterwards. */
static bool spans_check(struct gguf *g, struct gguf_tensor *tensors, struct err *err)
{
    uint32_t *by_offset;

    for (size_t i = 0; i < g->tensor_count; i++) {
        struct gguf_tensor *t = &tensors[i];
        uint64_t end;

        if (__builtin_add_overflow(t->offset, g->data_start, &t->offset) ||
            __builtin_add_overflow(t->offset, t->size, &end) || end > g->file_length) {
            return FAIL(err, REASON_GGUF_TENSOR_RANGE, t->entry, "%.*s: %llu bytes at %llu, the file has %llu",
                        STR_ARG(t->name), (unsigned long long)t->size, (unsigned long long)t->offset,
                        (unsigned long long)g->file_length);
        }
    }
    if (!index_make(g, g->tensor_count, &by_offset, err)) {
        return false;
    }
    qsort_r(by_offset, g->tensor_count, sizeof(uint32_t), offset_order, tensors);
    for (size_t i = 1; i < g->tensor_count; i++) {
        const struct gguf_tensor *a = &tensors[by_offset[i - 1]], *b = &tensors[by_offset[i]];

        if (a->size > b->offset - a->offset) {
            return FAIL(err, REASON_GGUF_TENSOR_OVERLAP, tensors[later(by_offset[i - 1], by_offset[i])].entry,
                        "%.*s and %.*s", STR_ARG(a->name), STR_ARG(b->name));
        }
    }
    return true;
}

bool gguf_index_tensors(struct gguf *g, struct err *err)
{
    void *table;

    memcpy(&table, &g->tensors, sizeof table); /* qsort_r's argument is not const */
    if (!index_make(g, g->tensor_count, &g->by_name, err)) {
        return false;
    }
    qsort_r(g->by_name, g->tensor_count, sizeof(uint32_t), tensor_order, table);
    for (size_t i = 1; i < g->tensor_count; i++) {
        if (tensor_order(&g->by_name[i - 1], &g->by_name[i], table) == 0) {
            const struct gguf_tensor *twice = &g->tensors[later(g->by_name[i - 1], g->by_name[i])];

            return FAIL(err, REASON_GGUF_TENSOR_REPEATED, twice->entry, "%.*s", STR_ARG(twice->name));
        }
    }
    return true;
}

static bool tensors_read(struct source *s, struct gguf *g, uint64_t count, struct err *err)
{
    struct gguf_tensor *tensors;
    void *p;

    if (!arena_alloc(&g->memory, (size_t)count, sizeof *tensors, &p, err)) {
        return false;
    }
    tensors = p;
    for (size_t i = 0; i < count; i++) {
        if (!tensor_read(s, g, &tensors[i], err)) {
            return false;
        }
    }
    g->tensors = tensors;
    g->tensor_count = (size_t)count;
    if (!gguf_index_tensors(g, err)) {
        return false;
    }
    g->data_start = ((uint64_t)s->c.offset + g->alignment - 1) & ~(uint64_t)(g->alignment - 1);
    return spans_check(g, tensors, err);
}

/* Both counts are held against what the whole file could hold, before anything is allocated for them. */
static bool counts_check(const struct gguf *g, uint64_t tensors, uint64_t pairs, struct err *err)
{
    uint64_t left = g->file_length - HEADER_SIZE;

    if (tensors > left / TENSOR_MIN || tensors > LIMIT_GGUF_TENSORS) {
        return FAIL(err, REASON_GGUF_COUNT, 8, "%llu tensors in %llu bytes, at most %u are allowed",
                    (unsigned long long)tensors, (unsigned long long)left, LIMIT_GGUF_TENSORS);
    }
    if (pairs > left / PAIR_MIN || pairs > LIMIT_GGUF_KEYS) {
        return FAIL(err, REASON_GGUF_COUNT, 16, "%llu keys in %llu bytes, at most %u are allowed",
                    (unsigned long long)pairs, (unsigned long long)left, LIMIT_GGUF_KEYS);
    }
    return true;
}

static bool header_read(struct source *s, struct gguf *g, struct err *err)
{
    uint64_t tensors, pairs;
    uint32_t magic;

    if (!cursor_u32le(&s->c, &magic, err)) {
        return false;
    }
    if (magic != MAGIC) {
        return FAIL(err, REASON_GGUF_MAGIC, 0, "%08x, 46554747 is wanted", magic);
    }
    if (!cursor_u32le(&s->c, &g->version, err)) {
        return false;
    }
    if (g->version != 2 && g->version != 3) {
        return FAIL(err, REASON_GGUF_VERSION, 4, "version %u%s", g->version,
                    (g->version & 0xffff) == 0 && g->version != 0 ? ": a big-endian file" : "");
    }
    return cursor_u64le(&s->c, &tensors, err) && cursor_u64le(&s->c, &pairs, err) &&
           counts_check(g, tensors, pairs, err) && pairs_read(s, g, pairs, err) && alignment_read(g, tensors, err) &&
           tensors_read(s, g, tensors, err);
}

bool gguf_parse_header(struct bytes prefix, uint64_t file_length, struct gguf *out, struct err *err)
{
    struct gguf g = {.file_length = file_length, .file = prefix, .memory = ARENA(SIZE_MAX / 2)};
    struct source s = {.c = cursor_init(prefix.p, prefix.len), .beyond = file_length - prefix.len};

    if (!header_read(&s, &g, err)) {
        arena_done(&g.memory);
        if (err->reason == REASON_BYTES_SHORT && prefix.len == file_length) {
            err->reason = REASON_GGUF_TRUNCATED;
        }
        return false;
    }
    *out = g;
    return true;
}

bool gguf_parse(struct bytes file, struct gguf *out, struct err *err)
{
    return gguf_parse_header(file, file.len, out, err);
}

void gguf_done(struct gguf *g)
{
    arena_done(&g->memory);
    *g = (struct gguf){.memory = ARENA(0)};
}

struct bytes gguf_tensor_data(const struct gguf *g, const struct gguf_tensor *t)
{
    struct bytes file = g->files != NULL ? g->files[t->part] : g->file;

    return bytes_of(file.p + t->offset, (size_t)t->size);
}
