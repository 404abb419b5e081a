/* TCB statuses, and the two documents that Intel signs about TCBs: TCB info (version 3, and of SGX also 2, the form of
 * PCS API version 3) and enclave identity (version 2). Inside of verify/. */
#ifndef SOTTO_VERIFY_TCB_H
#define SOTTO_VERIFY_TCB_H

#include "base/bytes.h"
#include "base/err.h"

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
#define TCB_SVN_LEVELS_MAX 32
#define TCB_ADVISORIES_MAX 64

struct tcb_list {
    struct bytes text; /* the JSON array as it stands in the document */
    size_t count;
};

struct tcb_verdict { /* what a level says of those who are at it */
    enum tcb_status status;
    int64_t date;
    struct bytes advisories; /* JSON array of ids, as it stands in the document; empty: none */
};

struct tcb_level {
    uint8_t sgx[16], tdx[16];
    uint16_t pcesvn;
    uint32_t seen;                /* which members it has */
    struct tcb_list described[2]; /* its components, of SGX and of TDX: category and type of each */
    struct tcb_verdict verdict;
};

struct tcb_svn_level {
    uint16_t isvsvn;
    struct tcb_verdict verdict;
};

struct tcb_svn_levels {
    struct tcb_svn_level levels[TCB_SVN_LEVELS_MAX];
    struct tcb_list list;
};

struct tcb_module {
    char id[8];
    uint8_t version; /* of "TDX_%02X"; 0: the plain tdxModule */
    uint8_t mrsigner[48], attributes[8], mask[8];
    struct tcb_svn_levels svn;
};

struct tcb_signed {    /* what both documents begin with here */
    struct bytes part; /* what the signature is over */
    uint8_t signature[64];
};

struct tcb_info {
    struct tcb_signed sig;
    char id[24];
    uint64_t version, type; /* 3, or 2; always 0 */
    bool tdx;               /* id "TDX"; else "SGX" */
    int64_t issued, next_update;
    uint8_t fmspc[6], pceid[2];
    uint64_t evaluation;
    struct tcb_module module; /* tdxModule */
    struct tcb_list module_list, level_list;
    struct bytes described[2];                  /* of the level that stands first in the document; empty: none */
    struct tcb_module modules[TCB_MODULES_MAX]; /* these and the next are 30 KB */
    struct tcb_level levels[TCB_LEVELS_MAX];    /* highest first */
};

/* {"tcbInfo":{...},"signature":hex}, in one pass over the text, which must outlive *out: its struct bytes are parts of
 * it. COLLATERAL_FORM, JSON_*, HEX_*, TIME_FORM. *out is written to on failure too. */
MUST_USE bool tcb_info_parse(struct bytes text, struct tcb_info *out, struct err *err);

enum qe_id {
    QE_ID_QE,
    QE_ID_TD_QE,
    QE_ID_OTHER,
};

struct qe_identity {
    struct tcb_signed sig;
    char name[24];
    enum qe_id id;
    uint64_t version; /* 2 */
    int64_t issued, next_update;
    uint64_t evaluation;
    uint8_t miscselect[4], miscselect_mask[4], attributes[16], attributes_mask[16], mrsigner[32];
    uint16_t isvprodid;
    struct tcb_svn_levels svn;
};

/* {"enclaveIdentity":{...},"signature":hex}. */
MUST_USE bool qe_identity_parse(struct bytes text, struct qe_identity *out, struct err *err);

/* The highest level that svn reaches, or NULL. */
const struct tcb_svn_level *tcb_svn_level_find(const struct tcb_svn_levels *l, uint64_t svn);

#endif
