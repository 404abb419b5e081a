/* Addresses and listening sockets. Apart from server.h, because the process that opens them need not be the one that
 * serves. */
#ifndef SOTTO_NET_LISTEN_H
#define SOTTO_NET_LISTEN_H

#include "base/err.h"

#include <stdint.h>

struct address {
    char host[256]; /* a numeric IPv4 or IPv6 address, without brackets; "localhost" becomes 127.0.0.1 */
    uint16_t port;  /* 0: the kernel chooses */
    bool v6;
};

/* "HOST:PORT", "[V6]:PORT", ":PORT" (127.0.0.1). ADDRESS_FORM. */
MUST_USE bool address_parse(const char *text, struct address *out, struct err *err);
#define ADDRESS_SIZE 300
void address_print(const struct address *a, char out[ADDRESS_SIZE]); /* "127.0.0.1:11434", "[::1]:11434" */
bool address_is_loopback(const struct address *a);                   /* 127.0.0.0/8, ::1 */

/* A bound socket, non-blocking, closed on exec; it refuses connections until server_listen() takes it. plain: without
 * TLS, so only on a loopback address: ADDRESS_PLAIN. ADDRESS_IN_USE, CONNECT_FAILED. */
MUST_USE bool listen_open(const struct address *a, bool plain, int *fd, struct err *err);
/* Where a listening socket is bound: the port that the kernel chose. */
MUST_USE bool listen_address(int fd, struct address *out, struct err *err);

#endif
