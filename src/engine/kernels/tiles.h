/* Matrix products in vectors, for every tensor type, once for all instruction sets: avx2.c and avx512.c define what
 * differs and include this page. A vector's lanes are rows of a panel (kernels.h has its form); where a set has 8 lanes
 * each panel is gone through twice. What they define:
 *     LANES, COLUMNS   lanes; tokens whose sums stay in registers together, at most
 *     FULL_DOT         1: dot() adds up in 32 bits. 0: in 16, two products at once, so only a few before scaled()
 *     dot(t, codes, q, negative)     t + each lane's four codes times q's four; negative: codes are signed (FULL_DOT
 *                                    never is: such codes come with 128 added)
 *     whole(t), scaled(t, scale)     t in 32 bits, once or times each lane's scale (in 32 bits; without FULL_DOT twice
 *                                    in 16)
 *     pairs(sum, words, q)           sum + each lane's two 16-bit words times q's two
 *     shuffle(x, pattern)            in each lane the bytes of x that pattern's bytes name; 0x80 is zero
 *     lookup(codes, table)           table[code] for each byte
 *     wide_8(p), wide_16(p), halves(p) LANES bytes or 16-bit words as integers, float16 as floats
 *     fused(a, b, c)                 a * b + c, rounded once */
#ifndef SOTTO_ENGINE_KERNELS_TILES_H
#define SOTTO_ENGINE_KERNELS_TILES_H

/* What stands in the panels of a type: bytes of the file's block and of its fields; the largest code's magnitude as
 * dot() has it; codes are signed, or have 1 << shift added (0: nothing); weights with one scale. */
struct form {
    enum quant_id id;
    unsigned bytes, front, most;
    bool negative, minimum;
    unsigned shift, scales;
};

static const struct form forms[QUANT_IDS] = {
    [QUANT_F32] = {QUANT_F32, 4, 0, 0, false, false, 0, 0},
    [QUANT_F16] = {QUANT_F16, 2, 2, 0, false, false, 0, 0},
    [QUANT_BF16] = {QUANT_BF16, 2, 2, 0, false, false, 0, 0},
    [QUANT_Q4_0] = {QUANT_Q4_0, 18, 2, 15, false, false, 3, 0},
    [QUANT_Q4_1] = {QUANT_Q4_1, 20, 4, 15, false, true, 0, 0},
    [QUANT_Q5_0] = {QUANT_Q5_0, 22, 2, 31, false, false, 4, 0},
    [QUANT_Q5_1] = {QUANT_Q5_1, 24, 4, 31, false, true, 0, 0},
    [QUANT_Q8_0] = {QUANT_Q8_0, 34, 2, 128, true, false, 0, 0},
    [QUANT_Q2_K] = {QUANT_Q2_K, 84, 4, 3, false, true, 0, 16},
    [QUANT_Q3_K] = {QUANT_Q3_K, 110, 2, 7, false, false, 2, 16},
    [QUANT_Q4_K] = {QUANT_Q4_K, 144, 4, 15, false, true, 0, 32},
    [QUANT_Q5_K] = {QUANT_Q5_K, 176, 4, 31, false, true, 0, 32},
    [QUANT_Q6_K] = {QUANT_Q6_K, 210, 2, 63, false, false, 5, 16},
    [QUANT_IQ4_NL] = {QUANT_IQ4_NL, 18, 2, 127, true, false, 0, 0},
    [QUANT_IQ4_XS] = {QUANT_IQ4_XS, 136, 4, 127, true, false, 0, 32},
    [QUANT_MXFP4] = {QUANT_MXFP4, 17, 1, 12, true, false, 0, 0},
};

#define EACH_COLUMN \
    UNROLL \
    for (unsigned c = 0; c < n; c++)

/* The tokens of one call: those from `first` on of a tile of w; n of them. */
struct columns {
    unsigned w, first;
};

INLINE vi line(const uint8_t *lines, unsigned i)
{
    vi x;

    memcpy(&x, lines + (size_t)64 * i, sizeof x);
    return x;
}

INLINE vi spread(const uint8_t *p)
{
    int32_t x;

    memcpy(&x, p, sizeof x);
    return (vi){0} + x;
}

