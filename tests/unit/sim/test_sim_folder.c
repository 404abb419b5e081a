/* The simulated platform's folder, and the running service on it, through the device that guests use. */
#include "test.h"

#include "device/device.h"
#include "device/td_frame.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "sim/serve.h"
#include "sim/state.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW INT64_C(1795521600)

static char dir[64];
static char device_name_text[80];
static struct err err;

static int entry_remove(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s;
    (void)type;
    (void)f;
    return remove(path);
}

static int folder_new(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/sotto-sim-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    (void)snprintf(device_name_text, sizeof device_name_text, "sim:%s", dir);
    return state_init(dir, clock_unix(), &err) ? 0 : 1;
}

static int folder_remove(void **state)
{
    (void)state;
    return nftw(dir, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_dir(const char *name)
{
    static char path[STATE_PATH_MAX];

    assert_ok(state_path(dir, name, path, &err), err);
    return path;
}

static void secret_is_its_owners(void **state)
{
    static const char *const names[] = {"secret", "pki.pem", "state"};
    struct stat s;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(in_dir(names[i]), &s), 0);
        assert_int_equal(s.st_mode & 0777, 0600);
    }
}

static void a_platform_is_set_up_once(void **state)
{
    struct platform a, b;

    (void)state;
    assert_ok(state_open(dir, NOW, &a, &err), err);
    assert_fails(state_init(dir, NOW, &err), err, REASON_SIM_STATE, ERR_NOWHERE);
    assert_ok(state_open(dir, NOW, &b, &err), err);
    assert_memory_equal(a.pki.id, b.pki.id, 32);
    assert_true(bytes_equal(buf_bytes(&a.pki.certs[PKI_ROOT]), buf_bytes(&b.pki.certs[PKI_ROOT])));
    platform_done(&a);
    platform_done(&b);
}

static void registers_last_until_a_reboot(void **state)
{
    const uint8_t digest[48] = {1}, zero[48] = {0};
    struct platform p, again;

    (void)state;
    assert_ok(state_open(dir, NOW, &p, &err), err);
    assert_ok(guest_extend(&p.guest, 3, digest, &err), err);
    assert_ok(state_save(dir, &p.guest, &err), err);
    assert_ok(state_open(dir, NOW, &again, &err), err);
    assert_memory_equal(&again.guest, &p.guest, sizeof p.guest);
    platform_done(&again);
    assert_ok(state_reboot(dir, NOW, &err), err);
    assert_ok(state_open(dir, NOW, &again, &err), err);
    assert_memory_equal(again.guest.rtmr[3], zero, 48);
    assert_memory_equal(again.guest.rtmr[0], p.guest.rtmr[0], 48);
    assert_memory_equal(again.guest.mrtd, p.guest.mrtd, 48);
    assert_memory_not_equal(again.guest.boot_id, p.guest.boot_id, 16);
    platform_done(&again);
    platform_done(&p);
    assert_fails(guest_extend(&p.guest, 4, digest, &err), err, REASON_SIM_FORM, ERR_NOWHERE);
}

#define ID "\"boot_id\":\"00112233445566778899aabbccddeeff\""
#define R48 "000000000000000000000000000000000000000000000000"
#define R96 R48 R48

static void damaged_state_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum reason reason;
    } bad[] = {
        {"", REASON_JSON_FORM},
        {"{}", REASON_JSON_MEMBER},
        {"{" ID ",\"v\":1}", REASON_JSON_MEMBER},
        {"{" ID ",\"rtmr_0\":\"" R96 "\",\"rtmr_1\":\"" R96 "\",\"rtmr_2\":\"" R96 "\",\"rtmr_3\":\"" R48 "\",\"v\":1}",
         REASON_HEX_LENGTH},
        {"{" ID ",\"rtmr_0\":\"" R96 "\",\"rtmr_1\":\"" R96 "\",\"rtmr_2\":\"" R96 "\",\"rtmr_3\":\"" R96 "\",\"v\":2}",
         REASON_JSON_RANGE},
        {"{" ID ",\"rtmr_0\":\"" R96 "\",\"rtmr_1\":\"" R96 "\",\"rtmr_2\":\"" R96 "\",\"rtmr_3\":\"" R96 "\",\"v\":0}",
         REASON_SIM_STATE},
        {"{" ID ",\"rtmr_0\":\"" R96 "\",\"rtmr_1\":\"" R96 "\",\"rtmr_2\":\"" R96 "\",\"rtmr_3\":\"" R96
         "\",\"v\":1,\"x\":1}",
         REASON_JSON_UNKNOWN},
    };
    struct guest g = {.rtmr = {{7}}}, before = g;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.reason = REASON_OK;
        assert_false(state_parse(bytes_of_str(bad[i].text), &g, &err));
        assert_string_equal(reason_name(err.reason), reason_name(bad[i].reason));
        assert_memory_equal(&g, &before, sizeof g);
    }
}

