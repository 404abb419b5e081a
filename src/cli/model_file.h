/* MODEL on a command line: the path of a GGUF file, or the name of a model in the store. */
#ifndef SOTTO_CLI_MODEL_FILE_H
#define SOTTO_CLI_MODEL_FILE_H

#include "engine/engine.h"
#include "store/store.h"

/* All files of a model, named for messages. */
struct model_files {
    struct engine_part files[LIMIT_MODEL_FILES];
    size_t count;
};
/* A path if a file is there, or if it can be nothing else (it begins with '.' or '/' or ends in ".gguf"). */
MUST_USE bool model_files_open(const char *operand, struct model_files *out, struct err *err);
/* Of NAME-00001-of-0000N.gguf the others beside it too. */
MUST_USE bool model_files_open_path(const char *first, struct model_files *out, struct err *err);
void model_files_done(struct model_files *m); /* an empty one is accepted */

/* Their metadata and tensor tables. */
struct model_header {
    struct model_files files;
    struct store_headers headers;
};
MUST_USE bool model_header_open(const char *operand, struct model_header *out, struct err *err);
void model_header_done(struct model_header *h); /* an empty one is accepted */

/* All of standard input. FILE_SIZE. */
MUST_USE bool model_stdin_read(struct buf *out, struct err *err);

#endif
