/* Rotary positions: pairs of a head's values turn by position * frequency. All in double, from engine/math.h. */
#ifndef SOTTO_ENGINE_ROPE_H
#define SOTTO_ENGINE_ROPE_H

#include "engine/shape.h"

/* frequencies[i], i < dim / 2, for heads of which dim values turn: base^(-2i/dim), divided by factors[i] (NULL: by
 * nothing) and stretched as r says. */
void rope_frequencies(const struct rope *r, uint32_t dim, const float *factors, double *frequencies);

/* The cosine and sine of each pair at a position, times r->magnitude, rounded once: angles[2i], angles[2i + 1]. */
void rope_angles(const struct rope *r, uint32_t dim, const double *frequencies, size_t position, float *angles);

/* Turns dim values in place; each product and sum is rounded. neox: pairs (i, i + dim/2); else (2i, 2i + 1). */
void rope_turn(float *x, uint32_t dim, bool neox, const float *angles);

#endif
