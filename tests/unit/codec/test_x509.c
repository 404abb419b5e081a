#include "bad.h"
#include "codec/der_out.h"
#include "codec/pem.h"
#include "codec/x509.h"

static void der_round_trips(void **state)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 255, 256, 32767, 32768, UINT32_MAX, UINT64_MAX};
    static const int64_t times[] = {-631152000 /* 1950 */, 0, 1795521600, 2524607999, 2524608000, 253402300799};
    struct buf b = BUF(100000);
    struct err err = {0};
    struct cursor c, seq, big;
    size_t mark, inner;
    bool v;

    (void)state;
    assert_true(der_out_begin(&b, DER_SEQUENCE, &mark, &err));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(der_out_uint(&b, DER_INTEGER, numbers[i], &err));
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_true(der_out_time(&b, times[i], &err));
    }
    assert_true(der_out_boolean(&b, true, &err) && der_out_begin(&b, DER_OCTET_STRING, &inner, &err) &&
                buf_zero(&b, 65536, &err) && der_out_end(&b, inner, &err) && der_out_end(&b, mark, &err));
    c = cursor_init(b.p, b.len);
    assert_ok(der_expect(&c, DER_SEQUENCE, &seq, &err) && cursor_end(&c, &err), err);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t n;

        assert_ok(der_uint(&seq, DER_INTEGER, UINT64_MAX, &n, &err), err);
        assert_true(n == numbers[i]);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t t;

        assert_ok(der_time(&seq, &t, &err), err);
        assert_true(t == times[i]);
    }
    assert_true(der_boolean(&seq, &v, &err) && v && der_expect(&seq, DER_OCTET_STRING, &big, &err));
    assert_true(big.left == 65536 && cursor_end(&seq, &err));
    buf_done(&b);
}

/* Every r, s that 64 bytes can say survives the DER form, leading zeros and high bits included. */
static void ecdsa_round_trips(void **state)
{
    uint8_t rs[64], back[64];
    struct err err = {0};

    (void)state;
    for (unsigned zeros = 0; zeros < 32; zeros++) {
        struct buf b = BUF(100);

        memset(rs, 0x80 + (int)zeros, sizeof rs);
        memset(rs, 0, zeros);
        rs[32] = 0x7f;
        assert_true(der_out_ecdsa(&b, bytes_of(rs, 64), &err));
        assert_ok(der_ecdsa(buf_bytes(&b), 32, back, &err), err);
        assert_memory_equal(rs, back, 64);
        buf_done(&b);
    }
}

/* r or s of a byte more than there is room for. */
static void ecdsa_that_is_too_long(void **state)
{
    struct err err = {0};
    uint8_t rs[66];

    (void)state;
    memset(rs, 0x11, sizeof rs);
    for (unsigned longer = 0; longer < 2; longer++) {
        struct buf b = BUF(100);
        uint8_t out[64] = {0};
        size_t seq;

        assert_true(der_out_begin(&b, DER_SEQUENCE, &seq, &err) &&
                    der_out_positive(&b, bytes_of(rs, longer == 0 ? 33 : 32), &err) &&
                    der_out_positive(&b, bytes_of(rs, longer == 1 ? 33 : 32), &err) && der_out_end(&b, seq, &err));
        assert_fails(der_ecdsa(buf_bytes(&b), 32, out, &err), err, REASON_DER_VALUE, 0);
        buf_done(&b);
    }
}

static void pem_round_trips(void **state)
{
    struct buf text = BUF(10000);
    struct err err = {0};
    uint8_t der[200];
    struct pem p;

    (void)state;
    memset(der, 0xa5, sizeof der);
    for (size_t n = 1; n <= 8; n++) {
        assert_true(pem_add(&text, "X509 CRL", bytes_of(der, 23 * n), &err));
    }
    assert_ok(pem_parse(buf_bytes(&text), "X509 CRL", &p, &err), err);
    assert_int_equal(p.count, 8);
    for (size_t n = 1; n <= 8; n++) {
        assert_true(bytes_equal(p.blocks[n - 1], bytes_of(der, 23 * n)));
    }
    pem_done(&p);
    buf_done(&text);
}

static void fields_of_our_certificate(void **state)
{
    static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};
    char path[4096];
    struct err err = {0};
    struct x509_crl crl;
    struct x509 x;
    uint8_t *der, *crl_der;
    size_t len, crl_len;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/bad/x509/good.der", getenv("SOTTO_SOURCE"));
    der = bad_read(path, &len);
    assert_ok(x509_parse(bytes_of(der, len), &x, &err), err);
    assert_string_equal(x.common_name, "Leaf");
    assert_true(bytes_equal(x.serial, bytes_of("\x9a\xbc\xde\xf0", 4)));
    assert_true(x.not_before == 1704067200 && x.not_after == 2524608000);
    assert_int_equal(x.key_xy[63], 63);
    assert_true(x.has_basic_constraints && x.ca && x.path_len == 1);
    assert_int_equal(x.key_usage, X509_KEY_CERT_SIGN | X509_CRL_SIGN);
    assert_true(x.subject_key_id.len == 20 && bytes_equal(x.subject_key_id, x.authority_key_id));
    assert_non_null(x509_extension_get(&x, bytes_of(oid_aki, 3)));
    assert_null(x509_extension_get(&x, bytes_of(oid_aki, 2)));
    assert_true(x.tbs.p == der + 4 && x.tbs.len < len);
    assert_true(x.signature[30] == 0x11 && x.signature[29] == 0 && x.signature[63] == 0x22);
    (void)snprintf(path, sizeof path, "%s/tests/bad/crl/good.der", getenv("SOTTO_SOURCE"));
    crl_der = bad_read(path, &crl_len);
    assert_ok(x509_crl_parse(bytes_of(crl_der, crl_len), &crl, &err), err);
    assert_true(bytes_equal(crl.issuer, x.issuer));
    assert_int_equal(crl.revoked_count, 2);
    assert_true(x509_crl_lists(&crl, x.serial));
    assert_true(x509_crl_lists(&crl, bytes_of("\x05", 1)));
    assert_false(x509_crl_lists(&crl, bytes_of("\x9a\xbc\xde", 3)));
    assert_true(crl.next_update - crl.this_update == 31 * 86400);
    free(der);
    free(crl_der);
}

