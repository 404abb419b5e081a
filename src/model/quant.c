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

static void f32_blocks(const uint8_t *p, size_t count, float *out)
{
    memcpy(out, p, count * sizeof *out);
}

static void f16_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = f16_at(p + 2 * i);
    }
}

static void bf16_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = quant_bf16(u16_le(p + 2 * i));
    }
}

/* d, 16 bytes of nibbles: low ones are weights 0..15, high ones 16..31. */
static void q4_0_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 18, out += SMALL) {
        float d = f16_at(p);

        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)((p[2 + i] & 15) - 8);
            out[i + 16] = d * (float)((p[2 + i] >> 4) - 8);
        }
    }
}

static void q4_1_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 20, out += SMALL) {
        float d = f16_at(p), m = f16_at(p + 2);

        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)(p[4 + i] & 15) + m;
            out[i + 16] = d * (float)(p[4 + i] >> 4) + m;
        }
    }
}

/* The fifth bits of a block: bit i belongs to weight i. */
static int high_bit(const uint8_t *bits, int i)
{
    return (bits[i / 8] >> (i % 8) & 1) << 4;
}

static void q5_0_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 22, out += SMALL) {
        float d = f16_at(p);

        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)(((p[6 + i] & 15) | high_bit(p + 2, i)) - 16);
            out[i + 16] = d * (float)(((p[6 + i] >> 4) | high_bit(p + 2, i + 16)) - 16);
        }
    }
}

static void q5_1_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 24, out += SMALL) {
        float d = f16_at(p), m = f16_at(p + 2);

        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)((p[8 + i] & 15) | high_bit(p + 4, i)) + m;
            out[i + 16] = d * (float)((p[8 + i] >> 4) | high_bit(p + 4, i + 16)) + m;
        }
    }
}

static void q8_0_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 34, out += SMALL) {
        float d = f16_at(p);

        for (int i = 0; i < SMALL; i++) {
            out[i] = d * (float)(int8_t)p[2 + i];
        }
    }
}

/* 16 scales (low nibble) and minima (high nibble), one for each 16 weights; 64 bytes of 2-bit codes; d, dmin. Each run
 * of 32 bytes holds four sub-blocks of 32 weights, at bits 0, 2, 4, 6. */
static void q2_k_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 84, out += LARGE) {
        float d = f16_at(p + 80), dmin = f16_at(p + 82);

        for (int i = 0; i < LARGE; i++) {
            int sub = i / 16;
            float scale = d * (float)(p[sub] & 15), min = dmin * (float)(p[sub] >> 4);
            int code = p[16 + i / 128 * 32 + i % 32] >> (2 * (i % 128 / 32)) & 3;

            out[i] = scale * (float)code - min;
        }
    }
}

/* 32 bytes of third bits (bit i / 32 of byte i % 32), 64 bytes of 2-bit codes as in Q2_K, 16 six-bit scales in 12
 * bytes, d. */
static void q3_k_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 110, out += LARGE) {
        const uint8_t *scales = p + 96;
        float d = f16_at(p + 108);

        for (int i = 0; i < LARGE; i++) {
            int sub = i / 16;
            int low = scales[sub % 8] >> (sub < 8 ? 0 : 4) & 15, high = scales[8 + sub % 4] >> (2 * (sub / 4)) & 3;
            float scale = d * (float)((low | high << 4) - 32);
            int code = p[32 + i / 128 * 32 + i % 32] >> (2 * (i % 128 / 32)) & 3;

            out[i] = scale * (float)(code - ((p[i % 32] >> (i / 32) & 1) != 0 ? 0 : 4));
        }
    }
}

/* Eight six-bit scales and minima in 12 bytes, as Q4_K and Q5_K pack them. */
static void scale_min(const uint8_t *p, int j, int *scale, int *min)
{
    if (j < 4) {
        *scale = p[j] & 63;
        *min = p[j + 4] & 63;
    } else {
        *scale = (p[j + 4] & 15) | p[j - 4] >> 6 << 4;
        *min = p[j + 4] >> 4 | p[j] >> 6 << 4;
    }
}

/* d, dmin, scales, [high bits: bit j of byte i % 32 is sub-block j's,] nibbles: a run of 32 bytes holds sub-blocks 2j
 * (low) and 2j + 1 (high). */
static void k45_block(const uint8_t *p, const uint8_t *high, const uint8_t *nibbles, float *out)
{
    float d = f16_at(p), dmin = f16_at(p + 2);

    for (int j = 0; j < 8; j++) {
        int scale, min;
        float ds, dm;

        scale_min(p + 4, j, &scale, &min);
        ds = d * (float)scale;
        dm = dmin * (float)min;
        for (int i = 0; i < 32; i++) {
            int code = nibbles[j / 2 * 32 + i] >> (4 * (j % 2)) & 15;

            if (high != NULL) {
                code |= (high[i] >> j & 1) << 4;
            }
            out[32 * j + i] = ds * (float)code - dm;
        }
    }
}

