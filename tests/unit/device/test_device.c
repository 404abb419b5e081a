/* The table of devices, the quoting service's messages, and the simulator's client against hosts that lie. */
#include "device/kind.h"
#include "device/qgs.h"
#include "device/real.h"
#include "device/td_frame.h"
#include "os/clock.h"
#include "quote_form.h"
#include "tdx/td_report.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct err err;
static char dir[] = "/tmp/sotto-device-XXXXXX";
static char sim_name[64];
static const uint8_t wanted[64] = {0xaa, 1, 2, 3};

static const char *in_dir(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* ---- a host that answers what the test says ---- */

static struct {
    int td, qgs; /* listening */
    struct buf td_answer, qgs_answer;
    bool silent; /* the quoting service takes the request, and says nothing */
    pthread_t thread;
    bool end;
} host;

static int listener(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", in_dir(name));
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void serve_one(int listening, const struct buf *answer, bool silent)
{
    char request[4096];
    int fd = accept(listening, NULL, NULL);

    if (fd >= 0 && recv(fd, request, sizeof request, 0) > 0) {
        if (silent) {
            (void)poll(NULL, 0, 600);
        } else {
            (void)!send(fd, answer->p, answer->len, MSG_NOSIGNAL);
        }
    }
    (void)close(fd);
}

static void *host_run(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&host.end, __ATOMIC_ACQUIRE)) {
        struct pollfd p[2] = {{.fd = host.td, .events = POLLIN}, {.fd = host.qgs, .events = POLLIN}};

        if (poll(p, 2, 20) <= 0) {
            continue;
        }
        if (p[0].revents != 0) {
            serve_one(host.td, &host.td_answer, false);
        }
        if (p[1].revents != 0) {
            serve_one(host.qgs, &host.qgs_answer, host.silent);
        }
    }
    return NULL;
}

static int host_start(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    (void)snprintf(sim_name, sizeof sim_name, "sim:%s", dir);
    host.td_answer = BUF(1 << 21);
    host.qgs_answer = BUF(1 << 21);
    host.td = listener("td.sock");
    host.qgs = listener("qgs.sock");
    return pthread_create(&host.thread, NULL, host_run, NULL);
}

static int host_end(void **state)
{
    static const char *const names[] = {"td.sock", "qgs.sock", "device.lock"};

    (void)state;
    __atomic_store_n(&host.end, true, __ATOMIC_RELEASE);
    (void)pthread_join(host.thread, NULL);
    (void)close(host.td);
    (void)close(host.qgs);
    buf_done(&host.td_answer);
    buf_done(&host.qgs_answer);
    for (size_t i = 0; i < 3; i++) {
        (void)unlink(in_dir(names[i]));
    }
    return rmdir(dir);
}

/* What the host will say: TD reports as they should be, and a good quote. */
static void host_good(void)
{
    static const uint8_t report[TDREPORT_SIZE];
    static const uint8_t id[16];
    struct buf quote = BUF(65536);

    host.silent = false;
    host.td_answer.len = host.qgs_answer.len = 0;
    assert_ok(td_frame_print(TD_FRAME_REPORT | TD_FRAME_REPLY, bytes_of(report, sizeof report), &host.td_answer, &err),
              err);
    quote_form(wanted, QUOTE_TEE_TDX, &quote);
    assert_ok(qgs_response_print(QGS_SUCCESS, bytes_of(id, 16), buf_bytes(&quote), &host.qgs_answer, &err), err);
    buf_done(&quote);
}

/* With a root of the test's own and a short patience. */
static bool open_short(struct device **d)
{
    const struct kind_place place = {.root = dir, .timeout_ns = 300000000};

    return device_open_at(sim_name, &place, d, &err);
}

static void quote_expect(enum reason reason)
{
    struct buf quote = BUF(65536);
    struct device *d;

    assert_ok(open_short(&d), err);
    err.reason = REASON_OK;
    assert_int_equal(device_quote(d, wanted, &quote, &err), reason == REASON_OK);
    assert_string_equal(reason_name(err.reason), reason_name(reason));
    assert_true(reason == REASON_OK || quote.len == 0);
    device_close(d);
    buf_done(&quote);
}

static void a_good_quote_is_taken(void **state)
{
    (void)state;
    host_good();
    quote_expect(REASON_OK);
}

