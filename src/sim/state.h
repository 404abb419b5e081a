/* The simulated platform's folder:
 *
 *     secret        32 random bytes, mode 0600: all keys come from them
 *     pki.pem       root, platform CA, PCK and TCB signer certificates
 *     state         {"boot_id":hex,"rtmr_0":hex,...,"rtmr_3":hex,"v":1}: what lasts from a boot to the next
 *     run.lock      held (flock) by the sotto-sim that runs on the folder, and by init and reboot
 *     device.lock   held by the one that uses the device (device/device.h)
 *     qgs.sock, td.sock
 *
 * Errors: SIM_STATE, FILE_*, and those of pki.h. */
#ifndef SOTTO_SIM_STATE_H
#define SOTTO_SIM_STATE_H

#include "sim/platform.h"

#define STATE_PATH_MAX 4096

/* DIR/name. USAGE: too long. */
MUST_USE bool state_path(const char *dir, const char *name, char out[STATE_PATH_MAX], struct err *err);

/* The folder's exclusive lock, held until *fd is closed. DEVICE_HELD: a sotto-sim runs on it. */
MUST_USE bool state_lock(const char *dir, int *fd, struct err *err);

/* A new platform: secret, certificates from `now` on, and registers as after a boot. SIM_STATE: there is one. */
MUST_USE bool state_init(const char *dir, int64_t now, struct err *err);

/* The platform as it was left; its setup is the default one at `now`. platform_done() ends it. */
MUST_USE bool state_open(const char *dir, int64_t now, struct platform *out, struct err *err);

/* The guest's registers are on the disk when this returns. */
MUST_USE bool state_save(const char *dir, const struct guest *g, struct err *err);

/* Registers as after a boot, under a new boot id. */
MUST_USE bool state_reboot(const char *dir, int64_t now, struct err *err);

/* One state file's text; pure. */
MUST_USE bool state_print(const struct guest *g, struct buf *out, struct err *err);
/* Into a guest whose MRTD is already there. SIM_STATE, and the reasons of codec/json.h. */
MUST_USE bool state_parse(struct bytes text, struct guest *g, struct err *err);

#endif
