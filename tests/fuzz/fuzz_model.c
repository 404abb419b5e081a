/* A model's header that the engine is to compute by: shape, places of the tensors, tokenizer, memory. The input is a
 * GGUF file; behind it stand as many zero bytes as its tensors want, within limits, so that small inputs are whole
 * models. Contract: it opens, within the memory that it was given, and computes finite logits of every token that it is
 * asked for, or it fails with a reason. */
#include "engine/engine.h"
#include "model/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_MAX MIB(2)
#define MEMORY MIB(32)
#define TOKENS 3U
#define CHUNK 2U

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void compute(struct engine *e)
{
    struct engine_info info;
    uint32_t ids[TOKENS];
    struct err err;
    float *logits;

    engine_info(e, &info);
    must(info.vocabulary > 0 && info.memory <= MEMORY);
    for (uint32_t i = 0; i < TOKENS; i++) {
        ids[i] = (i * 7 + 1) % info.vocabulary;
    }
    logits = calloc((size_t)TOKENS * info.vocabulary, sizeof *logits);
    must(logits != NULL);
    if (engine_logits(e, ids, TOKENS, false, logits, &err)) {
        for (size_t i = 0; i < (size_t)TOKENS * info.vocabulary; i++) {
            must(isfinite(logits[i]));
        }
    } else {
        must(err.reason == REASON_MODEL_DEFECT || err.reason == REASON_CONTEXT_FULL);
    }
    free(logits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct engine_setup setup = {.threads = 1, .chunk = CHUNK, .memory = MEMORY};
    struct engine_source source = {.name = "fuzz", .fd = memfd_create("model", MFD_CLOEXEC)};
    struct identity identity;
    struct engine *e = NULL;
    struct gguf g;
    struct err err;

    must(source.fd >= 0);
    must(write(source.fd, data, size) == (ssize_t)size);
    if (size < FILE_MAX && gguf_parse_header(bytes_of(data, size), FILE_MAX, &g, &err)) {
        must(ftruncate(source.fd, FILE_MAX) == 0);
        gguf_done(&g);
    }
    if (engine_open(&source, &setup, &e, &identity, &err)) {
        compute(e);
        engine_close(e);
    } else {
        must(err.reason != REASON_OK && err.reason != REASON_NO_MEMORY);
    }
    (void)close(source.fd);
    return 0;
}
