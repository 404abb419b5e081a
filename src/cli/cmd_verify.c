#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/quote_file.h"
#include "cli/report.h"
#include "cli/trust.h"

#include "base/limits.h"
#include "explain/verdict_print.h"
#include "os/file.h"

#include <stdio.h>

#define TIMEOUT_MS 30000

static const struct args_option options[] = {
    {"collateral", 'c', "DIR|FILE|URL",
     "collateral to judge with: a directory, a file or bundle that has some, or a service (PCS or PCCS; several: "
     "URL,URL)"},
    {"pck", 0, "FILE", "the PCK certificate (PEM), for a quote that only says which platform it is of"},
    {"policy", 'p', "FILE", "the policy to judge by; without one: Intel's root, for bare quotes only"},
    {"time", 't', "TIME",
     "judge as of this time (2026-11-24T12:00:00Z, or seconds since 1970; bundle: the bundle's own)"},
    {"bundle", 'b', "FILE", "archive evidence, collateral, policy, time and verdict in FILE, to be judged again later"},
    {"json", 0, NULL, "print the verdict as JSON"},
    {"verbose", 'v', NULL, "list every fact, not only those that are not affirmed"},
    {NULL, 0, NULL, NULL},
};

static const struct args_form form = {
    .usage = "sotto verify QUOTE|DOCUMENT|BUNDLE|URL [options]",
    .about = "Judges a quote (raw, hexadecimal or base64), an evidence document, a bundle, or a service by its URL.\n"
             "Exit code: 0 verified, 10 simulated, 11 refused, 12 undecided.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

static bool is_url(const char *s)
{
    return strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0;
}

/* What was judged is left in evidence: the quote's bytes or the document's; nothing where it is neither, or a bundle.
 */
static bool file_judge(const char *path, struct trust *t, bool its_time, struct buf *evidence, struct verdict *v,
                       struct err *err)
{
    struct buf file = BUF(LIMIT_EVIDENCE);
    struct err why = {.reason = REASON_OK};
    bool ok = quote_file_read(path, &file, err), is_document;

    if (ok) {
        trust_collateral(t, buf_bytes(&file));
    }
    is_document = ok && document_is(buf_bytes(&file));
    if (is_document && bundle_is(buf_bytes(&file))) {
        ok = verify_bundle(buf_bytes(&file), &t->input, its_time, v, err);
    } else if (ok && its_time) {
        ok = FAIL(err, REASON_USAGE, ERR_NOWHERE, "--time bundle: %s is no bundle", path);
    } else if (is_document) {
        ok = verify_document(buf_bytes(&file), &t->input, v, err) && buf_add(evidence, file.p, file.len, err);
    } else if (ok && quote_file_decode(buf_bytes(&file), evidence, &why)) {
        ok = verify_quote(buf_bytes(evidence), &t->input, v, err);
    } else if (ok) {
        evidence->len = 0;
        ok = verify_undecodable(&why, &t->input, v, err);
    }
    buf_done(&file);
    return ok;
}

static bool url_judge(const char *text, struct trust *t, struct buf *evidence, struct verdict *v, struct err *err)
{
    struct client *c = NULL;
    struct client_url url;
    bool ok = client_url_parse(text, &url, err) && client_open(&url, TIMEOUT_MS, &c, err) &&
              trust_fetch(t, c, url.path, evidence, err);

    if (ok) {
        /* Nothing is sent from here: evidence that came over plain HTTP is worth no less than the same from a file. */
        t->input.connection_required = url.tls;
        ok = verify_document(buf_bytes(evidence), &t->input, v, err);
    }
    client_close(c);
    return ok;
}

/* Everything that the verdict was made of, and the verdict. */
static bool bundle_write(const char *path, const struct trust *t, struct bytes evidence, const struct verdict *v,
                         struct err *err)
{
    struct buf verdict = BUF(LIMIT_POLICY), text = BUF(LIMIT_EVIDENCE);
    struct bundle b = {.evidence = evidence,
                       .files = t->input.file_count > 0 ? t->input.files : NULL,
                       .file_count = t->input.file_count,
                       .policy = t->policy_text.len > 0 ? buf_bytes(&t->policy_text) : bytes_of(NULL, 0),
                       .time = v->time};
    bool ok = evidence.len > 0 || FAIL(err, REASON_USAGE, ERR_NOWHERE,
                                       "--bundle %.100s: not written, for only a quote, an evidence document or a "
                                       "service's is archived, and once",
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

int cmd_verify(int argc, char **argv)
{
    struct err err = {.reason = REASON_INTERNAL, .offset = ERR_NOWHERE};
    struct verdict v = {0};
    struct trust t;
    struct args a;
    struct buf evidence = BUF(LIMIT_EVIDENCE);
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
    if (its_time && is_url(what)) {
        err_set(&err, REASON_USAGE, ERR_NOWHERE, "--time bundle: %.100s is no bundle", what);
        return error_exit(&err);
    }
    if (!trust_open(args_get(&a, "policy"), args_get(&a, "collateral"), its_time ? NULL : time, &t, &err)) {
        return error_exit(&err);
    }
    ok = args_get(&a, "pck") == NULL || trust_pck(&t, args_get(&a, "pck"), &err);
    ok = ok && (is_url(what) ? url_judge(what, &t, &evidence, &v, &err)
                             : file_judge(what, &t, its_time, &evidence, &v, &err));
    if (ok) {
        ok = trust_print(&v, args_flag(&a, "json"), args_flag(&a, "verbose"), &err) &&
             (bundle == NULL || bundle_write(bundle, &t, buf_bytes(&evidence), &v, &err));
        code = verdict_exit_code(v.result);
        verdict_done(&v);
    }
    if (!ok) {
        code = error_exit(&err);
    }
    buf_done(&evidence);
    trust_close(&t);
    return code;
}
