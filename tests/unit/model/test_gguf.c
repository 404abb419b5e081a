#include "bad.h"

#include "gguf_make.h"
#include "model/gguf.h"

#include <sys/resource.h>

/* A sanitizer needs more memory than the limit of the test below. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

static bool gguf_read(struct bytes in, struct err *err)
{
    struct gguf g;

    if (!gguf_parse(in, &g, err)) {
        return false;
    }
    gguf_done(&g);
    return true;
}

static void test_bad(void **state)
{
    (void)state;
    bad_run("gguf", gguf_read);
}

/* Everything that the maker put in comes out. */
static void test_values(void **state)
{
    struct buf b = BUF(MIB(1));
    const struct gguf_pair *p;
    struct gguf_strings strings;
    struct bytes text;
    struct gguf g;
    struct err err;
    uint32_t u;
    float f;
    bool flag;

    (void)state;
    make_begin(&b, 1, 6);
    make_str(&b, "a.name", "text");
    make_u32(&b, "a.number", 7);
    make_f32(&b, "a.float", 1.5F);
    make_bool(&b, "a.flag", true);
    make_strs(&b, "a.strings", (const char *const[]){"x", "", "yz"}, 3);
    make_i32s(&b, "a.ints", (const int32_t[]){-1, 2}, 2);
    make_tensor(&b, "w", 0, 2, 3, 0);
    make_data(&b, 24);
    assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);

    assert_ok(gguf_get_str(&g, "a.name", &text, &err), err);
    assert_true(bytes_equal(text, bytes_of_str("text")));
    assert_ok(gguf_get_u32(&g, "a.number", &u, &err), err);
    assert_int_equal(u, 7);
    assert_ok(gguf_get_f32(&g, "a.float", &f, &err), err);
    assert_true(f == 1.5F);
    assert_ok(gguf_get_bool(&g, "a.flag", &flag, &err), err);
    assert_true(flag);
    assert_ok(gguf_get_array(&g, "a.strings", GGUF_STR, &p, &err), err);
    strings = gguf_strings_of(p);
    assert_true(gguf_strings_next(&strings, &text) && text.len == 1);
    assert_true(gguf_strings_next(&strings, &text) && text.len == 0);
    assert_true(gguf_strings_next(&strings, &text) && bytes_equal(text, bytes_of_str("yz")));
    assert_false(gguf_strings_next(&strings, &text));
    assert_ok(gguf_get_array(&g, "a.ints", GGUF_I32, &p, &err), err);
    assert_int_equal((int64_t)gguf_scalar_at(p, 0).u, -1);
    assert_int_equal(gguf_scalar_at(p, 1).u, 2);
    assert_int_equal(gguf_scalar_at(p, 2).u, 0); /* beyond the end */
    assert_int_equal(gguf_scalar_at(gguf_find(&g, "a.strings"), 0).u, 0);

    assert_fails(gguf_get_u32(&g, "a.none", &u, &err), err, REASON_GGUF_KEY_MISSING, ERR_NOWHERE);
    assert_fails(gguf_get_u32(&g, "a.name", &u, &err), err, REASON_GGUF_KEY_TYPE, gguf_find(&g, "a.name")->offset);
    assert_fails(gguf_get_bool(&g, "a.number", &flag, &err), err, REASON_GGUF_KEY_TYPE,
                 gguf_find(&g, "a.number")->offset);
    assert_fails(gguf_get_array(&g, "a.ints", GGUF_U32, &p, &err), err, REASON_GGUF_KEY_TYPE,
                 gguf_find(&g, "a.ints")->offset);

    assert_non_null(gguf_tensor_find(&g, "w"));
    assert_null(gguf_tensor_find(&g, "ww"));
    assert_int_equal(gguf_tensor_find(&g, "w")->weights, 6);
    assert_int_equal(gguf_tensor_data(&g, gguf_tensor_find(&g, "w")).len, 24);
    gguf_done(&g);

    /* Each shorter start of the file is too short or refused, and never anything else. */
    for (size_t n = 0; n + 24 < b.len; n++) {
        if (gguf_parse_header(bytes_of(b.p, n), b.len, &g, &err)) {
            gguf_done(&g);
        } else {
            assert_int_equal(err.reason, REASON_BYTES_SHORT);
        }
    }
    buf_done(&b);
}

/* docs/formats.md section 2: the digests do not depend on order of keys outside of `tokenizer.`, nor on the template.
 */
