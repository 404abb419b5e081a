/* The bad files of the formats that evidence/ reads: what each must give stands in tests/bad/FORMAT/expected.txt. */
#include "bad.h"
#include "evidence/bundle.h"
#include "evidence/event.h"
#include "evidence/keyset.h"
#include "evidence/manifest.h"

static bool keyset_read(struct bytes in, struct err *err)
{
    struct keyset k;

    return keyset_parse(in, &k, err);
}

static bool event_read(struct bytes in, struct err *err)
{
    enum event_kind kind;
    struct bytes content;
    json_t *v;

    if (!event_parse(in, &kind, &v, &content, err)) {
        return false;
    }
    json_decref(v);
    return true;
}

static bool document_read(struct bytes in, struct err *err)
{
    struct document d;

    if (!document_parse(in, &d, err)) {
        return false;
    }
    document_done(&d);
    return true;
}

static bool bundle_read(struct bytes in, struct err *err)
{
    struct bundle b;

    if (!bundle_parse(in, &b, err)) {
        return false;
    }
    bundle_done(&b);
    return true;
}

static bool manifest_read(struct bytes in, struct err *err)
{
    struct manifest m;
    json_t *v;
    bool ok;

    if (!json_parse_canonical(in, &v, err)) {
        return false;
    }
    ok = manifest_parse(v, &m, err);
    json_decref(v);
    if (ok) {
        manifest_done(&m);
    }
    return ok;
}

static void bad_keyset(void **state)
{
    (void)state;
    bad_run("keyset", keyset_read);
}

static void bad_event(void **state)
{
    (void)state;
    bad_run("event", event_read);
}

static void bad_document(void **state)
{
    (void)state;
    bad_run("document", document_read);
}

static void bad_bundle(void **state)
{
    (void)state;
    bad_run("bundle", bundle_read);
}

static void bad_manifest(void **state)
{
    (void)state;
    bad_run("manifest", manifest_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_keyset), cmocka_unit_test(bad_event),
                                       cmocka_unit_test(bad_document), cmocka_unit_test(bad_bundle),
                                       cmocka_unit_test(bad_manifest)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