static void q4_k_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 144, out += LARGE) {
        k45_block(p, NULL, p + 16, out);
    }
}

static void q5_k_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 176, out += LARGE) {
        k45_block(p, p + 16, p + 48, out);
    }
}

/* Low nibbles (128 bytes), high bit pairs (64), 16 signed scales, d. Each half of 128 weights is four runs of 32. */
static void q6_k_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 210, out += LARGE) {
        const uint8_t *high = p + 128, *scales = p + 192;
        float d = f16_at(p + 208);

        for (int i = 0; i < LARGE; i++) {
            int half = i / 128, run = i % 128 / 32, at = i % 32;
            int low = p[64 * half + 32 * (run % 2) + at] >> (4 * (run / 2)) & 15;
            int code = low | (high[32 * half + at] >> (2 * run) & 3) << 4;

            out[i] = d * (float)(int8_t)scales[i / 16] * (float)(code - 32);
        }
    }
}

static const int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static void iq4_nl_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 18, out += SMALL) {
        float d = f16_at(p);

        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)iq4_values[p[2 + i] & 15];
            out[i + 16] = d * (float)iq4_values[p[2 + i] >> 4];
        }
    }
}

/* d, the scales' high bit pairs (16 bits), their low nibbles (4 bytes), nibbles. */
static void iq4_xs_blocks(const uint8_t *p, size_t count, float *out)
{
    for (size_t b = 0; b < count; b++, p += 136, out += LARGE) {
        float d = f16_at(p);
        int high = u16_le(p + 2);

        for (int j = 0; j < 8; j++) {
            int scale = (p[4 + j / 2] >> (4 * (j % 2)) & 15) | (high >> (2 * j) & 3) << 4;
            float ds = d * (float)(scale - 32);

            for (int i = 0; i < 16; i++) {
                out[32 * j + i] = ds * (float)iq4_values[p[8 + 16 * j + i] & 15];
                out[32 * j + i + 16] = ds * (float)iq4_values[p[8 + 16 * j + i] >> 4];
            }
        }
    }
}

/* An E8M0 exponent, nibbles that are E2M1 floats. The table is doubled and the exponent lowered by one, as the
 * format's other readers do; the zeros are positive. */
static void mxfp4_blocks(const uint8_t *p, size_t count, float *out)
{
    static const int8_t values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    for (size_t b = 0; b < count; b++, p += 17, out += SMALL) {
        float d = float_of(p[0] < 2 ? 0x200000U << p[0] : (uint32_t)(p[0] - 1) << 23);

        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)values[p[1 + i] & 15];
            out[i + 16] = d * (float)values[p[1 + i] >> 4];
        }
    }
}

static const struct quant_type table[] = {
    {QUANT_F32, "F32", 1, 4, f32_blocks},
    {QUANT_F16, "F16", 1, 2, f16_blocks},
    {QUANT_BF16, "BF16", 1, 2, bf16_blocks},
    {QUANT_Q4_0, "Q4_0", SMALL, 18, q4_0_blocks},
    {QUANT_Q4_1, "Q4_1", SMALL, 20, q4_1_blocks},
    {QUANT_Q5_0, "Q5_0", SMALL, 22, q5_0_blocks},
    {QUANT_Q5_1, "Q5_1", SMALL, 24, q5_1_blocks},
    {QUANT_Q8_0, "Q8_0", SMALL, 34, q8_0_blocks},
    {QUANT_Q2_K, "Q2_K", LARGE, 84, q2_k_blocks},
    {QUANT_Q3_K, "Q3_K", LARGE, 110, q3_k_blocks},
    {QUANT_Q4_K, "Q4_K", LARGE, 144, q4_k_blocks},
    {QUANT_Q5_K, "Q5_K", LARGE, 176, q5_k_blocks},
    {QUANT_Q6_K, "Q6_K", LARGE, 210, q6_k_blocks},
    {QUANT_IQ4_NL, "IQ4_NL", SMALL, 18, iq4_nl_blocks},
    {QUANT_IQ4_XS, "IQ4_XS", LARGE, 136, iq4_xs_blocks},
    {QUANT_MXFP4, "MXFP4", SMALL, 17, mxfp4_blocks},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

const struct quant_type *quant_type_at(size_t index)
{
    return index < TABLE_COUNT ? &table[index] : NULL;
}

const struct quant_type *quant_type_get(uint32_t id)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if ((uint32_t)table[i].id == id) {
            return &table[i];
        }
    }
    return NULL;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

const struct quant_type *quant_type_find(const char *name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const char *a = table[i].name, *b = name;

        while (*a != '\0' && *a == upper(*b)) {
            a++;
            b++;
        }
        if (*a == '\0' && *b == '\0') {
            return &table[i];
        }
    }
    return NULL;
}

void quant_dequantise(const struct quant_type *type, const uint8_t *blocks, size_t count, float *out)
{
    type->dequantise(blocks, count, out);
}
