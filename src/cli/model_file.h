/* MODEL on a command line: the path of a GGUF file, or the name of a model in the store. */
#ifndef SOTTO_CLI_MODEL_FILE_H
#define SOTTO_CLI_MODEL_FILE_H

#include "store/store.h"

/* A path if a file is there, or if it can be nothing else (it begins with '.' or '/' or ends in ".gguf"). The caller
 * closes *fd. */
MUST_USE bool model_file_open(const char *operand, int *fd, struct err *err);

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
