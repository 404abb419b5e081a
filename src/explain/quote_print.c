/* Every field of a quote, for `sotto inspect`. */
#include "explain/quote_print.h"

static json_t *object_new(json_t *parent, const char *name)
{
    json_t *v = json_object();

    return parent == NULL || json_object_set_new(parent, name, v) == 0 ? v : NULL;
}

static bool signature_claims(const struct quote *q, json_t *object, struct err *err)
{
    json_t *qe = object_new(object, "qe_report");

    return (qe != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "qe_report")) &&
           sgx_body_claims(&q->qe_report, qe, err) &&
           report_claim_hex(object, "signature", q->signature.p, q->signature.len, err) &&
           report_claim_hex(object, "attestation_key", q->key.p, q->key.len, err) &&
           report_claim_hex(object, "qe_report_signature", q->qe_signature.p, q->qe_signature.len, err) &&
           claim_number(object, "qe_auth_len", q->qe_auth.len, err) &&
           claim_number(object, "certification_len", q->certification.len, err) &&
           claim_number(object, "signed_len", q->signed_part.len, err);
}

/* NULL: no memory. */
static json_t *quote_object(const struct quote *q, struct err *err)
{
    json_t *v = object_new(NULL, "");

    if (v == NULL) {
        err_set(err, REASON_NO_MEMORY, ERR_NOWHERE, "a quote's fields");
        return NULL;
    }
    if (!quote_claims(q, v, err) || !signature_claims(q, v, err)) {
        json_decref(v);
        return NULL;
    }
    return v;
}

bool quote_print_json(const struct quote *q, struct buf *out, struct err *err)
{
    json_t *v = quote_object(q, err);
    bool ok = v != NULL && json_print(v, out, err);

    json_decref(v);
    return ok;
}

static bool fields_print(json_t *v, const char *prefix, struct buf *out, struct err *err)
{
    const char *name;
    json_t *field;

    json_object_foreach(v, name, field)
    {
        bool ok;

        if (json_is_object(field)) {
            ok = fields_print(field, "qe_report.", out, err);
        } else if (json_is_string(field)) {
            ok = buf_printf(out, err, "%s%s: %s\n", prefix, name, json_string_value(field));
        } else {
            ok = buf_printf(out, err, "%s%s: %lld\n", prefix, name, (long long)json_integer_value(field));
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool quote_print_text(const struct quote *q, struct buf *out, struct err *err)
{
    json_t *v = quote_object(q, err);
    bool ok = v != NULL && fields_print(v, "", out, err);

    json_decref(v);
    return ok;
}
