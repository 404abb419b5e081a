#include "engine/products.h"

#include "engine/wipe.h"

#include <stdlib.h>

#define ALIGN 64
#define PARTS 8 /* of the work, for each thread: the last ones end together */

struct product {
    const struct matrix *m;
    struct inputs in;
    float *out;
    size_t stride;
    size_t before; /* panels of the products before it */
};

struct products {
    const struct kernels *k;
    struct pool *pool;
    uint8_t *acts[KERNEL_ACT_COUNT];
    size_t sizes[KERNEL_ACT_COUNT];
    struct product *list;
    size_t count, panels, group; /* panels in all; panels that a thread takes at once */
};

/* ---- Tiles: rows in widths 12, 8, 4, 2, 1. ---- */

static void tile_of(size_t rows, size_t row, size_t *first, unsigned *width)
{
    size_t at = rows / KERNEL_TILE * KERNEL_TILE;

    if (row < at) {
        *first = row / KERNEL_TILE * KERNEL_TILE;
        *width = KERNEL_TILE;
        return;
    }
    for (unsigned w = 8;; w /= 2) {
        if (((rows - at) & w) != 0) {
            if (row < at + w) {
                *first = at;
                *width = w;
                return;
            }
            at += w;
        }
    }
}

static size_t act_size(enum kernel_act act, size_t k)
{
    static const struct {
        size_t block, bytes;
    } sizes[KERNEL_ACT_COUNT] = {[KERNEL_ACT_32] = {32, KERNEL_ACT_32_SIZE},
                                 [KERNEL_ACT_256] = {256, KERNEL_ACT_256_SIZE},
                                 [KERNEL_ACT_F32] = {1, 4}};

    return (k + sizes[act].block - 1) / sizes[act].block * sizes[act].bytes;
}

bool products_input(struct products *p, const struct matrix *const *m, size_t count, const float *x, struct inputs in,
                    size_t row)
{
    bool made[KERNEL_ACT_COUNT] = {false}, finite = true;

    for (size_t i = 0; i < count; i++) {
        enum kernel_act act = panel_act(m[i]->kind);
        size_t first, k = m[i]->k;
        unsigned w;
        uint8_t *tile;

        if (made[act]) {
            continue;
        }
        made[act] = true;
        tile_of(in.count, row, &first, &w);
        tile = p->acts[act] + (in.first + first) * act_size(act, k);
        if (act == KERNEL_ACT_F32) {
            for (size_t j = 0; j < k; j++) {
                memcpy(tile + 4 * (j * w + (row - first)), x + j, 4);
            }
        } else {
            finite = (act == KERNEL_ACT_32 ? p->k->quantise_32 : p->k->quantise_256)(x, k, tile, w,
                                                                                     (unsigned)(row - first)) &&
                     finite;
        }
    }
    return finite;
}

void products_add(struct products *p, const struct matrix *m, struct inputs in, float *out, size_t stride)
{
    if (in.count != 0) {
        p->list[p->count++] = (struct product){m, in, out, stride, p->panels};
        p->panels += m->panels;
    }
}

/* The product that a panel of the whole list belongs to. */
static const struct product *product_of(const struct products *p, size_t panel)
{
    size_t low = 0, high = p->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        *(p->list[middle].before <= panel ? &low : &high) = middle;
    }
    return &p->list[low];
}

static void group_run(void *arg, size_t item, unsigned thread)
{
    const struct products *p = arg;
    size_t last = (item + 1) * p->group;

    (void)thread;
    last = last < p->panels ? last : p->panels;
    for (size_t panel = item * p->group; panel < last; panel++) {
        const struct product *q = product_of(p, panel);
        const struct matrix *m = q->m;
        enum kernel_act act = panel_act(m->kind);
        const uint8_t *acts = p->acts[act] + q->in.first * act_size(act, m->k);
        size_t at = panel - q->before;
        unsigned w;

        for (size_t row = 0; row < q->in.count; row += w) {
            size_t first;

            tile_of(q->in.count, row, &first, &w);
            p->k->tile[m->kind](m->p + at * m->panel_size, acts + row * act_size(act, m->k),
                                m->k / panel_block(m->kind), w, q->out + row * q->stride + at * KERNEL_ROWS, q->stride);
        }
    }
}

void products_run(struct products *p)
{
    p->group = p->panels / (pool_threads(p->pool) * (size_t)PARTS) + 1;
    pool_run(p->pool, group_run, p, (p->panels + p->group - 1) / p->group);
    p->count = 0;
    p->panels = 0;
}

/* Of one form of the inputs. */
static size_t acts_size(enum kernel_act act, const struct products_use *uses, size_t use_count)
{
    size_t most = 0;

    for (size_t i = 0; i < use_count; i++) {
        size_t size = uses[i].rows * act_size(act, uses[i].k);

        most = size > most ? size : most;
    }
    return (most + ALIGN - 1) / ALIGN * ALIGN;
}

double products_size(const struct products_use *uses, size_t use_count)
{
    double all = 0;

    for (int act = 0; act < KERNEL_ACT_COUNT; act++) {
        all += (double)acts_size((enum kernel_act)act, uses, use_count);
    }
    return all;
}

bool products_new(const struct kernels *k, struct pool *pool, const struct products_use *uses, size_t use_count,
                  size_t list_max, struct products **out, struct err *err)
{
    struct products *p = calloc(1, sizeof *p);
    bool ok = p != NULL;

    if (ok) {
        p->k = k;
        p->pool = pool;
        p->list = calloc(list_max, sizeof *p->list);
        ok = p->list != NULL;
    }
    for (int act = 0; ok && act < KERNEL_ACT_COUNT; act++) {
        p->sizes[act] = acts_size((enum kernel_act)act, uses, use_count);
        p->acts[act] = aligned_alloc(ALIGN, p->sizes[act]);
        ok = p->acts[act] != NULL;
    }
    if (!ok) {
        products_free(p);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "inputs of products");
    }
    *out = p;
    return true;
}

void products_free(struct products *p)
{
    if (p == NULL) {
        return;
    }
    for (int act = 0; act < KERNEL_ACT_COUNT; act++) {
        free(p->acts[act]);
    }
    free(p->list);
    free(p);
}

void products_wipe(struct products *p)
{
    for (int act = 0; act < KERNEL_ACT_COUNT; act++) {
        wipe(p->acts[act], p->sizes[act]);
    }
}
