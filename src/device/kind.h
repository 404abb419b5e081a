/* What a kind of quote device gives: one row of device.c's table each. Inside of device/ and its tests only. */
#ifndef SOTTO_DEVICE_KIND_H
#define SOTTO_DEVICE_KIND_H

#include "device/device.h"

struct kind_place {
    const char *arg;     /* behind the name's colon; "" if there is none */
    const char *root;    /* "" or, in tests, the folder that stands for the machine's root */
    uint64_t timeout_ns; /* of one call */
};

struct kind {
    const char *name;
    bool automatic;
    /* *state is then the kind's own until close(). NO_QUOTE_DEVICE means absence, and nothing else does. DEVICE_HELD:
     * another process has it open. */
    bool (*open)(const struct kind_place *place, void **state, struct err *err);
    void (*close)(void *state);
    /* What the device returns, appended to raw, as it came. */
    bool (*quote)(void *state, const uint8_t report_data[64], struct buf *raw, struct err *err);
    bool (*has_registers)(const void *state);
    bool (*register_read)(void *state, unsigned index, uint8_t out[48], struct err *err);
    bool (*register_extend)(void *state, unsigned index, const uint8_t digest[48], struct err *err);
    bool (*boot_log)(void *state, struct buf *out, struct err *err);
};

extern const struct kind tsm_kind, sim_kind;

/* device_open() with another root and time: tests. */
MUST_USE bool device_open_at(const char *name, const struct kind_place *place, struct device **out, struct err *err);

/* An exclusive lock on an open file or folder, held until fd is closed. DEVICE_HELD. */
MUST_USE bool device_lock(int fd, const char *path, struct err *err);

#endif
