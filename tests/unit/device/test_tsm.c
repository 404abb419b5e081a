/* configfs-tsm and the measurement files over real files in a folder: the device's code is the one that guests run. The
 * kernel's part is played behind mkdir, rmdir, read, write and close: an entry's attributes appear with its folder,
 * inblob is committed by the last close, reading outblob may fail, and a write to a register extends it. */
#include "device/kind.h"
#include "os/file.h"
#include "quote_form.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __real_write(int fd, const void *buf, size_t n);
int __real_close(int fd);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);
ssize_t __wrap_read(int fd, void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);
int __wrap_close(int fd);

static struct err err;
static char root[] = "/tmp/sotto-tsm-XXXXXX";
static const uint8_t wanted[64] = {0xbb, 4, 5, 6};

#define REPORT "/sys/kernel/config/tsm/report"
#define MEASUREMENTS "/sys/devices/virtual/misc/tdx_guest/measurements"

/* What this kernel does. */
static struct {
    const char *provider;
    unsigned entries;           /* that exist */
    unsigned generation;        /* of the one entry */
    unsigned lost_commits;      /* so many writes of inblob are dropped by close() */
    unsigned busy, interrupted; /* so many reads of outblob fail so */
    int outblob_errno;          /* every read does */
    unsigned strangers;         /* so many foreign writes come between commit and quote */
    bool other_data;            /* the quote is over other report data */
    struct buf outblob;         /* in place of a quote, if not empty */
    size_t trailing;
    uint8_t rtmr_written[48];
    unsigned extensions;
    bool playing; /* false: calls go through */
} kernel;

static const char *fd_path(int fd)
{
    static char path[PATH_MAX];
    char link[64];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return path;
}

static bool ends_in(const char *s, const char *end)
{
    size_t a = strlen(s), b = strlen(end);

    return a >= b && strcmp(s + a - b, end) == 0;
}

static void put(const char *folder, const char *name, const void *p, size_t len)
{
    char path[PATH_MAX];
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(__real_write(fd, p, len), len);
    (void)__real_close(fd);
}

static void generation_put(const char *folder)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u\n", kernel.generation);
    put(folder, "generation", text, strlen(text));
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    int r = __real_mkdir(path, mode);

    if (r == 0 && kernel.playing && strstr(path, "/tsm/report/") != NULL) {
        assert_int_equal(mode, 0700);
        kernel.entries++;
        kernel.generation = 0;
        put(path, "provider", kernel.provider, strlen(kernel.provider));
        put(path, "inblob", "", 0);
        put(path, "outblob", "", 0);
        generation_put(path);
    }
    return r;
}

int __wrap_rmdir(const char *path)
{
    static const char *const names[] = {"provider", "inblob", "outblob", "generation"};
    char name[PATH_MAX];

    for (size_t i = 0; kernel.playing && i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", path, names[i]);
        (void)unlink(name);
    }
    kernel.entries -= kernel.playing ? 1 : 0;
    return __real_rmdir(path);
}

/* The quote appears when it is asked for. */
static void outblob_make(const char *path)
{
    struct buf quote = BUF(1 << 20);
    uint8_t data[64];
    char folder[PATH_MAX];

    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strlen(path) - strlen("/outblob")), path);
    memcpy(data, wanted, 64);
    data[0] ^= kernel.other_data ? 1 : 0;
    if (kernel.outblob.max == 0) {
        quote_form(data, QUOTE_TEE_TDX, &quote);
        assert_ok(buf_zero(&quote, kernel.trailing, &err), err);
        put(folder, "outblob", quote.p, quote.len);
    } else {
        put(folder, "outblob", kernel.outblob.p, kernel.outblob.len);
    }
    if (kernel.strangers > 0) {
        kernel.strangers--;
        kernel.generation++;
        generation_put(folder);
    }
    buf_done(&quote);
}

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
    const char *path = fd_path(fd);

    if (kernel.playing && ends_in(path, "/outblob") && lseek(fd, 0, SEEK_CUR) == 0) {
        if (kernel.outblob_errno != 0) {
            errno = kernel.outblob_errno;
            return -1;
        }
        if (kernel.busy > 0 || kernel.interrupted > 0) {
            bool is_busy = kernel.busy > 0;

            *(is_busy ? &kernel.busy : &kernel.interrupted) -= 1;
            errno = is_busy ? EBUSY : EINTR;
            return -1;
        }
        outblob_make(path);
    }
    return __real_read(fd, buf, n);
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
    if (kernel.playing && strstr(fd_path(fd), "/rtmr") != NULL) {
        if (n != 48) {
            errno = EINVAL;
            return -1;
        }
        memcpy(kernel.rtmr_written, buf, 48);
        kernel.extensions++;
        return 48;
    }
    return __real_write(fd, buf, n);
}