static void a_folder_without_a_platform_is_refused(void **state)
{
    struct platform p;

    (void)state;
    assert_fails(state_open("/nonexistent", NOW, &p, &err), err, REASON_SIM_STATE, ERR_NOWHERE);
    assert_ok(file_write(in_dir("secret"), 0600, bytes_of("short", 5), &err), err);
    assert_fails(state_open(dir, NOW, &p, &err), err, REASON_SIM_STATE, ERR_NOWHERE);
}

/* ---- the running service ---- */

static pid_t start(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        int lock;

        log_init("sim", LOG_LEVEL_ERROR);
        if (!state_lock(dir, &lock, &err) || !serve_run(dir, "127.0.0.1:0", 4, &err)) {
            _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 500; i++) {
        struct device *d;

        if (device_open(device_name_text, &d, &err)) {
            device_close(d);
            return pid;
        }
        (void)poll(NULL, 0, 10);
    }
    fail_msg("the service does not start: %s", err.detail);
    return -1;
}

static int end(pid_t pid, int signal)
{
    int status;

    assert_int_equal(kill(pid, signal), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void the_device_works(void **state)
{
    const uint8_t report_data[64] = {5}, digest[48] = {6};
    uint8_t before[48], after[48];
    struct buf quote = BUF(65536), log = BUF(1 << 20);
    struct device *d, *second;
    struct quote q;
    pid_t pid = start();

    (void)state;
    assert_ok(device_open(device_name_text, &d, &err), err);
    assert_string_equal(device_name(d), "sim");
    assert_fails(device_open(device_name_text, &second, &err), err, REASON_DEVICE_HELD, ERR_NOWHERE);
    assert_true(device_has_registers(d));
    assert_ok(device_register_read(d, 3, before, &err), err);
    assert_ok(device_register_extend(d, 3, digest, &err), err);
    assert_int_equal(end(pid, SIGKILL), SIGKILL);
    assert_fails(device_register_read(d, 3, after, &err), err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE);
    device_close(d);

    pid = start();
    assert_ok(device_open(device_name_text, &d, &err), err);
    assert_ok(device_register_read(d, 3, after, &err), err);
    assert_memory_not_equal(before, after, 48);
    assert_ok(device_quote(d, report_data, &quote, &err), err);
    assert_ok(quote_parse(buf_bytes(&quote), &q, &err), err);
    assert_memory_equal(q.td.rtmr[3], after, 48);
    assert_ok(device_boot_log(d, &log, &err), err);
    assert_true(log.len > 500);
    assert_fails(device_register_read(d, 4, after, &err), err, REASON_REGISTER_ABSENT, ERR_NOWHERE);
    device_close(d);
    assert_int_equal(end(pid, SIGTERM), 0);
    assert_false(file_exists(in_dir("td.sock")));
    assert_false(file_exists(in_dir("qgs.sock")));
    buf_done(&quote);
    buf_done(&log);
}

/* The bytes go in pieces of one; the connection ends without an answer, and the service goes on. */
static void garbage_send(const char *name, const void *bytes, size_t len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct pollfd p;
    char answer[64];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", in_dir(name));
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    for (size_t i = 0; i < len; i++) {
        (void)!send(fd, (const char *)bytes + i, 1, MSG_NOSIGNAL);
    }
    p = (struct pollfd){.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_true(recv(fd, answer, sizeof answer, 0) <= 0);
    (void)close(fd);
}

static void garbage_ends_one_connection_alone(void **state)
{
    static const uint8_t long_frame[] = {1, 0, 1, 0, 0, 1, 0, 0}, other_version[] = {2, 0, 1, 0, 64, 0, 0, 0},
                         huge_message[] = {0xff, 0xff, 0xff, 0xff}, short_message[] = {0, 0, 0, 15};
    uint8_t value[48];
    struct device *d;
    pid_t pid = start();

    (void)state;
    garbage_send("td.sock", long_frame, sizeof long_frame);
    garbage_send("td.sock", other_version, sizeof other_version);
    garbage_send("qgs.sock", huge_message, sizeof huge_message);
    garbage_send("qgs.sock", short_message, sizeof short_message);
    assert_ok(device_open(device_name_text, &d, &err), err);
    assert_ok(device_register_read(d, 0, value, &err), err);
    device_close(d);
    assert_int_equal(end(pid, SIGTERM), 0);
}

static void one_service_a_folder(void **state)
{
    pid_t pid = start();
    int lock;

    (void)state;
    assert_fails(state_lock(dir, &lock, &err), err, REASON_DEVICE_HELD, ERR_NOWHERE);
    assert_int_equal(end(pid, SIGTERM), 0);
    assert_ok(state_lock(dir, &lock, &err), err);
    (void)close(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_is_its_owners),
        cmocka_unit_test(a_platform_is_set_up_once),
        cmocka_unit_test(registers_last_until_a_reboot),
        cmocka_unit_test(damaged_state_is_refused),
        cmocka_unit_test(the_device_works),
        cmocka_unit_test(garbage_ends_one_connection_alone),
        cmocka_unit_test(one_service_a_folder),
        cmocka_unit_test(a_folder_without_a_platform_is_refused),
    };

    return cmocka_run_group_tests_name("sim_folder", tests, folder_new, folder_remove);
}
