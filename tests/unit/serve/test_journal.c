/* The event log against a register that is kept in shared memory, so that it outlives a process that dies at a step of
 * an extension, as the real one does. */
#include "test.h"

#include "os/file.h"
#include "serve/journal.h"
#include "serve/measure.h"
#include "tdx/eventlog.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT "00112233445566778899aabbccddeeff"

struct fake {
    uint8_t value[SHA384_SIZE];
    int die; /* 0: no; 1: before the extension; 2: behind it; 3: when it is read again */
    int extended;
    bool fail; /* the extension does */
};

static struct fake *fake;
static char dir[64];

static bool fake_read(void *arg, uint8_t out[SHA384_SIZE], struct err *err)
{
    (void)arg;
    (void)err;
    if (fake->die == 3 && fake->extended == 1) {
        _exit(77);
    }
    memcpy(out, fake->value, SHA384_SIZE);
    return true;
}

static bool fake_extend(void *arg, const uint8_t digest[SHA384_SIZE], struct err *err)
{
    (void)arg;
    if (fake->fail) {
        return FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "no extension");
    }
    if (fake->die == 1) {
        _exit(77);
    }
    hash_extend(fake->value, digest);
    fake->extended = 1;
    if (fake->die == 2) {
        _exit(77);
    }
    return true;
}

static const struct journal_register fake_register = {fake_read, fake_extend, NULL};

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/sotto-journal-XXXXXX");
    fake = mmap(NULL, sizeof *fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return fake == MAP_FAILED || mkdtemp(dir) == NULL;
}

static char *path(const char *name)
{
    static char out[128];

    (void)snprintf(out, sizeof out, "%s/%s", dir, name);
    return out;
}

static size_t size_of(const char *name)
{
    struct buf b = BUF(1 << 20);
    struct err err = {0};
    size_t len;

    assert_ok(file_read(path(name), &b, &err), err);
    len = b.len;
    buf_done(&b);
    return len;
}

static int teardown(void **state)
{
    static const char *const names[] = {"event_log", "event_log.old", "pending", "lock"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)unlink(path(names[i]));
    }
    (void)munmap(fake, sizeof *fake);
    return rmdir(dir);
}

static struct journal *open_ok(const char *boot_id)
{
    struct journal *j = NULL;
    struct err err = {0};

    assert_ok(journal_open(dir, &fake_register, boot_id, &j, &err), err);
    return j;
}

static void append_ok(struct journal *j, const char *content)
{
    struct err err = {0};

    assert_ok(journal_append(j, bytes_of_str(content), &err), err);
}

#define START "{\"boot_id\":\"" BOOT "\",\"kind\":\"start\",\"number\":1,\"numerics\":1,\"v\":1}"
#define WEB "{\"kind\":\"web\",\"sha384\":\"\",\"v\":1}"
#define READY "{\"kind\":\"ready\",\"v\":1}"

static size_t replay(const struct journal *j, uint8_t out[SHA384_SIZE])
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct err err = {0};
    size_t count;

    assert_ok(eventlog_replay(journal_log(j), registers, &count, &err), err);
    memcpy(out, registers[3], SHA384_SIZE);
    return count;
}

static size_t assert_explained(const struct journal *j)
{
    uint8_t value[SHA384_SIZE];
    size_t count = replay(j, value);

    assert_memory_equal(value, fake->value, SHA384_SIZE);
    return count;
}

static void test_appends(void **state)
{
    struct journal *j = open_ok(BOOT), *second = NULL;
    struct err err = {0};

    (void)state;
    append_ok(j, START);
    append_ok(j, WEB);
    assert_false(journal_is_ready(j));
    append_ok(j, READY);
    assert_true(journal_is_ready(j));
    assert_int_equal(journal_starts(j), 1);
    assert_int_equal(assert_explained(j), 3);
    assert_fails(journal_open(dir, &fake_register, BOOT, &second, &err), err, REASON_DEVICE_HELD, ERR_NOWHERE);
    journal_close(j);
    j = open_ok(BOOT);
    append_ok(j, START);
    assert_int_equal(journal_starts(j), 2);
    assert_false(journal_is_ready(j));
    assert_int_equal(assert_explained(j), 4);
    journal_close(j);
}

/* In a child: the register ends it within the append. */
static _Noreturn void append_and_die(void)
{
    struct err err = {0};
    struct journal *j = NULL;

    _exit(journal_open(dir, &fake_register, BOOT, &j, &err) && journal_append(j, bytes_of_str(WEB), &err) ? 0 : 1);
}

/* A process that dies at each step; the next one explains the register, with or without the event, and goes on. */
static void test_crashes(void **state)
{
    (void)state;
    journal_close(open_ok(BOOT));
    for (int step = 1; step <= 3; step++) {
        struct journal *j = open_ok(BOOT);
        size_t before = assert_explained(j), after;
        int status;
        pid_t p;

        journal_close(j);
        fake->die = step;
        fake->extended = 0;
        p = fork();
        if (p == 0) {
            append_and_die();
        }
        assert_int_equal(waitpid(p, &status, 0), p);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 77);
        fake->die = 0;
        assert_true(file_exists(path("pending")));
        j = open_ok(BOOT);
        after = assert_explained(j);
        assert_int_equal(after, step == 1 ? before : before + 1);
        assert_false(file_exists(path("pending")));
        append_ok(j, READY);
        assert_int_equal(assert_explained(j), after + 1);
        journal_close(j);
    }
}

