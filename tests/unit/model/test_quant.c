#include "test.h"

#include "model/quant.h"

static uint8_t *whole_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *p;
    long size;

    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    assert_true(size >= 0);
    p = malloc((size_t)size + 1);
    assert_non_null(p);
    rewind(f);
    *len = fread(p, 1, (size_t)size, f);
    assert_int_equal(*len, size);
    (void)fclose(f);
    return p;
}

/* Every type against the float32 values that another program found for the same blocks: all bits. */
static void test_vectors(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < QUANT_IDS; i++) {
        const struct quant_type *t = quant_type_get(i);
        char name[64];
        size_t len, want_len, count;
        uint8_t *blocks, *want;
        float *got;

        if (t == NULL || t->id == QUANT_F32) {
            continue;
        }
        (void)snprintf(name, sizeof name, "engine/quant/%s.bin", t->name);
        blocks = whole_file(vector_path(name), &len);
        (void)snprintf(name, sizeof name, "engine/quant/%s.f32", t->name);
        want = whole_file(vector_path(name), &want_len);
        count = len / t->bytes;
        assert_int_equal(want_len, count * t->weights * sizeof(float));
        got = malloc(want_len);
        assert_non_null(got);
        quant_dequantise(t, blocks, count, got);
        if (memcmp(got, want, want_len) != 0) {
            fail_msg("%s: the bits differ", t->name);
        }
        free(got);
        free(want);
        free(blocks);
    }
}

static void test_f16(void **state)
{
    static const struct {
        uint16_t bits;
        float value;
    } cases[] = {{0x0000, 0.0F},
                 {0x3c00, 1.0F},
                 {0xc000, -2.0F},
                 {0x7bff, 65504.0F},
                 {0x0400, 0x1p-14F},
                 {0x0001, 0x1p-24F},
                 {0x83ff, -0x3ffp-24F},
                 {0x7c00, __builtin_inff()},
                 {0xfc00, -__builtin_inff()}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float got = quant_f16(cases[i].bits);

        assert_memory_equal(&got, &cases[i].value, sizeof got);
    }
    assert_true(__builtin_signbit(quant_f16(0x8000)) != 0);
    assert_true(__builtin_isnan(quant_f16(0x7e01)) != 0);
    assert_true(quant_bf16(0x3f80) == 1.0F); /* exact */
    assert_true(__builtin_isnan(quant_bf16(0xffc1)) != 0);
}

/* Blocks written by hand from the layouts: scale 2, minimum 1 where there is one, codes that name their place. */
static void test_blocks(void **state)
{
    uint8_t q4_1[20] = {0x00, 0x40, 0x00, 0x3c}, q8_0[34] = {0x00, 0xb8}, q6_k[210] = {0};
    float out[256];

    (void)state;
    for (int i = 0; i < 16; i++) {
        q4_1[4 + i] = (uint8_t)(i | (15 - i) << 4);
    }
    quant_dequantise(quant_type_get(QUANT_Q4_1), q4_1, 1, out);
    for (int i = 0; i < 16; i++) {
        assert_true(out[i] == 2.0F * (float)i + 1.0F);
        assert_true(out[16 + i] == 2.0F * (float)(15 - i) + 1.0F);
    }
    q8_0[2] = 0x80;
    q8_0[33] = 0x7f;
    quant_dequantise(quant_type_get(QUANT_Q8_0), q8_0, 1, out);
    assert_true(out[0] == 64.0F && out[1] == 0.0F && out[31] == -63.5F);
    q6_k[209] = 0x3c; /* d = 1; all codes 0, so each weight is -32 times its scale */
    for (int i = 0; i < 16; i++) {
        q6_k[192 + i] = (uint8_t)(i - 8);
    }
    quant_dequantise(quant_type_get(QUANT_Q6_K), q6_k, 1, out);
    for (int i = 0; i < 256; i++) {
        assert_true(out[i] == -32.0F * (float)(i / 16 - 8));
    }
}

static void test_table(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_ptr_equal(quant_type_find("q4_k"), quant_type_get(12));
    assert_ptr_equal(quant_type_find("BF16"), quant_type_get(30));
    assert_null(quant_type_find("Q4_KK"));
    assert_null(quant_type_find("Q4"));
    assert_null(quant_type_find(""));
    assert_null(quant_type_get(200));
    assert_null(quant_type_get(4)); /* Q4_2, long gone */
    for (uint32_t i = 0; i < QUANT_IDS; i++) {
        const struct quant_type *t = quant_type_get(i);

        count += t != NULL;
        assert_true(t == NULL || (t->id == i && quant_type_find(t->name) == t));
    }
    assert_int_equal(count, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f16),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_vectors),
    };

    return cmocka_run_group_tests_name("quant", tests, NULL, NULL);
}
