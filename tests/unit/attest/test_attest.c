/* The attestation service without its sockets: requests in, replies out. */
#include "test.h"
#include "attest/appraise.h"
#include "attest/ask.h"
#include "attest/service.h"
#include "attest/token.h"
#include "base/base64.h"
#include "base/limits.h"
#include "codec/json.h"
#include "crypto/jose.h"
#include "os/file.h"

#include <sys/stat.h>
#include <unistd.h>

#define NOW 1795521600 /* 2026-11-24T12:00:00Z */

static char folder[64] = "/tmp/test_attest_XXXXXX";
static struct keys keys;
static struct service service = {.keys = &keys, .issuer = "http://127.0.0.1:8081"};

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    static const char demo[] = "{\"v\":1,\"anchors\":{\"intel\":true}}", broken[] = "{\"v\":1,\"ancors\":{}}";
    static char policies[64];
    struct err err = {0};

    (void)state;
    if (mkdtemp(folder) == NULL || !keys_open(path_of("state"), &keys, &err) ||
        !file_write(path_of("demo.json"), 0600, bytes_of_str(demo), &err) ||
        !file_write(path_of("broken.json"), 0600, bytes_of_str(broken), &err)) {
        return -1;
    }
    memcpy(policies, folder, sizeof policies);
    service.policies = policies;
    service.origins[0] = "http://127.0.0.1:11434";
    service.origin_count = 1;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {
        "state/token.pem", "state/token-simulated.pem", "state", "demo.json", "broken.json", ""};

    (void)state;
    keys_close(&keys);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)remove(path_of(names[i]));
    }
    return 0;
}

static struct service_reply ask(enum http_method method, const char *path, const char *origin, struct bytes body)
{
    struct service_request r = {.method = method, .path = path, .body = body, .time = NOW};
    struct service_reply out;

    if (origin != NULL) {
        r.origin = bytes_of_str(origin);
    }
    service_answer(&service, &r, &out);
    return out;
}

