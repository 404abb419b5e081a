#include "engine/embed.h"

#include <stdio.h>

bool embed_pooling_read(const struct gguf *g, enum embed_pooling *out, struct err *err)
{
    struct bytes architecture;
    uint32_t value = EMBED_NONE;
    char key[128];

    if (!gguf_get_str(g, "general.architecture", &architecture, err)) {
        return false;
    }
    (void)snprintf(key, sizeof key, "%.*s.pooling_type", (int)(architecture.len < 64 ? architecture.len : 64),
                   (const char *)architecture.p);
    if (gguf_find(g, key) != NULL && !gguf_get_u32(g, key, &value, err)) {
        return false;
    }
    if (value > EMBED_RANK) {
        return FAIL(err, REASON_MODEL_ARCHITECTURE, gguf_find(g, key)->offset, "%s is %u", key, value);
    }
    *out = value == EMBED_NONE ? EMBED_LAST : (enum embed_pooling)value;
    return true;
}

bool embed_takes(enum embed_pooling pooling, size_t position, size_t count)
{
    return pooling == EMBED_MEAN || position == (pooling == EMBED_FIRST ? 0 : count - 1);
}

void embed_add(const float *row, size_t n, double *sum)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] = sum[i] + (double)row[i];
    }
}

void embed_end(const double *sum, size_t taken, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)(sum[i] / (double)taken);
    }
}

void embed_normalise(float *v, size_t n)
{
    double square = 0.0, length;

    for (size_t i = 0; i < n; i++) {
        square = square + (double)v[i] * (double)v[i];
    }
    length = __builtin_sqrt(square); /* one instruction: nothing of libm */
    for (size_t i = 0; length > 0.0 && i < n; i++) {
        v[i] = (float)((double)v[i] / length);
    }
}
