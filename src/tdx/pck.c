#include "tdx/pck.h"

static const uint8_t oid_sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* The next entry of a list, SEQUENCE { OID, value }: the OID is oid_sgx, the arc of the group (0: it has none) and one
 * more, which is given. */
static bool entry_next(struct cursor *list, uint8_t group, unsigned *arc, struct cursor *value, struct err *err)
{
    const size_t at = list->offset, len = sizeof oid_sgx + (group != 0);
    struct cursor c;
    struct bytes oid;

    if (!der_expect(list, DER_SEQUENCE, value, err) || !der_expect(value, DER_OID, &c, err)) {
        return false;
    }
    oid = cursor_rest(&c);
    if (oid.len != len + 1) {
        return FAIL(err, REASON_PCK_EXTENSION, at, "an OID of %zu bytes", oid.len);
    }
    if (memcmp(oid.p, oid_sgx, sizeof oid_sgx) != 0) {
        return FAIL(err, REASON_PCK_EXTENSION, at, "an OID that is not below 1.2.840.113741.1.13.1");
    }
    if (group != 0 && oid.p[sizeof oid_sgx] != group) {
        return FAIL(err, REASON_PCK_EXTENSION, at, "an OID of another group");
    }
    *arc = oid.p[len];
    return true;
}

static bool octets_read(struct cursor *value, void *out, size_t len, struct err *err)
{
    struct cursor octets;
    size_t at = value->offset;

    if (!der_expect(value, DER_OCTET_STRING, &octets, err)) {
        return false;
    }
    if (octets.left != len) {
        return FAIL(err, REASON_PCK_EXTENSION, at, "%zu bytes, not %zu", octets.left, len);
    }
    return cursor_copy(&octets, out, len, err);
}

/* .2: exactly 18 entries, .2.1 to .2.18 in their order. */
static bool tcb_read(struct cursor *value, struct pck *p, struct err *err)
{
    struct cursor list, v;
    unsigned arc;
    uint64_t n = 0;

    if (!der_expect(value, DER_SEQUENCE, &list, err)) {
        return false;
    }
    for (unsigned want = 1; want <= PCK_COMPONENTS + 2; want++) {
        size_t at = list.offset;

        if (!entry_next(&list, 2, &arc, &v, err)) {
            return false;
        }
        if (arc != want) {
            return FAIL(err, REASON_PCK_EXTENSION, at, "component .2.%u, not .2.%u", arc, want);
        }
        if (!(want == PCK_COMPONENTS + 2 ? octets_read(&v, p->cpusvn, sizeof p->cpusvn, err)
                                         : der_uint(&v, DER_INTEGER, want <= PCK_COMPONENTS ? 255 : 65535, &n, err)) ||
            !cursor_end(&v, err)) {
            return false;
        }
        if (want <= PCK_COMPONENTS) {
            p->svn[want - 1] = (uint8_t)n;
        } else if (want == PCK_COMPONENTS + 1) {
            p->pcesvn = (uint16_t)n;
        }
    }
    return cursor_end(&list, err);
}

/* .7: up to three flags, in their order. */
static bool configuration_read(struct cursor *value, struct pck *p, struct err *err)
{
    enum pck_flag *const flags[] = {&p->dynamic, &p->cached_keys, &p->smt};
    struct cursor list, v;
    unsigned arc, last = 0;
    bool set;

    if (!der_expect(value, DER_SEQUENCE, &list, err)) {
        return false;
    }
    while (list.left > 0) {
        size_t at = list.offset;

        if (!entry_next(&list, 7, &arc, &v, err)) {
            return false;
        }
        if (arc <= last || arc > 3) {
            return FAIL(err, REASON_PCK_EXTENSION, at, "configuration .7.%u behind .7.%u", arc, last);
        }
        if (!der_boolean(&v, &set, err) || !cursor_end(&v, err)) {
            return false;
        }
        *flags[arc - 1] = set ? PCK_FLAG_SET : PCK_FLAG_CLEAR;
        last = arc;
    }
    return true;
}

static bool value_read(unsigned arc, struct cursor *v, struct pck *p, struct err *err)
{
    const struct {
        void *to;
        size_t len;
    } octets[] = {[1] = {p->ppid, sizeof p->ppid},
                  [3] = {p->pceid, sizeof p->pceid},
                  [4] = {p->fmspc, sizeof p->fmspc},
                  [6] = {p->instance, sizeof p->instance}};
    uint64_t type;

    switch (arc) {
    case 2:
        return tcb_read(v, p, err);
    case 5:
        if (!der_uint(v, DER_ENUMERATED, 2, &type, err)) {
            return false;
        }
        p->sgx_type = (unsigned)type;
        return true;
    case 7:
        return configuration_read(v, p, err);
    }
    p->has_instance = arc == 6;
    return octets_read(v, octets[arc].to, octets[arc].len, err);
}

bool pck_parse(const struct x509 *x, struct pck *out, struct err *err)
{
    const struct x509_extension *e = x509_extension_get(x, bytes_of(oid_sgx, sizeof oid_sgx));
    struct cursor c, list, v;
    struct pck p = {0};
    unsigned arc, last = 0;

    if (e == NULL) {
        return FAIL(err, REASON_PCK_EXTENSION, ERR_NOWHERE, "the certificate has no SGX extension");
    }
    c = e->value;
    if (!der_expect(&c, DER_SEQUENCE, &list, err) || !cursor_end(&c, err)) {
        return false;
    }
    while (list.left > 0) {
        size_t at = list.offset;

        if (!entry_next(&list, 0, &arc, &v, err)) {
            return false;
        }
        /* The first five are always there, and each stands in its place. */
        if (arc <= last || arc > 7 || (last < 5 && arc != last + 1)) {
            return FAIL(err, REASON_PCK_EXTENSION, at, "entry .%u behind .%u", arc, last);
        }
        if (!value_read(arc, &v, &p, err) || !cursor_end(&v, err)) {
            return false;
        }
        last = arc;
    }
    if (last < 5) {
        return FAIL(err, REASON_PCK_EXTENSION, list.offset, "the extension ends behind .%u", last);
    }
    *out = p;
    return true;
}
