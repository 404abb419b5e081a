#include "codec/x509.h"

/* Content bytes of OBJECT IDENTIFIERs. */
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_subject_key_id[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};
static const uint8_t oid_authority_key_id[] = {0x55, 0x1d, 0x23};
#define OID(o) bytes_of(o, sizeof o)

/* AlgorithmIdentifier { ecdsa-with-SHA256 }, without parameters (RFC 5758, section 3.2). */
static bool algorithm_expect(struct cursor *c, struct err *err)
{
    size_t at = c->offset;
    struct cursor seq, oid;

    if (!der_expect(c, DER_SEQUENCE, &seq, err) || !der_expect(&seq, DER_OID, &oid, err)) {
        return false;
    }
    return (bytes_equal(cursor_rest(&oid), OID(oid_ecdsa_sha256)) && seq.left == 0) ||
           FAIL(err, REASON_X509_ALGORITHM, at, "not ecdsa-with-SHA256");
}

/* SEQUENCE { tbs, algorithm, signature }, and nothing behind it. */
static bool signed_read(struct bytes der, struct bytes *tbs, struct cursor *content, uint8_t signature[64],
                        struct err *err)
{
    struct cursor c = cursor_init(der.p, der.len), outer;
    struct bytes bits;
    struct der d;

    if (!der_expect(&c, DER_SEQUENCE, &outer, err) || !cursor_end(&c, err) || !der_next(&outer, &d, err)) {
        return false;
    }
    if (d.tag != DER_SEQUENCE) {
        return FAIL(err, REASON_DER_TAG, d.content.offset, "tag 0x%02x, not a SEQUENCE", d.tag);
    }
    if (!algorithm_expect(&outer, err) || !der_bits(&outer, &bits, err) || !cursor_end(&outer, err)) {
        return false;
    }
    if (!der_ecdsa(bits, 32, signature, err)) {
        err->offset += (size_t)(bits.p - der.p);
        return false;
    }
    *tbs = d.whole;
    *content = d.content;
    return true;
}

/* Each name attribute is looked at, the common name kept. */
static bool name_read(struct cursor *c, struct bytes *whole, char common_name[64], struct err *err)
{
    struct der name, value;
    struct cursor rdns, set, pair, oid;

    if (!der_next(c, &name, err)) {
        return false;
    }
    if (name.tag != DER_SEQUENCE) {
        return FAIL(err, REASON_DER_TAG, name.content.offset, "tag 0x%02x, not a Name", name.tag);
    }
    for (rdns = name.content; rdns.left > 0;) {
        if (!der_expect(&rdns, DER_SET, &set, err) || !der_expect(&set, DER_SEQUENCE, &pair, err) ||
            !cursor_end(&set, err) || !der_expect(&pair, DER_OID, &oid, err) || !der_next(&pair, &value, err) ||
            !cursor_end(&pair, err)) {
            return false;
        }
        if (common_name != NULL && bytes_equal(cursor_rest(&oid), OID(oid_common_name)) && value.content.left < 64 &&
            memchr(value.content.next, 0, value.content.left) == NULL) {
            memcpy(common_name, value.content.next, value.content.left);
            common_name[value.content.left] = '\0';
        }
    }
    *whole = name.whole;
    return true;
}

static bool key_read(struct cursor *c, uint8_t xy[64], struct err *err)
{
    struct cursor spki, alg, oid, curve;
    struct bytes point;
    size_t at = c->offset;

    if (!der_expect(c, DER_SEQUENCE, &spki, err) || !der_expect(&spki, DER_SEQUENCE, &alg, err) ||
        !der_expect(&alg, DER_OID, &oid, err) || !der_expect(&alg, DER_OID, &curve, err) || !cursor_end(&alg, err) ||
        !der_bits(&spki, &point, err) || !cursor_end(&spki, err)) {
        return false;
    }
    if (!bytes_equal(cursor_rest(&oid), OID(oid_ec_public_key)) || !bytes_equal(cursor_rest(&curve), OID(oid_p256)) ||
        point.len != 65 || point.p[0] != 0x04) {
        return FAIL(err, REASON_X509_ALGORITHM, at, "not an uncompressed P-256 key");
    }
    memcpy(xy, point.p + 1, 64);
    return true;
}

static bool validity_read(struct cursor *c, struct x509 *x, struct err *err)
{
    struct cursor v;

    return der_expect(c, DER_SEQUENCE, &v, err) && der_time(&v, &x->not_before, err) &&
           der_time(&v, &x->not_after, err) && cursor_end(&v, err);
}

static bool authority_key_id_read(struct cursor v, struct bytes *out, struct err *err)
{
    struct cursor seq, id;

    if (!der_expect(&v, DER_SEQUENCE, &seq, err) || !cursor_end(&v, err)) {
        return false;
    }
    if (der_is(&seq, DER_CONTEXT(0))) {
        if (!der_expect(&seq, DER_CONTEXT(0), &id, err)) {
            return false;
        }
        *out = cursor_rest(&id);
    }
    return true; /* issuer and serial, if they are there, say the same in another way */
}

