#include "page/page.h"

#include "base/hex.h"
#include "codec/json.h"
#include "test.h"

/* The entity tag is made from the content by the page's build: so the bytes are those that the table was made for. */
static void etag_check(struct bytes content, const char *etag)
{
    uint8_t digest[SHA256_SIZE];
    char digits[2 * SHA256_SIZE + 1], want[35];

    hash_bytes(HASH_SHA256, content, digest);
    hex_encode(bytes_of(digest, sizeof digest), digits);
    (void)snprintf(want, sizeof want, "\"%.32s\"", digits);
    assert_string_equal(etag, want);
}

static void test_files(void **state)
{
    size_t count;
    const struct page_file *files = page_files(&count);
    size_t immutable = 0;

    (void)state;
    assert_true(count >= 3);
    for (size_t i = 0; i < count; i++) {
        const struct page_file *f = &files[i];

        assert_true(i == 0 || strcmp(files[i - 1].path, f->path) < 0);
        assert_ptr_equal(page_find(bytes_of_str(f->path)), f);
        assert_true(f->content.len > 0);
        etag_check(f->content, f->etag);
        assert_non_null(f->gzip.p);
        etag_check(f->gzip, f->etag_gzip);
        assert_int_equal(f->gzip.p[0], 0x1f);
        assert_int_equal(f->gzip.p[1], 0x8b);
        if (strstr(f->cache, "immutable") != NULL) {
            assert_int_equal(strncmp(f->path, "/assets/", 8), 0);
            immutable++;
        }
    }
    assert_true(immutable >= 1);
}

static void test_find(void **state)
{
    static const char *const absent[] = {"",         "/index.html", "//",        "/assets", "/assets/",
                                         "/icon.sv", "/icon.svgx",  "/page.inc", "icon.svg"};
    const struct page_file *index = page_find(bytes_of_str("/"));

    (void)state;
    assert_non_null(index);
    assert_string_equal(index->type, "text/html; charset=utf-8");
    assert_string_equal(index->cache, "no-cache");
    assert_memory_equal(index->content.p, "<!doctype html>", 15);
    assert_null(page_find(bytes_of("/\0", 2)));
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_null(page_find(bytes_of_str(absent[i])));
    }
}

/* Under the page's policy a script or a style inside the document would not run: there is none. */
static void test_index_has_nothing_inline(void **state)
{
    const struct page_file *index = page_find(bytes_of_str("/"));
    char text[8192];

    (void)state;
    assert_true(index->content.len < sizeof text);
    memcpy(text, index->content.p, index->content.len);
    text[index->content.len] = '\0';
    assert_null(strstr(text, "<style"));
    assert_null(strstr(text, "style="));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "https:"));
    for (const char *s = text; (s = strstr(s, "<script")) != NULL; s++) {
        const char *end = strchr(s, '>');

        assert_non_null(end);
        assert_int_equal(strncmp(end, "></script>", 10), 0);
    }
}

static void test_accepts_gzip(void **state)
{
    static const struct {
        const char *value;
        bool want;
    } rows[] = {
        {"gzip", true},
        {"gzip, deflate, br, zstd", true},
        {"deflate,GZIP;q=0.5", true},
        {"*", true},
        {"identity;q=1, *;q=0.001", true},
        {"gzip;q=0", false},
        {"gzip ; q=0.000 , *", false},
        {"*;q=0", false},
        {"identity", false},
        {"x-gzip2", false},
        {"", false},
        {",,;,", false},
    };

    (void)state;
    assert_false(page_accepts_gzip(bytes_of(NULL, 0)));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(page_accepts_gzip(bytes_of_str(rows[i].value)), rows[i].want);
    }
}

static void test_manifest(void **state)
{
    struct buf text = BUF(65536);
    struct err err;
    json_t *v;
    uint8_t digest[SHA384_SIZE], want[SHA384_SIZE];
    size_t count;

    (void)state;
    (void)page_files(&count);
    assert_ok(page_manifest(&text, &err), err);
    assert_ok(json_parse_canonical(buf_bytes(&text), &v, &err), err);
    assert_int_equal(json_array_size(json_object_get(v, "files")), count);
    json_decref(v);
    assert_ok(page_manifest_sha384(digest, &err), err);
    hash_bytes(HASH_SHA384, buf_bytes(&text), want);
    assert_memory_equal(digest, want, sizeof want);
    buf_done(&text);
}

static void test_manifest_without_room(void **state)
{
    struct buf small = BUF(40);
    struct err err = {0};

    (void)state;
    assert_ok(buf_str(&small, "before", &err), err);
    assert_false(page_manifest(&small, &err));
    assert_int_equal(err.reason, REASON_BUF_FULL);
    assert_int_equal(small.len, 6);
    buf_done(&small);
}

static const char *header(const struct page_headers *h, const char *name)
{
    for (size_t i = 0; i < PAGE_HEADERS; i++) {
        if (strcmp(h->list[i].name, name) == 0) {
            return h->list[i].value;
        }
    }
    return "";
}

static void test_headers(void **state)
{
    struct page_headers h;
    struct err err;

    (void)state;
    assert_ok(page_headers_init(&h, NULL, &err), err);
    assert_non_null(strstr(header(&h, "Content-Security-Policy"), "; connect-src 'self'; base-uri 'none'; "));
    assert_ok(page_headers_init(&h, "http://127.0.0.1:8081", &err), err);
    assert_string_equal(header(&h, "Content-Security-Policy"),
                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                        "font-src 'self'; connect-src 'self' http://127.0.0.1:8081; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
                        "trusted-types 'none'");
    for (size_t i = 0; i < PAGE_HEADERS; i++) {
        assert_non_null(h.list[i].name);
        assert_non_null(h.list[i].value);
    }
}

static void test_origins(void **state)
{
    static const char *const good[] = {"http://localhost", "http://[::1]:8081", "https://attest.example.org",
                                       "https://a-b.example:65535"};
    static const char *const bad[] = {"127.0.0.1:8081",
                                      "ftp://a.example",
                                      "http://",
                                      "http://a.example/",
                                      "http://a.example/path",
                                      "http://a.example:",
                                      "http://a.example:123456",
                                      "http://a.example:80 https://b.example",
                                      "http://a.example; script-src *",
                                      "http://user@a.example",
                                      "http://A.example",
                                      "http://*.example",
                                      "http://[]",
                                      "http://[::1",
                                      "http://a.example\r\nX: y",
                                      "*"};
    struct page_headers h;
    struct buf out = BUF(1024);
    struct err err;
    char huge[400] = "http://";

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(page_headers_init(&h, good[i], &err), err);
        assert_non_null(strstr(h.csp, good[i]));
    }
    memset(huge + 7, 'a', sizeof huge - 8);
    assert_fails(page_headers_init(&h, huge, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(page_headers_init(&h, bad[i], &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
        assert_fails(page_settings(bad[i], &out, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
        assert_int_equal(out.len, 0);
    }
    buf_done(&out);
}

static void test_settings(void **state)
{
    struct buf out = BUF(1024);
    struct err err;

    (void)state;
    assert_ok(page_settings("http://127.0.0.1:8081", &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("{\"attestation\":\"http://127.0.0.1:8081\"}")));
    out.len = 0;
    assert_ok(page_settings("", &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("{\"attestation\":null}")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_index_has_nothing_inline),
        cmocka_unit_test(test_accepts_gzip),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_manifest_without_room),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_settings),
    };

    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
