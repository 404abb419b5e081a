/* Real quotes under policies that try to let them pass: what Intel's anchor refuses whatever a policy says. */
#include "test.h"

#include "base/limits.h"
#include "collateral/directory.h"
#include "os/file.h"
#include "verify/verify.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused_whatever_the_policy_says)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
