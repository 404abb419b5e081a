/* Paths and the manifest form of the store. Used inside of store/ alone. */
#ifndef SOTTO_STORE_LAYOUT_H
#define SOTTO_STORE_LAYOUT_H

#include "store/store.h"

#define LAYOUT_TEMP_PREFIX ".sotto-" /* of files in blobs/ that are not finished */

/* USAGE if the path is too long. */
__attribute__((format(printf, 4, 5))) MUST_USE bool layout_path(const struct store *s, char out[STORE_PATH_MAX],
                                                                struct err *err, const char *fmt, ...);

MUST_USE bool layout_blob_path(const struct store *s, const uint8_t sha256[SHA256_SIZE], char out[STORE_PATH_MAX],
                               struct err *err);

/* An image manifest: the configuration and the model layers, one a file; kinds of other layers go to m->unused.
 * STORE_FORM.
 */
MUST_USE bool layout_manifest_parse(struct bytes text, struct store_model *m, struct store_layer *config,
                                    struct err *err);
MUST_USE bool layout_manifest_print(const struct store_layer *config, const struct store_model *m, struct buf *out,
                                    struct err *err);

/* The configuration: format, family, parameters, file type. */
MUST_USE bool layout_config_parse(struct bytes text, struct store_model *m, struct err *err);
MUST_USE bool layout_config_print(const struct store_model *m, struct buf *out, struct err *err);

#endif
