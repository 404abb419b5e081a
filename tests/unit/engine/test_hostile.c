/* Model files of every family with one thing wrong in each: every metadata key with values of every type, every tensor
 * with another name, size and place. Whatever a file says, it is refused by a reason of its own that names the key or
 * tensor, before memory is taken for it; or what was changed is nothing that the family reads. */
#include "test.h"

#include "../../gen_model.h"
#include "engine/engine.h"
#include "gguf_make.h"
#include "model/gguf.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY MIB(64)
#define PEAK MIB(32) /* resident, of the whole test; its largest file has half a MiB */

static const char *const families[] = {"llama", "llama-moe", "qwen2", "qwen3", "gemma3", "gpt-oss", "deepseek2"};

/* A value as it stands behind the type in the file. */
struct value {
    const char *name;
    uint32_t type;
    const char *bytes;
    size_t len;
};

#define VALUE(name, type, bytes) \
    { \
        name, type, bytes, sizeof bytes - 1 \
    }

static const struct value values[] = {
    VALUE("u32 0", GGUF_U32, "\0\0\0\0"),
    VALUE("u32 7", GGUF_U32, "\7\0\0\0"),
    VALUE("u32 2^31", GGUF_U32, "\0\0\0\x80"),
    VALUE("u32 2^32-1", GGUF_U32, "\xff\xff\xff\xff"),
    VALUE("u64 2^64-1", GGUF_U64, "\xff\xff\xff\xff\xff\xff\xff\xff"),
    VALUE("i32 -1", GGUF_I32, "\xff\xff\xff\xff"),
    VALUE("f32 NaN", GGUF_F32, "\0\0\xc0\x7f"),
    VALUE("f32 -1", GGUF_F32, "\0\0\x80\xbf"),
    VALUE("f64 1e300", GGUF_F64, "\x9c\x75\x00\x88\x3c\xe4\x37\x7e"),
    VALUE("bool", GGUF_BOOL, "\1"),
    VALUE("an empty string", GGUF_STR, "\0\0\0\0\0\0\0\0"),
    VALUE("a string", GGUF_STR, "\1\0\0\0\0\0\0\0x"),
    VALUE("an array of u32", GGUF_ARRAY, "\4\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0"),
    VALUE("an array of strings", GGUF_ARRAY, "\x8\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0x"),
};

static void add(struct buf *b, const void *p, size_t n)
{
    struct err err;

    assert_ok(buf_add(b, p, n, &err), err);
}

/* The same file with another value under key number `at`, or, NULL, without the key. */
static void rewrite(const struct gguf *g, size_t at, const struct value *v, struct buf *out)
{
    const struct gguf_tensor *last = &g->tensors[g->tensor_count - 1];
    const size_t from = g->tensors[0].entry, to = last->entry + 8 + last->name.len + 4 + 8 * last->dim_count + 4 + 8;
    char key[200];

    out->len = 0;
    make_begin(out, g->tensor_count, g->pair_count - (v == NULL));
    for (size_t i = 0; i < g->pair_count; i++) {
        const struct gguf_pair *p = &g->pairs[i];

        if (i != at) {
            add(out, p->raw.p, p->raw.len);
        } else if (v != NULL) {
            (void)snprintf(key, sizeof key, "%.*s", (int)p->key.len, (const char *)p->key.p);
            make_key(out, key, v->type);
            add(out, v->bytes, v->len);
        }
    }
    add(out, g->file.p + from, to - from);
    make_data(out, 0);
    add(out, g->file.p + g->data_start, g->file.len - (size_t)g->data_start);
}

static bool opens(struct bytes file, struct err *err)
{
    struct engine_setup setup = {.threads = 1, .chunk = 1, .context = 0, .memory = MEMORY};
    struct engine_source source = {.name = "hostile", .fd = gen_model_bytes_fd(file)};
    struct identity identity;
    struct engine *e = NULL;
    bool ok;

    assert_true(source.fd >= 0);
    *err = (struct err){.reason = REASON_OK};
    ok = engine_open(&source, &setup, &e, &identity, err);
    engine_close(e);
    (void)close(source.fd);
    return ok;
}

/* "blk.0.x.weight" and "llama.x.y" by their last words: a message may leave the rest out. */
static bool names(const struct err *err, struct bytes name)
{
    size_t from = name.len;

    while (from > 0 && name.p[from - 1] != '.') {
        from--;
    }
    return memmem(err->detail, strlen(err->detail), name.p + from, name.len - from) != NULL;
}

static void refusal_check(const struct err *err, struct bytes name, const char *what)
{
    const enum reason_kind kind = reason_kind(err->reason);

    if ((kind != REASON_KIND_INPUT && kind != REASON_KIND_LIMIT) || err->detail[0] == '\0' ||
        reason_todo(err->reason)[0] == '\0') {
        fail_msg("%.*s, %s: %s, %s", (int)name.len, (const char *)name.p, what, reason_name(err->reason), err->detail);
    }
}

