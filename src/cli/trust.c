#include "cli/trust.h"

#include "cli/collateral_import.h"
#include "cli/services.h"

#include "base/civil.h"
#include "base/hex.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool policy_read(const char *path, struct policy **out, struct err *err)
{
    struct buf text = BUF(LIMIT_POLICY);
    bool ok;

    if (path == NULL) {
        return policy_builtin(out, err);
    }
    ok = file_read(path, &text, err);
    if (ok && !policy_parse(buf_bytes(&text), out, err)) {
        err_prefix(err, path);
        ok = false;
    }
    buf_done(&text);
    return ok;
}

/* Seconds since 1970, or 2026-11-24T12:00:00Z; the same with +00:00; 2026-11-24 for the first second of that day. */
static bool time_read(const char *text, int64_t *out, struct err *err)
{
    char *end, spelled[48];
    size_t len;
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
    len = strlen(text);
    if (len == 10) {
        (void)snprintf(spelled, sizeof spelled, "%sT00:00:00Z", text);
    } else if (len > 6 && strcmp(text + len - 6, "+00:00") == 0) {
        (void)snprintf(spelled, sizeof spelled, "%.*sZ", (int)(len - 6 < 40 ? len - 6 : 40), text);
    } else {
        (void)snprintf(spelled, sizeof spelled, "%.40s", text);
    }
    return civil_parse_iso8601(bytes_of_str(spelled), out, err) ||
           FAIL(err, REASON_USAGE, ERR_NOWHERE, "--time %.40s: not a time like 2026-11-24T12:00:00Z", text);
}

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
    return stat(where, &st) == 0 && S_ISREG(st.st_mode) ? collateral_import(where, &t->collateral, err)
                                                        : directory_open(where, &t->collateral, err);
}

bool trust_open(const char *policy_file, const char *collateral, const char *time_text, struct trust *out,
                struct err *err)
{
    memset(out, 0, sizeof *out);
    if (!time_read(time_text, &out->input.time, err) || !policy_read(policy_file, &out->policy, err)) {
        return false;
    }
    if (!collateral_read(collateral, out, err)) {
        directory_close(&out->collateral);
        policy_free(out->policy);
        out->policy = NULL;
        return false;
    }
    out->input.policy = out->policy;
    out->input.files = out->collateral.files;
    out->input.file_count = out->collateral.count;
    return true;
}

bool trust_pck(struct trust *t, const char *file, struct err *err)
{
    bool ok = directory_put(&t->collateral, file, "pck_cert.pem", err);

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

    if (t->services != NULL && services_parse(t->services, &services, &err) &&
        services_wanted(evidence, &wanted, &err)) {
        /* each failure has been noted */
        (void)!fetch_set(&f, services.list, services.count, &wanted, &t->collateral, &err);
        t->input.file_count = t->collateral.count;
    }
}

void trust_close(struct trust *t)
{
    policy_free(t->policy);
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

bool trust_print(const struct verdict *v, bool json, bool all, struct err *err)
{
    struct buf out = BUF(MIB(4));
    bool ok;

    if (json) {
        ok = verdict_print_json(v, &out, err) && buf_u8(&out, '\n', err);
    } else {
        ok = verdict_print_text(v, all, &out, err) &&
             (json_object_size(v->claims) == 0 || summary_print(v->claims, &out, err));
    }
    ok = ok && file_write_fd(1, "standard output", buf_bytes(&out), err);
    buf_done(&out);
    return ok;
}
