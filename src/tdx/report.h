/* The bodies that quotes carry (Intel TDX module ABI 348551, SGX data centre attestation API). Reading and printing;
 * nothing here decides. All integers little-endian; a parsed body holds copies.
 *
 * The SGX_BODY_ and TD_ offsets are the layout itself: whoever writes a body (the simulator) writes by them. */
#ifndef SOTTO_TDX_REPORT_H
#define SOTTO_TDX_REPORT_H

#include "base/cursor.h"
#include "codec/json.h"

/* ---- SGX report body, 384 bytes; also the quoting enclave's own report ---- */

#define SGX_BODY_SIZE 384
#define SGX_BODY_CPUSVN 0
#define SGX_BODY_MISCSELECT 16
#define SGX_BODY_ISVEXTPRODID 32
#define SGX_BODY_ATTRIBUTES 48
#define SGX_BODY_MRENCLAVE 64
#define SGX_BODY_MRSIGNER 128
#define SGX_BODY_CONFIGID 192
#define SGX_BODY_ISVPRODID 256
#define SGX_BODY_ISVSVN 258
#define SGX_BODY_CONFIGSVN 260
#define SGX_BODY_ISVFAMILYID 304
#define SGX_BODY_REPORT_DATA 320

#define SGX_ATTRIBUTE_DEBUG 0x02 /* of the first byte of attributes */

struct sgx_body {
    uint8_t cpusvn[16];
    uint32_t miscselect;
    uint8_t attributes[16]; /* flags, then XFRM */
    uint8_t mrenclave[32], mrsigner[32];
    uint16_t isvprodid, isvsvn, configsvn;
    uint8_t isvextprodid[16], configid[64], isvfamilyid[16];
    uint8_t report_data[64];
};

/* Exactly SGX_BODY_SIZE bytes of c. */
MUST_USE bool sgx_body_parse(struct cursor *c, struct sgx_body *out, struct err *err);

/* ---- TD report body: 584 bytes (TD 1.0), 648 (TD 1.5), 885 (TD 1.5Ex: the layout of Intel's sgx_quote_5.h) ---- */

#define TD_BODY_SIZE 584
#define TD_BODY_15_SIZE 648
#define TD_BODY_15EX_SIZE 885
#define TD_TEE_TCB_SVN 0
#define TD_MRSEAM 16
#define TD_MRSIGNERSEAM 64
#define TD_SEAMATTRIBUTES 112
#define TD_TDATTRIBUTES 120
#define TD_XFAM 128
#define TD_MRTD 136
#define TD_MRCONFIGID 184
#define TD_MROWNER 232
#define TD_MROWNERCONFIG 280
#define TD_RTMR0 328
#define TD_REPORTDATA 520
#define TD_TEE_TCB_SVN_2 584
#define TD_MRSERVICETD 600
#define TD_VMID 648
#define TD_ID 649
#define TD_DEVINFO 681
#define TD_INIT_SERVTD_HASH 729
#define TD_INIT_SERVTD_ATTR 777
#define TD_INIT_CPUSVN 785
#define TD_INIT_TEE_TCB_SVN 801
#define TD_INIT_TEE_FMSPC 817
#define TD_CUR_SERVTD_HASH 829
#define TD_CUR_SERVTD_ATTR 877

/* TDATTRIBUTES: its first byte is the group "TD under debug". */
#define TD_ATTRIBUTE_DEBUG UINT64_C(0x1)
#define TD_ATTRIBUTE_SEPT_VE_DISABLE (UINT64_C(1) << 28)
#define TD_ATTRIBUTE_MIGRATABLE (UINT64_C(1) << 29)
/* Every bit that some version of the ABI names; the others are reserved and zero. */
#define TD_ATTRIBUTES_KNOWN UINT64_C(0xc0000000f8030071)

#define TD_REGISTERS 4

struct td_body {
    uint8_t tee_tcb_svn[16];
    uint8_t mrseam[48], mrsignerseam[48];
    uint64_t seam_attributes, td_attributes, xfam;
    uint8_t mrtd[48], mrconfigid[48], mrowner[48], mrownerconfig[48];
    uint8_t rtmr[TD_REGISTERS][48];
    uint8_t report_data[64];
    bool is_15; /* the two below are there */
    uint8_t tee_tcb_svn_2[16], mrservicetd[48];
    bool is_15ex; /* and these: what the TD was when it began, before any migration */
    uint8_t vmid, td_id[32], devinfo[48];
    uint8_t init_servtd_hash[48], init_servtd_attr[8], init_cpusvn[16], init_tee_tcb_svn[16], init_tee_fmspc[12];
    uint8_t cur_servtd_hash[48], cur_servtd_attr[8];
};

/* size: TD_BODY_SIZE bytes of c, TD_BODY_15_SIZE or TD_BODY_15EX_SIZE. */
MUST_USE bool td_body_parse(struct cursor *c, size_t size, struct td_body *out, struct err *err);

/* ---- the fields of both, by the names that claims have: in the order of the claims ---- */

struct body_field { /* where it is on the wire and in the struct. What is in no row is reserved */
    const char *claim;
    size_t at, place, size;
    enum {
        FIELD_BYTES,
        FIELD_NUMBER,
        FIELD_BITS
    } kind; /* a number of 16 or 32 bits; 64, shown as bytes like the rest */
};

#define SGX_FIELDS 12
#define TD_FIELDS 27
extern const struct body_field sgx_fields[SGX_FIELDS];
extern const struct body_field td_fields[TD_FIELDS]; /* a body has those that end within its size */

/* A member of an object, lower-case hexadecimal; at most 64 bytes. */
MUST_USE bool report_claim_hex(json_t *object, const char *name, const void *p, size_t len, struct err *err);

#endif
