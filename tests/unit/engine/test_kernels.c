/* Every instruction set of this machine against the reference, bit for bit: random numbers and the ends of ranges. */
#include "test.h"

#include "engine/isa.h"
#include "engine/math.h"
#include "engine/panel.h"

#define BLOCKS 5
#define STRIDE 16

static const enum engine_isa isas[] = {ENGINE_ISA_AVX2, ENGINE_ISA_AVX512};
static const unsigned widths[] = {1, 2, 4, 8, 12};

static uint64_t state = 1;

static uint32_t random32(void)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state >> 33);
}

static float random_float(void)
{
    return (float)random32() * 0x1p-30F - 1.0F;
}

/* A finite float16 of any size and sign, subnormal ones among them. */
static uint16_t random_half(void)
{
    uint16_t h = (uint16_t)random32();

    return (h & 0x7c00) == 0x7c00 ? (uint16_t)(h & 0x83ff) : h;
}

enum pattern { PATTERN_RANDOM, PATTERN_HIGH, PATTERN_LOW, PATTERN_COUNT };

/* Where a type's float16 fields and its sub-blocks' scales stand. */
static const struct {
    enum quant_id id;
    size_t d, scales, scale_bytes;
} places[] = {{QUANT_Q2_K, 80, 0, 16}, {QUANT_Q3_K, 108, 96, 12},  {QUANT_Q4_K, 0, 4, 12},
              {QUANT_Q5_K, 0, 4, 12},  {QUANT_Q6_K, 208, 192, 16}, {QUANT_IQ4_XS, 0, 2, 6}};

/* Blocks of the file, as engine/panel.h takes them. Random: all bit patterns but those that are no numbers. High: each
 * end of the codes with each end of the scales, under the largest d of both signs. Low: the smallest d. */
static void rows_fill(const struct quant_type *t, enum pattern pattern, uint8_t *p, size_t blocks)
{
    static const uint8_t ends[4] = {0x00, 0xff, 0x80, 0x7f};

    for (size_t b = 0; b < blocks; b++, p += t->bytes) {
        uint16_t sign = (uint16_t)(random32() & 0x8000), m = random_half();
        uint16_t d = (uint16_t)(pattern == PATTERN_HIGH ? 0x7bff | sign : pattern == PATTERN_LOW ? 1 | sign : m);
        float x = pattern == PATTERN_HIGH ? 3e30F : pattern == PATTERN_LOW ? 1e-40F : random_float();
        size_t at = 0;

        for (size_t i = 0; i < t->bytes; i++) {
            p[i] = pattern == PATTERN_HIGH ? ends[b % 4] : (uint8_t)random32();
        }
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            if (places[i].id == t->id) {
                at = places[i].d;
                memset(p + places[i].scales, ends[b / 4 % 4], pattern == PATTERN_HIGH ? places[i].scale_bytes : 0);
            }
        }
        x = sign ? -x : x;
        if (t->id == QUANT_F32 || t->id == QUANT_BF16) {
            memcpy(p, (const uint8_t *)&x + 4 - t->bytes, t->bytes);
        } else if (t->id == QUANT_MXFP4) {
            p[0] = (uint8_t)(pattern == PATTERN_HIGH ? 230 : random32() % (pattern == PATTERN_LOW ? 3 : 231));
        } else {
            memcpy(p + at, &d, 2);
            memcpy(p + at + 2, &m, t->minimum ? 2 : 0);
        }
    }
}

/* Activations of one column: random, or all at +-127. */
static void column_fill(enum pattern pattern, unsigned c, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = pattern == PATTERN_RANDOM ? random_float() * (float)(1U << random32() % 20)
               : pattern == PATTERN_HIGH ? (c % 2 == 0 ? 2.5F : -2.5F)
                                         : ((i + c) % 2 == 0 ? -1e-20F : 1e-20F);
    }
}

#define K_MAX (size_t)(BLOCKS * 256)

static void tile_fill(const struct quant_type *t, enum pattern pattern, size_t k, unsigned w, uint8_t *tile)
{
    static float x[K_MAX];

    for (unsigned c = 0; c < w; c++) {
        column_fill(pattern, c, x, k);
        for (size_t i = 0; t->weights == 1 && i < k; i++) {
            memcpy(tile + 4 * (i * w + c), x + i, 4);
        }
        assert_true(t->weights == 1 ||
                    (t->weights == 32 ? kernels_ref.quantise_32 : kernels_ref.quantise_256)(x, k, tile, w, c));
    }
}

