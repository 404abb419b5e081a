/* Real quotes and Intel's own collateral, each pair at an instant at which all of it is valid, against statuses that
 * other programs found (the vectors' expected.tsv). */
#include "test.h"

#include "base/civil.h"
#include "base/limits.h"
#include "collateral/directory.h"
#include "explain/verify.h"
#include "os/file.h"

#include <stdlib.h>

enum column {
    QUOTE,
    COLLATERAL,
    TCB_INFO_FILE,
    WINDOW_FROM,
    WINDOW_TO,
    VERIFY_AT,
    MISSING,
    FINAL_STATUS,
    LAUNCH_STATUS,
    CURRENT_STATUS,
    PLATFORM_LEVEL,
    PLATFORM_TCB_DATE,
    MODULE_LEVEL,
    MODULE_TCB_DATE,
    QE_LEVEL,
    TCB_DATE,
    ADVISORIES,
    EVAL_NUM,
    PCK_REVOKED,
    COLUMNS,
};

static const char *claim(const struct verdict *v, const char *name)
{
    const char *s = json_string_value(json_object_get(v->claims, name));

    return s == NULL ? "" : s;
}

static void advisories(const struct verdict *v, char out[1024])
{
    const json_t *list = json_object_get(v->claims, "advisory_ids");

    (void)snprintf(out, 1024, "%s", json_array_size(list) == 0 ? "-" : "");
    for (size_t i = 0; i < json_array_size(list); i++) {
        (void)snprintf(out + strlen(out), 1024 - strlen(out), "%s%s", i == 0 ? "" : ",",
                       json_string_value(json_array_get(list, i)));
    }
}

static bool affirmed(const struct verdict *v, const char *name)
{
    const struct fact *f = verdict_find(v, name);

    return f != NULL && f->state == FACT_AFFIRMED;
}

/* The facts that do not depend on any policy but the root. */
static bool genuine(const struct verdict *v, bool sgx, bool preproduction)
{
    static const char *const names[] = {
        "form",    "quote_signature",    "qe_binding", "qe_report_signature",   "pck_chain",   "root_crl",
        "pck_crl", "tcb_info_signature", "tcb_info",   "qe_identity_signature", "qe_identity", "tdx_module"};

    for (size_t i = 0; i < sizeof names / sizeof *names - sgx; i++) { /* an enclave has no module */
        if (!affirmed(v, names[i])) {
            print_error("%s\n", names[i]);
            return false;
        }
    }
    return affirmed(v, "root") != preproduction;
}

/* "-": there is none, or a platform that reaches no level, of which the table says nothing more. */
static bool claim_is(const struct verdict *v, const char *name, const char *want)
{
    return strcmp(want, "-") == 0 || strcmp(want, "none") == 0 || strcmp(claim(v, name), want) == 0;
}

static bool levels_are(const struct verdict *v, char *const *c)
{
    /* What was launched is a claim of its own only where what runs now is one too. */
    const bool relaunchable = strcmp(c[CURRENT_STATUS], "-") != 0;

    return claim_is(v, relaunchable ? "tcb_launch_status" : "tcb_status", c[LAUNCH_STATUS]) &&
           claim_is(v, "tcb_current_status", c[CURRENT_STATUS]) &&
           claim_is(v, "tcb_platform_status", c[PLATFORM_LEVEL]) &&
           claim_is(v, "tcb_platform_date", c[PLATFORM_TCB_DATE]) &&
           claim_is(v, "tcb_module_status", c[MODULE_LEVEL]) && claim_is(v, "tcb_module_date", c[MODULE_TCB_DATE]) &&
           claim_is(v, "tcb_qe_status", c[QE_LEVEL]);
}

