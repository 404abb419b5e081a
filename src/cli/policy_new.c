/* sotto policy new: from what the operator has in hand, never from what a service says of itself. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/policy_text.h"
#include "cli/report.h"
#include "cli/service_config.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "os/clock.h"
#include "os/file.h"
#include "serve/reference.h"

#include <stdio.h>
#include <string.h>

static const struct args_option options[] = {
    {"config", 'c', "FILE", "the service's configuration (sotto-serve(8))"},
    {"platform", 0, "FILE",
     "what the platform was set up with, as JSON: root_sha256 of a simulator, mr_td, rtmr_0, rtmr_1, rtmr_2\n"
     "(`sotto-sim show DIR --json`, or what the guest's image was built to); - for standard input"},
    {"output", 'o', "FILE", "where the policy goes; without it, standard output"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto policy new --config FILE [--platform FILE] [-o FILE]",
    .about = "Writes the policy that demands this installation: its programs, configuration, page and model as they "
             "lie here,\n"
             "and the boot chain that --platform names. What it leaves open is listed on standard error.",
    .options = options,
    .operands_min = 0,
    .operands_max = 0,
};

#define REGISTERS 4

struct platform {
    bool given, has_root, has[REGISTERS];
    uint8_t root[32], registers[REGISTERS][48];
};

static const char *const register_names[REGISTERS] = {"mr_td", "rtmr_0", "rtmr_1", "rtmr_2"};
static const char *const register_members[REGISTERS] = {"mrtd", "rtmr0", "rtmr1", "rtmr2"};

static bool platform_parse(struct bytes text, struct platform *out, struct err *err)
{
    /* All that the simulator prints; what is not used here may well be there. */
    static const char *const names[] = {"root_sha256", "mr_td", "rtmr_0",  "rtmr_1",  "rtmr_2",
                                        "rtmr_3",      "fmspc", "mr_seam", "boot_id", NULL};
    struct platform p = {.given = true};
    json_t *v = NULL;
    bool ok = json_parse(text, &v, err) && json_only(v, names, err);

    if (ok && json_object_get(v, "root_sha256") != NULL) {
        p.has_root = true;
        ok = json_get_hex(v, "root_sha256", p.root, sizeof p.root, err);
    }
    for (size_t i = 0; ok && i < REGISTERS; i++) {
        if (json_object_get(v, register_names[i]) != NULL) {
            p.has[i] = true;
            ok = json_get_hex(v, register_names[i], p.registers[i], sizeof p.registers[i], err);
        }
    }
    json_decref(v);
    if (ok) {
        *out = p;
    }
    return ok;
}

static bool platform_read(const char *path, struct platform *out, struct err *err)
{
    struct buf text = BUF(LIMIT_POLICY);
    bool ok;

    if (path == NULL) {
        return true;
    }
    ok = strcmp(path, "-") == 0 ? file_read_fd(0, "standard input", &text, err) : file_read(path, &text, err);
    if (ok && !platform_parse(buf_bytes(&text), out, err)) {
        err_prefix(err, path);
        ok = false;
    }
    buf_done(&text);
    return ok;
}

/* A simulator's root belongs to a simulator, and a service without a TEE has no evidence to judge. */
static bool match_check(const struct config *c, const struct platform *p, struct err *err)
{
    const bool simulated = strncmp(c->values[CONFIG_device], "sim:", 4) == 0;

    if (strcmp(c->values[CONFIG_tee], "none") == 0) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE,
                    "tee = none: such a service has no evidence that a policy could judge");
    }
    if (simulated && !p->has_root) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "device = %.100s is a simulator: its root is missing (--platform)",
                    c->values[CONFIG_device]);
    }
    return simulated || !p->has_root ||
           FAIL(err, REASON_USAGE, ERR_NOWHERE,
                "--platform names a simulator's root, and the configuration no simulator");
}

static bool digest_list_print(const char *before, const uint8_t *digest, size_t size, struct buf *out, struct err *err)
{
    return buf_printf(out, err, "%s[\"", before) && hex_add(out, bytes_of(digest, size), err) &&
           buf_str(out, "\"]", err);
}

static bool td_print(const struct platform *p, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, ",\n  \"td\": {", err), any = false;

    for (size_t i = 0; ok && i < REGISTERS; i++) {
        if (p->has[i]) {
            ok = buf_printf(out, err, "%s\n    \"%s\": ", any ? "," : "", register_members[i]) &&
                 digest_list_print("", p->registers[i], sizeof p->registers[i], out, err);
            any = true;
        }
    }
    return ok && buf_str(out, any ? "\n  }" : "}", err);
}

/* {"program":[...],...} a member a line. */
static bool service_print(const struct config *c, struct buf *out, struct err *err)
{
    struct buf reference = BUF(MIB(1));
    json_t *v = NULL, *list;
    const char *name;
    bool ok = reference_print(c, &reference, err) && json_parse(buf_bytes(&reference), &v, err) &&
              buf_str(out, ",\n  \"service\": {", err),
         any = false;

    json_object_foreach(v, name, list)
    {
        ok = ok && buf_printf(out, err, "%s\n    \"%s\": ", any ? "," : "", name) && json_print(list, out, err);
        any = true;
    }
    json_decref(v);
    buf_done(&reference);
    return ok && buf_str(out, "\n  }", err);
}

static bool policy_print(const struct config *c, const struct platform *p, struct buf *out, struct err *err)
{
    return buf_printf(out, err, "{\n  \"v\": 1,\n  \"anchors\": {\"intel\": %s", p->has_root ? "false" : "true") &&
           (!p->has_root || digest_list_print(", \"simulated\": ", p->root, sizeof p->root, out, err)) &&
           buf_u8(out, '}', err) && td_print(p, out, err) && service_print(c, out, err) && buf_str(out, "\n}\n", err);
}

/* What was written is a policy; what it leaves open, a line each. */
static bool result_check(struct bytes text, struct err *err)
{
    struct policy_line lines[POLICY_LINES_MAX];
    struct policy *p = NULL;
    size_t count;

    if (!policy_parse(text, &p, err)) {
        return false;
    }
    count = policy_text_lines(p, clock_unix(), lines);
    for (size_t i = 0; i < count; i++) {
        if (lines[i].reason != REASON_OK && lines[i].reason != REASON_POLICY_OPEN) {
            (void)fprintf(stderr, "sotto: %s: %s (%s)\n", lines[i].member, reason_text(lines[i].reason),
                          reason_name(lines[i].reason));
        }
    }
    policy_free(p);
    return true;
}

int policy_write(int argc, char **argv)
{
    static struct config c;
    struct platform p = {.given = false};
    struct buf text = BUF(LIMIT_POLICY);
    const char *path;
    struct err err = {0};
    struct args a;
    bool ok;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    path = args_get(&a, "output");
    ok = (args_get(&a, "config") != NULL ||
          FAIL(&err, REASON_USAGE, ERR_NOWHERE, "sotto policy new wants --config FILE")) &&
         service_config_read(&a, &c, &err) && platform_read(args_get(&a, "platform"), &p, &err) &&
         match_check(&c, &p, &err) && policy_print(&c, &p, &text, &err) && result_check(buf_bytes(&text), &err);
    ok = ok && (path != NULL ? file_put(path, 0644, buf_bytes(&text), &err)
                             : file_write_fd(1, "standard output", buf_bytes(&text), &err));
    buf_done(&text);
    return ok ? 0 : report_error(&err);
}
