#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 65536
#define TEMP ".XXXXXX" /* behind the name of a file that is being written */

bool file_fail(struct err *err, const char *path, int e)
{
    enum reason r = e == ENOENT || e == ENOTDIR               ? REASON_FILE_ABSENT
                    : e == EACCES || e == EPERM || e == EROFS ? REASON_FILE_ACCESS
                                                              : REASON_FILE_IO;

    return FAIL(err, r, ERR_NOWHERE, "%s: %s", path, strerror(e));
}

bool file_read_fd(int fd, const char *name, struct buf *out, struct err *err)
{
    size_t len = out->len;

    for (;;) {
        size_t room = out->max - out->len;
        size_t want = room < READ_STEP ? room + 1 : READ_STEP; /* one more than may be, to see that it is */
        uint8_t step[READ_STEP];
        ssize_t got = read(fd, step, want);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            out->len = len;
            return file_fail(err, name, errno);
        }
        if (got == 0) {
            return true;
        }
        if ((size_t)got > room) {
            out->len = len;
            return FAIL(err, REASON_FILE_SIZE, ERR_NOWHERE, "%s: more than %zu bytes", name, out->max);
        }
        if (!buf_add(out, step, (size_t)got, err)) {
            out->len = len;
            return false;
        }
    }
}

bool file_read(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0) {
        return file_fail(err, path, errno);
    }
    ok = file_read_fd(fd, path, out, err);
    (void)close(fd);
    return ok;
}

bool file_write_fd(int fd, const char *name, struct bytes b, struct err *err)
{
    size_t done = 0;

    while (done < b.len) {
        ssize_t n = write(fd, b.p + done, b.len - done);

        if (n < 0 && errno != EINTR) {
            return file_fail(err, name, errno);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void folder_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        (void)snprintf(out, PATH_MAX, ".");
    } else {
        (void)snprintf(out, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
}

/* The folder of path, for its fsync after a rename. */
static bool folder_sync(const char *path, struct err *err)
{
    char dir[PATH_MAX];
    bool ok;
    int fd;

    folder_of(path, dir);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return file_fail(err, dir, errno);
    }
    ok = fsync(fd) == 0 || file_fail(err, dir, errno);
    (void)close(fd);
    return ok;
}

bool file_write(const char *path, unsigned mode, struct bytes b, struct err *err)
{
    char temp[PATH_MAX];
    bool ok;
    int fd;

    if ((size_t)snprintf(temp, sizeof temp, "%s" TEMP, path) >= sizeof temp) {
        return file_fail(err, path, ENAMETOOLONG);
    }
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        return file_fail(err, path, errno);
    }
    ok = file_write_fd(fd, temp, b, err) && (fchmod(fd, mode) == 0 || file_fail(err, temp, errno)) &&
         (fsync(fd) == 0 || file_fail(err, temp, errno));
    if (close(fd) != 0 && ok) {
        ok = file_fail(err, temp, errno);
    }
    if (ok && rename(temp, path) != 0) {
        ok = file_fail(err, path, errno);
    }
    if (!ok) {
        (void)unlink(temp);
    }
    return ok && folder_sync(path, err);
}

void file_sweep(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const size_t len = strlen(name);
    const struct dirent *d;
    char dir[PATH_MAX];
    DIR *folder;

    folder_of(path, dir);
    folder = opendir(dir);
    while (folder != NULL && (d = readdir(folder)) != NULL) {
        if (strncmp(d->d_name, name, len) == 0 && d->d_name[len] == '.' && strlen(d->d_name) == len + strlen(TEMP)) {
            (void)unlinkat(dirfd(folder), d->d_name, 0);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

bool file_put(const char *path, unsigned mode, struct bytes b, struct err *err)
{
    struct stat s;
    bool ok;
    int fd;

    if (lstat(path, &s) != 0 || S_ISREG(s.st_mode)) {
        return file_write(path, mode, b, err);
    }
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) {
        return file_fail(err, path, errno);
    }
    ok = file_write_fd(fd, path, b, err);
    if (close(fd) != 0 && ok) {
        ok = file_fail(err, path, errno);
    }
    return ok;
}

bool file_append_sync(const char *path, unsigned mode, struct bytes b, struct err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode);
    bool ok;

    if (fd < 0) {
        return file_fail(err, path, errno);
    }
    ok = file_write_fd(fd, path, b, err) && (fsync(fd) == 0 || file_fail(err, path, errno));
    (void)close(fd);
    return ok && folder_sync(path, err);
}

bool file_mkdir(const char *path, unsigned mode, struct err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof part) {
        return file_fail(err, path, len == 0 ? ENOENT : ENAMETOOLONG);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, mode) != 0 && errno != EEXIST) {
            return file_fail(err, part, errno);
        }
    }
    return true;
}

void file_stdio_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) { /* it is the lowest that is free; its use stays an error */
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

bool file_remove(const char *path, struct err *err)
{
    return unlink(path) == 0 || errno == ENOENT || file_fail(err, path, errno);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
