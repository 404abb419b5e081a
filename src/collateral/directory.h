/* A collateral directory (docs/formats.md, section 7): its files as they are, for verify/. Names decide nothing here,
 * except which files are read: *.json, *.pem, *.der. */
#ifndef SOTTO_COLLATERAL_DIRECTORY_H
#define SOTTO_COLLATERAL_DIRECTORY_H

#include "base/limits.h"
#include "evidence/document.h"

struct directory {
    struct document_file files[LIMIT_COLLATERAL_FILES]; /* names and contents: the directory's own memory */
    size_t count;
};

/* FILE_*; LIMIT_COLLATERAL bytes a file, LIMIT_COLLATERAL_FILES files. In the order of their names. */
MUST_USE bool directory_open(const char *path, struct directory *out, struct err *err);
/* A file from anywhere, under the name that its content would have in the directory; instead of one of that name.
 * FILE_*. */
MUST_USE bool directory_put(struct directory *d, const char *path, const char *name, struct err *err);
void directory_close(struct directory *d);

#endif