static void copy(const char *from, const char *to)
{
    struct buf b = BUF(1 << 20);
    struct err err = {0};
    char source[128];

    (void)snprintf(source, sizeof source, "%s", path(from));
    assert_ok(file_read(source, &b, &err), err);
    assert_ok(file_write(path(to), 0600, buf_bytes(&b), &err), err);
    buf_done(&b);
}

/* Steps without a call of the register: an append that was torn at any byte, and a record that is not removed yet. */
static void test_torn(void **state)
{
    struct buf log = BUF(1 << 20), pending = BUF(1 << 20);
    struct err err = {0};
    struct journal *j = open_ok(BOOT);
    size_t before;
    pid_t p;

    (void)state;
    append_ok(j, START);
    before = journal_log(j).len;
    journal_close(j);
    fake->die = 2;
    p = fork();
    if (p == 0) {
        append_and_die();
    }
    assert_int_equal(waitpid(p, NULL, 0), p);
    fake->die = 0;
    assert_ok(file_read(path("pending"), &pending, &err), err);
    journal_close(open_ok(BOOT)); /* completes it */
    assert_ok(file_read(path("event_log"), &log, &err), err);
    assert_true(log.len > before);
    for (size_t len = before; len <= log.len; len++) {
        assert_ok(file_write(path("event_log"), 0600, bytes_of(log.p, len), &err), err);
        assert_ok(file_write(path("pending"), 0600, buf_bytes(&pending), &err), err);
        j = open_ok(BOOT);
        assert_true(bytes_equal(journal_log(j), buf_bytes(&log)));
        assert_int_equal(assert_explained(j), 2);
        journal_close(j);
    }
    buf_done(&log);
    buf_done(&pending);
}

static void test_unexplained(void **state)
{
    struct journal *j = open_ok(BOOT);
    struct err err = {0};
    struct buf damaged = BUF(1 << 20);

    (void)state;
    append_ok(j, START);
    journal_close(j);
    copy("event_log", "event_log.old");
    fake->value[0] ^= 1;
    assert_fails(journal_open(dir, &fake_register, BOOT, &j, &err), err, REASON_REGISTER_UNEXPLAINED, ERR_NOWHERE);
    fake->value[0] ^= 1;
    assert_int_equal(unlink(path("event_log")), 0);
    assert_fails(journal_open(dir, &fake_register, BOOT, &j, &err), err, REASON_REGISTER_UNEXPLAINED, ERR_NOWHERE);
    assert_ok(file_read(path("event_log.old"), &damaged, &err), err);
    damaged.p[damaged.len - 3] ^= 1;
    assert_ok(file_write(path("event_log"), 0600, buf_bytes(&damaged), &err), err);
    err.reason = REASON_OK;
    assert_false(journal_open(dir, &fake_register, BOOT, &j, &err));
    assert_int_equal(err.reason, REASON_EVENT_FORM);
    copy("event_log.old", "event_log");
    journal_close(open_ok(BOOT));
    buf_done(&damaged);
}

/* A register that is zero is a new boot: the log begins anew, and the old one is put aside. */
static void test_boot(void **state)
{
    struct journal *j = open_ok(BOOT);

    (void)state;
    append_ok(j, START);
    append_ok(j, READY);
    journal_close(j);
    memset(fake->value, 0, sizeof fake->value);
    j = open_ok(BOOT);
    assert_int_equal(journal_starts(j), 0);
    assert_int_equal(assert_explained(j), 0);
    assert_true(file_exists(path("event_log.old")));
    journal_close(j);
}

/* No register: the log alone, its root for the report data, anew with each boot id. */
static void test_no_register(void **state)
{
    struct journal *j = NULL;
    struct err err = {0};
    uint8_t root[SHA384_SIZE], zero[SHA384_SIZE] = {0};

    (void)state;
    assert_ok(journal_open(dir, NULL, BOOT, &j, &err), err);
    append_ok(j, START);
    assert_false(journal_in_register(j));
    assert_ok(journal_root(j, root, &err), err);
    assert_memory_not_equal(root, zero, sizeof root);
    journal_close(j);
    assert_ok(journal_open(dir, NULL, BOOT, &j, &err), err);
    assert_int_equal(journal_starts(j), 1);
    journal_close(j);
    assert_ok(journal_open(dir, NULL, "ffeeddccbbaa99887766554433221100", &j, &err), err);
    assert_int_equal(journal_starts(j), 0);
    journal_close(j);
}

