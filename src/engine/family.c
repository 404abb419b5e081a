#include "engine/family.h"

#define USUAL .scaling = "linear", .rope_base = 10000.0, .attn_output = "attn_output", .ffn_norm = "ffn_norm"
#define GPT_OSS \
    .neox = true, .qkv_bias = true, .o_bias = true, .sinks = true, .window = 2, .gate = KERNEL_GATE_CLAMP, \
    .experts = FAMILY_EXPERTS, .expert_bias = true, .scaling = "yarn", .rope_base = 150000.0

/* docs/engine.md has this table in words. Not named: false, 0, KERNEL_GATE_SILU, FAMILY_DENSE. */
static const struct family families[] = {
    {.name = "llama", USUAL, .rope_factors = true, .experts = FAMILY_EITHER},
    {.name = "qwen2", USUAL, .neox = true, .qkv_bias = true},
    {.name = "qwen3", USUAL, .neox = true, .qk_norm = true},
    {.name = "gemma3",
     .neox = true,
     .qk_norm = true,
     .post_norms = true,
     .embedding_scale = true,
     .window = 6,
     .gate = KERNEL_GATE_GELU,
     .scaling = "linear",
     .rope_base = 1000000.0,
     .rope_base_slide = 10000.0,
     .eps = 1e-6F,
     .attn_output = "attn_output",
     .ffn_norm = "ffn_norm",
     .vision = true},
    {.name = "gpt-oss",
     GPT_OSS,
     .attn_output = "attn_output",
     .attn_sinks = "attn_sinks.weight",
     .ffn_norm = "post_attention_norm"},
    /* the same, as the Ollama library's files name it */
    {.name = "gptoss", GPT_OSS, .attn_output = "attn_out", .attn_sinks = "attn_sinks", .ffn_norm = "ffn_norm"},
    {.name = "deepseek2", USUAL, .mla = true, .experts = FAMILY_EITHER},
};

const struct family *family_find(struct bytes name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (bytes_equal(name, bytes_of_str(families[i].name))) {
            return &families[i];
        }
    }
    return NULL;
}
