/* The keeper: the quote device, the register and the event log are its alone. It takes typed messages, each kind from
 * one role only, and forms what is signed itself: nobody can make it sign bytes of their choice. */
#include "base/hex.h"
#include "base/limits.h"
#include "device/device.h"
#include "evidence/report_data.h"
#include "os/file.h"
#include "os/log.h"
#include "proc/sandbox.h"
#include "serve/journal.h"
#include "serve/measure.h"
#include "serve/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct keeper {
    struct role_base base;
    struct link *peers[ROLE_COUNT];
    struct device *device;
    struct journal *journal;
    struct buf program; /* its event; measured before the sandbox, while the files can be opened */
    struct buf config_event, policy, keyset, boot_log;
    char boot_id[33];
    bool has_policy;
    bool resume; /* started anew within a start: what is measured already is not measured again */
};

/* ---- the device as the journal wants it ---- */

static bool register_read(void *arg, uint8_t out[SHA384_SIZE], struct err *err)
{
    return device_register_read(arg, 3, out, err);
}

static bool register_extend(void *arg, const uint8_t digest[SHA384_SIZE], struct err *err)
{
    return device_register_extend(arg, 3, digest, err);
}

/* ---- set-up ---- */

/* What it may still open: its log, the device's own folders, the firmware's log. The program was measured and the boot
 * id read before; the host's bytes come after. */
static bool keeper_confine(const char *device, const char *state, struct err *err)
{
    const char *own = strchr(device, ':') != NULL ? strchr(device, ':') + 1 : NULL; /* sim:DIR */
    const struct sandbox_folder folders[] = {
        {state, true},
        {"/sys/kernel/config/tsm", true},
        {"/sys/devices/virtual/misc/tdx_guest", true},
        {"/sys/firmware/acpi/tables", false},
        {own, true},
        {NULL, false},
    };
    char text[16];
    int abi;

    if (!file_mkdir(state, 0700, err) || !sandbox_enter(SANDBOX_KEEPER, folders, &abi, err)) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%d", abi);
    log_event(LOG_LEVEL_INFO, "confined", "landlock", text, NULL);
    return true;
}

static bool keeper_open(struct keeper *k, const char *device, const char *state, struct err *err)
{
    struct journal_register reg = {.read = register_read, .extend = register_extend};

    if (!device_open(device, &k->device, err)) {
        return false;
    }
    reg.arg = k->device;
    return device_boot_log(k->device, &k->boot_log, err) &&
           journal_open(state, device_has_registers(k->device) ? &reg : NULL, k->boot_id, &k->journal, err);
}

static bool setup(struct keeper *k, struct bytes payload, struct err *err)
{
    const char *device, *state;
    json_t *v;
    bool ok =
        measure_program_event(&k->program, err) && measure_boot_id(k->boot_id, err) && json_parse(payload, &v, err);

    if (!ok) {
        return false;
    }
    ok = json_get_str(v, "device", &device, err) && json_get_str(v, "state", &state, err) &&
         json_get_bool(v, "resume", &k->resume, err) && keeper_confine(device, state, err) &&
         keeper_open(k, device, state, err);
    json_decref(v);
    if (ok && k->resume && !journal_is_ready(k->journal)) {
        return FAIL(err, REASON_REGISTER_UNEXPLAINED, ERR_NOWHERE, "this start is not in the log any more");
    }
    return ok;
}

/* ---- events ---- */

/* An append that broke off leaves register and log to the next keeper, which finds out how far it came. */
static bool append(struct keeper *k, struct buf *content, struct err *err)
{
    bool ok = journal_append(k->journal, buf_bytes(content), err);

    if (journal_is_broken(k->journal)) {
        role_fail(&k->base, err);
    }
    content->len = 0;
    return ok;
}

/* The events of a start up to the model (docs/formats.md, section 3). */
static bool start_events(struct keeper *k, struct err *err)
{
    struct bytes policy = k->has_policy ? buf_bytes(&k->policy) : bytes_of(NULL, 0);
    struct buf b = BUF(LIMIT_LOG_EVENT);
    bool ok = measure_start_event(journal_starts(k->journal) + 1, k->boot_id, &b, err) && append(k, &b, err) &&
              append(k, &k->program, err) && append(k, &k->config_event, err) && measure_web_event(&b, err) &&
              append(k, &b, err) && measure_policy_event(policy, &b, err) && append(k, &b, err);

    buf_done(&b);
    return ok;
}

