/* sotto collateral fetch|import|show: what judgements need beside the quote, in a directory (docs/formats.md, section
 * 7).
 */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/collateral_import.h"
#include "cli/collateral_show.h"
#include "cli/quote_file.h"
#include "cli/report.h"
#include "cli/services.h"

#include "base/hex.h"
#include "os/clock.h"
#include "os/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Without --output: a directory of the user's own. */
static bool default_directory(const char *given, char out[PATH_MAX], struct err *err)
{
    const char *home = getenv("HOME");
    int n;

    if (given != NULL) {
        n = snprintf(out, PATH_MAX, "%s", given);
    } else if (home != NULL && *home != '\0') {
        n = snprintf(out, PATH_MAX, "%s/.sotto/collateral", home);
    } else {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "there is no HOME: --output DIR is needed");
    }
    return n < PATH_MAX || FAIL(err, REASON_USAGE, ERR_NOWHERE, "the directory's path is too long");
}

/* Exit codes 11 and 12 are of verdicts, and none is made here. */
static int error_exit(const struct err *err)
{
    return report_error(err) == 2 ? 2 : 1;
}

/* ---- fetch ---- */

static const struct args_option fetch_options[] = {
    {"service", 's', "URL,...", "services to ask, in this order (that of --qcnl, else " SERVICES_DEFAULT ")"},
    {"qcnl", 0, "FILE", "take the service from a configuration of Intel's library (" QCNL_PATH ", where it is there)"},
    {"output", 'o', "DIR", "the directory to put it into (~/.sotto/collateral)"},
    {"fmspc", 0, "HEX", "the platform, instead of a quote: 12 digits"},
    {"pck", 0, "FILE", "the PCK certificate, for a quote without one; kept with the rest"},
    {"ca", 0, "platform|processor", "with --fmspc: whose PCK certificates (platform)"},
    {"tee", 0, "tdx|sgx", "with --fmspc: for which quotes (tdx)"},
    {"update", 0, "standard|early", "which of Intel's updates (standard)"},
    {"root-crl", 0, "URL", "where the root's revocation list is, if not with the service"},
    {"max-age", 0, "SECONDS", "do nothing where all is there, valid, and was written so lately"},
    {"any-certificate", 0, NULL, "do not check the services' TLS certificates: what comes is signed anyway"},
    {"tls-ca", 0, "FILE", "PEM: whose TLS certificates the services have"},
    {"timeout", 0, "SECONDS", "for each answer (30)"},
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const struct args_form fetch_form = {
    .usage =
        "sotto collateral fetch QUOTE|DOCUMENT|BUNDLE [options]\n       sotto collateral fetch --fmspc HEX [options]",
    .about = "Fetches the collateral of the quote's platform from Intel's service (PCS) or a cache of it (PCCS), each\n"
             "document from the first service that gives a good one. All is there at the end, or nothing has changed.",
    .options = fetch_options,
    .operands_min = 0,
    .operands_max = 1,
};

static bool choice_get(const struct args *a, const char *name, const char *first, const char *second, bool *is_second,
                       struct err *err)
{
    const char *v = args_get(a, name);

    *is_second = v != NULL && strcasecmp(v, second) == 0;
    return v == NULL || *is_second || strcasecmp(v, first) == 0 ||
           FAIL(err, REASON_USAGE, ERR_NOWHERE, "--%s %.40s: %s or %s", name, v, first, second);
}

/* --pck is in the set. */
static bool wanted_read(const struct args *a, const struct directory *set, struct pcs_wanted *out, struct err *err)
{
    const char *fmspc = args_get(a, "fmspc");
    struct pcs_wanted w = {.early = out->early};
    struct buf file = BUF(LIMIT_EVIDENCE);
    bool sgx, ok;

    if ((fmspc != NULL) == (a->operand_count == 1)) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "a quote or --fmspc is wanted, one of them");
    }
    if (fmspc == NULL) {
        if (args_get(a, "ca") != NULL || args_get(a, "tee") != NULL) {
            return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--ca and --tee go with --fmspc; a quote or its --pck says it");
        }
        ok = quote_file_read(a->operands[0], &file, err) &&
             services_wanted(buf_bytes(&file), directory_get(set, "pck_cert.pem"), out, err);
        buf_done(&file);
        return ok;
    }
    if (!hex_decode(bytes_of_str(fmspc), w.fmspc, sizeof w.fmspc, err)) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--fmspc %.40s: 12 hexadecimal digits are wanted", fmspc);
    }
    if (!choice_get(a, "ca", "platform", "processor", &w.processor, err) ||
        !choice_get(a, "tee", "tdx", "sgx", &sgx, err)) {
        return false;
    }
    w.tdx = !sgx;
    *out = w;
    return true;
}

