/* What a simulated platform is: everything that its certificates, collateral, reports and quotes say. The program uses
 * setup_default(); tests change fields of it, so that a world with one thing wrong is two lines. Pure. */
#ifndef SOTTO_SIM_SETUP_H
#define SOTTO_SIM_SETUP_H

#include "base/bytes.h"

#define SETUP_USER_DATA "SIMULATED-QUOTE"
#define SETUP_ROOT_NAME "SIMULATED SGX Root CA"
#define SETUP_DAY INT64_C(86400)

struct setup_window { /* seconds since 1970; TCB info and CRLs: issue date and next update */
    int64_t from, to;
};

struct setup {
    struct setup_window root, ca, pck, signer; /* certificates */
    struct setup_window root_crl, ca_crl;
    bool revoke_ca, revoke_signer; /* by the root's CRL */
    bool revoke_pck;               /* by the platform CA's */
    bool processor;                /* the PCK is of a processor CA: no instance id, no flags */

    /* The PCK certificate's SGX extension. */
    uint8_t ppid[16], svn[16], cpusvn[16], pceid[2], fmspc[6];
    uint16_t pcesvn;
    bool dynamic, cached_keys, smt;

    /* TCB info: the first level, which the platform meets if its own numbers are not lower. A second level, below, is
     * always OutOfDate. */
    struct setup_window tcb_info;
    const char *tcb_info_id; /* "TDX" */
    uint8_t tcb_fmspc[6], tcb_pceid[2], level_svn[16], level_tdx_svn[16];
    uint16_t level_pcesvn;
    const char *tcb_status, *module_status; /* Intel's spelling */
    const char *advisory;                   /* NULL: none */
    unsigned evaluation;                    /* tcbEvaluationDataNumber of both documents */
    uint8_t module_isvsvn;                  /* of the level of module TDX_01 */
    uint8_t module_mrsigner[48];

    /* TD QE identity, and the quoting enclave that quotes come from. */
    struct setup_window qe_identity;
    const char *qe_id; /* "TD_QE" */
    uint8_t identity_mrsigner[32], qe_mrsigner[32], qe_mrenclave[32];
    uint16_t identity_isvprodid, identity_isvsvn, qe_isvprodid, qe_isvsvn;
    const char *qe_status;

    /* The TDX module and the TD. Measurements are the guest's (guest.h). */
    uint8_t tee_tcb_svn[16], tee_tcb_svn_2[16]; /* at the launch; of the module that runs now */
    uint8_t mrseam[48], mrsignerseam[48], mrservicetd[48];
    uint64_t seam_attributes, td_attributes, xfam;
    uint8_t user_data[20]; /* of the quote's header */

    /* The quote's form. */
    unsigned body_type; /* as a version 5 quote spells it; 0: as the version has it (3: SGX, 4: TD 1.0, 5: TD 1.5) */
    unsigned certification_type; /* 5: the PCK chain; 1 to 4: what then has to come from elsewhere */
    uint8_t sgx_attributes, mrenclave[32], mrsigner[32]; /* of an enclave */
};

/* A platform that is up to date and valid at the time `now`. */
void setup_default(int64_t now, struct setup *out);

#endif
