/* Contracts: a head is found at the same place however its bytes come; what was parsed points into the head; a chunked
 * body decodes to the same bytes and the same reason however it is cut; what is printed parses. */
#include "codec/http1.h"

#include <stdlib.h>

#define CHECK(x) \
    do { \
        if (!(x)) { \
            abort(); \
        } \
    } while (0)

static void inside(struct bytes part, struct bytes whole)
{
    CHECK(part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len));
}

static void head_check(struct bytes head, const struct http_head *h)
{
    for (size_t i = 0; i < h->header_count; i++) {
        inside(h->headers[i].name, head);
        inside(h->headers[i].value, head);
        CHECK(h->headers[i].name.len > 0);
    }
    inside(h->target, head);
    inside(h->query, head);
    CHECK(memchr(h->path, 0, sizeof h->path) != NULL);
    CHECK(strstr(h->path, "/../") == NULL);
}

static void chunks_check(struct bytes in)
{
    struct http_chunks whole = {0}, cut = {0};
    struct buf a = BUF(65536), b = BUF(65536);
    struct err ea = {0}, eb = {0};
    size_t used = 0, at = 0, step = 0;
    bool ok = http_chunks_read(&whole, in, &used, &a, &ea), cut_ok = true;

    for (; at < in.len && cut_ok && !cut.done; at += step) {
        cut_ok = http_chunks_read(&cut, bytes_of(&in.p[at], 1), &step, &b, &eb);
    }
    CHECK(ok == cut_ok && whole.done == cut.done);
    CHECK(ok ? used == at && bytes_equal(buf_bytes(&a), buf_bytes(&b)) : ea.reason == eb.reason);
    buf_done(&a);
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    static struct http_head h;
    struct err err;
    size_t len = 0, again = 0;
    bool ok = http_head_find(in, 0, &len, &err);

    CHECK(!ok || len <= size);
    if (ok && len > 0) {
        for (size_t n = 0; n <= len && again == 0; n++) {
            CHECK(http_head_find(bytes_of(data, n), n > 0 ? n - 1 : 0, &again, &err));
        }
        CHECK(again == len);
        if (http_request_parse(bytes_of(data, len), &h, &err) ||
            http_response_parse(bytes_of(data, len), HTTP_GET, &h, &err)) {
            head_check(bytes_of(data, len), &h);
        }
        in = bytes_of(&data[len], size - len);
    }
    chunks_check(in);
    return 0;
}