/* A string where a number is wanted and the like: integers of every width are one. */
static bool confused(enum gguf_type was, uint32_t is)
{
    const uint32_t integers = 1U << GGUF_U8 | 1U << GGUF_I8 | 1U << GGUF_U16 | 1U << GGUF_I16 | 1U << GGUF_U32 |
                              1U << GGUF_I32 | 1U << GGUF_U64 | 1U << GGUF_I64;
    const uint32_t floats = 1U << GGUF_F32 | 1U << GGUF_F64;

    return was != is && !((integers >> was & integers >> is) & 1) && !((floats >> was & floats >> is) & 1);
}

/* What no family computes by: a model's name, and a count that the token list says itself. */
static bool ignored(struct bytes key)
{
    static const char *const words[] = {"general.name", ".vocab_size"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t n = strlen(words[i]);

        if (key.len >= n && memcmp(key.p + key.len - n, words[i], n) == 0) {
            return true;
        }
    }
    return false;
}

static void family_make(const char *family, struct buf *out, struct gguf *g)
{
    const struct gen_model m = gen_model_family(family);
    struct err err;

    assert_ok(gen_model_write(&m, out, &err), err);
    assert_ok(gguf_parse(buf_bytes(out), g, &err), err);
}

static void test_keys(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        struct buf good = BUF(MIB(4)), bad = BUF(MIB(4));
        struct gguf g;
        struct err err;

        family_make(families[f], &good, &g);
        for (size_t i = 0; i < g.pair_count; i++) {
            for (size_t k = 0; k <= sizeof values / sizeof *values; k++) {
                const struct value *v = k < sizeof values / sizeof *values ? &values[k] : NULL;

                rewrite(&g, i, v, &bad);
                if (!opens(buf_bytes(&bad), &err)) {
                    refusal_check(&err, g.pairs[i].key, v != NULL ? v->name : "absent");
                    if (v != NULL && confused(g.pairs[i].type, v->type) && !names(&err, g.pairs[i].key)) {
                        fail_msg("%s: %s does not name it: %s", v->name, reason_name(err.reason), err.detail);
                    }
                } else if (v != NULL && confused(g.pairs[i].type, v->type) && !ignored(g.pairs[i].key)) {
                    fail_msg("%.*s is %s", (int)g.pairs[i].key.len, (const char *)g.pairs[i].key.p, v->name);
                }
            }
        }
        gguf_done(&g);
        buf_done(&good);
        buf_done(&bad);
    }
}

/* Where a tensor's row in the file has its type, and what stands there otherwise. */
static void tensor_change(struct buf *b, const struct gguf_tensor *t, int how)
{
    const size_t name = t->entry + 8, dims = name + t->name.len + 4, type = dims + 8 * t->dim_count;

    switch (how) {
    case 0: /* another name */
        b->p[name] = 'X';
        break;
    case 1: /* a dimension of zero */
        memset(b->p + dims, 0, 8);
        break;
    case 2: /* 2^62 more */
        b->p[dims + 7] ^= 0x40;
        break;
    case 3: /* one more block in a row, or one value */
        b->p[dims] = (uint8_t)(b->p[dims] + (t->type->weights > 1 ? t->type->weights : 1));
        break;
    case 4: /* behind the end */
        b->p[type + 4 + 7] = 0x40;
        break;
    case 5: /* not aligned */
        b->p[type + 4] |= 1;
        break;
    default: /* a type that is none */
        b->p[type] = 200;
        break;
    }
}

static void test_tensors(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        struct buf good = BUF(MIB(4)), bad = BUF(MIB(4));
        struct gguf g;
        struct err err;

        family_make(families[f], &good, &g);
        for (size_t i = 0; i < g.tensor_count; i++) {
            for (int how = 0; how < 7; how++) {
                bad.len = 0;
                add(&bad, good.p, good.len);
                tensor_change(&bad, &g.tensors[i], how);
                if (opens(buf_bytes(&bad), &err)) {
                    fail_msg("%s: %.*s, change %d", families[f], (int)g.tensors[i].name.len,
                             (const char *)g.tensors[i].name.p, how);
                }
                refusal_check(&err, g.tensors[i].name, "changed");
            }
        }
        gguf_done(&g);
        buf_done(&good);
        buf_done(&bad);
    }
}

static void test_peak(void **state)
{
    struct rusage r;

    (void)state;
    assert_int_equal(getrusage(RUSAGE_SELF, &r), 0);
#ifdef SANITIZED
    print_message("skipped: a sanitizer's own memory\n");
    skip();
#else
    assert_true((size_t)r.ru_maxrss * 1024 < PEAK);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_peak),
    };

    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
