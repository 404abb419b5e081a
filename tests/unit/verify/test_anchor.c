/* Real quotes under policies that try to let them pass: what Intel's anchor refuses whatever a policy says. */
#include "test.h"
#include "world.h"

#include "base/limits.h"
#include "collateral/directory.h"
#include "explain/verify.h"
#include "os/file.h"

/* SHA-256 of Intel's root, and of its root of parts before production, which has the same name. */
#define ROOT "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
#define PREPRODUCTION "e3f49e858865d54dde1d2f778817a355c470133165ddce1e488bec66f8f9ecf3"

#define ACCEPT_ALL \
    "\"tcb\":{\"accept\":[\"UpToDate\",\"OutOfDate\",\"TDRelaunchAdvised\",\"TcbNotSupported\"]}," \
    "\"quote\":{\"trailing\":\"any\"}"
#define ALLOW_DEBUG ",\"td\":{\"attributes\":{\"mask\":\"0100000000000000\",\"value\":\"0100000000000000\"}}"

static const struct row {
    const char *quote, *collateral;
    int64_t time;
    const char *policy;
    const char *fact; /* NULL: all is accepted */
    enum reason reason;
} table[] = {
    {"tdx4_B0C06F_dcapqvl_uptodate.bin", "migtd-prod-2025-11-17", 1764652144,
     "{\"v\":1,\"anchors\":{\"intel\":true}," ACCEPT_ALL "}", NULL, REASON_OK},
    {"tdx5_90C06F_openenclave_RELAUNCH.bin", "tdx-90C06F000000-2025-02-26", 1741604669,
     "{\"v\":1,\"anchors\":{\"intel\":true}," ACCEPT_ALL "}", NULL, REASON_OK},
    {"tdx4_50806F_trustee_DEBUG.bin", "tdx-50806F000000-2023-06-18", 1687939438,
     "{\"v\":1,\"anchors\":{\"intel\":true}," ACCEPT_ALL "}", "debug", REASON_TD_DEBUG},
    {"tdx4_50806F_trustee_DEBUG.bin", "tdx-50806F000000-2023-06-18", 1687939438,
     "{\"v\":1,\"anchors\":{\"intel\":true}," ACCEPT_ALL ALLOW_DEBUG "}", "debug", REASON_TD_DEBUG},
    {"tdx4_50806F_trustee_DEBUG.bin", "tdx-50806F000000-2023-06-18", 1687939438,
     "{\"v\":1,\"anchors\":{\"intel\":false,\"simulated\":[\"" ROOT "\"]}," ACCEPT_ALL ALLOW_DEBUG "}", "root",
     REASON_ROOT_UNTRUSTED},
    {"tdx4_10806F070000_cctrusted_PREPROD.bin", "migtd-preprod-2026-07-01", 1784196603,
     "{\"v\":1,\"anchors\":{\"intel\":true}," ACCEPT_ALL "}", "root", REASON_ROOT_UNTRUSTED},
    {"tdx4_10806F070000_cctrusted_PREPROD.bin", "migtd-preprod-2026-07-01", 1784196603,
     "{\"v\":1,\"anchors\":{\"intel\":true,\"simulated\":[\"" PREPRODUCTION "\"]}," ACCEPT_ALL "}", "root",
     REASON_ROOT_UNTRUSTED},
    {"tdx4_10806F070000_cctrusted_PREPROD.bin", "migtd-preprod-2026-07-01", 1784196603,
     "{\"v\":1,\"anchors\":{\"simulated\":[\"" PREPRODUCTION "\"]}," ACCEPT_ALL "}", "root", REASON_ROOT_UNTRUSTED},
};

static void row_check(const struct row *r)
{
    struct buf quote = BUF(LIMIT_QUOTE);
    struct directory *d = calloc(1, sizeof *d);
    struct verify_input in = {.time = r->time};
    struct policy *policy = NULL;
    struct verdict *v = calloc(1, sizeof *v);
    const struct fact *f;
    struct err err = {0};
    char name[256];

    assert_non_null(d);
    assert_non_null(v);
    (void)snprintf(name, sizeof name, "tdx/quotes/%s", r->quote);
    assert_ok(file_read(vector_path(name), &quote, &err), err);
    (void)snprintf(name, sizeof name, "tdx/collateral/%s", r->collateral);
    assert_ok(directory_open(vector_path(name), d, &err), err);
    assert_ok(policy_parse(bytes_of_str(r->policy), &policy, &err), err);
    in.policy = policy;
    in.files = d->files;
    in.file_count = d->count;
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    f = verdict_first_failure(v);
    if (v->result != (r->fact == NULL ? VERDICT_VERIFIED : VERDICT_REFUSED) || (f == NULL) != (r->fact == NULL) ||
        (f != NULL && (strcmp(f->name, r->fact) != 0 || f->reason != r->reason))) {
        fail_msg("%s under %s: %s, %s (%s)", r->quote, r->policy, verdict_result_name(v->result),
                 f == NULL ? "nothing" : f->name, f == NULL ? "" : reason_name(f->reason));
    }
    verdict_done(v);
    free(v);
    policy_free(policy);
    directory_close(d);
    free(d);
    buf_done(&quote);
}

static void refused_whatever_the_policy_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        row_check(&table[i]);
    }
}

/* A chain under a key of Intel's that bears the simulator's marks, which only a forger could bring; the root is not
 * signed again, so that the chain above it does not hold either. */
static void marks_of_a_simulator(void **state)
{
    static const uint8_t intel_root_key[] = {
        0x0b, 0xa9, 0xc4, 0xc0, 0xc0, 0xc8, 0x61, 0x93, 0xa3, 0xfe, 0x23, 0xd6, 0xb0, 0x2c, 0xda, 0x10,
        0xa8, 0xbb, 0xd4, 0xe8, 0x8e, 0x48, 0xb4, 0x45, 0x85, 0x61, 0xa3, 0x6e, 0x70, 0x55, 0x25, 0xf5,
        0x67, 0x91, 0x8e, 0x2e, 0xdc, 0x88, 0xe4, 0x0d, 0x86, 0x0b, 0xd0, 0xcc, 0x4e, 0xe2, 0x6a, 0xac,
        0xc9, 0x88, 0xe5, 0x05, 0xa9, 0x53, 0x55, 0x8c, 0x45, 0x3f, 0x6b, 0x09, 0x04, 0xae, 0x73, 0x94};
    struct world *w = calloc(1, sizeof *w);
    uint8_t ours[64], *at;
    struct buf *root;
    const struct fact *f;
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    root = &w->platform.pki.certs[PKI_ROOT];
    key_public(w->platform.pki.keys[PKI_ROOT], ours);
    at = memmem(root->p, root->len, ours, sizeof ours);
    assert_non_null(at);
    memcpy(at, intel_root_key, sizeof intel_root_key);
    w->quote.len = 0;
    assert_ok(platform_quote(&w->platform, w->version, ours, &w->quote, &err), err);
    (void)snprintf(w->policy_text, sizeof w->policy_text, "{\"v\":1,\"anchors\":{\"intel\":true}}");
    assert_ok(policy_parse(bytes_of_str(w->policy_text), &w->policy, &err), err);
    w->input.policy = w->policy;
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    f = verdict_find(&w->verdict, "root");
    assert_true(f->state == FACT_REFUTED && f->reason == REASON_SIMULATED_IDENTITY);
    assert_int_equal(w->verdict.result, VERDICT_REFUSED);
    world_done(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused_whatever_the_policy_says),
                                       cmocka_unit_test(marks_of_a_simulator)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
