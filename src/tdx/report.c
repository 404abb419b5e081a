#include "tdx/report.h"

#include "base/hex.h"

bool sgx_body_parse(struct cursor *c, struct sgx_body *out, struct err *err)
{
    struct sgx_body b = {0};
    struct cursor body;

    if (!cursor_take(c, SGX_BODY_SIZE, &body, err)) {
        return false;
    }
    if (!cursor_copy(&body, b.cpusvn, sizeof b.cpusvn, err) || !cursor_u32le(&body, &b.miscselect, err) ||
        !cursor_skip(&body, 12, err) || !cursor_copy(&body, b.isvextprodid, sizeof b.isvextprodid, err) ||
        !cursor_copy(&body, b.attributes, sizeof b.attributes, err) ||
        !cursor_copy(&body, b.mrenclave, sizeof b.mrenclave, err) || !cursor_skip(&body, 32, err) ||
        !cursor_copy(&body, b.mrsigner, sizeof b.mrsigner, err) || !cursor_skip(&body, 32, err) ||
        !cursor_copy(&body, b.configid, sizeof b.configid, err) || !cursor_u16le(&body, &b.isvprodid, err) ||
        !cursor_u16le(&body, &b.isvsvn, err) || !cursor_u16le(&body, &b.configsvn, err) ||
        !cursor_skip(&body, 42, err) || !cursor_copy(&body, b.isvfamilyid, sizeof b.isvfamilyid, err) ||
        !cursor_copy(&body, b.report_data, sizeof b.report_data, err) || !cursor_end(&body, err)) {
        return false;
    }
    *out = b;
    return true;
}

static bool td_15ex_parse(struct cursor *body, struct td_body *b, struct err *err)
{
    return cursor_u8(body, &b->vmid, err) && cursor_copy(body, b->td_id, sizeof b->td_id, err) &&
           cursor_copy(body, b->devinfo, sizeof b->devinfo, err) &&
           cursor_copy(body, b->init_servtd_hash, sizeof b->init_servtd_hash, err) &&
           cursor_copy(body, b->init_servtd_attr, sizeof b->init_servtd_attr, err) &&
           cursor_copy(body, b->init_cpusvn, sizeof b->init_cpusvn, err) &&
           cursor_copy(body, b->init_tee_tcb_svn, sizeof b->init_tee_tcb_svn, err) &&
           cursor_copy(body, b->init_tee_fmspc, sizeof b->init_tee_fmspc, err) &&
           cursor_copy(body, b->cur_servtd_hash, sizeof b->cur_servtd_hash, err) &&
           cursor_copy(body, b->cur_servtd_attr, sizeof b->cur_servtd_attr, err);
}

bool td_body_parse(struct cursor *c, size_t size, struct td_body *out, struct err *err)
{
    struct td_body b = {.is_15 = size >= TD_BODY_15_SIZE, .is_15ex = size == TD_BODY_15EX_SIZE};
    struct cursor body;

    if (!cursor_take(c, size, &body, err)) {
        return false;
    }
    if (!cursor_copy(&body, b.tee_tcb_svn, sizeof b.tee_tcb_svn, err) ||
        !cursor_copy(&body, b.mrseam, sizeof b.mrseam, err) ||
        !cursor_copy(&body, b.mrsignerseam, sizeof b.mrsignerseam, err) ||
        !cursor_u64le(&body, &b.seam_attributes, err) || !cursor_u64le(&body, &b.td_attributes, err) ||
        !cursor_u64le(&body, &b.xfam, err) || !cursor_copy(&body, b.mrtd, sizeof b.mrtd, err) ||
        !cursor_copy(&body, b.mrconfigid, sizeof b.mrconfigid, err) ||
        !cursor_copy(&body, b.mrowner, sizeof b.mrowner, err) ||
        !cursor_copy(&body, b.mrownerconfig, sizeof b.mrownerconfig, err) ||
        !cursor_copy(&body, b.rtmr, sizeof b.rtmr, err) ||
        !cursor_copy(&body, b.report_data, sizeof b.report_data, err)) {
        return false;
    }
    if (b.is_15 && (!cursor_copy(&body, b.tee_tcb_svn_2, sizeof b.tee_tcb_svn_2, err) ||
                    !cursor_copy(&body, b.mrservicetd, sizeof b.mrservicetd, err))) {
        return false;
    }
    if ((b.is_15ex && !td_15ex_parse(&body, &b, err)) || !cursor_end(&body, err)) {
        return false;
    }
    *out = b;
    return true;
}

