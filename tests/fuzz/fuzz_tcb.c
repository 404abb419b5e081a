/* TCB info and QE identity: the first byte says which ('t', else the identity). Contract: what is signed lies within
 * the text, counts within their limits, and no document says a status that only a platform can have; levels are in
 * their order, none twice. */
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

static void svn_levels(const struct tcb_svn_level *levels, size_t count)
{
    must(count > 0 && count <= TCB_MODULE_LEVELS_MAX);
    for (size_t i = 0; i < count; i++) {
        must(levels[i].verdict.status <= TCB_REVOKED);
        must(tcb_svn_level_find(levels, count, levels[i].isvsvn) == &levels[i]);
    }
}

static void info(const uint8_t *text, size_t size)
{
    struct tcb_info *t;
    struct err err = {0};

    if (!tcb_info_parse(bytes_of(text, size), &t, &err)) {
        must(err.reason != REASON_OK);
        return;
    }
    signed_within(t->signed_part, text, size);
    must(t->level_count > 0 && t->level_count <= TCB_LEVELS_MAX && t->module_count <= TCB_MODULES_MAX);
    for (size_t i = 0; i < t->level_count; i++) {
        must(t->levels[i].verdict.status <= TCB_REVOKED);
        must(i == 0 || memcmp(t->levels[i - 1].sgx, t->levels[i].sgx, 16) >= 0);
    }
    for (size_t i = 0; i < t->module_count; i++) {
        svn_levels(t->modules[i].levels, t->modules[i].level_count);
    }
    tcb_info_free(t);
}

static void identity(const uint8_t *text, size_t size)
{
    struct qe_identity *q;
    struct err err = {0};

    if (!qe_identity_parse(bytes_of(text, size), &q, &err)) {
        must(err.reason != REASON_OK);
        return;
    }
    signed_within(q->signed_part, text, size);
    svn_levels(q->levels, q->level_count);
    qe_identity_free(q);
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
