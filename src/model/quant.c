#include "model/quant.h"

#define SMALL 32  /* weights in a block of the plain types */
#define LARGE 256 /* of the K types */

static uint16_t u16_le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static float float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

float quant_f16(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = (bits >> 10) & 31U, fraction = bits & 0x3ffU;

    if (exponent == 31) {
        return float_of(sign | 0x7f800000U | fraction << 13);
    }
    if (exponent != 0) {
        return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    }
    /* A subnormal: fraction times 2^-24, which float32 holds exactly. */
    return float_of(sign | 0x3f800000U) * ((float)fraction * 0x1p-24F);
}

float quant_bf16(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

static float f16_at(const uint8_t *p)
{
    return quant_f16(u16_le(p));
}

static void f32_values(const uint8_t *p, size_t count, float *out)
{
    memcpy(out, p, count * sizeof *out);
}

static void f16_values(const uint8_t *p, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = f16_at(p + 2 * i);
    }
}

static void bf16_values(const uint8_t *p, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = quant_bf16(u16_le(p + 2 * i));
    }
}

/* ---- Blocks of 32. ---- */

/* 16 bytes: their low nibbles are weights 0..15, the high ones 16..31. */
static void nibbles(const uint8_t *p, const int8_t values[16], int8_t *code)
{
    for (int i = 0; i < 16; i++) {
        code[i] = values[p[i] & 15];
        code[i + 16] = values[p[i] >> 4];
    }
}