static void keys_stay_and_are_private(void **state)
{
    struct keys again;
    struct err err = {0};
    struct stat st;
    uint8_t a[64], b[64];

    (void)state;
    assert_ok(keys_open(path_of("state"), &again, &err), err);
    key_public(keys.hardware, a);
    key_public(again.hardware, b);
    assert_memory_equal(a, b, 64);
    key_public(again.simulated, b);
    assert_memory_not_equal(a, b, 64);
    keys_close(&again);
    assert_int_equal(stat(path_of("state/token.pem"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(path_of("state"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void routes(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *origin;
        int status;
        enum reason reason;
    } cases[] = {
        {HTTP_GET, "/healthz", NULL, 200, REASON_OK},
        {HTTP_HEAD, "/healthz", NULL, 200, REASON_OK},
        {HTTP_GET, "/jwks.json", "http://127.0.0.1:11434", 200, REASON_OK},
        {HTTP_GET, "/.well-known/jwks.json", NULL, 200, REASON_OK},
        {HTTP_GET, "/.well-known/openid-configuration", NULL, 200, REASON_OK},
        {HTTP_GET, "/v1/attestation", NULL, 405, REASON_ROUTE_METHOD},
        {HTTP_POST, "/jwks.json", NULL, 405, REASON_ROUTE_METHOD},
        {HTTP_DELETE, "/healthz", NULL, 405, REASON_ROUTE_METHOD},
        {HTTP_GET, "/", NULL, 404, REASON_ROUTE_ABSENT},
        {HTTP_GET, "/jwks.json/", NULL, 404, REASON_ROUTE_ABSENT},
        {HTTP_OPTIONS, "/v1/attestation", "http://127.0.0.1:11434", 204, REASON_OK},
        {HTTP_OPTIONS, "/v1/attestation", "http://127.0.0.1:11435", 403, REASON_ORIGIN_FORBIDDEN},
        {HTTP_OPTIONS, "/v1/attestation", "http://127.0.0.1:11434.evil", 403, REASON_ORIGIN_FORBIDDEN},
        {HTTP_GET, "/jwks.json", "null", 403, REASON_ORIGIN_FORBIDDEN},
        {HTTP_POST, "/v1/policy", NULL, 404, REASON_ROUTE_ABSENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct service_reply r = ask(cases[i].method, cases[i].path, cases[i].origin, bytes_of(NULL, 0));

        assert_int_equal(r.status, cases[i].status);
        assert_string_equal(reason_name(r.why.reason), reason_name(cases[i].reason));
        assert_int_equal(r.origin != NULL, cases[i].origin != NULL && cases[i].reason == REASON_OK);
        assert_int_equal(r.preflight, cases[i].status == 204);
        buf_done(&r.body);
    }
    assert_int_equal(service_body_limit("/jwks.json"), 0);
    assert_int_equal(service_body_limit("/v1/attestation"), LIMIT_HTTP_BODY);
}

static void both_key_sets_are_the_same(void **state)
{
    struct service_reply a = ask(HTTP_GET, "/jwks.json", NULL, bytes_of(NULL, 0));
    struct service_reply b = ask(HTTP_GET, "/.well-known/jwks.json", NULL, bytes_of(NULL, 0));
    struct err err = {0};
    json_t *v = NULL;

    (void)state;
    assert_true(bytes_equal(buf_bytes(&a.body), buf_bytes(&b.body)));
    assert_ok(json_parse_canonical(buf_bytes(&a.body), &v, &err), err);
    assert_int_equal(json_array_size(json_object_get(v, "keys")), 2);
    assert_null(json_object_get(json_array_get(json_object_get(v, "keys"), 0), "d"));
    json_decref(v);
    buf_done(&a.body);
    buf_done(&b.body);
}

/* EVIDENCE in a body stands for base64url of it. */
static void body_make(const char *form, const char *evidence, struct buf *out)
{
    const char *at = strstr(form, "EVIDENCE");
    struct err err = {0};

    if (at == NULL) {
        assert_ok(buf_str(out, form, &err), err);
        return;
    }
    assert_ok(buf_add(out, form, (size_t)(at - form), &err) &&
                  base64_add(out, BASE64_URL, bytes_of_str(evidence), &err) && buf_str(out, at + 8, &err),
              err);
}

static void requests_that_are_refused(void **state)
{
    static const char bare[] = "{\"quote\":\"AAAA\",\"cc_eventlog\":null}";
    static const struct {
        const char *form, *evidence;
        int status;
        enum reason reason;
    } cases[] = {
        {"", "", 400, REASON_JSON_FORM},
        {"[]", "", 400, REASON_JSON_TYPE},
        {"{}", "", 400, REASON_JSON_MEMBER},
        {"{\"tee\":1,\"evidence\":\"EVIDENCE\"}", bare, 400, REASON_JSON_TYPE},
        {"{\"tee\":\"sgx\",\"evidence\":\"EVIDENCE\"}", bare, 400, REASON_TEE_UNSUPPORTED},
        {"{\"tee\":\"tdx-sim\",\"evidence\":\"EVIDENCE\"}", bare, 400, REASON_TEE_UNSUPPORTED},
        {"{\"tee\":\"tdx\"}", bare, 400, REASON_JSON_MEMBER},
        {"{\"tee\":\"tdx\",\"evidence\":\"a+b/\"}", bare, 400, REASON_BASE64_DIGIT},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\"}", "x", 400, REASON_JSON_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\"}", "{}", 400, REASON_JSON_MEMBER},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\"}", "{\"v\":1}", 400, REASON_JSON_MEMBER},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\"}", "{\"quote\":\"AAAA\",\"policy\":{}}", 400, REASON_JSON_UNKNOWN},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"policy\":{\"v\":1}}", bare, 400, REASON_JSON_UNKNOWN},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\"}", bare, 400, REASON_REQUEST_FORM}, /* no runtime data */
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{}}", bare, 400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\",\"structured\":{}}}", bare, 400,
         REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"_\"}}", bare, 400,
         REASON_BASE64_LENGTH},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"},"
         "\"runtime_data_hash_algorithm\":\"md5\"}",
         bare, 400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"}}", bare, 403,
         REASON_BYTES_SHORT}, /* malformed under any policy, and under none */
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"},\"policy_ids\":[\"none\"]}", bare,
         404, REASON_POLICY_ABSENT},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"},\"policy_ids\":[\"../demo\"]}",
         bare, 400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"},\"policy_ids\":[\".demo\"]}", bare,
         400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"policy_ids\":\"demo\"}", bare, 400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"policy_ids\":[1]}", bare, 400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"policy_ids\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
         "\"a\"]}",
         bare, 400, REASON_REQUEST_FORM},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"},\"policy_ids\":[\"broken\"]}",
         bare, 503, REASON_FACT_UNKNOWN},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"\"},\"policy_ids\":[\"demo\"]}", bare,
         403, REASON_BYTES_SHORT}, /* three bytes are no quote */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf body = BUF(4096);
        struct service_reply r;
        struct err err = {0};
        json_t *v = NULL;

        body_make(cases[i].form, cases[i].evidence, &body);
        r = ask(HTTP_POST, "/v1/attestation", NULL, buf_bytes(&body));
        if (r.status != cases[i].status || r.why.reason != cases[i].reason) {
            fail_msg("case %zu: %d %s", i, r.status, reason_name(r.why.reason));
        }
        assert_string_equal(r.content_type, "application/problem+json");
        assert_ok(json_parse(buf_bytes(&r.body), &v, &err), err);
        assert_string_equal(json_string_value(json_object_get(v, "reason")), reason_name(cases[i].reason));
        assert_int_equal(json_integer_value(json_object_get(v, "status")), cases[i].status);
        json_decref(v);
        assert_null(memmem(r.body.p, r.body.len, folder, strlen(folder))); /* no path of the operator's */
        buf_done(&r.body);
        buf_done(&body);
    }
}

