#include "model/summary.h"

#include <stdio.h>

/* general.file_type (llama.h: llama_ftype), as Ollama spells it. */
static const struct {
    uint32_t id;
    const char *name;
} file_types[] = {
    {0, "F32"},     {1, "F16"},     {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},    {8, "Q5_0"},    {9, "Q5_1"},
    {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"}, {13, "Q3_K_L"}, {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"},
    {17, "Q5_K_M"}, {18, "Q6_K"},   {25, "IQ4_NL"}, {30, "IQ4_XS"}, {32, "BF16"},   {38, "MXFP4"},
};

static const char *most_weights(const struct gguf *g)
{
    const char *name = "unknown";
    uint64_t most = 0;

    for (uint32_t i = 0; i < QUANT_IDS; i++) {
        const struct quant_type *type = quant_type_get(i);
        uint64_t sum = 0;

        for (size_t j = 0; j < g->tensor_count; j++) {
            sum += g->tensors[j].type == type ? g->tensors[j].weights : 0;
        }
        if (sum > most) {
            most = sum;
            name = type->name;
        }
    }
    return name;
}

static const char *file_type(const struct gguf *g)
{
    struct err ignored;
    uint32_t id;

    if (gguf_find(g, "general.file_type") != NULL && gguf_get_u32(g, "general.file_type", &id, &ignored)) {
        for (size_t i = 0; i < sizeof file_types / sizeof file_types[0]; i++) {
            if (file_types[i].id == id) {
                return file_types[i].name;
            }
        }
    }
    return most_weights(g);
}

/* As Ollama prints counts. */
static void count_print(uint64_t n, char out[16])
{
    double b = (double)n;

    if (n >= 1000000000) {
        (void)snprintf(out, 16, n % 1000000000 == 0 ? "%.0fB" : "%.1fB", b / 1e9);
    } else if (n >= 1000000) {
        (void)snprintf(out, 16, n % 1000000 == 0 ? "%.0fM" : "%.2fM", b / 1e6);
    } else if (n >= 1000) {
        (void)snprintf(out, 16, "%.0fK", b / 1e3);
    } else {
        (void)snprintf(out, 16, "%u", (unsigned)n);
    }
}

static uint32_t number(const struct gguf *g, const char *architecture, const char *name)
{
    char key[128];
    struct err ignored;
    uint32_t v = 0;

    (void)snprintf(key, sizeof key, "%s.%s", architecture, name);
    return gguf_find(g, key) != NULL && gguf_get_u32(g, key, &v, &ignored) ? v : 0;
}

void summary_make(const struct gguf *g, struct summary *out)
{
    struct summary s = {.file_type = file_type(g)};
    struct bytes name;
    struct err ignored;

    if (gguf_find(g, "general.architecture") != NULL && gguf_get_str(g, "general.architecture", &name, &ignored) &&
        name.len < sizeof s.architecture) {
        memcpy(s.architecture, name.p, name.len);
    }
    for (size_t i = 0; i < g->tensor_count; i++) {
        s.weights += g->tensors[i].weights;
    }
    count_print(s.weights, s.parameters);
    s.context = number(g, s.architecture, "context_length");
    s.embedding = number(g, s.architecture, "embedding_length");
    *out = s;
}
