/* configfs-tsm (Linux, Documentation/ABI/testing/configfs-tsm-report) for quotes, and the guest driver's measurement
 * files (sysfs-devices-virtual-misc-tdx_guest) for registers.
 *
 * A quote takes a private entry: provider, generation, inblob, outblob, generation. The kernel commits inblob when the
 * last descriptor closes and drops the result of that, so that a refused write shows only in an unchanged generation;
 * and a generation that moved further means that somebody else wrote. */
#include "device/kind.h"

#include "base/hex.h"
#include "base/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"
#include "tdx/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_DIR "/sys/kernel/config/tsm/report"
#define MEASUREMENTS_DIR "/sys/devices/virtual/misc/tdx_guest/measurements"
#define BOOT_LOG "/sys/firmware/acpi/tables/data/CCEL"
#define PROVIDER "tdx_guest"
#define ENTRY "sotto-" /* and 32 digits */
#define QUOTE_MIN 1020 /* bytes; a driver that ignores the host's status returns less, and success */
#define PAUSE_FIRST_MS 10
#define PAUSE_MAX_MS 500
#define PATH_SIZE 4096

struct tsm {
    char root[PATH_SIZE];
    int dir_fd; /* of the report folder: holds the lock */
    bool registers;
    uint64_t timeout_ns;
};

/* One call's path to an attribute, and how long it may still go on. */
struct entry {
    char path[PATH_SIZE];
    uint64_t deadline;
    int pause_ms;
};

static bool path_form(char out[PATH_SIZE], struct err *err, const char *a, const char *b, const char *c)
{
    int n = snprintf(out, PATH_SIZE, "%s%s%s", a, b, c);

    return (n >= 0 && n < PATH_SIZE) || FAIL(err, REASON_USAGE, ERR_NOWHERE, "the path is too long");
}

static bool retryable(int e)
{
    return e == EBUSY || e == EINTR || e == EAGAIN;
}

/* Waits, a little longer each time, if trying again may help and there is time. */
static bool pause_retry(struct entry *e, const struct err *why)
{
    if (why->reason != REASON_DEVICE_BUSY || clock_monotonic_ns() >= e->deadline) {
        return false;
    }
    (void)poll(NULL, 0, e->pause_ms);
    e->pause_ms = e->pause_ms * 2 < PAUSE_MAX_MS ? e->pause_ms * 2 : PAUSE_MAX_MS;
    return true;
}

static bool io_fail(struct err *err, const char *path, int e)
{
    return retryable(e)                ? FAIL(err, REASON_DEVICE_BUSY, ERR_NOWHERE, "%s: %s", path, strerror(e))
           : e == EACCES || e == EPERM ? file_fail(err, path, e)
                                       : FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "%s: %s", path, strerror(e));
}

/* To the end of the file. DEVICE_BUSY: trying again may help. */
static bool read_all(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = true;
    ssize_t got = 1;

    if (fd < 0) {
        return io_fail(err, path, errno);
    }
    while (ok && got > 0) {
        uint8_t *room;
        size_t left = out->max - out->len, want = left < 16384 ? left : 16384;

        if (want == 0) {
            ok = FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE, "%s: more than %zu bytes", path, out->max);
        } else if (!buf_room(out, want, &room, err)) {
            ok = false;
        } else if ((got = read(fd, room, want)) < 0) {
            ok = io_fail(err, path, errno);
        } else {
            buf_grew(out, (size_t)got);
        }
    }
    (void)close(fd);
    return ok;
}

static bool attribute_read(const struct entry *e, const char *name, struct buf *out, struct err *err)
{
    char path[PATH_SIZE];

    out->len = 0;
    return path_form(path, err, e->path, "/", name) && read_all(path, out, err);
}

static bool attribute_write(const struct entry *e, const char *name, struct bytes b, struct err *err)
{
    char path[PATH_SIZE];
    ssize_t n;
    int fd, saved;

    if (!path_form(path, err, e->path, "/", name)) {
        return false;
    }
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return io_fail(err, path, errno);
    }
    n = write(fd, b.p, b.len);
    saved = errno;
    (void)close(fd); /* commits; its result means nothing */
    if (n < 0) {
        return io_fail(err, path, saved);
    }
    return (size_t)n == b.len || FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "%s: a short write", path);
}