static void qgs_lies_are_refused(void **state)
{
    static const struct {
        const char *what;
        size_t at, cut; /* the byte that is changed; bytes that are left out at the end */
        uint8_t xor ;
        enum reason reason;
    } lies[] = {
        {"prefix one longer than what comes", 3, 0, 0x01, REASON_DEVICE_FAILED},
        {"prefix of 2 GiB", 0, 0, 0x80, REASON_DEVICE_EVIDENCE},
        {"early close", 0, 1, 0, REASON_DEVICE_FAILED},
        {"early close within the prefix", 0, SIZE_MAX, 0, REASON_DEVICE_FAILED},
        {"major version", 4, 0, 0x02, REASON_DEVICE_EVIDENCE},
        {"type", 8, 0, 0x01, REASON_DEVICE_EVIDENCE},
        {"size", 12, 0, 0x01, REASON_DEVICE_EVIDENCE},
        {"error code", 17, 0, 0x20, REASON_DEVICE_FAILED},
        {"id size", 20, 0, 0x01, REASON_DEVICE_EVIDENCE},
        {"quote size", 26, 0, 0x01, REASON_DEVICE_EVIDENCE},
        {"quote version", 44, 0, 0x02, REASON_QUOTE_VERSION},
        {"vendor", 56, 0, 0x01, REASON_DEVICE_EVIDENCE},
        {"report data", 44 + 48 + TD_REPORTDATA + 63, 0, 0x01, REASON_DEVICE_EVIDENCE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        host_good();
        host.qgs_answer.p[lies[i].at] ^= lies[i].xor ;
        host.qgs_answer.len = lies[i].cut == SIZE_MAX ? 2 : host.qgs_answer.len - lies[i].cut;
        if (i == 0) { /* 0x..NN ^ 1 may be shorter by one: then it is the size that is wrong */
            host.qgs_answer.p[3] |= 0x01;
        }
        print_message("%s\n", lies[i].what);
        quote_expect(lies[i].reason);
    }
}

static void no_quote_is_no_success(void **state)
{
    (void)state;
    host_good();
    host.qgs_answer.len = 0;
    assert_ok(qgs_response_print(QGS_SUCCESS, bytes_of(NULL, 0), bytes_of(NULL, 0), &host.qgs_answer, &err), err);
    quote_expect(REASON_QUOTE_EMPTY);
    host.qgs_answer.len = 0;
    assert_ok(qgs_response_print(QGS_ERROR_UNEXPECTED, bytes_of(NULL, 0), bytes_of(NULL, 0), &host.qgs_answer, &err),
              err);
    quote_expect(REASON_DEVICE_FAILED);
    host_good();
    host.silent = true;
    quote_expect(REASON_DEVICE_TIMEOUT);
    (void)poll(NULL, 0, 700); /* until the host listens again */
}

static void an_sgx_quote_is_no_answer(void **state)
{
    struct buf quote = BUF(65536);

    (void)state;
    host_good();
    host.qgs_answer.len = 0;
    quote_form(wanted, QUOTE_TEE_SGX, &quote); /* its length fits no SGX body */
    assert_ok(qgs_response_print(QGS_SUCCESS, bytes_of(NULL, 0), buf_bytes(&quote), &host.qgs_answer, &err), err);
    quote_expect(REASON_BYTES_SHORT);
    buf_done(&quote);
}

static void bytes_behind_the_quote_are_cut(void **state)
{
    struct buf padded = BUF(65536), got = BUF(65536);
    struct device *d;
    size_t len;

    (void)state;
    host_good();
    quote_form(wanted, QUOTE_TEE_TDX, &padded);
    len = padded.len;
    assert_ok(buf_str(&padded, "what the host left in the buffer", &err), err);
    host.qgs_answer.len = 0;
    assert_ok(qgs_response_print(QGS_SUCCESS, bytes_of(NULL, 0), buf_bytes(&padded), &host.qgs_answer, &err), err);
    assert_ok(open_short(&d), err);
    assert_ok(device_quote(d, wanted, &got, &err), err);
    assert_int_equal(got.len, len);
    device_close(d);
    buf_done(&padded);
    buf_done(&got);
}

static void td_lies_are_refused(void **state)
{
    uint8_t value[48];
    struct device *d;

    (void)state;
    host_good();
    assert_ok(open_short(&d), err);
    /* the answer to another request; of another size; longer than it may be; cut; a refusal */
    assert_fails(device_register_read(d, 0, value, &err), err, REASON_DEVICE_EVIDENCE, 2);
    host.td_answer.len = 0;
    assert_ok(td_frame_print(TD_FRAME_READ | TD_FRAME_REPLY, bytes_of(value, 47), &host.td_answer, &err), err);
    assert_fails(device_register_read(d, 0, value, &err), err, REASON_DEVICE_EVIDENCE, 4);
    host.td_answer.p[7] = 0x7f;
    assert_fails(device_register_read(d, 0, value, &err), err, REASON_SIM_FORM, 4);
    host.td_answer.p[7] = 0;
    host.td_answer.len -= 1;
    assert_fails(device_register_read(d, 0, value, &err), err, REASON_DEVICE_FAILED, ERR_NOWHERE);
    host.td_answer.len = 0;
    assert_ok(td_frame_print(TD_FRAME_ERROR, bytes_of_str("SIM_FORM"), &host.td_answer, &err), err);
    assert_fails(device_register_extend(d, 0, value, &err), err, REASON_DEVICE_FAILED, ERR_NOWHERE);
    assert_non_null(strstr(err.detail, "SIM_FORM"));
    assert_fails(device_register_extend(d, 4, value, &err), err, REASON_REGISTER_ABSENT, ERR_NOWHERE);
    device_close(d);
}

/* ---- the table ---- */

static void names_choose_devices(void **state)
{
    const struct kind_place place = {.root = dir, .timeout_ns = 300000000};
    static const struct {
        const char *name;
        enum reason reason;
    } bad[] = {
        {"", REASON_NO_QUOTE_DEVICE},
        {"auto", REASON_NO_QUOTE_DEVICE},
        {"tdx", REASON_NO_QUOTE_DEVICE},
        {"sim", REASON_USAGE},
        {"sim:", REASON_USAGE},
        {"simulator:/tmp", REASON_NO_QUOTE_DEVICE},
        {"sim:/nonexistent", REASON_NO_QUOTE_DEVICE},
        {"configfs-tsm", REASON_NO_QUOTE_DEVICE},
        {"configfs-tsm:/nonexistent", REASON_NO_QUOTE_DEVICE},
    };
    struct device *d;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(device_open_at(bad[i].name, &place, &d, &err), err, bad[i].reason, ERR_NOWHERE);
    }
}

