#include "crypto/sig.h"

#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const struct {
    const char *group;
    size_t half; /* bytes of a coordinate, of r and of s */
    enum hash_alg hash;
} curves[] = {
    [SIG_P256] = {"P-256", 32, HASH_SHA256},
    [SIG_P384] = {"P-384", 48, HASH_SHA384},
};

/* The orders of the base points (FIPS 186-4, appendix D.1.2). */
static const uint8_t order_p256[] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                     0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
static const uint8_t order_p384[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
                                     0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73};

/* 1 <= v < order, both big-endian of half bytes. */
static bool scalar_check(enum sig_curve curve, const uint8_t *v, size_t half)
{
    uint8_t any = 0;

    for (size_t i = 0; i < half; i++) {
        any |= v[i];
    }
    return any != 0 && memcmp(v, curve == SIG_P256 ? order_p256 : order_p384, half) < 0;
}

/* The library checks that the point is on the curve. NULL: it is not, or there is no memory. */
static EVP_PKEY *public_key(enum sig_curve curve, struct bytes xy)
{
    char group[] = "P-256";
    uint8_t point[1 + 96] = {0x04};
    OSSL_PARAM params[3];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    memcpy(group, curves[curve].group, sizeof group);
    memcpy(point + 1, xy.p, xy.len);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + xy.len);
    params[2] = OSSL_PARAM_construct_end();
    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* r || s as the DER that the library wants. The length, or 0. */
static size_t signature_der(struct bytes rs, uint8_t out[128])
{
    size_t half = rs.len / 2;
    BIGNUM *r = BN_bin2bn(rs.p, (int)half, NULL), *s = BN_bin2bn(rs.p + half, (int)half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    uint8_t *to = out;
    int n = 0;

    if (r != NULL && s != NULL && sig != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* the signature's now */
        n = i2d_ECDSA_SIG(sig, NULL) <= 128 ? i2d_ECDSA_SIG(sig, &to) : 0;
    }
    ECDSA_SIG_free(sig);
    BN_free(r);
    BN_free(s);
    return n > 0 ? (size_t)n : 0;
}

bool sig_check(enum sig_curve curve, struct bytes key_xy, struct bytes message, struct bytes rs, struct err *err)
{
    size_t half = curves[curve].half;
    uint8_t digest[HASH_SIZE_MAX], der[128];
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *key = NULL;
    size_t der_len;
    bool ok = false;
    int answer;

    if (key_xy.len != 2 * half || rs.len != 2 * half) {
        return FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "key of %zu bytes, signature of %zu bytes", key_xy.len,
                    rs.len);
    }
    if (!scalar_check(curve, rs.p, half) || !scalar_check(curve, rs.p + half, half)) {
        return FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "r or s is not in 1..n-1");
    }
    hash_bytes(curves[curve].hash, message, digest);
    key = public_key(curve, key_xy);
    if (key == NULL) {
        (void)FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "the public key is no point of %s", curves[curve].group);
        goto out;
    }
    der_len = signature_der(rs, der);
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (der_len == 0 || ctx == NULL || EVP_PKEY_verify_init(ctx) != 1) {
        (void)FAIL(err, REASON_CRYPTO_FAILED, ERR_NOWHERE, "ECDSA could not be set up");
        goto out;
    }
    answer = EVP_PKEY_verify(ctx, der, der_len, digest, hash_size(curves[curve].hash));
    ok = answer == 1 || FAIL(err, REASON_SIGNATURE_WRONG, ERR_NOWHERE, "ECDSA over %zu bytes", message.len);
out:
    ERR_clear_error(); /* what the library thought of hostile bytes must not surface elsewhere */
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}
