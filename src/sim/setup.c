#include "sim/setup.h"

#include "tdx/quote.h"

static const uint8_t svn[16] = {3, 3, 2, 2, 4, 1, 0, 3};
static const uint8_t tee_tcb_svn[16] = {5, 1, 3};
static const uint8_t level_tdx_svn[16] = {5, 0, 3};

static void windows(int64_t now, struct setup *s)
{
    const struct setup_window years = {now - SETUP_DAY, now + 3650 * SETUP_DAY};
    const struct setup_window month = {now - 60, now + 30 * SETUP_DAY};

    s->root = (struct setup_window){now - SETUP_DAY, now + 7300 * SETUP_DAY};
    s->ca = s->pck = s->signer = years;
    s->root_crl = s->ca_crl = s->tcb_info = s->qe_identity = month;
}

void setup_default(int64_t now, struct setup *out)
{
    struct setup s = {
        .pcesvn = 13,
        .smt = true,
        .tcb_info_id = "TDX",
        .level_pcesvn = 13,
        .tcb_status = "UpToDate",
        .module_status = "UpToDate",
        .evaluation = 19,
        .module_isvsvn = 5,
        .qe_id = "TD_QE",
        .identity_isvprodid = 2,
        .identity_isvsvn = 4,
        .qe_isvprodid = 2,
        .qe_isvsvn = 4,
        .qe_status = "UpToDate",
        .certification_type = QUOTE_CERTIFICATION_PCK_CHAIN,
        .sgx_attributes = 5, /* INIT, MODE64BIT */
        .td_attributes = TD_ATTRIBUTE_SEPT_VE_DISABLE,
        .xfam =
            UINT64_C(0x61ae7), /* x87, SSE, AVX, AVX-512, PKRU, CET, AMX: as a Linux guest on that platform has it */
    };

    windows(now, &s);
    /* Zero-padded text: nobody takes these for what a CPU has. */
    memcpy(s.ppid, "SIMULATED-PPID", 14);
    memcpy(s.fmspc, "SIMUL1", 6);
    memcpy(s.tcb_fmspc, s.fmspc, sizeof s.fmspc);
    memcpy(s.mrseam, "SIMULATED-MRSEAM: no TDX module is here", 39);
    memcpy(s.identity_mrsigner, "SIMULATED-MRSIGNER", 18);
    memcpy(s.qe_mrsigner, s.identity_mrsigner, sizeof s.qe_mrsigner);
    memcpy(s.qe_mrenclave, "SIMULATED-MRENCLAVE", 19);
    memcpy(s.mrenclave, "SIMULATED-ENCLAVE", 17);
    memcpy(s.mrsigner, s.identity_mrsigner, sizeof s.mrsigner);
    memcpy(s.user_data, SETUP_USER_DATA, strlen(SETUP_USER_DATA));
    memcpy(s.svn, svn, sizeof svn);
    memcpy(s.cpusvn, svn, sizeof svn);
    memcpy(s.level_svn, svn, sizeof svn);
    memcpy(s.tee_tcb_svn, tee_tcb_svn, sizeof tee_tcb_svn);
    memcpy(s.tee_tcb_svn_2, tee_tcb_svn, sizeof tee_tcb_svn);
    memcpy(s.level_tdx_svn, level_tdx_svn, sizeof level_tdx_svn);
    *out = s;
}
