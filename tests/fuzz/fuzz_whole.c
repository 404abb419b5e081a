/* The whole call, of which everything is the input's: evidence, policy, time and each collateral file.
 *
 *     u8 kind ('q' a quote, 'd' a document, 'b' a bundle; else a quote), i32 seconds from WORLD_TIME, then the parts:
 *     evidence, policy, and the files in the order of sim/collateral.h. A part is a byte and what it says:
 *         'e' u8 n, n times u16 place and u8 value: the genuine one, changed
 *         'l' u16 length: these bytes
 *         'f' u8 which: the bytes of the genuine file of another name
 *         'x' nothing is there
 *         else, and where the input ends: the genuine one
 *
 * A simulator signs what is genuine, newly in each process. Contract: the same input gives the same verdict twice; the
 * result is the one that the facts give, each with its reason; nothing is `verified`, for nothing is Intel's; and what
 * is accepted has everything that was signed as it was signed, at a time at which all of it is valid. */
#include "world.h"

#include "codec/der.h"
#include "explain/verdict_print.h"
#include "tdx/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KINDS 3
#define PARTS (2 + COLLATERAL_FILES)

static struct world *world;
static struct buf genuine[KINDS][2]; /* evidence and policy */
static size_t fixed;                 /* the quote's bytes up to its certificates, in which nothing may change */

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void setup(void)
{
    struct bundle b;
    struct quote q;
    struct err err = {0};

    world = calloc(1, sizeof *world);
    must(world != NULL);
    world_init(world);
    world_make(world);
    for (size_t kind = 0; kind < KINDS; kind++) {
        genuine[kind][0] = genuine[kind][1] = BUF(LIMIT_EVIDENCE);
    }
    world_judge(world);
    must(world->verdict.result == VERDICT_SIMULATED);
    world_must(buf_add(&genuine[1][0], world->document.p, world->document.len, &err) &&
                   buf_str(&genuine[1][1], world->policy_text, &err),
               &err);
    world_quote_policy(world);
    b = (struct bundle){.evidence = buf_bytes(&world->quote),
                        .files = world->files,
                        .file_count = world->file_count,
                        .time = world->time};
    world_must(buf_add(&genuine[0][0], world->quote.p, world->quote.len, &err) &&
                   buf_str(&genuine[0][1], world->policy_text, &err) && bundle_print(&b, &genuine[2][0], &err) &&
                   buf_str(&genuine[2][1], world->policy_text, &err) && quote_parse(buf_bytes(&world->quote), &q, &err),
               &err);
    fixed = (size_t)(q.certification.p - world->quote.p);
}

/* ---- the input ---- */

struct input {
    const uint8_t *p;
    size_t left;
};

static unsigned take(struct input *in, size_t bytes)
{
    unsigned v = 0;

    for (size_t i = 0; i < bytes && in->left > 0; i++, in->p++, in->left--) {
        v |= (unsigned)*in->p << (8 * i);
    }
    return v;
}

/* Memory of exactly its size, so that a sanitizer sees what is read beyond it. *there false: no such part. */
static struct bytes part_read(struct input *in, struct bytes from, bool *there)
{
    const unsigned how = take(in, 1);
    size_t edits = how == 'e' ? take(in, 1) : 0;
    uint8_t *copy;

    if (how == 'f') {
        from = buf_bytes(&world->collateral.files[take(in, 1) % COLLATERAL_FILES]);
    } else if (how == 'l') {
        const size_t want = take(in, 2);

        from = bytes_of(in->p, want < in->left ? want : in->left);
        in->p += from.len;
        in->left -= from.len;
    }
    *there = how != 'x';
    copy = malloc(from.len > 0 ? from.len : 1);
    must(copy != NULL);
    memcpy(copy, from.p, from.len);
    for (; edits > 0 && from.len > 0; edits--) {
        const size_t at = take(in, 2) % from.len;

        copy[at] = (uint8_t)take(in, 1);
    }
    return bytes_of(copy, from.len);
}

/* ---- the contract ---- */

static bool has(struct bytes in, struct bytes part)
{
    return part.len <= in.len && memmem(in.p, in.len, part.p, part.len) != NULL;
}

/* What is signed of a genuine file: the inner value of a document, the first element of a list. */
static struct bytes signed_part(const struct buf *file)
{
    struct cursor c = cursor_init(file->p, file->len), list;
    const uint8_t *begin = memchr(file->p, ':', file->len), *end = memmem(file->p, file->len, ",\"signature\"", 12);
    struct err err = {0};
    struct der d;

