#include "tdx/quote.h"

const uint8_t quote_vendor_intel[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                        0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

/* Size of each body type, and the TEE type that it goes with. */
static const struct {
    uint32_t size, tee_type;
} bodies[] = {
    [QUOTE_BODY_SGX] = {SGX_BODY_SIZE, QUOTE_TEE_SGX},
    [QUOTE_BODY_TD10] = {TD_BODY_SIZE, QUOTE_TEE_TDX},
    [QUOTE_BODY_TD15] = {TD_BODY_15_SIZE, QUOTE_TEE_TDX},
    [QUOTE_BODY_TD15EX] = {TD_BODY_15EX_SIZE, QUOTE_TEE_TDX},
};

static bool bytes_take(struct cursor *c, size_t n, struct bytes *out, struct err *err)
{
    struct cursor part;

    if (!cursor_take(c, n, &part, err)) {
        return false;
    }
    *out = cursor_rest(&part);
    return true;
}

static bool header_parse(struct cursor *c, struct quote *q, struct err *err)
{
    size_t at = c->offset;

    if (!cursor_u16le(c, &q->version, err) || !cursor_u16le(c, &q->key_type, err) ||
        !cursor_u32le(c, &q->tee_type, err) || !cursor_copy(c, q->reserved, sizeof q->reserved, err) ||
        !cursor_copy(c, q->vendor, sizeof q->vendor, err) || !cursor_copy(c, q->user_data, sizeof q->user_data, err)) {
        return false;
    }
    if (q->version < 3 || q->version > 5) {
        return FAIL(err, REASON_QUOTE_VERSION, at, "version %u, not 3, 4 or 5", q->version);
    }
    if (q->key_type != QUOTE_KEY_P256) {
        return FAIL(err, REASON_QUOTE_KEY_TYPE, at + 2, "key type %u, not 2", q->key_type);
    }
    if (q->version == 3 && q->tee_type != QUOTE_TEE_SGX) {
        return FAIL(err, REASON_QUOTE_TEE_TYPE, at + 4, "TEE type 0x%x in a version 3 quote, not 0", q->tee_type);
    }
    return q->tee_type == QUOTE_TEE_TDX || q->tee_type == QUOTE_TEE_SGX ||
           FAIL(err, REASON_QUOTE_TEE_TYPE, at + 4, "TEE type 0x%x, not 0x81 or 0", q->tee_type);
}

/* Versions 3 and 4 have no descriptor: the TEE type says which body follows. */
static bool body_type_parse(struct cursor *c, struct quote *q, struct err *err)
{
    size_t at = c->offset;
    uint32_t size;
    uint16_t type;

    if (q->version < 5) {
        q->body_type = q->tee_type == QUOTE_TEE_TDX ? QUOTE_BODY_TD10 : QUOTE_BODY_SGX;
        return true;
    }
    if (!cursor_u16le(c, &type, err) || !cursor_u32le(c, &size, err)) {
        return false;
    }
    if (type < QUOTE_BODY_SGX || type > QUOTE_BODY_TD15EX) {
        return FAIL(err, REASON_QUOTE_BODY_TYPE, at, "body type %u, not 1 to 4", type);
    }
    if (size != bodies[type].size) {
        return FAIL(err, REASON_QUOTE_BODY_TYPE, at + 2, "body type %u has %u bytes, not %u", type, bodies[type].size,
                    size);
    }
    if (q->tee_type != bodies[type].tee_type) {
        return FAIL(err, REASON_QUOTE_TEE_TYPE, at, "body type %u under TEE type 0x%x", type, q->tee_type);
    }
    q->body_type = (enum quote_body_type)type;
    return true;
}

/* Types 1 to 3: which platform the PCK certificate that somebody has to supply is of. */
static bool platform_parse(struct quote *q, size_t at, struct err *err)
{
    static const size_t ppid_sizes[] = {[QUOTE_CERTIFICATION_PPID] = 16,
                                        [QUOTE_CERTIFICATION_PPID_RSA2048] = 256,
                                        [QUOTE_CERTIFICATION_PPID_RSA3072] = 384};
    struct cursor c = cursor_init(q->certification.p, q->certification.len);
    size_t ppid;

    if (q->certification_type > QUOTE_CERTIFICATION_PPID_RSA3072) {
        return true;
    }
    ppid = ppid_sizes[q->certification_type];
    if (c.left != ppid + 20) {
        return FAIL(err, REASON_QUOTE_CERTIFICATION, at, "%zu bytes of certification type %u, not %zu", c.left,
                    q->certification_type, ppid + 20);
    }
    if (!bytes_take(&c, ppid, &q->ppid, err) || !cursor_skip(&c, 18, err) || !bytes_take(&c, 2, &q->pceid, err)) {
        return false;
    }
    if (q->certification_type != QUOTE_CERTIFICATION_PPID) {
        q->ppid = bytes_of(NULL, 0);
    }
    return cursor_end(&c, err);
}

static bool certification_parse(struct cursor *c, struct quote *q, struct err *err)
{
    struct cursor report;
    uint16_t auth_len;
    uint32_t len;
    size_t at;

    if (!cursor_take(c, SGX_BODY_SIZE, &report, err)) {
        return false;
    }
    q->qe_report_part = cursor_rest(&report);
    if (!sgx_body_parse(&report, &q->qe_report, err) || !bytes_take(c, 64, &q->qe_signature, err)) {
        return false;
    }
    at = c->offset;
    if (!cursor_u16le(c, &auth_len, err)) {
        return false;
    }
    if (auth_len > QUOTE_AUTH_MAX) {
        return FAIL(err, REASON_QUOTE_CERTIFICATION, at, "%u bytes of QE authentication data", auth_len);
    }
    if (!bytes_take(c, auth_len, &q->qe_auth, err)) {
        return false;
    }
    at = c->offset;
    if (!cursor_u16le(c, &q->certification_type, err)) {
        return false;
    }
    if (q->certification_type < QUOTE_CERTIFICATION_PPID || q->certification_type > QUOTE_CERTIFICATION_PCK_CHAIN) {
        return FAIL(err, REASON_QUOTE_CERTIFICATION, at, "inner certification type %u", q->certification_type);
    }
    return cursor_u32le(c, &len, err) && bytes_take(c, len, &q->certification, err) && cursor_end(c, err) &&
           platform_parse(q, at, err);
}

static bool signature_parse(struct cursor *c, struct quote *q, struct err *err)
{
    struct cursor inner;
    uint16_t type;
    uint32_t len;
    size_t at;

    if (!bytes_take(c, 64, &q->signature, err) || !bytes_take(c, 64, &q->key, err)) {
        return false;
    }
    if (q->version == 3) {
        return certification_parse(c, q, err);
    }
    at = c->offset;
    if (!cursor_u16le(c, &type, err)) {
        return false;
    }
    if (type != QUOTE_CERTIFICATION_QE_REPORT) {
        return FAIL(err, REASON_QUOTE_CERTIFICATION, at, "outer certification type %u, not 6", type);
    }
    return cursor_u32le(c, &len, err) && cursor_take(c, len, &inner, err) && cursor_end(c, err) &&
           certification_parse(&inner, q, err);
}

bool quote_parse(struct bytes in, struct quote *out, struct err *err)
{
    struct cursor c = cursor_init(in.p, in.len), signature;
    struct quote q = {0};
    uint32_t len;

    if (!header_parse(&c, &q, err) || !body_type_parse(&c, &q, err)) {
        return false;
    }
    if (q.body_type == QUOTE_BODY_SGX ? !sgx_body_parse(&c, &q.sgx, err)
                                      : !td_body_parse(&c, bodies[q.body_type].size, &q.td, err)) {
        return false;
    }
    q.signed_part = bytes_of(in.p, c.offset);
    if (!cursor_u32le(&c, &len, err) || !cursor_take(&c, len, &signature, err) ||
        !signature_parse(&signature, &q, err)) {
        return false;
    }
    q.trailing = cursor_rest(&c); /* the one place where bytes may be left: judged by the policy */
    *out = q;
    return true;
}

const uint8_t *quote_report_data(const struct quote *q)
{
    return quote_is_tdx(q) ? q->td.report_data : q->sgx.report_data;
}
