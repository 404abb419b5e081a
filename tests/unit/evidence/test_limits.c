/* What evidence may hold, and one more of it. */
#include "test.h"

#include "base/hex.h"
#include "base/limits.h"
#include "evidence/bundle.h"
#include "evidence/event.h"
#include "evidence/manifest.h"

#define LAST_SECOND INT64_C(253402300799) /* of year 9999 */

/* Refused by its length, before anything is read. */
static void texts_without_end(void **state)
{
    struct buf text = BUF(LIMIT_EVIDENCE + 1);
    struct document d;
    struct bundle b;
    struct err err = {0};
    uint8_t *p;

    (void)state;
    assert_ok(buf_room(&text, LIMIT_EVIDENCE + 1, &p, &err), err);
    memset(p, ' ', LIMIT_EVIDENCE + 1);
    assert_fails(document_parse(bytes_of(p, LIMIT_EVIDENCE + 1), &d, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_fails(bundle_parse(bytes_of(p, LIMIT_EVIDENCE + 1), &b, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_fails(document_parse(bytes_of(p, 100), &d, &err), err, REASON_JSON_FORM, 100);
    assert_fails(bundle_parse(bytes_of(p, 100), &b, &err), err, REASON_JSON_FORM, 100);
    buf_done(&text);
}

static void bundles(void **state)
{
    static uint8_t zeros[LIMIT_EVIDENCE];
    static struct document_file files[LIMIT_COLLATERAL_FILES + 1];
    static char names[LIMIT_COLLATERAL_FILES + 1][8];
    static const struct {
        int64_t time;
        size_t evidence, files, policy, verdict;
        enum reason reason;
    } rows[] = {
        {LAST_SECOND, 1, LIMIT_COLLATERAL_FILES, LIMIT_POLICY, LIMIT_POLICY, REASON_OK},
        {LAST_SECOND + 1, 1, 0, 1, 1, REASON_DOCUMENT_FORM},
        {-1, 1, 0, 1, 1, REASON_DOCUMENT_FORM},
        {1, 1, LIMIT_COLLATERAL_FILES + 1, 1, 1, REASON_BUF_FULL},
        {1, 1, 0, LIMIT_POLICY + 1, 1, REASON_BUF_FULL},
        {1, 1, 0, 1, LIMIT_POLICY + 1, REASON_BUF_FULL},
        {1, LIMIT_EVIDENCE, 0, 1, 1, REASON_BUF_FULL},
    };

    (void)state;
    for (size_t i = 0; i < LIMIT_COLLATERAL_FILES + 1; i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        files[i] = (struct document_file){.name = names[i], .content = bytes_of(zeros, 1)};
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bundle b = {.evidence = bytes_of(zeros, rows[i].evidence),
                                 .files = files,
                                 .file_count = rows[i].files,
                                 .policy = bytes_of(zeros, rows[i].policy),
                                 .verdict = bytes_of(zeros, rows[i].verdict),
                                 .time = rows[i].time};
        struct buf out = BUF(2 * LIMIT_EVIDENCE);
        struct err err = {.reason = REASON_OK};

        if (bundle_print(&b, &out, &err) != (rows[i].reason == REASON_OK) || err.reason != rows[i].reason) {
            fail_msg("row %zu: %s", i, reason_name(err.reason));
        }
        buf_done(&out);
    }
}

static void first_record(void **state)
{
    struct buf log = BUF(100);
    struct err err = {0};

    (void)state;
    assert_ok(event_log_begin(&log, &err), err);
    assert_ok(event_log_begin_check(buf_bytes(&log), &err), err);
    assert_fails(event_log_begin_check(bytes_of(log.p, log.len - 1), &err), err, REASON_BYTES_SHORT, log.len - 1);
    buf_done(&log);
}

/* A manifest of count files that is right in all else. */
static void manifest_of(size_t count, struct buf *out)
{
    static struct manifest_file files[257];
    uint8_t id[SHA384_SIZE];
    char digits[2 * SHA384_SIZE + 1], zeros[65];
    struct err err = {0};

    memset(zeros, '0', 64);
    zeros[64] = '\0';
    assert_ok(buf_printf(out, &err, "{\"defaults_sha256\":\"%s\",\"files\":[", zeros), err);
    for (size_t i = 0; i < count; i++) {
        files[i] = (struct manifest_file){.length = 1};
        manifest_file_id(files[i].length, files[i].tree_root, files[i].file_id);
        hex_encode(bytes_of(files[i].file_id, SHA384_SIZE), digits);
        assert_ok(
            buf_printf(out, &err,
                       "%s{\"file_id\":\"%s\",\"length\":1,\"name\":\"%03zu\",\"sha256\":\"%s\",\"tree_root\":\"%s\"}",
                       i == 0 ? "" : ",", digits, i, zeros, zeros),
            err);
    }
    manifest_model_id(files, count, id);
    hex_encode(bytes_of(id, sizeof id), digits);
    assert_ok(buf_printf(out, &err,
                         "],\"model_id\":\"%s\",\"name\":\"a\",\"template_sha256\":\"%s\",\"tokenizer_sha256\":\"%s\","
                         "\"v\":1}",
                         digits, zeros, zeros),
              err);
}

static void manifests(void **state)
{
    static const struct {
        size_t files;
        bool ok;
    } rows[] = {{0, false}, {1, true}, {256, true}, {257, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text = BUF(LIMIT_MANIFEST);
        struct err err = {.reason = REASON_OK};
        struct manifest m;
        json_t *v;

        manifest_of(rows[i].files, &text);
        assert_ok(json_parse_canonical(buf_bytes(&text), &v, &err), err);
        assert_int_equal(manifest_parse(v, &m, &err), rows[i].ok);
        assert_int_equal(err.reason, rows[i].ok ? REASON_OK : REASON_MANIFEST_FORM);
        if (rows[i].ok) {
            manifest_done(&m);
        }
        json_decref(v);
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_without_end), cmocka_unit_test(bundles),
                                       cmocka_unit_test(first_record), cmocka_unit_test(manifests)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
