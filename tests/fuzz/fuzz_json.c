/* Contract: a text is read as jansson reads it, or refused as jansson refuses it; what the canonical printer prints is
 * canonical, and says the same when it is read again; and a member's bytes are those of its value. */
#include "base/limits.h"

#include "oracle/agrees.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool spelled_plainly(const char *name)
{
    while ((uint8_t)*name >= 0x20 && *name != '"' && *name != '\\') {
        name++;
    }
    return *name == '\0';
}

static void spans_check(const json_t *v, struct bytes canonical)
{
    const char *name;
    json_t *member;

    json_object_foreach(v, name, member)
    {
        struct buf text = BUF(MIB(8));
        struct err err = {0};
        struct bytes span;
        json_t *again = NULL;

        if (!json_print_canonical(member, &text, &err) || !json_parse_span(canonical, name, &again, &span, &err)) {
            abort();
        }
        if (spelled_plainly(name) ? !bytes_equal(span, buf_bytes(&text)) : span.p != NULL) {
            abort();
        }
        json_decref(again);
        buf_done(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF(MIB(8)), out_again = BUF(MIB(8));
    struct err err = {0};
    json_t *v = NULL, *again = NULL;
    bool accepted;

    if (!oracle_agrees(bytes_of(data, size), &accepted)) {
        abort();
    }
    if (!accepted || !json_parse(bytes_of(data, size), &v, &err)) {
        return 0;
    }
    if (json_print_canonical(v, &out, &err)) {
        if (!json_parse_canonical(buf_bytes(&out), &again, &err) || !json_print_canonical(again, &out_again, &err) ||
            !bytes_equal(buf_bytes(&out), buf_bytes(&out_again))) {
            abort();
        }
        spans_check(v, buf_bytes(&out));
    }
    json_decref(v);
    json_decref(again);
    buf_done(&out);
    buf_done(&out_again);
    return 0;
}