static const int8_t from_0[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const int8_t from_minus_8[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};
static const int8_t from_minus_16[16] = {-16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1};

/* The fifth bits of a block: bit i belongs to weight i. */
static void fifth_bits(const uint8_t *p, int8_t *code)
{
    for (int i = 0; i < SMALL; i++) {
        code[i] = (int8_t)(code[i] + ((p[i / 8] >> (i % 8) & 1) << 4));
    }
}

static void one_scale(const uint8_t *d, struct quant_block *out)
{
    out->d = f16_at(d);
    out->scale[0] = out->scale[1] = 1;
}

static void scale_and_minimum(const uint8_t *d, struct quant_block *out)
{
    one_scale(d, out);
    out->dmin = f16_at(d + 2);
    out->min[0] = out->min[1] = -1; /* it is added */
}

static void q4_0_read(const uint8_t *p, struct quant_block *out)
{
    one_scale(p, out);
    nibbles(p + 2, from_minus_8, out->code);
}

static void q4_1_read(const uint8_t *p, struct quant_block *out)
{
    scale_and_minimum(p, out);
    nibbles(p + 4, from_0, out->code);
}

static void q5_0_read(const uint8_t *p, struct quant_block *out)
{
    one_scale(p, out);
    nibbles(p + 6, from_minus_16, out->code);
    fifth_bits(p + 2, out->code);
}

static void q5_1_read(const uint8_t *p, struct quant_block *out)
{
    scale_and_minimum(p, out);
    nibbles(p + 8, from_0, out->code);
    fifth_bits(p + 4, out->code);
}

static void q8_0_read(const uint8_t *p, struct quant_block *out)
{
    one_scale(p, out);
    memcpy(out->code, p + 2, SMALL);
}

const int8_t quant_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static void iq4_nl_read(const uint8_t *p, struct quant_block *out)
{
    one_scale(p, out);
    nibbles(p + 2, quant_iq4_values, out->code);
}

/* E2M1 floats, doubled; so the exponent is lowered by one, as the format's other readers do. The zeros are positive. */
const int8_t quant_mxfp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* An E8M0 exponent, nibbles. */
static void mxfp4_read(const uint8_t *p, struct quant_block *out)
{
    out->d = float_of(p[0] < 2 ? 0x200000U << p[0] : (uint32_t)(p[0] - 1) << 23);
    out->scale[0] = out->scale[1] = 1;
    nibbles(p + 1, quant_mxfp4_values, out->code);
}

/* ---- Blocks of 256. ---- */

/* Codes of `bits` bits, bit `first` the lowest, from runs of 32 bytes: a run holds a sub-block of 32 weights at each
 * of 8 / bits places, the lowest first, before the next run begins. */
static void runs(const uint8_t *p, int bits, int first, int8_t *code)
{
    int places = 8 / bits;

    for (int i = 0; i < LARGE; i++) {
        int sub = i / 32, byte = p[sub / places * 32 + i % 32];

        code[i] = (int8_t)(code[i] | (byte >> (sub % places * bits) & ((1 << bits) - 1)) << first);
    }
}

/* 16 scales (low nibble) and minima (high nibble), 64 bytes of 2-bit codes, d, dmin. */
static void q2_k_read(const uint8_t *p, struct quant_block *out)
{
    out->d = f16_at(p + 80);
    out->dmin = f16_at(p + 82);
    for (int g = 0; g < 16; g++) {
        out->scale[g] = p[g] & 15;
        out->min[g] = (int8_t)(p[g] >> 4);
    }
    runs(p + 16, 2, 0, out->code);
}

/* 32 bytes of third bits, 64 of 2-bit codes, 16 six-bit scales in 12 bytes, d. */
static void q3_k_read(const uint8_t *p, struct quant_block *out)
{
    const uint8_t *s = p + 96;

    out->d = f16_at(p + 108);
    for (int g = 0; g < 16; g++) {
        int low = s[g % 8] >> (g < 8 ? 0 : 4) & 15, high = s[8 + g % 4] >> (2 * (g / 4)) & 3;

        out->scale[g] = (int8_t)((low | high << 4) - 32);
    }
    runs(p + 32, 2, 0, out->code);
    runs(p, 1, 2, out->code);
    for (int i = 0; i < LARGE; i++) {
        out->code[i] = (int8_t)(out->code[i] - 4);
    }
}

/* d, dmin, eight six-bit scales and minima in 12 bytes, as Q4_K and Q5_K begin. */
static void scales_and_minima(const uint8_t *p, struct quant_block *out)
{
    const uint8_t *s = p + 4;

    out->d = f16_at(p);
    out->dmin = f16_at(p + 2);
    for (int g = 0; g < 16; g++) {
        int j = g / 2;

        out->scale[g] = (int8_t)(j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4);
        out->min[g] = (int8_t)(j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4);
    }
}

static void q4_k_read(const uint8_t *p, struct quant_block *out)
{
    scales_and_minima(p, out);
    runs(p + 16, 4, 0, out->code);
}

/* The fifth bits stand before the nibbles. */
static void q5_k_read(const uint8_t *p, struct quant_block *out)
{
    scales_and_minima(p, out);
    runs(p + 16, 1, 4, out->code);
    runs(p + 48, 4, 0, out->code);
}

/* Low nibbles (128 bytes), high bit pairs (64), 16 signed scales, d. The nibbles' runs are of 64: each half of 128
 * weights has its low ones first. */
static void q6_k_read(const uint8_t *p, struct quant_block *out)
{
    out->d = f16_at(p + 208);
    memcpy(out->scale, p + 192, 16);
    runs(p + 128, 2, 4, out->code);
    for (int i = 0; i < LARGE; i++) {
        int low = p[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 15;

        out->code[i] = (int8_t)((out->code[i] | low) - 32);
    }
}

/* d, the scales' high bit pairs (16 bits), their low nibbles (4 bytes), nibbles as in the blocks of 32. */
static void iq4_xs_read(const uint8_t *p, struct quant_block *out)
{
    out->d = f16_at(p);
    for (int j = 0; j < 8; j++) {
        int low = p[4 + j / 2] >> (4 * (j % 2)) & 15, high = u16_le(p + 2) >> (2 * j) & 3;

        out->scale[2 * j] = out->scale[2 * j + 1] = (int8_t)((low | high << 4) - 32);
        nibbles(p + 8 + 16 * j, quant_iq4_values, out->code + 32 * j);
    }
}

static const struct quant_type table[QUANT_IDS] = {
    [QUANT_F32] = {QUANT_F32, "F32", 1, 4, false, NULL, f32_values},
    [QUANT_F16] = {QUANT_F16, "F16", 1, 2, false, NULL, f16_values},
    [QUANT_BF16] = {QUANT_BF16, "BF16", 1, 2, false, NULL, bf16_values},
    [QUANT_Q4_0] = {QUANT_Q4_0, "Q4_0", SMALL, 18, false, q4_0_read, NULL},
    [QUANT_Q4_1] = {QUANT_Q4_1, "Q4_1", SMALL, 20, true, q4_1_read, NULL},
    [QUANT_Q5_0] = {QUANT_Q5_0, "Q5_0", SMALL, 22, false, q5_0_read, NULL},
    [QUANT_Q5_1] = {QUANT_Q5_1, "Q5_1", SMALL, 24, true, q5_1_read, NULL},
    [QUANT_Q8_0] = {QUANT_Q8_0, "Q8_0", SMALL, 34, false, q8_0_read, NULL},
    [QUANT_Q2_K] = {QUANT_Q2_K, "Q2_K", LARGE, 84, true, q2_k_read, NULL},
    [QUANT_Q3_K] = {QUANT_Q3_K, "Q3_K", LARGE, 110, false, q3_k_read, NULL},
    [QUANT_Q4_K] = {QUANT_Q4_K, "Q4_K", LARGE, 144, true, q4_k_read, NULL},
    [QUANT_Q5_K] = {QUANT_Q5_K, "Q5_K", LARGE, 176, true, q5_k_read, NULL},
    [QUANT_Q6_K] = {QUANT_Q6_K, "Q6_K", LARGE, 210, false, q6_k_read, NULL},
    [QUANT_IQ4_NL] = {QUANT_IQ4_NL, "IQ4_NL", SMALL, 18, false, iq4_nl_read, NULL},
    [QUANT_IQ4_XS] = {QUANT_IQ4_XS, "IQ4_XS", LARGE, 136, false, iq4_xs_read, NULL},
    [QUANT_MXFP4] = {QUANT_MXFP4, "MXFP4", SMALL, 17, false, mxfp4_read, NULL},
};

const struct quant_type *quant_type_get(uint32_t id)
{
    return id < QUANT_IDS && table[id].name != NULL ? &table[id] : NULL;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

const struct quant_type *quant_type_find(const char *name)
{
    for (uint32_t i = 0; i < QUANT_IDS; i++) {
        const char *a = table[i].name, *b = name;

        while (a != NULL && *a != '\0' && *a == upper(*b)) {
            a++;
            b++;
        }
        if (a != NULL && *a == '\0' && *b == '\0') {
            return &table[i];
        }
    }
    return NULL;
}

void quant_dequantise(const struct quant_type *type, const uint8_t *blocks, size_t count, float *out)
{
    if (type->read == NULL) {
        type->values(blocks, count, out);
        return;
    }
    for (size_t b = 0; b < count; b++, blocks += type->bytes, out += type->weights) {
        struct quant_block q = {0};

        type->read(blocks, &q);
        for (uint32_t i = 0; i < type->weights; i++) {
            float scale = q.d * (float)q.scale[i / 16], min = q.dmin * (float)q.min[i / 16];

            out[i] = type->minimum ? scale * (float)q.code[i] - min : scale * (float)q.code[i];
        }
    }
}
