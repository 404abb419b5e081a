/* The whole judgement: a simulated platform's evidence in, a token or a refusal out. The platform, its collateral, the
 * log and the document are made here, as sotto-sim and the service make them. */
#include "attest/service.h"
#include "attest/token.h"
#include "bad.h"
#include "base/base64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "crypto/jose.h"
#include "evidence/document.h"
#include "evidence/event.h"
#include "evidence/keyset.h"
#include "os/file.h"
#include "sim/bootlog.h"
#include "sim/platform.h"

#include <unistd.h>

#define NOW 1795521600 /* 2026-11-24T12:00:00Z */
#define HEX48(pair) \
    pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair \
        pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair \
            pair pair pair

static struct world {
    char folder[64];
    struct platform platform;
    struct collateral collateral;
    struct keys keys;
    struct buf boot_log, event_log, keyset;
    char config[97], model[97]; /* what the policy must name */
    uint8_t nonce[NONCE_SIZE];
    struct service service;
} w = {.folder = "/tmp/test_whole_XXXXXX"};

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", w.folder, name);
    return path;
}

static void event_put(const char *content)
{
    uint8_t digest[SHA384_SIZE];
    struct err err = {0};

    assert_ok(event_add(&w.event_log, bytes_of_str(content), digest, &err), err);
    assert_ok(guest_extend(&w.platform.guest, 3, digest, &err), err);
}

static void sha384_hex(struct bytes b, char out[97])
{
    uint8_t digest[SHA384_SIZE];

    hash_bytes(HASH_SHA384, b, digest);
    hex_encode(bytes_of(digest, sizeof digest), out);
}

/* A start of the service, as its keeper writes it down. */
static void log_make(void)
{
    static const char config[] = "{\"kind\":\"config\",\"settings\":{},\"v\":1}";
    char path[4096], model[4096];
    struct err err = {0};
    uint8_t *manifest;
    size_t len;

    (void)snprintf(path, sizeof path, "%s/tests/bad/manifest/good.json", getenv("SOTTO_SOURCE"));
    manifest = bad_read(path, &len);
    sha384_hex(bytes_of(manifest, len), w.model);
    sha384_hex(bytes_of_str(config), w.config);
    (void)snprintf(model, sizeof model, "{\"kind\":\"model\",\"manifest\":%.*s,\"v\":1}", (int)len, (char *)manifest);
    free(manifest);
    assert_ok(event_log_begin(&w.event_log, &err), err);
    event_put(
        "{\"boot_id\":\"00112233445566778899aabbccddeeff\",\"kind\":\"start\",\"number\":1,\"numerics\":1,\"v\":1}");
    event_put("{\"files\":[{\"backing\":\"memfd\",\"name\":\"sotto\",\"sha384\":\"" HEX48(
        "aa") "\"}],"
              "\"kind\":\"program\",\"v\":1}");
    event_put(config);
    event_put("{\"kind\":\"web\",\"sha384\":\"" HEX48("cd") "\",\"v\":1}");
    event_put("{\"kind\":\"policy\",\"sha384\":\"\",\"v\":1}");
    event_put(model);
    event_put("{\"kind\":\"ready\",\"v\":1}");
}

static void keyset_make(void)
{
    struct keyset k = {.not_before = NOW - 10, .not_after = NOW + 86400};
    struct err err = {0};

    memset(k.web_sha384, 0xcd, sizeof k.web_sha384);
    key_public(w.keys.hardware, k.receipt_xy);
    assert_ok(keyset_print(&k, &w.keyset, &err), err);
}

