/* TCB info and QE identity: the first byte says which ('t', else the identity). Contract: what is signed lies within
 * the text, counts within their limits, and no document says a status that only a platform can have; levels are in
 * their order, none twice. */
#include "codec/json.h"
#include "verify/tcb.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void signed_within(struct bytes part, const uint8_t *text, size_t size)
{
    must(part.len > 1 && part.p > text && part.len < size && (size_t)(part.p - text) < size - part.len);
    must(part.p[0] == '{' && part.p[part.len - 1] == '}');
}

static void within(struct bytes part, const uint8_t *text, size_t size)
{
    must(part.p == NULL || (part.p > text && part.len < size && (size_t)(part.p - text) < size - part.len));
}

static void svn_levels(const struct tcb_svn_levels *l, const uint8_t *text, size_t size)
{
    must(l->list.count > 0 && l->list.count <= TCB_SVN_LEVELS_MAX);
    for (size_t i = 0; i < l->list.count; i++) {
        must(l->levels[i].verdict.status <= TCB_REVOKED);
        must(tcb_svn_level_find(l, l->levels[i].isvsvn) == &l->levels[i]);
        within(l->levels[i].verdict.advisories, text, size);
    }
}

/* The tree reader takes every text that the pass over it takes, and finds the same signed part. */
static void tree_too(struct bytes text, const char *member, struct bytes signed_part)
{
    json_t *root = NULL;
    struct bytes span;
    struct err err = {0};

    must(json_parse_span(text, member, &root, &span, &err));
    must(span.p == signed_part.p && span.len == signed_part.len);
    json_decref(root);
}

static void info(const uint8_t *text, size_t size)
{
    static struct tcb_info info;
    struct tcb_info *t = &info;
    struct err err = {0};

    if (!tcb_info_parse(bytes_of(text, size), t, &err)) {
        must(err.reason != REASON_OK);
        return;
    }
    signed_within(t->sig.part, text, size);
    tree_too(bytes_of(text, size), "tcbInfo", t->sig.part);
    must(t->level_list.count > 0 && t->level_list.count <= TCB_LEVELS_MAX && t->module_list.count <= TCB_MODULES_MAX);
    within(t->described[0], text, size);
    within(t->described[1], text, size);
    for (size_t i = 0; i < t->level_list.count; i++) {
        within(t->levels[i].verdict.advisories, text, size);
        must(t->levels[i].verdict.status <= TCB_REVOKED);
        must(i == 0 || memcmp(t->levels[i - 1].sgx, t->levels[i].sgx, 16) >= 0);
    }
    for (size_t i = 0; t->tdx && i < t->module_list.count; i++) {
        svn_levels(&t->modules[i].svn, text, size);
    }
}

static void identity(const uint8_t *text, size_t size)
{
    static struct qe_identity q;
    struct err err = {0};

    if (!qe_identity_parse(bytes_of(text, size), &q, &err)) {
        must(err.reason != REASON_OK);
        return;
    }
    signed_within(q.sig.part, text, size);
    tree_too(bytes_of(text, size), "enclaveIdentity", q.sig.part);
    svn_levels(&q.svn, text, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 't') {
        info(data + 1, size - 1);
    } else if (size > 0) {
        identity(data + 1, size - 1);
    }
    return 0;
}
