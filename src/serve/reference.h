/* What a policy demands of a service of this installation, computed from its files, never from what a service says:
 * {"config":[sha384],"model":[sha384],"program":[sha384...],"web":[sha384]}, the form of a policy's `service`. */
#ifndef SOTTO_SERVE_REFERENCE_H
#define SOTTO_SERVE_REFERENCE_H

#include "serve/config.h"

/* Appended. Reads the model file once. MODEL_*, STORE_*, FILE_*, GGUF_*. */
MUST_USE bool reference_print(const struct config *c, struct buf *out, struct err *err);

#endif
