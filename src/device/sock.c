#include "device/sock.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool sock_wait(int fd, short events, uint64_t deadline, struct err *err)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        uint64_t now = clock_monotonic_ns();
        int n;

        if (now >= deadline) {
            return FAIL(err, REASON_DEVICE_TIMEOUT, ERR_NOWHERE, "the device's socket stays silent");
        }
        n = poll(&p, 1, (int)((deadline - now) / 1000000 + 1));
        if (n > 0) {
            return true;
        }
        if (n < 0 && errno != EINTR) {
            return FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "poll: %s", strerror(errno));
        }
    }
}

static bool connect_fail(const char *path, int e, struct err *err)
{
    bool absent = e == ENOENT || e == ECONNREFUSED || e == ENOTDIR;

    return FAIL(err, absent ? REASON_NO_QUOTE_DEVICE : REASON_DEVICE_FAILED, ERR_NOWHERE, "%s: %s", path, strerror(e));
}

bool sock_address(const char *path, struct sockaddr_un *out, int *dir_fd, struct err *err)
{
    const char *name = strrchr(path, '/');
    char dir[4096];
    int fd, n;

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    *dir_fd = -1;
    if (strlen(path) < sizeof out->sun_path) {
        memcpy(out->sun_path, path, strlen(path) + 1);
        return true;
    }
    if (name == NULL || (size_t)(name - path) >= sizeof dir) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "%.100s...: the path is too long", path);
    }
    memcpy(dir, path, (size_t)(name - path));
    dir[name - path] = '\0';
    fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return connect_fail(dir, errno, err);
    }
    n = snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d%s", fd, name);
    if (n < 0 || (size_t)n >= sizeof out->sun_path) {
        (void)close(fd);
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "%.100s...: the path is too long", path);
    }
    *dir_fd = fd;
    return true;
}

static bool connect_until(int fd, const struct sockaddr_un *a, const char *path, uint64_t deadline, struct err *err)
{
    for (;;) { /* EAGAIN: the listener's queue is full; there is nothing to wait for but time */
        if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0) {
            return true;
        }
        if ((errno != EAGAIN && errno != EINTR) || clock_monotonic_ns() >= deadline) {
            return connect_fail(path, errno, err);
        }
        (void)poll(NULL, 0, 10);
    }
}

bool sock_connect(const char *path, uint64_t deadline, int *out, struct err *err)
{
    struct sockaddr_un a;
    int fd, dir_fd;
    bool ok;

    if (!sock_address(path, &a, &dir_fd, err)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ok = fd < 0 ? FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "socket: %s", strerror(errno))
                : connect_until(fd, &a, path, deadline, err);
    if (dir_fd >= 0) {
        (void)close(dir_fd);
    }
    if (ok) {
        *out = fd;
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

bool sock_send(int fd, struct bytes b, uint64_t deadline, struct err *err)
{
    size_t done = 0;

    while (done < b.len) {
        ssize_t n;

        if (!sock_wait(fd, POLLOUT, deadline, err)) {
            return false;
        }
        n = send(fd, b.p + done, b.len - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "send: %s", strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool sock_recv(int fd, void *out, size_t n, uint64_t deadline, struct err *err)
{
    uint8_t *p = out;
    size_t done = 0;

    while (done < n) {
        ssize_t got;

        if (!sock_wait(fd, POLLIN, deadline, err)) {
            return false;
        }
        got = recv(fd, p + done, n - done, 0);
        if (got == 0) {
            return FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "the answer ends after %zu of %zu bytes", done, n);
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "recv: %s", strerror(errno));
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}
