/* TDREPORT, the 1,024 bytes that a guest gets before quoting: REPORTMACSTRUCT, TEE_TCB_INFO, TDINFO (Intel TDX module
 * ABI 348551). Reading; and the offsets are the layout itself: whoever writes a report (the simulator) writes by them.
 */
#ifndef SOTTO_TDX_TD_REPORT_H
#define SOTTO_TDX_TD_REPORT_H

#include "tdx/report.h"

#define TDREPORT_SIZE 1024
#define TDREPORT_TYPE 0 /* REPORTTYPE: 0x81 type, subtype, version, reserved */
#define TDREPORT_CPUSVN 16
#define TDREPORT_TEE_TCB_INFO_HASH 32
#define TDREPORT_TEE_INFO_HASH 80
#define TDREPORT_REPORTDATA 128
#define TDREPORT_MAC 224 /* 32 bytes over what is before them */
#define TDREPORT_TEE_TCB_INFO 256
#define TDREPORT_TEE_TCB_INFO_SIZE 239
#define TDREPORT_TDINFO 512
#define TDREPORT_TDINFO_SIZE 512
/* In TEE_TCB_INFO: */
#define TEE_TCB_INFO_VALID 0 /* u64 */
#define TEE_TCB_INFO_TEE_TCB_SVN 8
#define TEE_TCB_INFO_MRSEAM 24
#define TEE_TCB_INFO_MRSIGNERSEAM 72
#define TEE_TCB_INFO_ATTRIBUTES 120
#define TEE_TCB_INFO_TEE_TCB_SVN_2 128
/* In TDINFO: */
#define TDINFO_ATTRIBUTES 0
#define TDINFO_XFAM 8
#define TDINFO_MRTD 16
#define TDINFO_MRCONFIGID 64
#define TDINFO_MROWNER 112
#define TDINFO_MROWNERCONFIG 160
#define TDINFO_RTMR0 208
#define TDINFO_SERVTD_HASH 400

/* What a quote over this report would have as its body (TD 1.5). TD_REPORT_FORM. */
MUST_USE bool td_report_parse(struct bytes report, struct td_body *out, struct err *err);

#endif
