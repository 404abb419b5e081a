/* MODEL on a command line: the path of a GGUF file, or the name of a model in the store. */
#ifndef SOTTO_CLI_MODEL_FILE_H
#define SOTTO_CLI_MODEL_FILE_H

#include "engine/engine.h"
#include "store/store.h"

/* A path if a file is there, or if it can be nothing else (it begins with '.' or '/' or ends in ".gguf"). The caller
 * closes *fd. */
MUST_USE bool model_file_open(const char *operand, int *fd, struct err *err);

/* All files of a model: of NAME-00001-of-0000N.gguf the others beside it too. What the engine opens, and room for what
 * it says of each. */
struct model_files {
    struct engine_source source;
    struct engine_part *more;
    struct identity *identity; /* source.more_count + 1 */
};
MUST_USE bool model_files_open(const char *operand, struct model_files *out, struct err *err);
void model_files_done(struct model_files *m); /* an empty one is accepted */

/* An open model file's metadata and tensor table. */
struct model_header {
    int fd;
    struct buf bytes;
    struct gguf gguf;
};
MUST_USE bool model_header_open(const char *operand, struct model_header *out, struct err *err);
void model_header_done(struct model_header *h); /* one that was never opened is accepted if fd is -1 */

/* All of standard input. FILE_SIZE. */
MUST_USE bool model_stdin_read(struct buf *out, struct err *err);

#endif