bool report_claim_hex(json_t *object, const char *name, const void *p, size_t len, struct err *err)
{
    char digits[2 * 64 + 1];

    if (len > 64) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a claim of %zu bytes", len);
    }
    hex_encode(bytes_of(p, len), digits);
    return json_object_set_new(object, name, json_string(digits)) == 0 ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
}

/* Numbers are shown as their bytes in memory are, like every other field. */
static bool claim_u64(json_t *object, const char *name, uint64_t v, struct err *err)
{
    uint8_t le[8];

    for (unsigned i = 0; i < 8; i++) {
        le[i] = (uint8_t)(v >> (8 * i));
    }
    return report_claim_hex(object, name, le, sizeof le, err);
}

bool td_body_claims(const struct td_body *b, json_t *object, struct err *err)
{
    const struct {
        const char *name;
        const uint8_t *p;
        size_t len;
    } fields[] = {
        {"tee_tcb_svn", b->tee_tcb_svn, 16},
        {"mr_seam", b->mrseam, 48},
        {"mrsigner_seam", b->mrsignerseam, 48},
        {"mr_td", b->mrtd, 48},
        {"mr_config_id", b->mrconfigid, 48},
        {"mr_owner", b->mrowner, 48},
        {"mr_owner_config", b->mrownerconfig, 48},
        {"rtmr_0", b->rtmr[0], 48},
        {"rtmr_1", b->rtmr[1], 48},
        {"rtmr_2", b->rtmr[2], 48},
        {"rtmr_3", b->rtmr[3], 48},
        {"report_data", b->report_data, 64},
        {"tee_tcb_svn2", b->tee_tcb_svn_2, 16}, /* TD 1.5 */
        {"mr_servicetd", b->mrservicetd, 48},
        {"vmid", &b->vmid, 1}, /* TD 1.5Ex */
        {"td_id", b->td_id, 32},
        {"devinfo", b->devinfo, 48},
        {"init_servtd_hash", b->init_servtd_hash, 48},
        {"init_servtd_attr", b->init_servtd_attr, 8},
        {"init_cpusvn", b->init_cpusvn, 16},
        {"init_tee_tcb_svn", b->init_tee_tcb_svn, 16},
        {"init_tee_fmspc", b->init_tee_fmspc, 12},
        {"cur_servtd_hash", b->cur_servtd_hash, 48},
        {"cur_servtd_attr", b->cur_servtd_attr, 8},
    };
    const size_t count = sizeof fields / sizeof *fields - (b->is_15ex ? 0 : b->is_15 ? 10 : 12);

    for (size_t i = 0; i < count; i++) {
        if (!report_claim_hex(object, fields[i].name, fields[i].p, fields[i].len, err)) {
            return false;
        }
    }
    return claim_u64(object, "seam_attributes", b->seam_attributes, err) &&
           claim_u64(object, "td_attributes", b->td_attributes, err) && claim_u64(object, "xfam", b->xfam, err);
}

bool sgx_body_claims(const struct sgx_body *b, json_t *object, struct err *err)
{
    if (!report_claim_hex(object, "cpusvn", b->cpusvn, sizeof b->cpusvn, err) ||
        !report_claim_hex(object, "attributes", b->attributes, sizeof b->attributes, err) ||
        !report_claim_hex(object, "mrenclave", b->mrenclave, sizeof b->mrenclave, err) ||
        !report_claim_hex(object, "mrsigner", b->mrsigner, sizeof b->mrsigner, err) ||
        !report_claim_hex(object, "report_data", b->report_data, sizeof b->report_data, err) ||
        !report_claim_hex(object, "isvextprodid", b->isvextprodid, sizeof b->isvextprodid, err) ||
        !report_claim_hex(object, "configid", b->configid, sizeof b->configid, err) ||
        !report_claim_hex(object, "isvfamilyid", b->isvfamilyid, sizeof b->isvfamilyid, err)) {
        return false;
    }
    return (json_object_set_new(object, "miscselect", json_integer(b->miscselect)) == 0 &&
            json_object_set_new(object, "isvprodid", json_integer(b->isvprodid)) == 0 &&
            json_object_set_new(object, "isvsvn", json_integer(b->isvsvn)) == 0 &&
            json_object_set_new(object, "configsvn", json_integer(b->configsvn)) == 0) ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "claims");
}

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
