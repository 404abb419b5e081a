#include "sim/state.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "device/kind.h"
#include "os/file.h"
#include "os/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *const rtmr_names[TD_REGISTERS] = {"rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3"};

bool state_path(const char *dir, const char *name, char out[STATE_PATH_MAX], struct err *err)
{
    int n = snprintf(out, STATE_PATH_MAX, "%s/%s", dir, name);

    return (n > 0 && n < STATE_PATH_MAX) || FAIL(err, REASON_USAGE, ERR_NOWHERE, "the folder's path is too long");
}

/* Whoever was killed while it wrote one of these left a part of it. */
static void sweep(const char *dir)
{
    static const char *const names[] = {"secret", "pki.pem", "state"};
    char path[STATE_PATH_MAX];
    struct err ignored;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (state_path(dir, names[i], path, &ignored)) {
            file_sweep(path);
        }
    }
}

bool state_lock(const char *dir, int *out, struct err *err)
{
    char path[STATE_PATH_MAX];
    int fd;

    if (!state_path(dir, "run.lock", path, err)) {
        return false;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return file_fail(err, path, errno);
    }
    if (!device_lock(fd, path, err)) {
        err_prefix(err, "a sotto-sim is at work on this folder");
        (void)close(fd);
        return false;
    }
    sweep(dir);
    *out = fd;
    return true;
}

bool state_print(const struct guest *g, struct buf *out, struct err *err)
{
    if (!buf_str(out, "{\"boot_id\":\"", err) || !hex_add(out, bytes_of(g->boot_id, sizeof g->boot_id), err)) {
        return false;
    }
    for (size_t i = 0; i < TD_REGISTERS; i++) {
        if (!buf_printf(out, err, "\",\"%s\":\"", rtmr_names[i]) ||
            !hex_add(out, bytes_of(g->rtmr[i], SHA384_SIZE), err)) {
            return false;
        }
    }
    return buf_str(out, "\",\"v\":1}\n", err);
}

bool state_parse(struct bytes text, struct guest *g, struct err *err)
{
    static const char *const members[] = {"boot_id", "rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3", "v", NULL};
    struct guest read = *g;
    json_t *o = NULL;
    uint64_t v = 0;
    bool ok = json_parse(text, &o, err) && json_only(o, members, err) && json_get_u64(o, "v", 1, &v, err) &&
              json_get_hex(o, "boot_id", read.boot_id, sizeof read.boot_id, err) &&
              (v == 1 || FAIL(err, REASON_SIM_STATE, ERR_NOWHERE, "version 0"));

    for (size_t i = 0; ok && i < TD_REGISTERS; i++) {
        ok = json_get_hex(o, rtmr_names[i], read.rtmr[i], SHA384_SIZE, err);
    }
    json_decref(o);
    if (ok) {
        *g = read;
    }
    return ok;
}

bool state_save(const char *dir, const struct guest *g, struct err *err)
{
    char path[STATE_PATH_MAX];
    struct buf text = BUF(4096);
    bool ok = state_path(dir, "state", path, err) && state_print(g, &text, err) &&
              file_write(path, 0600, buf_bytes(&text), err);

    buf_done(&text);
    return ok;
}

/* A file of the folder; SIM_STATE where it is not there: no init, or not a whole one. */
static bool member_read(const char *dir, const char *name, struct buf *out, struct err *err)
{
    char path[STATE_PATH_MAX];

    if (!state_path(dir, name, path, err)) {
        return false;
    }
    if (!file_exists(path)) {
        return FAIL(err, REASON_SIM_STATE, ERR_NOWHERE, "%s is not there: no platform was set up in this folder", path);
    }
    return file_read(path, out, err);
}

static bool member_write(const char *dir, const char *name, struct bytes b, struct err *err)
{
    char path[STATE_PATH_MAX];

    return state_path(dir, name, path, err) && file_write(path, 0600, b, err);
}

/* The registers as after a boot, and a boot id that no other boot has. */
static bool boot_save(const char *dir, const struct pki *p, struct err *err)
{
    struct guest g;

    return guest_boot(p, &g, err) && random_bytes(g.boot_id, sizeof g.boot_id, err) && state_save(dir, &g, err);
}

bool state_init(const char *dir, int64_t now, struct err *err)
{
    char path[STATE_PATH_MAX];
    uint8_t seed[PKI_SEED_SIZE];
    struct buf certs = BUF(LIMIT_CHAIN);
    struct setup s;
    struct pki p = {0};
    bool ok;

    if (!state_path(dir, "state", path, err)) {
        return false;
    }
    if (file_exists(path)) {
        return FAIL(err, REASON_SIM_STATE, ERR_NOWHERE, "%s is there already: a platform is never set up twice", path);
    }
    setup_default(now, &s);
    /* The state comes last: without it the folder counts as empty. */
    ok = random_bytes(seed, sizeof seed, err) && pki_new(seed, &s, &p, err) && pki_save(&p, &certs, err) &&
         member_write(dir, "secret", bytes_of(seed, sizeof seed), err) &&
         member_write(dir, "pki.pem", buf_bytes(&certs), err) && boot_save(dir, &p, err);
    explicit_bzero(seed, sizeof seed);
    pki_done(&p);
    buf_done(&certs);
    return ok;
}

static bool pki_open(const char *dir, struct pki *out, struct err *err)
{
    struct buf seed = BUF(PKI_SEED_SIZE), certs = BUF(LIMIT_CHAIN);
    bool ok = member_read(dir, "secret", &seed, err) && member_read(dir, "pki.pem", &certs, err) &&
              (seed.len == PKI_SEED_SIZE || FAIL(err, REASON_SIM_STATE, ERR_NOWHERE, "%s/secret: %zu bytes, not %d",
                                                 dir, seed.len, PKI_SEED_SIZE)) &&
              pki_load(seed.p, buf_bytes(&certs), out, err);

    buf_done(&seed);
    buf_done(&certs);
    return ok;
}

bool state_open(const char *dir, int64_t now, struct platform *out, struct err *err)
{
    struct platform p = {0};
    struct buf text = BUF(4096);
    bool ok;

    if (!pki_open(dir, &p.pki, err)) {
        return false;
    }
    setup_default(now, &p.setup);
    ok = guest_boot(&p.pki, &p.guest, err) && member_read(dir, "state", &text, err);
    if (ok && !state_parse(buf_bytes(&text), &p.guest, err)) {
        err_prefix(err, "the simulator's state file");
        ok = false;
    }
    buf_done(&text);
    if (!ok) {
        platform_done(&p);
        return false;
    }
    *out = p;
    return true;
}

bool state_reboot(const char *dir, int64_t now, struct err *err)
{
    struct platform p;
    bool ok;

    if (!state_open(dir, now, &p, err)) {
        return false;
    }
    ok = boot_save(dir, &p.pki, err);
    platform_done(&p);
    return ok;
}
