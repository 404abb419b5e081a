#include "crypto/key.h"

#include "crypto/hash.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct key {
    EVP_PKEY *pkey;
    uint8_t xy[64];
};

/* What the library says last; its queue is empty afterwards. */
static bool crypto_fail(struct err *err, const char *what)
{
    char text[120] = "no reason given";
    unsigned long e = ERR_get_error();

    if (e != 0) {
        ERR_error_string_n(e, text, sizeof text);
    }
    ERR_clear_error();
    return FAIL(err, REASON_CRYPTO_FAILED, ERR_NOWHERE, "%s: %s", what, text);
}

/* Takes pkey over. */
static bool key_wrap(EVP_PKEY *pkey, struct key **out, struct err *err)
{
    struct key *k = calloc(1, sizeof *k);
    uint8_t point[65];
    size_t len = 0;
    char group[32] = "";

    if (k == NULL) {
        EVP_PKEY_free(pkey);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a key");
    }
    k->pkey = pkey;
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0 ||
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) != 1 || len != 65 ||
        point[0] != 0x04) {
        key_free(k);
        ERR_clear_error();
        return FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "not an uncompressed P-256 key");
    }
    memcpy(k->xy, point + 1, 64);
    *out = k;
    return true;
}

bool key_new(struct key **out, struct err *err)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    return pkey != NULL ? key_wrap(pkey, out, err) : crypto_fail(err, "EC key generation");
}

/* HKDF-SHA256(seed, info = label || attempt), 32 bytes. */
static bool scalar_derive(struct bytes seed, const char *label, uint8_t attempt, uint8_t out[32])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    char digest[] = "SHA256";
    uint8_t info[128], key[64];
    size_t n = strlen(label);
    OSSL_PARAM params[4];
    bool ok = ctx != NULL && n + 1 <= sizeof info && seed.len <= sizeof key;

    if (ok) {
        memcpy(key, seed.p, seed.len);
        memcpy(info, label, n);
        info[n] = attempt;
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
        params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, seed.len);
        params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, n + 1);
        params[3] = OSSL_PARAM_construct_end();
        ok = EVP_KDF_derive(ctx, out, 32, params) == 1;
        OPENSSL_cleanse(key, sizeof key);
    }
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

/* The key pair of a private scalar. NULL: the scalar is out of range, or the library failed. */
static EVP_PKEY *pkey_of_scalar(const uint8_t scalar[32])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    BIGNUM *d = BN_secure_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char name[] = "P-256";
    uint8_t xy[65], native[32];
    OSSL_PARAM params[4];
    EVP_PKEY *pkey = NULL;

    if (point == NULL || d == NULL || ctx == NULL || BN_bin2bn(scalar, 32, d) == NULL || BN_is_zero(d) ||
        BN_cmp(d, EC_GROUP_get0_order(group)) >= 0 || EC_POINT_mul(group, point, d, NULL, NULL, NULL) != 1 ||
        EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, xy, sizeof xy, NULL) != sizeof xy ||
        BN_bn2nativepad(d, native, sizeof native) != (int)sizeof native) {
        goto out;
    }
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, xy, sizeof xy);
    params[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof native);
    params[3] = OSSL_PARAM_construct_end();
    if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
        pkey = NULL;
    }
    OPENSSL_cleanse(native, sizeof native);
out:
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return pkey;
}

bool key_derive(struct bytes seed, const char *label, struct key **out, struct err *err)
{
    EVP_PKEY *pkey = NULL;
    uint8_t scalar[32];

    /* A scalar is refused once in 2^32: four attempts do. */
    for (uint8_t attempt = 0; pkey == NULL && attempt < 4; attempt++) {
        if (!scalar_derive(seed, label, attempt, scalar)) {
            return crypto_fail(err, "HKDF");
        }
        pkey = pkey_of_scalar(scalar);
    }
    OPENSSL_cleanse(scalar, sizeof scalar);
    return pkey != NULL ? key_wrap(pkey, out, err) : crypto_fail(err, "EC key derivation");
}