/* --service, else --qcnl, else the file where Intel's library would look, else Intel's. */
static bool services_choose(const struct args *a, struct services *out, struct fetch *f, bool *early, struct err *err)
{
    const char *list = args_get(a, "service"), *path = args_get(a, "qcnl");
    static struct qcnl q;

    if (list == NULL && path == NULL && (path = services_qcnl_path()) != NULL) {
        (void)fprintf(stderr, "sotto: %s says which service; --service URL asks another\n", path);
    }
    if (list != NULL || path == NULL) {
        return services_parse(list != NULL ? list : SERVICES_DEFAULT, out, err);
    }
    if (!services_qcnl_read(path, &q, err)) {
        return false;
    }
    for (size_t i = 0; i < q.finding_count; i++) {
        if (!q.findings[i].warning) {
            return FAIL(err, q.findings[i].reason, ERR_NOWHERE, "%s: %s", path, q.findings[i].text);
        }
        (void)fprintf(stderr, "sotto: %s: %s (%s)\n", path, q.findings[i].text, reason_name(q.findings[i].reason));
    }
    f->any_certificate = f->any_certificate || !q.use_secure_cert;
    *early = *early || (args_get(a, "update") == NULL && q.early);
    return services_parse(qcnl_service(&q), out, err);
}

static bool stored_is_fresh(const char *dir, const struct pcs_wanted *w, const struct args *a, bool *fresh,
                            struct err *err)
{
    struct directory d = {.count = 0};
    struct err ignored;
    uint64_t age;

    *fresh = false;
    if (args_get(a, "max-age") == NULL) {
        return true;
    }
    if (!args_number(a, "max-age", 0, UINT32_MAX, 0, &age, err)) {
        return false;
    }
    if (directory_open(dir, &d, &ignored)) {
        *fresh = collateral_is_fresh(&d, w, clock_unix(), (int64_t)age);
        directory_close(&d);
    }
    return true;
}

static bool show(const char *path, bool json, struct err *err)
{
    struct directory d = {.count = 0};
    bool ok = directory_open(path, &d, err) && collateral_show(path, &d, clock_unix(), json, err);

    directory_close(&d);
    return ok;
}

/* What is there and was issued later stays: a service that is behind, or somebody in its place, takes nothing back. */
static void newer_keep(const char *dir, struct directory *set)
{
    struct directory old = {.count = 0};
    struct err ignored;

    if (!directory_open(dir, &old, &ignored)) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct bytes before = directory_get(&old, set->files[i].name);
        struct buf a = BUF(LIMIT_COLLATERAL), b = BUF(LIMIT_COLLATERAL);
        struct item was, is;

        if (before.p != NULL && item_read(before, &was, &a, &ignored) &&
            item_read(set->files[i].content, &is, &b, &ignored) && was.kind != ITEM_CHAIN && was.issued > is.issued) {
            (void)fprintf(stderr, "sotto: %s: the one that is there is newer, and stays\n", set->files[i].name);
            directory_remove(set, i--);
        }
        buf_done(&a);
        buf_done(&b);
    }
    directory_close(&old);
}

