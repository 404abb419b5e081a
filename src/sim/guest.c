#include "sim/guest.h"

#include "base/limits.h"
#include "crypto/tagged.h"
#include "sim/bootlog.h"
#include "tdx/eventlog.h"

#define REPORT_TYPE_TDX 0x81
#define REPORT_VERSION 1 /* TD 1.5: TEE_TCB_SVN_2 and SERVTD_HASH count */
#define TEE_TCB_INFO_VALID_BITS UINT64_C(0x301ff)

bool guest_boot(const struct pki *p, struct guest *out, struct err *err)
{
    const struct bytes id = bytes_of(p->id, sizeof p->id);
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct buf log = BUF(LIMIT_LOG);
    size_t count = 0;
    bool ok = bootlog_print(p->id, &log, err) && eventlog_replay(buf_bytes(&log), registers, &count, err);

    buf_done(&log);
    if (!ok) {
        return false;
    }
    memset(out, 0, sizeof *out);
    tagged_hash(HASH_SHA384, "sotto-sim/mrtd/v1", &id, 1, out->mrtd);
    memcpy(out->rtmr, registers, sizeof out->rtmr);
    return true;
}

bool guest_extend(struct guest *g, unsigned index, const uint8_t digest[48], struct err *err)
{
    if (index >= TD_REGISTERS) {
        return FAIL(err, REASON_SIM_FORM, ERR_NOWHERE, "there is no RTMR%u", index);
    }
    hash_extend(g->rtmr[index], digest);
    return true;
}

static void put_u64(uint8_t *p, uint64_t v)
{
    for (size_t i = 0; i < 8; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* The platform's key and the length of what it covers are hashed first, so that nothing can be appended. */
static void report_mac(const struct pki *p, const uint8_t *report, uint8_t out[32])
{
    const struct bytes fields[] = {bytes_of(p->mac_key, sizeof p->mac_key), bytes_of(report, TDREPORT_MAC)};

    tagged_hash(HASH_SHA256, "sotto-sim/report-mac/v1", fields, 2, out);
}

static void report_hashes(const uint8_t *report, uint8_t tcb[SHA384_SIZE], uint8_t info[SHA384_SIZE])
{
    hash_bytes(HASH_SHA384, bytes_of(report + TDREPORT_TEE_TCB_INFO, TDREPORT_TEE_TCB_INFO_SIZE), tcb);
    hash_bytes(HASH_SHA384, bytes_of(report + TDREPORT_TDINFO, TDREPORT_TDINFO_SIZE), info);
}

void guest_report(const struct guest *g, const struct pki *p, const struct setup *s, const uint8_t report_data[64],
                  uint8_t out[TDREPORT_SIZE])
{
    uint8_t *tcb = out + TDREPORT_TEE_TCB_INFO, *info = out + TDREPORT_TDINFO;

    memset(out, 0, TDREPORT_SIZE);
    out[TDREPORT_TYPE] = REPORT_TYPE_TDX;
    out[TDREPORT_TYPE + 2] = REPORT_VERSION;
    memcpy(out + TDREPORT_CPUSVN, s->cpusvn, sizeof s->cpusvn);
    memcpy(out + TDREPORT_REPORTDATA, report_data, 64);

    put_u64(tcb + TEE_TCB_INFO_VALID, TEE_TCB_INFO_VALID_BITS);
    memcpy(tcb + TEE_TCB_INFO_TEE_TCB_SVN, s->tee_tcb_svn, sizeof s->tee_tcb_svn);
    memcpy(tcb + TEE_TCB_INFO_MRSEAM, s->mrseam, sizeof s->mrseam);
    memcpy(tcb + TEE_TCB_INFO_MRSIGNERSEAM, s->mrsignerseam, sizeof s->mrsignerseam);
    put_u64(tcb + TEE_TCB_INFO_ATTRIBUTES, s->seam_attributes);
    memcpy(tcb + TEE_TCB_INFO_TEE_TCB_SVN_2, s->tee_tcb_svn_2, sizeof s->tee_tcb_svn_2);

    put_u64(info + TDINFO_ATTRIBUTES, s->td_attributes);
    put_u64(info + TDINFO_XFAM, s->xfam);
    memcpy(info + TDINFO_MRTD, g->mrtd, sizeof g->mrtd);
    memcpy(info + TDINFO_RTMR0, g->rtmr, sizeof g->rtmr);
    memcpy(info + TDINFO_SERVTD_HASH, s->mrservicetd, sizeof s->mrservicetd);

    report_hashes(out, out + TDREPORT_TEE_TCB_INFO_HASH, out + TDREPORT_TEE_INFO_HASH);
    report_mac(p, out, out + TDREPORT_MAC);
}

bool guest_check(const struct pki *p, struct bytes report, struct td_body *out, struct err *err)
{
    uint8_t tcb[SHA384_SIZE], info[SHA384_SIZE], mac[32];
    uint8_t differs = 0;

    if (report.len != TDREPORT_SIZE) {
        return FAIL(err, REASON_TD_REPORT_FORM, ERR_NOWHERE, "%zu bytes, not %d", report.len, TDREPORT_SIZE);
    }
    report_mac(p, report.p, mac);
    for (size_t i = 0; i < sizeof mac; i++) { /* in one time, wherever the first difference is */
        differs |= (uint8_t)(mac[i] ^ report.p[TDREPORT_MAC + i]);
    }
    if (differs != 0) {
        return FAIL(err, REASON_SIM_MAC, TDREPORT_MAC, "the MAC is not this platform's");
    }
    report_hashes(report.p, tcb, info);
    if (memcmp(tcb, report.p + TDREPORT_TEE_TCB_INFO_HASH, sizeof tcb) != 0) {
        return FAIL(err, REASON_SIM_MAC, TDREPORT_TEE_TCB_INFO, "TEE_TCB_INFO is not what the MAC covers");
    }
    if (memcmp(info, report.p + TDREPORT_TEE_INFO_HASH, sizeof info) != 0) {
        return FAIL(err, REASON_SIM_MAC, TDREPORT_TDINFO, "TDINFO is not what the MAC covers");
    }
    return td_report_parse(report, out, err);
}
