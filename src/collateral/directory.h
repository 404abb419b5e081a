/* A collateral directory (docs/formats.md, section 7): its files as they are, for verify/. Names decide nothing here,
 * except which files are read: *.json, *.pem, *.der. */
#ifndef SOTTO_COLLATERAL_DIRECTORY_H
#define SOTTO_COLLATERAL_DIRECTORY_H

#include "base/limits.h"
#include "evidence/document.h"

struct directory {
    struct document_file files[LIMIT_COLLATERAL_FILES]; /* names and contents: the directory's own memory */
    int64_t times[LIMIT_COLLATERAL_FILES];              /* when each was written, seconds since 1970; 0: not said */
    size_t count;
};

bool directory_is_name(const char *name); /* of a file that counts */

/* FILE_*; LIMIT_COLLATERAL bytes a file, LIMIT_COLLATERAL_FILES files. In the order of their names. A directory that
 * directory_store() replaces meanwhile is read as it was, or as it is then. */
MUST_USE bool directory_open(const char *path, struct directory *out, struct err *err);
void directory_close(struct directory *d);

/* A copy of content; one of that name that is there already goes. FILE_SIZE, NO_MEMORY. */
MUST_USE bool directory_add(struct directory *d, const char *name, struct bytes content, struct err *err);

void directory_remove(struct directory *d, size_t i); /* the last one takes its number */

struct bytes directory_get(const struct directory *d, const char *name); /* p NULL: none; borrowed */

/* Every file of d into the directory at path, which is made if absent; other files in it stay. All or nothing, also
 * when this process is killed or the power fails: who reads the directory finds the old set or the new one. Programs
 * that store into one directory take turns. (A directory that holds anything but collateral, that is a mount point or
 * another user's, is written file by file instead: each whole, the set not.)
 * FILE_*; COLLATERAL_BUSY after 10 s; COLLATERAL_ROOT: its chains end in another root than d's. */
MUST_USE bool directory_store(const char *path, const struct directory *d, struct err *err);

#endif
