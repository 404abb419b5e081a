#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool port_parse(const char *text, uint16_t *out)
{
    unsigned value = 0;

    if (text[0] == '\0' || strlen(text) > 5) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(*text - '0');
    }
    *out = (uint16_t)value;
    return value <= 65535;
}

static bool host_parse(const char *host, size_t len, struct address *a)
{
    unsigned char binary[16];

    if (len == 0 || (len == 9 && memcmp(host, "localhost", 9) == 0)) {
        host = "127.0.0.1";
        len = 9;
    }
    if (len >= sizeof a->host) {
        return false;
    }
    memcpy(a->host, host, len);
    a->host[len] = '\0';
    return inet_pton(a->v6 ? AF_INET6 : AF_INET, a->host, binary) == 1;
}

bool address_parse(const char *text, struct address *out, struct err *err)
{
    struct address a = {0};
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    const char *host = text;

    if (colon != NULL && len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        a.v6 = true;
        host++;
        len -= 2;
    }
    if (colon == NULL || !port_parse(colon + 1, &a.port) || !host_parse(host, len, &a)) {
        return FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "%s: a numeric address and a port are wanted", text);
    }
    *out = a;
    return true;
}

void address_print(const struct address *a, char out[ADDRESS_SIZE])
{
    (void)snprintf(out, ADDRESS_SIZE, a->v6 ? "[%s]:%u" : "%s:%u", a->host, a->port);
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t native(const struct address *a, union any_address *out)
{
    memset(out, 0, sizeof *out);
    if (a->v6) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(a->port);
        (void)inet_pton(AF_INET6, a->host, &out->v6.sin6_addr);
        return sizeof out->v6;
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(a->port);
    (void)inet_pton(AF_INET, a->host, &out->v4.sin_addr);
    return sizeof out->v4;
}

bool address_is_loopback(const struct address *a)
{
    union any_address n;

    (void)native(a, &n);
    return a->v6 ? IN6_IS_ADDR_LOOPBACK(&n.v6.sin6_addr) != 0 : ntohl(n.v4.sin_addr.s_addr) >> 24 == 127;
}

bool listen_open(const struct address *a, bool plain, int *fd, struct err *err)
{
    union any_address n;
    socklen_t size = native(a, &n);
    char name[ADDRESS_SIZE];
    int on = 1, s;

    address_print(a, name);
    if (plain && !address_is_loopback(a)) {
        return FAIL(err, REASON_ADDRESS_PLAIN, ERR_NOWHERE, "%s", name);
    }
    s = socket(a->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) {
        return FAIL(err, REASON_CONNECT_FAILED, ERR_NOWHERE, "%s: socket: %s", name, strerror(errno));
    }
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->v6) {
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(s, &n.any, size) != 0) {
        int e = errno;

        (void)close(s);
        return FAIL(err, e == EADDRINUSE ? REASON_ADDRESS_IN_USE : REASON_CONNECT_FAILED, ERR_NOWHERE, "%s: %s", name,
                    strerror(e));
    }
    *fd = s;
    return true;
}

bool listen_address(int fd, struct address *out, struct err *err)
{
    union any_address n = {0};
    socklen_t size = sizeof n;
    struct address a = {0};

    if (getsockname(fd, &n.any, &size) != 0 || (n.any.sa_family != AF_INET && n.any.sa_family != AF_INET6)) {
        return FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "the descriptor is no bound internet socket");
    }
    a.v6 = n.any.sa_family == AF_INET6;
    a.port = ntohs(a.v6 ? n.v6.sin6_port : n.v4.sin_port);
    (void)inet_ntop(n.any.sa_family, a.v6 ? (const void *)&n.v6.sin6_addr : (const void *)&n.v4.sin_addr, a.host,
                    sizeof a.host);
    *out = a;
    return true;
}
