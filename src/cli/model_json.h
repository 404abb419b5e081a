/* How models of the store are written as JSON: as Ollama's /api/tags has them. */
#ifndef SOTTO_CLI_MODEL_JSON_H
#define SOTTO_CLI_MODEL_JSON_H

#include "store/store.h"

/* {"name","model","modified_at","size","digest","details":{...}} without the closing brace. */
MUST_USE bool model_json_open(const struct store_model *m, struct buf *out, struct err *err);

#define MODEL_ID_SIZE 13 /* 12 digits, as `list` shows them */
void model_id_print(const struct store_model *m, char out[MODEL_ID_SIZE]);

#endif
