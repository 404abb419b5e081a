/* Every allocation of a reader or printer fails in turn: the answer is NO_MEMORY, nothing leaks (the sanitizer's run
 * sees to that), and nothing is taken for malformed that was only too much at the moment. */
#include "bad.h"
#include "base/limits.h"
#include "evidence/bundle.h"
#include "evidence/event.h"
#include "evidence/keyset.h"
#include "evidence/manifest.h"

static long left = -1; /* allocations that still succeed; -1: all */

static bool may(void)
{
    if (left == 0) {
        return false;
    }
    left -= left > 0;
    return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return may() ? __real_malloc(n) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return may() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    return may() ? __real_realloc(p, n) : NULL;
}

static bool document_trip(struct bytes in, struct err *err)
{
    struct buf out = BUF(LIMIT_EVIDENCE);
    struct document d;
    bool ok;

    if (!document_parse(in, &d, err)) {
        return false;
    }
    ok = document_print(&d, &out, err);
    buf_done(&out);
    document_done(&d);
    return ok;
}

static bool keyset_trip(struct bytes in, struct err *err)
{
    struct keyset k;

    return keyset_parse(in, &k, err);
}

static bool event_trip(struct bytes in, struct err *err)
{
    struct buf log = BUF(LIMIT_LOG);
    uint8_t digest[SHA384_SIZE];
    enum event_kind kind;
    struct bytes content;
    json_t *v;
    bool ok;

    if (!event_parse(in, &kind, &v, &content, err)) {
        return false;
    }
    json_decref(v);
    ok = event_log_begin(&log, err) && event_add(&log, content, digest, err);
    buf_done(&log);
    return ok;
}

static bool manifest_trip(struct bytes in, struct err *err)
{
    struct buf out = BUF(LIMIT_MANIFEST);
    struct manifest m;
    json_t *v;
    bool ok;

    if (!json_parse_canonical(in, &v, err)) {
        return false;
    }
    ok = manifest_parse(v, &m, err);
    if (ok) {
        ok = manifest_print(&m, &out, err) && json_print(v, &out, err);
        manifest_done(&m);
    }
    buf_done(&out);
    json_decref(v);
    return ok;
}

static void each_allocation_fails(const char *file, bool (*trip)(struct bytes in, struct err *err))
{
    char path[4096];
    uint8_t *bytes;
    size_t len;
    long n = 0;

    (void)snprintf(path, sizeof path, "%s/tests/bad/%s", getenv("SOTTO_SOURCE"), file);
    bytes = bad_read(path, &len);
    for (bool ok = false; !ok; n++) {
        struct err err = {0};

        left = n;
        ok = trip(bytes_of(bytes, len), &err);
        left = -1;
        if (!ok) {
            assert_string_equal(reason_name(err.reason), "NO_MEMORY");
        }
    }
    assert_true(n > 5);
    free(bytes);
}

static bool bundle_trip(struct bytes in, struct err *err)
{
    struct buf out = BUF(LIMIT_EVIDENCE);
    struct bundle b;
    bool ok;

    if (!bundle_parse(in, &b, err)) {
        return false;
    }
    ok = bundle_print(&b, &out, err);
    buf_done(&out);
    bundle_done(&b);
    return ok;
}

static void bundles(void **state)
{
    (void)state;
    each_allocation_fails("bundle/good.json", bundle_trip);
}

static void documents(void **state)
{
    (void)state;
    each_allocation_fails("document/good.json", document_trip);
}

static void keysets(void **state)
{
    (void)state;
    each_allocation_fails("keyset/good.json", keyset_trip);
}

static void events(void **state)
{
    (void)state;
    each_allocation_fails("event/good_start.bin", event_trip);
}

static void manifests(void **state)
{
    (void)state;
    each_allocation_fails("manifest/good_split.json", manifest_trip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(documents), cmocka_unit_test(bundles),
                                       cmocka_unit_test(keysets), cmocka_unit_test(events),
                                       cmocka_unit_test(manifests)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
