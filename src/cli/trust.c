#include "cli/trust.h"

#include "cli/collateral_import.h"
#include "cli/logs_text.h"
#include "cli/report.h"
#include "cli/services.h"

#include "base/civil.h"
#include "base/hex.h"
#include "explain/verdict_print.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

bool trust_policy_read(const char *path, struct buf *text, struct policy **out, struct err *err)
{
    if (!file_read(path, text, err)) {
        return false;
    }
    if (!policy_parse(buf_bytes(text), out, err)) {
        err_prefix(err, path);
        return false;
    }
    return true;
}

/* "+02:00" at the end of a time, in seconds. False: there is none. */
static bool zone_find(const char *text, int64_t *out)
{
    const size_t len = strlen(text);
    const char *p = text + (len > 6 ? len - 6 : 0);
    long hours, minutes;

    if ((p[0] != '+' && p[0] != '-') || strspn(p + 1, "0123456789") != 2 || p[3] != ':' ||
        strspn(p + 4, "0123456789") != 2) {
        return false;
    }
    hours = strtol(p + 1, NULL, 10);
    minutes = strtol(p + 4, NULL, 10);
    *out = (p[0] == '-' ? -60 : 60) * (60 * hours + minutes);
    return len > 6 && hours < 24 && minutes < 60;
}

/* Seconds since 1970, or 2026-11-24T12:00:00Z; the same with +02:00; 2026-11-24 for the first second of that day. */
static bool time_read(const char *text, int64_t *out, struct err *err)
{
    char *end, spelled[48];
    int64_t zone = 0, t;
    long long n;

    if (text == NULL) {
        *out = clock_unix();
        return true;
    }
    n = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && strlen(text) <= 12) {
        *out = n;
        return true;
    }
    if (strlen(text) == 10) {
        (void)snprintf(spelled, sizeof spelled, "%sT00:00:00Z", text);
    } else if (strlen(text) < 40 && zone_find(text, &zone)) {
        (void)snprintf(spelled, sizeof spelled, "%.*sZ", (int)strlen(text) - 6, text);
    } else {
        (void)snprintf(spelled, sizeof spelled, "%.40s", text);
    }
    if (!civil_parse_iso8601(bytes_of_str(spelled), &t, err)) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--time %.40s: not a time like 2026-11-24T12:00:00Z", text);
    }
    *out = t - zone;
    return true;
}

/* A directory, a file that has collateral (of a bundle, nothing else counts), or services, which are asked later. */
static bool collateral_read(const char *where, struct trust *t, struct err *err)
{
    struct services ignored;
    struct stat st;

    if (where == NULL) {
        return true;
    }
    if (services_is_url(where)) {
        t->services = where;
        return services_parse(where, &ignored, err);
    }
    if (stat(where, &st) != 0 || !S_ISREG(st.st_mode)) {
        return directory_open(where, &t->collateral, err);
    }
    return collateral_import(where, &t->collateral, err) &&
           (t->collateral.count > 0 || FAIL(err, REASON_COLLATERAL_ABSENT, ERR_NOWHERE, "%.150s has none", where));
}

bool trust_open(const char *policy_file, const char *collateral, const char *time_text, struct trust *out,
                struct err *err)
{
    memset(out, 0, sizeof *out);
    out->policy_text = BUF(LIMIT_POLICY);
    if (!time_read(time_text, &out->input.time, err) ||
        !(policy_file == NULL ? policy_builtin(&out->policy, err)
                              : trust_policy_read(policy_file, &out->policy_text, &out->policy, err)) ||
        !collateral_read(collateral, out, err)) {
        trust_close(out);
        return false;
    }
    out->input.policy = out->policy;
    out->input.files = out->collateral.files;
    out->input.file_count = out->collateral.count;
    return true;
}

bool trust_pck(struct trust *t, const char *file, struct err *err)
{
    bool ok = collateral_pck(file, &t->collateral, err);

    t->input.files = t->collateral.files;
    t->input.file_count = t->collateral.count;
    return ok;
}

