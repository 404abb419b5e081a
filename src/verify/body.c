/* What the quote's body says of the TD or enclave and its platform, against what the policy demands. */
#include "base/hex.h"
#include "verify/judge.h"

#include <stdio.h>

static void trailing_judge(struct judge *j)
{
    if (bytes_zero(j->q.trailing) || j->policy->trailing_any) {
        fact_affirm(j, FACT_trailing);
    } else {
        fact_refute(j, FACT_trailing, REASON_QUOTE_TRAILING, "%zu bytes, not all zero", j->q.trailing.len);
    }
    if (j->q.trailing.len > 0) {
        char count[40];

        (void)snprintf(count, sizeof count, "%zu bytes", j->q.trailing.len);
        fact_seen(j, FACT_trailing, j->policy->trailing_any ? "any" : "zero bytes alone", count);
    }
}

/* A demand on a TD of a quote that has none cannot be checked. */
static bool td_there(struct judge *j, enum fact_id id)
{
    if (!quote_is_tdx(&j->q)) {
        fact_unknown(j, id, REASON_FACT_UNKNOWN, "the quote is not of a TD");
        return false;
    }
    return true;
}

#define BITS_SIZE 17

/* As policies and claims spell them: the bytes in the order of the quote. */
static const char *bits_spell(uint64_t v, char out[BITS_SIZE])
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    hex_encode(bytes_of(bytes, sizeof bytes), out);
    return out;
}

static void debug_judge(struct judge *j)
{
    const struct policy_bits *b = &j->policy->attributes;
    const uint64_t group = 0xff; /* "TD under debug": debugging and profiling */
    uint64_t seen, allowed = 0;
    char have[BITS_SIZE];

    if (!quote_is_tdx(&j->q)) {
        if ((j->q.sgx.attributes[0] & SGX_ATTRIBUTE_DEBUG) != 0) {
            fact_refute(j, FACT_debug, REASON_TD_DEBUG, "an enclave with ATTRIBUTES.DEBUG");
            fact_seen(j, FACT_debug, "bit 1 clear", "");
            fact_seen_hex(j, FACT_debug, bytes_of(j->q.sgx.attributes, sizeof j->q.sgx.attributes));
        } else {
            fact_affirm(j, FACT_debug);
        }
        return;
    }
    seen = j->q.td.td_attributes & group;
    /* Only a simulated platform may be debugged, and only if the policy says just that. */
    if (j->anchor == ANCHOR_SIMULATED && b->given) {
        allowed = b->mask & b->value & group;
    }
    if ((seen & ~allowed) != 0) {
        fact_refute(j, FACT_debug, REASON_TD_DEBUG, "TDATTRIBUTES 0x%016llx",
                    (unsigned long long)j->q.td.td_attributes);
        fact_seen(j, FACT_debug, "0000000000000000 under mask ff00000000000000",
                  bits_spell(j->q.td.td_attributes, have));
    } else {
        fact_affirm(j, FACT_debug);
    }
}

static void bits_judge(struct judge *j, enum fact_id id, enum reason reason, const struct policy_bits *b, uint64_t seen)
{
    char want[60], value[BITS_SIZE], mask[BITS_SIZE], have[BITS_SIZE];

    if ((seen & b->mask) == b->value) {
        fact_affirm(j, id);
    } else {
        fact_refute(j, id, reason, "%s", "");
    }
    (void)snprintf(want, sizeof want, "%s under mask %s", bits_spell(b->value, value), bits_spell(b->mask, mask));
    fact_seen(j, id, want, bits_spell(seen, have));
}

/* What holds for a service where the policy says nothing of the attributes (docs/formats.md, section 7). */
static void attributes_default_judge(struct judge *j)
{
    const uint64_t seen = j->q.td.td_attributes;
    char have[BITS_SIZE];

    if ((seen & 0xff) != 0) {
        fact_refute(j, FACT_td_attributes, REASON_TD_DEBUG, "the TD is under debug");
    } else if ((seen & ~TD_ATTRIBUTES_KNOWN) != 0) {
        fact_refute(j, FACT_td_attributes, REASON_TD_ATTRIBUTES, "reserved bits are set");
    } else if ((seen & TD_ATTRIBUTE_SEPT_VE_DISABLE) == 0) {
        fact_refute(j, FACT_td_attributes, REASON_TD_ATTRIBUTES, "SEPT_VE_DISABLE is clear");
    } else if ((seen & TD_ATTRIBUTE_MIGRATABLE) != 0) {
        fact_refute(j, FACT_td_attributes, REASON_TD_ATTRIBUTES, "MIGRATABLE is set");
    } else {
        fact_affirm(j, FACT_td_attributes);
    }
    fact_seen(j, FACT_td_attributes, "", bits_spell(seen, have));
}

