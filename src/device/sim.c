/* The simulator's client: DIR/td.sock for reports, registers and the boot log, DIR/qgs.sock for quotes. */
#include "device/kind.h"
#include "device/qgs.h"
#include "device/real.h"
#include "device/sock.h"
#include "device/td_frame.h"

#include "base/cursor.h"
#include "base/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "tdx/td_report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sim {
    char td_path[4096], qgs_path[4096];
    int lock_fd;
    uint64_t timeout_ns;
};

static bool path_form(const char *dir, const char *name, char out[4096], struct err *err)
{
    int n = snprintf(out, 4096, "%s/%s", dir, name);

    return (n > 0 && n < 4096) || FAIL(err, REASON_USAGE, ERR_NOWHERE, "the folder's path is too long");
}

/* One request to the simulated TD, and the payload of its answer. */
static bool td_ask(const struct sim *s, unsigned kind, struct bytes payload, struct buf *answer, struct err *err)
{
    uint64_t deadline = clock_monotonic_ns() + s->timeout_ns;
    uint8_t header[TD_FRAME_HEADER_SIZE], *room;
    struct buf request = BUF(TD_FRAME_HEADER_SIZE + TD_FRAME_REQUEST_MAX);
    struct td_frame_header h = {0};
    int fd = -1;
    bool ok = td_frame_print(kind, payload, &request, err) && sock_connect(s->td_path, deadline, &fd, err) &&
              sock_send(fd, buf_bytes(&request), deadline, err) &&
              sock_recv(fd, header, sizeof header, deadline, err) &&
              td_frame_parse(header, answer->max - answer->len, &h, err) && buf_room(answer, h.len, &room, err) &&
              sock_recv(fd, room, h.len, deadline, err);

    if (fd >= 0) {
        (void)close(fd);
    }
    buf_done(&request);
    if (!ok) {
        return false;
    }
    if (h.kind == TD_FRAME_ERROR) {
        return FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "the simulator refuses: %.*s", (int)h.len,
                    (const char *)room);
    }
    if (h.kind != (kind | TD_FRAME_REPLY)) {
        return FAIL(err, REASON_DEVICE_EVIDENCE, 2, "an answer of kind %u to a request of kind %u", h.kind, kind);
    }
    buf_grew(answer, h.len);
    return true;
}

/* The same, where the answer has exactly this size. */
static bool td_ask_exact(const struct sim *s, unsigned kind, struct bytes payload, uint8_t *out, size_t size,
                         struct err *err)
{
    struct buf answer = BUF(4096);
    bool ok = td_ask(s, kind, payload, &answer, err) &&
              (answer.len == size || FAIL(err, REASON_DEVICE_EVIDENCE, 4, "%zu bytes, not %zu", answer.len, size));

    if (ok) {
        memcpy(out, answer.p, size);
    }
    buf_done(&answer);
    return ok;
}

static bool qgs_ask(const struct sim *s, struct bytes report, struct buf *raw, struct err *err)
{
    uint64_t deadline = clock_monotonic_ns() + s->timeout_ns;
    struct buf request = BUF(QGS_PREFIX_SIZE + QGS_REQUEST_MAX), message = BUF(LIMIT_QUOTE_DEVICE);
    uint8_t prefix[QGS_PREFIX_SIZE], *room;
    struct cursor c = cursor_init(prefix, sizeof prefix);
    struct bytes quote;
    uint32_t len = 0;
    int fd = -1;
    bool ok = qgs_request_print(report, &request, err) && sock_connect(s->qgs_path, deadline, &fd, err) &&
              sock_send(fd, buf_bytes(&request), deadline, err) &&
              sock_recv(fd, prefix, sizeof prefix, deadline, err) && cursor_u32be(&c, &len, err);

    if (ok && len > LIMIT_QUOTE_DEVICE) {
        ok = FAIL(err, REASON_DEVICE_EVIDENCE, 0, "an answer of %u bytes, at most %zu", len, LIMIT_QUOTE_DEVICE);
    }
    ok = ok && buf_room(&message, len, &room, err) && sock_recv(fd, room, len, deadline, err);
    if (ok) {
        buf_grew(&message, len);
        ok = qgs_response_parse(buf_bytes(&message), &quote, err) && buf_add(raw, quote.p, quote.len, err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_done(&message);
    buf_done(&request);
    return ok;
}

static void sim_close(void *state)
{
    struct sim *s = state;

    if (s->lock_fd >= 0) {
        (void)close(s->lock_fd);
    }
    free(s);
}

static bool lock_open(struct sim *s, const char *dir, struct err *err)
{
    char path[4096];

    if (!path_form(dir, "device.lock", path, err)) {
        return false;
    }
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        return errno == ENOENT ? FAIL(err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "%s: no such folder", dir)
                               : file_fail(err, path, errno);
    }
    return device_lock(s->lock_fd, path, err);
}

static bool sim_open(const struct kind_place *place, void **state, struct err *err)
{
    struct sim *s;
    int fd = -1;

    if (place->arg[0] == '\0') {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "sim:DIR wants the folder of sotto-sim");
    }
    if (real_present(place->root)) {
        return FAIL(err, REASON_DEVICE_SIMULATED, ERR_NOWHERE, "sim:%.100s", place->arg);
    }
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a device");
    }
    s->lock_fd = -1;
    s->timeout_ns = place->timeout_ns;
    /* Whether somebody listens shows at once. */
    if (!path_form(place->arg, "td.sock", s->td_path, err) || !path_form(place->arg, "qgs.sock", s->qgs_path, err) ||
        !lock_open(s, place->arg, err) ||
        !sock_connect(s->td_path, clock_monotonic_ns() + place->timeout_ns, &fd, err)) {
        sim_close(s);
        return false;
    }
    (void)close(fd);
    *state = s;
    return true;
}

static bool sim_quote(void *state, const uint8_t report_data[64], struct buf *raw, struct err *err)
{
    uint8_t report[TDREPORT_SIZE];

    return td_ask_exact(state, TD_FRAME_REPORT, bytes_of(report_data, 64), report, sizeof report, err) &&
           qgs_ask(state, bytes_of(report, sizeof report), raw, err);
}

static bool sim_has_registers(const void *state)
{
    (void)state;
    return true;
}

static bool sim_register_read(void *state, unsigned index, uint8_t out[48], struct err *err)
{
    const uint8_t number = (uint8_t)index;

    return td_ask_exact(state, TD_FRAME_READ, bytes_of(&number, 1), out, 48, err);
}

static bool sim_register_extend(void *state, unsigned index, const uint8_t digest[48], struct err *err)
{
    uint8_t request[49] = {(uint8_t)index}, now[48];

    memcpy(request + 1, digest, 48);
    return td_ask_exact(state, TD_FRAME_EXTEND, bytes_of(request, sizeof request), now, sizeof now, err);
}

static bool sim_boot_log(void *state, struct buf *out, struct err *err)
{
    struct buf log = BUF(LIMIT_LOG);
    bool ok = td_ask(state, TD_FRAME_BOOT_LOG, bytes_of(NULL, 0), &log, err) && buf_add(out, log.p, log.len, err);

    buf_done(&log);
    return ok;
}

const struct kind sim_kind = {
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .quote = sim_quote,
    .has_registers = sim_has_registers,
    .register_read = sim_register_read,
    .register_extend = sim_register_extend,
    .boot_log = sim_boot_log,
};