int __wrap_close(int fd)
{
    char path[PATH_MAX];
    struct stat s;

    (void)snprintf(path, sizeof path, "%s", fd_path(fd));
    if (kernel.playing && ends_in(path, "/inblob") && fstat(fd, &s) == 0 && s.st_size == 64) {
        path[strlen(path) - strlen("/inblob")] = '\0';
        if (kernel.lost_commits > 0) {
            kernel.lost_commits--;
        } else {
            kernel.generation++;
            generation_put(path);
        }
    }
    return __real_close(fd);
}

/* ---- the fake's folders ---- */

static int root_make(void **state)
{
    static const uint8_t zero[48];
    char path[PATH_MAX];

    (void)state;
    if (mkdtemp(root) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s" REPORT, root);
    assert_ok(file_mkdir(path, 0700, &err), err);
    (void)snprintf(path, sizeof path, "%s" MEASUREMENTS, root);
    assert_ok(file_mkdir(path, 0700, &err), err);
    for (char i = '0'; i < '4'; i++) {
        char name[] = {'r', 't', 'm', 'r', i, ':', 's', 'h', 'a', '3', '8', '4', 0};

        put(path, name, zero, 48);
    }
    return 0;
}

static int root_remove(void **state)
{
    char command_path[PATH_MAX];
    static const char *const files[] = {MEASUREMENTS "/rtmr0:sha384", MEASUREMENTS "/rtmr1:sha384",
                                        MEASUREMENTS "/rtmr2:sha384", MEASUREMENTS "/rtmr3:sha384"};
    static const char *const folders[] = {MEASUREMENTS,
                                          "/sys/devices/virtual/misc/tdx_guest",
                                          "/sys/devices/virtual/misc",
                                          "/sys/devices/virtual",
                                          "/sys/devices",
                                          REPORT,
                                          "/sys/kernel/config/tsm",
                                          "/sys/kernel/config",
                                          "/sys/kernel",
                                          "/sys/firmware/acpi/tables/data",
                                          "/sys/firmware/acpi/tables",
                                          "/sys/firmware/acpi",
                                          "/sys/firmware",
                                          "/sys",
                                          ""};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(command_path, sizeof command_path, "%s%s", root, files[i]);
        (void)unlink(command_path);
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(command_path, sizeof command_path, "%s%s", root, folders[i]);
        (void)__real_rmdir(command_path);
    }
    return 0;
}

static int kernel_reset(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof kernel);
    kernel.provider = "tdx_guest\n";
    kernel.playing = true;
    return 0;
}

static int kernel_end(void **state)
{
    (void)state;
    buf_done(&kernel.outblob);
    kernel.playing = false;
    return (int)kernel.entries; /* none is left behind */
}

static bool open_root(struct device **d)
{
    const struct kind_place place = {.root = root, .timeout_ns = 200000000};

    return device_open_at("auto", &place, d, &err);
}

static size_t quote_expect(enum reason reason)
{
    struct buf quote = BUF(1 << 20);
    struct device *d;
    size_t len;
    bool ok;

    assert_ok(open_root(&d), err);
    err.reason = REASON_OK;
    ok = device_quote(d, wanted, &quote, &err);
    device_close(d);
    if (ok != (reason == REASON_OK) || err.reason != reason) {
        fail_msg("%s, not %s: %s", reason_name(err.reason), reason_name(reason), err.detail);
    }
    len = quote.len;
    buf_done(&quote);
    return len;
}

static void a_quote_comes(void **state)
{
    struct device *d;

    (void)state;
    assert_ok(open_root(&d), err);
    assert_string_equal(device_name(d), "configfs-tsm");
    device_close(d);
    assert_true(quote_expect(REASON_OK) > 1000);
}

static void padding_is_cut(void **state)
{
    size_t len = quote_expect(REASON_OK);

    (void)state;
    kernel.trailing = 3000;
    assert_int_equal(quote_expect(REASON_OK), len);
}

