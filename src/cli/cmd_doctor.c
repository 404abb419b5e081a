/* sotto doctor: whether this machine can serve, check by check. It changes nothing. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/report.h"
#include "cli/services.h"

#include "base/limits.h"
#include "base/wrap.h"
#include "codec/json.h"
#include "device/device.h"
#include "engine/engine.h"
#include "net/listen.h"
#include "os/file.h"
#include "serve/supplies.h"

#include <linux/landlock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct args_option options[] = {
    {"config", 'c', "FILE", "the service's configuration; without it, the defaults"},
    {"qcnl", 0, "FILE", "the configuration of Intel's quote library (" QCNL_PATH ", where it is there)"},
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const char *qcnl_file; /* NULL: not given */

static const struct args_form form = {
    .usage = "sotto doctor [--config FILE] [--qcnl FILE] [--json]",
    .about =
        "Checks whether this machine can serve: quote device, memory, instruction sets, ports, store, swap, kernel.\n"
        "Exit code 0: nothing is wrong (warnings aside); 1: something is.",
    .options = options,
    .operands_min = 0,
    .operands_max = 0,
};

enum state {
    STATE_OK,
    STATE_WARNING, /* it serves, but not as well as it could */
    STATE_WRONG,
};

static const char *const state_names[] = {"ok", "warning", "wrong"};

struct finding {
    enum state state;
    enum reason reason; /* OK where there is none */
    char text[400];
};

__attribute__((format(printf, 4, 5))) static void found(struct finding *f, enum state state, enum reason reason,
                                                        const char *fmt, ...)
{
    va_list ap;

    f->state = state;
    f->reason = reason;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

static void found_err(struct finding *f, enum state state, const struct err *err)
{
    const char *todo = reason_todo(err->reason);
    char at[32] = "";

    if (err->offset != ERR_NOWHERE) {
        (void)snprintf(at, sizeof at, " at byte %zu", err->offset);
    }
    found(f, state, err->reason, "%s%s%s%s", err->detail, at, todo[0] != '\0' ? "; " : "", todo);
}

static void check_device(const struct config *c, struct finding *f)
{
    struct device *d;
    struct err err;

    if (!config_has_tee(c)) {
        found(f, STATE_WARNING, REASON_NO_QUOTE_DEVICE, "tee = none: no client of ours will send anything");
    } else if (!device_open(config_get(c, CONFIG_device), &d, &err)) {
        found_err(f, STATE_WRONG, &err);
    } else {
        found(f, STATE_OK, REASON_OK, "%s%s", device_name(d),
              device_has_registers(d) ? "" : ", without registers that can be extended");
        device_close(d);
    }
}

static void check_isa(const struct config *c, struct finding *f)
{
    static const enum engine_isa order[] = {ENGINE_ISA_AVX512, ENGINE_ISA_AVX2};

    (void)c;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (engine_isa_present(order[i])) {
            found(f, STATE_OK, REASON_OK, "%s", engine_isa_name(order[i]));
            return;
        }
    }
    found(f, STATE_WARNING, REASON_ISA_ABSENT, "neither AVX-512 VNNI nor AVX2: answers will be slow");
}

static bool line_number(const char *path, const char *key, uint64_t *out)
{
    struct buf b = BUF(KIB(64));
    struct err err;
    const char *at;
    bool ok = file_read(path, &b, &err) && buf_u8(&b, 0, &err);

    at = ok ? strstr((const char *)b.p, key) : NULL;
    if (at != NULL) {
        *out = strtoull(at + strlen(key), NULL, 10);
    }
    buf_done(&b);
    return at != NULL;
}

static void check_store(const struct config *c, struct finding *f)
{
    const char *root = config_get(c, CONFIG_store);
    struct store_model *models = NULL;
    struct store store;
    struct err err = {0}, damaged = {0};
    size_t count;

    if (config_get(c, CONFIG_model)[0] != '\0') {
        struct store_model m;

        if (supplies_model(c, &store, &m, &err)) {
            found(f, STATE_OK, REASON_OK, "%s is there, %llu MB", m.name, (unsigned long long)(m.size / 1000000));
        } else {
            found_err(f, STATE_WRONG, &err);
        }
        return;
    }
    if (!store_open(root[0] != '\0' ? root : NULL, &store, &err) ||
        !store_list(&store, &models, &count, &damaged, &err)) {
        found_err(f, STATE_WRONG, &err);
    } else if (damaged.reason != REASON_OK) {
        found_err(f, STATE_WARNING, &damaged);
    } else {
        found(f, count > 0 ? STATE_OK : STATE_WARNING, count > 0 ? REASON_OK : REASON_MODEL_ABSENT,
              "%zu models in %.200s", count, store.root);
    }
    free(models);
}

