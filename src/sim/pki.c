#include "sim/pki.h"

#include "base/limits.h"
#include "codec/der.h"
#include "codec/pem.h"
#include "codec/x509.h"
#include "crypto/tagged.h"
#include "sim/pki_cert.h"

#define CRL_NUMBER 1

static const struct role {
    const char *label; /* of the key */
    enum pki_role issuer;
    struct pki_form form;
} roles[PKI_ROLES] = {
    [PKI_ROOT] = {"sotto-sim root", PKI_ROOT, {SETUP_ROOT_NAME, true, 1}},
    [PKI_CA] = {"sotto-sim platform CA", PKI_ROOT, {"SIMULATED SGX PCK Platform CA", true, 0}},
    [PKI_PCK] = {"sotto-sim PCK", PKI_CA, {"SIMULATED SGX PCK Certificate", false, 0}},
    [PKI_SIGNER] = {"sotto-sim TCB signer", PKI_ROOT, {"SIMULATED SGX TCB Signing", false, 0}},
};

/* Keys, the MAC key and the public id. */
static bool keys_derive(const uint8_t seed[PKI_SEED_SIZE], struct pki *p, struct err *err)
{
    const struct bytes secret = bytes_of(seed, PKI_SEED_SIZE);
    uint8_t xy[64];
    struct bytes id = bytes_of(xy, sizeof xy);

    for (size_t i = 0; i < PKI_ROLES; i++) {
        if (!key_derive(secret, roles[i].label, &p->keys[i], err)) {
            return false;
        }
    }
    if (!key_derive(secret, "sotto-sim attestation key", &p->attestation, err)) {
        return false;
    }
    key_public(p->keys[PKI_ROOT], xy);
    tagged_hash(HASH_SHA256, "sotto-sim/installation/v1", &id, 1, p->id);
    tagged_hash(HASH_SHA256, "sotto-sim/mac-key/v1", &secret, 1, p->mac_key);
    return true;
}

/* A positive number of 16 bytes that is the role's own in this installation. */
static void serial_form(const struct pki *p, enum pki_role role, uint8_t out[PKI_SERIAL_SIZE])
{
    const uint8_t number = (uint8_t)role;
    const struct bytes fields[] = {bytes_of(p->id, sizeof p->id), bytes_of(&number, 1)};
    uint8_t digest[SHA256_SIZE];

    tagged_hash(HASH_SHA256, "sotto-sim/serial/v1", fields, 2, digest);
    memcpy(out, digest, PKI_SERIAL_SIZE);
    out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
}

static struct setup_window window_get(const struct setup *s, enum pki_role role)
{
    switch (role) {
    case PKI_CA:
        return s->ca;
    case PKI_PCK:
        return s->pck;
    case PKI_SIGNER:
        return s->signer;
    case PKI_ROOT:
    case PKI_ROLES:
        break;
    }
    return s->root;
}

/* Which of the two CAs vouches for the platform, its name says. */
static const struct pki_form *form_get(enum pki_role role, const struct setup *s)
{
    static const struct pki_form processor = {"SIMULATED SGX PCK Processor CA", true, 0};

    return role == PKI_CA && s->processor ? &processor : &roles[role].form;
}

static bool cert_new(struct pki *p, enum pki_role role, const struct setup *s, struct err *err)
{
    struct pki_cert c = {.form = form_get(role, s),
                         .issuer_form = form_get(roles[role].issuer, s),
                         .key = p->keys[role],
                         .issuer_key = p->keys[roles[role].issuer],
                         .window = window_get(s, role),
                         .sgx = role == PKI_PCK ? s : NULL,
                         .instance = p->id};

    serial_form(p, role, c.serial);
    p->certs[role] = BUF(LIMIT_CERT);
    return pki_cert_print(&c, &p->certs[role], err);
}

bool pki_new(const uint8_t seed[PKI_SEED_SIZE], const struct setup *s, struct pki *out, struct err *err)
{
    struct pki p = {0};
    bool ok = keys_derive(seed, &p, err);

    for (size_t i = 0; ok && i < PKI_ROLES; i++) {
        ok = cert_new(&p, (enum pki_role)i, s, err);
    }
    if (!ok) {
        pki_done(&p);
        return false;
    }
    *out = p;
    return true;
}

