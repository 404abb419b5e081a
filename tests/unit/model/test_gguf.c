#include "bad.h"

#include "gguf_make.h"
#include "model/gguf.h"

#include <sys/resource.h>

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

/* Other programs' damaged files: those that a strict reader must refuse, each with its reason and place, and those that
 * it must not (REASON_OK). */
static const struct {
    const char *name;
    enum reason reason;
    size_t offset;
} vectors[] = {
    {"00_valid_base", REASON_OK, 0},
    {"00_valid_no_tensors", REASON_OK, 0},
    {"00_valid_version_2", REASON_OK, 0},
    {"01_bad_magic", REASON_GGUF_MAGIC, 0},
    {"02_version_1", REASON_GGUF_VERSION, 4},
    {"03_version_99", REASON_GGUF_VERSION, 4},
    {"04_kv_count_huge", REASON_GGUF_COUNT, 16},
    {"05_tensor_count_huge", REASON_GGUF_COUNT, 8},
    {"06_string_past_end", REASON_GGUF_STRING, 56},
    {"07_key_length_2e63", REASON_GGUF_STRING, 69},
    {"08_array_length_overflow", REASON_GGUF_ARRAY, 243},
    {"09_nested_array", REASON_GGUF_ARRAY_NESTED, 243},
    {"10_unknown_value_type", REASON_GGUF_TYPE, 329},
    {"11_unknown_tensor_type", REASON_GGUF_TENSOR_TYPE, 473},
    {"12_n_dims_0", REASON_GGUF_TENSOR_DIMS, 501},
    {"13_n_dims_5", REASON_GGUF_TENSOR_DIMS, 501},
    {"14_dims_product_overflow", REASON_GGUF_TENSOR_SIZE, 417},
    {"15_not_block_multiple", REASON_GGUF_TENSOR_BLOCKS, 473},
    {"16_offset_past_end", REASON_GGUF_TENSOR_RANGE, 485},
    {"17_offset_unaligned", REASON_GGUF_TENSOR_ALIGNMENT, 517},
    {"18_overlap", REASON_GGUF_TENSOR_OVERLAP, 437},
    {"19_data_truncated", REASON_GGUF_TENSOR_RANGE, 485},
    {"20_duplicate_tensor_name", REASON_GGUF_TENSOR_REPEATED, 485},
    {"21_duplicate_key", REASON_GGUF_KEY_REPEATED, 361},
    {"22_alignment_0", REASON_GGUF_ALIGNMENT, 144},
    {"23_alignment_3", REASON_GGUF_ALIGNMENT, 144},
    {"24_alignment_2e31", REASON_GGUF_ALIGNMENT, 144},
    {"25_bool_7", REASON_GGUF_BOOL, 288},
    {"26_name_65_bytes", REASON_GGUF_TENSOR_NAME, 485},
    {"27_trailing_garbage", REASON_OK, 0},
    {"28_zero_length", REASON_GGUF_TRUNCATED, 0},
    {"29_cut_in_header", REASON_GGUF_TRUNCATED, 16},
    {"30_cut_in_kv", REASON_GGUF_ARRAY, 181},
    {"31_cut_in_tensor_info", REASON_GGUF_STRING, 437},
};

static void test_vectors(void **state)
{
    char folder[4096], path[4400];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", vector_path("engine/gguf_bad"));
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct err err = {.offset = 0};
        size_t len;
        uint8_t *bytes;

        (void)snprintf(path, sizeof path, "%s/%s.gguf", folder, vectors[i].name);
        bytes = bad_read(path, &len);
        if (gguf_read(bytes_of(bytes, len), &err) != (vectors[i].reason == REASON_OK) ||
            err.reason != vectors[i].reason || err.offset != vectors[i].offset) {
            fail_msg("%s: %s at %zu", vectors[i].name, reason_name(err.reason), err.offset);
        }
        free(bytes);
    }
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

static void test_split_names(void **state)
{
    static const struct {
        const char *name;
        uint32_t count;
    } rows[] = {{"dir/m-00001-of-00003.gguf", 3},
                {"-00001-of-99999.gguf", 99999},
                {"m-00001-of-00001.gguf", 1},
                {"m-00002-of-00003.gguf", 1},
                {"m-00001-of-00000.gguf", 1},
                {"m-0001-of-00003.gguf", 1},
                {"m-00001-of-00003.gguf.part", 1},
                {"m-00001-of-0000x.gguf", 1},
                {"m_00001-of-00003.gguf", 1},
                {"m.gguf", 1},
                {"", 1}};
    char name[32];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(gguf_split_count(rows[i].name), rows[i].count);
    }
    gguf_split_name(rows[0].name, 0, name);
    assert_string_equal(name, rows[0].name);
    gguf_split_name(rows[0].name, 2, name);
    assert_string_equal(name, "dir/m-00003-of-00003.gguf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_names),     cmocka_unit_test(test_bad),
        cmocka_unit_test(test_values),          cmocka_unit_test(test_identity),
        cmocka_unit_test(test_identity_reader), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_vectors),
    };

    return cmocka_run_group_tests_name("gguf", tests, NULL, NULL);
}
