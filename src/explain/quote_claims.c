/* What a quote claims: its header's numbers and its body's fields, as docs/formats.md, section 8 names them. */
#include "explain/quote_print.h"

bool claim_number(json_t *object, const char *name, uint64_t n, struct err *err)
{
    return json_object_set_new(object, name, json_integer((int64_t)n)) == 0 ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
}

static bool field_claim(json_t *object, const struct body_field *f, const uint8_t *place, struct err *err)
{
    uint64_t bits = 0;
    uint8_t le[8];

    switch (f->kind) {
    case FIELD_BYTES:
        return report_claim_hex(object, f->claim, place, f->size, err);
    case FIELD_BITS:
        memcpy(&bits, place, sizeof bits);
        for (unsigned i = 0; i < 8; i++) {
            le[i] = (uint8_t)(bits >> (8 * i));
        }
        return report_claim_hex(object, f->claim, le, sizeof le, err);
    case FIELD_NUMBER:
        break;
    }
    return claim_number(object, f->claim,
                        f->size == 2 ? *(const uint16_t *)(const void *)place : *(const uint32_t *)(const void *)place,
                        err);
}

static bool fields_claim(json_t *object, size_t size, const struct body_field *fields, size_t count, const void *body,
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

    return fields_claim(object, size, td_fields, TD_FIELDS, b, err);
}

bool sgx_body_claims(const struct sgx_body *b, json_t *object, struct err *err)
{
    return fields_claim(object, SGX_BODY_SIZE, sgx_fields, SGX_FIELDS, b, err);
}

bool quote_claims(const struct quote *q, json_t *object, struct err *err)
{
    return claim_number(object, "quote_version", q->version, err) &&
           claim_number(object, "att_key_type", q->key_type, err) &&
           claim_number(object, "tee_type", q->tee_type, err) && claim_number(object, "body_type", q->body_type, err) &&
           report_claim_hex(object, "vendor_id", q->vendor, sizeof q->vendor, err) &&
           report_claim_hex(object, "user_data", q->user_data, sizeof q->user_data, err) &&
           (q->version != 3 || (claim_number(object, "qe_svn", q->reserved[0] + 256U * q->reserved[1], err) &&
                                claim_number(object, "pce_svn", q->reserved[2] + 256U * q->reserved[3], err))) &&
           claim_number(object, "certification_type", q->certification_type, err) &&
           claim_number(object, "trailing_len", q->trailing.len, err) &&
           (quote_is_tdx(q) ? td_body_claims(&q->td, object, err) : sgx_body_claims(&q->sgx, object, err));
}
