#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/random.h"
#include "os/secret.h"
#include "test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/sotto-os-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static int n;

    n = (n + 1) % 4;
    (void)snprintf(path[n], sizeof path[n], "%s/%s", dir, name);
    return path[n];
}

static int dir_new(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int dir_remove(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void file_is_written_whole_or_not(void **state)
{
    const char *path = in_dir("a");
    struct buf b = BUF(10);
    struct err err = {0};
    struct stat st;

    (void)state;
    assert_ok(file_write(path, 0600, bytes_of_str("0123456789"), &err), err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(file_read(path, &b, &err), err);
    assert_memory_equal(b.p, "0123456789", 10);
    buf_done(&b);
    b.max = 9;
    assert_fails(file_read(path, &b, &err), err, REASON_FILE_SIZE, ERR_NOWHERE);
    assert_int_equal(b.len, 0);
    buf_done(&b);
    assert_fails(file_write(in_dir("no/such/folder"), 0600, bytes_of_str("x"), &err), err, REASON_FILE_ABSENT,
                 ERR_NOWHERE);
    assert_fails(file_read(in_dir("absent"), &b, &err), err, REASON_FILE_ABSENT, ERR_NOWHERE);
    assert_fails(file_read(dir, &b, &err), err, REASON_FILE_IO, ERR_NOWHERE);
    buf_done(&b);
    assert_ok(file_remove(path, &err), err);
    assert_ok(file_remove(path, &err), err);
    assert_false(file_exists(path));
}

/* An output named by the operator, run as root perhaps: /dev/null must stay what it is. */
static void output_replaces_no_link(void **state)
{
    char to[256], link[256];
    struct buf b = BUF(10);
    struct err err = {0};
    struct stat st;

    (void)state;
    (void)snprintf(to, sizeof to, "%s", in_dir("to"));
    (void)snprintf(link, sizeof link, "%s", in_dir("link"));
    assert_ok(file_put(to, 0600, bytes_of_str("0123456789"), &err), err);
    assert_int_equal(symlink(to, link), 0);
    assert_ok(file_put(link, 0600, bytes_of_str("abc"), &err), err);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_ok(file_read(to, &b, &err), err);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.p, "abc", 3);
    buf_done(&b);
    assert_fails(file_put(dir, 0600, bytes_of_str("x"), &err), err, REASON_FILE_IO, ERR_NOWHERE);
    assert_int_equal(unlink(link), 0);
    assert_ok(file_remove(to, &err), err);
}

static void append_goes_behind(void **state)
{
    const char *path = in_dir("log");
    struct buf b = BUF(100);
    struct err err = {0};

    (void)state;
    assert_ok(file_append_sync(path, 0600, bytes_of_str("one "), &err), err);
    assert_ok(file_append_sync(path, 0600, bytes_of_str("two"), &err), err);
    assert_ok(file_read(path, &b, &err), err);
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("one two")));
    buf_done(&b);
    assert_ok(file_remove(path, &err), err);
}

static void folders_are_made(void **state)
{
    struct err err = {0};

    (void)state;
    assert_ok(file_mkdir(in_dir("x/y/z"), 0700, &err), err);
    assert_ok(file_mkdir(in_dir("x/y/z"), 0700, &err), err);
    assert_true(file_exists(in_dir("x/y/z")));
    assert_int_equal(rmdir(in_dir("x/y/z")) | rmdir(in_dir("x/y")) | rmdir(in_dir("x")), 0);
    assert_fails(file_mkdir("", 0700, &err), err, REASON_FILE_ABSENT, ERR_NOWHERE);
}

