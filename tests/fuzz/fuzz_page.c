/* Contracts: a file that is found has exactly the path that was asked for; letters' case does not change whether gzip
 * is accepted; an origin that is accepted cannot add a source or a directive to the page's policy. */
#include "page/page.h"

#include <stdlib.h>

#define CHECK(x) \
    do { \
        if (!(x)) { \
            abort(); \
        } \
    } while (0)

static void accept_check(struct bytes in)
{
    uint8_t upper[512];

    if (in.len > sizeof upper) {
        return;
    }
    for (size_t i = 0; i < in.len; i++) {
        upper[i] = (uint8_t)(in.p[i] >= 'a' && in.p[i] <= 'z' ? in.p[i] - 32 : in.p[i]);
    }
    CHECK(page_accepts_gzip(in) == page_accepts_gzip(bytes_of(upper, in.len)));
}

static void origin_check(const char *origin)
{
    struct page_headers plain, h;
    struct buf body = BUF(4096);
    struct err err;
    bool settings = page_settings(origin, &body, &err);

    CHECK(page_headers_init(&plain, NULL, &err));
    CHECK(page_headers_init(&h, origin, &err) == settings);
    if (settings) {
        size_t more = strlen(h.csp) - strlen(plain.csp);

        CHECK(more == 0 || more == strlen(origin) + 1);
        CHECK(strpbrk(origin, " ;,'\"*\t\r\n") == NULL);
    }
    buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    const struct page_file *f = page_find(in);
    char text[512];

    CHECK(f == NULL || bytes_equal(in, bytes_of_str(f->path)));
    accept_check(in);
    if (size < sizeof text) {
        if (size > 0) {
            memcpy(text, data, size);
        }
        text[size] = '\0';
        origin_check(text);
    }
    return 0;
}
