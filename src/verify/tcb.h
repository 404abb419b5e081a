/* TCB statuses, and the two documents that Intel signs about TCBs: TCB info (version 3, and of SGX also 2, the form of
 * PCS API version 3) and enclave identity (version 2). Inside of verify/. */
#ifndef SOTTO_VERIFY_TCB_H
#define SOTTO_VERIFY_TCB_H

#include "codec/json.h"

/* T(name, spelling) */
#define TCB_STATUSES(T) \
    T(UP_TO_DATE, "UpToDate") \
    T(SW_HARDENING_NEEDED, "SWHardeningNeeded") \
    T(CONFIGURATION_NEEDED, "ConfigurationNeeded") \
    T(CONFIGURATION_AND_SW_HARDENING_NEEDED, "ConfigurationAndSWHardeningNeeded") \
    T(OUT_OF_DATE, "OutOfDate") \
    T(OUT_OF_DATE_CONFIGURATION_NEEDED, "OutOfDateConfigurationNeeded") \
    T(REVOKED, "Revoked") \
    T(TD_RELAUNCH_ADVISED, "TDRelaunchAdvised") \
    T(TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED, "TDRelaunchAdvisedConfigurationNeeded") \
    T(NOT_SUPPORTED, "TcbNotSupported")

enum tcb_status {
#define T(name, spelling) TCB_##name,
    TCB_STATUSES(T)
#undef T
        TCB_STATUS_COUNT
};

const char *tcb_status_name(enum tcb_status s);
bool tcb_status_find(const char *name, enum tcb_status *out);

#define TCB_LEVELS_MAX 64
#define TCB_MODULES_MAX 16
#define TCB_MODULE_LEVELS_MAX 32
#define TCB_ADVISORIES_MAX 64

struct tcb_verdict { /* what a level says of those who are at it */
    enum tcb_status status;
    int64_t date;
    const json_t *advisories; /* array of strings; NULL: none. Borrowed from the document */
};

struct tcb_level {
    uint8_t sgx[16], tdx[16];
    uint16_t pcesvn;
    struct tcb_verdict verdict;
};

struct tcb_svn_level {
    uint16_t isvsvn;
    struct tcb_verdict verdict;
};

struct tcb_module {
    uint8_t version; /* of "TDX_%02X"; 0: the plain tdxModule */
    uint8_t mrsigner[48], attributes[8], mask[8];
    struct tcb_svn_level levels[TCB_MODULE_LEVELS_MAX];
    size_t level_count;
};

struct tcb_info {
    json_t *json;
    unsigned version; /* 3, or 2 */
    bool tdx;         /* id "TDX"; else "SGX" */
    int64_t issued, next_update;
    uint8_t fmspc[6], pceid[2];
    uint64_t evaluation;
    bool has_module;
    struct tcb_module module; /* tdxModule */
    struct tcb_module modules[TCB_MODULES_MAX];
    size_t module_count;
    struct tcb_level levels[TCB_LEVELS_MAX]; /* highest first */
    size_t level_count;
    const json_t *sgx_described, *tdx_described; /* arrays of 16: category and type of each component. NULL: none */
    struct bytes signed_part;                    /* borrowed from the text */
    uint8_t signature[64];
};

/* {"tcbInfo":{...},"signature":hex}. COLLATERAL_FORM, JSON_*. text must outlive *out. */
MUST_USE bool tcb_info_parse(struct bytes text, struct tcb_info **out, struct err *err);
void tcb_info_free(struct tcb_info *t);

enum qe_id {
    QE_ID_QE,
    QE_ID_TD_QE,
    QE_ID_OTHER,
};

struct qe_identity {
    json_t *json;
    enum qe_id id;
    int64_t issued, next_update;
    uint64_t evaluation;
    uint8_t miscselect[4], miscselect_mask[4], attributes[16], attributes_mask[16], mrsigner[32];
    uint16_t isvprodid;
    struct tcb_svn_level levels[TCB_MODULE_LEVELS_MAX];
    size_t level_count;
    struct bytes signed_part;
    uint8_t signature[64];
};

/* {"enclaveIdentity":{...},"signature":hex}. */
MUST_USE bool qe_identity_parse(struct bytes text, struct qe_identity **out, struct err *err);
void qe_identity_free(struct qe_identity *q);

/* The highest level that svn reaches, or NULL. */
const struct tcb_svn_level *tcb_svn_level_find(const struct tcb_svn_level *levels, size_t count, uint64_t svn);

#endif