static void busy_hosts_are_asked_again(void **state)
{
    (void)state;
    kernel.busy = 2;
    kernel.interrupted = 1;
    quote_expect(REASON_OK);
    kernel.lost_commits = 2;
    quote_expect(REASON_OK);
}

static void patience_ends(void **state)
{
    (void)state;
    kernel.busy = 100000;
    quote_expect(REASON_DEVICE_BUSY);
    kernel.busy = 0;
    kernel.lost_commits = 100000;
    quote_expect(REASON_DEVICE_BUSY);
}

static void failures_are_no_absence(void **state)
{
    (void)state;
    kernel.outblob_errno = EIO;
    quote_expect(REASON_DEVICE_FAILED);
    kernel.outblob_errno = EINVAL;
    quote_expect(REASON_DEVICE_FAILED);
}

static void what_is_no_quote_is_refused(void **state)
{
    (void)state;
    kernel.outblob = BUF(2 << 20);
    quote_expect(REASON_QUOTE_EMPTY);
    assert_ok(buf_zero(&kernel.outblob, 1019, &err), err);
    quote_expect(REASON_QUOTE_EMPTY);
    assert_ok(buf_zero(&kernel.outblob, 9000, &err), err); /* another evidence format */
    quote_expect(REASON_QUOTE_VERSION);
    assert_ok(buf_zero(&kernel.outblob, (1 << 20) + 1 - kernel.outblob.len, &err), err);
    quote_expect(REASON_DEVICE_EVIDENCE);
}

static void somebody_else_writes(void **state)
{
    (void)state;
    kernel.strangers = 1;
    quote_expect(REASON_DEVICE_EVIDENCE);
    kernel.other_data = true;
    quote_expect(REASON_DEVICE_EVIDENCE);
}

static void other_providers_are_absence(void **state)
{
    struct device *d;

    (void)state;
    kernel.provider = "sev_guest\n";
    assert_fails(open_root(&d), err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE);
}

static void registers_are_files(void **state)
{
    const uint8_t digest[48] = {9, 8, 7};
    uint8_t value[48];
    struct buf log = BUF(65536);
    struct device *d;

    (void)state;
    assert_ok(open_root(&d), err);
    assert_true(device_has_registers(d));
    assert_ok(device_register_read(d, 3, value, &err), err);
    assert_ok(device_register_extend(d, 3, digest, &err), err);
    assert_int_equal(kernel.extensions, 1);
    assert_memory_equal(kernel.rtmr_written, digest, 48);
    assert_fails(device_register_read(d, 4, value, &err), err, REASON_REGISTER_ABSENT, ERR_NOWHERE);
    assert_ok(device_boot_log(d, &log, &err), err);
    assert_int_equal(log.len, 0);
    device_close(d);
}

static void one_holder_at_a_time(void **state)
{
    struct device *first, *second;

    (void)state;
    assert_ok(open_root(&first), err);
    assert_fails(open_root(&second), err, REASON_DEVICE_HELD, ERR_NOWHERE);
    device_close(first);
}

/* What a killed process left is removed with the next opening; what is not ours stays. */
static void leftovers_go(void **state)
{
    static const char *const names[] = {"/sotto-00112233445566778899aabbccddeeff", "/sotto-0011", "/com.intel.dcap"};
    char path[3][PATH_MAX];
    struct device *d;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path[i], sizeof path[i], "%s" REPORT "%s", root, names[i]);
        assert_int_equal(mkdir(path[i], 0700), 0);
    }
    assert_ok(open_root(&d), err);
    assert_false(file_exists(path[0]));
    for (size_t i = 1; i < 3; i++) {
        assert_true(file_exists(path[i]));
        assert_int_equal(rmdir(path[i]), 0);
    }
    device_close(d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kernel_reset, kernel_end)
    const struct CMUnitTest tests[] = {
        TEST(a_quote_comes),
        TEST(padding_is_cut),
        TEST(busy_hosts_are_asked_again),
        TEST(patience_ends),
        TEST(failures_are_no_absence),
        TEST(what_is_no_quote_is_refused),
        TEST(somebody_else_writes),
        TEST(other_providers_are_absence),
        TEST(registers_are_files),
        TEST(one_holder_at_a_time),
        TEST(leftovers_go),
    };

    return cmocka_run_group_tests_name("tsm", tests, root_make, root_remove);
}
