/* Matrix products over the rows of a chunk. Rows are put into the forms that matrices read (kernels/kernels.h), then a
 * list of products runs on all threads: up to three with the same input, or one for each expert or head. */
#ifndef SOTTO_ENGINE_PRODUCTS_H
#define SOTTO_ENGINE_PRODUCTS_H

#include "base/err.h"
#include "engine/panel.h"
#include "engine/pool.h"

struct products;

/* Rows first..first+count-1 of the input buffers belong to one product, in tiles of their own. */
struct inputs {
    size_t first, count;
};

/* The largest inputs that will be: rows of k floats. */
struct products_use {
    size_t rows, k;
};

double products_size(const struct products_use *uses, size_t use_count); /* bytes that products_new() will take */
MUST_USE bool products_new(const struct kernels *k, struct pool *pool, const struct products_use *uses,
                           size_t use_count, size_t list_max, struct products **out, struct err *err);
void products_free(struct products *p);
void products_wipe(struct products *p);

/* Row number `row` of `in`, x (as many floats as the matrices read), into the forms that they want. False: not finite.
 * From any thread, each row once. */
bool products_input(struct products *p, const struct matrix *const *m, size_t count, const float *x, struct inputs in,
                    size_t row);

/* out[row * stride + i], i < m->rows rounded up to 16: the product of m with row `row` of `in`; by products_run(). */
void products_add(struct products *p, const struct matrix *m, struct inputs in, float *out, size_t stride);
void products_run(struct products *p); /* all that were added */

#endif