    if (file->p[0] == '{') {
        return bytes_of(begin + 1, (size_t)(end - begin - 1));
    }
    must(der_expect(&c, DER_SEQUENCE, &list, &err) && der_next(&list, &d, &err));
    return d.whole;
}

static bool quote_is_genuine(struct bytes quote)
{
    return quote.len >= fixed && memcmp(quote.p, world->quote.p, fixed) == 0;
}

static bool evidence_is_genuine(size_t kind, struct bytes evidence)
{
    struct document d = {0};
    struct bundle b = {0};
    struct err err = {0};
    bool ok;

    if (kind == 0) {
        return quote_is_genuine(evidence);
    }
    if (kind == 2) {
        ok = bundle_parse(evidence, &b, &err) && quote_is_genuine(b.evidence);
        bundle_done(&b);
        return ok;
    }
    ok = document_parse(evidence, &d, &err) && quote_is_genuine(d.quote) &&
         bytes_equal(d.keyset, buf_bytes(&world->keys)) && bytes_equal(d.event_log, buf_bytes(&world->log));
    document_done(&d);
    return ok;
}

static void accepted(size_t kind, struct bytes evidence, const struct verify_input *in)
{
    static const enum collateral_file needed[] = {COLLATERAL_TCB_INFO, COLLATERAL_QE_IDENTITY, COLLATERAL_CA_CRL,
                                                  COLLATERAL_ROOT_CRL};

    must(evidence_is_genuine(kind, evidence));
    must(in->time >= world->setup.tcb_info.from && in->time <= world->setup.tcb_info.to);
    for (size_t i = 0; kind != 2 && i < sizeof needed / sizeof *needed; i++) { /* a bundle's own stand in its place */
        const struct bytes part = signed_part(&world->collateral.files[needed[i]]);
        bool found = false;

        for (size_t k = 0; k < in->file_count; k++) {
            found = found || has(in->files[k].content, part);
        }
        must(found);
    }
}

/* The verdict as text, and its result. */
static enum verdict_result judge(size_t kind, struct bytes evidence, const struct verify_input *in, struct buf *text)
{
    enum verdict_result result;
    struct verdict v;
    struct err err = {0};
    bool ok = kind == 1   ? verify_document(evidence, in, &v, &err)
              : kind == 2 ? verify_bundle(evidence, in, false, &v, &err)
                          : verify_quote(evidence, in, &v, &err);

    must(ok && world_consistent(&v) && v.time == in->time && verdict_print_json(&v, text, &err));
    result = v.result;
    must(result != VERDICT_VERIFIED);
    verdict_done(&v);
    return result;
}

static void twice(size_t kind, struct bytes evidence, const struct verify_input *in)
{
    struct buf text[2] = {BUF(4 << 20), BUF(4 << 20)};
    const enum verdict_result result = judge(kind, evidence, in, &text[0]);

    must(judge(kind, evidence, in, &text[1]) == result && bytes_equal(buf_bytes(&text[0]), buf_bytes(&text[1])));
    if (result == VERDICT_SIMULATED) {
        accepted(kind, evidence, in);
    }
    buf_done(&text[0]);
    buf_done(&text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct document_file files[COLLATERAL_FILES];
    struct bytes parts[PARTS];
    struct verify_input input;
    struct policy *policy;
    struct err err = {0};
    size_t kind, files_there = 0;
    unsigned letter;
    bool there;

    if (world == NULL) {
        setup();
    }
    letter = take(&in, 1);
    kind = letter == 'd' ? 1 : letter == 'b' ? 2 : 0;
    input = world->input;
    input.time = WORLD_TIME + (int32_t)take(&in, 4);
    for (size_t i = 0; i < 2; i++) {
        parts[i] = part_read(&in, buf_bytes(&genuine[kind][i]), &there);
        parts[i].len = there ? parts[i].len : 0;
    }
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        parts[2 + i] = part_read(&in, buf_bytes(&world->collateral.files[i]), &there);
        if (there) {
            files[files_there].name = world->collateral.list[i].name;
            files[files_there++].content = parts[2 + i];
        }
    }
    input.files = files;
    input.file_count = kind == 2 ? 0 : files_there;
    if (policy_parse(parts[1], &policy, &err)) {
        input.policy = policy;
        twice(kind, parts[0], &input);
        policy_free(policy);
    } else {
        must(err.reason != REASON_OK);
    }
    for (size_t i = 0; i < PARTS; i++) {
        free((void *)(uintptr_t)parts[i].p);
    }
    return 0;
}