static void begin(struct keeper *k)
{
    struct err err;

    if (!k->resume && !start_events(k, &err)) {
        role_fail(&k->base, &err);
    }
    link_send(k->base.control, MESSAGE_DONE, 0, bytes_of(NULL, 0), -1);
}

static void ready_event(struct keeper *k)
{
    struct buf b = BUF(LIMIT_LOG_EVENT);
    struct err err;

    if (!journal_is_ready(k->journal) && !(buf_str(&b, "{\"kind\":\"ready\",\"v\":1}", &err) && append(k, &b, &err))) {
        role_fail(&k->base, &err);
    }
    buf_done(&b);
    link_send(k->base.control, MESSAGE_DONE, 0, bytes_of(NULL, 0), -1);
}

/* A model that is in the loaded set is no new event; behind `ready` of this start nothing else may be loaded. */
static bool model_event(struct keeper *k, struct bytes manifest, struct err *err)
{
    struct buf b = BUF(LIMIT_LOG_EVENT);
    uint8_t digest[SHA384_SIZE];
    bool ok;

    hash_bytes(HASH_SHA384, manifest, digest);
    if (journal_has_model(k->journal, digest)) {
        return true;
    }
    if (journal_is_ready(k->journal)) {
        return FAIL(err, REASON_MODEL_CHANGED, ERR_NOWHERE, "the engine came back with another model");
    }
    ok = measure_model_event(manifest, &b, err) && append(k, &b, err);
    buf_done(&b);
    return ok;
}

static bool keyset_event(struct keeper *k, struct bytes payload, struct err *err)
{
    struct buf b = BUF(LIMIT_LOG_EVENT);
    bool ok = true;

    if (payload.len < 1 || payload.len > LIMIT_KEYSET) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a key set of %zu bytes", payload.len);
    }
    if (payload.p[0] == 1) {
        ok = measure_keyset_event(bytes_of(payload.p + 1, payload.len - 1), &b, err) && append(k, &b, err);
    }
    buf_done(&b);
    k->keyset.len = ok ? 0 : k->keyset.len;
    return ok && buf_add(&k->keyset, payload.p + 1, payload.len - 1, err);
}

/* ---- quotes ---- */

static bool part_add(struct buf *out, struct bytes b, struct err *err)
{
    return buf_u32le(out, (uint32_t)b.len, err) && buf_add(out, b.p, b.len, err);
}

/* Devices first, quote last; there is no device besides the TD yet, so the device digest is that of nothing. */
static bool evidence(struct keeper *k, struct bytes nonce_root, struct buf *out, struct err *err)
{
    struct report_data_parts parts;
    struct buf quote = BUF(LIMIT_QUOTE_DEVICE);
    uint8_t report_data[64];
    bool ok;

    if (nonce_root.len != SHA256_SIZE) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a nonce root of %zu bytes", nonce_root.len);
    }
    if (k->keyset.len == 0 || !journal_is_ready(k->journal)) {
        return FAIL(err, REASON_NOT_READY, ERR_NOWHERE, "the start is not complete");
    }
    memcpy(parts.nonce_root, nonce_root.p, SHA256_SIZE);
    hash_bytes(HASH_SHA384, buf_bytes(&k->keyset), parts.keyset_digest);
    hash_bytes(HASH_SHA384, bytes_of(NULL, 0), parts.device_digest);
    if (!journal_root(k->journal, parts.log_root, err)) {
        return false;
    }
    report_data_form(&parts, report_data);
    ok = device_quote(k->device, report_data, &quote, err) &&
         buf_u8(out, journal_in_register(k->journal) ? 0 : 1, err) && part_add(out, buf_bytes(&quote), err) &&
         part_add(out, buf_bytes(&k->boot_log), err) && part_add(out, journal_log(k->journal), err);
    buf_done(&quote);
    return ok;
}

/* ---- messages ---- */

static void answer(struct link *l, const struct frame *f, bool ok, const struct err *err)
{
    if (ok) {
        link_send(l, MESSAGE_DONE, f->id, bytes_of(NULL, 0), -1);
    } else {
        log_error(LOG_LEVEL_WARNING, "refused", err);
        link_send_err(l, f->id, err);
    }
}