/* name.json, with one value replaced: NULL: none. */
static void policy_write(const char *name, const char *field, const char *value)
{
    const struct {
        const char *field;
        const void *p;
        size_t len;
    } td[] = {{"mrtd", w.platform.guest.mrtd, 48},
              {"rtmr0", w.platform.guest.rtmr[0], 48},
              {"rtmr1", w.platform.guest.rtmr[1], 48},
              {"rtmr2", w.platform.guest.rtmr[2], 48}};
    const char *const service[][2] = {
        {"program", HEX48("aa")}, {"config", w.config}, {"web", HEX48("cd")}, {"model", w.model}};
    struct buf out = BUF(LIMIT_POLICY);
    struct err err = {0};
    uint8_t root[32];
    bool ok;

    pki_root_sha256(&w.platform.pki, root);
    ok = buf_str(&out, "{\"v\":1,\"anchors\":{\"simulated\":[\"", &err) &&
         (field != NULL && strcmp(field, "root") == 0 ? buf_str(&out, value, &err)
                                                      : hex_add(&out, bytes_of(root, 32), &err)) &&
         buf_str(&out, "\"]},\"td\":{", &err);
    for (size_t i = 0; ok && i < 4; i++) {
        ok = buf_printf(&out, &err, "%s\"%s\":[\"", i > 0 ? "," : "", td[i].field) &&
             (field != NULL && strcmp(field, td[i].field) == 0 ? buf_str(&out, value, &err)
                                                               : hex_add(&out, bytes_of(td[i].p, 48), &err)) &&
             buf_str(&out, "\"]", &err);
    }
    ok = ok && buf_str(&out, "},\"service\":{", &err);
    for (size_t i = 0; ok && i < 4; i++) {
        ok = buf_printf(&out, &err, "%s\"%s\":[\"%s\"]", i > 0 ? "," : "", service[i][0],
                        field != NULL && strcmp(field, service[i][0]) == 0 ? value : service[i][1]);
    }
    assert_ok(ok && buf_str(&out, "}}", &err) && file_write(path_of(name), 0600, buf_bytes(&out), &err), err);
    buf_done(&out);
}

static int setup(void **state)
{
    static const uint8_t seed[PKI_SEED_SIZE] = {7};
    static char policies[64];
    struct setup s;
    struct err err = {0};

    (void)state;
    w.boot_log = w.event_log = BUF(LIMIT_LOG);
    w.keyset = BUF(LIMIT_KEYSET);
    memset(w.nonce, 0x5a, sizeof w.nonce);
    setup_default(NOW, &s);
    if (mkdtemp(w.folder) == NULL || !platform_new(seed, &s, &w.platform, &err) ||
        !collateral_new(&w.platform.pki, &s, &w.collateral, &err) || !keys_open(path_of("state"), &w.keys, &err) ||
        !bootlog_print(w.platform.pki.id, &w.boot_log, &err)) {
        return -1;
    }
    log_make();
    keyset_make();
    memcpy(policies, w.folder, sizeof policies);
    w.service = (struct service){.keys = &w.keys, .policies = policies, .issuer = "http://as.example"};
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {
        "state/token.pem", "state/token-simulated.pem", "state", "demo.json", "other.json", ""};

    (void)state;
    keys_close(&w.keys);
    platform_done(&w.platform);
    collateral_done(&w.collateral);
    buf_done(&w.boot_log);
    buf_done(&w.event_log);
    buf_done(&w.keyset);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)remove(path_of(names[i]));
    }
    return 0;
}

/* The evidence document that the service would give for the nonce. */
static void document_make(struct buf *out)
{
    struct report_data_parts parts = {0};
    struct document d = {.boot_log = buf_bytes(&w.boot_log),
                         .event_log = buf_bytes(&w.event_log),
                         .keyset = buf_bytes(&w.keyset),
                         .nonce_count = 1,
                         .log_in = LOG_IN_RTMR3,
                         .files = w.collateral.list,
                         .file_count = COLLATERAL_FILES};
    struct buf quote = BUF(LIMIT_QUOTE);
    uint8_t report_data[64];
    struct err err = {0};

    memcpy(d.nonce, w.nonce, sizeof d.nonce);
    tree_leaf(bytes_of(w.nonce, sizeof w.nonce), parts.nonce_root);
    hash_bytes(HASH_SHA384, d.keyset, parts.keyset_digest);
    hash_bytes(HASH_SHA384, bytes_of(NULL, 0), parts.device_digest);
    report_data_form(&parts, report_data);
    assert_ok(platform_quote(&w.platform, 4, report_data, &quote, &err), err);
    d.quote = buf_bytes(&quote);
    assert_ok(document_print(&d, out, &err), err);
    buf_done(&quote);
}

static struct service_reply ask(struct bytes evidence, const char *rest)
{
    struct service_request r = {.method = HTTP_POST, .path = "/v1/attestation", .time = NOW};
    struct buf body = BUF(LIMIT_HTTP_BODY);
    struct service_reply out;
    struct err err = {0};

