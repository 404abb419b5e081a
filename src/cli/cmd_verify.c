#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/quote_file.h"
#include "cli/report.h"
#include "cli/services.h"
#include "cli/trust.h"

#include "base/hex.h"
#include "base/limits.h"
#include "explain/verdict_print.h"
#include "os/file.h"

#include <stdio.h>

#define TIMEOUT_MS 30000

static const struct args_option options[] = {
    {"collateral", 'c', "DIR|FILE|URL",
     "collateral to judge with: a directory, a file or bundle that has some, or a service (PCS or PCCS; several: "
     "URL,URL)"},
    {"log", 'l', "FILE", "a log of a bare quote's TD (again for another): CCEL, CoCo's, dstack's, IMA's, ours"},
    {"report-data", 0, "HEX", "what a bare quote's report data must be: up to 64 bytes, zeros behind them"},
    {"pck", 0, "FILE", "the PCK certificate (PEM or DER), for a quote that only says which platform it is of"},
    {"policy", 'p', "FILE", "the policy to judge by; without one: Intel's root, for bare quotes only"},
    {"time", 't', "TIME",
     "judge as of this time (2026-11-24T12:00:00Z, or seconds since 1970; bundle: the bundle's own)"},
    {"bundle", 'b', "FILE",
     "archive evidence, logs, collateral, policy, time and verdict in FILE, to be judged again later"},
    {"json", 0, NULL, "print the verdict as JSON"},
    {"verbose", 'v', NULL, "list every fact, not only those that are not affirmed, and every event of the logs"},
    {NULL, 0, NULL, NULL},
};

static const struct args_form form = {
    .usage = "sotto verify QUOTE|DOCUMENT|BUNDLE|URL [options]",
    .about = "Judges a quote (raw, as text, or in the JSON of dstack, Trustee or Intel Trust Authority), an evidence\n"
             "document, a bundle, or a service by its URL.\n"
             "Exit code: 0 verified, 10 simulated, 11 refused, 12 undecided.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

/* What was judged, for the bundle and for -v and --json. */
struct subject {
    struct buf text;        /* as it came: of a document, what a bundle archives */
    struct quote_file file; /* its parts */
    struct bytes logs[QUOTE_FILE_LOGS];
    bool decoded;
};

static void subject_close(struct subject *s)
{
    buf_done(&s->text);
    quote_file_close(&s->file);
}

/* What is asked of a bare quote alone. */
static bool beside_check(const struct args *a, const struct quote_file *f, struct err *err)
{
    if ((f->is_bundle || f->is_document) && args_get(a, "log") != NULL) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--log goes with a bare quote; %s has its own",
                    f->is_bundle ? "a bundle" : "an evidence document");
    }
    return !f->is_document || args_get(a, "report-data") == NULL ||
           FAIL(err, REASON_USAGE, ERR_NOWHERE,
                "--report-data goes with a bare quote; an evidence document has a nonce");
}