/* Any byte may be changed, and any length cut: an answer, never a crash; and a cut certificate is never one. */
static void mutations_are_answered(void **state)
{
    char path[4096];
    struct err err = {0};
    struct x509 x;
    uint8_t *der;
    size_t len;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/bad/x509/good.der", getenv("SOTTO_SOURCE"));
    der = bad_read(path, &len);
    for (size_t i = 0; i < len; i++) {
        assert_false(x509_parse(bytes_of(der, i), &x, &err));
        for (int bit = 0; bit < 8; bit++) {
            der[i] ^= (uint8_t)(1 << bit);
            if (!x509_parse(bytes_of(der, len), &x, &err)) {
                assert_true(err.reason != REASON_OK && err.reason != REASON_INTERNAL && err.offset <= len);
            }
            der[i] ^= (uint8_t)(1 << bit);
        }
    }
    free(der);
}

/* Intel's own: names, dates and serial as openssl x509 -text shows them. */
static void intel_root(void **state)
{
    const char *path = vector_path("tdx/roots/intel_sgx_root_ca.der");
    struct err err = {0};
    struct x509 x;
    size_t len;
    uint8_t *der = bad_read(path, &len);

    (void)state;
    assert_ok(x509_parse(bytes_of(der, len), &x, &err), err);
    assert_string_equal(x.common_name, "Intel SGX Root CA");
    assert_true(x.not_before == 1526899510 && x.not_after == 2524607999);
    assert_memory_equal(x.serial.p, "\x22\x65\x0C\xD6\x5A\x9D\x34\x89\xF3\x83\xB4\x95\x52\xBF\x50\x1B\x39\x27\x06\xAC",
                        20);
    assert_true(bytes_equal(x.issuer, x.subject) && x.ca && x.path_len == 1);
    assert_true(bytes_equal(x.subject_key_id, x.serial));
    free(der);
}

static void intel_leaf(void **state)
{
    static const uint8_t oid_sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    const char *path = vector_path("tdx/roots/pck_leaf_00606A000000.der");
    struct err err = {0};
    struct x509 x;
    size_t len;
    uint8_t *der = bad_read(path, &len);

    (void)state;
    assert_ok(x509_parse(bytes_of(der, len), &x, &err), err);
    assert_string_equal(x.common_name, "Intel SGX PCK Certificate");
    assert_false(x.ca);
    assert_true((x.key_usage & X509_DIGITAL_SIGNATURE) != 0 && (x.key_usage & X509_KEY_CERT_SIGN) == 0);
    assert_non_null(x509_extension_get(&x, bytes_of(oid_sgx, sizeof oid_sgx)));
    free(der);
}

static void intel_crls(void **state)
{
    char path[4096];
    struct err err = {0};
    struct x509_crl crl;
    size_t len;
    uint8_t *der;

    (void)state;
    (void)snprintf(path, sizeof path, "%s", vector_path("tdx/collateral/tdx-90C06F000000-2026-06-08/root_ca_crl.der"));
    der = bad_read(path, &len);
    assert_ok(x509_crl_parse(bytes_of(der, len), &crl, &err), err);
    assert_true(crl.revoked_count == 0 && crl.next_update - crl.this_update == 365 * 86400);
    free(der);
    der = bad_read(vector_path("tdx/collateral/tdx-90C06F000000-2026-06-08/pck_crl.der"), &len);
    assert_ok(x509_crl_parse(bytes_of(der, len), &crl, &err), err);
    assert_int_equal(crl.revoked_count, 57);
    assert_true(x509_crl_lists(
        &crl, bytes_of("\x6F\xC3\x4E\x50\x23\xE7\x28\x92\x34\x35\xD6\x1A\xA4\xB8\x3C\x61\x81\x66\xAD\x35", 20)));
    free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(der_round_trips),
                                       cmocka_unit_test(ecdsa_round_trips),
                                       cmocka_unit_test(ecdsa_that_is_too_long),
                                       cmocka_unit_test(pem_round_trips),
                                       cmocka_unit_test(fields_of_our_certificate),
                                       cmocka_unit_test(mutations_are_answered),
                                       cmocka_unit_test(intel_root),
                                       cmocka_unit_test(intel_leaf),
                                       cmocka_unit_test(intel_crls)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
