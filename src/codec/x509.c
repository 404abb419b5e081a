#include "codec/x509.h"

/* What can be spelled in one way only, DER being what it is: bytes that have to be there. */
static const uint8_t version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
static const uint8_t crl_version_2[] = {0x02, 0x01, 0x01};
/* AlgorithmIdentifier { ecdsa-with-SHA256 }, without parameters (RFC 5758, section 3.2) */
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
/* SubjectPublicKeyInfo { { id-ecPublicKey, P-256 }, 04 X Y } up to X (RFC 5480, section 2) */
static const uint8_t p256_key[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

/* Content bytes of OBJECT IDENTIFIERs. */
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_subject_key_id[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};
static const uint8_t oid_authority_key_id[] = {0x55, 0x1d, 0x23};
#define BYTES(o) bytes_of(o, sizeof o)

#define SERIAL_MAX 20

/* A SEQUENCE with its exact bytes. */
static bool sequence_next(struct cursor *c, struct bytes *whole, struct cursor *content, struct err *err)
{
    const struct cursor before = *c;

    if (!der_expect(c, DER_SEQUENCE, content, err)) {
        return false;
    }
    *whole = bytes_of(before.next, c->offset - before.offset);
    return true;
}

static bool exactly(struct cursor *c, struct bytes want, enum reason reason, const char *what, struct err *err)
{
    const size_t at = c->offset;
    struct cursor seen;

    return cursor_take(c, want.len, &seen, err) &&
           (bytes_equal(cursor_rest(&seen), want) || FAIL(err, reason, at, "not %s", what));
}

static bool algorithm_expect(struct cursor *c, struct err *err)
{
    return exactly(c, BYTES(ecdsa_sha256), REASON_X509_ALGORITHM, "ecdsa-with-SHA256", err);
}

/* SEQUENCE { tbs, algorithm, signature }, and nothing behind it. */
static bool signed_read(struct bytes der, struct bytes *tbs, struct cursor *content, uint8_t signature[64],
                        struct err *err)
{
    struct cursor c = cursor_init(der.p, der.len), outer;
    struct bytes bits;

    if (!der_expect(&c, DER_SEQUENCE, &outer, err) || !cursor_end(&c, err) ||
        !sequence_next(&outer, tbs, content, err) || !algorithm_expect(&outer, err) || !der_bits(&outer, &bits, err) ||
        !cursor_end(&outer, err)) {
        return false;
    }
    if (!der_ecdsa(bits, 32, signature, err)) {
        err->offset += (size_t)(bits.p - der.p);
        return false;
    }
    return true;
}

/* BOOLEAN DEFAULT FALSE: DER leaves a default out, and so do Intel's own certificates. */
static bool flag_read(struct cursor *c, bool *out, const char *what, size_t at, struct err *err)
{
    *out = false;
    return !der_is(c, DER_BOOLEAN) ||
           (der_boolean(c, out, err) && (*out || FAIL(err, REASON_DER_VALUE, at, "%s FALSE is written out", what)));
}

/* RFC 5280, section 4.1.2.2: up to 20 octets, a sign byte aside. */
static bool serial_read(struct cursor *c, struct bytes *out, struct err *err)
{
    size_t at = c->offset;

    return der_positive(c, out, err) &&
           (out->len <= SERIAL_MAX || FAIL(err, REASON_DER_VALUE, at, "a serial number of %zu bytes", out->len));
}

/* Each name attribute is looked at, the common name kept. */
static bool name_read(struct cursor *c, struct bytes *whole, char common_name[64], struct err *err)
{
    struct cursor rdns, set, pair, oid;
    struct der value;

    if (!sequence_next(c, whole, &rdns, err)) {
        return false;
    }
    while (rdns.left > 0) {
        if (!der_expect(&rdns, DER_SET, &set, err) || !der_expect(&set, DER_SEQUENCE, &pair, err) ||
            !cursor_end(&set, err) || !der_expect(&pair, DER_OID, &oid, err) || !der_next(&pair, &value, err) ||
            !cursor_end(&pair, err)) {
            return false;
        }
        if (common_name != NULL && bytes_equal(cursor_rest(&oid), BYTES(oid_common_name)) && value.content.left < 64 &&
            memchr(value.content.next, 0, value.content.left) == NULL) {
            memcpy(common_name, value.content.next, value.content.left);
            common_name[value.content.left] = '\0';
        }
    }
    return true;
}

static bool validity_read(struct cursor *c, struct x509 *x, struct err *err)
{
    struct cursor v;

    return der_expect(c, DER_SEQUENCE, &v, err) && der_time(&v, &x->not_before, err) &&
           der_time(&v, &x->not_after, err) && cursor_end(&v, err);
}

/* The profile's form: the key identifier alone. */
static bool authority_key_id_read(struct cursor v, struct bytes *out, struct err *err)
{
    struct cursor seq, id;

    if (!der_expect(&v, DER_SEQUENCE, &seq, err) || !cursor_end(&v, err) ||
        !der_expect(&seq, DER_CONTEXT(0), &id, err) || !cursor_end(&seq, err)) {
        return false;
    }
    *out = cursor_rest(&id);
    return true;
}

static bool basic_constraints_read(struct cursor v, struct x509 *x, struct err *err)
{
    struct cursor seq;
    uint64_t n;

    x->has_basic_constraints = true;
    if (!der_expect(&v, DER_SEQUENCE, &seq, err) || !cursor_end(&v, err) ||
        !flag_read(&seq, &x->ca, "cA", seq.offset, err)) {
        return false;
    }
    if (x->ca && der_is(&seq, DER_INTEGER)) { /* of a CA alone (RFC 5280, section 4.2.1.9) */
        if (!der_uint(&seq, DER_INTEGER, 100, &n, err)) {
            return false;
        }
        x->path_len = (int)n;
    }
    return cursor_end(&seq, err);
}

/* Up to nine named bits: the last one is set, and zeros fill the byte (X.690, 11.2). */
static bool key_usage_read(struct cursor v, struct x509 *x, struct err *err)
{
    uint8_t unused, first, last;
    struct cursor bits;

    if (!der_expect(&v, DER_BIT_STRING, &bits, err) || !cursor_end(&v, err) || !cursor_u8(&bits, &unused, err) ||
        !cursor_u8(&bits, &first, err)) {
        return false;
    }
    last = bits.left > 0 ? *bits.next : first;
    if (bits.left > 1 || unused > 7 || (last & ((2U << unused) - 1)) != 1U << unused) {
        return FAIL(err, REASON_DER_VALUE, bits.offset, "key usage of %zu bytes, %u bits unused", bits.left + 1,
                    unused);
    }
    x->key_usage = first;
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
    if (bytes_equal(e->oid, BYTES(oid_basic_constraints))) {
        return basic_constraints_read(e->value, x, err);
    }
    if (bytes_equal(e->oid, BYTES(oid_key_usage))) {
        return key_usage_read(e->value, x, err);
    }
    if (bytes_equal(e->oid, BYTES(oid_subject_key_id))) {
        return subject_key_id_read(e->value, x, err);
    }
    if (bytes_equal(e->oid, BYTES(oid_authority_key_id))) {
        return authority_key_id_read(e->value, &x->authority_key_id, err);
    }
    return !e->critical || FAIL(err, REASON_X509_EXTENSION, e->value.offset, "an unknown extension is critical");
}

static bool extension_next(struct cursor *list, struct x509_extension *e, struct err *err)
{
    struct cursor seq, oid;
    const size_t at = list->offset;

    if (!der_expect(list, DER_SEQUENCE, &seq, err) || !der_expect(&seq, DER_OID, &oid, err)) {
        return false;
    }
    e->oid = cursor_rest(&oid);
    return flag_read(&seq, &e->critical, "critical", at, err) && der_expect(&seq, DER_OCTET_STRING, &e->value, err) &&
           cursor_end(&seq, err);
}

static const struct x509_extension *extension_find(const struct x509_extension *list, size_t count, struct bytes oid)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(list[i].oid, oid)) {
            return &list[i];
        }
    }
    return NULL;
}