static void tiles_compare(const struct kernels *k, const struct quant_type *t, enum pattern weights, enum pattern acts)
{
    static uint8_t rows[KERNEL_ROWS * K_MAX * 4], panel[KERNEL_ROWS * K_MAX * 4], tile[KERNEL_TILE * K_MAX * 4];
    static float scratch[K_MAX];
    size_t blocks = t->weights == 1 ? 163 : BLOCKS;
    struct matrix m = {
        .kind = t->id, .type = t, .rows = KERNEL_ROWS, .k = blocks * t->weights, .panels = 1, .p = panel};

    m.panel_size = panel_size(m.kind, m.k);
    rows_fill(t, weights, rows, KERNEL_ROWS * blocks);
    assert_true(panel_make(&m, rows, 0, scratch));
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        float want[KERNEL_TILE * STRIDE], got[KERNEL_TILE * STRIDE];

        tile_fill(t, acts, m.k, widths[i], tile);
        kernels_ref.tile[t->id](panel, tile, blocks, widths[i], want, STRIDE);
        k->tile[t->id](panel, tile, blocks, widths[i], got, STRIDE);
        for (size_t j = 0; j < widths[i] * STRIDE; j++) {
            assert_true(want[j] - want[j] == 0.0F); /* so that equal bits say something */
        }
        if (memcmp(want, got, widths[i] * STRIDE * sizeof *want) != 0) {
            fail_msg("%s %s, %u tokens, weights %d, activations %d", k->name, t->name, widths[i], (int)weights,
                     (int)acts);
        }
    }
}

static void each_isa(void (*fn)(const struct kernels *k))
{
    unsigned before = math_environment_enter(), ran = 0;

    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        const struct kernels *k = isa_kernels(isas[i]);

        if (k == NULL) {
            print_message("skipped: no %s here\n", engine_isa_name(isas[i]));
            continue;
        }
        fn(k);
        ran++;
    }
    math_environment_restore(before);
    if (ran == 0) {
        skip();
    }
}

static void tiles_of(const struct kernels *k)
{
    for (uint32_t id = 0; id < QUANT_IDS; id++) {
        const struct quant_type *t = quant_type_get(id);

        assert_true((t != NULL) == (k->tile[id] != NULL));
        for (int p = 0; t != NULL && p < PATTERN_COUNT * PATTERN_COUNT; p++) {
            tiles_compare(k, t, (enum pattern)(p / PATTERN_COUNT), (enum pattern)(p % PATTERN_COUNT));
        }
    }
}

/* Matrices of 21 rows, two one behind another as a tensor of three dimensions has them: every row comes out of its
 * panel with the values that its blocks mean, as they are or widened. */
static void test_panels(void **s)
{
    enum { ROWS = 21, BYTES = ROWS * K_MAX * 4 };
    static uint8_t rows[2 * BYTES], panels[2][BYTES + 16 * K_MAX * 4];
    static float scratch[K_MAX], want[K_MAX], got[K_MAX];

    (void)s;
    for (uint32_t i = 0; i < 2 * QUANT_IDS; i++) {
        const struct quant_type *t = quant_type_get(i / 2);
        size_t blocks = t == NULL || t->weights == 1 ? 5 : 2, size = t == NULL ? 0 : ROWS * blocks * t->bytes;

        if (t == NULL) {
            continue;
        }
        rows_fill(t, PATTERN_RANDOM, rows, 2 * ROWS * blocks);
        for (size_t e = 0; e < 2; e++) {
            struct matrix m = {.kind = i % 2 == 0 ? t->id : QUANT_F32, .type = t, .rows = ROWS, .panels = 2};

            m.k = blocks * t->weights;
            m.panel_size = panel_size(m.kind, m.k);
            m.p = memset(panels[e], 0, sizeof panels[e]);
            assert_true(panel_make(&m, rows + e * size, 1, scratch) && panel_make(&m, rows + e * size, 0, scratch));
            for (size_t r = 0; r < ROWS; r++) {
                quant_dequantise(t, rows + e * size + r * blocks * t->bytes, blocks, want);
                panel_row(&m, r, got);
                assert_memory_equal(want, got, m.k * sizeof *want);
            }
            panel_row(&m, ROWS, got); /* beyond the last: zeros */
            assert_true(m.kind == QUANT_MXFP4 || got[m.k - 1] == 0.0F);
        }
    }
}

