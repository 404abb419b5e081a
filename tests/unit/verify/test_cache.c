/* The library's cache and the memory that it needs: a verdict with a cache is, byte for byte, the verdict without one,
 * whatever went through the cache before; a verification whose collateral was seen before allocates nothing outside of
 * the cryptographic library; and none needs a megabyte. */
#include "attack_do.h"

#include "cases/certificates.h"
#include "cases/collateral.h"
#include "cases/quote.h"
#include "cases/status.h"
#include "cases/time.h"
#include "collateral/directory.h"
#include "crypto/sig.h"
#include "os/file.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <sotto/verify.h>

/* ---- memory ---- */

static size_t held, held_most, allocations, allocations_of_checks, checks;
static bool in_check, failed;
static long left = -1; /* allocations that still succeed; -1: all */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
bool __real_sig_check(enum sig_curve curve, struct bytes key_xy, struct bytes message, struct bytes rs,
                      struct err *err);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
bool __wrap_sig_check(enum sig_curve curve, struct bytes key_xy, struct bytes message, struct bytes rs,
                      struct err *err);

static bool may(void)
{
    failed = failed || left == 0;
    left -= left > 0;
    return !failed;
}

static void *took(void *p)
{
    held += malloc_usable_size(p);
    held_most = held > held_most ? held : held_most;
    allocations += !in_check;
    allocations_of_checks += in_check;
    return p;
}

void *__wrap_malloc(size_t n)
{
    return may() ? took(__real_malloc(n)) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return may() ? took(__real_calloc(n, size)) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    if (!may()) {
        return NULL;
    }
    held -= malloc_usable_size(p);
    return took(__real_realloc(p, n));
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return __wrap_realloc(p, n * size);
}

void __wrap_free(void *p)
{
    held -= malloc_usable_size(p);
    __real_free(p);
}

bool __wrap_sig_check(enum sig_curve curve, struct bytes key_xy, struct bytes message, struct bytes rs, struct err *err)
{
    bool ok;

    in_check = true;
    checks++;
    ok = __real_sig_check(curve, key_xy, message, rs, err);
    in_check = false;
    return ok;
}

static void counters_clear(void)
{
    held = held_most = allocations = allocations_of_checks = checks = 0;
}

/* OpenSSL's allocations too, wherever it is linked from. */
static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return __wrap_malloc(n);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return __wrap_realloc(p, n);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    __wrap_free(p);
}

/* ---- a call, cold and warm ---- */

struct call {
    enum sotto_kind kind;
    struct bytes evidence;
    struct sotto_file files[LIMIT_COLLATERAL_FILES + 2];
    struct sotto_input in;
};

static void call_make(struct call *c, struct bytes quote, const struct document_file *files, size_t count,
                      const struct policy *policy, int64_t time)
{
    memset(c, 0, sizeof *c);
    c->kind = SOTTO_QUOTE;
    c->evidence = quote;
    for (size_t i = 0; i < count; i++) {
        c->files[i] = (struct sotto_file){files[i].name, files[i].content.p, files[i].content.len};
    }
    c->in = (struct sotto_input){.policy = (const sotto_policy *)(const void *)policy, .time = time};
    c->in.files = c->files;
    c->in.file_count = count;
}

static sotto_verdict *judged(const struct call *c, sotto_cache *cache, sotto_verdict *reuse)
{
    struct sotto_input in = c->in;
    sotto_verdict *v = NULL;

    in.cache = cache;
    in.reuse = reuse;
    assert_int_not_equal(sotto_verify(c->kind, c->evidence.p, c->evidence.len, &in, &v), SOTTO_FAILED);
    assert_true(reuse == NULL || v == reuse);
    return v;
}

