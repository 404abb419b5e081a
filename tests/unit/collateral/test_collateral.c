/* The pure parts of collateral/, by tables; the directory on a disk; recorded answers of Intel's service where the
 * vectors are. */
#include "test.h"

#include "base/limits.h"
#include "codec/json.h"
#include "collateral/directory.h"
#include "collateral/fetch.h"
#include "collateral/pccs.h"
#include "collateral/pcs.h"
#include "collateral/percent.h"
#include "collateral/qcnl.h"
#include "os/file.h"

#include <dirent.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void test_percent(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
        size_t offset;
    } rows[] = {
        {"", "", 0},         {"a%20b%0A%2B%2f+", "a b\n+/+", 0},
        {"%41%7e", "A~", 0}, {"%", NULL, 0},
        {"ab%4", NULL, 2},   {"%zz", NULL, 0},
        {"%4g", NULL, 0},    {"a\x01", NULL, 1},
        {"a\x80", NULL, 1},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b = BUF(64);

        if (rows[i].out == NULL) {
            assert_fails(percent_decode(bytes_of_str(rows[i].in), &b, &err), err, REASON_HTTP_HEADER, rows[i].offset);
        } else {
            assert_ok(percent_decode(bytes_of_str(rows[i].in), &b, &err), err);
            assert_true(bytes_equal(buf_bytes(&b), bytes_of_str(rows[i].out)));
        }
        buf_done(&b);
    }
}

static void test_source(void **state)
{
    static const struct {
        const char *text, *url; /* of the TCB info, for TDX; NULL: refused */
        unsigned version;
    } rows[] = {
        {"https://h", "https://h/tdx/certification/v4/tcb?fmspc=00906ED50000", 4},
        {"https://h/", "https://h/tdx/certification/v4/tcb?fmspc=00906ED50000", 4},
        {"http://h:80/sgx/certification/v4/", "http://h:80/tdx/certification/v4/tcb?fmspc=00906ED50000", 4},
        {"https://h/sgx/certification/v3", "https://h/tdx/certification/v4/tcb?fmspc=00906ED50000", 3},
        {"https://h/tdx/certification/v4", "https://h/tdx/certification/v4/tcb?fmspc=00906ED50000", 4},
        {"https://h/a/b/sgx/certification/v4//", "https://h/a/b/tdx/certification/v4/tcb?fmspc=00906ED50000", 4},
        {"https://[::1]:8081/", "https://[::1]:8081/tdx/certification/v4/tcb?fmspc=00906ED50000", 4},
        {"", NULL, 0},
        {"h", NULL, 0},
        {"ftp://h", NULL, 0},
        {"file:///etc", NULL, 0},
        {"https://", NULL, 0},
        {"https://h:0/", NULL, 0},
        {"https://user@h/", NULL, 0},
        {"https://h/?a=b", NULL, 0},
        {"https://h/#a", NULL, 0},
        {"https://a.${region_id}.h/sgx/certification/v4/", NULL, 0},
        {"https://h/sgx/certification/v5/", NULL, 0},
        {"https://h/sgx/certification/v4/tcb", NULL, 0},
    };
    const struct pcs_wanted w = {.tdx = true, .fmspc = {0x00, 0x90, 0x6e, 0xd5, 0x00, 0x00}};
    struct pcs_source s;
    struct err err = {0};
    bool more;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b = BUF(4096);

        if (rows[i].url == NULL) {
            assert_fails(pcs_source_parse(rows[i].text, &s, &err), err, REASON_COLLATERAL_URL, ERR_NOWHERE);
            continue;
        }
        assert_ok(pcs_source_parse(rows[i].text, &s, &err), err);
        assert_int_equal(s.version, rows[i].version);
        assert_ok(pcs_url(&s, PCS_TCB_INFO, &w, 0, &b, &more, &err), err);
        assert_string_equal((const char *)b.p, rows[i].url);
        buf_done(&b);
    }
}

static void url_is(const char *service, enum pcs_document d, struct pcs_wanted w, unsigned attempt, const char *want,
                   bool want_more)
{
    struct buf b = BUF(4096);
    struct pcs_source s;
    struct err err = {0};
    bool more;

    assert_ok(pcs_source_parse(service, &s, &err), err);
    assert_ok(pcs_url(&s, d, &w, attempt, &b, &more, &err), err);
    assert_string_equal((const char *)b.p, want);
    assert_int_equal(more, want_more);
    buf_done(&b);
}