    assert_ok(buf_str(&body, "{\"tee\":\"tdx\",\"evidence\":\"", &err) &&
                  base64_add(&body, BASE64_URL, evidence, &err) && buf_printf(&body, &err, "\"%s}", rest),
              err);
    r.body = buf_bytes(&body);
    service_answer(&w.service, &r, &out);
    buf_done(&body);
    return out;
}

static json_t *claims_of(const struct service_reply *r)
{
    struct buf claims = BUF(LIMIT_TOKEN);
    struct err err = {0};
    json_t *v = NULL;
    uint8_t xy[64];

    if (r->status != 200) {
        fail_msg("%d: %.*s", r->status, (int)r->body.len, (const char *)r->body.p);
    }
    assert_string_equal(r->content_type, "application/jwt");
    key_public(w.keys.simulated, xy);
    assert_ok(jose_check(buf_bytes(&r->body), xy, "JWT", &claims, &err), err);
    key_public(w.keys.hardware, xy);
    assert_false(jose_check(buf_bytes(&r->body), xy, "JWT", &claims, &err));
    assert_ok(json_parse(buf_bytes(&claims), &v, &err), err);
    buf_done(&claims);
    return v;
}

/* Status, result, and the first of the reasons. */
static void check_problem(const struct service_reply *r, int status, const char *result, const char *fact,
                          enum reason reason)
{
    struct err err = {0};
    const json_t *first;
    json_t *v = NULL;

    assert_int_equal(r->status, status);
    assert_string_equal(r->content_type, "application/problem+json");
    assert_ok(json_parse(buf_bytes(&r->body), &v, &err), err);
    assert_int_equal(json_integer_value(json_object_get(v, "status")), status);
    assert_string_equal(json_string_value(json_object_get(v, "result")), result);
    assert_string_equal(json_string_value(json_object_get(v, "reason")), reason_name(reason));
    first = json_array_get(json_object_get(v, "reasons"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "fact")), fact);
    assert_string_equal(json_string_value(json_object_get(first, "reason")), reason_name(reason));
    json_decref(v);
}

static void a_document_gives_a_token(void **state)
{
    /* What the hover panel and the console of the replaced system show. */
    static const char *const names[] = {"jti",
                                        "tee",
                                        "exp",
                                        "iat",
                                        "mr_td",
                                        "rtmr_0",
                                        "rtmr_1",
                                        "rtmr_2",
                                        "rtmr_3",
                                        "mr_seam",
                                        "seam_attributes",
                                        "td_attributes",
                                        "xfam",
                                        "mr_config_id",
                                        "mr_owner",
                                        "mr_owner_config",
                                        "mrsigner_seam",
                                        "tcb_svn",
                                        "att_key_type",
                                        "tee_type",
                                        "user_data",
                                        "vendor_id",
                                        "version",
                                        "type",
                                        "td_attributes.debug",
                                        "td_attributes.key_locker",
                                        "td_attributes.perfmon",
                                        "td_attributes.protection_keys",
                                        "td_attributes.septve_disable",
                                        "eat_nonce",
                                        "eat_profile",
                                        "submods",
                                        "sotto_result",
                                        "sotto_keyset_sha384",
                                        "sotto_model_ids",
                                        "sotto_policy_sha384",
                                        "iss"};
    struct buf doc = BUF(LIMIT_EVIDENCE);
    char digits[97];
    struct service_reply r;
    json_t *v;

    (void)state;
    policy_write("demo.json", NULL, NULL);
    document_make(&doc);
    r = ask(buf_bytes(&doc), ",\"policy_ids\":[\"demo\"]");
    v = claims_of(&r);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (json_object_get(v, names[i]) == NULL) {
            fail_msg("no claim %s", names[i]);
        }
    }
    assert_string_equal(json_string_value(json_object_get(v, "tee")), "tdx-sim");
    assert_string_equal(json_string_value(json_object_get(v, "sotto_result")), "simulated");
    assert_string_equal(json_string_value(json_object_get(v, "iss")), "http://as.example/simulated");
    sha384_hex(buf_bytes(&w.keyset), digits);
    assert_string_equal(json_string_value(json_object_get(v, "sotto_keyset_sha384")), digits);
    hex_encode(bytes_of(w.platform.guest.mrtd, 48), digits);
    assert_string_equal(json_string_value(json_object_get(v, "mr_td")), digits);
    hex_encode(bytes_of(w.nonce, 32), digits);
    assert_string_equal(json_string_value(json_object_get(v, "eat_nonce")), digits);
    assert_int_equal(json_array_size(json_object_get(v, "sotto_model_ids")), 1);
    json_decref(v);
    buf_done(&r.body);
    buf_done(&doc);
}

