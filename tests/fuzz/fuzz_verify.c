/* The whole call. The input's first byte says what it is:
 *     'q' a quote, 'd' a document, 'b' a bundle: judged by the built-in policy. Never accepted: nothing here is
 * Intel's. 'm' changes (u16 place, u8 value) to a simulator's good quote, judged by the policy that names its root:
 *         accepted only if it is still the same quote, white space of the certificates' text aside.
 * And always: the result is the one that the facts give. */
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

static void judged(bool ok, const struct verify_input *in, struct verdict *v, bool may_be_accepted)
{
    struct buf json = BUF(4 << 20);
    struct err err = {0};

    if (!ok || !world_consistent(v) || v->time != in->time || !verdict_print_json(v, &json, &err)) {
        abort();
    }
    if (v->result == VERDICT_VERIFIED || (v->result == VERDICT_SIMULATED && !may_be_accepted)) {
        abort();
    }
    buf_done(&json);
    verdict_done(v);
}

/* Changes to the good quote. */
static void mutate(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(world->quote.len);
    struct verify_input in = world->input;
    struct verdict v;
    struct err err = {0};
    bool ok;

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, world->quote.p, world->quote.len);
    for (size_t i = 0; i + 3 <= size; i += 3) {
        copy[((size_t)data[i] | (size_t)data[i + 1] << 8) % world->quote.len] = data[i + 2];
    }
    in.policy = world->policy;
    ok = verify_quote(bytes_of(copy, world->quote.len), &in, &v, &err);
    judged(ok, &in, &v, memcmp(copy, world->quote.p, fixed) == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verify_input in = {.time = WORLD_TIME};
    struct verdict v;
    struct err err = {0};
    bool ok;

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
    ok = data[0] == 'd'   ? verify_document(bytes_of(data + 1, size - 1), &in, &v, &err)
         : data[0] == 'b' ? verify_bundle(bytes_of(data + 1, size - 1), &in, false, &v, &err)
                          : verify_quote(bytes_of(data + 1, size - 1), &in, &v, &err);
    judged(ok, &in, &v, false);
    return 0;
}