static void the_default_policy_must_be_one(void **state)
{
    static const struct {
        const char *id;
        enum reason reason;
    } cases[] = {{NULL, REASON_OK},
                 {"demo", REASON_OK},
                 {"none", REASON_POLICY_ABSENT},
                 {"../demo", REASON_POLICY_ABSENT},
                 {"", REASON_POLICY_ABSENT},
                 {"broken", REASON_FACT_UNKNOWN}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct service s = service;
        struct err err = {0};

        s.default_policy = cases[i].id;
        assert_int_equal(appraise_check(&s, &err), cases[i].reason == REASON_OK);
        assert_string_equal(reason_name(err.reason), reason_name(cases[i].reason));
    }
}

static void runtime_data_forms(void **state)
{
    static const struct {
        const char *form, *runtime;
        enum hash_alg alg;
    } cases[] = {
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"-_-_\"}}", "\xfb\xff\xbf",
         HASH_SHA384},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"+/+/\"}}", "\xfb\xff\xbf",
         HASH_SHA384},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"YQ\"}}", "a", HASH_SHA384},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"raw\":\"YQ==\"},"
         "\"runtime_data_hash_algorithm\":\"sha512\"}",
         "a", HASH_SHA512},
        {"{\"tee\":\"tdx\",\"evidence\":\"EVIDENCE\",\"runtime_data\":{\"structured\":{\"b\":1,\"a\":\"x\"}},"
         "\"runtime_data_hash_algorithm\":\"sha256\"}",
         "{\"a\":\"x\",\"b\":1}", HASH_SHA256},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf body = BUF(4096);
        uint8_t want[64] = {0}, raw[64] = {0}, got[2][64];
        bool is_raw = strstr(cases[i].form, "\"raw\"") != NULL;
        struct err err = {0};
        struct ask a;

        body_make(cases[i].form, "{\"quote\":\"AAAA\",\"cc_eventlog\":\"AQ==\",\"aa_eventlog\":\"Ag==\"}", &body);
        assert_ok(ask_parse(buf_bytes(&body), &a, &err), err);
        assert_true(bytes_equal(buf_bytes(&a.runtime_data), bytes_of_str(cases[i].runtime)));
        hash_bytes(cases[i].alg, bytes_of_str(cases[i].runtime), want);
        assert_int_equal(ask_report_data(&a, got), is_raw ? 2 : 1);
        assert_memory_equal(got[0], want, sizeof want);
        memcpy(raw, cases[i].runtime, is_raw ? strlen(cases[i].runtime) : 0);
        assert_memory_equal(got[1], raw, sizeof raw);
        assert_true(a.boot_log.len == 1 && a.boot_log.p[0] == 1 && a.event_log.len == 1 && a.event_log.p[0] == 2);
        ask_done(&a);
        buf_done(&body);
    }
}

/* ---- tokens ---- */

static struct verdict verdict_make(enum verdict_result result)
{
    struct verdict v = {.result = result, .time = NOW, .count = 3};
    struct err err = {0};

    v.facts[0] = (struct fact){.name = "boot", .state = FACT_AFFIRMED, .required = true};
    v.facts[1] = (struct fact){.name = "program", .state = FACT_AFFIRMED, .required = true};
    v.facts[2] = (struct fact){.name = "config", .state = FACT_IS_UNKNOWN, .required = false};
    assert_ok(json_parse(bytes_of_str("{\"tee\":\"tdx\",\"mr_td\":\"aa\",\"tee_tcb_svn\":\"0b\",\"quote_version\":4,"
                                      "\"td_attributes\":\"0000001000000080\",\"tcb_status\":\"UpToDate\","
                                      "\"exp\":1,\"iss\":\"evil\",\"sotto_result\":\"verified\"}"),
                         &v.claims, &err),
              err);
    return v;
}

