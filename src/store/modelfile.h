/* Modelfiles, as far as this version goes: one FROM with the path of a GGUF file, and comments. The other commands of
 * Ollama's Modelfiles change how a model answers: they are refused by name, not passed over. Pure. */
#ifndef SOTTO_STORE_MODELFILE_H
#define SOTTO_STORE_MODELFILE_H

#include "base/bytes.h"
#include "base/err.h"

#define MODELFILE_FROM_SIZE 4096

/* The path as it is written, relative to the Modelfile's folder. MODELFILE_FORM, with the line's offset. */
MUST_USE bool modelfile_parse(struct bytes text, char from[MODELFILE_FROM_SIZE], struct err *err);

#endif
