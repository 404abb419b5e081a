/* The bad files of the formats that codec/ reads: what each must give stands in tests/bad/FORMAT/expected.txt. */
#include "bad.h"
#include "codec/der.h"
#include "codec/pem.h"
#include "codec/x509.h"

#include "oracle/agrees.h"

/* SEQUENCE { INTEGER 0..2^64-1, BOOLEAN, time }: every kind of value that the reader knows. */
static bool der_read(struct bytes in, struct err *err)
{
    struct cursor c = cursor_init(in.p, in.len), seq;
    uint64_t n;
    int64_t t;
    bool b;

    return der_expect(&c, DER_SEQUENCE, &seq, err) && cursor_end(&c, err) &&
           der_uint(&seq, DER_INTEGER, UINT64_MAX, &n, err) && der_boolean(&seq, &b, err) && der_time(&seq, &t, err) &&
           cursor_end(&seq, err);
}

static bool json_read(struct bytes in, struct err *err)
{
    bool accepted;
    json_t *v;

    assert_true(oracle_agrees(in, &accepted));
    if (!json_parse(in, &v, err)) {
        return false;
    }
    json_decref(v);
    return true;
}

static bool pem_read(struct bytes in, struct err *err)
{
    struct pem p;

    if (!pem_parse(in, "CERTIFICATE", &p, err)) {
        return false;
    }
    pem_done(&p);
    return true;
}

static bool x509_read(struct bytes in, struct err *err)
{
    struct x509 x;

    return x509_parse(in, &x, err);
}

static bool crl_read(struct bytes in, struct err *err)
{
    struct x509_crl crl;

    return x509_crl_parse(in, &crl, err);
}

static void bad_der(void **state)
{
    (void)state;
    bad_run("der", der_read);
}

static void bad_json(void **state)
{
    (void)state;
    bad_run("json", json_read);
}

static void bad_pem(void **state)
{
    (void)state;
    bad_run("pem", pem_read);
}

static void bad_x509(void **state)
{
    (void)state;
    bad_run("x509", x509_read);
}

static void bad_crl(void **state)
{
    (void)state;
    bad_run("crl", crl_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_der), cmocka_unit_test(bad_json), cmocka_unit_test(bad_pem),
                                       cmocka_unit_test(bad_x509), cmocka_unit_test(bad_crl)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
