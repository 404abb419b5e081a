#include "engine/panel.h"

#include <string.h>

#define ROWS KERNEL_ROWS

static const struct {
    size_t block, bytes; /* weights of a row, bytes of 16 rows */
    enum kernel_act act;
} forms[KERNEL_PANEL_COUNT] = {
    [KERNEL_PANEL_F32] = {1, 64, KERNEL_ACT_F32},
    [KERNEL_PANEL_F16] = {1, 32, KERNEL_ACT_F32},
    [KERNEL_PANEL_Q4_0] = {32, 288, KERNEL_ACT_32},
    [KERNEL_PANEL_Q4_1] = {32, 320, KERNEL_ACT_32},
    [KERNEL_PANEL_Q8_0] = {32, 544, KERNEL_ACT_32},
    [KERNEL_PANEL_Q4_K] = {256, 144 * ROWS, KERNEL_ACT_256},
    [KERNEL_PANEL_Q6_K] = {256, 210 * ROWS, KERNEL_ACT_256},
};

static const struct {
    enum quant_id id;
    enum kernel_panel kind;
} kinds[] = {
    {QUANT_F32, KERNEL_PANEL_F32},   {QUANT_F16, KERNEL_PANEL_F16},   {QUANT_BF16, KERNEL_PANEL_F32},
    {QUANT_Q4_0, KERNEL_PANEL_Q4_0}, {QUANT_Q4_1, KERNEL_PANEL_Q4_1}, {QUANT_Q8_0, KERNEL_PANEL_Q8_0},
    {QUANT_Q4_K, KERNEL_PANEL_Q4_K}, {QUANT_Q6_K, KERNEL_PANEL_Q6_K},
};

bool panel_kind(const struct quant_type *type, bool exact, enum kernel_panel *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].id == type->id) {
            *out = exact ? KERNEL_PANEL_F32 : kinds[i].kind;
            return true;
        }
    }
    return false;
}

size_t panel_block(enum kernel_panel kind)
{
    return forms[kind].block;
}

enum kernel_act panel_act(enum kernel_panel kind)
{
    return forms[kind].act;
}

size_t panel_size(enum kernel_panel kind, size_t k)
{
    return (k / forms[kind].block * forms[kind].bytes + 63) & ~(size_t)63;
}

static bool finite_f16(const uint8_t *p)
{
    return (p[1] & 0x7c) != 0x7c;
}

static bool finite_f32(const float *x, size_t n)
{
    uint32_t most = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, x + i, sizeof u);
        u &= 0x7fffffffU;
        most = u > most ? u : most;
    }
    return most < 0x7f800000U;
}

/* 4 bytes of each of the lines, for one row: groups of 4 bytes go to lines 64 bytes apart. */
static void spread(uint8_t *lines, size_t row, const uint8_t *codes, size_t bytes, uint32_t flip)
{
    for (size_t j = 0; j < bytes / 4; j++) {
        uint32_t x;

        memcpy(&x, codes + 4 * j, 4);
        x ^= flip;
        memcpy(lines + 64 * j + 4 * row, &x, 4);
    }
}

static void gather(const uint8_t *lines, size_t row, uint8_t *codes, size_t bytes, uint32_t flip)
{
    for (size_t j = 0; j < bytes / 4; j++) {
        uint32_t x;

        memcpy(&x, lines + 64 * j + 4 * row, 4);
        x ^= flip;
        memcpy(codes + 4 * j, &x, 4);
    }
}

/* Where a block of 32 has what: scales at the front of file block and panel block, then codes. */
struct small {
    size_t scales, codes; /* f16 values; bytes */
    uint32_t flip;        /* signed bytes to unsigned */
};

static const struct small smalls[KERNEL_PANEL_COUNT] = {
    [KERNEL_PANEL_Q4_0] = {1, 16, 0},
    [KERNEL_PANEL_Q4_1] = {2, 16, 0},
    [KERNEL_PANEL_Q8_0] = {1, 32, 0x80808080U},
};

static bool small_row(const struct matrix *m, const uint8_t *src, uint8_t *panel, size_t row)
{
    const struct small *s = &smalls[m->kind];
    bool finite = true;

    for (size_t b = 0; b < m->k / 32; b++, src += m->type->bytes, panel += forms[m->kind].bytes) {
        for (size_t i = 0; i < s->scales; i++) {
            finite = finite && finite_f16(src + 2 * i);
            memcpy(panel + 32 * i + 2 * row, src + 2 * i, 2);
        }
        spread(panel + 32 * s->scales, row, src + 2 * s->scales, s->codes, s->flip);
    }
    return finite;
}

static bool large_row(const struct matrix *m, const uint8_t *src, uint8_t *panel, size_t row)
{
    size_t size = m->type->bytes;
    bool finite = true;

    for (size_t b = 0; b < m->k / 256; b++, src += size) {
        finite = finite && finite_f16(src + (m->kind == KERNEL_PANEL_Q6_K ? 208 : 0)) &&
                 (m->kind == KERNEL_PANEL_Q6_K || finite_f16(src + 2));
        memcpy(panel + (b * ROWS + row) * size, src, size);
    }
    return finite;
}

static bool float_row(const struct matrix *m, const uint8_t *src, uint8_t *panel, size_t row, float *scratch)
{
    quant_dequantise(m->type, src, m->k / m->type->weights, scratch);
    for (size_t i = 0; i < m->k; i++) {
        if (m->kind == KERNEL_PANEL_F16) {
            memcpy(panel + 2 * (i * ROWS + row), src + 2 * i, 2);
        } else {
            memcpy(panel + 4 * (i * ROWS + row), scratch + i, 4);
        }
    }
    return finite_f32(scratch, m->k);
}

bool panel_make(const struct matrix *m, const uint8_t *tensor, size_t index, float *scratch)
{
    size_t row_size = m->k / m->type->weights * m->type->bytes;
    uint8_t *panel = m->p + index * m->panel_size;
    bool finite = true;

    for (size_t r = 0; r < ROWS && index * ROWS + r < m->rows; r++) {
        const uint8_t *src = tensor + (index * ROWS + r) * row_size;

        if (forms[m->kind].block == 1) {
            finite = float_row(m, src, panel, r, scratch) && finite;
        } else if (forms[m->kind].block == 32) {
            finite = small_row(m, src, panel, r) && finite;
        } else {
            finite = large_row(m, src, panel, r) && finite;
        }
    }
    return finite;
}

void panel_row(const struct matrix *m, size_t row, float *out)
{
    const uint8_t *panel = m->p + row / ROWS * m->panel_size;
    size_t block = forms[m->kind].block, r = row % ROWS;

    for (size_t b = 0; b < m->k / block; b++, panel += forms[m->kind].bytes, out += block) {
        const struct small *s = &smalls[m->kind];
        uint8_t bytes[34];

        if (m->kind == KERNEL_PANEL_F32) {
            memcpy(out, panel + 4 * r, 4);
        } else if (m->kind == KERNEL_PANEL_F16) {
            quant_dequantise(m->type, panel + 2 * r, 1, out);
        } else if (block == 256) {
            quant_dequantise(m->type, panel + r * m->type->bytes, 1, out);
        } else {
            for (size_t i = 0; i < s->scales; i++) {
                memcpy(bytes + 2 * i, panel + 32 * i + 2 * r, 2);
            }
            gather(panel + 32 * s->scales, r, bytes + 2 * s->scales, s->codes, s->flip);
            quant_dequantise(m->type, bytes, 1, out);
        }
    }
}
