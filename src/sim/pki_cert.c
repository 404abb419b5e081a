#include "sim/pki_cert.h"

#include "base/limits.h"
#include "codec/der_out.h"
#include "crypto/hash.h"

#define KEY_ID_SIZE 20
#define BYTES(...) bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define OID_COMMON_NAME BYTES(0x55, 0x04, 0x03)
#define OID_ORGANIZATION BYTES(0x55, 0x04, 0x0a)
#define OID_COUNTRY BYTES(0x55, 0x04, 0x06)
#define OID_ECDSA_SHA256 BYTES(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)
#define OID_SUBJECT_KEY_ID BYTES(0x55, 0x1d, 0x0e)
#define OID_KEY_USAGE BYTES(0x55, 0x1d, 0x0f)
#define OID_BASIC_CONSTRAINTS BYTES(0x55, 0x1d, 0x13)
#define OID_CRL_NUMBER BYTES(0x55, 0x1d, 0x14)
#define OID_CRL_POINTS BYTES(0x55, 0x1d, 0x1f)
#define OID_AUTHORITY_KEY_ID BYTES(0x55, 0x1d, 0x23)
#define OID_SGX BYTES(0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01)

#define CRL_URI "http://127.0.0.1/SIMULATED/crl.der"

/* RFC 7093, section 2, method 1: the first 160 bits of SHA-256 over the public key's bits. */
static void key_id(const struct key *k, uint8_t out[KEY_ID_SIZE])
{
    uint8_t point[65] = {0x04}, digest[SHA256_SIZE];

    key_public(k, point + 1);
    hash_bytes(HASH_SHA256, bytes_of(point, sizeof point), digest);
    memcpy(out, digest, KEY_ID_SIZE);
}

static bool algorithm(struct buf *b, struct err *err)
{
    size_t seq;

    return der_out_begin(b, DER_SEQUENCE, &seq, err) && der_out_element(b, DER_OID, OID_ECDSA_SHA256, err) &&
           der_out_end(b, seq, err);
}

static bool name_part(struct buf *b, struct bytes oid, unsigned tag, const char *text, struct err *err)
{
    size_t set, seq;

    return der_out_begin(b, DER_SET, &set, err) && der_out_begin(b, DER_SEQUENCE, &seq, err) &&
           der_out_element(b, DER_OID, oid, err) && der_out_text(b, tag, text, err) && der_out_end(b, seq, err) &&
           der_out_end(b, set, err);
}

static bool name(struct buf *b, const struct pki_form *form, struct err *err)
{
    size_t seq;

    return der_out_begin(b, DER_SEQUENCE, &seq, err) &&
           name_part(b, OID_COMMON_NAME, DER_UTF8_STRING, form->common_name, err) &&
           name_part(b, OID_ORGANIZATION, DER_UTF8_STRING, "no security", err) &&
           name_part(b, OID_COUNTRY, DER_PRINTABLE_STRING, "ZZ", err) && der_out_end(b, seq, err);
}

/* ---- extensions ---- */

/* Opens an extension up to the content of its OCTET STRING. */
static bool extension_begin(struct buf *b, struct bytes oid, bool critical, size_t marks[2], struct err *err)
{
    return der_out_begin(b, DER_SEQUENCE, &marks[0], err) && der_out_element(b, DER_OID, oid, err) &&
           (!critical || der_out_boolean(b, true, err)) && der_out_begin(b, DER_OCTET_STRING, &marks[1], err);
}

static bool extension_end(struct buf *b, const size_t marks[2], struct err *err)
{
    return der_out_end(b, marks[1], err) && der_out_end(b, marks[0], err);
}

static bool authority_key_id(struct buf *b, const struct key *k, struct err *err)
{
    uint8_t id[KEY_ID_SIZE];
    size_t marks[2], seq;

    key_id(k, id);
    return extension_begin(b, OID_AUTHORITY_KEY_ID, false, marks, err) && der_out_begin(b, DER_SEQUENCE, &seq, err) &&
           der_out_element(b, DER_CONTEXT(0), bytes_of(id, sizeof id), err) && der_out_end(b, seq, err) &&
           extension_end(b, marks, err);
}

static bool subject_key_id(struct buf *b, const struct key *k, struct err *err)
{
    uint8_t id[KEY_ID_SIZE];
    size_t marks[2];

    key_id(k, id);
    return extension_begin(b, OID_SUBJECT_KEY_ID, false, marks, err) &&
           der_out_element(b, DER_OCTET_STRING, bytes_of(id, sizeof id), err) && extension_end(b, marks, err);
}

static bool crl_points(struct buf *b, struct err *err)
{
    size_t marks[2], m[4];

    return extension_begin(b, OID_CRL_POINTS, false, marks, err) && der_out_begin(b, DER_SEQUENCE, &m[0], err) &&
           der_out_begin(b, DER_SEQUENCE, &m[1], err) && der_out_begin(b, DER_CONTEXT_CONSTRUCTED(0), &m[2], err) &&
           der_out_begin(b, DER_CONTEXT_CONSTRUCTED(0), &m[3], err) && der_out_text(b, DER_CONTEXT(6), CRL_URI, err) &&
           der_out_end(b, m[3], err) && der_out_end(b, m[2], err) && der_out_end(b, m[1], err) &&
           der_out_end(b, m[0], err) && extension_end(b, marks, err);
}

