/* sotto-sim: a TDX platform in software, for trying and testing. It protects nothing, and says so everywhere. */
#include "base/hex.h"
#include "base/limits.h"
#include "cli/args.h"
#include "device/real.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/secret.h"
#include "sim/serve.h"
#include "sim/state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- init, reboot ---- */

static bool init(const struct args *a, struct err *err)
{
    const char *dir = a->operands[0];
    int lock = -1;
    bool ok = file_mkdir(dir, 0700, err) && state_lock(dir, &lock, err) && state_init(dir, clock_unix(), err);

    if (lock >= 0) {
        (void)close(lock);
    }
    return ok;
}

static bool reboot_platform(const struct args *a, struct err *err)
{
    const char *dir = a->operands[0];
    int lock = -1;
    bool ok = state_lock(dir, &lock, err) && state_reboot(dir, clock_unix(), err);

    if (lock >= 0) {
        (void)close(lock);
    }
    return ok;
}

/* ---- run ---- */

static const struct args_option run_options[] = {
    {"listen", 'l', "HOST:PORT", "loopback address for the collateral over HTTP (127.0.0.1:8082)"},
    {"quote-version", 0, "4|5", "version of the quotes (4)"},
    {0}};

static bool run(const struct args *a, struct err *err)
{
    const char *dir = a->operands[0], *where = args_get(a, "listen");
    uint64_t version;
    int lock;
    bool ok;

    if (!args_number(a, "quote-version", 4, 5, 4, &version, err) || !state_lock(dir, &lock, err)) {
        return false;
    }
    log_init("sim", LOG_LEVEL_INFO);
    ok = serve_run(dir, where != NULL ? where : "127.0.0.1:8082", (unsigned)version, err);
    (void)close(lock);
    return ok;
}

/* ---- collateral ---- */

static bool collateral_write(const struct collateral *c, const char *dir, struct err *err)
{
    char path[STATE_PATH_MAX];

    if (!file_mkdir(dir, 0755, err)) {
        return false;
    }
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        if (!state_path(dir, c->list[i].name, path, err) || !file_write(path, 0644, c->list[i].content, err)) {
            return false;
        }
    }
    return true;
}

static const struct args_option collateral_options[] = {
    {"tcb-status", 0, "STATUS", "the platform's TCB status, as Intel spells it (UpToDate)"},
    {"module-status", 0, "STATUS", "its TDX module's (UpToDate)"},
    {"qe-status", 0, "STATUS", "its quoting enclave's (UpToDate)"},
    {"revoke", 0, "pck|ca|signer", "a certificate that the revocation lists name"},
    {0}};

/* The word of an option out of a list; *out stays as it is where the option was not given. */
static bool word_read(const struct args *a, const char *option, const char *const *words, const char **out,
                      struct err *err)
{
    const char *word = args_get(a, option);

    for (size_t i = 0; word != NULL && words[i] != NULL; i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = words[i];
            return true;
        }
    }
    return word == NULL || FAIL(err, REASON_USAGE, ERR_NOWHERE, "--%s %s is not known", option, word);
}

static bool collateral_setup(const struct args *a, struct setup *s, struct err *err)
{
    static const char *const statuses[] = {"UpToDate",
                                           "SWHardeningNeeded",
                                           "ConfigurationNeeded",
                                           "ConfigurationAndSWHardeningNeeded",
                                           "OutOfDate",
                                           "OutOfDateConfigurationNeeded",
                                           "Revoked",
                                           NULL};
    static const char *const certificates[] = {"pck", "ca", "signer", NULL};
    const char *revoked = "";

    if (!word_read(a, "tcb-status", statuses, &s->tcb_status, err) ||
        !word_read(a, "module-status", statuses, &s->module_status, err) ||
        !word_read(a, "qe-status", statuses, &s->qe_status, err) ||
        !word_read(a, "revoke", certificates, &revoked, err)) {
        return false;
    }
    s->revoke_pck = strcmp(revoked, "pck") == 0;
    s->revoke_ca = strcmp(revoked, "ca") == 0;
    s->revoke_signer = strcmp(revoked, "signer") == 0;
    return true;
}

static bool collateral(const struct args *a, struct err *err)
{
    struct platform p;
    struct collateral c;
    bool ok;

    if (!state_open(a->operands[0], clock_unix(), &p, err)) {
        return false;
    }
    ok = collateral_setup(a, &p.setup, err) && collateral_new(&p.pki, &p.setup, &c, err);
    if (ok) {
        ok = collateral_write(&c, a->operands[1], err);
        collateral_done(&c);
    }
    platform_done(&p);
    return ok;
}

