/* A local socket with a deadline: what devices speak through. Errors: NO_QUOTE_DEVICE (nobody listens there),
 * DEVICE_FAILED, DEVICE_TIMEOUT. */
#ifndef SOTTO_DEVICE_SOCK_H
#define SOTTO_DEVICE_SOCK_H

#include "base/bytes.h"
#include "base/err.h"

#include <sys/un.h>

/* The address of a socket's path. One that is too long for an address (107 bytes) is reached through its open folder:
 * *dir_fd is then to be closed after use, else -1. */
MUST_USE bool sock_address(const char *path, struct sockaddr_un *out, int *dir_fd, struct err *err);

/* deadline: of clock_monotonic_ns(). */
MUST_USE bool sock_connect(const char *path, uint64_t deadline, int *fd, struct err *err);
MUST_USE bool sock_send(int fd, struct bytes b, uint64_t deadline, struct err *err);
MUST_USE bool sock_recv(int fd, void *out, size_t n, uint64_t deadline, struct err *err); /* exactly n bytes */

#endif
