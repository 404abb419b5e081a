/* What an attacker, a bad cache or an old machine may bring, and which check notices: the tables in cases/, a row a
 * case. attack.h is their language. */
#include "attack_do.h"

#include "cases/certificates.h"
#include "cases/collateral.h"
#include "cases/quote.h"
#include "cases/status.h"
#include "cases/time.h"

#include <sys/stat.h>

#define TABLE(name) \
    static void name(void **state) \
    { \
        (void)state; \
        ATTACKS_RUN(name##_cases); \
    }

/* clang-format off */
TABLE(quote)
TABLE(status)
TABLE(certificate)
TABLE(collateral)
TABLE(validity)
/* clang-format on */

static const struct {
    const struct attack *rows;
    size_t count;
} tables[] = {{quote_cases, sizeof quote_cases / sizeof *quote_cases},
              {status_cases, sizeof status_cases / sizeof *status_cases},
              {certificate_cases, sizeof certificate_cases / sizeof *certificate_cases},
              {collateral_cases, sizeof collateral_cases / sizeof *collateral_cases},
              {validity_cases, sizeof validity_cases / sizeof *validity_cases}};
#define TABLES (sizeof tables / sizeof *tables)

/* No two rows of one name, and none that says nothing. */
static void names(void **state)
{
    size_t total = 0;

    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            assert_non_null(tables[t].rows[i].name);
            for (size_t k = 0; k < i; k++) {
                assert_string_not_equal(tables[t].rows[i].name, tables[t].rows[k].name);
            }
        }
        total += tables[t].count;
    }
    print_message("%zu cases\n", total);
    assert_true(total >= 130);
}

/* ---- for verifiers of other people (tests/peers): a folder a case, with what is expected of us ---- */

static void export_file(const char *dir, const char *name, struct bytes content)
{
    char path[4300];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(content.p, 1, content.len, f) != content.len || fclose(f) != 0) {
        (void)fprintf(stderr, "%s cannot be written\n", path);
        exit(1);
    }
}

static void export_case(const char *root, const char *table, size_t number, const struct attack *a)
{
    struct world *w = calloc(1, sizeof *w);
    char dir[4200], text[400];

    (void)snprintf(dir, sizeof dir, "%s/%s-%03zu", root, table, number);
    if (w == NULL || mkdir(dir, 0700) != 0) {
        (void)fprintf(stderr, "%s cannot be made\n", dir);
        exit(1);
    }
    attack_make(w, a);
    (void)snprintf(text, sizeof text, "%s\t%s\t%s\t%s\t%s\t%s\n", a->name, a->policy, a->fact,
                   fact_state_name(a->state), reason_name(a->reason), a->seen == NULL ? "" : a->seen);
    export_file(dir, "expected.tsv", bytes_of_str(text));
    (void)snprintf(text, sizeof text, "%lld\n", (long long)w->time);
    export_file(dir, "time", bytes_of_str(text));
    export_file(dir, "quote.bin", buf_bytes(&w->quote));
    export_file(dir, "root.der", buf_bytes(&w->platform.pki.certs[PKI_ROOT]));
    for (size_t i = 0; i < w->file_count; i++) {
        export_file(dir, w->files[i].name, w->files[i].content);
    }
    world_done(w);
    free(w);
}

#define EXPORT(dir, name) \
    for (size_t i = 0; i < sizeof name##_cases / sizeof *name##_cases; i++) { \
        export_case(dir, #name, i, &name##_cases[i]); \
    }

static void export_all(const char *dir)
{
    EXPORT(dir, quote)
    EXPORT(dir, status)
    EXPORT(dir, certificate)
    EXPORT(dir, collateral)
    EXPORT(dir, validity)
}

#ifdef SOTTO_REMOVED_CHECKS /* tests/removed alone */

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct removed_row {
    const struct attack *attack;
    struct world *world;
    bool decided[CHECKS_MAX]; /* by these checks, while none is removed */
};

static bool removed_row_differs(struct removed_row *r)
{
    struct world *w = r->world;
    struct err err = {0};
    bool differs;

    verdict_done(&w->verdict);
    memset(&w->verdict, 0, sizeof w->verdict);
    differs = !verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err) ||
              attack_differs(r->attack, &w->verdict) != NULL;
    return differs;
}

static void removed_row_make(const struct attack *a, struct removed_row *out)
{
    out->attack = a;
    out->world = calloc(1, sizeof *out->world);
    assert_non_null(out->world);
    attack_make(out->world, a);
    attack_policy(out->world, a);
    check_decided(out->decided); /* not what the making of it came by */
    assert_false(removed_row_differs(out));
    check_decided(out->decided);
}

/* In a process of its own: a check that is gone may end in a crash or in a loop, which is noticed too. */
static bool removed_noticed(struct removed_row *rows, size_t count, unsigned number)
{
    static const struct rlimit seconds = {20, 20};
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        (void)setrlimit(RLIMIT_CPU, &seconds);
        check_remove(number);
        for (size_t i = 0; i < count; i++) {
            if (rows[i].decided[number % CHECKS_MAX] && removed_row_differs(&rows[i])) {
                _exit(1);
            }
        }
        _exit(0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

/* All worlds are made once, then judged for each number of the input. */
static int removed_all(void)
{
    struct removed_row *rows = calloc(1000, sizeof *rows);
    size_t count = 0;
    unsigned number;

    assert_non_null(rows);
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            removed_row_make(&tables[t].rows[i], &rows[count++]);
        }
    }
    while (scanf("%u", &number) == 1) {
        (void)printf("%u %s\n", number, removed_noticed(rows, count, number) ? "noticed" : "missed");
        (void)fflush(stdout);
    }
    return 0;
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quote),       cmocka_unit_test(status),
                                       cmocka_unit_test(certificate), cmocka_unit_test(collateral),
                                       cmocka_unit_test(validity),    cmocka_unit_test(names)};
    int failed;

    if (argc == 3 && strcmp(argv[1], "--export") == 0) {
        export_all(argv[2]);
        other_done();
        return 0;
    }
#ifdef SOTTO_REMOVED_CHECKS
    if (argc == 2 && strcmp(argv[1], "--removed") == 0) {
        return removed_all();
    }
#endif
    failed = cmocka_run_group_tests(tests, NULL, NULL);

    other_done();
    return failed;
}
