/* What our reader of HTTP makes of bytes, for the comparison with another one. stdin: records of a u32le length and as
 * many bytes, each what one client sends. stdout: a line a record, the messages that were accepted until something was
 * refused or incomplete, and how many bytes they were: [n,["METHOD","target","body in hexadecimal"]...]. */
#include "base/hex.h"
#include "codec/http1.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORD_MAX 65536

/* One message at the start of in. False: refused, or not whole. */
static bool message_print(struct bytes in, size_t *used, struct buf *line, struct err *err)
{
    static struct http_head h;
    struct buf body = BUF(RECORD_MAX);
    struct http_chunks chunks = {0};
    size_t len = 0, n = 0;
    bool ok = http_head_find(in, 0, &len, err) && len > 0 && http_request_parse(bytes_of(in.p, len), &h, err);

    if (ok && h.framing == HTTP_CHUNKED) {
        ok = http_chunks_read(&chunks, bytes_of(&in.p[len], in.len - len), &n, &body, err) && chunks.done;
    } else if (ok && h.framing == HTTP_LENGTH) {
        n = (size_t)h.length;
        ok = h.length <= in.len - len && buf_add(&body, &in.p[len], n, err);
    }
    *used = len + n;
    ok = ok &&
         buf_printf(line, err, ",[\"%s\",\"%.*s\",\"", http_method_name(h.method), (int)h.target.len,
                    (const char *)h.target.p) &&
         hex_add(line, buf_bytes(&body), err) && buf_str(line, "\"]", err);
    buf_done(&body);
    return ok;
}

static bool record_print(struct bytes in, struct err *err)
{
    struct buf line = BUF(16 * RECORD_MAX);
    size_t used = 0, all = 0;
    bool ok;

    while (all < in.len && message_print(bytes_of(&in.p[all], in.len - all), &used, &line, err)) {
        all += used;
    }
    printf("[%zu", all);
    ok = fwrite(line.p, 1, line.len, stdout) == line.len;
    printf("]\n");
    buf_done(&line);
    return ok;
}

int main(void)
{
    static uint8_t bytes[RECORD_MAX];
    uint8_t size[4];
    struct err err;

    while (fread(size, 1, sizeof size, stdin) == sizeof size) {
        size_t n = (size_t)size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16;
        uint8_t *exact;

        if (n > sizeof bytes || size[3] != 0 || fread(bytes, 1, n, stdin) != n) {
            return 1;
        }
        exact = malloc(n + 1); /* so that a sanitizer sees a read beyond the record */
        if (exact == NULL) {
            return 1;
        }
        memcpy(exact, bytes, n);
        if (!record_print(bytes_of(exact, n), &err)) {
            return 1;
        }
        free(exact);
    }
    return 0;
}
