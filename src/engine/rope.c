#include "engine/rope.h"

#include "engine/math.h"

#define TWO_PI 6.283185307179586476925

static double within(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The pair that turns `turns` times in the original context (YaRN: arXiv 2309.00071, section 3.2). */
static double pair_of_turns(const struct rope *r, uint32_t dim, double turns)
{
    return (double)dim * math_log(r->original / (turns * TWO_PI)) / (2.0 * math_log(r->base));
}

/* To a whole number; |x| < 2^31. */
static double whole(double x, bool up)
{
    double n = (double)(long)x; /* towards 0 */

    if (up) {
        return n < x ? n + 1.0 : n;
    }
    return n > x ? n - 1.0 : n;
}

void rope_frequencies(const struct rope *r, uint32_t dim, const float *factors, double *frequencies)
{
    double low = 0.0, high = 0.0;

    if (r->yarn) { /* pairs below `low` turn often and keep their frequency, those above `high` are stretched */
        low = within(whole(pair_of_turns(r, dim, r->beta_fast), false), 0.0, (double)dim - 1.0);
        high = within(whole(pair_of_turns(r, dim, r->beta_slow), true), 0.0, (double)dim - 1.0);
        high = high - low < 0.001 ? low + 0.001 : high;
    }
    for (uint32_t i = 0; i < dim / 2; i++) {
        double own = math_exp(-2.0 * (double)i / (double)dim * math_log(r->base)), stretched, keep = 0.0;

        own = factors != NULL ? own / (double)factors[i] : own;
        stretched = own / r->factor;
        if (r->yarn) {
            keep = (1.0 - within(((double)i - low) / (high - low), 0.0, 1.0)) * r->share;
        }
        frequencies[i] = keep == 0.0 ? stretched : stretched * (1.0 - keep) + own * keep;
    }
}

void rope_angles(const struct rope *r, uint32_t dim, const double *frequencies, size_t position, float *angles)
{
    for (uint32_t i = 0; i < dim / 2; i++) {
        double sin, cos;

        math_sincos((double)position * frequencies[i], &sin, &cos);
        angles[2 * i] = (float)(cos * r->magnitude);
        angles[2 * i + 1] = (float)(sin * r->magnitude);
    }
}

void rope_turn(float *x, uint32_t dim, bool neox, const float *angles)
{
    uint32_t half = dim / 2, step = neox ? 1 : 2, pair = neox ? half : 1;

    for (uint32_t i = 0; i < half; i++) {
        float *a = x + step * i, *b = a + pair, cos = angles[2 * i], sin = angles[2 * i + 1], turned;

        turned = *a * cos - *b * sin;
        *b = *a * sin + *b * cos;
        *a = turned;
    }
}