bool key_from_pem(struct bytes pem, struct key **out, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)(pem.len < 65536 ? pem.len : 65536));
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    if (pkey == NULL) {
        ERR_clear_error();
        return FAIL(err, REASON_PEM_FORM, 0, "not a private key in PEM");
    }
    return key_wrap(pkey, out, err);
}

bool key_to_pem(const struct key *k, struct buf *out, struct err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long n;
    bool ok;

    if (bio == NULL || PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(bio);
        return crypto_fail(err, "PEM");
    }
    n = BIO_get_mem_data(bio, &text);
    ok = buf_add(out, text, n > 0 ? (size_t)n : 0, err);
    OPENSSL_cleanse(text, n > 0 ? (size_t)n : 0);
    BIO_free(bio);
    return ok;
}

void key_free(struct key *k)
{
    if (k != NULL) {
        EVP_PKEY_free(k->pkey); /* wipes */
        free(k);
    }
}

void key_public(const struct key *k, uint8_t xy[64])
{
    memcpy(xy, k->xy, 64);
}

void *key_native(const struct key *k)
{
    return k->pkey;
}

bool key_spki(const struct key *k, struct buf *out, struct err *err)
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(k->pkey, &der);
    bool ok = n > 0 ? buf_add(out, der, (size_t)n, err) : crypto_fail(err, "SubjectPublicKeyInfo");

    OPENSSL_free(der);
    return ok;
}

bool key_sign(const struct key *k, struct bytes message, uint8_t rs[64], struct err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    uint8_t digest[SHA256_SIZE], der[80];
    const uint8_t *p = der;
    size_t n = sizeof der;
    ECDSA_SIG *sig = NULL;
    bool ok = false;

    hash_bytes(HASH_SHA256, message, digest);
    if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &n, digest, sizeof digest) == 1 &&
        (sig = d2i_ECDSA_SIG(NULL, &p, (long)n)) != NULL) {
        ok =
            BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32;
    }
    ECDSA_SIG_free(sig);
    EVP_PKEY_CTX_free(ctx);
    return ok || crypto_fail(err, "ECDSA");
}

/* subjectAltName in OpenSSL's own notation: "DNS:localhost,IP:127.0.0.1". */
static bool names_add(X509 *x, const char *const *names, size_t count)
{
    char text[1024] = "";
    size_t len = 0;
    X509_EXTENSION *ext;
    bool ok;

    for (size_t i = 0; i < count; i++) {
        bool address = names[i][strspn(names[i], "0123456789.")] == '\0' || strchr(names[i], ':') != NULL;
        int n = snprintf(text + len, sizeof text - len, "%s%s:%s", i > 0 ? "," : "", address ? "IP" : "DNS", names[i]);

        if (n < 0 || (size_t)n >= sizeof text - len) {
            return false;
        }
        len += (size_t)n;
    }
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
    ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

bool key_self_signed(const struct key *k, const char *const *names, size_t count, int64_t not_before, int64_t not_after,
                     struct buf *der, struct err *err)
{
    X509 *x = X509_new();
    X509_NAME *name = x != NULL ? X509_get_subject_name(x) : NULL;
    uint8_t *bytes = NULL;
    int n = 0;
    bool ok;

    if (x != NULL && count > 0 && X509_set_version(x, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), (uint64_t)not_before) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)names[0], -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, name) == 1 && ASN1_TIME_set(X509_getm_notBefore(x), (time_t)not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(x), (time_t)not_after) != NULL && X509_set_pubkey(x, k->pkey) == 1 &&
        names_add(x, names, count) && X509_sign(x, k->pkey, EVP_sha256()) > 0) {
        n = i2d_X509(x, &bytes);
    }
    ok = n > 0 ? buf_add(der, bytes, (size_t)n, err) : crypto_fail(err, "a self-signed certificate");
    OPENSSL_free(bytes);
    X509_free(x);
    return ok;
}