/* A child sees zeros where the parent had a secret. */
static void secret_does_not_survive_a_fork(void **state)
{
    struct secret s = {0};
    struct err err = {0};
    int status;
    pid_t pid;

    (void)state;
    assert_ok(secret_new(48, &s, &err), err);
    memset(s.p, 7, s.len);
    pid = fork();
    if (pid == 0) {
        _exit(s.p[0] == 0 && s.p[47] == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(s.p[0], 7);
    secret_free(&s);
    assert_null(s.p);
    secret_free(&s);
    assert_fails(secret_new(0, &s, &err), err, REASON_INTERNAL, ERR_NOWHERE);
}

static void secret_equality(void **state)
{
    struct secret s = {0};
    struct err err = {0};
    uint8_t other[16] = {0};

    (void)state;
    assert_ok(secret_new(16, &s, &err), err);
    assert_true(secret_equal(&s, other, 16));
    assert_false(secret_equal(&s, other, 15));
    for (size_t i = 0; i < 16; i++) {
        other[i] = 0x80;
        assert_false(secret_equal(&s, other, 16));
        other[i] = 0;
    }
    secret_free(&s);
}

static void process_leaves_no_core(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct err err = {0};
        struct rlimit l;

        _exit(secret_protect_process(&err) && getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_max == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void random_differs(void **state)
{
    uint8_t a[300], b[300];
    struct err err = {0};

    (void)state;
    assert_ok(random_bytes(a, sizeof a, &err), err);
    assert_ok(random_bytes(b, sizeof b, &err), err);
    assert_memory_not_equal(a, b, sizeof a);
}

static void clocks_go_forward(void **state)
{
    uint64_t a = clock_monotonic_ns();

    (void)state;
    assert_true(clock_unix() > 1700000000);
    assert_true(clock_monotonic_ns() >= a);
    assert_true(clock_unix_ns() / 1000000000 - clock_unix() <= 1);
}

/* What a log_event() wrote, through a pipe in place of stderr. */
static void log_cannot_be_forged(void **state)
{
    struct err err = {0};
    char line[2048];
    int pipes[2], old;
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    old = dup(STDERR_FILENO);
    (void)dup2(pipes[1], STDERR_FILENO);
    log_init("test", LOG_LEVEL_INFO);
    log_event(LOG_LEVEL_DEBUG, "not seen", NULL);
    log_event(LOG_LEVEL_INFO, "hello", "key", "a\"b\n<3>c\\", NULL);
    (void)FAIL(&err, REASON_FILE_IO, 7, "it broke");
    log_error(LOG_LEVEL_ERROR, "failed", &err);
    (void)dup2(old, STDERR_FILENO);
    (void)close(old);
    (void)close(pipes[1]);
    n = read(pipes[0], line, sizeof line - 1);
    (void)close(pipes[0]);
    assert_true(n > 0);
    line[n] = '\0';
    assert_memory_equal(line, "<6>time=20", 10);
    assert_non_null(strstr(line, " role=test pid="));
    assert_non_null(strstr(line, " msg=\"hello\" key=\"a\\\"b?<3>c\\\\\"\n<3>time="));
    assert_non_null(strstr(line, " msg=\"failed\" reason=\"FILE_IO\" detail=\"it broke\" byte=\"7\"\n"));
    assert_null(strstr(line, "not seen"));
}

/* What a killed writer left goes; every other file stays. */
static void leftovers_are_swept(void **state)
{
    static const char *const names[] = {"left.Ab3dEf",  "left",         "left.old",
                                        "left.Ab3dEfg", "xleft.Ab3dEf", "leftXAb3dEf"};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_ok(file_write(in_dir(names[i]), 0600, bytes_of_str("x"), &err), err);
    }
    file_sweep(in_dir("left"));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(file_exists(in_dir(names[i])), i != 0);
        assert_ok(file_remove(in_dir(names[i]), &err), err);
    }
    file_sweep("/nowhere/at/all");
}

/* In a child that has none of the three: the next file is not one of them, and each is of no use. */
static void standard_descriptors_are_taken(void **state)
{
    pid_t p = fork();
    int status;

    (void)state;
    if (p == 0) {
        bool ok;

        (void)close(0);
        (void)close(1);
        (void)close(2);
        file_stdio_open();
        ok = open("/dev/null", O_RDONLY) > 2 && read(0, &status, 1) < 0 && write(1, "x", 1) < 0 && write(2, "x", 1) < 0;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(p, &status, 0), p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_written_whole_or_not),
        cmocka_unit_test(output_replaces_no_link),
        cmocka_unit_test(append_goes_behind),
        cmocka_unit_test(folders_are_made),
        cmocka_unit_test(secret_does_not_survive_a_fork),
        cmocka_unit_test(secret_equality),
        cmocka_unit_test(process_leaves_no_core),
        cmocka_unit_test(leftovers_are_swept),
        cmocka_unit_test(standard_descriptors_are_taken),
        cmocka_unit_test(random_differs),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(log_cannot_be_forged),
    };

    return cmocka_run_group_tests_name("os", tests, dir_new, dir_remove);
}
