/* Whole files. Errors name the path: FILE_ABSENT, FILE_ACCESS, FILE_IO, FILE_SIZE. */
#ifndef SOTTO_OS_FILE_H
#define SOTTO_OS_FILE_H

#include "base/buf.h"

/* Appends the whole file to out, at most out->max. */
MUST_USE bool file_read(const char *path, struct buf *out, struct err *err);
MUST_USE bool file_read_fd(int fd, const char *name, struct buf *out, struct err *err); /* up to its end */

/* All or nothing, also across a power failure: a temporary file in the same folder, fsync, rename, fsync of the folder.
 */
MUST_USE bool file_write(const char *path, unsigned mode, struct bytes b, struct err *err);

/* Removes the temporary files that a file_write() of this path left when it was killed. Only for whoever alone writes
 * it. */
void file_sweep(const char *path);

/* For an output that the operator names: like file_write(), but a link, a device or a pipe is written to as it is,
 * never replaced. */
MUST_USE bool file_put(const char *path, unsigned mode, struct bytes b, struct err *err);

/* Appends and syncs: returns only when the bytes are on the disk. The file is made if absent. */
MUST_USE bool file_append_sync(const char *path, unsigned mode, struct bytes b, struct err *err);

/* Every byte to fd, over short writes and EINTR. */
MUST_USE bool file_write_fd(int fd, const char *name, struct bytes b, struct err *err);

/* The folder and those above it that are missing, like mkdir -p. */
MUST_USE bool file_mkdir(const char *path, unsigned mode, struct err *err);

MUST_USE bool file_remove(const char *path, struct err *err); /* absent is fine */
bool file_exists(const char *path);

/* Standard input, output and error, if whoever started this program left them closed: taken, and still of no use. Else
 * the next file that is opened gets the number, and what is printed goes into it. */
void file_stdio_open(void);

/* FAIL with the reason that errno_value maps to, and the path. Always false. */
bool file_fail(struct err *err, const char *path, int errno_value);

#endif
