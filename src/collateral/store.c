/* directory_store(): the set is made beside the directory and takes its place in one step. */
#include "collateral/directory.h"
#include "collateral/item.h"
#include "os/clock.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BESIDE ".new-" /* behind the directory's name, and six letters: a set that is being made */
#define LOCK_SECONDS 10
#define LOCK_STEP_NS 20000000

struct place {
    char path[PATH_MAX]; /* without a slash at its end */
    char parent[PATH_MAX];
    const char *name; /* the last part of path */
    int lock;         /* the parent, locked */
};

static bool place_lock(struct place *p, struct err *err)
{
    const uint64_t until = clock_monotonic_ns() + LOCK_SECONDS * UINT64_C(1000000000);
    const struct timespec step = {.tv_nsec = LOCK_STEP_NS};

    p->lock = open(p->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->lock < 0) {
        return file_fail(err, p->parent, errno);
    }
    while (flock(p->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return file_fail(err, p->parent, errno);
        }
        if (clock_monotonic_ns() > until) {
            return FAIL(err, REASON_COLLATERAL_BUSY, ERR_NOWHERE, "%s", p->path);
        }
        (void)nanosleep(&step, NULL);
    }
    return true;
}

static bool place_open(const char *path, struct place *p, struct err *err)
{
    char *slash;

    p->lock = -1;
    if (!file_mkdir(path, 0755, err)) {
        return false;
    }
    if (realpath(path, p->path) == NULL) {
        return file_fail(err, path, errno);
    }
    memcpy(p->parent, p->path, sizeof p->parent);
    slash = strrchr(p->parent, '/');
    p->name = p->path + (slash - p->parent) + 1;
    slash[slash == p->parent ? 1 : 0] = '\0';
    return place_lock(p, err);
}

static void place_close(struct place *p)
{
    if (p->lock >= 0) {
        (void)close(p->lock);
    }
}

/* A folder without folders in it. */
static void folder_remove(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)rmdir(path);
}

static bool is_left_over(const struct place *p, const char *name)
{
    const size_t n = strlen(p->name), b = strlen(BESIDE);

    return strncmp(name, p->name, n) == 0 && strncmp(name + n, BESIDE, b) == 0 && strlen(name + n + b) == 6;
}

/* What a process that was killed here left. Under the lock, so nobody is at it. */
static void sweep(const struct place *p)
{
    DIR *dir = opendir(p->parent);
    char path[PATH_MAX];
    struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (is_left_over(p, e->d_name) &&
            snprintf(path, sizeof path, "%s/%s", p->parent, e->d_name) < (int)sizeof path) {
            folder_remove(path);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* Nothing but collateral files of our own: then the whole directory may be exchanged for another. */
static bool is_ours_alone(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    struct stat st;
    bool ours = dir != NULL && fstat(dirfd(dir), &st) == 0 && st.st_uid == geteuid();

    while (ours && (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            ours = directory_is_name(e->d_name) && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISREG(st.st_mode);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return ours;
}

static bool files_write(const char *path, const struct directory *d, struct err *err)
{
    char file[PATH_MAX];

    for (size_t i = 0; i < d->count; i++) {
        if (snprintf(file, sizeof file, "%s/%s", path, d->files[i].name) >= (int)sizeof file) {
            return file_fail(err, path, ENAMETOOLONG);
        }
        if (!file_write(file, 0644, d->files[i].content, err)) {
            return false;
        }
    }
    return true;
}

/* The files that stay, by links: they keep their bytes and times. */
static bool others_link(const char *from, const char *to, const struct directory *d, struct err *err)
{
    DIR *dir = opendir(from);
    char path[PATH_MAX];
    struct dirent *e;
    bool ok = dir != NULL || file_fail(err, from, errno);

    while (ok && (e = readdir(dir)) != NULL) {
        if (directory_is_name(e->d_name) && directory_get(d, e->d_name).p == NULL) {
            ok = snprintf(path, sizeof path, "%s/%s", to, e->d_name) < (int)sizeof path ||
                 file_fail(err, to, ENAMETOOLONG);
            ok = ok && (linkat(dirfd(dir), e->d_name, AT_FDCWD, path, 0) == 0 || file_fail(err, path, errno));
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return ok;
}

/* *exchanged false: this file system or place does not allow it, and nothing has changed. */
static bool exchange(const struct place *p, const struct directory *d, bool *exchanged, struct err *err)
{
    char beside[PATH_MAX];
    struct stat st;
    bool ok;

    if (snprintf(beside, sizeof beside, "%s" BESIDE "XXXXXX", p->path) >= (int)sizeof beside) {
        return file_fail(err, p->path, ENAMETOOLONG);
    }
    if (mkdtemp(beside) == NULL) {
        *exchanged = false; /* a parent that is not ours to write to */
        return errno == EACCES || errno == EROFS || errno == EPERM || file_fail(err, beside, errno);
    }
    ok = stat(p->path, &st) == 0 && chmod(beside, st.st_mode & 0777) == 0 ? true : file_fail(err, beside, errno);
    ok = ok && others_link(p->path, beside, d, err) && files_write(beside, d, err);
    if (ok) {
        *exchanged = renameat2(AT_FDCWD, beside, AT_FDCWD, p->path, RENAME_EXCHANGE) == 0;
        (void)fsync(p->lock);
    }
    folder_remove(beside);
    return ok;
}

/* The chains there and the new ones must end in one root: documents of two would judge each other away. */
static bool root_check(const char *path, const struct directory *d, struct err *err)
{
    static const char *const chains[] = {"pck_crl_issuer_chain.pem", "tcb_info_issuer_chain.pem",
                                         "qe_identity_issuer_chain.pem"};
    struct buf first = BUF(LIMIT_CERT), root = BUF(LIMIT_CERT);
    struct directory old = {.count = 0};
    bool ok = directory_open(path, &old, err);

    for (size_t i = 0; ok && i < 2 * sizeof chains / sizeof *chains; i++) {
        struct bytes chain = directory_get(i % 2 == 0 ? d : &old, chains[i / 2]);
        struct err ignored = {0};

        root.len = 0;
        if (chain.p == NULL || !item_root(chain, first.len == 0 ? &first : &root, &ignored) || root.len == 0) {
            continue;
        }
        if (!bytes_equal(buf_bytes(&first), buf_bytes(&root))) {
            ok = FAIL(err, REASON_COLLATERAL_ROOT, ERR_NOWHERE, "%s", path);
        }
    }
    directory_close(&old);
    buf_done(&first);
    buf_done(&root);
    return ok;
}

bool directory_store(const char *path, const struct directory *d, struct err *err)
{
    struct place p;
    bool exchanged = false;
    bool ok = place_open(path, &p, err) && root_check(p.path, d, err);

    if (ok) {
        sweep(&p);
    }
    if (ok && is_ours_alone(p.path)) {
        ok = exchange(&p, d, &exchanged, err);
    }
    ok = ok && (exchanged || files_write(p.path, d, err));
    place_close(&p);
    return ok;
}
