#include "device/kind.h"

#include "base/limits.h"
#include "tdx/quote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#define TIMEOUT_NS UINT64_C(60000000000) /* the kernel's own patience with a host is 30 s */

static const struct kind *const kinds[] = {&tsm_kind, &sim_kind};
#define KINDS (sizeof kinds / sizeof kinds[0])

struct device {
    const struct kind *kind;
    void *state;
};

bool device_lock(int fd, const char *path, struct err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return true;
    }
    return errno == EWOULDBLOCK ? FAIL(err, REASON_DEVICE_HELD, ERR_NOWHERE, "%s is locked", path)
                                : FAIL(err, REASON_DEVICE_FAILED, ERR_NOWHERE, "%s: flock: %s", path, strerror(errno));
}

static bool open_kind(const struct kind *kind, const struct kind_place *place, struct device **out, struct err *err)
{
    struct device *d = calloc(1, sizeof *d);

    if (d == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a device");
    }
    d->kind = kind;
    if (!kind->open(place, &d->state, err)) {
        free(d);
        return false;
    }
    *out = d;
    return true;
}

/* The first kind whose interface is there. A failure of one that is there ends the search. */
static bool open_automatic(const struct kind_place *place, struct device **out, struct err *err)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!kinds[i]->automatic) {
            continue;
        }
        if (open_kind(kinds[i], place, out, err)) {
            return true;
        }
        if (err->reason != REASON_NO_QUOTE_DEVICE) {
            return false;
        }
    }
    return FAIL(err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "no interface of a quote device is present");
}

bool device_open_at(const char *name, const struct kind_place *place, struct device **out, struct err *err)
{
    struct kind_place at = *place;

    at.arg = "";
    if (strcmp(name, "auto") == 0) {
        return open_automatic(&at, out, err);
    }
    for (size_t i = 0; i < KINDS; i++) {
        size_t n = strlen(kinds[i]->name);

        if (strncmp(name, kinds[i]->name, n) == 0 && (name[n] == '\0' || name[n] == ':')) {
            at.arg = name[n] == ':' ? name + n + 1 : "";
            return open_kind(kinds[i], &at, out, err);
        }
    }
    return FAIL(err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "\"%.100s\" is no device: auto, configfs-tsm or sim:DIR",
                name);
}

bool device_open(const char *name, struct device **out, struct err *err)
{
    const struct kind_place place = {.root = "", .timeout_ns = TIMEOUT_NS};

    return device_open_at(name, &place, out, err);
}

void device_close(struct device *d)
{
    if (d != NULL) {
        d->kind->close(d->state);
        free(d);
    }
}

const char *device_name(const struct device *d)
{
    return d->kind->name;
}

/* What came is one TDX quote over the 64 bytes that were asked for. Bytes behind its own end are cut: the host chooses
 * how many there are, and a kernel had leaked memory into them (CVE-2026-31470). */
static bool quote_check(struct buf *raw, const uint8_t report_data[64], struct err *err)
{
    struct quote q;

    if (raw->len == 0) {
        return FAIL(err, REASON_QUOTE_EMPTY, ERR_NOWHERE, "0 bytes");
    }
    if (!quote_parse(buf_bytes(raw), &q, err)) {
        err_prefix(err, "quote device");
        return false;
    }
    if (!quote_is_tdx(&q) || memcmp(q.vendor, quote_vendor_intel, sizeof q.vendor) != 0) {
        return FAIL(err, REASON_DEVICE_EVIDENCE, 0, "not a TDX quote of Intel's format");
    }
    if (memcmp(quote_report_data(&q), report_data, 64) != 0) {
        return FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE, "the quote is over other report data");
    }
    raw->len -= q.trailing.len;
    return raw->len <= LIMIT_QUOTE ||
           FAIL(err, REASON_DEVICE_EVIDENCE, ERR_NOWHERE, "a quote of %zu bytes, at most %zu", raw->len, LIMIT_QUOTE);
}

bool device_quote(struct device *d, const uint8_t report_data[64], struct buf *quote, struct err *err)
{
    struct buf raw = BUF(LIMIT_QUOTE_DEVICE);
    bool ok = d->kind->quote(d->state, report_data, &raw, err) && quote_check(&raw, report_data, err) &&
              buf_add(quote, raw.p, raw.len, err);

    buf_done(&raw);
    return ok;
}

bool device_has_registers(const struct device *d)
{
    return d->kind->has_registers(d->state);
}

static bool index_check(const struct device *d, unsigned index, struct err *err)
{
    return (device_has_registers(d) && index < TD_REGISTERS) ||
           FAIL(err, REASON_REGISTER_ABSENT, ERR_NOWHERE, "%s: RTMR%u", d->kind->name, index);
}

bool device_register_read(struct device *d, unsigned index, uint8_t out[48], struct err *err)
{
    return index_check(d, index, err) && d->kind->register_read(d->state, index, out, err);
}

bool device_register_extend(struct device *d, unsigned index, const uint8_t digest[48], struct err *err)
{
    return index_check(d, index, err) && d->kind->register_extend(d->state, index, digest, err);
}

bool device_boot_log(struct device *d, struct buf *out, struct err *err)
{
    return d->kind->boot_log(d->state, out, err);
}
