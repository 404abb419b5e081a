#include "engine/panel.h"

#include <string.h>

#define ROWS KERNEL_ROWS

/* Where a block of the file has its fields: `fields` of them from byte `at` on, `width` bytes each; the other bytes go
 * to lines. Of the first `floats` pairs of bytes from `finite_at` on, those with all bits of `mask` are infinite or no
 * number: exponents of float16, bfloat16 and the upper half of a float; of MXFP4 those of 2^125 and more. */
static const struct form {
    uint8_t width, fields, at, finite_at, floats;
    uint16_t mask;
} forms[QUANT_IDS] = {
    [QUANT_F32] = {2, 0, 0, 2, 1, 0x7f80},      [QUANT_F16] = {2, 1, 0, 0, 1, 0x7c00},
    [QUANT_BF16] = {2, 1, 0, 0, 1, 0x7f80},     [QUANT_Q4_0] = {2, 1, 0, 0, 1, 0x7c00},
    [QUANT_Q4_1] = {2, 2, 0, 0, 2, 0x7c00},     [QUANT_Q5_0] = {2, 1, 0, 0, 1, 0x7c00},
    [QUANT_Q5_1] = {2, 2, 0, 0, 2, 0x7c00},     [QUANT_Q8_0] = {2, 1, 0, 0, 1, 0x7c00},
    [QUANT_Q2_K] = {2, 2, 80, 80, 2, 0x7c00},   [QUANT_Q3_K] = {2, 1, 108, 108, 1, 0x7c00},
    [QUANT_Q4_K] = {2, 2, 0, 0, 2, 0x7c00},     [QUANT_Q5_K] = {2, 2, 0, 0, 2, 0x7c00},
    [QUANT_Q6_K] = {2, 1, 208, 208, 1, 0x7c00}, [QUANT_IQ4_NL] = {2, 1, 0, 0, 1, 0x7c00},
    [QUANT_IQ4_XS] = {2, 2, 0, 0, 1, 0x7c00},   [QUANT_MXFP4] = {1, 1, 0, 0, 1, 0x00fc},
};

size_t panel_block(enum quant_id kind)
{
    return quant_type_get(kind)->weights;
}

enum kernel_act panel_act(enum quant_id kind)
{
    size_t block = panel_block(kind);

    return block == 1 ? KERNEL_ACT_F32 : block == 32 ? KERNEL_ACT_32 : KERNEL_ACT_256;
}

size_t panel_size(enum quant_id kind, size_t k)
{
    return (k / panel_block(kind) * quant_type_get(kind)->bytes * ROWS + 63) & ~(size_t)63;
}

static bool row_finite(const struct quant_type *type, const uint8_t *row, size_t blocks)
{
    const struct form *f = &forms[type->id];
    bool finite = true;

    for (size_t b = 0; b < blocks; b++) {
        for (size_t i = 0; i < f->floats; i++) {
            const uint8_t *p = row + b * type->bytes + f->finite_at + 2 * i;

            finite = finite && ((p[0] | p[1] << 8) & f->mask) != f->mask;
        }
    }
    return finite;
}

static void row_put(enum quant_id kind, const uint8_t *row, uint8_t *panel, size_t r, size_t blocks)
{
    const struct form *f = &forms[kind];
    size_t bytes = quant_type_get(kind)->bytes, front = (size_t)f->width * f->fields;
    size_t lines = (bytes - front) / 4, from = f->at == 0 ? front : 0;

    for (size_t b = 0; b < blocks; b++, row += bytes, panel += bytes * ROWS) {
        for (size_t i = 0; i < f->fields; i++) {
            memcpy(panel + (i * ROWS + r) * f->width, row + f->at + i * f->width, f->width);
        }
        for (size_t i = 0; i < lines; i++) {
            memcpy(panel + front * ROWS + 64 * i + 4 * r, row + from + 4 * i, 4);
        }
    }
}

void panel_block_get(enum quant_id kind, const uint8_t *block, size_t r, uint8_t *out)
{
    const struct form *f = &forms[kind];
    size_t bytes = quant_type_get(kind)->bytes, front = (size_t)f->width * f->fields;
    size_t from = f->at == 0 ? front : 0;

    for (size_t i = 0; i < f->fields; i++) {
        memcpy(out + f->at + i * f->width, block + (i * ROWS + r) * f->width, f->width);
    }
    for (size_t i = 0; i < (bytes - front) / 4; i++) {
        memcpy(out + from + 4 * i, block + front * ROWS + 64 * i + 4 * r, 4);
    }
}

bool panel_make(const struct matrix *m, const uint8_t *rows, size_t index, float *scratch)
{
    size_t blocks = m->k / m->type->weights, row_size = blocks * m->type->bytes;
    uint8_t *panel = m->p + index * m->panel_size;
    bool finite = true;

    for (size_t r = 0; r < ROWS && index * ROWS + r < m->rows; r++) {
        const uint8_t *row = rows + (index * ROWS + r) * row_size;

        finite = row_finite(m->type, row, blocks) && finite;
        if (m->kind != m->type->id) {
            quant_dequantise(m->type, row, blocks, scratch);
            row = (const uint8_t *)scratch;
        }
        row_put(m->kind, row, panel, r, m->k / panel_block(m->kind));
    }
    return finite;
}

void panel_row(const struct matrix *m, size_t row, float *out)
{
    const struct quant_type *kind = quant_type_get(m->kind);
    const uint8_t *panel = m->p + row / ROWS * m->panel_size;
    uint8_t block[KERNEL_BYTES];

    for (size_t k = 0; k < m->k; k += kind->weights, panel += kind->bytes * ROWS) {
        panel_block_get(m->kind, panel, row % ROWS, block);
        quant_dequantise(kind, block, 1, out + k);
    }
}