/* ---- show ---- */

static const struct args_option show_options[] = {
    {"json", 0, NULL, "print JSON"}, {"root", 0, "FILE", "write the root certificate (DER) to FILE"}, {0}};

#define SHOW_FIELDS 9

static void show_print(const struct platform *p, bool json)
{
    uint8_t root[32];
    char digits[2 * 64 + 1];
    const struct {
        const char *name;
        struct bytes value;
    } fields[SHOW_FIELDS] = {
        {"root_sha256", bytes_of(root, sizeof root)},
        {"fmspc", bytes_of(p->setup.fmspc, sizeof p->setup.fmspc)},
        {"mr_seam", bytes_of(p->setup.mrseam, sizeof p->setup.mrseam)},
        {"mr_td", bytes_of(p->guest.mrtd, SHA384_SIZE)},
        {"rtmr_0", bytes_of(p->guest.rtmr[0], SHA384_SIZE)},
        {"rtmr_1", bytes_of(p->guest.rtmr[1], SHA384_SIZE)},
        {"rtmr_2", bytes_of(p->guest.rtmr[2], SHA384_SIZE)},
        {"rtmr_3", bytes_of(p->guest.rtmr[3], SHA384_SIZE)},
        {"boot_id", bytes_of(p->guest.boot_id, sizeof p->guest.boot_id)},
    };

    pki_root_sha256(&p->pki, root);
    for (size_t i = 0; i < SHOW_FIELDS; i++) {
        hex_encode(fields[i].value, digits);
        if (json) {
            (void)printf("%s\"%s\":\"%s\"", i == 0 ? "{" : ",", fields[i].name, digits);
        } else {
            (void)printf("%-12s %s\n", fields[i].name, digits);
        }
    }
    if (json) {
        (void)printf("}\n");
    }
}

static bool show(const struct args *a, struct err *err)
{
    const char *root = args_get(a, "root");
    struct platform p;
    bool ok;

    if (!state_open(a->operands[0], clock_unix(), &p, err)) {
        return false;
    }
    ok = root == NULL || file_write(root, 0644, buf_bytes(&p.pki.certs[PKI_ROOT]), err);
    if (ok) {
        show_print(&p, args_flag(a, "json"));
    }
    platform_done(&p);
    return ok;
}

/* ---- the table ---- */

static const struct args_option no_options[] = {{0}};

static const struct command {
    const char *name;
    bool (*run)(const struct args *a, struct err *err);
    struct args_form form;
} commands[] = {
    {"init", init, {"sotto-sim init DIR", "Sets up a simulated platform in DIR.", no_options, 1, 1}},
    {"run",
     run,
     {"sotto-sim run DIR [options]", "Runs the platform: DIR/qgs.sock, DIR/td.sock, and its collateral over HTTP.",
      run_options, 1, 1}},
    {"show",
     show,
     {"sotto-sim show DIR [options]", "Prints what a policy names: root, measurements, registers.", show_options, 1,
      1}},
    {"collateral",
     collateral,
     {"sotto-sim collateral DIR OUT [options]", "Writes newly signed collateral to the folder OUT.", collateral_options,
      2, 2}},
    {"reboot",
     reboot_platform,
     {"sotto-sim reboot DIR", "Boots the platform anew: the one way to clear its registers.", no_options, 1, 1}},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int help_print(FILE *to)
{
    (void)fprintf(to, "Usage: sotto-sim COMMAND ...   (sotto-sim COMMAND --help says more)\n\n"
                      "A TDX platform in software: it protects nothing.\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].form.about);
    }
    (void)fprintf(to, "\n  --version   %s\n", SOTTO_VERSION);
    return to == stdout ? 0 : 2;
}

static int command_run(const struct command *c, int argc, char **argv)
{
    struct err err = {0};
    struct args a;
    char line[600];
    int code;

    if (!args_parse(argc, argv, &c->form, &a, &code)) {
        return code;
    }
    if (real_present("")) {
        err_set(&err, REASON_DEVICE_SIMULATED, ERR_NOWHERE, "this machine is a TDX guest");
    } else if (secret_protect_process(&err) && c->run(&a, &err)) {
        return 0;
    }
    err_print(&err, line, sizeof line);
    (void)fprintf(stderr, "sotto-sim: %s\n", line);
    return reason_kind(err.reason) == REASON_KIND_USAGE ? 2 : 1;
}

int main(int argc, char **argv)
{
    file_stdio_open();
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return help_print(stdout);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("sotto-sim version %s\n", SOTTO_VERSION);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return command_run(&commands[i], argc - 1, argv + 1);
        }
    }
    return help_print(stderr);
}
