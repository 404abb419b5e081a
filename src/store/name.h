/* Names of models, as Ollama spells them: [HOST/][NAMESPACE/]MODEL[:TAG]. What is left out is registry.ollama.ai,
 * library, latest. Letters, digits, '_', '-', '.'; a part begins with a letter, a digit or '_', so that no part is a
 * way out of a folder. Names are equal whatever the case of their letters. Pure. */
#ifndef SOTTO_STORE_NAME_H
#define SOTTO_STORE_NAME_H

#include "base/err.h"

#define STORE_NAME_SIZE 256 /* of a printed one; longer names are refused */

struct store_name {
    char host[128], namespace[81], model[81], tag[81];
};

/* MODEL_NAME. */
MUST_USE bool name_parse(const char *text, struct store_name *out, struct err *err);

/* The shortest form, always with the tag: "smollm2:135m". */
void name_print(const struct store_name *n, char out[STORE_NAME_SIZE]);

bool name_equal(const char *a, const char *b); /* of parts: ASCII letters of either case */

#endif
