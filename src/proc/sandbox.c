#include "proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Landlock (linux/landlock.h): the C library has no calls for it ---- */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_ABI1 \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_READ | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FS_REFER (1ULL << 13)    /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define NET_TCP 3ULL             /* ABI 4: bind, connect */

struct ruleset { /* struct landlock_ruleset_attr of ABI 4; older kernels take its beginning */
    uint64_t fs, net;
};

static uint64_t fs_rights(long abi)
{
    return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0);
}

static bool folder_allow(int rules, const struct sandbox_folder *folder, long abi)
{
    int fd = open(folder->path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = folder->write ? fs_rights(abi) & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE : FS_READ,
        .parent_fd = fd,
    };
    bool ok;

    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    }
    ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    (void)close(fd);
    return ok;
}

static bool landlock_enter(const struct sandbox_folder *folders, int *abi_out, struct err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset attr = {.fs = fs_rights(abi), .net = NET_TCP};
    int rules;
    bool ok = true;

    if (abi < 1) {
        *abi_out = 0; /* seccomp alone, then: said in the log */
        return true;
    }
    rules = (int)syscall(SYS_landlock_create_ruleset, &attr, abi >= 4 ? sizeof attr : sizeof attr.fs, 0);
    if (rules < 0) {
        return FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "landlock: %s", strerror(errno));
    }
    for (; ok && folders != NULL && folders->path != NULL; folders++) {
        ok = folder_allow(rules, folders, abi);
    }
    ok = ok && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    (void)close(rules);
    *abi_out = (int)abi;
    return ok || FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "landlock: %s", strerror(errno));
}

/* ---- seccomp ---- */

/* Memory, time, descriptors that are there already: what every role does. mmap, mprotect, clone have rules of their
 * own. */
static const int calls_all[] = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(futex),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(brk),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(getrusage),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(membarrier),
};

static const int calls_gateway[] = {
    SCMP_SYS(accept4),    SCMP_SYS(listen),     SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
};

static const int calls_keeper[] = {
    SCMP_SYS(openat),     SCMP_SYS(open),       SCMP_SYS(mkdirat),    SCMP_SYS(mkdir),      SCMP_SYS(unlinkat),
    SCMP_SYS(unlink),     SCMP_SYS(rmdir),      SCMP_SYS(renameat),   SCMP_SYS(renameat2),  SCMP_SYS(rename),
    SCMP_SYS(fsync),      SCMP_SYS(fdatasync),  SCMP_SYS(ftruncate),  SCMP_SYS(fchmod),     SCMP_SYS(access),
    SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(statx),
    SCMP_SYS(getdents64), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(connect),    SCMP_SYS(shutdown),
    SCMP_SYS(pwrite64),   SCMP_SYS(flock),      SCMP_SYS(umask),
};

static const int calls_engine[] = {
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(getcpu),
};

/* Beside them: what AddressSanitizer needs to say what it found. */
static const int calls_sanitizer[] = {
#ifdef SANDBOX_SANITIZER
    SCMP_SYS(openat), SCMP_SYS(open),     SCMP_SYS(readlink),   SCMP_SYS(ioctl),
    SCMP_SYS(stat),   SCMP_SYS(lstat),    SCMP_SYS(getdents64), SCMP_SYS(personality),
    SCMP_SYS(mmap),   SCMP_SYS(mprotect), SCMP_SYS(prlimit64),
#else
    -1,
#endif
};

static const struct {
    const int *calls;
    size_t count;
} roles[] = {
    [SANDBOX_GATEWAY] = {calls_gateway, sizeof calls_gateway / sizeof *calls_gateway},
    [SANDBOX_KEEPER] = {calls_keeper, sizeof calls_keeper / sizeof *calls_keeper},
    [SANDBOX_ENGINE] = {calls_engine, sizeof calls_engine / sizeof *calls_engine},
};

static int calls_allow(scmp_filter_ctx f, const int *calls, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = calls[i] < 0 ? 0 : seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
    }
    return rc;
}

/* Calls that may be made in one way only: a signal to itself (abort), limits that are read. A descriptor that is a
 * terminal is none here. */
static int narrow_allow(scmp_filter_ctx f)
{
    int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));

#ifndef SANDBOX_SANITIZER
    rc = rc != 0 ? rc : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
    rc = rc != 0 ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
#endif
    return rc;
}

/* Memory that is not executable; threads but no processes (the flags of clone3 cannot be seen: without it the C
 * library takes clone). */
static int memory_allow(scmp_filter_ctx f)
{
    int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    rc = rc != 0
             ? rc
             : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc = rc != 0 ? rc
                 : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    rc = rc != 0 ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    rc = rc != 0 ? rc : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    return rc != 0 ? rc : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA, 0));
}

static int role_allow(scmp_filter_ctx f, enum sandbox_role role)
{
    int rc = calls_allow(f, roles[role].calls, roles[role].count);

    if (rc == 0 && role == SANDBOX_KEEPER) {
        return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    }
#ifndef SANDBOX_SANITIZER
    if (rc == 0) {
        rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
        rc = rc != 0 ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open), 0);
    }
#endif
    return rc;
}

static bool seccomp_enter(enum sandbox_role role, struct err *err)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = f == NULL ? -ENOMEM : 0;

    rc = rc != 0 ? rc : calls_allow(f, calls_all, sizeof calls_all / sizeof *calls_all);
    rc = rc != 0 ? rc : narrow_allow(f);
    rc = rc != 0 ? rc : memory_allow(f);
    rc = rc != 0 ? rc : calls_allow(f, calls_sanitizer, sizeof calls_sanitizer / sizeof *calls_sanitizer);
    rc = rc != 0 ? rc : role_allow(f, role);
    rc = rc != 0 ? rc : seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    rc = rc != 0 ? rc : seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    rc = rc != 0 ? rc : seccomp_load(f);
    seccomp_release(f);
    return rc == 0 || FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "seccomp: %s", strerror(-rc));
}

bool sandbox_prepare(struct err *err)
{
    const struct rlimit none = {0, 0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "%s", strerror(errno));
    }
    return true;
}

bool sandbox_enter(enum sandbox_role role, const struct sandbox_folder *folders, int *landlock_abi, struct err *err)
{
    int abi = 0;

    if (!sandbox_prepare(err) || !landlock_enter(folders, &abi, err) || !seccomp_enter(role, err)) {
        return false;
    }
    *landlock_abi = abi;
    return true;
}
