#include "net/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals {
    int fd;
    struct loop_watch *watch;
    void (*asked)(void *arg);
    void *arg;
};

static void ready(void *arg, unsigned events)
{
    struct signals *s = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(s->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        s->asked(s->arg);
    }
}

static int block_and_open(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool signals_open(struct loop *l, void (*asked)(void *arg), void *arg, struct signals **out, struct err *err)
{
    struct signals *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "signals");
    }
    s->asked = asked;
    s->arg = arg;
    s->fd = block_and_open();
    if (s->fd < 0) {
        free(s);
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "signalfd: %s", strerror(errno));
    }
    if (!loop_watch_add(l, s->fd, LOOP_READ, ready, s, &s->watch, err)) {
        signals_close(s);
        return false;
    }
    *out = s;
    return true;
}

void signals_close(struct signals *s)
{
    if (s == NULL) {
        return;
    }
    loop_watch_remove(s->watch);
    (void)close(s->fd);
    free(s);
}