INLINE float number(const uint8_t *p)
{
    float x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* `mask` of each byte, `shift` to the right. */
INLINE vi bits(vi x, unsigned shift, int32_t mask)
{
    return x >> shift & mask * 0x01010101;
}

/* The bit of weight 4 * g + i at place 4 of byte i, from 32 bits a lane. */
INLINE vi fifth(vi x, unsigned g)
{
    const vi place = (vi){0} + (int32_t)(g % 2 == 0 ? 0x08040201U : 0x80402010U);

    return (vi)((vb)(shuffle(x, (int32_t)(g / 2 * 0x01010101U)) & place) == (vb)place) & 0x10101010;
}

/* Four codes a lane: weights 4 * g.. of sub-block sub of 32 weights. */
INLINE vi code(const enum quant_id id, const uint8_t *lines, unsigned sub, unsigned g)
{
    const unsigned nibble = g / 4 * 4;

    switch ((int)id) {
    case QUANT_Q4_0:
    case QUANT_Q4_1:
        return bits(line(lines, g % 4), nibble, 15);
    case QUANT_Q5_0:
    case QUANT_Q5_1:
        return bits(line(lines, 1 + g % 4), nibble, 15) | fifth(line(lines, 0), g);
    case QUANT_IQ4_NL:
        return lookup(bits(line(lines, g % 4), nibble, 15), quant_iq4_values);
    case QUANT_MXFP4:
        return lookup(bits(line(lines, g % 4), nibble, 15), quant_mxfp4_values);
    case QUANT_Q2_K:
        return bits(line(lines, 4 + sub / 4 * 8 + g), sub % 4 * 2, 3);
    case QUANT_Q3_K:
        return bits(line(lines, 8 + sub / 4 * 8 + g), sub % 4 * 2, 3) | bits(line(lines, g), sub, 1) << 2;
    case QUANT_Q4_K:
        return bits(line(lines, 3 + sub / 2 * 8 + g), sub % 2 * 4, 15);
    case QUANT_Q5_K:
        return bits(line(lines, 11 + sub / 2 * 8 + g), sub % 2 * 4, 15) | bits(line(lines, 3 + g), sub, 1) << 4;
    case QUANT_Q6_K:
        return bits(line(lines, sub / 4 * 16 + sub % 2 * 8 + g), sub % 4 / 2 * 4, 15) |
               bits(line(lines, 32 + sub / 4 * 8 + g), sub % 4 * 2, 3) << 4;
    case QUANT_IQ4_XS:
        return lookup(bits(line(lines, 1 + sub * 4 + g % 4), nibble, 15), quant_iq4_values);
    default: /* Q8_0 */
        return line(lines, g);
    }
}

/* The sub-blocks' scales and minima, four signed bytes a lane. */
struct scales {
    vi s[4], m[4];
};

INLINE struct scales scales_get(const enum quant_id id, const uint8_t *lines, const uint8_t *field)
{
    struct scales out = {0};
    const vi a = line(lines, 0), b = line(lines, 1), x = line(lines, 2);

    switch ((int)id) {
    case QUANT_Q2_K:
        UNROLL
        for (unsigned i = 0; i < 4; i++) {
            out.s[i] = bits(line(lines, i), 0, 15);
            out.m[i] = bits(line(lines, i), 4, 15);
        }
        return out;
    case QUANT_Q3_K:
        UNROLL
        for (unsigned i = 0; i < 4; i++) {
            out.s[i] = bits(line(lines, 24 + i % 2), i / 2 * 4, 15) | bits(line(lines, 26), 2 * i, 3) << 4;
            out.s[i] = (vi)((vb)out.s[i] - (int8_t)32);
        }
        return out;
    case QUANT_Q6_K:
        UNROLL
        for (unsigned i = 0; i < 4; i++) {
            out.s[i] = line(lines, 48 + i);
        }
        return out;
    case QUANT_IQ4_XS:
        UNROLL
        for (unsigned i = 0; i < 8; i++) {
            out.s[i / 4] |= ((a >> 4 * i & 15) | (wide_16(field) >> 2 * i & 3) << 4) << i % 4 * 8;
        }
        out.s[0] = (vi)((vb)out.s[0] - (int8_t)32);
        out.s[1] = (vi)((vb)out.s[1] - (int8_t)32);
        return out;
    default: /* Q4_K, Q5_K */
        out.s[0] = bits(a, 0, 63);
        out.m[0] = bits(b, 0, 63);
        out.s[1] = bits(x, 0, 15) | bits(a, 6, 3) << 4;
        out.m[1] = bits(x, 4, 15) | bits(b, 6, 3) << 4;
        return out;
    }
}

/* Bytes number i and k of the same word, as two 16-bit words a lane. */
INLINE vi two(const vi words[4], unsigned i, unsigned k)
{
    vi x = shuffle(words[i / 4], (int32_t)(k % 4 << 24 | 0x00800080U | i % 4 << 8));

    return (vi)((vw)x >> 8);
}

/* Scale or minimum number i as scaled() wants it. */
INLINE vi one(const vi words[4], unsigned i)
{
    return FULL_DOT ? shuffle(words[i / 4], (int32_t)(i % 4 << 24 | 0x00808080U)) >> 24 : two(words, i, i);
}

/* sum[c] = the words, shifted to the left, times the sums of 16 activations that stand at q. */
INLINE void weigh(const struct form f, const vi words[4], unsigned shift, const uint8_t *q, const unsigned n, vi *sum)
{
    EACH_COLUMN
    {
        sum[c] = (vi){0};
    }
    UNROLL
    for (unsigned i = 0; i < 8; i++) {
        vi x = f.scales == 32 ? two(words, i, i) : two(words, 2 * i, 2 * i + 1);

        x = (vi)((vw)x << shift);
        EACH_COLUMN
        {
            sum[c] = pairs(sum[c], x, spread(q + 32 * c + 4 * i));
        }
    }
}

/* sum[c] += the products of one sub-block of 32 weights, times the sub-block's scales where there are such; the
 * activations of column c stand at q + step * c. */
INLINE void multiply(const struct form f, const uint8_t *lines, const struct scales *scales, unsigned sub,
                     const uint8_t *q, size_t step, const unsigned n, vi *sum)
{
    const unsigned safe = FULL_DOT ? 8 : 32767 / (254 * f.most), most = safe >= 8   ? 8
                                                                        : safe >= 4 ? 4
                                                                        : safe >= 2 ? 2
                                                                                    : 1;
    const unsigned run = f.scales == 16 && most > 4 ? 4 : most;

    UNROLL
    for (unsigned g = 0; g < 8; g += run) {
        vi x[COLUMNS];

        EACH_COLUMN
        {
            x[c] = FULL_DOT && f.scales == 0 ? sum[c] : (vi){0};
        }
        UNROLL
        for (unsigned i = g; i < g + run; i++) {
            vi v = code(f.id, lines, sub, i);

            v = FULL_DOT && f.negative ? v ^ (int32_t)0x80808080 : v;
            EACH_COLUMN
            {
                x[c] = dot(x[c], v, spread(q + step * c + 4 * i), f.negative);
            }
        }
        if (f.scales != 0) {
            vi scale = one(scales->s, f.scales == 32 ? sub : 2 * sub + g / 4);

            EACH_COLUMN
            {
                sum[c] += scaled(x[c], scale);
            }
        } else {
            EACH_COLUMN
            {
                sum[c] = FULL_DOT ? x[c] : sum[c] + whole(x[c]);
            }
        }
    }
}

INLINE vf field(const enum quant_id id, const uint8_t *p)
{
    vi e;

    switch ((int)id) {
    case QUANT_F32:
        return (vf)line(p, 0);
    case QUANT_BF16:
        return (vf)(wide_16(p) << 16);
    case QUANT_MXFP4:
        e = wide_8(p);
        return (vf)((((e - 1) << 23) & (e > 1)) | (((e + 1) << 21) & (e < 2)));
    default:
        return halves(p);
    }
}

INLINE void prefetch(const uint8_t *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) {
        _mm_prefetch((const char *)p + i, _MM_HINT_T0);
    }
}