/* One scale or weight that is infinite or no number, in the second block of a row. */
static void test_defects(void **s)
{
    static uint8_t row[2 * KERNEL_BYTES], panel[16 * sizeof row];
    static float scratch[512];

    (void)s;
    for (uint32_t i = 0; i < 3 * QUANT_IDS; i++) {
        const struct quant_type *t = quant_type_get(i / 3);
        struct matrix m = {.rows = 1, .panels = 1, .p = panel};
        uint16_t bad = i % 3 == 2 ? 0xffff : 0x7c00; /* in d; in d; in m */
        size_t at = 0;

        if (t == NULL || (i % 3 == 1 && !t->minimum)) {
            continue;
        }
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            at = places[j].id == t->id ? places[j].d : at;
        }
        at += t->id == QUANT_F32 || i % 3 == 1 ? 2 : 0;
        bad = bad == 0x7c00 && (t->id == QUANT_F32 || t->id == QUANT_BF16) ? 0x7f80 : bad;
        m.kind = t->id;
        m.type = t;
        m.k = (size_t)2 * t->weights;
        memset(row, 0, sizeof row);
        assert_true(panel_make(&m, row, 0, scratch));
        memcpy(row + t->bytes + at, t->id == QUANT_MXFP4 ? &(uint16_t){0x00fc} : &bad, 2);
        assert_false(panel_make(&m, row, 0, scratch));
    }
}

static void test_tiles(void **s)
{
    (void)s;
    each_isa(tiles_of);
}

static void quantise_of(const struct kernels *k)
{
    static const float amax[] = {0.0F, 0x1p-149F, 0x1.fffffep-101F, 0x1p-100F, 1.0F, 0x1.fffffep127F};
    float x[512];

    for (size_t i = 0; i < sizeof amax / sizeof *amax; i++) {
        for (unsigned w = 1; w <= 12; w = w == 8 ? 12 : 2 * w) {
            uint8_t want[16 * 12 * KERNEL_ACT_32_SIZE] = {0}, got[sizeof want] = {0};

            for (int j = 0; j < 512; j++) {
                x[j] = amax[i] * (j % 9 == 0 ? -1.0F : random_float());
            }
            assert_true(kernels_ref.quantise_256(x, 512, want, w, w - 1));
            assert_true(k->quantise_256(x, 512, got, w, w - 1));
            assert_memory_equal(want, got, sizeof want);
            assert_true(kernels_ref.quantise_32(x, 512, want, w, w - 1));
            assert_true(k->quantise_32(x, 512, got, w, w - 1));
            assert_memory_equal(want, got, sizeof want);
        }
    }
    x[511] = __builtin_inff();
    assert_false(k->quantise_32(x, 512, (uint8_t[16 * KERNEL_ACT_32_SIZE]){0}, 1, 0));
    assert_false(k->quantise_256(x, 512, (uint8_t[2 * KERNEL_ACT_256_SIZE]){0}, 1, 0));
    x[511] = __builtin_nanf("");
    assert_false(k->quantise_32(x, 512, (uint8_t[16 * KERNEL_ACT_32_SIZE]){0}, 1, 0));
}

static void test_quantise(void **s)
{
    (void)s;
    each_isa(quantise_of);
    /* Halves go to the even code; the largest is +-127; below 2^-100 all is 0. */
    float x[32] = {127.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -127.0F};
    uint8_t tile[KERNEL_ACT_32_SIZE];
    static const int8_t want[7] = {127, 0, 2, 2, 0, -2, -127};

    assert_true(kernels_ref.quantise_32(x, 32, tile, 1, 0));
    assert_memory_equal(tile + 12, want, sizeof want);
}

