#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/jose.h"
#include "crypto/key.h"
#include "crypto/sig.h"
#include "crypto/tagged.h"
#include "crypto/tree.h"
#include "test.h"

static void unhex(const char *digits, void *out, size_t len)
{
    struct err err = {0};

    assert_ok(hex_decode(bytes_of_str(digits), out, len, &err), err);
}

/* Before C23 an array of arrays does not become const by itself. */
#define HASHES(a) ((const uint8_t(*)[SHA256_SIZE])(a))

static void assert_hex(const uint8_t *p, size_t len, const char *want)
{
    char digits[2 * 128 + 1];

    hex_encode(bytes_of(p, len), digits);
    assert_string_equal(digits, want);
}

/* FIPS 180-4's examples: "abc". */
static void hashes(void **state)
{
    static const struct {
        enum hash_alg alg;
        const char *digest;
    } cases[] = {
        {HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {HASH_SHA384,
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {HASH_SHA512,
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd45"
         "4d4423643ce80e2a9ac94fa54ca49f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[HASH_SIZE_MAX];
        struct hash h;

        hash_bytes(cases[i].alg, bytes_of_str("abc"), out);
        assert_hex(out, hash_size(cases[i].alg), cases[i].digest);
        hash_init(&h, cases[i].alg);
        hash_add(&h, bytes_of_str("a"));
        hash_add(&h, bytes_of(NULL, 0));
        hash_add(&h, bytes_of_str("bc"));
        hash_end(&h, out);
        assert_hex(out, hash_size(cases[i].alg), cases[i].digest);
    }
}

/* Computed with Python's hashlib from the formula of the header. */
static void tagged_hashes(void **state)
{
    const struct bytes fields[] = {bytes_of(NULL, 0), bytes_of_str("abc")};
    uint8_t out[HASH_SIZE_MAX];

    (void)state;
    tagged_hash(HASH_SHA256, "sotto/test/v1", fields, 2, out);
    assert_hex(out, 32, "31a8af9dfcb43bb81d104255c8094ffa4a2a72b24a22f460f31f1fa5d5e78af8");
    tagged_hash(HASH_SHA384, "x", NULL, 0, out);
    assert_hex(out, 48,
               "4815b975755ee16d8476dc04424cce09f0208fc80d39e9c50558ff46bffb323e94f400838282d18e175a267214cf6426");
}

/* The leaves of the reference tests of RFC 6962's authors; roots computed with Python's hashlib by the recursive
 * definition of section 2.1 (that of eight leaves is also the published one). */
static void trees(void **state)
{
    static const char *const data[] = {
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
    static const char *const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    uint8_t leaves[8][SHA256_SIZE], root[SHA256_SIZE];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        uint8_t bytes[16];

        unhex(data[i], bytes, strlen(data[i]) / 2);
        tree_leaf(bytes_of(bytes, strlen(data[i]) / 2), leaves[i]);
    }
    for (size_t count = 0; count <= 8; count++) {
        tree_root(HASHES(leaves), count, root);
        assert_hex(root, sizeof root, roots[count]);
    }
}

static void paths_lead_to_the_root_and_nowhere_else(void **state)
{
    uint8_t leaves[70][SHA256_SIZE], path[TREE_PATH_MAX + 1][SHA256_SIZE], root[SHA256_SIZE], got[SHA256_SIZE];

    (void)state;
    for (size_t i = 0; i < 70; i++) {
        uint8_t b = (uint8_t)i;

        tree_leaf(bytes_of(&b, 1), leaves[i]);
    }
    for (size_t count = 1; count <= 70; count++) {
        tree_root(HASHES(leaves), count, root);
        for (size_t i = 0; i < count; i++) {
            size_t n = tree_path(HASHES(leaves), count, i, path);

            assert_true(tree_path_root(leaves[i], i, count, HASHES(path), n, got));
            assert_memory_equal(got, root, sizeof root);
            assert_false(tree_path_root(leaves[i], i, count, HASHES(path), n + 1, got));
            assert_false(n > 0 && tree_path_root(leaves[i], i, count, HASHES(path), n - 1, got));
            assert_false(tree_path_root(leaves[i], count, count, HASHES(path), n, got));
            if (n > 0) {
                path[n - 1][0] ^= 1;
                assert_true(tree_path_root(leaves[i], i, count, HASHES(path), n, got));
                assert_memory_not_equal(got, root, sizeof root);
            }
        }
    }
    assert_false(tree_path_root(leaves[0], 0, 0, HASHES(path), 0, got));
}

/* RFC 6979, A.2.5 and A.2.6: message "sample" with SHA-256 and SHA-384. */
static const struct {
    enum sig_curve curve;
    size_t half;
    const char *key, *rs;
} samples[] = {
    {SIG_P256, 32,
     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {SIG_P384, 48,
     "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
     "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
     "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
};

static void signatures(void **state)
{
    static const uint8_t large[4096];

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        size_t n = 2 * samples[i].half;
        enum sig_curve curve = samples[i].curve;
        uint8_t key[96], rs[96], zero[96] = {0};
        struct bytes message = bytes_of_str("sample");
        struct err err = {0};

        unhex(samples[i].key, key, n);
        unhex(samples[i].rs, rs, n);
        assert_ok(sig_check(curve, bytes_of(key, n), message, bytes_of(rs, n), &err), err);
        assert_fails(sig_check(curve, bytes_of(key, n), bytes_of_str("Sample"), bytes_of(rs, n), &err), err,
                     REASON_SIGNATURE_WRONG, ERR_NOWHERE);
        assert_fails(sig_check(curve, bytes_of(key, n), message, bytes_of(rs, n - 1), &err), err, REASON_SIGNATURE_FORM,
                     ERR_NOWHERE);
        assert_fails(sig_check(curve, bytes_of(key, n - 1), message, bytes_of(rs, n), &err), err, REASON_SIGNATURE_FORM,
                     ERR_NOWHERE);
        assert_fails(sig_check(curve, bytes_of(large, sizeof large), message, bytes_of(rs, n), &err), err,
                     REASON_SIGNATURE_FORM, ERR_NOWHERE);
        assert_fails(sig_check(curve, bytes_of(zero, n), message, bytes_of(rs, n), &err), err, REASON_SIGNATURE_FORM,
                     ERR_NOWHERE);
        memset(rs, 0, n / 2); /* r = 0 */
        assert_fails(sig_check(curve, bytes_of(key, n), message, bytes_of(rs, n), &err), err, REASON_SIGNATURE_FORM,
                     ERR_NOWHERE);
        unhex(samples[i].rs, rs, n);
        memset(rs + n / 2, 0xff, n / 2); /* s >= n */
        assert_fails(sig_check(curve, bytes_of(key, n), message, bytes_of(rs, n), &err), err, REASON_SIGNATURE_FORM,
                     ERR_NOWHERE);
        unhex(samples[i].rs, rs, n);
        for (size_t k = 0; k < n; k++) {
            rs[k] ^= 1;
            assert_false(sig_check(curve, bytes_of(key, n), message, bytes_of(rs, n), &err));
            rs[k] ^= 1;
            key[k] ^= 1;
            assert_false(sig_check(curve, bytes_of(key, n), message, bytes_of(rs, n), &err));
            key[k] ^= 1;
        }
    }
}

static void keys_sign_and_come_back(void **state)
{
    struct buf pem = BUF(4096), spki = BUF(200), der = BUF(4096);
    const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    struct err err = {0};
    struct key *k = NULL, *again = NULL;
    uint8_t xy[64], xy2[64], rs[64];

    (void)state;
    assert_ok(key_new(&k, &err), err);
    key_public(k, xy);
    assert_ok(key_sign(k, bytes_of_str("m"), rs, &err), err);
    assert_ok(sig_check(SIG_P256, bytes_of(xy, 64), bytes_of_str("m"), bytes_of(rs, 64), &err), err);
    assert_ok(key_to_pem(k, &pem, &err) && key_from_pem(buf_bytes(&pem), &again, &err), err);
    key_public(again, xy2);
    assert_memory_equal(xy, xy2, 64);
    assert_ok(key_spki(k, &spki, &err), err);
    assert_int_equal(spki.len, 91); /* SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING } */
    assert_memory_equal(spki.p + 27, xy, 64);
    assert_ok(key_self_signed(k, names, 3, 1700000000, 1700086400, &der, &err), err);
    assert_true(der.len > 250);
    assert_fails(key_from_pem(bytes_of_str("-----BEGIN PRIVATE KEY-----\n"), &again, &err), err, REASON_PEM_FORM, 0);
    key_free(k);
    key_free(again);
    buf_done(&pem);
    buf_done(&spki);
    buf_done(&der);
}

static void derived_keys_follow_from_seed_and_label(void **state)
{
    static const uint8_t seed[32] = {1}, other[32] = {2};
    const struct {
        const uint8_t *seed;
        const char *label;
    } cases[] = {{seed, "root"}, {seed, "root"}, {seed, "leaf"}, {other, "root"}};
    uint8_t xy[4][64];
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct key *k = NULL;

        assert_ok(key_derive(bytes_of(cases[i].seed, 32), cases[i].label, &k, &err), err);
        key_public(k, xy[i]);
        key_free(k);
    }
    assert_memory_equal(xy[0], xy[1], 64);
    assert_memory_not_equal(xy[0], xy[2], 64);
    assert_memory_not_equal(xy[0], xy[3], 64);
}

/* The key whose coordinates count from 0 to 63 is on no curve, but has a thumbprint (computed with Python's hashlib
 * from RFC 7638's input). */
static void thumbprints(void **state)
{
    char kid[JWK_KID_SIZE];
    struct err err = {0};
    uint8_t xy[64];

    (void)state;
    for (size_t i = 0; i < sizeof xy; i++) {
        xy[i] = (uint8_t)i;
    }
    assert_ok(jwk_thumbprint(xy, kid, &err), err);
    assert_string_equal(kid, "0r62zgBj277RicA3LnaBKQ5_9RCDIomrlbpWjO0QTG0");
}

static void tokens(void **state)
{
    static const char payload[] = "{\"a\":1}";
    /* {"alg":"none"} . {"a":1} . and {"alg":"ES256"} without kid */
    static const char none[] = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", bare[] = "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.AAAA";
    struct buf token = BUF(4096), out = BUF(4096);
    struct err err = {0};
    struct key *k = NULL, *other = NULL;
    uint8_t xy[64], other_xy[64];

    (void)state;
    assert_ok(key_new(&k, &err) && key_new(&other, &err), err);
    key_public(k, xy);
    key_public(other, other_xy);
    assert_ok(jose_sign(&token, k, "JWT", bytes_of_str(payload), &err), err);
    assert_ok(jose_check(buf_bytes(&token), xy, "JWT", &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str(payload)));
    assert_fails(jose_check(buf_bytes(&token), other_xy, "JWT", &out, &err), err, REASON_JOSE_KEY, 0);
    assert_fails(jose_check(buf_bytes(&token), xy, "receipt", &out, &err), err, REASON_JOSE_KEY, 0);
    assert_fails(jose_check(bytes_of_str(none), xy, "JWT", &out, &err), err, REASON_JOSE_KEY, 0);
    assert_fails(jose_check(bytes_of_str(bare), xy, "JWT", &out, &err), err, REASON_JOSE_KEY, 0);
    assert_fails(jose_check(bytes_of_str("a.b"), xy, "JWT", &out, &err), err, REASON_JOSE_FORM, 0);
    assert_fails(jose_check(bytes_of(NULL, 0), xy, "JWT", &out, &err), err, REASON_JOSE_FORM, 0);
    for (size_t i = 0; i < token.len; i++) {
        token.p[i] ^= 1;
        assert_false(jose_check(buf_bytes(&token), xy, "JWT", &out, &err));
        token.p[i] ^= 1;
        assert_false(jose_check(bytes_of(token.p, i), xy, "JWT", &out, &err));
    }
    assert_int_equal(out.len, sizeof payload - 1); /* nothing was appended by a failure */
    key_free(k);
    key_free(other);
    buf_done(&token);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hashes),
                                       cmocka_unit_test(tagged_hashes),
                                       cmocka_unit_test(trees),
                                       cmocka_unit_test(paths_lead_to_the_root_and_nowhere_else),
                                       cmocka_unit_test(signatures),
                                       cmocka_unit_test(keys_sign_and_come_back),
                                       cmocka_unit_test(derived_keys_follow_from_seed_and_label),
                                       cmocka_unit_test(thumbprints),
                                       cmocka_unit_test(tokens)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
