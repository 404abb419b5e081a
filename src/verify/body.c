/* What the quote's body says of the TD or enclave and its platform, against what the policy demands. */
#include "base/hex.h"
#include "verify/judge.h"

#include <stdio.h>

static void trailing_judge(struct judge *j)
{
    const struct bytes trailing = j->q.trailing;
    char count[40];

    if (bytes_zero(trailing) || j->policy->trailing_any) {
        fact_affirm(j, FACT_trailing);
    } else {
        fact_refute(j, FACT_trailing, REASON_QUOTE_TRAILING, "%zu bytes, not all zero", trailing.len);
    }
    if (trailing.len > 0) {
        (void)snprintf(count, sizeof count, "%zu bytes", trailing.len);
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

static void enclave_debug_judge(struct judge *j)
{
    const uint8_t *seen = j->q.sgx.attributes;

    if ((seen[0] & SGX_ATTRIBUTE_DEBUG) != 0) {
        fact_refute(j, FACT_debug, REASON_TD_DEBUG, "an enclave with ATTRIBUTES.DEBUG");
        fact_seen(j, FACT_debug, "bit 1 clear", "");
        fact_seen_hex(j, FACT_debug, bytes_of(seen, sizeof j->q.sgx.attributes));
    } else {
        fact_affirm(j, FACT_debug);
    }
}

#define DEBUG_GROUP UINT64_C(0xff) /* "TD under debug": debugging and profiling */

static void bits_seen(struct judge *j, enum fact_id id, const struct policy_bits *b, uint64_t seen)
{
    char want[60], value[BITS_SIZE], mask[BITS_SIZE], have[BITS_SIZE];

    (void)snprintf(want, sizeof want, "%s under mask %s", bits_spell(b->value, value), bits_spell(b->mask, mask));
    fact_seen(j, id, want, bits_spell(seen, have));
}

static void bits_judge(struct judge *j, enum fact_id id, enum reason reason, const struct policy_bits *b, uint64_t seen)
{
    if ((seen & b->mask) == b->value) {
        fact_affirm(j, id);
    } else {
        fact_refute(j, id, reason, "%s", "");
    }
    bits_seen(j, id, b, seen);
}

static void debug_judge(struct judge *j)
{
    const struct policy_bits *b = &j->policy->attributes;
    const uint64_t seen = j->q.td.td_attributes;
    /* Only a simulated platform may be debugged, and only if the policy says just that. */
    const uint64_t allowed = j->anchor == ANCHOR_SIMULATED && b->given ? b->mask & b->value : 0;
    static const struct policy_bits none = {.mask = DEBUG_GROUP};

    if ((seen & DEBUG_GROUP & ~allowed) != 0) {
        fact_refute(j, FACT_debug, REASON_TD_DEBUG, "TDATTRIBUTES 0x%016llx", (unsigned long long)seen);
        bits_seen(j, FACT_debug, &none, seen);
    } else {
        fact_affirm(j, FACT_debug);
    }
}

/* What holds for a service where the policy says nothing of the attributes (docs/formats.md, section 7). */
static void attributes_default_judge(struct judge *j)
{
    static const struct policy_bits demanded = {.mask = DEBUG_GROUP | ~TD_ATTRIBUTES_KNOWN |
                                                        TD_ATTRIBUTE_SEPT_VE_DISABLE | TD_ATTRIBUTE_MIGRATABLE,
                                                .value = TD_ATTRIBUTE_SEPT_VE_DISABLE};
    const uint64_t seen = j->q.td.td_attributes;

    if ((seen & DEBUG_GROUP) != 0) {
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
    bits_seen(j, FACT_td_attributes, &demanded, seen);
}

/* A service whose policy says nothing of service TDs has none, whatever the policy says of the attributes. */
static void service_td_default_judge(struct judge *j)
{
    const struct bytes seen = bytes_of(j->q.td.mrservicetd, sizeof j->q.td.mrservicetd);

    /* Of TD 1.0 there is none, and so it reads zero. */
    if (j->policy->mrservicetd.count == 0 && !bytes_zero(seen) && !fact_is(j, FACT_td_attributes, FACT_REFUTED)) {
        fact_refute(j, FACT_td_attributes, REASON_TD_SERVICE, "MRSERVICETD");
        fact_seen(j, FACT_td_attributes, "48 zero bytes", "");
        fact_seen_hex(j, FACT_td_attributes, seen);
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

/* Whether a list of the policy has a value (NULL: there is none); an empty list demands nothing. False: the fact says
 * why. */
static bool list_check(struct judge *j, enum fact_id id, enum reason reason, const struct policy_list *l,
                       const uint8_t *seen, const char *what)
{
    if (l->count == 0 || (seen != NULL && policy_list_has(l, seen))) {
        return true;
    }
    fact_refute(j, id, reason, "%s", what);
    fact_seen_unlisted(j, id, l, seen);
    return false;
}

/* A fact that is one list's. */
static void list_judge(struct judge *j, enum fact_id id, enum reason reason, const struct policy_list *l, bool there,
                       const uint8_t *seen)
{
    if (l->count == 0) {
        return;
    }
    fact_demand(j, id);
    if (!td_there(j, id)) {
        return;
    }
    if (!there) {
        fact_unknown(j, id, REASON_FACT_UNKNOWN, "a TD 1.0 body does not show it");
    } else if (list_check(j, id, reason, l, seen, "")) {
        fact_affirm(j, id);
        fact_seen_unlisted(j, id, l, seen);
    }
}

/* MRTD and the registers that the policy gives values for. False: the fact says why. */
static bool registers_check(struct judge *j, enum fact_id id)
{
    static const char *const names[] = {"RTMR0", "RTMR1", "RTMR2"};
    bool ok = list_check(j, id, REASON_MRTD_MISMATCH, &j->policy->mrtd, j->q.td.mrtd, "");

    for (size_t i = 0; ok && i < 3; i++) {
        ok = list_check(j, id, REASON_RTMR_MISMATCH, &j->policy->rtmr[i], j->q.td.rtmr[i], names[i]);
    }
    return ok;
}

static int registers_demanded(const struct policy *p)
{
    return (p->mrtd.count > 0) + (p->rtmr[0].count > 0) + (p->rtmr[1].count > 0) + (p->rtmr[2].count > 0);
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

static void flag_judge(struct judge *j, bool allowed, enum pck_flag flag, const char *name)
{
    const char *seen = flag == PCK_FLAG_SET ? "set" : "not stated";

    if (!allowed && flag != PCK_FLAG_CLEAR && !fact_is(j, FACT_platform, FACT_REFUTED)) {
        fact_refute(j, FACT_platform, REASON_PLATFORM_FLAG, "%s is %s", name, seen);
        fact_seen(j, FACT_platform, "clear", seen);
    }
}

static void platform_judge(struct judge *j)
{
    const struct policy *p = j->policy;
    const bool there = j->pck.has_instance;

    if (p->ppid.count == 0 && p->instance.count == 0 && p->smt && p->cached_keys && p->dynamic) {
        return;
    }
    fact_demand(j, FACT_platform);
    if (!j->has_pck) {
        fact_unknown(j, FACT_platform, REASON_FACT_UNKNOWN, "the PCK certificate cannot be read");
        return;
    }
    if (!list_check(j, FACT_platform, REASON_PLATFORM_MISMATCH, &p->ppid, j->pck.ppid, "PPID") ||
        !list_check(j, FACT_platform, REASON_PLATFORM_MISMATCH, &p->instance, there ? j->pck.instance : NULL,
                    there ? "platform instance id" : "platform instance id: the certificate has none")) {
        return;
    }
    fact_affirm(j, FACT_platform);
    flag_judge(j, p->smt, j->pck.smt, "SMT");
    flag_judge(j, p->cached_keys, j->pck.cached_keys, "cached keys");
    flag_judge(j, p->dynamic, j->pck.dynamic, "dynamic platform");
}

void body_judge(struct judge *j)
{
    if (quote_is_tdx(&j->q)) {
        debug_judge(j);
    } else {
        enclave_debug_judge(j);
    }
    trailing_judge(j);
    attributes_judge(j);
    list_judge(j, FACT_mrseam, REASON_MRSEAM_MISMATCH, &j->policy->mrseam, true, j->q.td.mrseam);
    list_judge(j, FACT_mrservicetd, REASON_TD_SERVICE, &j->policy->mrservicetd, j->q.td.is_15, j->q.td.mrservicetd);
    measurements_judge(j);
    platform_judge(j);
}

void logs_replay(const struct bytes *logs, size_t count, struct replay *out)
{
    char name[32];
    size_t events;

    memset(out, 0, sizeof *out);
    out->any = count > 0;
    for (size_t i = 0; i < count && out->error.reason == REASON_OK; i++) {
        if (!eventlog_replay(logs[i], out->registers, &events, &out->error) && count > 1) {
            (void)snprintf(name, sizeof name, "log %zu", i + 1);
            err_prefix(&out->error, name);
        }
    }
}

void replay_judge(struct judge *j, enum fact_id id, const struct replay *r, size_t count)
{
    static const uint8_t untouched[SHA384_SIZE]; /* no digest of an extension is zero */
    size_t unexplained = count;

    if (r->error.reason != REASON_OK) {
        fact_fail(j, id, &r->error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(r->registers[i], j->q.td.rtmr[i], SHA384_SIZE) == 0) {
            continue;
        }
        if (memcmp(r->registers[i], untouched, SHA384_SIZE) != 0) {
            fact_refute(j, id, REASON_EVENT_LOG_REPLAY, "RTMR%zu", i);
            fact_hex(j, id, bytes_of(r->registers[i], SHA384_SIZE), bytes_of(j->q.td.rtmr[i], SHA384_SIZE));
            return;
        }
        unexplained = i;
    }
    if (unexplained < count) {
        fact_unknown(j, id, REASON_LOG_ABSENT, "RTMR%zu", unexplained);
        return;
    }
    fact_affirm(j, id);
}

void boot_judge(struct judge *j, const struct replay *r)
{
    if (td_there(j, FACT_boot) && registers_check(j, FACT_boot)) {
        if (registers_demanded(j->policy) == 4) {
            fact_affirm(j, FACT_boot);
        } else {
            fact_unknown(j, FACT_boot, REASON_NOT_DEMANDED, "%d of MRTD, RTMR0, RTMR1 and RTMR2 are given",
                         registers_demanded(j->policy));
        }
    }
    if (r->any && quote_is_tdx(&j->q)) {
        replay_judge(j, FACT_boot_log, r, 3);
    }
}