static void same(const char *name, sotto_verdict *a, sotto_verdict *b)
{
    const char *x = sotto_verdict_json(a), *y = sotto_verdict_json(b);

    assert_non_null(x);
    assert_non_null(y);
    if (sotto_verdict_result(a) != sotto_verdict_result(b) || strcmp(x, y) != 0 ||
        strcmp(sotto_verdict_text(a), sotto_verdict_text(b)) != 0) {
        fail_msg("%s: with a cache it is\n%s\nwithout one\n%s", name, y, x);
    }
}

/* Twice through the cache: what the first call puts there, the second finds. */
static void both(const char *name, const struct call *c, sotto_cache *cache, sotto_verdict **reused)
{
    sotto_verdict *cold = judged(c, NULL, NULL);

    for (int i = 0; i < 2; i++) {
        *reused = judged(c, cache, *reused);
        same(name, cold, *reused);
    }
    sotto_verdict_free(cold);
}

/* ---- tests ---- */

static const struct {
    const struct attack *rows;
    size_t count;
} tables[] = {{quote_cases, sizeof quote_cases / sizeof *quote_cases},
              {status_cases, sizeof status_cases / sizeof *status_cases},
              {certificate_cases, sizeof certificate_cases / sizeof *certificate_cases},
              {collateral_cases, sizeof collateral_cases / sizeof *collateral_cases},
              {validity_cases, sizeof validity_cases / sizeof *validity_cases}};

/* Every attack, in sequence through one cache and one verdict. */
static void attacks(void **state)
{
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *reused = NULL;
    struct call *c = malloc(sizeof *c);
    size_t count = 0;

    (void)state;
    assert_non_null(cache);
    assert_non_null(c);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (size_t i = 0; i < tables[t].count; i++, count++) {
            struct world *w = calloc(1, sizeof *w);

            assert_non_null(w);
            attack_make(w, &tables[t].rows[i]);
            attack_policy(w, &tables[t].rows[i]);
            call_make(c, buf_bytes(&w->quote), w->files, w->file_count, w->policy, w->time);
            both(tables[t].rows[i].name, c, cache, &reused);
            world_done(w);
            free(w);
        }
    }
    print_message("%zu cases\n", count);
    assert_true(count >= 130);
    sotto_verdict_free(reused);
    sotto_cache_free(cache);
    free(c);
    other_done();
}

/* A root that one policy pins need not have signed itself; what that policy's judgement leaves in the cache says
 * nothing to one by another policy. */
static void pinned_root(void **state)
{
    static const struct attack pinned = {
        .name = "", .changes = {CERT_RAW(ROOT, AS_CA "020101", AS_CA "020102")}, .policy = ""};
    static const char text[] = "{\"v\":1,\"anchors\":{\"intel\":true}}";
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *reused = NULL;
    struct policy *other = NULL;
    struct world *w = calloc(1, sizeof *w);
    struct call *c = malloc(sizeof *c);
    struct err err = {0};
    struct sotto_fact f = {.name = ""};

    (void)state;
    assert_non_null(w);
    assert_non_null(c);
    attack_make(w, &pinned);
    attack_policy(w, &pinned);
    call_make(c, buf_bytes(&w->quote), w->files, w->file_count, w->policy, w->time);
    both("pinned", c, cache, &reused);
    assert_int_equal(sotto_verdict_result(reused), SOTTO_SIMULATED);
    assert_ok(policy_parse(bytes_of_str(text), &other, &err), err);
    c->in.policy = (const sotto_policy *)(const void *)other;
    both("not pinned", c, cache, &reused);
    for (size_t i = 0; strcmp(f.name, "pck_chain") != 0; i++) {
        assert_true(sotto_verdict_fact(reused, i, &f));
    }
    assert_int_equal(f.state, SOTTO_REFUTED);
    sotto_verdict_free(reused);
    sotto_cache_free(cache);
    policy_free(other);
    world_done(w);
    free(w);
    free(c);
}

static struct world *world_new(struct call *c)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_quote_policy(w);
    call_make(c, buf_bytes(&w->quote), w->files, w->file_count, w->policy, w->time);
    return w;
}