static bool key_usage(struct buf *b, const struct pki_form *form, struct err *err)
{
    const struct bytes bits = form->ca ? BYTES(0x06) : BYTES(0xc0); /* certificates and CRLs; signatures */
    size_t marks[2];

    return extension_begin(b, OID_KEY_USAGE, true, marks, err) && der_out_bits(b, bits, form->ca ? 1 : 6, err) &&
           extension_end(b, marks, err);
}

static bool basic_constraints(struct buf *b, const struct pki_form *form, struct err *err)
{
    size_t marks[2], seq;

    return extension_begin(b, OID_BASIC_CONSTRAINTS, true, marks, err) && der_out_begin(b, DER_SEQUENCE, &seq, err) &&
           (!form->ca || (der_out_boolean(b, true, err) && der_out_uint(b, DER_INTEGER, form->path_len, err))) &&
           der_out_end(b, seq, err) && extension_end(b, marks, err);
}

/* ---- the SGX extension ---- */

/* SEQUENCE { OID sgx.path, ... up to the value; path: one or two more arcs below 128. */
static bool sgx_begin(struct buf *b, unsigned arc1, unsigned arc2, size_t *mark, struct err *err)
{
    uint8_t oid[11];
    const struct bytes base = OID_SGX;

    memcpy(oid, base.p, base.len);
    oid[base.len] = (uint8_t)arc1;
    oid[base.len + 1] = (uint8_t)arc2;
    return der_out_begin(b, DER_SEQUENCE, mark, err) &&
           der_out_element(b, DER_OID, bytes_of(oid, base.len + (arc2 != 0 ? 2u : 1u)), err);
}

static bool sgx_octets(struct buf *b, unsigned arc1, unsigned arc2, const uint8_t *p, size_t len, struct err *err)
{
    size_t m;

    return sgx_begin(b, arc1, arc2, &m, err) && der_out_element(b, DER_OCTET_STRING, bytes_of(p, len), err) &&
           der_out_end(b, m, err);
}

static bool sgx_number(struct buf *b, unsigned arc1, unsigned arc2, unsigned tag, uint64_t v, struct err *err)
{
    size_t m;

    return sgx_begin(b, arc1, arc2, &m, err) && der_out_uint(b, tag, v, err) && der_out_end(b, m, err);
}

static bool sgx_flag(struct buf *b, unsigned arc2, bool v, struct err *err)
{
    size_t m;

    return sgx_begin(b, 7, arc2, &m, err) && der_out_boolean(b, v, err) && der_out_end(b, m, err);
}

static bool sgx_tcb(struct buf *b, const struct setup *s, struct err *err)
{
    size_t m, seq;

    if (!sgx_begin(b, 2, 0, &m, err) || !der_out_begin(b, DER_SEQUENCE, &seq, err)) {
        return false;
    }
    for (unsigned i = 0; i < sizeof s->svn; i++) {
        if (!sgx_number(b, 2, i + 1, DER_INTEGER, s->svn[i], err)) {
            return false;
        }
    }
    return sgx_number(b, 2, 17, DER_INTEGER, s->pcesvn, err) &&
           sgx_octets(b, 2, 18, s->cpusvn, sizeof s->cpusvn, err) && der_out_end(b, seq, err) && der_out_end(b, m, err);
}

/* What only a platform CA states. */
static bool sgx_platform(struct buf *b, const struct setup *s, const uint8_t *instance, struct err *err)
{
    size_t m, seq;

    return sgx_octets(b, 6, 0, instance, 16, err) && sgx_begin(b, 7, 0, &m, err) &&
           der_out_begin(b, DER_SEQUENCE, &seq, err) && sgx_flag(b, 1, s->dynamic, err) &&
           sgx_flag(b, 2, s->cached_keys, err) && sgx_flag(b, 3, s->smt, err) && der_out_end(b, seq, err) &&
           der_out_end(b, m, err);
}

static bool sgx_extension(struct buf *b, const struct setup *s, const uint8_t *instance, struct err *err)
{
    size_t marks[2], all;

    return extension_begin(b, OID_SGX, false, marks, err) && der_out_begin(b, DER_SEQUENCE, &all, err) &&
           sgx_octets(b, 1, 0, s->ppid, sizeof s->ppid, err) && sgx_tcb(b, s, err) &&
           sgx_octets(b, 3, 0, s->pceid, sizeof s->pceid, err) && sgx_octets(b, 4, 0, s->fmspc, sizeof s->fmspc, err) &&
           sgx_number(b, 5, 0, DER_ENUMERATED, s->processor ? 0 : 1, err) &&
           (s->processor || sgx_platform(b, s, instance, err)) && der_out_end(b, all, err) &&
           extension_end(b, marks, err);
}

