#include "tdx/report.h"

#include "base/hex.h"

/* One field of a body: where it is on the wire and in the struct. What is in no row is reserved. */
struct field {
    const char *claim;
    size_t at, place, size;
    enum { BYTES, NUMBER, BITS } kind; /* NUMBER: of 16 or 32 bits; BITS: 64, shown as bytes like every other field */
};

#define ROW(body, claim, at, field, kind) \
    { \
        claim, at, offsetof(struct body, field), sizeof(((struct body *)NULL)->field), kind \
    }
#define SGX(claim, at, field, kind) ROW(sgx_body, claim, at, field, kind)
#define TD(claim, at, field, kind) ROW(td_body, claim, at, field, kind)

/* In the order of the claims. */
static const struct field sgx_fields[] = {
    SGX("cpusvn", SGX_BODY_CPUSVN, cpusvn, BYTES),
    SGX("attributes", SGX_BODY_ATTRIBUTES, attributes, BYTES),
    SGX("mrenclave", SGX_BODY_MRENCLAVE, mrenclave, BYTES),
    SGX("mrsigner", SGX_BODY_MRSIGNER, mrsigner, BYTES),
    SGX("report_data", SGX_BODY_REPORT_DATA, report_data, BYTES),
    SGX("isvextprodid", SGX_BODY_ISVEXTPRODID, isvextprodid, BYTES),
    SGX("configid", SGX_BODY_CONFIGID, configid, BYTES),
    SGX("isvfamilyid", SGX_BODY_ISVFAMILYID, isvfamilyid, BYTES),
    SGX("miscselect", SGX_BODY_MISCSELECT, miscselect, NUMBER),
    SGX("isvprodid", SGX_BODY_ISVPRODID, isvprodid, NUMBER),
    SGX("isvsvn", SGX_BODY_ISVSVN, isvsvn, NUMBER),
    SGX("configsvn", SGX_BODY_CONFIGSVN, configsvn, NUMBER),
};

/* A body has those that end within its size. */
static const struct field td_fields[] = {
    TD("tee_tcb_svn", TD_TEE_TCB_SVN, tee_tcb_svn, BYTES),
    TD("mr_seam", TD_MRSEAM, mrseam, BYTES),
    TD("mrsigner_seam", TD_MRSIGNERSEAM, mrsignerseam, BYTES),
    TD("mr_td", TD_MRTD, mrtd, BYTES),
    TD("mr_config_id", TD_MRCONFIGID, mrconfigid, BYTES),
    TD("mr_owner", TD_MROWNER, mrowner, BYTES),
    TD("mr_owner_config", TD_MROWNERCONFIG, mrownerconfig, BYTES),
    TD("rtmr_0", TD_RTMR0, rtmr[0], BYTES),
    TD("rtmr_1", TD_RTMR0 + 48, rtmr[1], BYTES),
    TD("rtmr_2", TD_RTMR0 + 96, rtmr[2], BYTES),
    TD("rtmr_3", TD_RTMR0 + 144, rtmr[3], BYTES),
    TD("report_data", TD_REPORTDATA, report_data, BYTES),
    TD("tee_tcb_svn2", TD_TEE_TCB_SVN_2, tee_tcb_svn_2, BYTES),
    TD("mr_servicetd", TD_MRSERVICETD, mrservicetd, BYTES),
    TD("vmid", TD_VMID, vmid, BYTES),
    TD("td_id", TD_ID, td_id, BYTES),
    TD("devinfo", TD_DEVINFO, devinfo, BYTES),
    TD("init_servtd_hash", TD_INIT_SERVTD_HASH, init_servtd_hash, BYTES),
    TD("init_servtd_attr", TD_INIT_SERVTD_ATTR, init_servtd_attr, BYTES),
    TD("init_cpusvn", TD_INIT_CPUSVN, init_cpusvn, BYTES),
    TD("init_tee_tcb_svn", TD_INIT_TEE_TCB_SVN, init_tee_tcb_svn, BYTES),
    TD("init_tee_fmspc", TD_INIT_TEE_FMSPC, init_tee_fmspc, BYTES),
    TD("cur_servtd_hash", TD_CUR_SERVTD_HASH, cur_servtd_hash, BYTES),
    TD("cur_servtd_attr", TD_CUR_SERVTD_ATTR, cur_servtd_attr, BYTES),
    TD("seam_attributes", TD_SEAMATTRIBUTES, seam_attributes, BITS),
    TD("td_attributes", TD_TDATTRIBUTES, td_attributes, BITS),
    TD("xfam", TD_XFAM, xfam, BITS),
};

#define COUNT(fields) (sizeof(fields) / sizeof *(fields))

static bool field_read(struct cursor c, const struct field *f, uint8_t *place, struct err *err)
{
    if (!cursor_skip(&c, f->at, err)) {
        return false;
    }
    switch (f->kind) {
    case BYTES:
        return cursor_copy(&c, place, f->size, err);
    case BITS:
        return cursor_u64le(&c, (uint64_t *)(void *)place, err);
    case NUMBER:
        break;
    }
    return f->size == 2 ? cursor_u16le(&c, (uint16_t *)(void *)place, err)
                        : cursor_u32le(&c, (uint32_t *)(void *)place, err);
}

static bool fields_read(struct cursor *c, size_t size, const struct field *fields, size_t count, void *out,
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
    return fields_read(c, SGX_BODY_SIZE, sgx_fields, COUNT(sgx_fields), out, err);
}

bool td_body_parse(struct cursor *c, size_t size, struct td_body *out, struct err *err)
{
    struct td_body b = {.is_15 = size >= TD_BODY_15_SIZE, .is_15ex = size == TD_BODY_15EX_SIZE};

    if (!fields_read(c, size, td_fields, COUNT(td_fields), &b, err)) {
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

bool report_claim_number(json_t *object, const char *name, uint64_t n, struct err *err)
{
    return json_object_set_new(object, name, json_integer((int64_t)n)) == 0 ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
}

static bool field_claim(json_t *object, const struct field *f, const uint8_t *place, struct err *err)
{
    uint64_t bits = 0;
    uint8_t le[8];

    switch (f->kind) {
    case BYTES:
        return report_claim_hex(object, f->claim, place, f->size, err);
    case BITS:
        memcpy(&bits, place, sizeof bits);
        for (unsigned i = 0; i < 8; i++) {
            le[i] = (uint8_t)(bits >> (8 * i));
        }
        return report_claim_hex(object, f->claim, le, sizeof le, err);
    case NUMBER:
        break;
    }
    return report_claim_number(
        object, f->claim,
        f->size == 2 ? *(const uint16_t *)(const void *)place : *(const uint32_t *)(const void *)place, err);
}

static bool fields_claim(json_t *object, size_t size, const struct field *fields, size_t count, const void *body,
                         struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].at + fields[i].size <= size &&
            !field_claim(object, &fields[i], (const uint8_t *)body + fields[i].place, err)) {
            return false;
        }
    }
    return true;
}

bool td_body_claims(const struct td_body *b, json_t *object, struct err *err)
{
    const size_t size = b->is_15ex ? TD_BODY_15EX_SIZE : b->is_15 ? TD_BODY_15_SIZE : TD_BODY_SIZE;

    return fields_claim(object, size, td_fields, COUNT(td_fields), b, err);
}

bool sgx_body_claims(const struct sgx_body *b, json_t *object, struct err *err)
{
    return fields_claim(object, SGX_BODY_SIZE, sgx_fields, COUNT(sgx_fields), b, err);
}