/* Every byte of the quote and of every file, changed behind a cache that has seen them as they were. */
static void bytes_changed(void **state)
{
    struct call *c = malloc(sizeof *c);
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *reused = NULL;
    struct world *w;
    size_t changed = 0;

    (void)state;
    assert_non_null(c);
    w = world_new(c);
    both("as it is", c, cache, &reused);
    assert_int_equal(sotto_verdict_result(reused), SOTTO_SIMULATED);
    for (size_t f = 0; f <= c->in.file_count; f++) {
        const struct bytes was = f == 0 ? c->evidence : bytes_of(c->files[f - 1].data, c->files[f - 1].size);
        uint8_t *copy = malloc(was.len);

        assert_non_null(copy);
        memcpy(copy, was.p, was.len);
        for (size_t i = 0; i < was.len; i++, changed++) {
            sotto_verdict *cold;

            copy[i] ^= (uint8_t)(1 + changed % 255);
            if (f == 0) {
                c->evidence.p = copy;
            } else {
                c->files[f - 1].data = copy;
            }
            cold = judged(c, NULL, NULL);
            reused = judged(c, cache, reused);
            same(f == 0 ? "the quote" : c->files[f - 1].name, cold, reused);
            sotto_verdict_free(cold);
            copy[i] = was.p[i];
        }
        if (f == 0) {
            c->evidence.p = was.p;
        } else {
            c->files[f - 1].data = was.p;
        }
        free(copy);
    }
    print_message("%zu bytes\n", changed);
    sotto_verdict_free(reused);
    sotto_cache_free(cache);
    world_done(w);
    free(w);
    free(c);
}

/* Claims are made when they are asked for: from nothing that the caller may have taken back by then. */
static void asked_later(void **state)
{
    struct call *c = malloc(sizeof *c);
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *now, *later;
    struct world *w;

    (void)state;
    assert_non_null(c);
    w = world_new(c);
    now = judged(c, NULL, NULL);
    assert_non_null(sotto_verdict_json(now));
    assert_non_null(sotto_verdict_text(now));
    later = judged(c, cache, NULL);
    sotto_cache_free(cache);
    world_done(w);
    free(w);
    free(c);
    same("asked later", now, later);
    sotto_verdict_free(now);
    sotto_verdict_free(later);
}

static void memory(void **state)
{
    struct call *c = malloc(sizeof *c);
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *v;
    struct world *w;
    uint8_t xy[64], rs[64];
    size_t of_one;
    struct err err = {0};

    (void)state;
    assert_non_null(c);
    w = world_new(c);
    sotto_verdict_free(judged(c, NULL, NULL)); /* what OpenSSL makes once */

    counters_clear();
    v = judged(c, NULL, NULL);
    print_message("cold: %zu bytes at most, %zu signatures\n", held_most, checks);
    assert_true(held_most < 1000000);
    assert_int_equal(checks, 9);
    assert_non_null(sotto_verdict_json(v));
    assert_true(held_most < 1000000);
    sotto_verdict_free(v);
    assert_int_equal(held, 0);

    v = judged(c, cache, NULL);
    v = judged(c, cache, v);
    counters_clear();
    v = judged(c, cache, v);
    assert_int_equal(checks, 2); /* the quote's, and that of the quoting enclave's report */
    assert_int_equal(allocations, 0);
    assert_int_equal(held, 0); /* what the checks took they gave back */

    /* The rest is OpenSSL's own, and as much as a bare check makes. */
    of_one = allocations_of_checks / 2;
    key_public(w->platform.pki.attestation, xy);
    assert_ok(key_sign(w->platform.pki.attestation, bytes_of_str("a message"), rs, &err), err);
    counters_clear();
    assert_ok(__wrap_sig_check(SIG_P256, bytes_of(xy, 64), bytes_of_str("a message"), bytes_of(rs, 64), &err), err);
    assert_int_equal(allocations_of_checks, of_one);
    print_message("warm: none of ours, %zu of OpenSSL in each check\n", of_one);
    sotto_verdict_free(v);
    sotto_cache_free(cache);
    world_done(w);
    free(w);
    free(c);
}

