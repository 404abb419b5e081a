/* sotto bench verify: what a verification costs, by the library that other programs get (include/sotto/verify.h), in
 * verifications of P-256 that are measured in turn with it. */
#include "base/limits.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/quote_file.h"
#include "cli/report.h"
#include "collateral/directory.h"
#include "crypto/key.h"
#include "crypto/sig.h"
#include "os/clock.h"
#include "os/file.h"

#include <sotto/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

#define SIGNATURES 9 /* quote, QE report, PCK certificate, CA, TCB signer, TCB info, QE identity, two CRLs */
#define ROUNDS_MAX 1000

static const struct args_option options[] = {
    {"collateral", 'c', "DIR", "collateral files to judge with"},
    {"policy", 'p', "FILE", "the policy to judge by; without one: Intel's root"},
    {"time", 't', "SECONDS", "judge as of this time, in seconds since 1970 (default: now)"},
    {"rounds", 'r', "COUNT", "rounds (default: 25, in which two threads make 10,000 verifications)"},
    {"json", 0, NULL, "print the figures as JSON"},
    {NULL, 0, NULL, NULL},
};

static const struct args_form form = {
    .usage = "sotto bench verify QUOTE --collateral DIR [options]",
    .about =
        "Measures what a verification costs, in memory, by libsotto-verify: cold, where everything is parsed and\n"
        "checked, and warm, with a cache that has seen the collateral and the certificates. Each round also measures\n"
        "P-256 verifications, of which a cold one needs nine and a warm one two: the ratios are what can be compared.\n"
        "A simulated quote:\n"
        "sotto-sim init DIR; sotto-sim run DIR &; sotto quote --device sim:DIR -o QUOTE; sotto-sim collateral DIR OUT",
    .options = options,
    .operands_min = 2,
    .operands_max = 2,
};

#define BATCH 20   /* verifications of a round */
#define THREAD 200 /* of each thread of a round */

struct bench {
    struct buf quote;
    struct directory files;
    struct sotto_file given[LIMIT_COLLATERAL_FILES];
    sotto_policy *policy;
    struct sotto_input in;
    sotto_cache *cache;
    sotto_verdict *verdict; /* made with it */
    uint8_t xy[SIGNATURES][64], rs[SIGNATURES][64];
    enum sotto_result result;
};

static const char message[] = "a message that is as long as the body of a certificate is not";