static void test_urls(void **state)
{
    const struct pcs_wanted sgx = {.processor = true, .early = true}, tdx = {.tdx = true};

    (void)state;
    url_is("https://h", PCS_PCK_CRL, tdx, 0, "https://h/sgx/certification/v4/pckcrl?ca=platform&encoding=der", false);
    url_is("https://h/sgx/certification/v3/", PCS_PCK_CRL, sgx, 0,
           "https://h/sgx/certification/v3/pckcrl?ca=processor&encoding=der", false);
    url_is("https://h", PCS_ROOT_CRL, tdx, 0, "https://h/sgx/certification/v4/rootcacrl", true);
    url_is("https://h", PCS_ROOT_CRL, tdx, 1,
           "https://h/sgx/certification/v4/"
           "crl?uri=https%3A%2F%2Fcertificates.trustedservices.intel.com%2FIntelSGXRootCA.der",
           false);
    url_is("https://api.trustedservices.intel.com", PCS_ROOT_CRL, tdx, 0,
           "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der", false);
    url_is("https://eviltrustedservices.intel.com", PCS_ROOT_CRL, tdx, 0,
           "https://eviltrustedservices.intel.com/sgx/certification/v4/rootcacrl", true);
    url_is("https://h", PCS_TCB_INFO, sgx, 0, "https://h/sgx/certification/v4/tcb?fmspc=000000000000&update=early",
           false);
    url_is("https://h/sgx/certification/v3", PCS_TCB_INFO, sgx, 0,
           "https://h/sgx/certification/v3/tcb?fmspc=000000000000", false);
    url_is("https://h", PCS_QE_IDENTITY, tdx, 0, "https://h/tdx/certification/v4/qe/identity", false);
    url_is("https://h", PCS_QE_IDENTITY, sgx, 0, "https://h/sgx/certification/v4/qe/identity?update=early", false);
    assert_string_equal(pcs_chain_header(PCS_TCB_INFO, false, 3), "SGX-TCB-Info-Issuer-Chain");
    assert_string_equal(pcs_chain_header(PCS_TCB_INFO, false, 4), "TCB-Info-Issuer-Chain");
    assert_string_equal(pcs_chain_header(PCS_TCB_INFO, true, 3), "TCB-Info-Issuer-Chain");
    assert_null(pcs_chain_header(PCS_ROOT_CRL, false, 4));
}

static void test_header(void **state)
{
    static const char head[] = "A: 1\r\nChain:  x y \t\r\nLong-Chain: no\r\nTwice: 1\r\ntwice: 2\r\nNone\r\nLast:z";
    struct fetch_answer a = {.head = BUF(1000)};
    struct err err = {0};

    (void)state;
    assert_null(fetch_header(&a, "chain").p);
    assert_ok(buf_str(&a.head, head, &err), err);
    assert_true(bytes_equal(fetch_header(&a, "chain"), bytes_of_str("x y")));
    assert_true(bytes_equal(fetch_header(&a, "LAST"), bytes_of_str("z")));
    assert_null(fetch_header(&a, "Twice").p);
    assert_null(fetch_header(&a, "None").p);
    assert_null(fetch_header(&a, "x").p);
    buf_done(&a.head);
}

#define GOOD "https://h:8081/sgx/certification/v4/"

