/* Contract: each element that is read lies within the input, and what is written again from tag and content is the
 * element's own bytes (one spelling for each length). */
#include "codec/der_out.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct cursor c, int depth)
{
    struct err err = {0};
    struct der d;

    while (c.left > 0 && der_next(&c, &d, &err)) {
        struct buf again = BUF(d.whole.len);

        if (!der_out_element(&again, d.tag, cursor_rest(&d.content), &err) ||
            !bytes_equal(buf_bytes(&again), d.whole)) {
            abort();
        }
        buf_done(&again);
        if ((d.tag & 0x20) != 0 && depth < 32) {
            walk(d.content, depth + 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    walk(cursor_init(data, size), 0);
    return 0;
}
