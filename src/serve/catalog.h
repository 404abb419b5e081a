/* What the store's models say of themselves, for the routes that list and show them. Reads hostile files: in the
 * engine's process, which is confined; the others pass the result on. */
#ifndef SOTTO_SERVE_CATALOG_H
#define SOTTO_SERVE_CATALOG_H

#include "codec/json.h"
#include "store/store.h"

/* {"name","size","modified","digest","architecture","parameter_size","quantization"}: what the store knows. */
MUST_USE bool catalog_entry(const struct store_model *m, json_t **out, struct err *err);

/* Adds "template" and "info" (metadata; long arrays are null) from the open file to an entry. */
MUST_USE bool catalog_describe(json_t *entry, int fd, struct err *err);

#endif