/* All of a list: none twice (RFC 5280, section 4.2). */
static bool extension_list_read(struct cursor list, struct x509_extension out[X509_EXTENSIONS_MAX], size_t *count,
                                struct err *err)
{
    for (*count = 0; list.left > 0; (*count)++) {
        struct x509_extension *e = &out[*count];

        if (*count == X509_EXTENSIONS_MAX) {
            return FAIL(err, REASON_X509_EXTENSION, list.offset, "more than %d extensions", X509_EXTENSIONS_MAX);
        }
        if (!extension_next(&list, e, err)) {
            return false;
        }
        if (extension_find(out, *count, e->oid) != NULL) {
            return FAIL(err, REASON_X509_EXTENSION, e->value.offset, "an extension is there twice");
        }
    }
    return true;
}

/* [tag] { SEQUENCE OF Extension } */
static bool extensions_read(struct cursor *c, unsigned tag, struct x509_extension out[X509_EXTENSIONS_MAX],
                            size_t *count, struct err *err)
{
    struct cursor tagged, list;

    return der_expect(c, tag, &tagged, err) && der_expect(&tagged, DER_SEQUENCE, &list, err) &&
           cursor_end(&tagged, err) && extension_list_read(list, out, count, err);
}

static bool certificate_extensions_read(struct cursor *c, struct x509 *x, struct err *err)
{
    if (!extensions_read(c, DER_CONTEXT_CONSTRUCTED(3), x->extensions, &x->extension_count, err)) {
        return false;
    }
    for (size_t i = 0; i < x->extension_count; i++) {
        if (!extension_apply(&x->extensions[i], x, err)) {
            return false;
        }
    }
    return true;
}