static void test_qcnl(void **state)
{
    static const struct {
        const char *text;
        bool json;
        const char *service;
        enum reason worst;
        bool warning;
    } rows[] = {
        {"{\"pccs_url\":\"" GOOD "\"}", true, GOOD, REASON_OK, false},
        {"// x\n{/*\"}*/\"pccs_url\":\"" GOOD "\"//\n}", true, GOOD, REASON_OK, false},
        {"{\"pccs_url\":\"" GOOD "\",\"collateral_service\":\"https://c/sgx/certification/v4/\",\"retry_times\":6,"
         "\"custom_request_options\":{\"get_cert\":{\"headers\":{\"a\":\"//no comment\\\"/*\"}}}}",
         true, "https://c/sgx/certification/v4/", REASON_OK, false},
        {"PCCS_URL=" GOOD, false, GOOD, REASON_OK, false},
        {"# c\n\n \tPCCS_URL = " GOOD " \r\n#USE_SECURE_CERT=FALSE\nUSE_SECURE_CERT=TRUE\n", false, GOOD, REASON_OK,
         false},
        {"pccs_url=" GOOD "\nUSE_SECURE_CERT=false", false, GOOD, REASON_QCNL_INSECURE, true},
        {"PCCS_URL=http://h/sgx/certification/v4/", false, "http://h/sgx/certification/v4/", REASON_QCNL_INSECURE,
         true},
        {"PCCS_URL=https://h/sgx/certification/v3/", false, "https://h/sgx/certification/v3/", REASON_QCNL_URL, true},
        {"PCCS_URL=" GOOD "\nPCCS_URI=x", false, GOOD, REASON_QCNL_UNKNOWN, true},
        {"PCCS_URL=https://s.${region_id}.h/sgx/certification/v4/", false,
         "https://s.${region_id}.h/sgx/certification/v4/", REASON_QCNL_UNEXPANDED, false},
        {"{\"use_secure_cert\":false,\"pccs_url\":\"https://s.$REGION.h/sgx/certification/v4/\"}", true,
         "https://s.$REGION.h/sgx/certification/v4/", REASON_QCNL_UNEXPANDED, false},
        {"{\"pccs_url\":\"https://h/\"}", true, "https://h/", REASON_QCNL_URL, false},
        {"{\"pccs_url\":\"h/sgx/certification/v4/\"}", true, "h/sgx/certification/v4/", REASON_QCNL_URL, false},
        {"PCCS_URL=https://h/sgx/certification/v4", false, "https://h/sgx/certification/v4", REASON_QCNL_URL, false},
        {"PCCS_URL=https://h/tdx/certification/v4/", false, "https://h/tdx/certification/v4/", REASON_QCNL_URL, false},
        {"{\"pccs_url\":7}", true, "", REASON_QCNL_FORM, false},
        {"{\"pccs_url\":\"" GOOD "\",\"use_secure_cert\":\"false\"}", true, GOOD, REASON_QCNL_FORM, false},
        {"{\"pccs_url\":\"" GOOD "\",\"tcb_update_type\":\"late\"}", true, GOOD, REASON_QCNL_FORM, false},
        {"{\"PCCS_URL\":\"" GOOD "\"}", true, "", REASON_QCNL_URL_ABSENT, false},
        {"{}", true, "", REASON_QCNL_URL_ABSENT, false},
        {"", false, "", REASON_QCNL_URL_ABSENT, false},
        {"{\"collateral_service\":\"" GOOD "\"}", true, GOOD, REASON_QCNL_URL_ABSENT, true},
    };
    struct err err = {0};
    struct qcnl q;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct qcnl_finding *worst;

        assert_ok(qcnl_parse(bytes_of_str(rows[i].text), &q, &err), err);
        worst = qcnl_worst(&q);
        assert_int_equal(q.json, rows[i].json);
        assert_string_equal(qcnl_service(&q), rows[i].service);
        assert_string_equal(reason_name(worst != NULL ? worst->reason : REASON_OK), reason_name(rows[i].worst));
        assert_int_equal(worst != NULL && worst->warning, rows[i].warning);
    }
}

static void test_qcnl_form(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {
        {"no equals sign", 0}, {"A=1\nno equals sign", 4}, {"=x", 0}, {"{} /* open", 3}, {"/* x */ 7", 8}, {"[1]", 0},
    };
    static char large[QCNL_LIMIT + 2];
    struct err err = {0};
    struct qcnl q;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        err.reason = REASON_OK;
        assert_false(qcnl_parse(bytes_of_str(rows[i].text), &q, &err));
        assert_string_equal(reason_name(err.reason), "QCNL_FORM");
    }
    assert_fails(qcnl_parse(bytes_of_str(rows[1].text), &q, &err), err, REASON_QCNL_FORM, 4);
    assert_fails(qcnl_parse(bytes_of_str(rows[3].text), &q, &err), err, REASON_QCNL_FORM, 3);
    memset(large, '#', sizeof large - 1);
    assert_fails(qcnl_parse(bytes_of_str(large), &q, &err), err, REASON_QCNL_FORM, QCNL_LIMIT);
}