static bool generation_read(const struct entry *e, unsigned long *out, struct err *err)
{
    struct buf text = BUF(64);
    bool ok = attribute_read(e, "generation", &text, err);
    unsigned long v = 0;
    size_t i = 0;

    for (; ok && i < text.len && i < 9 && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
        v = 10 * v + (unsigned long)(text.p[i] - '0');
    }
    if (ok && (i == 0 || !(i == text.len || (i + 1 == text.len && text.p[i] == '\n')))) {
        ok = FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE, "%s: generation is no number", e->path);
    }
    buf_done(&text);
    if (ok) {
        *out = v;
    }
    return ok;
}

/* A folder of our own name: nobody shares its state by accident. */
static bool entry_new(const struct tsm *t, struct entry *e, struct err *err)
{
    uint8_t random[16];
    char name[64] = "/" ENTRY, digits[33];

    *e = (struct entry){.deadline = clock_monotonic_ns() + t->timeout_ns, .pause_ms = PAUSE_FIRST_MS};
    if (!random_bytes(random, sizeof random, err)) {
        return false;
    }
    hex_encode(bytes_of(random, sizeof random), digits);
    memcpy(name + strlen(name), digits, sizeof digits);
    if (!path_form(e->path, err, t->root, REPORT_DIR, name)) {
        return false;
    }
    if (mkdir(e->path, 0700) == 0) {
        return true;
    }
    return errno == ENXIO ? FAIL(err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "%s: no driver answers", e->path)
                          : io_fail(err, e->path, errno);
}

static bool provider_check(const struct entry *e, struct err *err)
{
    struct buf text = BUF(256);
    bool ok = attribute_read(e, "provider", &text, err) &&
              (bytes_equal(buf_bytes(&text), bytes_of_str(PROVIDER "\n")) ||
               bytes_equal(buf_bytes(&text), bytes_of_str(PROVIDER)) ||
               FAIL(err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "the provider of reports is not " PROVIDER));

    buf_done(&text);
    return ok;
}

/* One try. DEVICE_BUSY: it was not taken. */
static bool inblob_try(const struct entry *e, struct bytes report_data, struct err *err)
{
    unsigned long before = 0, after = 0;

    if (!generation_read(e, &before, err) || !attribute_write(e, "inblob", report_data, err) ||
        !generation_read(e, &after, err)) {
        return false;
    }
    if (after == before) {
        return FAIL(err, REASON_DEVICE_BUSY, ERR_NOWHERE, "%s: inblob was not taken", e->path);
    }
    return after == before + 1 || FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE,
                                       "%s: generation %lu, then %lu: another process writes", e->path, before, after);
}

/* One try, to the end of the file. DEVICE_BUSY: the driver or the host is. */
static bool outblob_try(const struct entry *e, struct buf *raw, struct err *err)
{
    unsigned long before = 0, after = 0;

    if (!generation_read(e, &before, err) || !attribute_read(e, "outblob", raw, err) ||
        !generation_read(e, &after, err)) {
        return false;
    }
    if (after != before) {
        return FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE, "%s: generation %lu, then %lu: another process writes",
                    e->path, before, after);
    }
    return raw->len >= QUOTE_MIN ||
           FAIL(err, REASON_QUOTE_EMPTY, ERR_NOWHERE, "%s/outblob: %zu bytes", e->path, raw->len);
}

/* Both, each as often as patience allows. */
static bool entry_quote(struct entry *e, struct bytes report_data, struct buf *raw, struct err *err)
{
    struct err last;

    while (!inblob_try(e, report_data, &last)) {
        if (!pause_retry(e, &last)) {
            *err = last;
            return false;
        }
    }
    while (!outblob_try(e, raw, &last)) {
        if (!pause_retry(e, &last)) {
            *err = last;
            return false;
        }
    }
    return true;
}

static bool tsm_quote(void *state, const uint8_t report_data[64], struct buf *raw, struct err *err)
{
    const struct tsm *t = state;
    struct entry e;
    bool ok;

    if (!entry_new(t, &e, err)) {
        return false;
    }
    ok = provider_check(&e, err) && entry_quote(&e, bytes_of(report_data, 64), raw, err);
    (void)rmdir(e.path);
    return ok;
}

static void tsm_close(void *state)
{
    struct tsm *t = state;

    if (t->dir_fd >= 0) {
        (void)close(t->dir_fd);
    }
    free(t);
}

/* Entries of processes that were killed over a quote: nobody else has one while we hold the lock, and the kernel keeps
 * them until the next boot. */
