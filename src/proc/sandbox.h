/* What a process of the service gives up before it reads the first byte that somebody else chose: new privileges, core
 * files and ptrace; files and network by Landlock, where the kernel has it; system calls by seccomp, an allow-list for
 * each role. A call that is not on the list kills the process; opening a file answers EACCES instead, because the C
 * library tries it for things that it can do without. */
#ifndef SOTTO_PROC_SANDBOX_H
#define SOTTO_PROC_SANDBOX_H

#include "base/err.h"

/* Set in builds with AddressSanitizer: their list is wider, so that a report can be written. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZER 1
#endif
#endif

enum sandbox_role {
    SANDBOX_GATEWAY, /* accepts on sockets that it was given; opens nothing, connects nowhere */
    SANDBOX_KEEPER,  /* files below its folders; local connections for the quote device */
    SANDBOX_ENGINE,  /* computes: threads, memory, the descriptors that it has or is handed */
};

struct sandbox_folder {
    const char *path;
    bool write;
};

/* Before it: only no_new_privs, no core files, not dumpable. Done first thing in a role. */
MUST_USE bool sandbox_prepare(struct err *err);

/* For good, for every thread. folders (ended by a NULL path; may be NULL): what the keeper may still open; those that
 * do not exist are left out. *landlock_abi: 0 where the kernel has none. SANDBOX_FAILED. */
MUST_USE bool sandbox_enter(enum sandbox_role role, const struct sandbox_folder *folders, int *landlock_abi,
                            struct err *err);

#endif
