/* Whatever the bytes: what is accepted lies within the file, tensors share nothing, and a start of the file is never
 * judged otherwise than as too short or as the whole is. */
#include "model/gguf.h"
#include "model/summary.h"

#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void pairs_check(const struct gguf *g)
{
    for (size_t i = 0; i < g->pair_count; i++) {
        const struct gguf_pair *p = &g->pairs[i];
        struct gguf_strings strings = gguf_strings_of(p);
        struct bytes text;
        uint64_t count = 0;

        must(p->value.p >= g->file.p && p->value.len <= g->file.len - (size_t)(p->value.p - g->file.p));
        must(p->raw.p >= g->file.p && p->raw.len <= g->file.len - (size_t)(p->raw.p - g->file.p));
        if (p->type == GGUF_ARRAY && p->element == GGUF_STR) {
            while (gguf_strings_next(&strings, &text)) {
                count++;
            }
            must(count == p->count);
        } else if (p->element != GGUF_STR && p->count != 0) {
            (void)gguf_scalar_at(p, p->count - 1);
        }
    }
}

static void tensors_check(const struct gguf *g)
{
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensors[i];

        must(t->offset >= g->data_start && t->offset <= g->file_length && t->size <= g->file_length - t->offset);
        must(t->size != 0 && t->size == t->weights / t->type->weights * t->type->bytes);
        for (size_t j = 0; j < i; j++) {
            const struct gguf_tensor *o = &g->tensors[j];

            must(t->offset + t->size <= o->offset || o->offset + o->size <= t->offset);
            must(!bytes_equal(t->name, o->name));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf g, part;
    struct summary about;
    struct identity id;
    struct err err, part_err;
    bool ok = gguf_parse(bytes_of(data, size), &g, &err);
    bool part_ok = gguf_parse_header(bytes_of(data, size / 2), size, &part, &part_err);

    must(part_ok || part_err.reason == REASON_BYTES_SHORT || (!ok && part_err.reason == err.reason));
    if (part_ok) {
        gguf_done(&part);
    }
    if (ok) {
        pairs_check(&g);
        tensors_check(&g);
        summary_make(&g, &about);
        gguf_identity(&g, &id);
        gguf_done(&g);
    } else {
        must(err.offset <= size);
    }
    return 0;
}
