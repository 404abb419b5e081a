/* Attention over a cache of Q8_0, in vectors: avx2.c and avx512.c include this page behind tiles.h. What
 * they define besides what that asks for:
 *     words(p)         2 * LANES signed bytes as 16-bit words
 *     narrow(p, v)     puts each lane's integer there as 16 bits
 * All sums are whole and exact, so that a key which a query does not read may take part with a weight of 0. */
#ifndef SOTTO_ENGINE_KERNELS_CODES_H
#define SOTTO_ENGINE_KERNELS_CODES_H

INLINE vf floats(const void *p)
{
    vf x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* The scores of n queries from `first` on with the 16 keys of a group. */
INLINE void scores_codes(const struct kernel_attention *a, const unsigned n, unsigned first, size_t key, float *s)
{
    const uint8_t *keys = (const uint8_t *)a->k + key / 16 * 16 * (a->k_dim + 4);

    for (unsigned h = 0; h < 16; h += LANES) {
        const vf dk = floats(keys + 4 * h);
        vi sum[KERNEL_GROUP];

        EACH_COLUMN
        {
            const uint8_t *q = a->q[first + c];

            sum[c] = FULL_DOT ? spread(q + 4) * -128 : (vi){0}; /* for what is added to the keys' codes */
        }
        for (size_t d = 0; d < a->k_dim; d += 4) {
            vi k = line(keys + 64 + 4 * h + 16 * d, 0);

            k = FULL_DOT ? k ^ (int32_t)0x80808080 : k;
            EACH_COLUMN
            {
                vi q = spread((const uint8_t *)a->q[first + c] + KERNEL_QUERY_8 + d);

                sum[c] = FULL_DOT ? dot(sum[c], k, q, true) : sum[c] + whole(dot((vi){0}, k, q, true));
            }
        }
        EACH_COLUMN
        {
            vf score = __builtin_convertvector(sum[c], vf) * (number(a->q[first + c]) * dk);

            memcpy(s + (first + c) * KERNEL_BLOCK + key % KERNEL_BLOCK + h, &score, sizeof score);
        }
    }
}

/* What n queries give the values from..to-1 of a block (whole groups) as whole numbers, 0 to those before low and from
 * limit on; what their sums are to be multiplied by. */
INLINE float weights_codes(const struct kernel_attention *a, size_t start, size_t from, size_t to, size_t low,
                           size_t limit, const float *s, int16_t *out)
{
    float w[KERNEL_BLOCK], largest = 0.0F, id;
    vi place, most = {0};
    int32_t lane[LANES];

    for (int i = 0; i < LANES; i++) {
        place[i] = i;
    }
    for (size_t j = from; j < to; j += LANES) {
        const uint8_t *values = (const uint8_t *)a->v + (start + j) / 16 * 16 * (a->v_dim + 4);
        vi at = place + (int32_t)j, x = (vi)(floats(s + j) * floats(values + j % 16 * 4)), more;

        x &= (at >= (int32_t)low) & (at < (int32_t)limit);
        more = x > most; /* floats of one sign are in the order of their bits */
        most = (x & more) | (most & ~more);
        memcpy(w + j, &x, sizeof x);
    }
    memcpy(lane, &most, sizeof lane);
    for (int i = 0; i < LANES; i++) {
        float x = number((const uint8_t *)(lane + i));

        largest = x > largest ? x : largest;
    }
    id = largest < 0x1p-100F ? 0.0F : 16383.0F / largest;
    for (size_t j = from; j < to; j += LANES) {
        vi x = (vi)(floats(w + j) * id + EXP_ROUND) - (int32_t)EXP_ROUND_BITS; /* to nearest even */

        narrow(out + j, x);
    }
    return largest / 16383.0F;
}

/* o of n queries, `vectors` vectors of dimensions from d on. */
INLINE void sums_codes(const struct kernel_attention *a, const unsigned n, const unsigned vectors, size_t start,
                       size_t from, size_t to, const int16_t *weight, const float *scale, float *o, size_t d)
{
    vi acc[4][4] = {0};

    for (size_t j = from; j < to; j += 2) {
        const uint8_t *group = (const uint8_t *)a->v + (start + j) / 16 * 16 * (a->v_dim + 4);
        vi v[4];

        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            v[i] = words(group + 64 + (j % 16 / 2 * a->v_dim + d + LANES * i) * 2);
        }
        EACH_COLUMN
        {
            vi w = spread((const uint8_t *)(weight + c * KERNEL_BLOCK + j));

            UNROLL
            for (unsigned i = 0; i < vectors; i++) {
                acc[c][i] = pairs(acc[c][i], v[i], w);
            }
        }
    }
    EACH_COLUMN
    {
        UNROLL
        for (unsigned i = 0; i < vectors; i++) {
            vf x = __builtin_convertvector(acc[c][i], vf) * scale[c];

            memcpy(o + c * a->v_dim + d + LANES * i, &x, sizeof x);
        }
    }
}

/* o of n queries, at most 4, of which query c reads the keys low[c]..limit[c]-1 of the block with the weights s. */
INLINE void values_codes(const struct kernel_attention *a, const unsigned n, size_t start, const size_t *low,
                         const size_t *limit, const float *s, float *o)
{
    size_t from = KERNEL_BLOCK, to = 0, d = 0;
    int16_t weight[4 * KERNEL_BLOCK];
    float scale[4];

    EACH_COLUMN
    {
        from = low[c] < from ? low[c] / 16 * 16 : from;
        to = limit[c] > to ? (limit[c] + 15) / 16 * 16 : to;
    }
    EACH_COLUMN
    {
        scale[c] = weights_codes(a, start, from, to, low[c], limit[c], s + c * KERNEL_BLOCK, weight + c * KERNEL_BLOCK);
    }
    for (; d + 4 * LANES <= a->v_dim; d += 4 * LANES) {
        sums_codes(a, n, 4, start, from, to, weight, scale, o, d);
    }
    for (; d < a->v_dim; d += 16) {
        sums_codes(a, n, 16 / LANES, start, from, to, weight, scale, o, d);
    }
}

#endif