static void status_check(const char *line, char *const *c, const struct verdict *v)
{
    const bool supported = strcmp(c[FINAL_STATUS], "TcbNotSupported") != 0;
    char ids[1024], number[24];

    advisories(v, ids);
    (void)snprintf(number, sizeof number, "%lld",
                   (long long)json_integer_value(json_object_get(v->claims, "tcb_evaluation_data_number")));
    if (strcmp(claim(v, "tcb_status"), c[FINAL_STATUS]) != 0 || strcmp(number, c[EVAL_NUM]) != 0 ||
        json_object_get(v->claims, "tcb_date") == NULL || json_object_get(v->claims, "advisory_ids") == NULL ||
        (supported && strcmp(claim(v, "tcb_date"), c[TCB_DATE]) != 0) || strcmp(ids, c[ADVISORIES]) != 0 ||
        !levels_are(v, c)) {
        fail_msg("%s: %s of %s, %s, evaluation %s", line, claim(v, "tcb_status"), claim(v, "tcb_date"), ids, number);
    }
}

/* What the built-in policy, or one that ignores time, must make of it. */
static enum verdict_result result_expected(char *const *c, bool timeless)
{
    const bool accepted = strcmp(c[FINAL_STATUS], "UpToDate") == 0 || strcmp(c[FINAL_STATUS], "SWHardeningNeeded") == 0;

    if (!accepted || strstr(c[QUOTE], "PREPROD") != NULL || strstr(c[QUOTE], "DEBUG") != NULL ||
        strstr(c[QUOTE], "debug") != NULL || strstr(c[QUOTE], "occlum") != NULL || /* a debug enclave too */
        strstr(c[QUOTE], "nonzero-trailer") != NULL) {
        return VERDICT_REFUSED;
    }
    return timeless ? VERDICT_UNDECIDED : VERDICT_VERIFIED;
}

/* Both ends of the window in which everything is valid belong to it. */
static void window_check(const char *line, char *const *c, struct bytes quote, const struct verify_input *judged)
{
    struct verify_input in = *judged;
    struct verdict *v = calloc(1, sizeof *v);
    struct err err = {0};
    int64_t from, to;

    assert_non_null(v);
    assert_ok(civil_parse_iso8601(bytes_of_str(c[WINDOW_FROM]), &from, &err), err);
    assert_ok(civil_parse_iso8601(bytes_of_str(c[WINDOW_TO]), &to, &err), err);
    for (int i = 0; i < 4; i++) {
        in.time = i == 0 ? from - 1 : i == 1 ? from : i == 2 ? to : to + 1;
        assert_ok(verify_quote(quote, &in, v, &err), err);
        if (affirmed(v, "time") != (i == 1 || i == 2)) {
            fail_msg("%s: time %d of the window", line, i);
        }
        verdict_done(v);
    }
    free(v);
}

/* There is no instant at which everything is valid. */
static void never_check(const char *line, struct bytes quote, const struct verify_input *judged)
{
    static const char *const instants[] = {"2023-07-01T00:00:00Z", "2024-10-01T00:00:00Z", "2025-03-01T00:00:00Z",
                                           "2025-11-20T00:00:00Z", "2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z"};
    struct verify_input in = *judged;
    struct verdict *v = calloc(1, sizeof *v);
    struct policy *policy = NULL;
    struct err err = {0};

    assert_non_null(v);
    assert_ok(policy_builtin(&policy, &err), err);
    in.policy = policy;
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
        assert_ok(civil_parse_iso8601(bytes_of_str(instants[i]), &in.time, &err), err);
        assert_ok(verify_quote(quote, &in, v, &err), err);
        if (verdict_find(v, "time")->state != FACT_REFUTED || v->result != VERDICT_REFUSED) {
            fail_msg("%s: valid at %s", line, instants[i]);
        }
        verdict_done(v);
    }
    policy_free(policy);
    free(v);
}