static void check_memory(const struct config *c, struct finding *f)
{
    struct store store;
    struct store_model m;
    struct err err;
    uint64_t free_kb = 0, need = 0;

    if (!line_number("/proc/meminfo", "MemAvailable:", &free_kb)) {
        found(f, STATE_WARNING, REASON_FILE_IO, "/proc/meminfo does not say how much is free");
        return;
    }
    if (config_get(c, CONFIG_model)[0] != '\0' && supplies_model(c, &store, &m, &err)) {
        need = m.size + m.size / 4 + MIB(256); /* the weights, their unpacked parts, the KV cache */
    }
    if (need > free_kb * 1024) {
        found(f, STATE_WRONG, REASON_MODEL_MEMORY, "%llu MB are free, about %llu MB are needed",
              (unsigned long long)(free_kb / 1000), (unsigned long long)(need / 1000000));
    } else {
        found(f, STATE_OK, REASON_OK, "%llu MB are free", (unsigned long long)(free_kb / 1000));
    }
}

static void check_locked(const struct config *c, struct finding *f)
{
    struct rlimit l;

    (void)c;
    if (getrlimit(RLIMIT_MEMLOCK, &l) == 0 && l.rlim_cur < KIB(256)) {
        found(f, STATE_WRONG, REASON_MEMORY_LOCK, "at most %llu bytes can be locked; %s",
              (unsigned long long)l.rlim_cur, reason_todo(REASON_MEMORY_LOCK));
    } else {
        found(f, STATE_OK, REASON_OK, "memory for secrets can be locked");
    }
}

static void check_swap(const struct config *c, struct finding *f)
{
    uint64_t total = 0;

    (void)c;
    if (line_number("/proc/meminfo", "SwapTotal:", &total) && total > 0) {
        found(f, STATE_WARNING, REASON_OK, "swap is on: prompts could reach a disk that the host owns; swapoff -a");
    } else {
        found(f, STATE_OK, REASON_OK, "swap is off");
    }
}

static void check_kernel(const struct config *c, struct finding *f)
{
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct utsname u;

    (void)c;
    (void)uname(&u);
    if (abi < 1) {
        found(f, STATE_WARNING, REASON_SANDBOX_FAILED, "%.60s has no Landlock: seccomp alone confines the processes",
              u.release);
    } else {
        found(f, STATE_OK, REASON_OK, "%.60s, Landlock %ld", u.release, abi);
    }
}

static void check_port(const struct config *c, enum config_key key, struct finding *f)
{
    const char *text = config_get(c, key);
    struct address a;
    struct err err;
    int fd;

    if (strcmp(text, "none") == 0) {
        found(f, STATE_OK, REASON_OK, "not configured");
    } else if (!address_parse(text, &a, &err) || !listen_open(&a, key == CONFIG_listen, &fd, &err)) {
        found_err(f, STATE_WRONG, &err);
    } else {
        (void)close(fd);
        found(f, STATE_OK, REASON_OK, "%s is free", text);
    }
}

static void check_listen(const struct config *c, struct finding *f)
{
    check_port(c, CONFIG_listen, f);
}

static void check_tls_listen(const struct config *c, struct finding *f)
{
    check_port(c, CONFIG_tls_listen, f);
}

static void check_state(const struct config *c, struct finding *f)
{
    char path[CONFIG_VALUE];
    struct err err;

    if (!supplies_state(c, path, sizeof path, &err)) {
        found_err(f, STATE_WRONG, &err);
    } else if (file_exists(path) && access(path, W_OK) != 0) {
        found(f, STATE_WRONG, REASON_FILE_ACCESS, "%.300s cannot be written to", path);
    } else {
        found(f, STATE_OK, REASON_OK, "%.300s", path);
    }
}