static void rows_of(const struct kernels *k)
{
    for (size_t n = 1; n < 100; n++) {
        float x[112], y[112], want[112] = {0}, got[112] = {0};
        uint16_t want16[112] = {0}, got16[112] = {0};

        for (size_t i = 0; i < n; i++) {
            x[i] = random_float() * (float)(1U << random32() % 8);
            y[i] = random_float() * 100.0F;
        }
        x[n - 1] = n % 3 == 0 ? -95.0F : n % 3 == 1 ? 91.0F : 0x1p-140F;
        kernels_ref.norm(x, y, 1e-5F, n, want);
        k->norm(x, y, 1e-5F, n, got);
        assert_memory_equal(want, got, sizeof want);
        for (int gate = 0; gate < KERNEL_GATE_COUNT; gate++) {
            kernels_ref.gate[gate](x, y, n, want);
            k->gate[gate](x, y, n, got);
            assert_memory_equal(want, got, sizeof want);
        }
        kernels_ref.accumulate(want, y, 0.3F, n);
        k->accumulate(got, y, 0.3F, n);
        assert_memory_equal(want, got, sizeof want);
        kernels_ref.soft_cap(want, 7.0F, n);
        k->soft_cap(got, 7.0F, n);
        assert_memory_equal(want, got, sizeof want);
        kernels_ref.exp(want, n);
        k->exp(got, n);
        assert_memory_equal(want, got, sizeof want);
        kernels_ref.add(want, y, n);
        k->add(got, y, n);
        assert_memory_equal(want, got, sizeof want);
        kernels_ref.to_f16(y, n, want16);
        k->to_f16(y, n, got16);
        assert_memory_equal(want16, got16, sizeof want16);
        kernels_ref.to_bf16(y, n, want16);
        k->to_bf16(y, n, got16);
        assert_memory_equal(want16, got16, sizeof want16);
    }
}

/* What is no number stays none, whatever is clamped. */
static void gates_of(const struct kernels *k)
{
    float x[20], one[20], out[20];

    for (size_t i = 0; i < 20; i++) {
        x[i] = i % 2 == 0 ? 1.0F : __builtin_nanf("");
        one[i] = 1.0F;
    }
    for (int gate = 0; gate < KERNEL_GATE_COUNT; gate++) {
        k->gate[gate](x, one, 20, out);
        for (size_t i = 0; i < 20; i++) {
            assert_true((out[i] == out[i]) == (i % 2 == 0));
        }
        k->gate[gate](one, x, 20, out);
        for (size_t i = 0; i < 20; i++) {
            assert_true((out[i] == out[i]) == (i % 2 == 0));
        }
    }
}

static void near(float got, double want)
{
    assert_true((double)got - want < 1e-6 && want - (double)got < 1e-6);
}

static void test_rows(void **s)
{
    /* ties go to the even half; a large one becomes infinite; a number that is none stays so */
    const float wide[] = {1.00390625F, 1.01171875F, 0x1.ffffp127F, __builtin_nanf(""), -0.0F};
    static const uint16_t halves[] = {0x3f80, 0x3f82, 0x7f80, 0x7fc0, 0x8000};
    uint16_t rounded[5];
    const float x[] = {-1.5F, 0.7F, 9.0F}, y[] = {1.0F, 2.0F, -9.0F};
    float out[3];

    (void)s;
    each_isa(rows_of);
    each_isa(gates_of);
    kernels_ref.to_bf16(wide, 5, rounded);
    assert_memory_equal(rounded, halves, sizeof halves);
    kernels_ref.gate[KERNEL_GATE_SILU](x, y, 3, out); /* from the definitions */
    near(out[0], -0.27363829);
    near(out[1], 0.93546288);
    kernels_ref.gate[KERNEL_GATE_GELU](x, y, 3, out);
    near(out[0], -0.10042842);
    near(out[1], 1.06114027);
    kernels_ref.gate[KERNEL_GATE_CLAMP](x, y, 3, out);
    near(out[0], -0.21667560);
    near(out[1], 1.61068186);
    near(out[2] / 42.0F, -0.99999330);
    memcpy(out, x, sizeof out);
    kernels_ref.soft_cap(out, 2.0F, 3);
    near(out[0], -1.27029790);
    near(out[1], 0.67275109);
    near(out[2], 1.99950642);
}

#define KEYS 400

#define DIM_MAX 144

/* Keys (run 4) or values (run 1) as a cache of Q8_0 has them, from places low..high-1 on; elsewhere what is no scale.
 * Extreme: codes at both ends, scales of 0, of what becomes 0, and 2^36 apart. */
