/* Each role's forbidden calls, tried in a child of its own. */
#include "test.h"

#include "proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum outcome {
    DONE,    /* the call did what it does */
    REFUSED, /* an error */
    KILLED,  /* SIGSYS */
};

static bool call_open(void)
{
    int fd = open("/etc/passwd", O_RDONLY);

    return fd >= 0;
}

static bool call_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool call_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool call_connect(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};

    return connect(0, (struct sockaddr *)&a, sizeof a) == 0 || errno == ENOTSOCK;
}

static bool call_fork(void)
{
    pid_t p = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (p == 0) {
        _exit(0);
    }
    return p > 0;
}

static bool call_exec(void)
{
    char name[] = "true";
    char *argv[] = {name, NULL};

    (void)execve("/bin/true", argv, NULL);
    return false;
}

#ifndef SANDBOX_SANITIZER
static bool call_executable(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
#endif

static bool call_vsock(void)
{
    return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0;
}

/* Signal 0 asks whether one could be sent. */
static bool call_signal_parent(void)
{
    return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

static bool call_signal_self(void)
{
    return syscall(SYS_tgkill, getpid(), getpid(), 0) == 0;
}

static bool call_limits_read(void)
{
    struct rlimit l;

    return getrlimit(RLIMIT_NOFILE, &l) == 0;
}

#ifndef SANDBOX_SANITIZER
static bool call_limits_set(void)
{
    const struct rlimit l = {0, 0};

    return setrlimit(RLIMIT_CORE, &l) == 0;
}

static bool call_ioctl(void)
{
    int n;

    return ioctl(STDOUT_FILENO, FIONREAD, &n) == 0 || errno != ENOTTY;
}
#endif

static bool call_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool call_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool call_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static void *thread(void *arg)
{
    return arg;
}

static bool call_thread(void)
{
    pthread_t t;

    return pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool call_folder(void)
{
    int fd = open("/tmp/sotto-test-sandbox", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return fd >= 0 && unlink("/tmp/sotto-test-sandbox") == 0;
}

static int landlock_abi;

static enum outcome attempt(enum sandbox_role role, bool (*call)(void))
{
    static const struct sandbox_folder folders[] = {{"/tmp", true}, {NULL, false}};
    pid_t p = fork();
    int status;

    assert_true(p >= 0);
    if (p == 0) {
        struct err err;
        int abi;

        if (!sandbox_enter(role, role == SANDBOX_KEEPER ? folders : NULL, &abi, &err)) {
            _exit(9);
        }
        _exit(call() ? 0 : 1);
    }
    assert_int_equal(waitpid(p, &status, 0), p);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return KILLED;
    }
    assert_int_not_equal(WEXITSTATUS(status), 9);
    return WEXITSTATUS(status) == 0 ? DONE : REFUSED;
}

static const struct row {
    const char *name;
    enum sandbox_role role;
    bool (*call)(void);
    enum outcome want;
    bool needs_landlock;
} rows[] = {
    {"gateway: open", SANDBOX_GATEWAY, call_open, REFUSED, false},
    {"gateway: socket", SANDBOX_GATEWAY, call_socket, KILLED, false},
    {"gateway: connect", SANDBOX_GATEWAY, call_connect, KILLED, false},
    {"gateway: fork", SANDBOX_GATEWAY, call_fork, KILLED, false},
    {"gateway: exec", SANDBOX_GATEWAY, call_exec, KILLED, false},
    {"gateway: ptrace", SANDBOX_GATEWAY, call_ptrace, KILLED, false},
    {"gateway: memory", SANDBOX_GATEWAY, call_memory, DONE, false},
    {"engine: open", SANDBOX_ENGINE, call_open, REFUSED, false},
    {"engine: socket", SANDBOX_ENGINE, call_socket, KILLED, false},
    {"engine: local socket", SANDBOX_ENGINE, call_unix, KILLED, false},
    {"engine: connect", SANDBOX_ENGINE, call_connect, KILLED, false},
    {"engine: fork", SANDBOX_ENGINE, call_fork, KILLED, false},
    {"engine: exec", SANDBOX_ENGINE, call_exec, KILLED, false},
    {"engine: thread", SANDBOX_ENGINE, call_thread, DONE, false},
    {"engine: memory", SANDBOX_ENGINE, call_memory, DONE, false},
    {"keeper: a file elsewhere", SANDBOX_KEEPER, call_open, REFUSED, true},
    {"keeper: a file of its own", SANDBOX_KEEPER, call_folder, DONE, false},
    {"keeper: internet socket", SANDBOX_KEEPER, call_socket, KILLED, false},
    {"keeper: local socket", SANDBOX_KEEPER, call_unix, DONE, false},
    {"keeper: fork", SANDBOX_KEEPER, call_fork, KILLED, false},
    {"keeper: exec", SANDBOX_KEEPER, call_exec, KILLED, false},
    {"keeper: socket to the host", SANDBOX_KEEPER, call_vsock, KILLED, false},
    {"engine: signal to the parent", SANDBOX_ENGINE, call_signal_parent, KILLED, false},
    {"engine: signal to itself", SANDBOX_ENGINE, call_signal_self, DONE, false},
    {"gateway: signal to the parent", SANDBOX_GATEWAY, call_signal_parent, KILLED, false},
    {"engine: limits are read", SANDBOX_ENGINE, call_limits_read, DONE, false},
    {"engine: core files again", SANDBOX_ENGINE, call_dumpable, KILLED, false},
#ifndef SANDBOX_SANITIZER
    {"engine: limits are set", SANDBOX_ENGINE, call_limits_set, KILLED, false},
    {"gateway: ioctl", SANDBOX_GATEWAY, call_ioctl, REFUSED, false},
    {"keeper: ioctl", SANDBOX_KEEPER, call_ioctl, REFUSED, false},
    {"gateway: executable memory", SANDBOX_GATEWAY, call_executable, KILLED, false},
    {"engine: executable memory", SANDBOX_ENGINE, call_executable, KILLED, false},
    {"keeper: executable memory", SANDBOX_KEEPER, call_executable, KILLED, false},
#endif
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].needs_landlock && landlock_abi < 1) {
            continue;
        }
        if (attempt(rows[i].role, rows[i].call) != rows[i].want) {
            fail_msg("%s", rows[i].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

    landlock_abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