/* Rows LANES * side.. of a panel with n tokens. */
INLINE void product_blocks(const struct form f, const uint8_t *p, const uint8_t *a, size_t blocks,
                           const struct columns cols, const unsigned n, const unsigned side, float *out, size_t stride)
{
    /* Places of bits are constants then: up to twice as fast, at five times the code. */
    const bool large = f.scales != 0, rare = f.id == QUANT_Q2_K || f.id == QUANT_Q3_K || f.id == QUANT_IQ4_XS;
    const size_t size = (size_t)f.bytes * KERNEL_ROWS, act = large ? KERNEL_ACT_256_SIZE : KERNEL_ACT_32_SIZE;
    const size_t step = large ? 256 : 32, ahead = large ? size : cols.w == 1 ? 4 * size : 2 * size;
    const unsigned shift = FULL_DOT && f.negative ? 7 : f.shift, width = f.front == 1 ? 1 : 2;
    vf acc[COLUMNS];

    EACH_COLUMN
    {
        acc[c] = (vf){0};
    }
    for (size_t b = 0; b < blocks; b++, p += size, a += cols.w * act) {
        const uint8_t *lines = p + f.front * KERNEL_ROWS + 4 * LANES * side, *fields = p + width * LANES * side;
        const uint8_t *da = a + 4 * cols.first, *q = a + (act - step) * cols.w + step * cols.first;
        const uint8_t *sums = da + 4 * cols.w, *sums_16 = a + 4 * cols.w + 32 * cols.first;
        vf d = field(f.id, fields), m = field(f.id, fields + 2 * KERNEL_ROWS);
        struct scales scales;
        vi s[COLUMNS];

        if (cols.first == 0 && side == 0) {
            prefetch(p + ahead, size);
        }
        if (large) {
            scales = scales_get(f.id, lines, fields + 2 * KERNEL_ROWS);
        }
        if (shift == 0) {
            EACH_COLUMN
            {
                s[c] = (vi){0};
            }
        } else if (large) {
            weigh(f, scales.s, shift, sums_16, n, s);
            EACH_COLUMN
            {
                s[c] = -s[c];
            }
        } else {
            EACH_COLUMN
            {
                s[c] = -(spread(sums + 4 * c) << shift);
            }
        }
        if (!rare) {
            UNROLL
            for (unsigned sub = 0; sub < step / 32; sub++) {
                multiply(f, lines, &scales, sub, q + 32 * sub, step, n, s);
            }
        } else {
            for (unsigned sub = 0; sub < step / 32; sub++) {
                multiply(f, lines, &scales, sub, q + 32 * sub, step, n, s);
            }
        }
        EACH_COLUMN
        {
            acc[c] = fused(__builtin_convertvector(s[c], vf), d * number(da + 4 * c), acc[c]);
        }
        if (f.minimum && large) {
            weigh(f, scales.m, 0, sums_16, n, s);
            EACH_COLUMN
            {
                acc[c] = fused(__builtin_convertvector(s[c], vf), -(m * number(da + 4 * c)), acc[c]);
            }
        } else if (f.minimum) {
            EACH_COLUMN
            {
                acc[c] = fused((vf)spread(sums + 4 * cols.w + 4 * c), m * number(da + 4 * c), acc[c]);
            }
        }
    }
    EACH_COLUMN
    {
        memcpy(out + (cols.first + c) * stride + LANES * side, &acc[c], sizeof acc[c]);
    }
}