static bool fetch(const struct args *a, struct err *err)
{
    struct fetch f = {.any_certificate = args_flag(a, "any-certificate"),
                      .ca_file = args_get(a, "tls-ca"),
                      .root_crl = args_get(a, "root-crl"),
                      .now = clock_unix(),
                      .note = services_note};
    static struct directory set;
    static struct services services;
    struct pcs_wanted w = {0};
    char dir[PATH_MAX];
    uint64_t timeout;
    bool fresh, ok;

    if (!choice_get(a, "update", "standard", "early", &w.early, err) ||
        !services_choose(a, &services, &f, &w.early, err) || !args_number(a, "timeout", 1, 600, 30, &timeout, err) ||
        (args_get(a, "pck") != NULL && !collateral_pck(args_get(a, "pck"), &set, err)) ||
        !wanted_read(a, &set, &w, err) || !default_directory(args_get(a, "output"), dir, err) ||
        !stored_is_fresh(dir, &w, a, &fresh, err)) {
        return false;
    }
    f.timeout_s = (unsigned)timeout;
    ok = fresh || fetch_set(&f, services.list, services.count, &w, &set, err);
    if (ok && !fresh) {
        newer_keep(dir, &set);
        ok = directory_store(dir, &set, err);
    }
    directory_close(&set);
    return ok && show(dir, args_flag(a, "json"), err);
}

/* ---- import ---- */

static const struct args_option import_options[] = {
    {"output", 'o', "DIR", "the directory to put it into (~/.sotto/collateral)"},
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const struct args_form import_form = {
    .usage = "sotto collateral import FILE|DIR... [options]",
    .about =
        "Puts collateral into a directory: TCB info, identities, revocation lists (DER, PEM, hexadecimal) and issuer\n"
        "chains as services give them, known by their contents; directories of such; evidence documents and\n"
        "bundles that carry collateral; and the one-file form of dcap-qvl.",
    .options = import_options,
    .operands_min = 1,
    .operands_max = -1,
};

static bool import(const struct args *a, struct err *err)
{
    static struct directory set;
    char dir[PATH_MAX];
    bool ok = default_directory(args_get(a, "output"), dir, err);

    for (int i = 0; ok && i < a->operand_count; i++) {
        ok = collateral_import(a->operands[i], &set, err);
    }
    if (ok && set.count == 0) {
        ok = FAIL(err, REASON_COLLATERAL_ABSENT, ERR_NOWHERE, "%s: nothing in it is collateral", a->operands[0]);
    }
    ok = ok && directory_store(dir, &set, err);
    directory_close(&set);
    return ok && show(dir, args_flag(a, "json"), err);
}

/* ---- show ---- */

static const struct args_option show_options[] = {{"json", 0, NULL, "print JSON"}, {0}};

static const struct args_form show_form = {
    .usage = "sotto collateral show [DIR] [--json]",
    .about = "Lists a collateral directory (~/.sotto/collateral): what each file is, its window, its age.",
    .options = show_options,
    .operands_min = 0,
    .operands_max = 1,
};

static bool show_run(const struct args *a, struct err *err)
{
    char dir[PATH_MAX];

    return default_directory(a->operand_count == 1 ? a->operands[0] : NULL, dir, err) &&
           show(dir, args_flag(a, "json"), err);
}

/* ---- the table ---- */

static const struct verb {
    const char *name;
    bool (*run)(const struct args *a, struct err *err);
    const struct args_form *form;
} verbs[] = {
    {"fetch", fetch, &fetch_form},
    {"import", import, &import_form},
    {"show", show_run, &show_form},
};
#define VERBS (sizeof verbs / sizeof *verbs)

static int help_print(FILE *to)
{
    (void)fprintf(to, "Usage: sotto collateral WHAT ...   (sotto collateral WHAT --help says more)\n\n"
                      "  fetch    get a platform's collateral from Intel or from a cache of it\n"
                      "  import   put collateral that is there into a directory\n"
                      "  show     what is in a directory, its windows and its age\n");
    return to == stdout ? 0 : 2;
}

int cmd_collateral(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return help_print(stdout);
    }
    for (size_t i = 0; argc >= 2 && i < VERBS; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            if (!args_parse(argc - 1, argv + 1, verbs[i].form, &a, &code)) {
                return code;
            }
            return verbs[i].run(&a, &err) ? 0 : error_exit(&err);
        }
    }
    if (argc >= 2) {
        (void)fprintf(stderr, "sotto collateral: there is no %s (USAGE)\n", argv[1]);
    }
    return help_print(stderr);
}