static bool basic_constraints_read(struct cursor v, struct x509 *x, struct err *err)
{
    struct cursor seq;
    uint64_t n;

    x->has_basic_constraints = true;
    x->path_len = -1;
    if (!der_expect(&v, DER_SEQUENCE, &seq, err) || !cursor_end(&v, err)) {
        return false;
    }
    if (der_is(&seq, DER_BOOLEAN)) {
        size_t at = seq.offset;

        if (!der_boolean(&seq, &x->ca, err)) {
            return false;
        }
        if (!x->ca) {
            /* DER leaves a default out; Intel's own leaf certificates do so too. */
            return FAIL(err, REASON_DER_VALUE, at, "cA FALSE is written out");
        }
    }
    if (der_is(&seq, DER_INTEGER)) {
        if (!der_uint(&seq, DER_INTEGER, 100, &n, err)) {
            return false;
        }
        x->path_len = (int)n;
    }
    return cursor_end(&seq, err);
}

static bool key_usage_read(struct cursor v, struct x509 *x, struct err *err)
{
    struct cursor bits;

    if (!der_expect(&v, DER_BIT_STRING, &bits, err) || !cursor_end(&v, err)) {
        return false;
    }
    if (bits.left < 2 || bits.left > 3 || bits.next[0] > 7) {
        return FAIL(err, REASON_DER_VALUE, bits.offset, "key usage of %zu bytes", bits.left);
    }
    x->key_usage = bits.next[1];
    return true;
}

static bool subject_key_id_read(struct cursor v, struct x509 *x, struct err *err)
{
    struct cursor id;

    if (!der_expect(&v, DER_OCTET_STRING, &id, err) || !cursor_end(&v, err)) {
        return false;
    }
    x->subject_key_id = cursor_rest(&id);
    return true;
}

/* The extensions that are understood; any other one must not be critical. */
static bool extension_apply(const struct x509_extension *e, struct x509 *x, struct err *err)
{
    if (bytes_equal(e->oid, OID(oid_basic_constraints))) {
        return basic_constraints_read(e->value, x, err);
    }
    if (bytes_equal(e->oid, OID(oid_key_usage))) {
        return key_usage_read(e->value, x, err);
    }
    if (bytes_equal(e->oid, OID(oid_subject_key_id))) {
        return subject_key_id_read(e->value, x, err);
    }
    if (bytes_equal(e->oid, OID(oid_authority_key_id))) {
        return authority_key_id_read(e->value, &x->authority_key_id, err);
    }
    return !e->critical || FAIL(err, REASON_X509_EXTENSION, e->value.offset, "an unknown extension is critical");
}

static bool extension_next(struct cursor *list, struct x509_extension *e, struct err *err)
{
    struct cursor seq, oid;
    size_t at = list->offset;

    e->critical = false;
    if (!der_expect(list, DER_SEQUENCE, &seq, err) || !der_expect(&seq, DER_OID, &oid, err)) {
        return false;
    }
    e->oid = cursor_rest(&oid);
    if (der_is(&seq, DER_BOOLEAN)) {
        if (!der_boolean(&seq, &e->critical, err)) {
            return false;
        }
        if (!e->critical) {
            return FAIL(err, REASON_DER_VALUE, at, "critical FALSE is written out");
        }
    }
    return der_expect(&seq, DER_OCTET_STRING, &e->value, err) && cursor_end(&seq, err);
}

static bool extensions_read(struct cursor *c, struct x509 *x, struct err *err)
{
    struct cursor tagged, list;

    if (!der_expect(c, DER_CONTEXT_CONSTRUCTED(3), &tagged, err) || !der_expect(&tagged, DER_SEQUENCE, &list, err) ||
        !cursor_end(&tagged, err)) {
        return false;
    }
    while (list.left > 0) {
        struct x509_extension *e = &x->extensions[x->extension_count];

        if (x->extension_count == X509_EXTENSIONS_MAX) {
            return FAIL(err, REASON_X509_EXTENSION, list.offset, "more than %d extensions", X509_EXTENSIONS_MAX);
        }
        if (!extension_next(&list, e, err)) {
            return false;
        }
        if (x509_extension_get(x, e->oid) != NULL) {
            return FAIL(err, REASON_X509_EXTENSION, e->value.offset, "an extension is there twice");
        }
        if (!extension_apply(e, x, err)) {
            return false;
        }
        x->extension_count++;
    }
    return true;
}

const struct x509_extension *x509_extension_get(const struct x509 *x, struct bytes oid)
{
    for (size_t i = 0; i < x->extension_count; i++) {
        if (bytes_equal(x->extensions[i].oid, oid)) {
            return &x->extensions[i];
        }
    }
    return NULL;
}