static void codes_fill(uint8_t *p, size_t dim, size_t low, size_t high, bool extreme, bool key)
{
    static const float scales[] = {0.0F, 0x1p-110F, 0x1p-18F, 0x1p18F};

    memset(p, 0xff, KEYS * (dim + 4));
    for (size_t at = low; at < high; at++) {
        uint8_t *group = p + at / 16 * 16 * (dim + 4);
        float scale = extreme && !key ? scales[at / 3 % 4] : (random_float() + 1.0F) * 0.001F;

        memcpy(group + 4 * (at % 16), &scale, sizeof scale);
        for (size_t d = 0; d < dim; d++) {
            int32_t code = extreme ? (at % 5 < 2 ? -127 : 127) : (int32_t)(random32() % 255) - 127;
            size_t place = key ? (d / 4 * 16 + at % 16) * 4 + d % 4 : (at % 16 / 2 * dim + d) * 2 + at % 2;

            group[64 + place] = (uint8_t)code;
        }
    }
}

/* The query as codes, in its place. */
static void query_fill(float *q, size_t dim, bool extreme)
{
    int8_t codes[DIM_MAX];
    int32_t sum = 0;
    float d;

    for (size_t i = 0; extreme && i < dim; i++) {
        q[i] = i % 16 < 9 ? -4.0F : 4.0F;
    }
    assert_true(kernels_ref.quantise(q, dim, &d, codes));
    for (size_t i = 0; i < dim; i++) {
        sum += codes[i];
    }
    memcpy(q, &d, 4);
    memcpy(q + 1, &sum, 4);
    memcpy(q + 2, codes, dim);
}

/* window 0: every key before; else so many, each query's own limit its end */
static void attention_compare(const struct kernels *k, size_t k_dim, size_t v_dim, enum kernel_cache cache,
                              unsigned count, size_t from, size_t window)
{
    static float keys[KEYS * DIM_MAX], values[KEYS * DIM_MAX], q[KERNEL_GROUP][DIM_MAX], out[2][KERNEL_GROUP][DIM_MAX];
    static float scratch[KERNEL_GROUP * (KERNEL_BLOCK + DIM_MAX)];
    static uint16_t keys16[KEYS * DIM_MAX], values16[KEYS * DIM_MAX];
    const bool codes = cache == KERNEL_CACHE_Q8_0, halves = cache == KERNEL_CACHE_F16 || cache == KERNEL_CACHE_BF16;
    const bool extreme = from % 3 == 0;
    struct kernel_attention a = {.k = halves ? (const void *)keys16 : keys,
                                 .v = halves ? (const void *)values16 : values,
                                 .cache = cache,
                                 .k_dim = k_dim,
                                 .v_dim = v_dim,
                                 .count = count,
                                 .scratch = scratch,
                                 .sinks = from % 2 == 0,
                                 .soft_cap = window % 3 == 1 ? 2.0F : 0.0F};

    for (size_t i = 0; i < KEYS * DIM_MAX; i++) {
        keys[i] = random_float();
        values[i] = random_float();
    }
    if (halves) {
        (cache == KERNEL_CACHE_F16 ? kernels_ref.to_f16 : kernels_ref.to_bf16)(keys, KEYS * DIM_MAX, keys16);
        (cache == KERNEL_CACHE_F16 ? kernels_ref.to_f16 : kernels_ref.to_bf16)(values, KEYS * DIM_MAX, values16);
    }
    for (unsigned i = 0; i < count; i++) {
        for (size_t d = 0; d < k_dim; d++) {
            q[i][d] = random_float() * 4.0F;
        }
        a.q[i] = q[i];
        a.limit[i] = from + i / 3;
        a.from[i] = window != 0 && a.limit[i] > window ? a.limit[i] - window : 0;
        a.sink[i] = random_float() * 4.0F;
        if (codes) {
            query_fill(q[i], k_dim, extreme);
        }
    }
    if (codes) {
        codes_fill((uint8_t *)keys, k_dim, a.from[0], a.limit[count - 1], extreme, true);
        codes_fill((uint8_t *)values, v_dim, a.from[0], a.limit[count - 1], extreme, false);
    }
    for (int side = 0; side < 2; side++) {
        for (unsigned i = 0; i < count; i++) {
            a.out[i] = out[side][i];
        }
        (side == 0 ? &kernels_ref : k)->attention(&a);
    }
    for (unsigned i = 0; i < count; i++) {
        for (size_t d = 0; d < v_dim; d++) {
            assert_true(out[0][i][d] >= -0x1p30F && out[0][i][d] <= 0x1p30F); /* numbers */
        }
        assert_memory_equal(out[0][i], out[1][i], v_dim * sizeof(float));
    }
}

