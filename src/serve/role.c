#include "serve/role.h"

#include "os/log.h"
#include "proc/sandbox.h"
#include "proc/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* As many descriptors as the system allows: connections are counted by the server's own limit. */
static void descriptors_raise(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

void role_begin(struct role_base *b, enum role role, const struct link_handler *handler, void *arg)
{
    struct err err;
    int flags = fcntl(SPAWN_CONTROL_FD, F_GETFL);

    log_init(role_name(role), LOG_LEVEL_INFO);
    (void)signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    if (flags < 0) {
        err_set(&err, REASON_USAGE, ERR_NOWHERE, "--role is for processes that `sotto serve` starts");
    }
    if (flags < 0 || fcntl(SPAWN_CONTROL_FD, F_SETFD, FD_CLOEXEC) != 0 || !sandbox_prepare(&err) ||
        !loop_new(&b->loop, &err) || !link_open(b->loop, SPAWN_CONTROL_FD, handler, arg, &b->control, &err)) {
        log_error(LOG_LEVEL_ERROR, "cannot begin", &err);
        _exit(1);
    }
}

void role_orphaned(void *arg, struct link *l, const struct err *why)
{
    (void)arg;
    (void)l;
    (void)why;
    _exit(0);
}

void role_fail(struct role_base *b, const struct err *err)
{
    log_error(LOG_LEVEL_ERROR, "cannot go on", err);
    link_send_err(b->control, 0, err);
    _exit(1);
}
