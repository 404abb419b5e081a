/* ECDSA by OpenSSL's low-level calls: through EVP each check costs half as much again, for objects that are made and
 * thrown away. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sig.h"

#include "crypto/hash.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <threads.h>

static const struct {
    const char *name;
    int nid;
    size_t half; /* bytes of a coordinate, of r and of s */
    enum hash_alg hash;
} curves[] = {
    [SIG_P256] = {"P-256", NID_X9_62_prime256v1, 32, HASH_SHA256},
    [SIG_P384] = {"P-384", NID_secp384r1, 48, HASH_SHA384},
};

/* The curves' tables, made once and read by every thread from then on; NULL: there was no memory. */
static EC_GROUP *groups[sizeof curves / sizeof *curves];
static once_flag groups_once = ONCE_FLAG_INIT;

static void groups_make(void)
{
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        groups[i] = EC_GROUP_new_by_curve_name(curves[i].nid);
    }
}

/* r || s. NULL: no memory. */
static ECDSA_SIG *signature_new(struct bytes rs)
{
    const int half = (int)(rs.len / 2);
    BIGNUM *r = BN_bin2bn(rs.p, half, NULL), *s = BN_bin2bn(rs.p + half, half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();

    if (r == NULL || s == NULL || sig == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        ECDSA_SIG_free(sig);
        BN_free(r);
        BN_free(s);
        return NULL;
    }
    return sig;
}

/* 1 <= v < the order of the curve's base point. */
static bool scalar_check(const EC_GROUP *group, const BIGNUM *v)
{
    return !BN_is_zero(v) && BN_cmp(v, EC_GROUP_get0_order(group)) < 0;
}

bool sig_check(enum sig_curve curve, struct bytes key_xy, struct bytes message, struct bytes rs, struct err *err)
{
    const size_t half = curves[curve].half;
    uint8_t digest[HASH_SIZE_MAX], point[1 + 96] = {0x04};
    ECDSA_SIG *sig = NULL;
    EC_KEY *key = NULL;
    bool ok = false;
    int answer;

    if (key_xy.len != 2 * half || rs.len != 2 * half) {
        return FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "key of %zu bytes, signature of %zu bytes", key_xy.len,
                    rs.len);
    }
    call_once(&groups_once, groups_make);
    hash_bytes(curves[curve].hash, message, digest);
    memcpy(point + 1, key_xy.p, key_xy.len);
    key = EC_KEY_new();
    sig = signature_new(rs);
    if (groups[curve] == NULL || key == NULL || sig == NULL || EC_KEY_set_group(key, groups[curve]) != 1) {
        (void)FAIL(err, REASON_CRYPTO_FAILED, ERR_NOWHERE, "ECDSA could not be set up");
        goto out;
    }
    if (!scalar_check(groups[curve], ECDSA_SIG_get0_r(sig)) || !scalar_check(groups[curve], ECDSA_SIG_get0_s(sig))) {
        (void)FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "r or s is not in 1..n-1");
        goto out;
    }
    /* The library checks that both coordinates are of the field and the point is on the curve. */
    if (EC_KEY_oct2key(key, point, 1 + key_xy.len, NULL) != 1) {
        (void)FAIL(err, REASON_SIGNATURE_FORM, ERR_NOWHERE, "the public key is no point of %s", curves[curve].name);
        goto out;
    }
    answer = ECDSA_do_verify(digest, (int)hash_size(curves[curve].hash), sig, key);
    /* Negative also where the sum is the point at infinity, which who holds the key can bring about. */
    if (answer < 0 && ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
        (void)FAIL(err, REASON_CRYPTO_FAILED, ERR_NOWHERE, "ECDSA could not be checked");
        goto out;
    }
    ok = answer == 1 || FAIL(err, REASON_SIGNATURE_WRONG, ERR_NOWHERE, "ECDSA over %zu bytes", message.len);
out:
    ERR_clear_error(); /* what the library thought of hostile bytes must not surface elsewhere */
    ECDSA_SIG_free(sig);
    EC_KEY_free(key);
    return ok;
}
