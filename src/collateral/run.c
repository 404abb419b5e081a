/* fetch_url(): runs sotto-fetch and reads what it says:
 *
 *     "STATUS HEAD BODY\n"   decimal: the answer's status, then so many bytes of header lines, then so many of body
 *     "- REASON detail\n"    no answer */
#include "base/limits.h"
#include "collateral/fetch.h"
#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "sotto-fetch"
#define TIMEOUT_S 30
#define GRACE_S 5 /* sotto-fetch keeps the time itself; this is for one that hangs */
#define LINE_MAX_SIZE 512
#define ANSWER_MAX (LINE_MAX_SIZE + LIMIT_CHAIN + LIMIT_COLLATERAL)

static bool program_path(const struct fetch *f, char out[PATH_MAX], struct err *err)
{
    char *slash;
    ssize_t n;

    if (f->program != NULL) {
        (void)snprintf(out, PATH_MAX, "%s", f->program);
        return true;
    }
    n = readlink("/proc/self/exe", out, PATH_MAX - sizeof PROGRAM - 1);
    if (n <= 0) {
        return FAIL(err, REASON_FETCH_ABSENT, ERR_NOWHERE, "/proc/self/exe: %s", strerror(errno));
    }
    out[n] = '\0';
    slash = strrchr(out, '/');
    memcpy(slash == NULL ? out : slash + 1, PROGRAM, sizeof PROGRAM);
    return true;
}

/* Its standard output is a pipe; its input and its messages go nowhere. */
static bool start(const struct fetch *f, const char *url, int *out, pid_t *pid, struct err *err)
{
    char path[PATH_MAX], timeout[16];
    const char *argv[10] = {PROGRAM, "--timeout", timeout, NULL};
    size_t n = 3;
    union {
        const char **in;
        char *const *out;
    } args = {.in = argv}; /* posix_spawn() changes none of them */
    posix_spawn_file_actions_t actions;
    int pipes[2], failed;

    if (!program_path(f, path, err)) {
        return false;
    }
    (void)snprintf(timeout, sizeof timeout, "%u", f->timeout_s != 0 ? f->timeout_s : TIMEOUT_S);
    if (f->any_certificate) {
        argv[n++] = "--any-certificate";
    }
    if (f->ca_file != NULL) {
        argv[n++] = "--ca";
        argv[n++] = f->ca_file;
    }
    argv[n++] = "--";
    argv[n++] = url;
    argv[n] = NULL;
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return FAIL(err, REASON_FETCH_FAILED, ERR_NOWHERE, "pipe: %s", strerror(errno));
    }
    failed = posix_spawn_file_actions_init(&actions);
    if (failed == 0) {
        failed = posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
        failed = failed != 0 ? failed : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        failed = failed != 0 ? failed : posix_spawn(pid, path, &actions, NULL, args.out, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)close(pipes[1]);
    if (failed != 0) {
        (void)close(pipes[0]);
        return FAIL(err, REASON_FETCH_ABSENT, ERR_NOWHERE, "%s: %s", path, strerror(failed));
    }
    *out = pipes[0];
    return true;
}

static bool collect(int fd, unsigned timeout_s, struct buf *out, struct err *err)
{
    const uint64_t until = clock_monotonic_ns() + (uint64_t)timeout_s * 1000000000;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint64_t now = clock_monotonic_ns();
        uint8_t *room;
        ssize_t got;

        if (now >= until || poll(&p, 1, (int)((until - now) / 1000000) + 1) == 0) {
            return FAIL(err, REASON_NET_TIMEOUT, ERR_NOWHERE, "nothing within %u s", timeout_s);
        }
        if (!buf_room(out, 16384, &room, err)) {
            return false;
        }
        got = read(fd, room, 16384);
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            return FAIL(err, REASON_FETCH_FAILED, ERR_NOWHERE, "read: %s", strerror(errno));
        }
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            buf_grew(out, (size_t)got);
        }
    }
}

/* "- REASON detail" */
static bool failure_read(const char *line, struct err *err)
{
    char name[64];
    const char *detail = strchr(line + 2, ' ');
    size_t n = detail != NULL ? (size_t)(detail - line) - 2 : strlen(line + 2);
    enum reason r = REASON_FETCH_FAILED;

    (void)snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), line + 2);
    if (!reason_find(name, &r) || r == REASON_OK) {
        r = REASON_FETCH_FAILED;
    }
    return FAIL(err, r, ERR_NOWHERE, "%s", detail != NULL ? detail + 1 : "");
}

static bool answer_read(struct bytes all, struct fetch_answer *out, struct err *err)
{
    const uint8_t *end = all.len > 0 ? memchr(all.p, '\n', all.len < LINE_MAX_SIZE ? all.len : LINE_MAX_SIZE) : NULL;
    char line[LINE_MAX_SIZE], left;
    unsigned long head, body;
    int status;
    size_t n;

    if (end == NULL) {
        return FAIL(err, REASON_FETCH_FAILED, ERR_NOWHERE, "%zu bytes without a line", all.len);
    }
    n = (size_t)(end - all.p);
    memcpy(line, all.p, n);
    line[n] = '\0';
    if (strncmp(line, "- ", 2) == 0) {
        return failure_read(line, err);
    }
    if (sscanf(line, "%3d %9lu %9lu%c", &status, &head, &body, &left) != 3 || all.len - n - 1 != head + body) {
        return FAIL(err, REASON_FETCH_FAILED, ERR_NOWHERE, "it ended before its answer did");
    }
    out->status = status;
    return buf_add(&out->head, end + 1, head, err) && buf_add(&out->body, end + 1 + head, body, err);
}

bool fetch_url(const struct fetch *f, const char *url, struct fetch_answer *out, struct err *err)
{
    const unsigned timeout_s = (f->timeout_s != 0 ? f->timeout_s : TIMEOUT_S) + GRACE_S;
    struct buf all = BUF(ANSWER_MAX + 16384);
    pid_t pid;
    bool ok;
    int fd;

    if (!start(f, url, &fd, &pid, err)) {
        return false;
    }
    ok = collect(fd, timeout_s, &all, err);
    (void)close(fd);
    if (!ok) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    ok = ok && answer_read(buf_bytes(&all), out, err);
    buf_done(&all);
    return ok;
}

struct bytes fetch_header(const struct fetch_answer *a, const char *name)
{
    const size_t n = strlen(name);
    struct bytes found = {.p = NULL};
    const uint8_t *p = a->head.p, *end = p != NULL ? p + a->head.len : p;

    while (p < end) {
        const uint8_t *line_end = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((line_end != NULL ? line_end : end) - p);
        struct bytes line = bytes_of(p, len);

        if (len > n && p[n] == ':' && strncasecmp((const char *)p, name, n) == 0) {
            if (found.p != NULL) {
                return bytes_of(NULL, 0);
            }
            line = bytes_of(p + n + 1, len - n - 1);
            while (line.len > 0 && strchr(" \t\r", line.p[line.len - 1]) != NULL) {
                line.len--;
            }
            while (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t')) {
                line = bytes_of(line.p + 1, line.len - 1);
            }
            found = line;
        }
        p += len + 1;
    }
    return found;
}
