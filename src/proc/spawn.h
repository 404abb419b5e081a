/* The sealed program and the processes that are started from it (docs/formats.md, section 3): what was hashed is what
 * runs, because no file is read again. */
#ifndef SOTTO_PROC_SPAWN_H
#define SOTTO_PROC_SPAWN_H

#include "base/err.h"
#include "crypto/hash.h"

#include <sys/types.h>

/* A descriptor of the program that this process runs, whose bytes nobody can change any more (a sealed memfd).
 * *sealed_here: this process itself was started from it; else the descriptor is of a new copy. SANDBOX_FAILED,
 * FILE_IO. */
MUST_USE bool spawn_program_open(int *fd, bool *sealed_here, struct err *err);

/* SHA-384 of a file from its first byte to its last, by pread. FILE_IO. */
MUST_USE bool spawn_fd_sha384(int fd, const char *name, uint8_t out[SHA384_SIZE], struct err *err);

/* Becomes the program behind fd, with the same arguments and environment. Returns only on failure. */
MUST_USE bool spawn_exec(int fd, char *const argv[], struct err *err);

#define SPAWN_CONTROL_FD 3 /* the control channel's number in a child */

/* Starts `sotto serve --role=ROLE` from the program behind fd. The child has stdin from /dev/null, our stdout and
 * stderr, control at SPAWN_CONTROL_FD, no other descriptor and an empty environment; it is killed when this process
 * ends. */
MUST_USE bool spawn_role(int program, const char *role, int control, pid_t *pid, struct err *err);

#endif