static void leftovers_remove(const struct tsm *t)
{
    const size_t prefix = strlen(ENTRY);
    const struct dirent *d;
    struct err ignored;
    char path[PATH_SIZE];
    DIR *dir;

    if (!path_form(path, &ignored, t->root, REPORT_DIR, "") || (dir = opendir(path)) == NULL) {
        return;
    }
    while ((d = readdir(dir)) != NULL) {
        if (strncmp(d->d_name, ENTRY, prefix) == 0 && strspn(d->d_name + prefix, "0123456789abcdef") == 32 &&
            d->d_name[prefix + 32] == '\0' && path_form(path, &ignored, t->root, REPORT_DIR "/", d->d_name)) {
            (void)rmdir(path);
        }
    }
    (void)closedir(dir);
}

/* The report folder, locked; and that the provider behind it is TDX. */
static bool interface_open(struct tsm *t, struct err *err)
{
    char path[PATH_SIZE];
    struct entry e;
    bool ok;

    if (!path_form(path, err, t->root, REPORT_DIR, "")) {
        return false;
    }
    t->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->dir_fd < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? FAIL(err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "%s: %s", path, strerror(errno))
                   : file_fail(err, path, errno);
    }
    if (!device_lock(t->dir_fd, path, err)) {
        return false;
    }
    leftovers_remove(t);
    if (!entry_new(t, &e, err)) {
        return false;
    }
    ok = provider_check(&e, err);
    (void)rmdir(e.path);
    return ok;
}

static bool register_path(const struct tsm *t, unsigned index, char out[PATH_SIZE], struct err *err)
{
    char name[32];

    (void)snprintf(name, sizeof name, "/rtmr%u:sha384", index);
    return path_form(out, err, t->root, MEASUREMENTS_DIR, name);
}

static bool tsm_open(const struct kind_place *place, void **state, struct err *err)
{
    struct tsm *t = calloc(1, sizeof *t);
    char path[PATH_SIZE];

    if (t == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a device");
    }
    t->dir_fd = -1;
    t->timeout_ns = place->timeout_ns;
    if (!path_form(t->root, err, place->arg[0] != '\0' ? place->arg : place->root, "", "") || !interface_open(t, err) ||
        !register_path(t, TD_REGISTERS - 1, path, err)) {
        tsm_close(t);
        return false;
    }
    t->registers = file_exists(path);
    *state = t;
    return true;
}

static bool tsm_has_registers(const void *state)
{
    const struct tsm *t = state;

    return t->registers;
}

static bool tsm_register_read(void *state, unsigned index, uint8_t out[48], struct err *err)
{
    char path[PATH_SIZE];
    struct buf value = BUF(64);
    bool ok = register_path(state, index, path, err) && read_all(path, &value, err) &&
              (value.len == 48 || FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE, "%s: %zu bytes", path, value.len));

    if (ok) {
        memcpy(out, value.p, 48);
    }
    buf_done(&value);
    return ok;
}

/* One write of 48 bytes at offset 0 is one extension. It is never repeated: whether an interrupted one happened, the
 * register tells. */
static bool tsm_register_extend(void *state, unsigned index, const uint8_t digest[48], struct err *err)
{
    char path[PATH_SIZE];
    ssize_t n;
    int fd, saved;

    if (!register_path(state, index, path, err)) {
        return false;
    }
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return io_fail(err, path, errno);
    }
    n = write(fd, digest, 48);
    saved = errno;
    (void)close(fd);
    if (n < 0) {
        return io_fail(err, path, saved);
    }
    return n == 48 || FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "%s: a short write", path);
}

static bool tsm_boot_log(void *state, struct buf *out, struct err *err)
{
    const struct tsm *t = state;
    char path[PATH_SIZE];
    struct buf log = BUF(LIMIT_LOG);
    bool ok = path_form(path, err, t->root, BOOT_LOG, "") &&
              (!file_exists(path) || (file_read(path, &log, err) && buf_add(out, log.p, log.len, err)));

    buf_done(&log);
    return ok;
}

const struct kind tsm_kind = {
    .name = "configfs-tsm",
    .automatic = true,
    .open = tsm_open,
    .close = tsm_close,
    .quote = tsm_quote,
    .has_registers = tsm_has_registers,
    .register_read = tsm_register_read,
    .register_extend = tsm_register_extend,
    .boot_log = tsm_boot_log,
};
