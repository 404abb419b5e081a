/* The library's interface, include/sotto/verify.h: the verifier in the clothes of a C library. */
#include <sotto/verify.h>

#include "base/limits.h"
#include "explain/verdict_print.h"
#include "verify/verify.h"

#include <stdlib.h>

#define PRINTED_MAX MIB(4)

struct sotto_verdict {
    struct verdict verdict;
    struct buf json, text;
};

const char *sotto_version(void)
{
    return SOTTO_VERSION;
}

/* sotto_policy and struct policy are one: only the name is another. */
static struct policy *policy_of(sotto_policy *p)
{
    return (struct policy *)p;
}

bool sotto_policy_parse(const void *text, size_t size, sotto_policy **out, char *why, size_t why_size)
{
    struct policy *p = NULL;
    struct err err = {0};

    if (!policy_parse(bytes_of(text, size), &p, &err)) {
        if (why != NULL && why_size > 0) {
            err_print(&err, why, why_size);
        }
        return false;
    }
    *out = (sotto_policy *)p;
    return true;
}

void sotto_policy_free(sotto_policy *policy)
{
    policy_free(policy_of(policy));
}

static bool judge(enum sotto_kind kind, struct bytes evidence, const struct verify_input *in, bool its_time,
                  struct verdict *out, struct err *err)
{
    switch (kind) {
    case SOTTO_QUOTE:
        return verify_quote(evidence, in, out, err);
    case SOTTO_DOCUMENT:
        return verify_document(evidence, in, out, err);
    case SOTTO_BUNDLE:
        return verify_bundle(evidence, in, its_time, out, err);
    }
    return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a kind of evidence that does not exist");
}

enum sotto_result sotto_verify(enum sotto_kind kind, const void *evidence, size_t size, const struct sotto_input *in,
                               sotto_verdict **out)
{
    sotto_verdict *v = malloc(sizeof *v);
    struct document_file *files = calloc(in->file_count + 1, sizeof *files);
    struct policy *builtin = NULL;
    struct err err = {0};
    struct verify_input input = {.policy = (const struct policy *)in->policy,
                                 .time = in->time,
                                 .files = files,
                                 .file_count = in->file_count,
                                 .nonce = in->nonce,
                                 .connection_spki = in->connection_spki,
                                 .nonce_required = in->nonce != NULL,
                                 .connection_required = in->connection_spki != NULL};
    bool ok = v != NULL && files != NULL;

    for (size_t i = 0; ok && i < in->file_count; i++) {
        files[i] = (struct document_file){in->files[i].name, bytes_of(in->files[i].data, in->files[i].size)};
    }
    if (ok && input.policy == NULL) {
        ok = policy_builtin(&builtin, &err);
        input.policy = builtin;
    }
    ok = ok && judge(kind, bytes_of(evidence, size), &input, in->bundle_time, &v->verdict, &err);
    policy_free(builtin);
    free(files);
    if (!ok) {
        free(v);
        return SOTTO_FAILED;
    }
    v->json = BUF(PRINTED_MAX);
    v->text = BUF(PRINTED_MAX);
    *out = v;
    return sotto_verdict_result(v);
}

enum sotto_result sotto_verdict_result(const sotto_verdict *v)
{
    return (enum sotto_result)verdict_exit_code(v->verdict.result);
}

bool sotto_verdict_fact(const sotto_verdict *v, size_t i, struct sotto_fact *out)
{
    static const enum sotto_state states[] = {
        [FACT_AFFIRMED] = SOTTO_AFFIRMED, [FACT_REFUTED] = SOTTO_REFUTED, [FACT_IS_UNKNOWN] = SOTTO_UNKNOWN};
    const struct fact *f = &v->verdict.facts[i < v->verdict.count ? i : 0];

    if (i >= v->verdict.count) {
        return false;
    }
    *out = (struct sotto_fact){.name = f->name,
                               .state = states[f->state],
                               .required = f->required,
                               .reason = reason_name(f->reason),
                               .expected = f->expected,
                               .seen = f->seen,
                               .text = f->text};
    return true;
}

/* Printed once, then kept. */
static const char *printed(struct buf *b, bool ok)
{
    struct err err = {0};

    if (!ok || !buf_u8(b, '\0', &err)) {
        b->len = 0;
        return NULL;
    }
    return (const char *)b->p;
}

const char *sotto_verdict_json(sotto_verdict *v)
{
    struct err err = {0};

    return v->json.len > 0 ? (const char *)v->json.p
                           : printed(&v->json, verdict_print_json(&v->verdict, &v->json, &err));
}

const char *sotto_verdict_text(sotto_verdict *v)
{
    struct err err = {0};

    return v->text.len > 0 ? (const char *)v->text.p
                           : printed(&v->text, verdict_print_text(&v->verdict, true, false, &v->text, &err));
}

void sotto_verdict_free(sotto_verdict *v)
{
    if (v != NULL) {
        verdict_done(&v->verdict);
        buf_done(&v->json);
        buf_done(&v->text);
        free(v);
    }
}