static void test_loaded(void **state)
{
    struct identity a = {.length = 5}, b = {.length = 6};
    uint8_t id_a[SHA384_SIZE], id_b[SHA384_SIZE], sha_a[SHA384_SIZE], sha_b[SHA384_SIZE];
    struct buf manifest_a = BUF(8192), manifest_b = BUF(8192), event = BUF(8192);
    struct journal *j = open_ok(BOOT);
    struct err err = {0};

    (void)state;
    assert_ok(measure_manifest("a:1", &a, 1, id_a, &manifest_a, &err), err);
    assert_ok(measure_manifest("b:1", &b, 1, id_b, &manifest_b, &err), err);
    hash_bytes(HASH_SHA384, buf_bytes(&manifest_a), sha_a);
    hash_bytes(HASH_SHA384, buf_bytes(&manifest_b), sha_b);
    append_ok(j, START);
    assert_false(journal_has_model(j, sha_a));
    assert_ok(measure_model_event(buf_bytes(&manifest_a), &event, &err), err);
    assert_ok(journal_append(j, buf_bytes(&event), &err), err);
    assert_true(journal_has_model(j, sha_a));
    assert_false(journal_has_model(j, sha_b));
    append_ok(j, START); /* a new start has loaded nothing */
    assert_false(journal_has_model(j, sha_a));
    journal_close(j);
    buf_done(&manifest_a);
    buf_done(&manifest_b);
    buf_done(&event);
}

/* What no start would read back is refused before the register is touched, and the next event is appended. */
static void test_refused(void **state)
{
    static const struct {
        const char *content;
        enum reason reason;
    } rows[] = {
        {"{\"kind\":\"foreign\",\"v\":1}", REASON_EVENT_KIND},
        {"{\"kind\":\"ready\",\"more\":1,\"v\":1}", REASON_EVENT_FORM},
        {"{\"kind\":\"model\",\"manifest\":{},\"v\":1}", REASON_JSON_MEMBER},
        {"{\"kind\":\"model\",\"manifest\":[],\"v\":1}", REASON_JSON_TYPE},
        {"{\"kind\":\"unload\",\"model_id\":\"00\",\"v\":1}", REASON_OK},
        {"{", REASON_OK},
        {"", REASON_OK},
    };
    struct journal *j = open_ok(BOOT);
    size_t before;

    (void)state;
    append_ok(j, START);
    before = assert_explained(j);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};

        assert_false(journal_append(j, bytes_of_str(rows[i].content), &err));
        if (rows[i].reason != REASON_OK && err.reason != rows[i].reason) {
            fail_msg("%s: %s", rows[i].content, reason_name(err.reason));
        }
        assert_false(journal_is_broken(j));
        assert_int_equal(assert_explained(j), before);
    }
    append_ok(j, WEB);
    journal_close(j);
    j = open_ok(BOOT);
    assert_int_equal(assert_explained(j), before + 1);
    journal_close(j);
}

/* A register that fails, or is another one after its extension, ends the appending until the log is opened anew. */
static void test_broken(void **state)
{
    struct journal *j = open_ok(BOOT);
    struct err err = {0};

    (void)state;
    append_ok(j, START);
    fake->fail = true;
    assert_fails(journal_append(j, bytes_of_str(WEB), &err), err, REASON_DEVICE_FAILED, ERR_NOWHERE);
    assert_true(journal_is_broken(j));
    fake->fail = false;
    assert_fails(journal_append(j, bytes_of_str(WEB), &err), err, REASON_INTERNAL, ERR_NOWHERE);
    journal_close(j);
    j = open_ok(BOOT);
    assert_int_equal(assert_explained(j), 1);
    append_ok(j, WEB);
    journal_close(j);
}

/* After a boot the files are of no importance, damaged or not; and a boot that came to nothing keeps the log before. */
static void test_boot_damaged(void **state)
{
    static const char *const damaged[] = {"event_log", "pending"};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct journal *j = open_ok(BOOT);

        append_ok(j, START);
        journal_close(j);
        assert_ok(file_write(path(damaged[i]), 0600, bytes_of_str("rubbish"), &err), err);
        assert_ok(file_write(path("pending.a1b2c3"), 0600, bytes_of_str("a part"), &err), err);
        err.reason = REASON_OK;
        assert_false(journal_open(dir, &fake_register, BOOT, &j, &err));
        memset(fake->value, 0, sizeof fake->value);
        j = open_ok(BOOT);
        assert_int_equal(assert_explained(j), 0);
        assert_false(file_exists(path("pending")));
        assert_false(file_exists(path("pending.a1b2c3")));
        journal_close(j);
        assert_true(file_exists(path("event_log.old")));
        journal_close(open_ok(BOOT)); /* again, with nothing in it */
        assert_int_not_equal(size_of("event_log.old"), size_of("event_log"));
    }
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_appends),     ROW(test_crashes), ROW(test_torn),    ROW(test_unexplained), ROW(test_boot),
        ROW(test_no_register), ROW(test_loaded),  ROW(test_refused), ROW(test_broken),      ROW(test_boot_damaged),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
