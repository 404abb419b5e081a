#include "cli/collateral_show.h"

#include "base/civil.h"
#include "codec/json.h"
#include "collateral/pcs.h"
#include "os/file.h"

#include <stdio.h>

#define INDENT 12

struct row {
    const char *file, *what, *state;
    bool readable;
    struct item item;
    enum reason why; /* not readable */
    int64_t fetched;
};

static void row_read(const struct directory *d, size_t i, int64_t now, struct row *r)
{
    struct buf plain = BUF(LIMIT_COLLATERAL);
    struct err err = {0};

    *r = (struct row){.file = d->files[i].name, .fetched = d->times[i]};
    r->readable = item_read(d->files[i].content, &r->item, &plain, &err);
    r->why = err.reason;
    r->what = r->readable ? item_kind_name(&r->item) : reason_name(err.reason);
    r->state = !r->readable                ? "unreadable"
               : now < r->item.issued      ? "not-yet"
               : now > r->item.next_update ? "expired"
                                           : "valid";
    buf_done(&plain);
}

/* "3 d", "5 h", "2 min", "1 s" */
static void span_print(int64_t seconds, char out[32])
{
    const int64_t n = seconds < 0 ? -seconds : seconds;

    if (n >= 86400) {
        (void)snprintf(out, 32, "%lld d", (long long)(n / 86400));
    } else if (n >= 3600) {
        (void)snprintf(out, 32, "%lld h", (long long)(n / 3600));
    } else if (n >= 60) {
        (void)snprintf(out, 32, "%lld min", (long long)(n / 60));
    } else {
        (void)snprintf(out, 32, "%lld s", (long long)n);
    }
}

/* "valid       TDX TCB info            tcb_info_tdx_90C06F000000.json", and its window under it. */
static bool row_text(const struct row *r, int64_t now, struct buf *out, struct err *err)
{
    char issued[CIVIL_ISO8601_SIZE], next[CIVIL_ISO8601_SIZE], age[32], left[32], fetched[32];
    const bool early = now<r->item.issued, late = now> r->item.next_update;
    const size_t line = out->len;

    if (!buf_printf(out, err, "%-10s  %-22s  %s\n", r->state, r->what, r->file)) {
        return false;
    }
    for (size_t i = line; i < out->len - 1; i++) { /* a file may have any name */
        out->p[i] = out->p[i] < 0x20 || out->p[i] == 0x7f ? '?' : out->p[i];
    }
    if (!r->readable) {
        return true;
    }
    civil_print_iso8601(r->item.issued, issued);
    civil_print_iso8601(r->item.next_update, next);
    span_print(now - r->item.issued, age);
    span_print(r->item.next_update - now, left);
    span_print(now - r->fetched, fetched);
    return buf_printf(out, err, "%*s%s to %s\n%*sissued %s%s%s, %s %s%s, written here %s ago\n", INDENT, "", issued,
                      next, INDENT, "", early ? "in " : "", age, early ? "" : " ago", late ? "ended" : "ends in", left,
                      late ? " ago" : "", fetched);
}

static bool row_json(const struct row *r, int64_t now, struct buf *out, struct err *err)
{
    char issued[CIVIL_ISO8601_SIZE], next[CIVIL_ISO8601_SIZE], fetched[CIVIL_ISO8601_SIZE];

    if (!buf_str(out, "{\"file\":", err) || !json_print_str(bytes_of_str(r->file), out, err)) {
        return false;
    }
    if (!r->readable) {
        return buf_printf(out, err, ",\"state\":\"unreadable\",\"reason\":\"%s\"}", reason_name(r->why));
    }
    civil_print_iso8601(r->item.issued, issued);
    civil_print_iso8601(r->item.next_update, next);
    civil_print_iso8601(r->fetched, fetched);
    return buf_printf(out, err,
                      ",\"what\":\"%s\",\"issued\":\"%s\",\"next_update\":\"%s\",\"fetched\":\"%s\",\"age\":%lld,"
                      "\"state\":\"%s\"}",
                      r->what, issued, next, fetched, (long long)(now - r->item.issued), r->state);
}

static bool rows_print(const char *path, const struct directory *d, int64_t now, bool json, struct buf *out,
                       struct err *err)
{
    bool ok = !json || (buf_str(out, "{\"directory\":", err) && json_print_str(bytes_of_str(path), out, err) &&
                        buf_str(out, ",\"files\":[", err));
    struct row r;

    for (size_t i = 0; ok && i < d->count; i++) {
        row_read(d, i, now, &r);
        ok = json ? buf_str(out, i > 0 ? "," : "", err) && row_json(&r, now, out, err) : row_text(&r, now, out, err);
    }
    return ok &&
           buf_str(out, json ? "]}\n" : "What a file says of itself; whether it is genuine, sotto verify judges.\n",
                   err);
}

bool collateral_show(const char *path, const struct directory *d, int64_t now, bool json, struct err *err)
{
    struct buf out = BUF(MIB(1));
    bool ok = rows_print(path, d, now, json, &out, err) && file_write_fd(1, "standard output", buf_bytes(&out), err);

    buf_done(&out);
    return ok;
}

bool collateral_is_fresh(const struct directory *d, const struct pcs_wanted *wanted, int64_t now, int64_t max_age)
{
    for (int k = 0; k < PCS_FETCHED; k++) {
        bool found = false;
        struct err ignored;

        for (size_t i = 0; !found && i < d->count; i++) {
            struct row r;

            row_read(d, i, now, &r);
            found = r.readable && strcmp(r.state, "valid") == 0 && now - r.fetched <= max_age &&
                    pcs_answers(&r.item, (enum pcs_document)k, wanted, &ignored) &&
                    (r.item.kind == ITEM_CRL || (strstr(r.file, "_early") != NULL) == wanted->early);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}
