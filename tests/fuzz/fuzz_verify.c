/* The whole call. The input's first byte says what it is:
 *     'q' a quote, 'd' a document, 'b' a bundle: judged by the built-in policy. Never accepted: nothing here is
 * Intel's. 'm' changes (u16 place, u8 value) to a simulator's good quote, judged by the policy that names its root:
 *         accepted only if it is still the same quote, white space of the certificates' text aside.
 * And always: the result is the one that the facts give, and the verdict through a cache that has seen all inputs
 * before is the same, byte for byte. */
#include "explain/verdict_print.h"
#include "world.h"

#include "tdx/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *world;
static struct policy *builtin;
static size_t fixed; /* bytes of the good quote in which nothing may change */

static void setup(void)
{
    struct quote q;
    struct err err = {0};

    world = calloc(1, sizeof *world);
    if (world == NULL || !policy_builtin(&builtin, &err)) {
        abort();
    }
    world_init(world);
    world_make(world);
    world_judge(world);
    world_must(quote_parse(buf_bytes(&world->quote), &q, &err), &err);
    fixed = (size_t)(q.certification.p - world->quote.p);
    if (world->verdict.result != VERDICT_SIMULATED) {
        abort();
    }
    world_quote_policy(world);
}

static void judge(uint8_t kind, struct bytes evidence, const struct verify_input *in, struct verdict *out,
                  struct buf *json)
{
    struct err err = {0};
    const bool ok = kind == 'd'   ? verify_document(evidence, in, out, &err)
                    : kind == 'b' ? verify_bundle(evidence, in, false, out, &err)
                                  : verify_quote(evidence, in, out, &err);

    if (!ok || !world_consistent(out) || out->time != in->time || !verdict_print_json(out, json, &err)) {
        abort();
    }
}

static void judged(uint8_t kind, struct bytes evidence, const struct verify_input *in, bool may_be_accepted)
{
    static struct cache cache;
    struct verify_input cached = *in;
    struct buf json = BUF(4 << 20), again = BUF(4 << 20);
    struct verdict v;

    judge(kind, evidence, in, &v, &json);
    if (v.result == VERDICT_VERIFIED || (v.result == VERDICT_SIMULATED && !may_be_accepted)) {
        abort();
    }
    verdict_done(&v);
    cached.cache = &cache;
    for (int i = 0; i < 2; i++) {
        again.len = 0;
        judge(kind, evidence, &cached, &v, &again);
        if (!bytes_equal(buf_bytes(&json), buf_bytes(&again))) {
            abort();
        }
        verdict_done(&v);
    }
    buf_done(&json);
    buf_done(&again);
}

/* Changes to the good quote. */
static void mutate(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(world->quote.len);
    struct verify_input in = world->input;

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, world->quote.p, world->quote.len);
    for (size_t i = 0; i + 3 <= size; i += 3) {
        copy[((size_t)data[i] | (size_t)data[i + 1] << 8) % world->quote.len] = data[i + 2];
    }
    in.policy = world->policy;
    judged('q', bytes_of(copy, world->quote.len), &in, memcmp(copy, world->quote.p, fixed) == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verify_input in = {.time = WORLD_TIME};

    if (world == NULL) {
        setup();
    }
    if (size == 0) {
        return 0;
    }
    if (data[0] == 'm') {
        mutate(data + 1, size - 1);
        return 0;
    }
    in.policy = builtin;
    in.files = world->files;
    in.file_count = world->file_count;
    judged(data[0], bytes_of(data + 1, size - 1), &in, false);
    return 0;
}
