/* The digests here were computed with Python's hashlib and json from docs/formats.md, not by this code. */
#include "bad.h"
#include "base/hex.h"
#include "base/limits.h"
#include "crypto/jose.h"
#include "crypto/tagged.h"
#include "evidence/document.h"
#include "evidence/event.h"
#include "evidence/keyset.h"
#include "evidence/manifest.h"
#include "evidence/report_data.h"

static void assert_hex(const uint8_t *p, size_t len, const char *want)
{
    char digits[2 * 128 + 1];

    hex_encode(bytes_of(p, len), digits);
    assert_string_equal(digits, want);
}

static void report_data(void **state)
{
    struct report_data_parts parts = {0};
    uint8_t out[64];

    (void)state;
    hash_bytes(HASH_SHA256, bytes_of_str("nonce"), parts.nonce_root);
    hash_bytes(HASH_SHA384, bytes_of_str("keys"), parts.keyset_digest);
    hash_bytes(HASH_SHA384, bytes_of(NULL, 0), parts.device_digest);
    report_data_form(&parts, out);
    assert_hex(out, 64,
               "dd7fe86e0bb547d1e5798e249c3c9ec8e46531c236b9a99172efc1031a9c75e2a49d8d86c2aed172bf1217049b0893c7"
               "3520c706078b19480c565e86b476109f");
    report_data_device_nonce(parts.nonce_root, parts.keyset_digest, out);
    assert_hex(out, 32, "879ec6cd14e0a13f3d7080a315a87cabe0c2826463c5e138461f5fe8de0b7d85");
}

static const char ready[] = "{\"kind\":\"ready\",\"v\":1}";

static void events(void **state)
{
    uint8_t digest[SHA384_SIZE], reg[SHA384_SIZE] = {0}, out[SHA384_SIZE];
    struct buf log = BUF(1000);
    enum event_kind kind;
    const struct bytes roots[] = {bytes_of(digest, SHA384_SIZE), bytes_of(digest, SHA384_SIZE)};
    struct bytes content;
    struct err err = {0};
    json_t *v;

    (void)state;
    assert_ok(event_log_begin(&log, &err), err);
    assert_int_equal(log.len, 65);
    assert_ok(event_add(&log, bytes_of_str(ready), digest, &err), err);
    assert_hex(digest, SHA384_SIZE,
               "a3e16ca44f4a78d78ea926079184922759d603dae1850abf1a6e7c91f65f0f2048b4333d012aefd4f8ae13784066ee90");
    assert_int_equal(log.len, 65 + 96);
    hash_bytes(HASH_SHA384, buf_bytes(&log), out);
    assert_hex(out, SHA384_SIZE,
               "5cbd2bcad869c9e55e415170e2044b583c51edd3dc70780328a3f0c885066ecb871859bf25757e58218d1edfee84f00c");
    hash_extend(reg, digest);
    assert_hex(reg, SHA384_SIZE,
               "c6d551f5acebff1f5e84c5618886daa87ca52fb3975779c41c4073f528f3a06880f7a4e06e497cb214fd68bbe0f24da0");
    assert_ok(event_parse(bytes_of(log.p + log.len - 30, 30), &kind, &v, &content, &err), err);
    assert_int_equal(kind, EVENT_READY);
    assert_true(bytes_equal(content, bytes_of_str(ready)));
    json_decref(v);
    tagged_hash(HASH_SHA384, EVENT_LOG_ROOT, roots, 2, out);
    assert_hex(out, SHA384_SIZE,
               "1f170321ef16ce1abd3d68ee89f9c2bdd7707d90f0ada2738e433adf6a400368ce379a987ff8ae7696c30625b558e8ab");
    tagged_hash(HASH_SHA384, EVENT_LOG_ROOT, NULL, 0, out);
    assert_hex(out, SHA384_SIZE,
               "4c16d57a1d0a7548314ffc81d157c5a261d25604361ba1009751a24b16f434fa57691443c98c8b33ccccfa38d19ab6d1");
    buf_done(&log);
}