void trust_collateral(struct trust *t, struct bytes evidence)
{
    struct fetch f = {.now = t->input.time, .note = services_note};
    struct services services;
    struct pcs_wanted wanted = {0};
    struct err err;

    if (t->services == NULL || !services_parse(t->services, &services, &err)) {
        return;
    }
    if (!services_wanted(evidence, directory_get(&t->collateral, "pck_cert.pem"), &wanted, &err)) {
        services_note(NULL, "nothing is fetched", &err);
        return;
    }
    /* each failure has been noted */
    (void)!fetch_set(&f, services.list, services.count, &wanted, &t->collateral, &err);
    t->input.files = t->collateral.files;
    t->input.file_count = t->collateral.count;
}

void trust_close(struct trust *t)
{
    policy_free(t->policy);
    buf_done(&t->policy_text);
    directory_close(&t->collateral);
    memset(t, 0, sizeof *t);
}

/* The reason's name of a problem document, where the service sent one. */
static bool status_fail(const struct client_response *r, struct err *err)
{
    return FAIL(err, REASON_HTTP_STATUS, ERR_NOWHERE, "status %d for evidence: %.*s", r->status,
                (int)(r->body.len > 120 ? 120 : r->body.len), r->body.p != NULL ? (const char *)r->body.p : "");
}

bool trust_fetch(struct trust *t, struct client *c, const char *path, struct buf *document, struct err *err)
{
    struct client_response r = {.body = BUF(LIMIT_EVIDENCE)};
    char digits[2 * NONCE_SIZE + 1], target[2300];
    struct client_request q = {.method = "GET", .path = target};
    const uint8_t *spki = client_spki(c);
    size_t len = strlen(path);
    bool ok = false;

    if (!random_bytes(t->nonce, sizeof t->nonce, err)) {
        return false;
    }
    while (len > 0 && path[len - 1] == '/') {
        len--;
    }
    hex_encode(bytes_of(t->nonce, sizeof t->nonce), digits);
    (void)snprintf(target, sizeof target, "%.*s/.well-known/sotto/evidence?nonce=%s", (int)len, path, digits);
    if (!client_call(c, &q, &r, err)) {
        goto out;
    }
    ok = (r.status == 200 || status_fail(&r, err)) && buf_add(document, r.body.p, r.body.len, err);
    if (ok) {
        trust_collateral(t, buf_bytes(document));
    }
    t->input.nonce = t->nonce;
    t->input.nonce_required = t->input.connection_required = true;
    t->input.connection_spki = NULL;
    if (spki != NULL) {
        memcpy(t->spki, spki, sizeof t->spki);
        t->input.connection_spki = t->spki;
    }
out:
    buf_done(&r.body);
    return ok;
}

/* One line of what matters most beside the facts. */
static bool summary_print(const json_t *claims, struct buf *out, struct err *err)
{
    static const char *const names[] = {"tee", "tcb_status", "tcb_date", "fmspc"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = json_string_value(json_object_get(claims, names[i]));

        if (value != NULL && !buf_printf(out, err, "  %s %s", names[i], value)) {
            return false;
        }
    }
    return buf_u8(out, '\n', err);
}

bool trust_print(const struct verdict *v, const struct bytes *logs, size_t log_count, bool json, bool all,
                 struct err *err)
{
    struct buf out = BUF(16 * LIMIT_LOG);
    bool ok;

    if (json) {
        ok = verdict_print_json(v, &out, err);
        if (ok && log_count > 0) {
            out.len--; /* its brace: the logs are one more member */
            ok = buf_str(&out, ",\"logs\":", err) && logs_text_json(logs, log_count, &out, err) &&
                 buf_u8(&out, '}', err);
        }
        ok = ok && buf_u8(&out, '\n', err);
    } else {
        ok = verdict_print_text(v, all, report_colour(1), &out, err) &&
             (json_object_size(v->claims) == 0 || summary_print(v->claims, &out, err));
    }
    ok = ok && (json || !all || logs_text_print(logs, log_count, &out, err));
    ok = ok && file_write_fd(1, "standard output", buf_bytes(&out), err);
    buf_done(&out);
    return ok;
}