static void test_item_form(void **state)
{
    static const struct {
        const char *text;
        enum reason reason;
    } rows[] = {
        {"", REASON_COLLATERAL_FORM},
        {"x", REASON_COLLATERAL_FORM},
        {"{}", REASON_COLLATERAL_FORM},
        {" \n{\"tcbInfo\":{}}", REASON_JSON_MEMBER},
        {"{\"tcbInfo\":{\"issueDate\":\"2026-01-01T00:00:00Z\",\"nextUpdate\":\"2026\"}}", REASON_TIME_FORM},
        {"{\"tcbInfo\":{\"id\":\"TDY\",\"version\":3,\"issueDate\":\"2026-01-01T00:00:00Z\","
         "\"nextUpdate\":\"2026-02-01T00:00:00Z\",\"tcbEvaluationDataNumber\":1,\"fmspc\":\"00906ED50000\"}}",
         REASON_COLLATERAL_FORM},
        {"{\"tcbInfo\":{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"2026-01-01T00:00:00Z\","
         "\"nextUpdate\":\"2026-02-01T00:00:00Z\",\"tcbEvaluationDataNumber\":1,\"fmspc\":\"00906ED5000\"}}",
         REASON_HEX_LENGTH},
        {"3", REASON_COLLATERAL_FORM},
        {"30", REASON_BYTES_SHORT},
        {"300", REASON_HEX_LENGTH},
        {"3082zz", REASON_HEX_DIGIT},
        {"0\x80", REASON_DER_LENGTH},
        {"-----BEGIN X509 CRL-----\n", REASON_PEM_FORM},
        {"-----BEGIN CERTIFICATE-----\n", REASON_PEM_FORM},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf plain = BUF(LIMIT_COLLATERAL);
        struct item item = {.evaluation = 77};
        struct err err = {0};

        assert_false(item_read(bytes_of_str(rows[i].text), &item, &plain, &err));
        assert_string_equal(reason_name(err.reason), reason_name(rows[i].reason));
        assert_int_equal(item.evaluation, 77);
        assert_int_equal(plain.len, 0);
        buf_done(&plain);
    }
}

/* API version 3's TCB info says neither id nor TDX; it is kept under a name of its own. */
static void test_item_version(void **state)
{
    static const char text[] = "{\"tcbInfo\":{\"version\":2,\"issueDate\":\"2026-01-01T00:00:00Z\","
                               "\"nextUpdate\":\"2026-02-01T00:00:00Z\",\"tcbEvaluationDataNumber\":1,"
                               "\"fmspc\":\"00906ed50000\"}}";
    struct buf plain = BUF(LIMIT_COLLATERAL);
    char room[ITEM_NAME_SIZE];
    struct err err = {0};
    struct item item;

    (void)state;
    assert_ok(item_read(bytes_of_str(text), &item, &plain, &err), err);
    assert_string_equal(item_name(&item, false, 0, room), "tcb_info_sgx_00906ED50000_v2.json");
    assert_null(item_name(&item, false, 1, room));
    item.version = 3;
    assert_string_equal(item_name(&item, true, 0, room), "tcb_info_sgx_00906ED50000_early.json");
    buf_done(&plain);
}

static char folder[] = "/tmp/test_collateral_XXXXXX";

static size_t entries(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    (void)closedir(d);
    return n - 2;
}