INLINE void product_floats(const struct form f, const uint8_t *p, const uint8_t *x, size_t blocks,
                           const struct columns cols, const unsigned n, const unsigned side, float *out, size_t stride)
{
    vf acc[COLUMNS];

    EACH_COLUMN
    {
        acc[c] = (vf){0};
    }
    p += f.bytes * LANES * side;
    x += 4 * cols.first;
    for (size_t k = 0; k < blocks; k++, p += f.bytes * KERNEL_ROWS, x += 4 * cols.w) {
        vf v = field(f.id, p);

        EACH_COLUMN
        {
            acc[c] = fused(v, (vf)spread(x + 4 * c), acc[c]);
        }
    }
    EACH_COLUMN
    {
        memcpy(out + (cols.first + c) * stride + LANES * side, &acc[c], sizeof acc[c]);
    }
}

INLINE void product(const struct form f, const void *panel, const void *tile, size_t blocks, const struct columns some,
                    const unsigned n, float *out, size_t stride)
{
    /* Where a call takes all tokens the compiler knows their places. */
    const struct columns cols = {COLUMNS == KERNEL_TILE ? n : some.w, COLUMNS == KERNEL_TILE ? 0 : some.first};

    UNROLL
    for (unsigned side = 0; side < KERNEL_ROWS / LANES; side++) {
        if (f.most == 0) {
            product_floats(f, panel, tile, blocks, cols, n, side, out, stride);
        } else {
            product_blocks(f, panel, tile, blocks, cols, n, side, out, stride);
        }
    }
}

/* The code once for each number of tokens, so that their sums stay in registers. A tile has 12, 8, 4, 2 or 1. */
#define TILE(type) \
    static void tile_##type(const void *panel, const void *tile, size_t blocks, unsigned w, float *out, size_t stride) \
    { \
        const struct form f = forms[QUANT_##type]; \
        const unsigned n = w < COLUMNS ? w : COLUMNS; \
\
        for (struct columns c = {w, 0}; c.first < w; c.first += n) { \
            if (n == COLUMNS) { \
                product(f, panel, tile, blocks, c, COLUMNS, out, stride); \
            } else if (COLUMNS > 8 && n == 8) { \
                product(f, panel, tile, blocks, c, 8, out, stride); \
            } else if (COLUMNS > 4 && n == 4) { \
                product(f, panel, tile, blocks, c, 4, out, stride); \
            } else if (n == 2) { \
                product(f, panel, tile, blocks, c, 2, out, stride); \
            } else { \
                product(f, panel, tile, blocks, c, 1, out, stride); \
            } \
        } \
    }
KERNEL_TYPES(TILE)

#endif