static bool logs_add(const struct args *a, struct subject *s, struct verify_input *in, struct err *err)
{
    const char *path;

    for (int n = 0; (path = args_nth(a, "log", n)) != NULL; n++) {
        if (!quote_file_log(&s->file, path, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->file.log_count; i++) {
        s->logs[i] = buf_bytes(&s->file.logs[i]);
    }
    in->logs = s->logs;
    in->log_count = s->file.log_count;
    return true;
}

static bool file_judge(const struct args *a, struct trust *t, bool its_time, struct subject *s, struct verdict *v,
                       struct err *err)
{
    struct err why = {.reason = REASON_OK};
    const char *path = a->operands[0];

    if (!quote_file_read(path, &s->text, err)) {
        return false;
    }
    s->decoded = quote_file_open(buf_bytes(&s->text), &s->file, &why);
    if (its_time && !s->file.is_bundle) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--time bundle: %s is no bundle", path);
    }
    if (!beside_check(a, &s->file, err) || !logs_add(a, s, &t->input, err)) {
        return false;
    }
    trust_collateral(t, buf_bytes(&s->text));
    if (s->file.is_bundle) {
        return verify_bundle(buf_bytes(&s->text), &t->input, its_time, v, err);
    }
    if (s->file.is_document) {
        return verify_document(buf_bytes(&s->text), &t->input, v, err);
    }
    return s->decoded ? verify_quote(buf_bytes(&s->file.quote), &t->input, v, err)
                      : verify_undecodable(&why, &t->input, v, err);
}

static bool url_judge(const struct args *a, struct trust *t, struct subject *s, struct verdict *v, struct err *err)
{
    struct err ignored;
    struct client *c = NULL;
    struct client_url url;
    bool ok;

    s->file.is_document = true;
    ok = beside_check(a, &s->file, err) && client_url_parse(a->operands[0], &url, err) &&
         client_open(&url, TIMEOUT_MS, &c, err) && trust_fetch(t, c, url.path, &s->text, err);
    if (ok) {
        s->decoded = quote_file_open(buf_bytes(&s->text), &s->file, &ignored);
        s->file.is_document = true; /* whatever came in its place */
        /* Nothing is sent from here: evidence that came over plain HTTP is worth no less than the same from a file. */
        t->input.connection_required = url.tls;
        ok = verify_document(buf_bytes(&s->text), &t->input, v, err) && logs_add(a, s, &t->input, err);
    }
    client_close(c);
    return ok;
}

/* Everything that the verdict was made of, and the verdict. */
static bool bundle_write(const char *path, const struct trust *t, const struct subject *s, const struct verdict *v,
                         struct err *err)
{
    struct buf verdict = BUF(LIMIT_POLICY), text = BUF(LIMIT_EVIDENCE);
    struct bundle b = {.evidence = buf_bytes(s->file.is_document ? &s->text : &s->file.quote),
                       .logs = s->logs,
                       .log_count = s->file.is_document ? 0 : s->file.log_count,
                       .files = t->input.file_count > 0 ? t->input.files : NULL,
                       .file_count = t->input.file_count,
                       .policy = t->policy_text.len > 0 ? buf_bytes(&t->policy_text) : bytes_of(NULL, 0),
                       .time = v->time};
    bool ok = ((s->decoded || s->file.is_document) && !s->file.is_bundle) ||
              FAIL(err, REASON_USAGE, ERR_NOWHERE,
                   "--bundle %.100s: not written, for only a quote, an evidence document or a service's is archived, "
                   "and once",
                   path);

    ok = ok && verdict_print_json(v, &verdict, err);
    b.verdict = buf_bytes(&verdict);
    ok = ok && bundle_print(&b, &text, err) && file_put(path, 0644, buf_bytes(&text), err);
    buf_done(&verdict);
    buf_done(&text);
    return ok;
}

/* Exit codes 11 and 12 are of verdicts, and none was made. */
static int error_exit(const struct err *err)
{
    return report_error(err) == 2 ? 2 : 1;
}

/* At most 64 bytes, zeros behind them. */
static bool report_data_read(const char *digits, uint8_t out[64], struct err *err)
{
    struct buf b = BUF(64);
    bool ok = hex_decode_all(bytes_of_str(digits), &b, err) && b.len > 0;

    memset(out, 0, 64);
    if (ok) {
        memcpy(out, b.p, b.len);
    }
    buf_done(&b);
    return ok || FAIL(err, REASON_USAGE, ERR_NOWHERE, "--report-data: 1 to 64 bytes in hexadecimal are wanted");
}

/* Whatever the command line says is in the trust, and the verdict is made. */
static bool judge(const struct args *a, struct trust *t, bool its_time, struct subject *s, struct verdict *v,
                  struct err *err)
{
    const char *pck = args_get(a, "pck"), *digits = args_get(a, "report-data");
    static uint8_t report_data[1][64];

    if ((pck != NULL && !trust_pck(t, pck, err)) ||
        (digits != NULL && !report_data_read(digits, report_data[0], err))) {
        return false;
    }
    t->input.report_data = (const uint8_t(*)[64])report_data;
    t->input.report_data_count = digits != NULL ? 1 : 0;
    return services_is_url(a->operands[0]) ? url_judge(a, t, s, v, err) : file_judge(a, t, its_time, s, v, err);
}

int cmd_verify(int argc, char **argv)
{
    static struct subject s;
    struct err err = {.reason = REASON_INTERNAL, .offset = ERR_NOWHERE};
    struct verdict v = {0};
    struct trust t;
    struct args a;
    const char *what, *time, *bundle;
    bool its_time, ok;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    what = a.operands[0];
    time = args_get(&a, "time");
    bundle = args_get(&a, "bundle");
    its_time = time != NULL && strcmp(time, "bundle") == 0;
    if (its_time && services_is_url(what)) {
        err_set(&err, REASON_USAGE, ERR_NOWHERE, "--time bundle: %.100s is no bundle", what);
        return error_exit(&err);
    }
    if (!trust_open(args_get(&a, "policy"), args_get(&a, "collateral"), its_time ? NULL : time, &t, &err)) {
        return error_exit(&err);
    }
    s.text = BUF(LIMIT_EVIDENCE);
    ok = judge(&a, &t, its_time, &s, &v, &err);
    if (ok) {
        ok = trust_print(&v, s.logs, s.file.log_count, args_flag(&a, "json"), args_flag(&a, "verbose"), &err) &&
             (bundle == NULL || bundle_write(bundle, &t, &s, &v, &err));
        code = verdict_exit_code(v.result);
        verdict_done(&v);
    }
    if (!ok) {
        code = error_exit(&err);
    }
    subject_close(&s);
    trust_close(&t);
    return code;
}
