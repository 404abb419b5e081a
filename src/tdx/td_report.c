#include "tdx/td_report.h"

bool td_report_parse(struct bytes report, struct td_body *out, struct err *err)
{
    struct cursor c = cursor_init(report.p, report.len);
    struct td_body b = {.is_15 = true};
    uint8_t type[4];

    if (report.len != TDREPORT_SIZE) {
        return FAIL(err, REASON_TD_REPORT_FORM, report.len, "%zu bytes, not %d", report.len, TDREPORT_SIZE);
    }
    if (!cursor_copy(&c, type, sizeof type, err)) {
        return false;
    }
    if (type[0] != 0x81 || type[3] != 0) {
        return FAIL(err, REASON_TD_REPORT_FORM, 0, "report type 0x%02x, not 0x81", type[0]);
    }
    if (!cursor_skip(&c, TDREPORT_REPORTDATA - sizeof type, err) ||
        !cursor_copy(&c, b.report_data, sizeof b.report_data, err) ||
        !cursor_skip(&c, TDREPORT_TEE_TCB_INFO + TEE_TCB_INFO_TEE_TCB_SVN - c.offset, err) ||
        !cursor_copy(&c, b.tee_tcb_svn, sizeof b.tee_tcb_svn, err) ||
        !cursor_copy(&c, b.mrseam, sizeof b.mrseam, err) ||
        !cursor_copy(&c, b.mrsignerseam, sizeof b.mrsignerseam, err) || !cursor_u64le(&c, &b.seam_attributes, err) ||
        !cursor_copy(&c, b.tee_tcb_svn_2, sizeof b.tee_tcb_svn_2, err) ||
        !cursor_skip(&c, TDREPORT_TDINFO - c.offset, err) || !cursor_u64le(&c, &b.td_attributes, err) ||
        !cursor_u64le(&c, &b.xfam, err) || !cursor_copy(&c, b.mrtd, sizeof b.mrtd, err) ||
        !cursor_copy(&c, b.mrconfigid, sizeof b.mrconfigid, err) ||
        !cursor_copy(&c, b.mrowner, sizeof b.mrowner, err) ||
        !cursor_copy(&c, b.mrownerconfig, sizeof b.mrownerconfig, err) ||
        !cursor_copy(&c, b.rtmr, sizeof b.rtmr, err) || !cursor_copy(&c, b.mrservicetd, sizeof b.mrservicetd, err)) {
        return false;
    }
    *out = b;
    return true;
}
