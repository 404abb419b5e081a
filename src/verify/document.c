/* What an evidence document says beside the quote, and whether the quote binds it (docs/formats.md, sections 4, 5). */
#include "crypto/tagged.h"
#include "evidence/event.h"
#include "verify/judge.h"

/* Of the log's events, for the place where no register can be extended. */
static bool log_root_form(struct bytes bytes, uint8_t out[SHA384_SIZE], struct err *err)
{
    struct eventlog_event e;
    struct eventlog log;
    struct hash h;
    bool more, ok;

    if (!eventlog_open(bytes, &log, err)) {
        return false;
    }
    tagged_begin(&h, HASH_SHA384, EVENT_LOG_ROOT);
    while ((ok = eventlog_next(&log, &e, &more, err)) && more) {
        tagged_add(&h, bytes_of(e.sha384, SHA384_SIZE));
    }
    if (ok) {
        hash_end(&h, out);
    }
    return ok;
}

/* Tries both places: what the document says of it is never believed, and only chooses what is shown as expected. */
static enum log_bound report_data_judge(struct judge *j, const struct document *d, struct report_data_parts *parts)
{
    const uint8_t *seen = quote_report_data(&j->q);
    uint8_t leaf[SHA256_SIZE], want[64];
    struct err err = {0};

    hash_bytes(HASH_SHA384, d->keyset, parts->keyset_digest);
    hash_bytes(HASH_SHA384, d->devices, parts->device_digest);
    tree_leaf(bytes_of(d->nonce, sizeof d->nonce), leaf);
    if (!tree_path_root(leaf, d->nonce_index, d->nonce_count, d->nonce_path, d->nonce_path_len, parts->nonce_root)) {
        fact_refute(j, FACT_report_data, REASON_NONCE_PATH, "a path of %zu nodes for nonce %zu of %zu",
                    d->nonce_path_len, d->nonce_index, d->nonce_count);
        return LOG_BOUND_NOWHERE;
    }
    report_data_form(parts, want);
    if (memcmp(want, seen, sizeof want) == 0) {
        fact_affirm(j, FACT_report_data);
        return LOG_BOUND_RTMR3;
    }
    if (log_root_form(d->event_log, parts->log_root, &err)) {
        report_data_form(parts, want);
        if (memcmp(want, seen, sizeof want) == 0) {
            fact_affirm(j, FACT_report_data);
            return LOG_BOUND_REPORT_DATA;
        }
    } else if (reason_kind(err.reason) == REASON_KIND_SYSTEM) {
        fact_fail(j, FACT_report_data, &err);
        return LOG_BOUND_NOWHERE;
    }
    /* Neither place; a log that cannot be read is refuted as such. */
    if (d->log_in == LOG_IN_RTMR3) {
        memset(parts->log_root, 0, sizeof parts->log_root);
        report_data_form(parts, want);
    }
    fact_refute(j, FACT_report_data, REASON_REPORT_DATA_MISMATCH, "%s", "");
    fact_hex(j, FACT_report_data, bytes_of(want, sizeof want), bytes_of(seen, sizeof want));
    return LOG_BOUND_NOWHERE;
}

/* The policy lists the places that count. */
static void place_judge(struct judge *j, enum log_bound bound)
{
    static const char *const names[] = {
        [PLACE_RTMR3] = "RTMR3", [PLACE_REPORT_DATA] = "the report data", [PLACE_RTMR3 | PLACE_REPORT_DATA] = "both"};
    const unsigned place = bound == LOG_BOUND_RTMR3 ? PLACE_RTMR3 : PLACE_REPORT_DATA, allowed = j->policy->places;

    if (bound != LOG_BOUND_NOWHERE && (allowed & place) == 0) {
        fact_refute(j, FACT_event_log, REASON_EVENT_LOG_PLACE, "bound by %s", names[place]);
        fact_seen(j, FACT_event_log, names[allowed], names[place]);
    } else if (bound == LOG_BOUND_REPORT_DATA && quote_is_tdx(&j->q) &&
               !bytes_zero(bytes_of(j->q.td.rtmr[3], SHA384_SIZE))) {
        fact_refute(j, FACT_event_log, REASON_EVENT_LOG_FOREIGN, "RTMR3 holds something beside the log");
    }
}

