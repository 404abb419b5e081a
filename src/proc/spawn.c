#include "proc/spawn.h"

#include "base/limits.h"
#include "proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int memfd_new(void)
{
    int fd = memfd_create("sotto", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL) { /* a kernel before 6.3 does not know MFD_EXEC and needs none */
        fd = memfd_create("sotto", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    return fd;
}

static bool copy_sealed(int from, int to, struct err *err)
{
    struct stat st;
    off_t done = 0;

    if (fstat(from, &st) != 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "the program: %s", strerror(errno));
    }
    while (done < st.st_size) {
        ssize_t n = sendfile(to, from, &done, (size_t)(st.st_size - done));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "copying the program: %s", n < 0 ? strerror(errno) : "short");
        }
    }
    return fcntl(to, F_ADD_SEALS, SEALS) == 0 ||
           FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "sealing the program: %s", strerror(errno));
}

bool spawn_program_open(int *fd, bool *sealed_here, struct err *err)
{
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int copy = -1;
    int seals;

    if (self < 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "/proc/self/exe: %s", strerror(errno));
    }
    seals = fcntl(self, F_GET_SEALS);
    if (seals >= 0 && (seals & SEALS) == SEALS) {
        *fd = self;
        *sealed_here = true;
        return true;
    }
    copy = memfd_new();
    if (copy < 0) {
        err_set(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "memfd_create: %s", strerror(errno));
    }
    if (copy < 0 || !copy_sealed(self, copy, err)) {
        (void)close(self);
        if (copy >= 0) {
            (void)close(copy);
        }
        return false;
    }
    (void)close(self);
    *fd = copy;
    *sealed_here = false;
    return true;
}

bool spawn_fd_sha384(int fd, const char *name, uint8_t out[SHA384_SIZE], struct err *err)
{
    uint8_t *piece = malloc(MIB(1));
    struct hash h;
    off_t at = 0;
    ssize_t n;

    if (piece == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
    }
    hash_init(&h, HASH_SHA384);
    while ((n = pread(fd, piece, MIB(1), at)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) {
            hash_add(&h, bytes_of(piece, (size_t)n));
            at += n;
        }
    }
    free(piece);
    if (n < 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s: %s", name, strerror(errno));
    }
    hash_end(&h, out);
    return true;
}

bool spawn_exec(int fd, char *const argv[], struct err *err)
{
    (void)fexecve(fd, argv, environ);
    return FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "fexecve: %s", strerror(errno));
}

/* In the child: between fork and exec nothing but system calls. */
static _Noreturn void child(int program, char *const argv[], char *const env[], int control, pid_t parent)
{
    sigset_t none;
    int null, high_program, high_control;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGINT, SIG_IGN); /* a Ctrl-C of the terminal is the parent's to handle */
    (void)signal(SIGTERM, SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(126);
    }
    null = open("/dev/null", O_RDONLY);
    high_program = fcntl(program, F_DUPFD_CLOEXEC, 10);
    high_control = fcntl(control, F_DUPFD_CLOEXEC, 10);
    if (null < 0 || high_program < 0 || high_control < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(high_control, SPAWN_CONTROL_FD) < 0 ||
        close_range(SPAWN_CONTROL_FD + 1, (unsigned)high_program - 1, 0) != 0 ||
        close_range((unsigned)high_program + 1, ~0U, 0) != 0) {
        _exit(126);
    }
    (void)fexecve(high_program, argv, env);
    _exit(126);
}

bool spawn_role(int program, const char *role, int control, pid_t *pid, struct err *err)
{
    char name[] = "sotto", command[] = "serve", option[32];
    char *argv[] = {name, command, option, NULL};
#ifdef SANDBOX_SANITIZER /* which cannot look for leaks inside of a sandbox */
    char asan[] = "ASAN_OPTIONS=detect_leaks=0", ubsan[] = "UBSAN_OPTIONS=halt_on_error=1";
    char *env[] = {asan, ubsan, NULL};
#else
    char *env[] = {NULL};
#endif
    pid_t parent = getpid(), child_pid;

    (void)snprintf(option, sizeof option, "--role=%s", role);
    child_pid = fork();
    if (child_pid < 0) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "fork: %s", strerror(errno));
    }
    if (child_pid == 0) {
        child(program, argv, env, control, parent);
    }
    *pid = child_pid;
    return true;
}