/* ---- certificates ---- */

static bool extensions(struct buf *b, const struct pki_cert *c, struct err *err)
{
    size_t outer, seq;

    return der_out_begin(b, DER_CONTEXT_CONSTRUCTED(3), &outer, err) && der_out_begin(b, DER_SEQUENCE, &seq, err) &&
           authority_key_id(b, c->issuer_key, err) && crl_points(b, err) && subject_key_id(b, c->key, err) &&
           key_usage(b, c->form, err) && basic_constraints(b, c->form, err) &&
           (c->sgx == NULL || sgx_extension(b, c->sgx, c->instance, err)) && der_out_end(b, seq, err) &&
           der_out_end(b, outer, err);
}

static bool validity(struct buf *b, const struct setup_window *w, struct err *err)
{
    size_t seq;

    return der_out_begin(b, DER_SEQUENCE, &seq, err) && der_out_time(b, w->from, err) && der_out_time(b, w->to, err) &&
           der_out_end(b, seq, err);
}

static bool certificate_tbs(const struct pki_cert *c, struct buf *b, struct err *err)
{
    size_t tbs, version;

    return der_out_begin(b, DER_SEQUENCE, &tbs, err) && der_out_begin(b, DER_CONTEXT_CONSTRUCTED(0), &version, err) &&
           der_out_uint(b, DER_INTEGER, 2, err) && der_out_end(b, version, err) &&
           der_out_positive(b, bytes_of(c->serial, sizeof c->serial), err) && algorithm(b, err) &&
           name(b, c->issuer_form, err) && validity(b, &c->window, err) && name(b, c->form, err) &&
           key_spki(c->key, b, err) && extensions(b, c, err) && der_out_end(b, tbs, err);
}

bool pki_cert_sign(struct bytes tbs, const struct key *k, struct buf *out, struct err *err)
{
    struct buf sig = BUF(128);
    uint8_t rs[64];
    size_t seq;
    bool ok = key_sign(k, tbs, rs, err) && der_out_ecdsa(&sig, bytes_of(rs, sizeof rs), err) &&
              der_out_begin(out, DER_SEQUENCE, &seq, err) && buf_add(out, tbs.p, tbs.len, err) && algorithm(out, err) &&
              der_out_bits(out, buf_bytes(&sig), 0, err) && der_out_end(out, seq, err);

    buf_done(&sig);
    return ok;
}

bool pki_cert_print(const struct pki_cert *c, struct buf *out, struct err *err)
{
    struct buf tbs = BUF(LIMIT_CERT);
    bool ok = certificate_tbs(c, &tbs, err) && pki_cert_sign(buf_bytes(&tbs), c->issuer_key, out, err);

    buf_done(&tbs);
    return ok;
}

/* ---- CRLs ---- */

static bool revoked(const struct pki_list *l, struct buf *b, struct err *err)
{
    size_t all, one;

    if (l->count == 0) {
        return true; /* RFC 5280, section 5.1.2.6: the list must then be absent */
    }
    if (!der_out_begin(b, DER_SEQUENCE, &all, err)) {
        return false;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (!der_out_begin(b, DER_SEQUENCE, &one, err) ||
            !der_out_positive(b, bytes_of(l->serials[i], PKI_SERIAL_SIZE), err) ||
            !der_out_time(b, l->window.from, err) || !der_out_end(b, one, err)) {
            return false;
        }
    }
    return der_out_end(b, all, err);
}

static bool list_extensions(const struct pki_list *l, struct buf *b, struct err *err)
{
    size_t outer, seq, marks[2];

    return der_out_begin(b, DER_CONTEXT_CONSTRUCTED(0), &outer, err) && der_out_begin(b, DER_SEQUENCE, &seq, err) &&
           extension_begin(b, OID_CRL_NUMBER, false, marks, err) && der_out_uint(b, DER_INTEGER, l->number, err) &&
           extension_end(b, marks, err) && authority_key_id(b, l->key, err) && der_out_end(b, seq, err) &&
           der_out_end(b, outer, err);
}

static bool list_tbs(const struct pki_list *l, struct buf *b, struct err *err)
{
    size_t tbs;

    return der_out_begin(b, DER_SEQUENCE, &tbs, err) && der_out_uint(b, DER_INTEGER, 1, err) && algorithm(b, err) &&
           name(b, l->form, err) && der_out_time(b, l->window.from, err) && der_out_time(b, l->window.to, err) &&
           revoked(l, b, err) && list_extensions(l, b, err) && der_out_end(b, tbs, err);
}

bool pki_cert_list_print(const struct pki_list *l, struct buf *out, struct err *err)
{
    struct buf tbs = BUF(LIMIT_CRL);
    bool ok = list_tbs(l, &tbs, err) && pki_cert_sign(buf_bytes(&tbs), l->key, out, err);

    buf_done(&tbs);
    return ok;
}
