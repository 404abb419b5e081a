/* Matrices of weights, laid out for the kernels at load: panels of 16 output rows (kernels/kernels.h has the form). A
 * tensor of three dimensions is one matrix for each index of the third. */
#ifndef SOTTO_ENGINE_PANEL_H
#define SOTTO_ENGINE_PANEL_H

#include "engine/kernels/kernels.h"

struct matrix {
    enum quant_id kind;            /* in the panels: the file's, or F32 where weights were widened */
    const struct quant_type *type; /* in the file */
    size_t rows, k;                /* outputs, inputs */
    size_t panels, panel_size;     /* rows / 16 rounded up; bytes of one, a multiple of 64 */
    uint8_t *p;                    /* the panels; rows beyond the last are zero */
};

size_t panel_size(enum quant_id kind, size_t k);
size_t panel_block(enum quant_id kind); /* weights of one row in a block: 1, 32 or 256 */
enum kernel_act panel_act(enum quant_id kind);

/* Panel number index of m, from the matrix's rows as they stand in the file, into m->p. False: a weight is not finite.
 * scratch: m->k floats. */
bool panel_make(const struct matrix *m, const uint8_t *rows, size_t index, float *scratch);

/* Row r's block, as it stood in the file, out of a panel's block. */
void panel_block_get(enum quant_id kind, const uint8_t *block, size_t r, uint8_t *out);

/* One row, as exact float32. */
void panel_row(const struct matrix *m, size_t row, float *out);

#endif