/* NULL: it cannot be read. */
static const struct keyset *keyset_judge(struct judge *j, struct bytes text, struct keyset *k)
{
    struct err err = {0};

    if (!keyset_parse(text, k, &err)) {
        fact_fail(j, FACT_keyset, &err);
        return NULL;
    }
    if (j->policy->ignore_time) {
        fact_unknown(j, FACT_keyset, REASON_TIME_IGNORED, "%s", "");
    } else if (j->in->time < k->not_before || j->in->time > k->not_after) {
        fact_refute(j, FACT_keyset, REASON_KEYSET_TIME, "%s", "");
        fact_window(j, FACT_keyset, k->not_before, k->not_after);
    } else {
        fact_affirm(j, FACT_keyset);
    }
    return k;
}

static void nonce_judge(struct judge *j, const struct document *d)
{
    if (j->in->nonce == NULL) {
        fact_unknown(j, FACT_nonce, REASON_FACT_UNKNOWN, "no nonce was drawn for this document");
    } else if (memcmp(j->in->nonce, d->nonce, NONCE_SIZE) != 0) {
        fact_refute(j, FACT_nonce, REASON_NONCE_PATH, "the document is for another nonce");
        fact_hex(j, FACT_nonce, bytes_of(j->in->nonce, NONCE_SIZE), bytes_of(d->nonce, NONCE_SIZE));
    } else if (!fact_is(j, FACT_report_data, FACT_AFFIRMED)) {
        fact_unknown(j, FACT_nonce, REASON_FACT_UNKNOWN, "the quote does not bind it");
    } else {
        fact_affirm(j, FACT_nonce);
    }
}

static void connection_judge(struct judge *j, const struct keyset *k)
{
    const uint8_t *seen = j->in->connection_spki;

    if (seen == NULL) {
        fact_unknown(j, FACT_connection, REASON_FACT_UNKNOWN, "no connection was given to compare with");
    } else if (k == NULL) {
        fact_unknown(j, FACT_connection, REASON_FACT_UNKNOWN, "the key set cannot be read");
    } else if (memcmp(seen, k->tls_spki_sha256, sizeof k->tls_spki_sha256) != 0) {
        fact_refute(j, FACT_connection, REASON_KEYSET_SPKI, "%s", "");
        fact_hex(j, FACT_connection, bytes_of(k->tls_spki_sha256, SHA256_SIZE), bytes_of(seen, SHA256_SIZE));
    } else {
        fact_affirm(j, FACT_connection);
    }
}

static void devices_judge(struct judge *j, const struct document *d)
{
    if (j->policy->gpu) {
        fact_demand(j, FACT_devices);
    }
    if (d->devices.p != NULL || j->policy->gpu) {
        fact_unknown(j, FACT_devices, REASON_DEVICE_UNCHECKED, "%s", d->devices.p == NULL ? "there is none" : "");
    }
}

static bool claims_add(struct judge *j, const struct document *d, const struct report_data_parts *parts,
                       const struct keyset *k, struct err *err)
{
    json_t *claims = j->claims;

    return report_claim_hex(claims, "sotto_keyset_sha384", parts->keyset_digest, SHA384_SIZE, err) &&
           report_claim_hex(claims, "eat_nonce", d->nonce, NONCE_SIZE, err) &&
           (k == NULL || (report_claim_hex(claims, "sotto_web", k->web_sha384, SHA384_SIZE, err) &&
                          report_claim_hex(claims, "sotto_tls_spki_sha256", k->tls_spki_sha256, SHA256_SIZE, err) &&
                          claim_new(claims, "sotto_not_after", json_integer(k->not_after), err)));
}

bool document_judge(struct judge *j, const struct document *d, struct err *err)
{
    struct report_data_parts parts = {.log_root = {0}};
    enum log_bound bound;
    struct replay boot;
    struct keyset keyset;
    const struct keyset *k;

    bound = report_data_judge(j, d, &parts);
    k = keyset_judge(j, d->keyset, &keyset);
    nonce_judge(j, d);
    connection_judge(j, k);
    logs_replay(&d->boot_log, d->boot_log.p != NULL ? 1 : 0, &boot);
    boot_judge(j, &boot);
    devices_judge(j, d);
    place_judge(j, bound);
    if (!quote_is_tdx(&j->q) && bound == LOG_BOUND_RTMR3) {
        bound = LOG_BOUND_NOWHERE; /* an enclave has no registers */
    }
    return log_judge(j, d->event_log, bound, k != NULL ? k->web_sha384 : NULL, err) && claims_add(j, d, &parts, k, err);
}
