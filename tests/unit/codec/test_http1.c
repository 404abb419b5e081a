#include "test.h"

#include "codec/http1.h"
#include "codec/ndjson.h"
#include "codec/sse.h"

#define OK_HOST "Host: a\r\n\r\n"

static const struct request_case {
    const char *name, *text;
    enum reason reason;
    size_t offset;
} request_cases[] = {
    {"the least", "GET / HTTP/1.1\r\n" OK_HOST, REASON_OK, 0},
    {"a port", "GET / HTTP/1.1\r\nHost: a:1\r\n\r\n", REASON_OK, 0},
    {"an IPv6 literal", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", REASON_OK, 0},
    {"a value of bytes beyond ASCII", "GET / HTTP/1.1\r\nX: \xc3\xa4\r\n" OK_HOST, REASON_OK, 0},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" OK_HOST, REASON_OK, 0},
    {"an empty line first", "\r\nGET / HTTP/1.1\r\n" OK_HOST, REASON_HTTP_REQUEST_LINE, 0},
    {"two words", "GET /\r\n" OK_HOST, REASON_HTTP_REQUEST_LINE, 0},
    {"two spaces", "GET  / HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 4},
    {"a tab between", "GET\t/ HTTP/1.1\r\n" OK_HOST, REASON_HTTP_REQUEST_LINE, 0},
    {"an unknown method", "BREW / HTTP/1.1\r\n" OK_HOST, REASON_HTTP_METHOD, 0},
    {"CONNECT", "CONNECT a:1 HTTP/1.1\r\n" OK_HOST, REASON_HTTP_METHOD, 0},
    {"a method in small letters", "get / HTTP/1.1\r\n" OK_HOST, REASON_HTTP_METHOD, 0},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n" OK_HOST, REASON_HTTP_VERSION, 6},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" OK_HOST, REASON_HTTP_VERSION, 6},
    {"a word behind the version", "GET / HTTP/1.1 x\r\n" OK_HOST, REASON_HTTP_VERSION, 6},
    {"absolute form", "GET http://a/ HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 4},
    {"a fragment", "GET /#a HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 5},
    {"raw bytes in the path", "GET /\xc3\xa4 HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 5},
    {"a back slash", "GET /a\\b HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 6},
    {"an encoded zero byte", "GET /a%00b HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 6},
    {"an encoded line end", "GET /a%0d%0ab HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 6},
    {"half an encoding", "GET /a%4 HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 6},
    {"no digits behind %", "GET /%zz HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 5},
    {"dots", "GET /a/../b HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 9},
    {"encoded dots", "GET /a/%2e%2E HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 13},
    {"one dot", "GET /. HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 6},
    {"dots behind an encoded slash", "GET /a%2f.. HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 11},
    {"a bracket in the query", "GET /?a=<b> HTTP/1.1\r\n" OK_HOST, REASON_HTTP_TARGET, 8},
    {"a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", REASON_HTTP_HEADER, 20},
    {"a folded line", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", REASON_HTTP_HEADER, 25},
    {"a folded line with a colon", "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", REASON_HTTP_HEADER, 25},
    {"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", REASON_HTTP_HEADER, 16},
    {"no name", "GET / HTTP/1.1\r\n: a\r\n\r\n", REASON_HTTP_HEADER, 16},
    {"a control character in a value", "GET / HTTP/1.1\r\nX: a\001b\r\n" OK_HOST, REASON_HTTP_HEADER, 20},
    {"DEL in a value", "GET / HTTP/1.1\r\nX: \177\r\n" OK_HOST, REASON_HTTP_HEADER, 19},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", REASON_HTTP_HOST, 0},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", REASON_HTTP_HOST, 16},
    {"an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", REASON_HTTP_HOST, 22},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", REASON_HTTP_HOST, 22},
    {"a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", REASON_HTTP_HOST, 22},
    {"a Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", REASON_HTTP_HOST, 22},
    {"a port that is none", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", REASON_HTTP_HOST, 22},
    {"length and coding", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" OK_HOST,
     REASON_HTTP_FRAMING, 36},
    {"coding and length", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n" OK_HOST,
     REASON_HTTP_FRAMING, 17},
    {"two equal lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" OK_HOST, REASON_HTTP_FRAMING,
     17},
    {"a list of lengths", "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n" OK_HOST, REASON_HTTP_FRAMING, 34},
    {"a signed length", "POST / HTTP/1.1\r\nContent-Length: +1\r\n" OK_HOST, REASON_HTTP_FRAMING, 33},
    {"a hexadecimal length", "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n" OK_HOST, REASON_HTTP_FRAMING, 34},
    {"an empty length", "POST / HTTP/1.1\r\nContent-Length:\r\n" OK_HOST, REASON_HTTP_FRAMING, 32},
    {"a length beyond 64 bits", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n" OK_HOST,
     REASON_HTTP_FRAMING, 33},
    {"gzip, chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" OK_HOST, REASON_HTTP_FRAMING, 36},
    {"chunked, chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n" OK_HOST, REASON_HTTP_FRAMING, 36},
    {"identity", "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n" OK_HOST, REASON_HTTP_FRAMING, 36},
    {"chunked twice", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" OK_HOST,
     REASON_HTTP_FRAMING, 17},
    {"a vertical tab before chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: \013chunked\r\n" OK_HOST,
     REASON_HTTP_HEADER, 36},
    {"another expectation", "POST / HTTP/1.1\r\nExpect: magic\r\n" OK_HOST, REASON_HTTP_HEADER, 17},
    {"bytes behind the head", "GET / HTTP/1.1\r\nHost: a\r\n\r\nx", REASON_BYTES_LEFT, 27},
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof request_cases / sizeof *request_cases; i++) {
        const struct request_case *t = &request_cases[i];
        struct http_head h = {.status = 77};
        struct err err = {0};
        bool ok = http_request_parse(bytes_of_str(t->text), &h, &err);

        if (ok != (t->reason == REASON_OK) || err.reason != t->reason || err.offset != t->offset ||
            (!ok && h.status != 77)) {
            fail_msg("%s: %s at %zu (%s)", t->name, reason_name(err.reason), err.offset, err.detail);
        }
    }
}

static void test_request_fields(void **state)
{
    const char *text = "POST /v1/models/a%3Ab%2fc?nonce=12&x=a+b%21 HTTP/1.1\r\nHOST: localhost:11434\r\n"
                       "Connection: Keep-Alive ,\tclose\r\nExpect: 100-Continue\r\ncontent-length:  42\t\r\n\r\n";
    struct http_head h;
    struct err err = {0};
    char value[16];

    (void)state;
    assert_ok(http_request_parse(bytes_of_str(text), &h, &err), err);
    assert_int_equal(h.method, HTTP_POST);
    assert_string_equal(h.path, "/v1/models/a:b/c");
    assert_true(bytes_equal(h.host, bytes_of_str("localhost:11434")));
    assert_int_equal(h.framing, HTTP_LENGTH);
    assert_int_equal(h.length, 42);
    assert_true(h.close);
    assert_true(h.expect_continue);
    assert_true(http_query_get(h.query, "nonce", value, sizeof value));
    assert_string_equal(value, "12");
    assert_true(http_query_get(h.query, "x", value, sizeof value));
    assert_string_equal(value, "a b!");
    assert_false(http_query_get(h.query, "y", value, sizeof value));
    assert_false(http_query_get(h.query, "x", value, 4));
    assert_false(http_query_get(bytes_of_str("n=1&n=2"), "n", value, sizeof value));
    assert_true(http_query_has(bytes_of_str("n=1&n=2"), "n"));
    assert_true(http_query_has(bytes_of_str("m&%6e"), "n"));
    assert_false(http_query_has(bytes_of_str("nn=1&m=n"), "n"));
    assert_false(http_query_has(bytes_of_str(""), "n"));
    assert_false(http_query_get(bytes_of_str("n=%00"), "n", value, sizeof value));
}

static const struct find_case {
    const char *name, *text;
    size_t len, want;
    enum reason reason;
    size_t offset;
} find_cases[] = {
    {"nothing", "", 0, 0, REASON_OK, 0},
    {"a part", "GET / HTTP/1.1\r\nHost", 20, 0, REASON_OK, 0},
    {"up to the last CR", "GET /\r\n\r", 8, 0, REASON_OK, 0},
    {"whole", "GET /\r\n\r\n", 9, 9, REASON_OK, 0},
    {"whole, and more", "GET /\r\n\r\nbody\n", 14, 9, REASON_OK, 0},
    {"an LF alone", "GET /\n\n", 7, 0, REASON_HTTP_HEADER, 5},
    {"a CR alone", "GET /\rx", 7, 0, REASON_HTTP_HEADER, 6},
    {"two CRs", "GET /\r\r\n", 8, 0, REASON_HTTP_HEADER, 6},
    {"a zero byte", "GET /\0", 6, 0, REASON_HTTP_HEADER, 5},
};

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof find_cases / sizeof *find_cases; i++) {
        const struct find_case *t = &find_cases[i];

        /* At once, and in two parts at every place. */
        for (size_t cut = 0; cut <= t->len; cut++) {
            size_t len = 0;
            struct err err = {0};
            bool ok = http_head_find(bytes_of(t->text, cut), 0, &len, &err);

            if (ok && len == 0) {
                ok = http_head_find(bytes_of(t->text, t->len), cut, &len, &err);
            }
            if (ok != (t->reason == REASON_OK) || (ok ? len != t->want : err.offset != t->offset)) {
                fail_msg("%s, cut at %zu: %s at %zu, length %zu", t->name, cut, reason_name(err.reason), err.offset,
                         len);
            }
        }
    }
}

static void test_sizes(void **state)
{
    struct buf b = BUF(MIB(1));
    struct http_head *h = calloc(1, sizeof *h);
    struct err err = {0};
    size_t len;

    (void)state;
    assert_non_null(h);
    assert_ok(buf_str(&b, "GET / HTTP/1.1\r\nHost: a\r\n", &err), err);
    for (int i = 0; i < LIMIT_HTTP_HEADERS - 1; i++) {
        assert_ok(buf_str(&b, "X: y\r\n", &err), err);
    }
    assert_ok(buf_str(&b, "\r\n", &err), err);
    assert_ok(http_request_parse(buf_bytes(&b), h, &err), err);
    assert_int_equal(h->header_count, LIMIT_HTTP_HEADERS);
    b.len -= 2;
    assert_ok(buf_str(&b, "X: y\r\n\r\n", &err), err);
    assert_fails(http_request_parse(buf_bytes(&b), h, &err), err, REASON_HTTP_HEAD_SIZE, b.len - 8);
    b.len = 0;
    assert_ok(buf_zero(&b, LIMIT_HTTP_HEAD, &err), err);
    memset(b.p, 'a', b.len);
    assert_ok(http_head_find(buf_bytes(&b), 0, &len, &err), err);
    assert_int_equal(len, 0);
    assert_ok(buf_str(&b, "a", &err), err);
    assert_fails(http_head_find(buf_bytes(&b), 0, &len, &err), err, REASON_HTTP_HEAD_SIZE, LIMIT_HTTP_HEAD);
    buf_done(&b);
    free(h);
}

static const struct chunk_case {
    const char *name, *text, *body;
    size_t used;
    enum reason reason;
    size_t offset;
    bool done;
} chunk_cases[] = {
    {"none", "0\r\n\r\n", "", 5, REASON_OK, 0, true},
    {"two, and a next message", "3\r\nabc\r\n1A\r\n01234567890123456789012345\r\n0\r\n\r\nGET",
     "abc01234567890123456789012345", 45, REASON_OK, 0, true},
    {"a trailer", "1\r\na\r\n0\r\nX-A: b\r\nC: d\r\n\r\n", "a", 25, REASON_OK, 0, true},
    {"a part", "5\r\nab", "ab", 5, REASON_OK, 0, false},
    {"no size", "\r\n", "", 0, REASON_HTTP_CHUNK, 0, false},
    {"a sign", "+1\r\na\r\n", "", 0, REASON_HTTP_CHUNK, 0, false},
    {"0x", "0x1\r\na\r\n", "", 0, REASON_HTTP_CHUNK, 1, false},
    {"nine digits", "000000001\r\na\r\n", "", 0, REASON_HTTP_CHUNK, 8, false},
    {"a space behind the size", "1 \r\na\r\n", "", 0, REASON_HTTP_CHUNK, 1, false},
    {"an extension", "1;a=b\r\na\r\n", "", 0, REASON_HTTP_CHUNK, 1, false},
    {"LF alone behind the size", "1\na\r\n", "", 0, REASON_HTTP_CHUNK, 1, false},
    {"data longer than its size", "1\r\nab\r\n", "a", 0, REASON_HTTP_CHUNK, 4, false},
    {"LF alone behind the data", "1\r\na\n", "a", 0, REASON_HTTP_CHUNK, 4, false},
    {"a trailer without a colon", "0\r\nX\r\n\r\n", "", 0, REASON_HTTP_CHUNK, 4, false},
    {"a trailer with a length", "0\r\nContent-length: 4\r\n\r\n", "", 0, REASON_HTTP_FRAMING, 17, false},
    {"a trailer with a coding", "0\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, REASON_HTTP_FRAMING, 26,
     false},
    {"a bracket in a trailer's name", "0\r\n[A]: b\r\n\r\n", "", 0, REASON_HTTP_CHUNK, 3, false},
    {"a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", "", 0, REASON_HTTP_CHUNK, 9, false},
    {"more than the body may have", "21\r\n012345678901234567890123456789012\r\n", "", 0, REASON_HTTP_BODY_SIZE, 4,
     false},
};

static void test_chunks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chunk_cases / sizeof *chunk_cases; i++) {
        const struct chunk_case *t = &chunk_cases[i];
        size_t len = strlen(t->text);

        for (size_t cut = 0; cut <= len; cut++) {
            struct http_chunks c = {0};
            struct buf out = BUF(32);
            struct err err = {0};
            size_t first = 0, second = 0;
            bool ok = http_chunks_read(&c, bytes_of(t->text, cut), &first, &out, &err) &&
                      http_chunks_read(&c, bytes_of(t->text + first, len - first), &second, &out, &err);

            if (ok != (t->reason == REASON_OK) || err.reason != t->reason ||
                (ok && (first + second != t->used || c.done != t->done ||
                        !bytes_equal(buf_bytes(&out), bytes_of_str(t->body)))) ||
                (!ok && t->reason != REASON_HTTP_BODY_SIZE && err.offset != t->offset)) {
                fail_msg("%s, cut at %zu: %s at %zu, used %zu", t->name, cut, reason_name(err.reason), err.offset,
                         first + second);
            }
            buf_done(&out);
        }
    }
}

static const struct response_case {
    const char *name, *text;
    enum http_method to;
    enum reason reason;
    size_t offset;
    int status;
    enum http_framing framing;
} response_cases[] = {
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_GET, REASON_OK, 0, 200, HTTP_LENGTH},
    {"no text", "HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GET, REASON_OK, 0, 404, HTTP_CHUNKED},
    {"until close", "HTTP/1.1 200 \r\n\r\n", HTTP_GET, REASON_OK, 0, 200, HTTP_UNTIL_CLOSE},
    {"to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_HEAD, REASON_OK, 0, 200, HTTP_NO_BODY},
    {"interim", "HTTP/1.1 100 Continue\r\n\r\n", HTTP_POST, REASON_OK, 0, 100, HTTP_NO_BODY},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", HTTP_GET, REASON_HTTP_VERSION, 0, 0, 0},
    {"status 600", "HTTP/1.1 600 OK\r\n\r\n", HTTP_GET, REASON_HTTP_STATUS, 9, 0, 0},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", HTTP_GET, REASON_HTTP_STATUS, 11, 0, 0},
    {"both framings", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GET,
     REASON_HTTP_FRAMING, 36, 0, 0},
};

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof response_cases / sizeof *response_cases; i++) {
        const struct response_case *t = &response_cases[i];
        struct http_head h = {0};
        struct err err = {0};
        bool ok = http_response_parse(bytes_of_str(t->text), t->to, &h, &err);

        if (err.reason != t->reason || err.offset != t->offset ||
            (ok && (h.status != t->status || h.framing != t->framing))) {
            fail_msg("%s: %s at %zu", t->name, reason_name(err.reason), err.offset);
        }
    }
}

static void test_print(void **state)
{
    struct buf b = BUF(1024);
    struct err err = {0};

    (void)state;
    assert_ok(http_status_line_print(&b, 409, &err) && http_header_print(&b, "A", "b", &err) &&
                  http_chunk_print(&b, bytes_of_str("0123456789abcdef"), &err) &&
                  http_chunk_print(&b, bytes_of_str(""), &err) && http_chunks_end_print(&b, &err),
              err);
    assert_true(bytes_equal(buf_bytes(&b),
                            bytes_of_str("HTTP/1.1 409 Conflict\r\nA: b\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")));
    assert_fails(http_header_print(&b, "A", "b\r\nC: d", &err), err, REASON_HTTP_HEADER, ERR_NOWHERE);
    assert_fails(http_header_print(&b, "A:", "b", &err), err, REASON_HTTP_HEADER, ERR_NOWHERE);
    assert_fails(http_request_line_print(&b, "GET", "/ HTTP/1.1", &err), err, REASON_HTTP_REQUEST_LINE, ERR_NOWHERE);
    b.len = 0;
    assert_ok(sse_data_print(&b, bytes_of_str("a\nb"), &err) && sse_heartbeat_print(&b, &err), err);
    assert_true(bytes_equal(buf_bytes(&b), bytes_of_str("data: a\ndata: b\n\n:\n\n")));
    buf_done(&b);
    assert_int_equal(http_status_of(REASON_HTTP_METHOD), 501);
    assert_int_equal(http_status_of(REASON_HTTP_TARGET), 400);
    assert_int_equal(http_status_of(REASON_MODEL_CHANGED), 409);
    assert_int_equal(http_status_of(REASON_VERDICT_UNDECIDED), 503);
}

static void test_lines(void **state)
{
    struct bytes line, in = bytes_of_str("{}\n[1]\nrest");
    size_t next = 0;

    (void)state;
    assert_true(ndjson_line_get(in, &next, &line) && bytes_equal(line, bytes_of_str("{}")));
    assert_true(ndjson_line_get(in, &next, &line) && bytes_equal(line, bytes_of_str("[1]")));
    assert_false(ndjson_line_get(in, &next, &line));
    assert_int_equal(next, 7);
}

/* tests/bad/http/REASON.NAME.txt: a head, refused for the reason that its name begins with. */
static void test_bad_files(void **state)
{
    static const char *const names[] = {
        "HTTP_CHUNK.extension",     "HTTP_CHUNK.sign",         "HTTP_FRAMING.cl-te",   "HTTP_FRAMING.te-cl",
        "HTTP_FRAMING.two-lengths", "HTTP_FRAMING.te-list",    "HTTP_HEADER.fold",     "HTTP_HEADER.lf",
        "HTTP_HEADER.space-colon",  "HTTP_HEADER.nul",         "HTTP_HOST.none",       "HTTP_HOST.two",
        "HTTP_METHOD.connect",      "HTTP_REQUEST_LINE.empty", "HTTP_TARGET.absolute", "HTTP_TARGET.crlf",
        "HTTP_TARGET.dots",         "HTTP_TARGET.nul",         "HTTP_VERSION.1-0",
    };
    const char *source = getenv("SOTTO_SOURCE");

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096];
        uint8_t text[4096];
        size_t n, len = 0, used;
        struct http_head h;
        struct http_chunks c = {0};
        struct buf body = BUF(4096);
        struct err err = {0};
        FILE *f;
        bool ok;

        (void)snprintf(path, sizeof path, "%s/tests/bad/http/%s.txt", source != NULL ? source : ".", names[i]);
        f = fopen(path, "rb");
        assert_non_null(f);
        n = fread(text, 1, sizeof text, f);
        (void)fclose(f);
        ok = http_head_find(bytes_of(text, n), 0, &len, &err) && len > 0 &&
             http_request_parse(bytes_of(text, len), &h, &err) &&
             http_chunks_read(&c, bytes_of(text + len, n - len), &used, &body, &err);
        buf_done(&body);
        assert_false(ok);
        if (strncmp(names[i], reason_name(err.reason), strlen(reason_name(err.reason))) != 0) {
            fail_msg("%s: %s at %zu", names[i], reason_name(err.reason), err.offset);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_request_fields), cmocka_unit_test(test_find),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_chunks),         cmocka_unit_test(test_responses),
        cmocka_unit_test(test_print),    cmocka_unit_test(test_lines),          cmocka_unit_test(test_bad_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
