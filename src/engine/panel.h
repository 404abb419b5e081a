/* Matrices of weights, laid out for the kernels at load: panels of 16 output rows (kernels/kernels.h has the forms). */
#ifndef SOTTO_ENGINE_PANEL_H
#define SOTTO_ENGINE_PANEL_H

#include "engine/kernels/kernels.h"
#include "model/quant.h"

struct matrix {
    enum kernel_panel kind;
    const struct quant_type *type; /* in the file */
    size_t rows, k;                /* outputs, inputs */
    size_t panels, panel_size;     /* rows / 16 rounded up; bytes of one, a multiple of 64 */
    uint8_t *p;                    /* the panels; rows beyond the last are zero */
};

/* Which form a tensor type takes; exact: F32, whatever the type. False: no kernel for it. */
bool panel_kind(const struct quant_type *type, bool exact, enum kernel_panel *out);

size_t panel_size(enum kernel_panel kind, size_t k);
size_t panel_block(enum kernel_panel kind); /* weights of one row in a block: 1, 32 or 256 */
enum kernel_act panel_act(enum kernel_panel kind);

/* Panel number index of m, from the tensor's rows as they stand in the file, into m->p. False: a weight is not finite.
 * scratch: m->k floats. */
bool panel_make(const struct matrix *m, const uint8_t *tensor, size_t index, float *scratch);

/* One row, as exact float32. */
void panel_row(const struct matrix *m, size_t row, float *out);

#endif