static void check_qcnl(const struct config *c, struct finding *f)
{
    const char *path = qcnl_file != NULL ? qcnl_file : services_qcnl_path();
    const struct qcnl_finding *worst;
    static struct qcnl q;
    char more[32] = "";
    struct err err;

    (void)c;
    if (path == NULL) {
        found(f, STATE_OK, REASON_OK, QCNL_PATH " is not there, and nothing of ours needs it");
    } else if (!services_qcnl_read(path, &q, &err)) {
        found_err(f, STATE_WRONG, &err);
    } else if ((worst = qcnl_worst(&q)) != NULL) {
        if (q.finding_count > 1) {
            (void)snprintf(more, sizeof more, " (and %zu more)", q.finding_count - 1);
        }
        found(f, worst->warning ? STATE_WARNING : STATE_WRONG, worst->reason, "%.120s: %s; %s%s", path, worst->text,
              reason_todo(worst->reason), more);
    } else {
        found(f, STATE_OK, REASON_OK, "%.120s: %.200s", path, qcnl_service(&q));
    }
}

static const struct check {
    const char *name;
    void (*run)(const struct config *c, struct finding *f);
} checks[] = {
    {"quote-device", check_device},
    {"kernel", check_kernel},
    {"instruction-set", check_isa},
    {"memory", check_memory},
    {"locked-memory", check_locked},
    {"swap", check_swap},
    {"store", check_store},
    {"state", check_state},
    {"listen", check_listen},
    {"tls-listen", check_tls_listen},
    {"qcnl", check_qcnl},
};
#define CHECK_COUNT (sizeof checks / sizeof *checks)

static bool config_read(const char *path, struct config *c, struct err *err)
{
    struct buf text = BUF(LIMIT_CONFIG);
    bool ok;

    config_init(c);
    ok = path == NULL || (file_read(path, &text, err) && config_parse(buf_bytes(&text), path, c, err));
    buf_done(&text);
    return ok;
}

static bool findings_print_json(const struct finding *findings, bool well, struct err *err)
{
    struct buf out = BUF(KIB(64));
    json_t *v = json_object(), *list = json_array();
    bool ok;

    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct finding *f = &findings[i];

        (void)json_array_append_new(
            list, json_object_of({"name", json_string(checks[i].name)}, {"state", json_string(state_names[f->state])},
                                 {"reason", json_string(reason_name(f->reason))}, {"text", json_string(f->text)}));
    }
    (void)json_object_set_new(v, "well", json_boolean(well));
    (void)json_object_set_new(v, "checks", list);
    ok = json_print(v, &out, err);
    if (ok) {
        (void)printf("%.*s\n", (int)out.len, (const char *)out.p);
    }
    json_decref(v);
    buf_done(&out);
    return ok;
}

static bool findings_print(const struct finding *findings, struct err *err)
{
    struct buf out = BUF(KIB(64));
    bool ok = true;

    for (size_t i = 0; ok && i < CHECK_COUNT; i++) {
        const struct finding *f = &findings[i];
        const bool named = f->reason != REASON_OK;
        char text[sizeof f->text + 80];

        (void)snprintf(text, sizeof text, "%s%s%s%s", f->text, named ? " (" : "", named ? reason_name(f->reason) : "",
                       named ? ")" : "");
        ok = buf_printf(&out, err, "%-8s %-16s ", state_names[f->state], checks[i].name) &&
             wrap_print(text, 26, 26, &out, err);
    }
    ok = ok && file_write_fd(1, "standard output", buf_bytes(&out), err);
    buf_done(&out);
    return ok;
}

int cmd_doctor(int argc, char **argv)
{
    static struct config c;
    struct finding findings[CHECK_COUNT];
    struct args a;
    struct err err;
    bool well = true;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    qcnl_file = args_get(&a, "qcnl");
    if (!config_read(args_get(&a, "config"), &c, &err)) {
        return report_error(&err);
    }
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        checks[i].run(&c, &findings[i]);
        well = well && findings[i].state != STATE_WRONG;
    }
    if (!(args_flag(&a, "json") ? findings_print_json(findings, well, &err) : findings_print(findings, &err))) {
        return report_error(&err);
    }
    return well ? 0 : 1;
}
