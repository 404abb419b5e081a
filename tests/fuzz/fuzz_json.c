/* Contract: what the canonical printer prints is canonical, says the same when it is read again, and json_span() finds
 * every member of the outermost object whose name is spelled plainly. */
#include "base/limits.h"
#include "codec/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void spans_check(const json_t *v, struct bytes canonical)
{
    struct err err = {0};
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        struct bytes span;
        json_t *again = NULL;

        if (name[strcspn(name, "\"\\\b\t\n\f\r")] != '\0' || strlen(name) == 0 || (unsigned char)name[0] < 0x20) {
            continue;
        }
        if (!json_span(canonical, name, &span, &err)) {
            for (const char *c = name; *c != '\0'; c++) {
                if ((unsigned char)*c < 0x20) {
                    return; /* spelled with an escape after all */
                }
            }
            abort();
        }
        if (!json_parse_canonical(span, &again, &err) || !json_equal(again, member)) {
            abort();
        }
        json_decref(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF(MIB(8));
    struct err err = {0};
    json_t *v = NULL, *again = NULL;

    if (!json_parse(bytes_of(data, size), &v, &err)) {
        return 0;
    }
    if (json_print_canonical(v, &out, &err)) {
        if (!json_parse_canonical(buf_bytes(&out), &again, &err) || !json_equal(v, again)) {
            abort();
        }
        spans_check(v, buf_bytes(&out));
    }
    json_decref(v);
    json_decref(again);
    buf_done(&out);
    return 0;
}