static bool certs_copy(struct pki *p, const struct pem *saved, struct err *err)
{
    uint8_t xy[64];
    struct x509 x;

    if (saved->count != PKI_ROLES) {
        return FAIL(err, REASON_SIM_STATE, ERR_NOWHERE, "%zu certificates, not %d", saved->count, PKI_ROLES);
    }
    for (size_t i = 0; i < PKI_ROLES; i++) {
        p->certs[i] = BUF(LIMIT_CERT);
        if (!x509_parse(saved->blocks[i], &x, err) ||
            !buf_add(&p->certs[i], saved->blocks[i].p, saved->blocks[i].len, err)) {
            return false;
        }
        key_public(p->keys[i], xy);
        if (memcmp(x.key_xy, xy, sizeof xy) != 0) {
            return FAIL(err, REASON_SIM_STATE, ERR_NOWHERE, "certificate %zu is not of the seed's key", i);
        }
    }
    return true;
}

bool pki_load(const uint8_t seed[PKI_SEED_SIZE], struct bytes saved, struct pki *out, struct err *err)
{
    struct pki p = {0};
    struct pem pem = {0};
    bool ok;

    if (!pem_parse(saved, "CERTIFICATE", &pem, err)) {
        return false;
    }
    ok = keys_derive(seed, &p, err) && certs_copy(&p, &pem, err);
    pem_done(&pem);
    if (!ok) {
        pki_done(&p);
        return false;
    }
    *out = p;
    return true;
}

bool pki_save(const struct pki *p, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < PKI_ROLES; i++) {
        if (!pem_add(out, "CERTIFICATE", buf_bytes(&p->certs[i]), err)) {
            return false;
        }
    }
    return true;
}

void pki_done(struct pki *p)
{
    for (size_t i = 0; i < PKI_ROLES; i++) {
        key_free(p->keys[i]);
        p->keys[i] = NULL;
        buf_done(&p->certs[i]);
    }
    key_free(p->attestation);
    p->attestation = NULL;
    explicit_bzero(p->mac_key, sizeof p->mac_key);
}

void pki_root_sha256(const struct pki *p, uint8_t out[32])
{
    hash_bytes(HASH_SHA256, buf_bytes(&p->certs[PKI_ROOT]), out);
}

bool pki_sign_again(const struct pki *p, enum pki_role issuer, struct buf *der, struct err *err)
{
    struct cursor c = cursor_init(der->p, der->len), content;
    struct buf again = BUF(LIMIT_CRL);
    struct der tbs;

    if (!der_expect(&c, DER_SEQUENCE, &content, err) || !der_next(&content, &tbs, err) ||
        !pki_cert_sign(tbs.whole, p->keys[issuer], &again, err)) {
        buf_done(&again);
        return false;
    }
    again.max = der->max;
    buf_done(der);
    *der = again;
    return true;
}

bool pki_chain(const struct pki *p, enum pki_role leaf, struct buf *out, struct err *err)
{
    enum pki_role role = leaf;

    for (;;) {
        if (!pem_add(out, "CERTIFICATE", buf_bytes(&p->certs[role]), err)) {
            return false;
        }
        if (role == PKI_ROOT) {
            return true;
        }
        role = roles[role].issuer;
    }
}

bool pki_crl(const struct pki *p, enum pki_role role, const struct setup *s, struct buf *out, struct err *err)
{
    struct pki_list l = {.form = form_get(role, s),
                         .key = p->keys[role],
                         .window = role == PKI_ROOT ? s->root_crl : s->ca_crl,
                         .number = CRL_NUMBER};
    const struct {
        bool revoked;
        enum pki_role role;
    } candidates[] = {{s->revoke_ca, PKI_CA}, {s->revoke_signer, PKI_SIGNER}, {s->revoke_pck, PKI_PCK}};

    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (candidates[i].revoked && roles[candidates[i].role].issuer == role) {
            serial_form(p, candidates[i].role, l.serials[l.count++]);
        }
    }
    return pki_cert_list_print(&l, out, err);
}