/* Every allocation fails in turn, also while a verdict is used again: there is no verdict then, or one with facts that
 * are open, and the next call is none the worse. */
static void no_memory(void **state)
{
    struct call *c = malloc(sizeof *c);
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *cold, *v = NULL;
    struct sotto_input in;
    struct sotto_fact f;
    struct world *w;
    long n = 0;

    (void)state;
    assert_non_null(c);
    w = world_new(c);
    cold = judged(c, NULL, NULL);
    for (bool whole = false; !whole; n++) {
        enum sotto_result result;

        if (n % 2 == 0) {
            sotto_verdict_free(v);
            v = NULL;
        }
        in = c->in;
        in.cache = cache;
        in.reuse = v;
        left = n;
        result = sotto_verify(c->kind, c->evidence.p, c->evidence.len, &in, &v);
        whole = !failed;
        left = -1;
        failed = false;
        assert_int_not_equal(result, SOTTO_REFUSED);
        assert_true(!whole || result == SOTTO_SIMULATED);
        assert_true(result != SOTTO_FAILED || v == NULL || !sotto_verdict_fact(v, 0, &f));
    }
    print_message("%ld allocations\n", n - 1);
    assert_true(n > 100);
    same("after all that", cold, v);
    sotto_verdict_free(cold);
    sotto_verdict_free(v);
    sotto_cache_free(cache);
    world_done(w);
    free(w);
    free(c);
}

/* Each row of the vectors' table, in its order, through one cache; and once more. */
static void vectors(void **state)
{
    FILE *f = fopen(vector_path("tdx/expected.tsv"), "r"); /* first: it may skip */
    sotto_cache *cache = sotto_cache_new();
    sotto_verdict *reused = NULL;
    struct call *c = malloc(sizeof *c);
    struct directory *d = malloc(sizeof *d);
    char line[4096], name[300];
    size_t rows = 0;
    struct err err = {0};

    (void)state;
    assert_non_null(c);
    assert_non_null(d);
    assert_non_null(f);
    for (int turn = 0; turn < 2; turn++) {
        rewind(f);
        assert_non_null(fgets(line, sizeof line, f));
        for (; fgets(line, sizeof line, f) != NULL; rows++) {
            char *at = line, *quote_name = strsep(&at, "\t"), *collateral = strsep(&at, "\t");
            struct buf quote = BUF(LIMIT_QUOTE);
            int64_t time;

            for (int skipped = 0; skipped < 3; skipped++) {
                (void)strsep(&at, "\t");
            }
            time = strtoll(strsep(&at, "\t"), NULL, 10);
            (void)snprintf(name, sizeof name, "tdx/quotes/%s", quote_name);
            assert_ok(file_read(vector_path(name), &quote, &err), err);
            (void)snprintf(name, sizeof name, "tdx/collateral/%s", collateral);
            assert_ok(directory_open(vector_path(name), d, &err), err);
            call_make(c, buf_bytes(&quote), d->files, d->count, NULL, time != 0 ? time : 1751624191);
            both(quote_name, c, cache, &reused);
            directory_close(d);
            buf_done(&quote);
        }
    }
    (void)fclose(f);
    print_message("%zu rows\n", rows);
    assert_int_equal(rows, 2 * 141);
    sotto_verdict_free(reused);
    sotto_cache_free(cache);
    free(c);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory),      cmocka_unit_test(attacks),
                                       cmocka_unit_test(pinned_root), cmocka_unit_test(bytes_changed),
                                       cmocka_unit_test(asked_later), cmocka_unit_test(no_memory),
                                       cmocka_unit_test(vectors)};

    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