static json_t *token_make(enum verdict_result result, const struct key *key)
{
    struct verdict v = verdict_make(result);
    const struct token_policy policy = {.id = "demo", .sha384 = {0xab}};
    const struct document d = {.keyset = bytes_of_str("keys"), .nonce = {0x5a}};
    const struct token_input in = {.verdict = &v,
                                   .policies = &policy,
                                   .policy_count = 1,
                                   .document = &d,
                                   .issuer = "http://as.example",
                                   .time = NOW,
                                   .random = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    struct buf token = BUF(LIMIT_TOKEN), claims = BUF(LIMIT_TOKEN);
    struct err err = {0};
    json_t *out = NULL;
    uint8_t xy[64];

    assert_ok(token_sign(&in, &keys, &token, &err), err);
    key_public(key, xy);
    assert_ok(jose_check(buf_bytes(&token), xy, "JWT", &claims, &err), err);
    assert_ok(json_parse(buf_bytes(&claims), &out, &err), err);
    buf_done(&token);
    buf_done(&claims);
    verdict_done(&v);
    return out;
}

static const char *claim(const json_t *v, const char *name)
{
    const char *s = json_string_value(json_object_get(v, name));

    return s != NULL ? s : "(none)";
}

static void tokens_of_hardware(void **state)
{
    json_t *v = token_make(VERDICT_VERIFIED, keys.hardware);
    const json_t *cpu = json_object_get(json_object_get(v, "submods"), "cpu0");
    const json_t *vector = json_object_get(cpu, "ear.trustworthiness-vector");

    (void)state;
    assert_string_equal(claim(v, "iss"), "http://as.example");
    assert_string_equal(claim(v, "tee"), "tdx");
    assert_string_equal(claim(v, "sotto_result"), "verified");
    assert_string_equal(claim(v, "eat_profile"), "tag:github.com,2023:veraison/ear");
    assert_string_equal(claim(v, "jti"), "ffffffff-ffff-4fff-bf00-000000000000");
    assert_int_equal(json_integer_value(json_object_get(v, "exp")), NOW + 300);
    assert_int_equal(json_integer_value(json_object_get(v, "iat")), NOW);
    assert_int_equal(strlen(claim(v, "eat_nonce")), 64);
    assert_int_equal(strncmp(claim(v, "eat_nonce"), "5a00", 4), 0);
    assert_int_equal(strlen(claim(v, "sotto_keyset_sha384")), 96);
    assert_int_equal(strncmp(claim(v, "sotto_policy_sha384"), "ab00", 4), 0);
    assert_true(json_is_array(json_object_get(v, "sotto_model_ids")));
    assert_string_equal(claim(v, "mr_td"), "aa");
    assert_string_equal(claim(v, "tcb_svn"), "0b");
    assert_int_equal(json_integer_value(json_object_get(v, "version")), 4);
    assert_true(json_is_false(json_object_get(v, "td_attributes.debug")));
    assert_true(json_is_true(json_object_get(v, "td_attributes.septve_disable")));
    assert_true(json_is_true(json_object_get(v, "td_attributes.perfmon")));
    assert_string_equal(claim(cpu, "ear.status"), "affirming");
    assert_string_equal(claim(cpu, "ear.appraisal-policy-id"), "demo");
    assert_int_equal(json_integer_value(json_object_get(vector, "hardware")), 2);
    assert_int_equal(json_integer_value(json_object_get(vector, "executables")), 2);
    assert_null(json_object_get(vector, "configuration"));
    json_decref(v);
}

static void tokens_of_a_simulator_are_another_kind(void **state)
{
    json_t *v = token_make(VERDICT_SIMULATED, keys.simulated);
    const json_t *cpu = json_object_get(json_object_get(v, "submods"), "cpu0");
    const json_t *vector = json_object_get(cpu, "ear.trustworthiness-vector");

    (void)state;
    assert_string_equal(claim(v, "iss"), "http://as.example/simulated");
    assert_string_equal(claim(v, "tee"), "tdx-sim");
    assert_string_equal(claim(v, "sotto_result"), "simulated");
    assert_string_equal(claim(cpu, "ear.status"), "contraindicated");
    assert_int_equal(json_integer_value(json_object_get(vector, "hardware")), 97);
    assert_null(json_object_get(vector, "runtime-opaque"));
    json_decref(v);
}

static void no_token_for_other_results(void **state)
{
    static const enum verdict_result results[] = {VERDICT_REFUSED, VERDICT_UNDECIDED};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct verdict v = verdict_make(results[i]);
        const struct token_policy policy = {.id = "demo"};
        const struct token_input in = {
            .verdict = &v, .policies = &policy, .policy_count = 1, .issuer = "http://x", .time = NOW};
        struct buf token = BUF(LIMIT_TOKEN);
        struct err err = {0};

        assert_fails(token_sign(&in, &keys, &token, &err), err, REASON_INTERNAL, ERR_NOWHERE);
        assert_int_equal(token.len, 0);
        verdict_done(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_stay_and_are_private),
                                       cmocka_unit_test(routes),
                                       cmocka_unit_test(both_key_sets_are_the_same),
                                       cmocka_unit_test(requests_that_are_refused),
                                       cmocka_unit_test(the_default_policy_must_be_one),
                                       cmocka_unit_test(runtime_data_forms),
                                       cmocka_unit_test(tokens_of_hardware),
                                       cmocka_unit_test(tokens_of_a_simulator_are_another_kind),
                                       cmocka_unit_test(no_token_for_other_results)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
