/* The SGX extension (1.2.840.113741.1.13.1) of a PCK certificate: what platform the certificate is of (Intel, "SGX PCK
 * Certificate and Certificate Revocation List Profile Specification", section 1.3.5). Reading only. */
#ifndef SOTTO_TDX_PCK_H
#define SOTTO_TDX_PCK_H

#include "codec/x509.h"

#define PCK_COMPONENTS 16

enum pck_flag { /* a property of the platform; certificates of processors do not say */
                PCK_FLAG_UNKNOWN,
                PCK_FLAG_CLEAR,
                PCK_FLAG_SET,
};

struct pck {
    uint8_t ppid[16];
    uint8_t svn[PCK_COMPONENTS]; /* SGX TCB components 1..16 */
    uint16_t pcesvn;
    uint8_t cpusvn[16], pceid[2], fmspc[6];
    unsigned sgx_type; /* 0 standard, 1 scalable, 2 scalable with integrity */
    bool has_instance;
    uint8_t instance[16]; /* platform instance id */
    enum pck_flag dynamic, cached_keys, smt;
};

/* PCK_EXTENSION (also: there is none), DER_*; offsets are the certificate's. */
MUST_USE bool pck_parse(const struct x509 *x, struct pck *out, struct err *err);

#endif