/* Nine keys and signatures: one pair again and again would be learnt by the branch predictor. */
static bool signatures_make(struct bench *b, struct err *err)
{
    for (size_t i = 0; i < SIGNATURES; i++) {
        struct key *k = NULL;
        bool ok = key_new(&k, err);

        if (ok) {
            key_public(k, b->xy[i]);
            ok = key_sign(k, bytes_of_str(message), b->rs[i], err);
        }
        key_free(k);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool policy_open(struct bench *b, const char *path, struct err *err)
{
    struct buf text = BUF(LIMIT_POLICY);
    char why[160];
    bool ok = path == NULL || file_read(path, &text, err);

    if (ok && path != NULL && !sotto_policy_parse(text.p, text.len, &b->policy, why, sizeof why)) {
        ok = FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "%s: %s", path, why);
    }
    buf_done(&text);
    b->in.policy = b->policy;
    return ok;
}

static bool cache_fill(struct bench *b, struct err *err)
{
    struct sotto_input in = b->in;

    b->cache = in.cache = sotto_cache_new();
    return (b->cache != NULL &&
            sotto_verify(SOTTO_QUOTE, b->quote.p, b->quote.len, &in, &b->verdict) != SOTTO_FAILED) ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a verification");
}

static bool bench_open(struct bench *b, const struct args *a, struct err *err)
{
    struct buf file = BUF(LIMIT_EVIDENCE);
    uint64_t time = 0;
    bool ok = args_number(a, "time", 0, INT64_MAX, (uint64_t)clock_unix(), &time, err) &&
              quote_file_read(a->operands[1], &file, err) && quote_file_decode(buf_bytes(&file), &b->quote, err) &&
              (args_get(a, "collateral") == NULL || directory_open(args_get(a, "collateral"), &b->files, err)) &&
              policy_open(b, args_get(a, "policy"), err) && signatures_make(b, err);

    for (size_t i = 0; i < b->files.count; i++) {
        b->given[i] =
            (struct sotto_file){b->files.files[i].name, b->files.files[i].content.p, b->files.files[i].content.len};
    }
    b->in.time = (int64_t)time;
    b->in.files = b->given;
    b->in.file_count = b->files.count;
    buf_done(&file);
    return ok && cache_fill(b, err);
}

static void bench_close(struct bench *b)
{
    buf_done(&b->quote);
    directory_close(&b->files);
    sotto_policy_free(b->policy);
    sotto_verdict_free(b->verdict);
    sotto_cache_free(b->cache);
}

static bool cold_run(const struct bench *b, int count, enum sotto_result *result)
{
    for (int n = 0; n < count; n++) {
        sotto_verdict *v;

        *result = sotto_verify(SOTTO_QUOTE, b->quote.p, b->quote.len, &b->in, &v);
        if (*result == SOTTO_FAILED) {
            return false;
        }
        sotto_verdict_free(v);
    }
    return true;
}

/* With a cache and in a verdict that have seen it all; it is the verdict that the cold ones gave. */
static bool warm_run(const struct bench *b, int count)
{
    struct sotto_input in = b->in;
    enum sotto_result result = SOTTO_FAILED;

    in.cache = b->cache;
    in.reuse = b->verdict;
    for (int n = 0; n < count; n++) {
        sotto_verdict *v;

        result = sotto_verify(SOTTO_QUOTE, b->quote.p, b->quote.len, &in, &v);
    }
    return result == b->result;
}

static bool signatures_run(const struct bench *b, int count, struct err *err)
{
    for (int n = 0; n < count; n++) {
        if (!sig_check(SIG_P256, bytes_of(b->xy[n % SIGNATURES], 64), bytes_of_str(message),
                       bytes_of(b->rs[n % SIGNATURES], 64), err)) {
            return false;
        }
    }
    return true;
}

/* Microseconds of the processor since. */
static double lap(uint64_t *since)
{
    const uint64_t now = clock_thread_ns(), was = *since;

    *since = now;
    return (double)(now - was) / 1000;
}

/* One verification of each kind, and nine signature checks, in turn. */
static bool round_run(struct bench *b, double *cold, double *nine, double *warm, struct err *err)
{
    uint64_t since = clock_thread_ns();
    bool ok = cold_run(b, BATCH, &b->result);

    *cold = lap(&since) / BATCH;
    ok = ok && signatures_run(b, BATCH * SIGNATURES, err);
    *nine = lap(&since) / BATCH;
    ok = ok && warm_run(b, BATCH);
    *warm = lap(&since) / BATCH;
    return ok || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a verification");
}

static int thread_run(void *arg)
{
    enum sotto_result result;

    return cold_run(arg, THREAD, &result) ? 0 : 1;
}

/* How many times as many cold verifications two threads make in the same time. */
static bool scaling_run(struct bench *b, double *out, struct err *err)
{
    uint64_t begun = clock_monotonic_ns(), between;
    thrd_t two[2];
    bool ok = thread_run(b) == 0;
    int code, started = 0;

    between = clock_monotonic_ns();
    while (ok && started < 2 && thrd_create(&two[started], thread_run, b) == thrd_success) {
        started++;
    }
    ok = ok && started == 2;
    for (int i = 0; i < started; i++) {
        ok = thrd_join(two[i], &code) == thrd_success && code == 0 && ok;
    }
    *out = 2 * (double)(between - begun) / (double)(clock_monotonic_ns() - between);
    return ok || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "two threads");
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void figure_print(const char *name, const char *label, double *values, size_t n, bool json)
{
    qsort(values, n, sizeof *values, compare);
    if (json) {
        (void)printf(",\"%s\":[%.4g,%.4g,%.4g]", name, values[0], values[n / 2], values[n - 1]);
    } else {
        (void)printf("%-40s %8.4g %8.4g %8.4g\n", label, values[0], values[n / 2], values[n - 1]);
    }
}

static bool figures_make(struct bench *b, size_t rounds, bool json, struct err *err)
{
    static double cold[ROUNDS_MAX], nine[ROUNDS_MAX], warm[ROUNDS_MAX], cold_ratio[ROUNDS_MAX], warm_ratio[ROUNDS_MAX],
        scaling[ROUNDS_MAX];

    for (size_t i = 0; i < rounds; i++) {
        if (!round_run(b, &cold[i], &nine[i], &warm[i], err) || !scaling_run(b, &scaling[i], err)) {
            return false;
        }
        cold_ratio[i] = cold[i] / nine[i];
        warm_ratio[i] = warm[i] / (nine[i] * 2 / SIGNATURES);
    }
    if (json) {
        (void)printf("{\"result\":%d,\"rounds\":%zu", (int)b->result, rounds);
    } else {
        (void)printf("exit code of the verdict %d; %4zu rounds%*s min   median      max\n", (int)b->result, rounds, 10,
                     "");
    }
    figure_print("cold_us", "cold: a verification, us of processor", cold, rounds, json);
    figure_print("nine_p256_us", "nine P-256 verifications, us of processor", nine, rounds, json);
    figure_print("cold_ratio", "cold / nine, of each round", cold_ratio, rounds, json);
    figure_print("warm_us", "warm: with a cache that has seen it", warm, rounds, json);
    figure_print("warm_ratio", "warm / two, of each round", warm_ratio, rounds, json);
    figure_print("two_threads", "two threads / one, cold, elapsed", scaling, rounds, json);
    (void)printf("%s", json ? "}\n" : "");
    return true;
}

int cmd_bench(int argc, char **argv)
{
    static struct bench b;
    struct err err = {.reason = REASON_INTERNAL, .offset = ERR_NOWHERE};
    struct args a;
    uint64_t rounds;
    bool ok;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    b.quote = BUF(LIMIT_QUOTE_DEVICE);
    if (strcmp(a.operands[0], "verify") != 0) {
        err_set(&err, REASON_USAGE, ERR_NOWHERE, "there is no bench %.40s, only verify", a.operands[0]);
        return report_error(&err);
    }
    ok = args_number(&a, "rounds", 1, ROUNDS_MAX, 25, &rounds, &err) && bench_open(&b, &a, &err) &&
         figures_make(&b, (size_t)rounds, args_flag(&a, "json"), &err);
    bench_close(&b);
    return ok ? 0 : report_error(&err);
}