static bool version_expect(struct cursor *c, struct err *err)
{
    struct cursor tagged;
    uint64_t version;

    if (!der_is(c, DER_CONTEXT_CONSTRUCTED(0))) {
        return FAIL(err, REASON_X509_FORM, c->offset, "not a version 3 certificate");
    }
    return der_expect(c, DER_CONTEXT_CONSTRUCTED(0), &tagged, err) &&
           der_uint(&tagged, DER_INTEGER, 255, &version, err) && cursor_end(&tagged, err) &&
           (version == 2 || FAIL(err, REASON_X509_FORM, c->offset, "not a version 3 certificate"));
}

bool x509_parse(struct bytes der, struct x509 *out, struct err *err)
{
    struct x509 x = {.whole = der, .path_len = -1};
    struct cursor c;

    if (!signed_read(der, &x.tbs, &c, x.signature, err) || !version_expect(&c, err) ||
        !der_positive(&c, &x.serial, err) || !algorithm_expect(&c, err) || !name_read(&c, &x.issuer, NULL, err) ||
        !validity_read(&c, &x, err) || !name_read(&c, &x.subject, x.common_name, err) || !key_read(&c, x.key_xy, err) ||
        !extensions_read(&c, &x, err) || !cursor_end(&c, err)) {
        return false;
    }
    *out = x;
    return true;
}

/* ---- CRL (RFC 5280, section 5.1) ---- */

static bool revoked_next(struct cursor *list, struct bytes *serial, struct err *err)
{
    struct cursor seq, extensions;
    int64_t when;

    if (!der_expect(list, DER_SEQUENCE, &seq, err) || !der_positive(&seq, serial, err) || !der_time(&seq, &when, err)) {
        return false;
    }
    return seq.left == 0 || (der_expect(&seq, DER_SEQUENCE, &extensions, err) && cursor_end(&seq, err));
}

static bool revoked_read(struct cursor *c, struct x509_crl *crl, struct err *err)
{
    struct cursor list;
    struct bytes serial;

    if (!der_is(c, DER_SEQUENCE)) {
        return true;
    }
    if (!der_expect(c, DER_SEQUENCE, &list, err)) {
        return false;
    }
    crl->revoked = list;
    while (list.left > 0) {
        if (!revoked_next(&list, &serial, err)) {
            return false;
        }
        crl->revoked_count++;
    }
    return true;
}

static bool crl_extensions_read(struct cursor *c, struct x509_crl *crl, struct err *err)
{
    struct cursor tagged, list;
    struct x509_extension e;

    if (!der_expect(c, DER_CONTEXT_CONSTRUCTED(0), &tagged, err) || !der_expect(&tagged, DER_SEQUENCE, &list, err) ||
        !cursor_end(&tagged, err)) {
        return false;
    }
    while (list.left > 0) {
        if (!extension_next(&list, &e, err)) {
            return false;
        }
        if (bytes_equal(e.oid, OID(oid_authority_key_id))) {
            if (!authority_key_id_read(e.value, &crl->authority_key_id, err)) {
                return false;
            }
        } else if (e.critical && !bytes_equal(e.oid, OID(oid_crl_number))) {
            return FAIL(err, REASON_X509_EXTENSION, e.value.offset, "an unknown extension of a CRL is critical");
        }
    }
    return true;
}

bool x509_crl_parse(struct bytes der, struct x509_crl *out, struct err *err)
{
    struct x509_crl crl = {0};
    struct cursor c;
    uint64_t version;
    size_t at;

    if (!signed_read(der, &crl.tbs, &c, crl.signature, err)) {
        return false;
    }
    at = c.offset;
    if (!der_is(&c, DER_INTEGER)) {
        return FAIL(err, REASON_CRL_FORM, at, "not a version 2 CRL");
    }
    if (!der_uint(&c, DER_INTEGER, 255, &version, err) || !algorithm_expect(&c, err) ||
        !name_read(&c, &crl.issuer, NULL, err) || !der_time(&c, &crl.this_update, err) ||
        !der_time(&c, &crl.next_update, err) || !revoked_read(&c, &crl, err) || !crl_extensions_read(&c, &crl, err) ||
        !cursor_end(&c, err)) {
        return false;
    }
    if (version != 1) {
        return FAIL(err, REASON_CRL_FORM, at, "not a version 2 CRL");
    }
    *out = crl;
    return true;
}

bool x509_crl_lists(const struct x509_crl *crl, struct bytes serial)
{
    struct cursor list = crl->revoked, entry;
    struct err ignored = {0}; /* the form was checked when it was read */
    struct bytes one;

    if (memmem(list.next, list.left, serial.p, serial.len) == NULL) {
        return false; /* it stands nowhere, so that it need not be looked for in its place */
    }
    /* Each entry begins with its serial number; the rest was read by x509_crl_parse(). */
    while (list.left > 0 && der_expect(&list, DER_SEQUENCE, &entry, &ignored) && der_positive(&entry, &one, &ignored)) {
        if (bytes_equal(one, serial)) {
            return true;
        }
    }
    return false;
}