static void attention_of(const struct kernels *k)
{
    static const size_t from[] = {1, 15, 16, 17, 126, 127, 128, 129, 255, 256, 397},
                        windows[] = {0, 1, 2, 31, 128, 200};
    static const struct {
        size_t k, v;
    } dims[] = {{16, 16}, {64, 64}, {80, 16}, {144, 128}};

    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        for (size_t f = 0; f < sizeof from / sizeof *from; f++) {
            for (unsigned count = 1; count <= KERNEL_GROUP; count++) {
                size_t window = windows[(count + f + d) % (sizeof windows / sizeof *windows)];

                attention_compare(k, dims[d].k, dims[d].v, (enum kernel_cache)(count % 4), count, from[f], window);
                attention_compare(k, dims[d].k, dims[d].v, (enum kernel_cache)((count + 1) % 4), count, from[f], 0);
                attention_compare(k, dims[d].k, dims[d].v, KERNEL_CACHE_Q8_0, count, from[f], window);
            }
        }
    }
}

/* Against the plain definition, in double. */
static void test_attention_value(void **s)
{
    static float keys[16 * 16], values[16 * 16], q[16], out[16], scratch[KERNEL_GROUP * (KERNEL_BLOCK + 16)];
    struct kernel_attention a = {.k = keys,
                                 .v = values,
                                 .k_dim = 16,
                                 .v_dim = 16,
                                 .count = 1,
                                 .q = {q},
                                 .out = {out},
                                 .from = {3},
                                 .limit = {9},
                                 .sinks = true,
                                 .sink = {0.5F},
                                 .scratch = scratch};
    double sum = 1.6487212707001282, want = 0.0; /* exp(0.5) */

    (void)s;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        keys[i] = random_float();
        values[i] = random_float();
    }
    for (size_t d = 0; d < 16; d++) {
        q[d] = random_float();
    }
    for (size_t p = 3; p < 9; p++) {
        double score = 0.0;

        for (size_t d = 0; d < 16; d++) {
            score += (double)q[d] * (double)keys[d * 16 + p];
        }
        sum += math_exp(score);
        want += math_exp(score) * (double)values[p * 16 + 5];
    }
    kernels_ref.attention(&a);
    near(out[5], want / sum);
}

/* Q8_0 by its definition, in double: one scale a row, weights 0..16383 of the largest. */
static void test_attention_codes(void **s)
{
    static uint8_t keys[16 * 20], values[16 * 20];
    static float q[16], rows[32][16], out[16], scratch[KERNEL_GROUP * (KERNEL_BLOCK + 16)];
    struct kernel_attention a = {.k = keys,
                                 .v = values,
                                 .cache = KERNEL_CACHE_Q8_0,
                                 .k_dim = 16,
                                 .v_dim = 16,
                                 .count = 1,
                                 .q = {q},
                                 .out = {out},
                                 .from = {3},
                                 .limit = {9},
                                 .scratch = scratch};
    double p[16], w[16], sum = 0.0, want = 0.0, most = -1e9, largest = 0.0;
    int8_t codes[33][16];
    float d[33];

    (void)s;
    for (size_t i = 0; i < 16; i++) {
        q[i] = random_float();
    }
    assert_true(kernels_ref.quantise(q, 16, &d[32], codes[32]));
    query_fill(q, 16, false);
    for (size_t r = 0; r < 32; r++) {
        for (size_t i = 0; i < 16; i++) {
            rows[r][i] = random_float();
        }
        assert_true(kernels_ref.quantise(rows[r], 16, &d[r], codes[r]));
        memcpy((r < 16 ? keys : values) + 4 * (r % 16), &d[r], 4);
        for (size_t i = 0; i < 16; i++) {
            (r < 16 ? keys : values)[64 + (r < 16 ? i / 4 * 64 + r * 4 + i % 4 : r % 16 / 2 * 32 + 2 * i + r % 2)] =
                (uint8_t)codes[r][i];
        }
    }
    for (size_t r = 3; r < 9; r++) {
        int32_t whole = 0;

        for (size_t i = 0; i < 16; i++) {
            whole += codes[32][i] * codes[r][i];
        }
        p[r] = whole * (double)d[32] * (double)d[r];
        most = p[r] > most ? p[r] : most;
    }
    for (size_t r = 3; r < 9; r++) {
        p[r] = math_exp(p[r] - most);
        sum += p[r];
        w[r] = p[r] * (double)d[16 + r];
        largest = w[r] > largest ? w[r] : largest;
    }
    for (size_t r = 3; r < 9; r++) {
        want += (double)(int32_t)(w[r] * 16383.0 / largest + 0.5) * codes[16 + r][5];
    }
    kernels_ref.attention(&a);
    near(out[5], want * largest / 16383.0 / sum);
}