static void events_have_limits(void **state)
{
    static uint8_t large[LIMIT_LOG_EVENT];
    struct buf log = BUF(100);
    uint8_t digest[SHA384_SIZE] = {7};
    struct err err = {0};

    (void)state;
    assert_fails(event_add(&log, bytes_of(large, sizeof large - 7), digest, &err), err, REASON_LOG_LIMIT, ERR_NOWHERE);
    assert_fails(event_add(&log, bytes_of(large, 100), digest, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    assert_int_equal(log.len, 0);
    assert_int_equal(digest[0], 7);
    buf_done(&log);
}

static struct keyset keyset_make(void)
{
    struct keyset k = {.not_before = 1700000000, .not_after = 1700086400};
    static const uint8_t node[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

    memcpy(k.node, node, sizeof node);
    memset(k.tls_spki_sha256, 0xab, sizeof k.tls_spki_sha256);
    memset(k.web_sha384, 0xcd, sizeof k.web_sha384);
    for (size_t i = 0; i < 64; i++) {
        k.receipt_xy[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < 32; i++) {
        k.hpke_public_key[i] = (uint8_t)(i + 1);
    }
    return k;
}

static void keysets(void **state)
{
    struct keyset k = keyset_make(), back;
    struct buf out = BUF(LIMIT_KEYSET);
    struct err err = {0};
    uint8_t digest[SHA384_SIZE];

    (void)state;
    assert_ok(keyset_print(&k, &out, &err), err);
    hash_bytes(HASH_SHA384, buf_bytes(&out), digest);
    assert_hex(digest, SHA384_SIZE,
               "fc10dfcb1c3e14d73231f6b7a5918c8e7e73d133e9dfc2aae6365a638e4f4289b501fcc46a49b5a329d3343bec61a349");
    assert_ok(keyset_parse(buf_bytes(&out), &back, &err), err);
    assert_memory_equal(&back, &k, sizeof k);
    /* No byte of it can be another. */
    for (size_t i = 0; i < out.len; i++) {
        out.p[i] ^= 1;
        if (keyset_parse(buf_bytes(&out), &back, &err)) {
            struct buf again = BUF(LIMIT_KEYSET);

            assert_ok(keyset_print(&back, &again, &err), err);
            assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&out)));
            buf_done(&again);
        }
        out.p[i] ^= 1;
    }
    buf_done(&out);
}

static void documents(void **state)
{
    const struct document_file files[] = {{"tcb_info.json", bytes_of("{}", 2)}, {"empty \"\\\n", bytes_of("", 0)}};
    struct document d = {.quote = bytes_of_str("quote"),
                         .event_log = bytes_of_str("log"),
                         .keyset = bytes_of_str("keys"),
                         .devices = bytes_of_str("[]"),
                         .nonce_path_len = TREE_PATH_MAX,
                         .nonce_index = 5,
                         .nonce_count = 4096,
                         .log_in = LOG_IN_REPORT_DATA,
                         .files = files,
                         .file_count = 2};
    struct document back;
    struct buf out = BUF(LIMIT_EVIDENCE);
    struct err err = {0};

    (void)state;
    memset(d.nonce, 0x5a, sizeof d.nonce);
    memset(d.nonce_path, 0xa5, sizeof d.nonce_path);
    assert_ok(document_print(&d, &out, &err), err);
    assert_ok(document_parse(buf_bytes(&out), &back, &err), err);
    assert_true(bytes_equal(back.quote, d.quote) && bytes_equal(back.event_log, d.event_log));
    assert_true(bytes_equal(back.keyset, d.keyset) && bytes_equal(back.devices, d.devices));
    assert_null(back.boot_log.p);
    assert_memory_equal(back.nonce, d.nonce, sizeof d.nonce);
    assert_memory_equal(back.nonce_path, d.nonce_path, sizeof d.nonce_path);
    assert_true(back.nonce_index == 5 && back.nonce_count == 4096 && back.log_in == LOG_IN_REPORT_DATA);
    assert_int_equal(back.file_count, 2);
    assert_string_equal(back.files[0].name, "tcb_info.json");
    assert_true(bytes_equal(back.files[0].content, files[0].content));
    assert_string_equal(back.files[1].name, files[1].name);
    assert_int_equal(back.files[1].content.len, 0);
    document_done(&back);
    document_done(&back); /* empty by now */
    for (size_t i = 0; i < out.len; i++) {
        assert_false(document_parse(bytes_of(out.p, i), &back, &err));
    }
    buf_done(&out);
}

static void manifests(void **state)
{
    char path[4096];
    struct buf out = BUF(LIMIT_MANIFEST);
    struct manifest m;
    struct err err = {0};
    uint8_t *text;
    size_t len;
    json_t *v;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/bad/manifest/good_split.json", getenv("SOTTO_SOURCE"));
    text = bad_read(path, &len);
    assert_ok(json_parse_canonical(bytes_of(text, len), &v, &err), err);
    assert_ok(manifest_parse(v, &m, &err), err);
    assert_string_equal(m.name, "smollm2:135m");
    assert_true(m.file_count == 2 && m.files[0].length == 1048577 && m.files[1].length == 5);
    assert_ok(manifest_print(&m, &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of(text, len)));
    manifest_done(&m);
    json_decref(v);
    buf_done(&out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(report_data),        cmocka_unit_test(events),
                                       cmocka_unit_test(events_have_limits), cmocka_unit_test(keysets),
                                       cmocka_unit_test(documents),          cmocka_unit_test(manifests)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
