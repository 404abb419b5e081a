/* A configuration file: refused with CONFIG_FORM and nothing changed, or every value within its size, and an event that
 * is canonical JSON. */
#include "codec/json.h"
#include "serve/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config c, before;
    struct buf b = BUF(1 << 20);
    struct err err = {0};
    json_t *v;

    config_init(&c);
    before = c;
    if (!config_parse(bytes_of(data, size), "fuzz", &c, &err)) {
        if (err.reason != REASON_CONFIG_FORM || memcmp(&c, &before, sizeof c) != 0) {
            abort();
        }
        return 0;
    }
    if (config_event(&c, &b, &err)) { /* a value that is no UTF-8 has no event */
        if (!json_parse_canonical(buf_bytes(&b), &v, &err)) {
            abort();
        }
        json_decref(v);
    }
    buf_done(&b);
    return 0;
}
