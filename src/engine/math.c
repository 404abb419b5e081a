#include "engine/math.h"

#include <stdint.h>
#include <string.h>
#include <xmmintrin.h>

#define ROUND_DOUBLE 0x1.8p52 /* adding it rounds to an integer, which then stands in the low bits */

static uint64_t bits_of(double x)
{
    uint64_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

static double double_of(uint64_t u)
{
    double x;

    memcpy(&x, &u, sizeof x);
    return x;
}

/* ln 2 and pi / 2 in parts: the first have so few bits that n times them is exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define HALF_PI_1 0x1.921fb544p0
#define HALF_PI_2 0x1.0b4611a6p-34
#define HALF_PI_3 0x1.3198a2e037073p-69

double math_exp(double x)
{
    double t, n, r, p = 1.0;

    if (x < -700.0) {
        return 0.0;
    }
    if (x > 700.0) {
        return double_of(0x7ff0000000000000U);
    }
    t = x * 0x1.71547652b82fep0 + ROUND_DOUBLE;
    n = t - ROUND_DOUBLE;
    r = (x - n * LN2_HIGH) - n * LN2_LOW;
    for (int k = 14; k >= 1; k--) { /* the series of exp, |r| <= 0.35 */
        p = 1.0 + p * r / (double)k;
    }
    return p * double_of((bits_of(t) - bits_of(ROUND_DOUBLE) + 1023) << 52);
}

double math_log(double x)
{
    uint64_t u = bits_of(x);
    double m = double_of((u & 0x000fffffffffffffU) | 0x3ff0000000000000U), e = (double)(int64_t)(u >> 52) - 1023.0;
    double s, q, p = 0.0;

    if (m > 0x1.6a09e667f3bcdp0) {
        m = m * 0.5;
        e = e + 1.0;
    }
    s = (m - 1.0) / (m + 1.0);
    q = s * s;
    for (int k = 23; k >= 3; k -= 2) { /* 2 artanh(s), |s| <= 0.172 */
        p = (p + 1.0 / (double)k) * q;
    }
    return e * LN2_HIGH + (e * LN2_LOW + (2.0 * s + 2.0 * s * p));
}

void math_sincos(double x, double *sin, double *cos)
{
    double t = x * 0x1.45f306dc9c883p-1 + ROUND_DOUBLE, n = t - ROUND_DOUBLE;
    double r = ((x - n * HALF_PI_1) - n * HALF_PI_2) - n * HALF_PI_3, q = r * r, s = 1.0, c = 1.0;
    unsigned quadrant = (unsigned)(bits_of(t) & 3);

    for (int k = 18; k >= 2; k -= 2) { /* |r| <= 0.79 */
        s = 1.0 - s * q / (double)(k * (k + 1));
        c = 1.0 - c * q / (double)(k * (k - 1));
    }
    s = r * s;
    if (quadrant & 1) {
        double swap = s;

        s = c;
        c = -swap;
    }
    *sin = quadrant & 2 ? -s : s;
    *cos = quadrant & 2 ? -c : c;
}

unsigned math_environment_enter(void)
{
    unsigned before = _mm_getcsr();

    _mm_setcsr(0x1f80);
    return before;
}

void math_environment_restore(unsigned before)
{
    _mm_setcsr(before);
}