const struct x509_extension *x509_extension_get(const struct x509 *x, struct bytes oid)
{
    return extension_find(x->extensions, x->extension_count, oid);
}

bool x509_parse(struct bytes der, struct x509 *out, struct err *err)
{
    struct x509 x = {.whole = der, .path_len = -1};
    struct cursor c;

    if (!signed_read(der, &x.tbs, &c, x.signature, err) ||
        !exactly(&c, BYTES(version_3), REASON_X509_FORM, "a version 3 certificate", err) ||
        !serial_read(&c, &x.serial, err) || !algorithm_expect(&c, err) || !name_read(&c, &x.issuer, NULL, err) ||
        !validity_read(&c, &x, err) || !name_read(&c, &x.subject, x.common_name, err) ||
        !exactly(&c, BYTES(p256_key), REASON_X509_ALGORITHM, "an uncompressed P-256 key", err) ||
        !cursor_copy(&c, x.key_xy, sizeof x.key_xy, err) || !certificate_extensions_read(&c, &x, err) ||
        !cursor_end(&c, err)) {
        return false;
    }
    *out = x;
    return true;
}

/* ---- CRL (RFC 5280, section 5.1) ---- */

static bool revoked_next(struct cursor *list, struct bytes *serial, struct err *err)
{
    struct x509_extension extensions[X509_EXTENSIONS_MAX];
    struct cursor seq, inner;
    size_t count = 0;
    int64_t when;

    if (!der_expect(list, DER_SEQUENCE, &seq, err) || !serial_read(&seq, serial, err) || !der_time(&seq, &when, err)) {
        return false;
    }
    if (seq.left > 0 && (!der_expect(&seq, DER_SEQUENCE, &inner, err) || !cursor_end(&seq, err) ||
                         !extension_list_read(inner, extensions, &count, err))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) { /* that of an indirect list would say whose certificate it is */
        if (extensions[i].critical) {
            return FAIL(err, REASON_X509_EXTENSION, extensions[i].value.offset, "an entry's extension is critical");
        }
    }
    return true;
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

/* Number and key identifier are always there (RFC 5280, sections 5.2.1 and 5.2.3); any other one must not be critical.
 */
static bool crl_extensions_read(struct cursor *c, struct x509_crl *crl, struct err *err)
{
    struct x509_extension list[X509_EXTENSIONS_MAX];
    size_t count, at = c->offset;
    struct bytes number = {.len = 0};

    if (!extensions_read(c, DER_CONTEXT_CONSTRUCTED(0), list, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct cursor value = list[i].value;

        if (bytes_equal(list[i].oid, BYTES(oid_authority_key_id))) {
            if (!authority_key_id_read(value, &crl->authority_key_id, err)) {
                return false;
            }
        } else if (bytes_equal(list[i].oid, BYTES(oid_crl_number))) {
            if (!der_positive(&value, &number, err) || !cursor_end(&value, err)) {
                return false;
            }
        } else if (list[i].critical) {
            return FAIL(err, REASON_X509_EXTENSION, value.offset, "an unknown extension of a CRL is critical");
        }
    }
    return number.len > 0 || FAIL(err, REASON_CRL_FORM, at, "a CRL without a number");
}

bool x509_crl_parse(struct bytes der, struct x509_crl *out, struct err *err)
{
    struct x509_crl crl = {0};
    struct cursor c;

    if (!signed_read(der, &crl.tbs, &c, crl.signature, err) ||
        !exactly(&c, BYTES(crl_version_2), REASON_CRL_FORM, "a version 2 CRL", err) || !algorithm_expect(&c, err) ||
        !name_read(&c, &crl.issuer, NULL, err) || !der_time(&c, &crl.this_update, err) ||
        !der_time(&c, &crl.next_update, err) || !revoked_read(&c, &crl, err) || !crl_extensions_read(&c, &crl, err) ||
        !cursor_end(&c, err)) {
        return false;
    }
    *out = crl;
    return true;
}

bool x509_crl_lists(const struct x509_crl *crl, struct bytes serial)
{
    struct cursor list = crl->revoked, entry;
    struct err ignored = {0}; /* the form was checked when it was read */
    struct bytes one;

    if (list.left == 0 || memmem(list.next, list.left, serial.p, serial.len) == NULL) {
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