static void test_identity(void **state)
{
    struct buf a = BUF(MIB(1)), b = BUF(MIB(1));
    struct identity one, two;
    struct gguf g;
    struct err err;
    struct hash h;
    const struct gguf_pair *p;
    uint8_t want[SHA256_SIZE];

    (void)state;
    make_begin(&a, 0, 4);
    make_str(&a, "tokenizer.ggml.model", "gpt2");
    make_str(&a, "tokenizer.chat_template", "T");
    make_str(&a, "general.name", "one");
    make_u32(&a, "tokenizer.ggml.bos_token_id", 1);
    make_begin(&b, 0, 5);
    make_str(&b, "general.name", "two");
    make_str(&b, "tokenizer.ggml.model", "gpt2");
    make_u32(&b, "tokenizer.ggml.bos_token_id", 1);
    make_str(&b, "tokenizer.chat_template", "U");
    make_str(&b, "tokenizer.chat_template.rag", "V");

    assert_ok(gguf_parse(buf_bytes(&a), &g, &err), err);
    gguf_identity(&g, &one);
    hash_init(&h, HASH_SHA256);
    p = gguf_find(&g, "tokenizer.ggml.model");
    assert_int_equal(p->raw.len, 8 + 20 + 4 + 8 + 4);
    hash_add(&h, p->raw);
    p = gguf_find(&g, "tokenizer.ggml.bos_token_id");
    assert_int_equal(p->raw.len, 8 + 27 + 4 + 4);
    hash_add(&h, p->raw);
    hash_end(&h, want);
    assert_memory_equal(one.tokenizer_sha256, want, sizeof want);
    hash_bytes(HASH_SHA256, bytes_of_str("T"), want);
    assert_memory_equal(one.template_sha256, want, sizeof want);
    gguf_done(&g);

    assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
    gguf_identity(&g, &two);
    assert_memory_equal(one.tokenizer_sha256, two.tokenizer_sha256, SHA256_SIZE);
    assert_memory_not_equal(one.template_sha256, two.template_sha256, SHA256_SIZE);
    gguf_done(&g);
    buf_done(&a);
    buf_done(&b);
}

/* Pieces of any size give what the whole gives. RFC 6962: one chunk is its leaf; two chunks are one node. */
static void test_identity_reader(void **state)
{
    static const size_t steps[] = {1000, 1 << 20, 3000000};
    size_t len = (2 << 20) + 5;
    uint8_t *bytes = calloc(len, 1);
    struct identity first = {0}, id = {0};
    struct identity_reader *r;
    struct err err;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        assert_ok(identity_reader_new(&r, &err), err);
        for (size_t at = 0; at < len; at += steps[s]) {
            assert_ok(identity_reader_add(r, bytes_of(bytes + at, len - at < steps[s] ? len - at : steps[s]), &err),
                      err);
        }
        assert_ok(identity_reader_end(r, &id, &err), err);
        identity_reader_free(r);
        assert_int_equal(id.length, len);
        if (s == 0) {
            first = id;
        }
        assert_memory_equal(id.sha256, first.sha256, SHA256_SIZE);
        assert_memory_equal(id.tree_root, first.tree_root, SHA256_SIZE);
    }
    hash_bytes(HASH_SHA256, bytes_of(bytes, len), id.sha256);
    assert_memory_equal(id.sha256, first.sha256, SHA256_SIZE);
    free(bytes);
}

/* Other programs' damaged files: those that a strict reader must refuse, and those that it must not. */
static void test_vectors(void **state)
{
    char folder[4096], path[4400];
    const struct dirent *e;
    int refused = 0, accepted = 0;
    DIR *dir;

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", vector_path("engine/gguf_bad"));
    dir = opendir(folder);
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        bool good = strncmp(e->d_name, "00_", 3) == 0 || strncmp(e->d_name, "27_", 3) == 0;
        struct err err = {0};
        size_t len;
        uint8_t *bytes;

        if (e->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        bytes = bad_read(path, &len);
        if (gguf_read(bytes_of(bytes, len), &err) != good) {
            fail_msg("%s: %s", e->d_name, reason_name(err.reason));
        }
        *(good ? &accepted : &refused) += 1;
        free(bytes);
    }
    (void)closedir(dir);
    assert_int_equal(accepted, 4);
    assert_int_equal(refused, 30);
}

/* The most that a header can make the reader allocate: as many keys as the file could hold, at the first of which it
 * fails. A small multiple of the file. */
static void test_memory(void **state)
{
    struct rlimit old;
    struct buf b = BUF(MIB(1));
    struct err err;

    (void)state;
    make_begin(&b, UINT64_C(1) << 61, UINT64_C(1) << 62);
    assert_ok(buf_zero(&b, 64, &err), err);
    assert_int_equal(getrlimit(RLIMIT_DATA, &old), 0);
#ifndef SANITIZED
    assert_int_equal(setrlimit(RLIMIT_DATA, &(struct rlimit){.rlim_cur = MIB(64), .rlim_max = old.rlim_max}), 0);
#endif
    assert_fails(gguf_read(buf_bytes(&b), &err), err, REASON_GGUF_COUNT, 8);
    b.len = 0;
    make_begin(&b, 0, 6);
    assert_ok(buf_zero(&b, 200, &err), err);
    assert_fails(gguf_read(buf_bytes(&b), &err), err, REASON_GGUF_STRING, 24);
    assert_int_equal(setrlimit(RLIMIT_DATA, &old), 0);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),      cmocka_unit_test(test_values),
        cmocka_unit_test(test_identity), cmocka_unit_test(test_identity_reader),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_vectors),
    };

    return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}
