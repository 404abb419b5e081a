/* Quote devices: one file each, one table. A device is used only by the keeper (and by `sotto quote` on a machine
 * without one).
 *
 * The order is fixed: what the configuration names; else configfs-tsm. The simulator is never chosen automatically and
 * is refused where a real TDX interface is present. Only ABSENCE of an interface leads to the next one: a failure of
 * one that is there is an error, because falling back would hide a tampering host.
 *
 * An open device is held: flock(2), exclusive, on DIR/device.lock of the simulator or on the report folder of
 * configfs-tsm, until device_close() or the end of the process. Whoever opens it meanwhile gets DEVICE_HELD, so a
 * keeper and `sotto quote` never share one. Each call makes its own connection (sim) or entry (configfs-tsm); nothing
 * else stays open.
 *
 * Blocking calls, bounded in time (60 s). Errors: NO_QUOTE_DEVICE (absence), DEVICE_HELD, DEVICE_BUSY, DEVICE_FAILED,
 * DEVICE_TIMEOUT, DEVICE_EVIDENCE, DEVICE_SIMULATED, QUOTE_EMPTY, REGISTER_ABSENT, and those of quote_parse(). A failed
 * register_extend() may have happened: read the register. One thread at a time. */
#ifndef SOTTO_DEVICE_DEVICE_H
#define SOTTO_DEVICE_DEVICE_H

#include "base/buf.h"

struct device;

/* name: "auto", "configfs-tsm", "configfs-tsm:DIR" (DIR stands for the root of the file system, "/") or "sim:DIR" (the
 * folder of sotto-sim's sockets). */
MUST_USE bool device_open(const char *name, struct device **out, struct err *err);
void device_close(struct device *d);

const char *device_name(const struct device *d); /* "sim", "configfs-tsm" */

/* One quote over 64 bytes, cut at its own declared length, its report data compared with what was asked for. */
MUST_USE bool device_quote(struct device *d, const uint8_t report_data[64], struct buf *quote, struct err *err);

/* Registers: index 0..3 = RTMR0..3. */
bool device_has_registers(const struct device *d);
MUST_USE bool device_register_read(struct device *d, unsigned index, uint8_t out[48], struct err *err);
MUST_USE bool device_register_extend(struct device *d, unsigned index, const uint8_t digest[48], struct err *err);

/* The boot event log (CCEL), if the platform has one: appended to out; an empty result if it has none. */
MUST_USE bool device_boot_log(struct device *d, struct buf *out, struct err *err);

#endif