/* A row with one scale: halves to even, the ends, nothing below 2^-100, no number. */
static void quantise_row_of(const struct kernels *k)
{
    static const float ties[] = {127.0F, 0.5F, 1.5F, -0.5F, -1.5F, 2.5F, -126.5F};
    static const int8_t even[] = {127, 0, 2, 0, -2, 2, -126}, zero[7] = {0};
    static float x[100];
    int8_t q[2][100];
    float d[2];

    assert_true(k->quantise(ties, 7, &d[0], q[0]));
    assert_true(d[0] == 1.0F);
    assert_memory_equal(q[0], even, sizeof even);
    for (size_t n = 1; n < 100; n++) {
        for (size_t i = 0; i < n; i++) {
            x[i] = random_float() * (n % 2 == 0 ? 1e38F : 1e-29F);
        }
        assert_true(kernels_ref.quantise(x, n, &d[0], q[0]));
        assert_true(k->quantise(x, n, &d[1], q[1]));
        assert_memory_equal(&d[0], &d[1], sizeof d[0]);
        assert_memory_equal(q[0], q[1], n);
    }
    for (size_t i = 0; i < 7; i++) {
        x[i] = i % 2 == 0 ? 0x1.fffffep-101F : -0x1p-149F;
    }
    assert_true(k->quantise(x, 7, &d[0], q[0]));
    assert_true(d[0] == 0.0F);
    assert_memory_equal(q[0], zero, sizeof zero);
    x[6] = -__builtin_inff();
    assert_false(k->quantise(x, 7, &d[0], q[0]));
    x[6] = __builtin_nanf("");
    assert_false(k->quantise(x, 7, &d[0], q[0]));
    assert_true(k->quantise(x, 6, &d[0], q[0]));
}

static void test_quantise_rows(void **s)
{
    (void)s;
    quantise_row_of(&kernels_ref);
    each_isa(quantise_row_of);
}

static void test_attention(void **s)
{
    (void)s;
    each_isa(attention_of);
}

/* Constants from their definitions, to 17 digits. */
static void test_math(void **s)
{
    double sin, cos;

    (void)s;
    assert_true(math_exp(0.0) == 1.0);
    assert_true(math_exp(1.0) > 2.71828182845904 && math_exp(1.0) < 2.71828182845906);
    assert_true(math_exp(-701.0) == 0.0);
    assert_true(math_log(1.0) == 0.0);
    assert_true(math_log(100000.0) > 11.5129254649702 && math_log(100000.0) < 11.5129254649703);
    math_sincos(0.0, &sin, &cos);
    assert_true(sin == 0.0 && cos == 1.0);
    math_sincos(1.0, &sin, &cos);
    assert_true(sin > 0.841470984807896 && sin < 0.841470984807898 && cos > 0.540302305868139 &&
                cos < 0.540302305868141);
    math_sincos(1000000.0, &sin, &cos); /* -0.349993502171292, 0.936752127533...: many turns */
    assert_true(sin > -0.349993502171293 && sin < -0.349993502171291);
    for (int i = -2000; i < 2000; i++) {
        double x = i * 0.37;

        math_sincos(x, &sin, &cos);
        assert_true(sin * sin + cos * cos > 1.0 - 1e-15 && sin * sin + cos * cos < 1.0 + 1e-15);
        assert_true(x < -600.0 || x > 600.0 ||
                    (math_log(math_exp(x)) - x < 1e-13 && x - math_log(math_exp(x)) < 1e-13));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_math),
                                       cmocka_unit_test(test_tiles),
                                       cmocka_unit_test(test_panels),
                                       cmocka_unit_test(test_defects),
                                       cmocka_unit_test(test_quantise),
                                       cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_attention),
                                       cmocka_unit_test(test_attention_value),
                                       cmocka_unit_test(test_attention_codes),
                                       cmocka_unit_test(test_quantise_rows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