static void quote_answer(struct keeper *k, struct link *l, const struct frame *f)
{
    struct buf out = BUF(LIMIT_FRAME);
    struct err err;

    if (evidence(k, f->payload, &out, &err)) {
        link_send(l, MESSAGE_EVIDENCE, f->id, buf_bytes(&out), -1);
    } else {
        log_error(LOG_LEVEL_WARNING, "no quote", &err);
        link_send_err(l, f->id, &err);
    }
    buf_done(&out);
}

/* Which role may say what: anything else ends the link. */
static void peer_frame(void *arg, struct link *l, const struct frame *f)
{
    struct keeper *k = arg;
    struct err err;

    if (f->fd >= 0) {
        (void)close(f->fd);
    } else if (l == k->peers[ROLE_ENGINE] && f->type == MESSAGE_EVENT_MODEL) {
        answer(l, f, model_event(k, f->payload, &err), &err);
        return;
    } else if (l == k->peers[ROLE_GATEWAY] && f->type == MESSAGE_KEYSET) {
        answer(l, f, keyset_event(k, f->payload, &err), &err);
        return;
    } else if (l == k->peers[ROLE_GATEWAY] && f->type == MESSAGE_QUOTE) {
        quote_answer(k, l, f);
        return;
    }
    log_event(LOG_LEVEL_ERROR, "a message that its sender may not send", NULL);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        k->peers[i] = k->peers[i] == l ? NULL : k->peers[i];
    }
    link_close(l);
}

static void peer_gone(void *arg, struct link *l, const struct err *why)
{
    struct keeper *k = arg;

    (void)why;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        k->peers[i] = k->peers[i] == l ? NULL : k->peers[i];
    }
    link_close(l);
}

static const struct link_handler peer_handler = {peer_frame, peer_gone};

static void peer_set(struct keeper *k, const struct frame *f)
{
    struct err err;

    if (f->payload.len != 1 || f->payload.p[0] >= ROLE_COUNT || f->fd < 0) {
        err_set(&err, REASON_FRAME_FORM, ERR_NOWHERE, "a peer without a channel");
        role_fail(&k->base, &err);
    }
    link_close(k->peers[f->payload.p[0]]);
    k->peers[f->payload.p[0]] = NULL;
    if (!link_open(k->base.loop, f->fd, &peer_handler, k, &k->peers[f->payload.p[0]], &err)) {
        role_fail(&k->base, &err);
    }
}

static void control_frame(void *arg, struct link *l, const struct frame *f)
{
    struct keeper *k = arg;
    struct err err;
    bool ok = true;

    (void)l;
    switch (f->type) {
    case MESSAGE_SETUP:
        ok = setup(k, f->payload, &err);
        break;
    case MESSAGE_CONFIG:
        ok = buf_add(&k->config_event, f->payload.p, f->payload.len, &err);
        break;
    case MESSAGE_POLICY:
        k->has_policy = true;
        ok = buf_add(&k->policy, f->payload.p, f->payload.len, &err);
        break;
    case MESSAGE_PEER:
        peer_set(k, f);
        break;
    case MESSAGE_GO:
        begin(k);
        break;
    case MESSAGE_DONE: /* the model is loaded: the list is complete */
        ready_event(k);
        break;
    default:
        ok = FAIL(&err, REASON_FRAME_FORM, ERR_NOWHERE, "message %u from the parent", f->type);
    }
    if (!ok) {
        role_fail(&k->base, &err);
    }
}

static const struct link_handler control_handler = {control_frame, role_orphaned};

int keeper_main(void)
{
    static struct keeper k;
    struct err err;

    k.program = BUF(LIMIT_LOG_EVENT);
    k.config_event = BUF(LIMIT_LOG_EVENT);
    k.policy = BUF(LIMIT_POLICY);
    k.keyset = BUF(LIMIT_KEYSET);
    k.boot_log = BUF(LIMIT_LOG);
    role_begin(&k.base, ROLE_KEEPER, &control_handler, &k);
    if (!loop_run(k.base.loop, &err)) {
        role_fail(&k.base, &err);
    }
    return 0;
}