static void no_simulator_beside_real_hardware(void **state)
{
    struct device *d;

    (void)state;
    assert_false(real_present(dir));
    assert_int_equal(mkdir(in_dir("dev"), 0700), 0);
    assert_int_equal(mkdir(in_dir("dev/tdx_guest"), 0700), 0);
    assert_true(real_present(dir));
    assert_fails(open_short(&d), err, REASON_DEVICE_SIMULATED, ERR_NOWHERE);
    assert_int_equal(rmdir(in_dir("dev/tdx_guest")), 0);
    assert_int_equal(rmdir(in_dir("dev")), 0);
}

static void one_holder_at_a_time(void **state)
{
    struct device *first, *second;

    (void)state;
    assert_ok(open_short(&first), err);
    assert_fails(open_short(&second), err, REASON_DEVICE_HELD, ERR_NOWHERE);
    device_close(first);
    assert_ok(open_short(&second), err);
    device_close(second);
    device_close(NULL);
}

static void a_long_path_is_no_obstacle(void **state)
{
    char folder[200], name[220];
    const struct kind_place place = {.root = dir, .timeout_ns = 300000000};
    struct device *d;

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/%0120d", dir, 7);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)snprintf(name, sizeof name, "sim:%s", folder);
    assert_fails(device_open_at(name, &place, &d, &err), err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE);
    (void)snprintf(name, sizeof name, "%s/device.lock", folder);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- messages ---- */

static void requests_are_read_as_written(void **state)
{
    uint8_t report[TDREPORT_SIZE] = {1};
    struct buf b = BUF(8192);
    struct bytes got;
    static const struct {
        size_t at, offset;
        uint8_t xor ;
    } bad[] = {{0, 0, 2}, {4, 4, 1}, {8, 8, 1}, {16, 16, 1}, {17, 16, 4}, {20, 16, 1}};

    (void)state;
    assert_ok(qgs_request_print(bytes_of(report, sizeof report), &b, &err), err);
    assert_int_equal(b.len, QGS_PREFIX_SIZE + QGS_HEADER_SIZE + 8 + TDREPORT_SIZE);
    buf_drop(&b, QGS_PREFIX_SIZE);
    assert_ok(qgs_request_parse(buf_bytes(&b), &got, &err), err);
    assert_true(bytes_equal(got, bytes_of(report, sizeof report)));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        b.p[bad[i].at] ^= bad[i].xor ;
        assert_fails(qgs_request_parse(buf_bytes(&b), &got, &err), err, REASON_SIM_FORM, bad[i].offset);
        b.p[bad[i].at] ^= bad[i].xor ;
    }
    for (size_t len = 0; len < b.len; len++) {
        err.reason = REASON_OK;
        assert_false(qgs_request_parse(bytes_of(b.p, len), &got, &err));
        assert_int_equal(err.reason, REASON_SIM_FORM);
    }
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_quote_is_taken),          cmocka_unit_test(qgs_lies_are_refused),
        cmocka_unit_test(no_quote_is_no_success),         cmocka_unit_test(an_sgx_quote_is_no_answer),
        cmocka_unit_test(bytes_behind_the_quote_are_cut), cmocka_unit_test(td_lies_are_refused),
        cmocka_unit_test(names_choose_devices),           cmocka_unit_test(no_simulator_beside_real_hardware),
        cmocka_unit_test(one_holder_at_a_time),           cmocka_unit_test(a_long_path_is_no_obstacle),
        cmocka_unit_test(requests_are_read_as_written),
    };

    return cmocka_run_group_tests_name("device", tests, host_start, host_end);
}