static void the_default_policy_counts_where_none_is_named(void **state)
{
    struct buf doc = BUF(LIMIT_EVIDENCE);
    struct service_reply r;
    json_t *v;

    (void)state;
    policy_write("demo.json", NULL, NULL);
    document_make(&doc);
    r = ask(buf_bytes(&doc), "");
    check_problem(&r, 503, "undecided", "root", REASON_NOT_DEMANDED);
    buf_done(&r.body);
    w.service.default_policy = "demo";
    r = ask(buf_bytes(&doc), ",\"policy_ids\":[]");
    w.service.default_policy = NULL;
    v = claims_of(&r);
    json_decref(v);
    buf_done(&r.body);
    buf_done(&doc);
}

static void each_other_value_is_refused(void **state)
{
    static const struct {
        const char *field;
        enum reason reason;
    } cases[] = {
        {"root", REASON_ROOT_UNTRUSTED},
        {"mrtd", REASON_OK},
        {"rtmr0", REASON_OK},
        {"rtmr1", REASON_OK},
        {"rtmr2", REASON_OK},
        {"program", REASON_PROGRAM_MISMATCH},
        {"config", REASON_CONFIG_MISMATCH},
        {"web", REASON_WEB_MISMATCH},
        {"model", REASON_MODEL_MISMATCH},
    };
    struct buf doc = BUF(LIMIT_EVIDENCE);

    (void)state;
    policy_write("demo.json", NULL, NULL);
    document_make(&doc);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct service_reply r;

        policy_write("other.json", cases[i].field,
                     strcmp(cases[i].field, "root") == 0 ? "00000000000000000000000000000000"
                                                           "00000000000000000000000000000000"
                                                         : HEX48("ee"));
        /* The first policy holds; every one must. */
        r = ask(buf_bytes(&doc), ",\"policy_ids\":[\"demo\",\"other\"]");
        assert_int_equal(r.status, 403);
        assert_string_equal(r.content_type, "application/problem+json");
        if (cases[i].reason != REASON_OK) {
            assert_string_equal(reason_name(r.why.reason), reason_name(cases[i].reason));
        }
        assert_non_null(memmem(r.body.p, r.body.len, "\"result\":\"refused\"", 18));
        buf_done(&r.body);
    }
    buf_done(&doc);
}

static void a_changed_document_is_refused(void **state)
{
    static const char *const members[] = {"\"event_log\":\"", "\"keyset\":\"", "\"nonce\":\"", "\"quote\":\""};
    struct buf doc = BUF(LIMIT_EVIDENCE);

    (void)state;
    policy_write("demo.json", NULL, NULL);
    document_make(&doc);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        size_t skip = strlen(members[i]) + (strcmp(members[i], "\"nonce\":\"") == 0 ? 10 : 600);
        uint8_t *at = memmem(doc.p, doc.len, members[i], strlen(members[i]));
        struct service_reply r;
        uint8_t kept;

        assert_non_null(at);
        kept = at[skip];
        at[skip] = kept == '5' ? '6' : '5';
        r = ask(buf_bytes(&doc), ",\"policy_ids\":[\"demo\"]");
        assert_true(r.status == 403 || r.status == 400);
        assert_string_equal(r.content_type, "application/problem+json");
        at[skip] = kept;
        buf_done(&r.body);
    }
    buf_done(&doc);
}