/* A service whose policy says nothing of service TDs has none, whatever the policy says of the attributes. */
static void service_td_default_judge(struct judge *j)
{
    const struct td_body *td = &j->q.td;

    if (j->policy->mrservicetd.count == 0 && td->is_15 &&
        !bytes_zero(bytes_of(td->mrservicetd, sizeof td->mrservicetd)) &&
        !fact_is(j, FACT_td_attributes, FACT_REFUTED)) {
        fact_refute(j, FACT_td_attributes, REASON_TD_SERVICE, "MRSERVICETD");
        fact_seen(j, FACT_td_attributes, "48 zero bytes", "");
        fact_seen_hex(j, FACT_td_attributes, bytes_of(td->mrservicetd, sizeof td->mrservicetd));
    }
}

static void attributes_judge(struct judge *j)
{
    const struct policy_bits *b = &j->policy->attributes;
    const bool of_service = j->facts[FACT_td_attributes].required; /* and not by the policy's demand */

    if (b->given) {
        fact_demand(j, FACT_td_attributes);
    }
    if ((b->given || of_service) && td_there(j, FACT_td_attributes)) {
        if (b->given) {
            bits_judge(j, FACT_td_attributes, REASON_TD_ATTRIBUTES, b, j->q.td.td_attributes);
        } else {
            attributes_default_judge(j);
        }
        if (of_service) {
            service_td_default_judge(j);
        }
    }
    if (j->policy->xfam.given) {
        fact_demand(j, FACT_xfam);
        if (td_there(j, FACT_xfam)) {
            bits_judge(j, FACT_xfam, REASON_TD_XFAM, &j->policy->xfam, j->q.td.xfam);
        }
    }
}

static void list_judge(struct judge *j, enum fact_id id, enum reason reason, const struct policy_list *l,
                       const uint8_t *seen)
{
    if (policy_list_has(l, seen)) {
        fact_affirm(j, id);
    } else {
        fact_refute(j, id, reason, "%s", "");
    }
    fact_seen_unlisted(j, id, l, seen);
}

static void lists_judge(struct judge *j)
{
    const struct policy *p = j->policy;

    if (p->mrseam.count > 0) {
        fact_demand(j, FACT_mrseam);
        if (td_there(j, FACT_mrseam)) {
            list_judge(j, FACT_mrseam, REASON_MRSEAM_MISMATCH, &p->mrseam, j->q.td.mrseam);
        }
    }
    if (p->mrservicetd.count > 0) {
        fact_demand(j, FACT_mrservicetd);
        if (td_there(j, FACT_mrservicetd) && !j->q.td.is_15) {
            fact_unknown(j, FACT_mrservicetd, REASON_FACT_UNKNOWN, "a TD 1.0 body does not show it");
        } else if (quote_is_tdx(&j->q)) {
            list_judge(j, FACT_mrservicetd, REASON_TD_SERVICE, &p->mrservicetd, j->q.td.mrservicetd);
        }
    }
}

/* MRTD and the registers that the policy gives values for. False: the fact says why. */
static bool registers_check(struct judge *j, enum fact_id id)
{
    const struct policy *p = j->policy;

    if (p->mrtd.count > 0 && !policy_list_has(&p->mrtd, j->q.td.mrtd)) {
        fact_refute(j, id, REASON_MRTD_MISMATCH, "%s", "");
        fact_seen_unlisted(j, id, &p->mrtd, j->q.td.mrtd);
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (p->rtmr[i].count > 0 && !policy_list_has(&p->rtmr[i], j->q.td.rtmr[i])) {
            fact_refute(j, id, REASON_RTMR_MISMATCH, "RTMR%zu", i);
            fact_seen_unlisted(j, id, &p->rtmr[i], j->q.td.rtmr[i]);
            return false;
        }
    }
    return true;
}

static size_t registers_demanded(const struct policy *p)
{
    size_t n = p->mrtd.count > 0 ? 1 : 0;

    for (size_t i = 0; i < 3; i++) {
        n += p->rtmr[i].count > 0 ? 1 : 0;
    }
    return n;
}

