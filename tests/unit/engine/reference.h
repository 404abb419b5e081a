/* A second forward pass, for comparison: the whole sequence at once, in double, with libm, from what is published of
 * each family. It shares with the engine only the reading of files and the values of quantised blocks. */
#ifndef SOTTO_TESTS_REFERENCE_H
#define SOTTO_TESTS_REFERENCE_H

#include "base/bytes.h"

/* n * vocabulary logits of a GGUF file of any family, for the caller to free; the test fails where the file is wrong.
 */
double *reference_logits(struct bytes file, const uint32_t *ids, size_t n, size_t *vocabulary);

#endif
