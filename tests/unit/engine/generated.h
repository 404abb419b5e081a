/* Engines over generated models (gen_model.h), and the digest of what they compute. */
#ifndef SOTTO_TESTS_GENERATED_H
#define SOTTO_TESTS_GENERATED_H

#include "../../gen_model.h"
#include "crypto/hash.h"
#include "engine/engine.h"

#define DIGEST_TEXT (2 * SHA256_SIZE + 1)

struct engine *generated_open(const struct gen_model *m, const struct engine_setup *setup);

/* i * 37 + 5, within the vocabulary. */
void generated_prompt(const struct gen_model *m, uint32_t *ids, size_t count);
/* Of these tokens, all positions: count * m->vocab, the caller's to free. */
float *generated_logits(struct engine *e, const struct gen_model *m, const uint32_t *ids, size_t count);

void digest_print(struct bytes data, char out[DIGEST_TEXT]); /* SHA-256 */
/* Of the logits of the prompt's count tokens; closes the engine. */
void generated_digest(struct engine *e, const struct gen_model *m, size_t count, char out[DIGEST_TEXT]);

#endif