static void runtime_data_of_a_document_is_its_key_set(void **state)
{
    struct buf doc = BUF(LIMIT_EVIDENCE), rest = BUF(LIMIT_HTTP_BODY);
    struct service_reply r;
    struct err err = {0};
    json_t *v;

    (void)state;
    policy_write("demo.json", NULL, NULL);
    document_make(&doc);
    assert_ok(buf_str(&rest, ",\"policy_ids\":[\"demo\"],\"runtime_data\":{\"structured\":", &err) &&
                  buf_add(&rest, w.keyset.p, w.keyset.len, &err) && buf_add(&rest, "}", 2, &err),
              err);
    r = ask(buf_bytes(&doc), (const char *)rest.p);
    v = claims_of(&r);
    json_decref(v);
    buf_done(&r.body);
    r = ask(buf_bytes(&doc), ",\"policy_ids\":[\"demo\"],\"runtime_data\":{\"raw\":\"AAAA\"}");
    check_problem(&r, 403, "refused", "report_data", REASON_REPORT_DATA_MISMATCH);
    buf_done(&r.body);
    buf_done(&doc);
    buf_done(&rest);
}

/* Trustee's form: the caller's data is in the report data, and the service's collateral is the operator's. */
static void bare_evidence_needs_its_runtime_data(void **state)
{
    static const struct {
        const char *raw;
        int status;
    } cases[] = {{"cnVudGltZQ", 200}, {"cnVudGltZS4", 403}, {"", 403}, {NULL, 200}}; /* NULL: the digest itself */
    uint8_t report_data[64] = {0};
    struct buf quote = BUF(LIMIT_QUOTE), text = BUF(LIMIT_EVIDENCE), digest = BUF(100);
    struct err err = {0};
    char rest[200];

    (void)state;
    policy_write("demo.json", NULL, NULL);
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        assert_ok(file_mkdir(path_of("collateral"), 0700, &err), err);
        (void)snprintf(rest, sizeof rest, "%s/collateral/%s", w.folder, w.collateral.list[i].name);
        assert_ok(file_write(rest, 0600, w.collateral.list[i].content, &err), err);
    }
    hash_bytes(HASH_SHA384, bytes_of_str("runtime"), report_data);
    assert_ok(base64_add(&digest, BASE64_URL, bytes_of(report_data, SHA384_SIZE), &err) && buf_u8(&digest, 0, &err),
              err);
    assert_ok(platform_quote(&w.platform, 5, report_data, &quote, &err), err);
    assert_ok(buf_str(&text, "{\"quote\":\"", &err) && base64_add(&text, BASE64_STANDARD, buf_bytes(&quote), &err) &&
                  buf_str(&text, "\",\"cc_eventlog\":\"", &err) &&
                  base64_add(&text, BASE64_STANDARD, buf_bytes(&w.boot_log), &err) &&
                  buf_str(&text, "\",\"aa_eventlog\":\"", &err) &&
                  base64_add(&text, BASE64_STANDARD, buf_bytes(&w.event_log), &err) && buf_str(&text, "\"}", &err),
              err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char collateral[128];
        struct service_reply r;

        (void)snprintf(collateral, sizeof collateral, "%s/collateral", w.folder);
        (void)snprintf(rest, sizeof rest, ",\"policy_ids\":[\"demo\"],\"runtime_data\":{\"raw\":\"%s\"}",
                       cases[i].raw != NULL ? cases[i].raw : (const char *)digest.p);
        w.service.collateral = collateral;
        r = ask(buf_bytes(&text), rest);
        w.service.collateral = NULL;
        if (r.status != cases[i].status) {
            fail_msg("%d: %.*s", r.status, (int)r.body.len, (const char *)r.body.p);
        }
        if (r.status == 200) {
            json_t *v = claims_of(&r);

            assert_null(json_object_get(v, "eat_nonce"));
            assert_non_null(json_object_get(v, "mr_servicetd"));
            json_decref(v);
        } else {
            assert_int_equal(r.why.reason, REASON_REPORT_DATA_MISMATCH);
        }
        buf_done(&r.body);
    }
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        (void)snprintf(rest, sizeof rest, "collateral/%s", w.collateral.list[i].name);
        (void)remove(path_of(rest));
    }
    (void)remove(path_of("collateral"));
    buf_done(&digest);
    buf_done(&quote);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_document_gives_a_token),
                                       cmocka_unit_test(the_default_policy_counts_where_none_is_named),
                                       cmocka_unit_test(each_other_value_is_refused),
                                       cmocka_unit_test(a_changed_document_is_refused),
                                       cmocka_unit_test(runtime_data_of_a_document_is_its_key_set),
                                       cmocka_unit_test(bare_evidence_needs_its_runtime_data)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