static void row_check(const char *line, char *const *c)
{
    static const char timeless_policy[] = "{\"v\":1,\"anchors\":{\"intel\":true},\"ignore_time\":true}";
    const bool timeless = strcmp(c[VERIFY_AT], "-") == 0, sgx = strncmp(c[QUOTE], "sgx3", 4) == 0;
    struct buf quote = BUF(LIMIT_QUOTE);
    struct directory *d = calloc(1, sizeof *d);
    struct verify_input in = {.time = strtoll(c[VERIFY_AT], NULL, 10)};
    struct policy *policy = NULL;
    struct verdict *v = calloc(1, sizeof *v);
    struct err err = {0};
    char name[256];

    assert_non_null(d);
    assert_non_null(v);
    (void)snprintf(name, sizeof name, "tdx/quotes/%s", c[QUOTE]);
    assert_ok(file_read(vector_path(name), &quote, &err), err);
    (void)snprintf(name, sizeof name, "tdx/collateral/%s", c[COLLATERAL]);
    assert_ok(directory_open(vector_path(name), d, &err), err);
    assert_ok(timeless ? policy_parse(bytes_of_str(timeless_policy), &policy, &err) : policy_builtin(&policy, &err),
              err);
    in.policy = policy;
    in.files = d->files;
    in.file_count = d->count;
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    if (!genuine(v, sgx, strstr(c[QUOTE], "PREPROD") != NULL)) {
        fail_msg("%s: not genuine", line);
    }
    assert_string_equal(claim(v, "tee"), sgx ? "sgx" : "tdx");
    status_check(line, c, v);
    if (v->result != result_expected(c, timeless)) {
        fail_msg("%s: %s", line, verdict_result_name(v->result));
    }
    if (timeless) {
        never_check(line, buf_bytes(&quote), &in);
    } else {
        window_check(line, c, buf_bytes(&quote), &in);
    }
    verdict_done(v);
    free(v);
    policy_free(policy);
    directory_close(d);
    free(d);
    buf_done(&quote);
}

static struct document_file *file_find(struct directory *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->files[i].name, name) == 0) {
            return &d->files[i];
        }
    }
    fail_msg("%s is not there", name);
    abort();
}

/* A quote of December 2025 that the standard data of 2026-06-30 (evaluation 19) find up to date and the early ones of
 * 2026-06-12 (21) out of date, both sets being valid on these days: together, and each alone. */
static void standard_and_early(void **state)
{
    static const char quote_name[] = "tdx/quotes/tdx4_00806F050000_flashbots_gcp_2025-12.bin";
    struct directory *standard = calloc(1, sizeof *standard), *early = calloc(1, sizeof *early);
    struct document_file files[LIMIT_COLLATERAL_FILES + 2];
    struct buf quote = BUF(LIMIT_QUOTE);
    struct verify_input in = {.files = files};
    struct policy *policy = NULL;
    struct verdict *v = calloc(1, sizeof *v);
    struct err err = {0};
    const json_t *other;

    (void)state;
    assert_non_null(standard);
    assert_non_null(early);
    assert_non_null(v);
    assert_ok(file_read(vector_path(quote_name), &quote, &err), err);
    assert_ok(directory_open(vector_path("tdx/collateral/tdx-00806F050000-2026-06-30"), standard, &err), err);
    assert_ok(directory_open(vector_path("tdx/collateral/tdx-00806F050000-2026-06-12"), early, &err), err);
    assert_ok(policy_builtin(&policy, &err), err);
    assert_ok(civil_parse_iso8601(bytes_of_str("2026-07-01T00:00:00Z"), &in.time, &err), err);
    in.policy = policy;
    memcpy(files, standard->files, standard->count * sizeof *files);
    in.file_count = standard->count;
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    assert_int_equal(v->result, VERDICT_VERIFIED);
    assert_null(verdict_find(v, "tcb_early"));
    verdict_done(v);

    files[in.file_count] = *file_find(early, "tcb_info.json");
    files[in.file_count++].name = "tcb_info_00806f050000_early.json";
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    assert_int_equal(v->result, VERDICT_VERIFIED); /* the standard decides */
    assert_string_equal(claim(v, "tcb_status"), "UpToDate");
    assert_int_equal(json_integer_value(json_object_get(v->claims, "tcb_evaluation_data_number")), 19);
    other = json_object_get(v->claims, "tcb_early");
    assert_string_equal(json_string_value(json_object_get(other, "tcb_status")), "OutOfDate");
    /* The lower one of TCB info and identity, of which there is no early one here. */
    assert_int_equal(json_integer_value(json_object_get(other, "tcb_evaluation_data_number")), 19);
    assert_int_equal(verdict_find(v, "tcb_early")->state, FACT_REFUTED);
    assert_int_equal(verdict_find(v, "tcb_early")->reason, REASON_TCB_STATUS);
    assert_false(verdict_find(v, "tcb_early")->required);
    verdict_done(v);

    files[in.file_count] = *file_find(early, "qe_identity.json");
    files[in.file_count++].name = "qe_identity_early.json";
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    other = json_object_get(v->claims, "tcb_early");
    assert_int_equal(json_integer_value(json_object_get(other, "tcb_evaluation_data_number")), 21);
    assert_true(json_array_size(json_object_get(json_object_get(other, "tcb_distance"), "behind")) > 0);
    verdict_done(v);

    /* A day on which the early data are no longer valid, and the standard ones are. */
    assert_ok(civil_parse_iso8601(bytes_of_str("2026-07-20T00:00:00Z"), &in.time, &err), err);
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    assert_int_equal(v->result, VERDICT_VERIFIED);
    assert_int_equal(verdict_find(v, "time")->state, FACT_AFFIRMED);
    assert_int_equal(verdict_find(v, "tcb_early")->state, FACT_REFUTED);
    verdict_done(v);

    policy_free(policy);
    directory_close(standard);
    directory_close(early);
    buf_done(&quote);
    free(v);
    free(standard);
    free(early);
}

