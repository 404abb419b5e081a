#include "attest/appraise.h"

#include "attest/ask.h"
#include "attest/problem.h"
#include "attest/token.h"
#include "base/limits.h"
#include "collateral/directory.h"
#include "explain/verify.h"
#include "os/file.h"

#include <stdio.h>

struct appraisal { /* one request */
    const struct service *s;
    const struct service_request *r;
    struct ask ask;
    struct directory collateral;
    struct verdict verdict; /* of the last policy */
    bool has_verdict;
    struct token_policy used[ASK_POLICIES_MAX];
    size_t used_count;
};

static bool policy_open(const char *folder, const char *id, struct policy **out, struct err *err)
{
    struct buf text = BUF(LIMIT_POLICY);
    char path[4096];
    bool ok;

    if (snprintf(path, sizeof path, "%s/%s.json", folder, id) >= (int)sizeof path) {
        return FAIL(err, REASON_POLICY_ABSENT, ERR_NOWHERE, "policy \"%s\"", id);
    }
    if (!file_exists(path)) { /* a path of the operator's is nothing that the caller should see */
        return FAIL(err, REASON_POLICY_ABSENT, ERR_NOWHERE, "policy \"%s\"", id);
    }
    ok = file_read(path, &text, err) && policy_parse(buf_bytes(&text), out, err);
    if (!ok) {
        /* The operator's mistake, not the caller's: nothing can be decided. */
        char detail[sizeof err->detail];

        memcpy(detail, err->detail, sizeof detail);
        err_set(err, REASON_FACT_UNKNOWN, err->offset, "policy \"%s\" cannot be used: %s", id, detail);
    }
    buf_done(&text);
    return ok;
}

bool appraise_check(const struct service *s, struct err *err)
{
    struct policy *policy = NULL;
    bool ok;

    if (s->default_policy == NULL) {
        return true;
    }
    if (!ask_policy_id_check(s->default_policy)) {
        return FAIL(err, REASON_POLICY_ABSENT, ERR_NOWHERE, "\"%.100s\" is no policy's id", s->default_policy);
    }
    ok = policy_open(s->policies, s->default_policy, &policy, err);
    policy_free(policy);
    return ok;
}

/* The evidence under one policy, into c->verdict. */
static bool judge(struct appraisal *c, const struct policy *policy, struct err *err)
{
    uint8_t report_data[2][64];
    struct bytes logs[2];
    struct verify_input in = {.policy = policy,
                              .time = c->r->time,
                              .files = c->collateral.files,
                              .file_count = c->collateral.count,
                              .logs = logs,
                              .report_data = (const uint8_t(*)[64])report_data,
                              .cache = c->s->cache};

    if (c->has_verdict) {
        verdict_done(&c->verdict);
        c->has_verdict = false;
    }
    if (c->ask.is_document) {
        c->has_verdict = verify_document(buf_bytes(&c->ask.text), &in, &c->verdict, err);
    } else {
        in.log_count = ask_logs(&c->ask, logs);
        in.report_data_count = ask_report_data(&c->ask, report_data);
        c->has_verdict = verify_bare_evidence(buf_bytes(&c->ask.quote), &in, &c->verdict, err);
    }
    return c->has_verdict;
}

static bool verdict_accepts(const struct verdict *v)
{
    return v->result == VERDICT_VERIFIED || v->result == VERDICT_SIMULATED;
}

/* No policy is named and none is the default: the verdict says what it lacks, and is never the ground for a token. */
static bool judge_builtin(struct appraisal *c, struct err *err)
{
    struct policy *policy = NULL;
    bool ok = policy_builtin(&policy, err) && judge(c, policy, err);

    policy_free(policy);
    return ok && (!verdict_accepts(&c->verdict) ||
                  FAIL(err, REASON_NOT_DEMANDED, ERR_NOWHERE, "neither policy_ids nor a default policy"));
}

/* Judges under each policy; stops at the first that does not accept, whose verdict is then the answer. */
static bool judge_all(struct appraisal *c, struct err *err)
{
    const char *ids[ASK_POLICIES_MAX] = {c->s->default_policy};
    size_t count = c->ask.policy_count > 0 ? c->ask.policy_count : 1;

    if (c->ask.policy_count == 0 && c->s->default_policy == NULL) {
        return judge_builtin(c, err);
    }
    for (size_t i = 0; i < c->ask.policy_count; i++) {
        ids[i] = c->ask.policy_ids[i];
    }
    for (size_t i = 0; i < count; i++) {
        struct policy *policy = NULL;
        bool ok = policy_open(c->s->policies, ids[i], &policy, err) && judge(c, policy, err);

        if (ok) {
            c->used[i].id = ids[i];
            policy_sha384(policy, c->used[i].sha384);
            c->used_count++;
        }
        policy_free(policy);
        if (!ok) {
            return false;
        }
        if (!verdict_accepts(&c->verdict)) {
            return true;
        }
    }
    return true;
}

static bool token_answer(const struct appraisal *c, struct service_reply *out, struct err *err)
{
    const char *tee = json_string_value(json_object_get(c->verdict.claims, "tee"));
    struct token_input in = {.verdict = &c->verdict,
                             .policies = c->used,
                             .policy_count = c->used_count,
                             .document = c->ask.is_document ? &c->ask.document : NULL,
                             .issuer = c->s->issuer,
                             .time = c->r->time};

    memcpy(in.random, c->r->random, sizeof in.random);
    if (tee == NULL || strncmp(tee, "tdx", 3) != 0) {
        return FAIL(err, REASON_TEE_UNSUPPORTED, ERR_NOWHERE, "the quote is of tee \"%s\"", tee != NULL ? tee : "");
    }
    out->content_type = "application/jwt";
    return token_sign(&in, c->s->keys, &out->body, err);
}

static bool is_another_keyset(const struct ask *a)
{
    return a->is_document && a->has_runtime_data && !bytes_equal(buf_bytes(&a->runtime_data), a->document.keyset);
}

bool appraise_answer(const struct service *s, const struct service_request *r, struct service_reply *out,
                     struct err *err)
{
    struct appraisal c = {.s = s, .r = r};
    bool ok = ask_parse(r->body, &c.ask, err);

    if (!ok) {
        return false;
    }
    if (!c.ask.is_document && !c.ask.has_runtime_data) {
        ok = FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "runtime_data is required where evidence is a bare quote");
    }
    if (ok && is_another_keyset(&c.ask)) {
        problem_of_fact("report_data", REASON_REPORT_DATA_MISMATCH, "runtime_data is not the document's key set", out);
        goto out;
    }
    ok = ok && (s->collateral == NULL || directory_open(s->collateral, &c.collateral, err)) && judge_all(&c, err);
    if (ok && verdict_accepts(&c.verdict)) {
        ok = token_answer(&c, out, err);
    } else if (ok) {
        problem_of_verdict(&c.verdict, out);
    }
out:
    if (c.has_verdict) {
        verdict_done(&c.verdict);
    }
    directory_close(&c.collateral);
    ask_done(&c.ask);
    return ok;
}
