#include "test.h"

#include "generated.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct engine *generated_open(const struct gen_model *m, const struct engine_setup *setup)
{
    struct err err = {0};
    struct identity identity;
    struct engine *e = NULL;
    struct engine_source source = {.name = "generated", .fd = gen_model_fd(m, &err)};

    assert_true(source.fd >= 0);
    assert_ok(engine_open(&source, setup, &e, &identity, &err), err);
    (void)close(source.fd);
    return e;
}

void generated_prompt(const struct gen_model *m, uint32_t *ids, size_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = (i * 37 + 5) % m->vocab;
    }
}

float *generated_logits(struct engine *e, const struct gen_model *m, const uint32_t *ids, size_t count)
{
    float *logits = calloc(count * m->vocab, sizeof *logits);
    struct err err = {0};

    assert_non_null(logits);
    assert_ok(engine_logits(e, ids, count, false, logits, &err), err);
    return logits;
}

void digest_print(struct bytes data, char out[DIGEST_TEXT])
{
    uint8_t digest[SHA256_SIZE];

    hash_bytes(HASH_SHA256, data, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

void generated_digest(struct engine *e, const struct gen_model *m, size_t count, char out[DIGEST_TEXT])
{
    uint32_t *ids = calloc(count, sizeof *ids);
    float *logits;

    assert_non_null(ids);
    generated_prompt(m, ids, count);
    logits = generated_logits(e, m, ids, count);
    digest_print(bytes_of(logits, count * m->vocab * sizeof *logits), out);
    free(logits);
    free(ids);
    engine_close(e);
}