/* TCB info of version 2, as PCS version 3 gives it for SGX: signed, of the platform, and of the same levels. */
static void sgx_version_2(void **state)
{
    static const char policy_text[] = "{\"v\":1,\"anchors\":{\"intel\":true},\"ignore_time\":true}";
    struct directory *d = calloc(1, sizeof *d);
    struct buf quote = BUF(LIMIT_QUOTE), info = BUF(LIMIT_COLLATERAL);
    struct document_file files[LIMIT_COLLATERAL_FILES];
    struct verify_input in = {.files = files};
    struct policy *policy = NULL;
    struct verdict *v = calloc(1, sizeof *v);
    struct err err = {0};

    (void)state;
    assert_non_null(d);
    assert_non_null(v);
    assert_ok(file_read(vector_path("tdx/quotes/sgx3_00606A000000_automata_a.bin"), &quote, &err), err);
    assert_ok(file_read(vector_path("tdx/api/pcs-v3_sgx_tcb_00606A000000_2025-06-04.json"), &info, &err), err);
    assert_ok(directory_open(vector_path("tdx/collateral/sgx-00606A000000-2025-08-15"), d, &err), err);
    assert_ok(policy_parse(bytes_of_str(policy_text), &policy, &err), err);
    in.policy = policy;
    in.file_count = d->count;
    memcpy(files, d->files, d->count * sizeof *files);
    files[file_find(d, "tcb_info.json") - d->files].content = buf_bytes(&info);
    assert_ok(verify_quote(buf_bytes(&quote), &in, v, &err), err);
    assert_true(affirmed(v, "tcb_info_signature") && affirmed(v, "tcb_info"));
    assert_string_equal(claim(v, "tcb_status"), "SWHardeningNeeded");
    assert_string_equal(claim(v, "tcb_date"), "2024-03-13");
    verdict_done(v);
    policy_free(policy);
    directory_close(d);
    buf_done(&quote);
    buf_done(&info);
    free(v);
    free(d);
}

static void every_pair(void **state)
{
    FILE *f = fopen(vector_path("tdx/expected.tsv"), "r");
    char line[4096], copy[4096];
    size_t rows = 0;

    (void)state;
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f)); /* the heading */
    while (fgets(line, sizeof line, f) != NULL) {
        char *c[COLUMNS], *at = copy;
        size_t n = 0;

        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(copy, sizeof copy, "%s", line);
        while (n < COLUMNS && at != NULL) {
            c[n++] = strsep(&at, "\t");
        }
        assert_int_equal(n, COLUMNS);
        row_check(line, c);
        rows++;
    }
    (void)fclose(f);
    print_message("%zu pairs\n", rows);
    assert_int_equal(rows, 141);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair), cmocka_unit_test(standard_and_early),
                                       cmocka_unit_test(sgx_version_2)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