static void measurements_judge(struct judge *j)
{
    if (registers_demanded(j->policy) == 0) {
        fact_unknown(j, FACT_measurements, REASON_NOT_DEMANDED, "%s", "");
        return;
    }
    fact_demand(j, FACT_measurements);
    if (td_there(j, FACT_measurements) && registers_check(j, FACT_measurements)) {
        fact_affirm(j, FACT_measurements);
    }
}

static void flag_judge(struct judge *j, bool refused, enum pck_flag flag, const char *name)
{
    if (refused && flag != PCK_FLAG_CLEAR && !fact_is(j, FACT_platform, FACT_REFUTED)) {
        fact_refute(j, FACT_platform, REASON_PLATFORM_FLAG, "%s is %s", name,
                    flag == PCK_FLAG_SET ? "set" : "not stated");
    }
}

static void platform_judge(struct judge *j)
{
    const struct policy *p = j->policy;

    if (p->ppid.count == 0 && p->instance.count == 0 && !p->no_smt && !p->no_cached_keys && !p->no_dynamic) {
        return;
    }
    fact_demand(j, FACT_platform);
    if (!j->has_pck) {
        fact_unknown(j, FACT_platform, REASON_FACT_UNKNOWN, "the PCK certificate cannot be read");
        return;
    }
    if (p->ppid.count > 0 && !policy_list_has(&p->ppid, j->pck.ppid)) {
        fact_refute(j, FACT_platform, REASON_PLATFORM_MISMATCH, "PPID");
        fact_seen_unlisted(j, FACT_platform, &p->ppid, j->pck.ppid);
        return;
    }
    if (p->instance.count > 0 && (!j->pck.has_instance || !policy_list_has(&p->instance, j->pck.instance))) {
        fact_refute(j, FACT_platform, REASON_PLATFORM_MISMATCH, "platform instance id%s",
                    j->pck.has_instance ? "" : ": the certificate has none");
        if (j->pck.has_instance) {
            fact_seen_unlisted(j, FACT_platform, &p->instance, j->pck.instance);
        }
        return;
    }
    fact_affirm(j, FACT_platform);
    flag_judge(j, p->no_smt, j->pck.smt, "SMT");
    flag_judge(j, p->no_cached_keys, j->pck.cached_keys, "cached keys");
    flag_judge(j, p->no_dynamic, j->pck.dynamic, "dynamic platform");
}

void body_judge(struct judge *j)
{
    debug_judge(j);
    trailing_judge(j);
    attributes_judge(j);
    lists_judge(j);
    measurements_judge(j);
    platform_judge(j);
}

void logs_replay(const struct bytes logs[GUEST_LOGS], struct replay *out)
{
    static const char *const names[GUEST_LOGS] = {"the firmware's log", "the guest's log"};
    size_t count;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < GUEST_LOGS && out->error.reason == REASON_OK; i++) {
        if (logs[i].p == NULL) {
            continue;
        }
        out->any = true;
        if (!anylog_replay(logs[i], out->registers, &count, &out->error)) {
            err_prefix(&out->error, names[i]);
        }
    }
}

void replay_judge(struct judge *j, enum fact_id id, const struct replay *r, size_t count)
{
    if (r->error.reason != REASON_OK) {
        fact_fail(j, id, &r->error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(r->registers[i], j->q.td.rtmr[i], SHA384_SIZE) != 0) {
            fact_refute(j, id, REASON_EVENT_LOG_REPLAY, "RTMR%zu", i);
            fact_seen_hex(j, id, bytes_of(j->q.td.rtmr[i], SHA384_SIZE));
            return;
        }
    }
    fact_affirm(j, id);
}

void boot_judge(struct judge *j, const struct replay *r)
{
    if (td_there(j, FACT_boot) && registers_check(j, FACT_boot)) {
        if (registers_demanded(j->policy) == 4) {
            fact_affirm(j, FACT_boot);
        } else {
            fact_unknown(j, FACT_boot, REASON_NOT_DEMANDED, "%zu of MRTD, RTMR0, RTMR1 and RTMR2 are given",
                         registers_demanded(j->policy));
        }
    }
    if (r->any && quote_is_tdx(&j->q)) {
        replay_judge(j, FACT_boot_log, r, 3);
    }
}
