/* The engine's logits beside another program's. */
#ifndef SOTTO_TESTS_VECTORS_H
#define SOTTO_TESTS_VECTORS_H

#include "engine/engine.h"

/* The model engine/NAME.gguf of the vectors, the logits under `key` in engine/NAME.json: the normalised mean square of
 * the differences of each sequence is at most limit, and on the exact path the greedy tokens are equal. */
void vectors_compare(const char *name, bool exact, enum engine_kv kv, const char *key, double limit);

#endif
