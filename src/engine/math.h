/* Elementary functions of the engine's own, the same bits on every machine: no libm. In double, plain products and sums
 * (never fused), for tables that are made at load or once a prompt chunk; the float exp() that runs per score and per
 * gate stands in kernels/exp.h. Results are within 2 units in the last place over the ranges named. Pure; any thread.
 */
#ifndef SOTTO_ENGINE_MATH_H
#define SOTTO_ENGINE_MATH_H

double math_exp(double x);                            /* 0 below -700, infinite above 700 */
double math_log(double x);                            /* x > 0 and normal */
void math_sincos(double x, double *sin, double *cos); /* |x| <= 2^30: angles, positions times frequencies */

/* The arithmetic environment: round to nearest, denormals kept, exceptions masked. What was set before is returned, for
 * math_environment_restore(). Every thread that computes is in it. */
unsigned math_environment_enter(void);
void math_environment_restore(unsigned before);

#endif
