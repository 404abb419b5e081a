/* A model in a few words, as `show`, `list` and the API's `details` say them. */
#ifndef SOTTO_MODEL_SUMMARY_H
#define SOTTO_MODEL_SUMMARY_H

#include "model/gguf.h"

struct summary {
    char architecture[65]; /* general.architecture; "" if the file does not say */
    char parameters[16];   /* "134.52M" */
    const char *file_type; /* "Q4_1", "Q4_K_M", "unknown": by general.file_type, else the type of most weights */
    uint64_t weights;
    uint32_t context, embedding; /* trained context, hidden size; 0: the file does not say */
};

void summary_make(const struct gguf *g, struct summary *out);

#endif
