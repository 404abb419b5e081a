#include "tdx/report.h"

#include "base/hex.h"

#define ROW(body, claim, at, field, kind) \
    { \
        claim, at, offsetof(struct body, field), sizeof(((struct body *)NULL)->field), kind \
    }
#define SGX(claim, at, field, kind) ROW(sgx_body, claim, at, field, kind)
#define TD(claim, at, field, kind) ROW(td_body, claim, at, field, kind)

/* In the order of the claims. */
const struct body_field sgx_fields[SGX_FIELDS] = {
    SGX("cpusvn", SGX_BODY_CPUSVN, cpusvn, FIELD_BYTES),
    SGX("attributes", SGX_BODY_ATTRIBUTES, attributes, FIELD_BYTES),
    SGX("mrenclave", SGX_BODY_MRENCLAVE, mrenclave, FIELD_BYTES),
    SGX("mrsigner", SGX_BODY_MRSIGNER, mrsigner, FIELD_BYTES),
    SGX("report_data", SGX_BODY_REPORT_DATA, report_data, FIELD_BYTES),
    SGX("isvextprodid", SGX_BODY_ISVEXTPRODID, isvextprodid, FIELD_BYTES),
    SGX("configid", SGX_BODY_CONFIGID, configid, FIELD_BYTES),
    SGX("isvfamilyid", SGX_BODY_ISVFAMILYID, isvfamilyid, FIELD_BYTES),
    SGX("miscselect", SGX_BODY_MISCSELECT, miscselect, FIELD_NUMBER),
    SGX("isvprodid", SGX_BODY_ISVPRODID, isvprodid, FIELD_NUMBER),
    SGX("isvsvn", SGX_BODY_ISVSVN, isvsvn, FIELD_NUMBER),
    SGX("configsvn", SGX_BODY_CONFIGSVN, configsvn, FIELD_NUMBER),
};

/* A body has those that end within its size. */
const struct body_field td_fields[TD_FIELDS] = {
    TD("tee_tcb_svn", TD_TEE_TCB_SVN, tee_tcb_svn, FIELD_BYTES),
    TD("mr_seam", TD_MRSEAM, mrseam, FIELD_BYTES),
    TD("mrsigner_seam", TD_MRSIGNERSEAM, mrsignerseam, FIELD_BYTES),
    TD("mr_td", TD_MRTD, mrtd, FIELD_BYTES),
    TD("mr_config_id", TD_MRCONFIGID, mrconfigid, FIELD_BYTES),
    TD("mr_owner", TD_MROWNER, mrowner, FIELD_BYTES),
    TD("mr_owner_config", TD_MROWNERCONFIG, mrownerconfig, FIELD_BYTES),
    TD("rtmr_0", TD_RTMR0, rtmr[0], FIELD_BYTES),
    TD("rtmr_1", TD_RTMR0 + 48, rtmr[1], FIELD_BYTES),
    TD("rtmr_2", TD_RTMR0 + 96, rtmr[2], FIELD_BYTES),
    TD("rtmr_3", TD_RTMR0 + 144, rtmr[3], FIELD_BYTES),
    TD("report_data", TD_REPORTDATA, report_data, FIELD_BYTES),
    TD("tee_tcb_svn2", TD_TEE_TCB_SVN_2, tee_tcb_svn_2, FIELD_BYTES),
    TD("mr_servicetd", TD_MRSERVICETD, mrservicetd, FIELD_BYTES),
    TD("vmid", TD_VMID, vmid, FIELD_BYTES),
    TD("td_id", TD_ID, td_id, FIELD_BYTES),
    TD("devinfo", TD_DEVINFO, devinfo, FIELD_BYTES),
    TD("init_servtd_hash", TD_INIT_SERVTD_HASH, init_servtd_hash, FIELD_BYTES),
    TD("init_servtd_attr", TD_INIT_SERVTD_ATTR, init_servtd_attr, FIELD_BYTES),
    TD("init_cpusvn", TD_INIT_CPUSVN, init_cpusvn, FIELD_BYTES),
    TD("init_tee_tcb_svn", TD_INIT_TEE_TCB_SVN, init_tee_tcb_svn, FIELD_BYTES),
    TD("init_tee_fmspc", TD_INIT_TEE_FMSPC, init_tee_fmspc, FIELD_BYTES),
    TD("cur_servtd_hash", TD_CUR_SERVTD_HASH, cur_servtd_hash, FIELD_BYTES),
    TD("cur_servtd_attr", TD_CUR_SERVTD_ATTR, cur_servtd_attr, FIELD_BYTES),
    TD("seam_attributes", TD_SEAMATTRIBUTES, seam_attributes, FIELD_BITS),
    TD("td_attributes", TD_TDATTRIBUTES, td_attributes, FIELD_BITS),
    TD("xfam", TD_XFAM, xfam, FIELD_BITS),
};

static bool field_read(struct cursor c, const struct body_field *f, uint8_t *place, struct err *err)
{
    if (!cursor_skip(&c, f->at, err)) {
        return false;
    }
    switch (f->kind) {
    case FIELD_BYTES:
        return cursor_copy(&c, place, f->size, err);
    case FIELD_BITS:
        return cursor_u64le(&c, (uint64_t *)(void *)place, err);
    case FIELD_NUMBER:
        break;
    }
    return f->size == 2 ? cursor_u16le(&c, (uint16_t *)(void *)place, err)
                        : cursor_u32le(&c, (uint32_t *)(void *)place, err);
}

static bool fields_read(struct cursor *c, size_t size, const struct body_field *fields, size_t count, void *out,
                        struct err *err)
{
    struct cursor body;

    if (!cursor_take(c, size, &body, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].at + fields[i].size <= size &&
            !field_read(body, &fields[i], (uint8_t *)out + fields[i].place, err)) {
            return false;
        }
    }
    return true;
}

bool sgx_body_parse(struct cursor *c, struct sgx_body *out, struct err *err)
{
    return fields_read(c, SGX_BODY_SIZE, sgx_fields, SGX_FIELDS, out, err);
}

bool td_body_parse(struct cursor *c, size_t size, struct td_body *out, struct err *err)
{
    struct td_body b = {.is_15 = size >= TD_BODY_15_SIZE, .is_15ex = size == TD_BODY_15EX_SIZE};

    if (!fields_read(c, size, td_fields, TD_FIELDS, &b, err)) {
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