static void test_store(void **state)
{
    static struct directory set, read;
    char path[64];
    struct err err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/set/", folder);
    assert_ok(directory_add(&set, "a.json", bytes_of_str("{}"), &err), err);
    assert_ok(directory_add(&set, "b.pem", bytes_of_str("one"), &err), err);
    assert_ok(directory_store(path, &set, &err), err);
    directory_close(&set);
    assert_ok(directory_add(&set, "b.pem", bytes_of_str("old"), &err), err);
    assert_ok(directory_add(&set, "b.pem", bytes_of_str("two"), &err), err);
    assert_ok(directory_add(&set, "c.der", bytes_of_str("new"), &err), err);
    assert_int_equal(set.count, 2);
    assert_ok(directory_store(path, &set, &err), err);
    directory_close(&set);
    assert_ok(directory_open(path, &read, &err), err);
    assert_int_equal(read.count, 3);
    assert_string_equal(read.files[0].name, "a.json");
    assert_string_equal(read.files[2].name, "c.der");
    assert_true(bytes_equal(directory_get(&read, "a.json"), bytes_of_str("{}")));
    assert_true(bytes_equal(directory_get(&read, "b.pem"), bytes_of_str("two")));
    assert_null(directory_get(&read, "d.der").p);
    assert_true(read.times[0] > 0);
    directory_close(&read);
    assert_int_equal(entries(folder), 1); /* nothing is left beside it */

    for (const char *const *name = (const char *const[]){"a.json", "b.pem", "c.der", NULL}; *name != NULL; name++) {
        (void)snprintf(path, sizeof path, "%s/set/%s", folder, *name);
        assert_int_equal(unlink(path), 0);
    }
    (void)snprintf(path, sizeof path, "%s/set", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_directory_limit(void **state)
{
    static struct directory set;
    struct err err = {0};

    (void)state;
    for (int i = 0; i < LIMIT_COLLATERAL_FILES; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "%d.json", i);
        assert_ok(directory_add(&set, name, bytes_of_str("x"), &err), err);
    }
    assert_fails(directory_add(&set, "more.json", bytes_of_str("x"), &err), err, REASON_FILE_SIZE, ERR_NOWHERE);
    directory_close(&set);
}

/* ---- Intel's own answers ---- */

static bool recorded(const char *name, const char *member, struct buf *body, struct buf *chain)
{
    struct buf file = BUF(MIB(1));
    struct err err = {0};
    const char *text;
    char path[80];
    json_t *v;

    (void)snprintf(path, sizeof path, "tdx/api/teepot_2025-05-27_%s.json", name);
    assert_ok(file_read(vector_path(path), &file, &err), err);
    assert_ok(json_parse(buf_bytes(&file), &v, &err), err);
    assert_ok(json_get_str(v, member, &text, &err) && buf_str(body, text, &err), err);
    assert_ok(json_get_str(v, "issuer_chain", &text, &err) && buf_str(chain, text, &err), err);
    json_decref(v);
    buf_done(&file);
    return true;
}

static void test_recorded(void **state)
{
    static const struct {
        const char *name, *member;
        enum pcs_document document;
        struct pcs_wanted wanted;
        const char *file;
    } rows[] = {
        {"tdx_tcb_info_00806F050000",
         "tcb_info_json",
         PCS_TCB_INFO,
         {.tdx = true, .fmspc = {0, 0x80, 0x6f, 5, 0, 0}},
         "tcb_info_tdx_00806F050000.json"},
        {"sgx_tcb_info_00906ED50000",
         "tcb_info_json",
         PCS_TCB_INFO,
         {.fmspc = {0, 0x90, 0x6e, 0xd5, 0, 0}},
         "tcb_info_sgx_00906ED50000.json"},
        {"tdx_qe_identity", "enclave_identity_json", PCS_QE_IDENTITY, {.tdx = true}, "tdx_qe_identity.json"},
        {"sgx_qe_identity", "enclave_identity_json", PCS_QE_IDENTITY, {.tdx = false}, "sgx_qe_identity.json"},
        {"sgx_qve_identity", "enclave_identity_json", PCS_QVE_IDENTITY, {.tdx = false}, "qve_identity.json"},
        {"pck_crl_platform", "crl_data", PCS_PCK_CRL, {.processor = false}, "pck_crl_platform.der"},
        {"pck_crl_processor", "crl_data", PCS_PCK_CRL, {.processor = true}, "pck_crl_processor.der"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf body = BUF(MIB(1)), chain = BUF(MIB(1)), plain = BUF(MIB(1)), plain_chain = BUF(MIB(1));
        struct document_file files[2];
        struct item item, chain_item;
        char room[ITEM_NAME_SIZE];
        struct err err = {0};

        assert_true(recorded(rows[i].name, rows[i].member, &body, &chain));
        assert_ok(item_read(buf_bytes(&body), &item, &plain, &err), err);
        assert_ok(pcs_answers(&item, rows[i].document, &rows[i].wanted, &err), err);
        assert_string_equal(item_name(&item, false, 0, room), rows[i].file);
        assert_ok(item_read(buf_bytes(&chain), &chain_item, &plain_chain, &err), err);
        assert_ok(item_check(&item, buf_bytes(&plain), buf_bytes(&plain_chain), &err), err);
        files[0] = (struct document_file){.name = rows[i].file, .content = buf_bytes(&plain)};
        files[1] = (struct document_file){.name = "chain.pem", .content = buf_bytes(&plain_chain)};
        if (rows[i].document == PCS_TCB_INFO && !rows[i].wanted.tdx) { /* by version 3 as well, with its header */
            struct pccs p = {.files = files, .count = 2};
            struct pccs_reply reply;

            pccs_answer(&p, "/sgx/certification/v3/tcb", bytes_of_str("fmspc=00906ED50000"), &reply);
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.header, "SGX-TCB-Info-Issuer-Chain");
            assert_true(bytes_equal(buf_bytes(&reply.body), buf_bytes(&plain)));
            pccs_reply_done(&reply);
        }
        plain.p[plain.len / 2] ^= 1; /* within what is signed, or it is no such document any more */
        assert_false(item_check(&item, buf_bytes(&plain), buf_bytes(&plain_chain), &err));
        buf_done(&body);
        buf_done(&chain);
        buf_done(&plain);
        buf_done(&plain_chain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_qcnl),
        cmocka_unit_test(test_qcnl_form),
        cmocka_unit_test(test_item_form),
        cmocka_unit_test(test_item_version),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_directory_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
