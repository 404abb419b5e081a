/* The library's interface, include/sotto/verify.h: the verifier in the clothes of a C library. */
#include <sotto/verify.h>

#include "base/limits.h"
#include "explain/claims.h"
#include "explain/verdict_print.h"

#include <stdlib.h>

#define PRINTED_MAX MIB(4)

struct sotto_verdict {
    struct session *session; /* whose claims come when they are asked for */
    struct buf json, text;
    struct policy *builtin;      /* NULL: was not needed yet */
    struct document_file *files; /* room for so many */
    size_t room;
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

sotto_cache *sotto_cache_new(void)
{
    return calloc(1, sizeof(struct cache));
}

void sotto_cache_free(sotto_cache *cache)
{
    if (cache != NULL) {
        cache_done((struct cache *)cache);
        free(cache);
    }
}

static bool judge(enum sotto_kind kind, struct bytes evidence, const struct verify_input *in, bool its_time,
                  struct session *s, struct err *err)
{
    switch (kind) {
    case SOTTO_QUOTE:
        return session_quote(s, evidence, in, err);
    case SOTTO_DOCUMENT:
        return session_document(s, evidence, in, err);
    case SOTTO_BUNDLE:
        return session_bundle(s, evidence, in, its_time, err);
    }
    return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a kind of evidence that does not exist");
}

static sotto_verdict *verdict_new(void)
{
    sotto_verdict *v = calloc(1, sizeof *v);
    struct err err = {0};

    if (v != NULL && (v->session = session_new(&err)) == NULL) {
        free(v);
        return NULL;
    }
    if (v != NULL) {
        v->json = BUF(PRINTED_MAX);
        v->text = BUF(PRINTED_MAX);
    }
    return v;
}

/* The input in the verifier's own form, in the verdict's memory. */
static bool input_form(sotto_verdict *v, const struct sotto_input *in, struct verify_input *out, struct err *err)
{
    if (in->file_count > v->room) {
        void *grown = reallocarray(v->files, in->file_count, sizeof *v->files);

        if (grown == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu files", in->file_count);
        }
        v->files = grown;
        v->room = in->file_count;
    }
    for (size_t i = 0; i < in->file_count; i++) {
        v->files[i] = (struct document_file){in->files[i].name, bytes_of(in->files[i].data, in->files[i].size)};
    }
    if (in->policy == NULL && v->builtin == NULL && !policy_builtin(&v->builtin, err)) {
        return false;
    }
    *out = (struct verify_input){.policy = in->policy != NULL ? (const struct policy *)in->policy : v->builtin,
                                 .time = in->time,
                                 .files = v->files,
                                 .file_count = in->file_count,
                                 .nonce = in->nonce,
                                 .connection_spki = in->connection_spki,
                                 .nonce_required = in->nonce != NULL,
                                 .connection_required = in->connection_spki != NULL,
                                 .cache = (struct cache *)in->cache};
    return true;
}

enum sotto_result sotto_verify(enum sotto_kind kind, const void *evidence, size_t size, const struct sotto_input *in,
                               sotto_verdict **out)
{
    sotto_verdict *v = in->reuse != NULL ? in->reuse : verdict_new();
    struct verify_input input;
    struct err err = {0};

    if (v == NULL) {
        return SOTTO_FAILED;
    }
    v->json.len = v->text.len = 0;
    if (!input_form(v, in, &input, &err) ||
        !judge(kind, bytes_of(evidence, size), &input, in->bundle_time, v->session, &err)) {
        session_drop(v->session);
        if (v != in->reuse) {
            sotto_verdict_free(v);
        }
        return SOTTO_FAILED;
    }
    *out = v;
    return sotto_verdict_result(v);
}

enum sotto_result sotto_verdict_result(const sotto_verdict *v)
{
    return (enum sotto_result)verdict_exit_code(v->session->v.result);
}

bool sotto_verdict_fact(const sotto_verdict *v, size_t i, struct sotto_fact *out)
{
    static const enum sotto_state states[] = {
        [FACT_AFFIRMED] = SOTTO_AFFIRMED, [FACT_REFUTED] = SOTTO_REFUTED, [FACT_IS_UNKNOWN] = SOTTO_UNKNOWN};
    const struct fact *f = &v->session->v.facts[i < v->session->v.count ? i : 0];

    if (i >= v->session->v.count) {
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

    return v->json.len > 0
               ? (const char *)v->json.p
               : printed(&v->json, claims_make(v->session, &err) && verdict_print_json(&v->session->v, &v->json, &err));
}

const char *sotto_verdict_text(sotto_verdict *v)
{
    struct err err = {0};

    return v->text.len > 0 ? (const char *)v->text.p
                           : printed(&v->text, claims_make(v->session, &err) &&
                                                   verdict_print_text(&v->session->v, true, false, &v->text, &err));
}

void sotto_verdict_free(sotto_verdict *v)
{
    if (v != NULL) {
        session_free(v->session);
        policy_free(v->builtin);
        free(v->files);
        buf_done(&v->json);
        buf_done(&v->text);
        free(v);
    }
}
