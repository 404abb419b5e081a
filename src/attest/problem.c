#include "attest/problem.h"

#include "codec/json.h"

#include <stdio.h>

/* Members of every problem; detail and further members follow. */
static bool head_print(enum reason r, int status, struct buf *b, struct err *err)
{
    return buf_printf(b, err, "{\"type\":\"urn:sotto:reason:%s\",\"title\":", reason_name(r)) &&
           json_print_str(bytes_of_str(reason_text(r)), b, err) &&
           buf_printf(b, err, ",\"status\":%d,\"reason\":\"%s\",\"detail\":", status, reason_name(r));
}

/* What was wrong with the request is the caller's to know; what is wrong here (paths, files) is the operator's. */
static bool detail_is_callers(enum reason r)
{
    enum reason_kind k = reason_kind(r);

    return k == REASON_KIND_INPUT || k == REASON_KIND_USAGE || k == REASON_KIND_REFUTED || k == REASON_KIND_LIMIT ||
           r == REASON_POLICY_ABSENT || r == REASON_ROUTE_ABSENT || r == REASON_NOT_DEMANDED;
}

static void finish(struct service_reply *out, bool printed)
{
    out->content_type = "application/problem+json";
    if (!printed) { /* no memory: the status says what is left to say */
        out->status = 500;
        out->body.len = 0;
    }
}

void problem_of_error(const struct err *e, struct service_reply *out)
{
    struct err err = {0};
    bool ok;

    out->status = http_status_of(e->reason);
    out->why = *e;
    out->body.len = 0;
    ok = head_print(e->reason, out->status, &out->body, &err) &&
         json_print_str(bytes_of_str(detail_is_callers(e->reason) ? e->detail : ""), &out->body, &err) &&
         buf_str(&out->body, "}\n", &err);
    finish(out, ok);
}

static bool fact_print(const struct fact *f, bool first, struct buf *b, struct err *err)
{
    return buf_printf(b, err, "%s{\"fact\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\",\"text\":", first ? "" : ",",
                      f->name, fact_state_name(f->state), reason_name(f->reason)) &&
           json_print_str(bytes_of_str(f->text), b, err) && buf_u8(b, '}', err);
}

static bool facts_print(const struct verdict *v, struct buf *b, struct err *err)
{
    bool ok = buf_str(b, ",\"reasons\":[", err), first = true;

    for (size_t i = 0; ok && i < v->count; i++) {
        const struct fact *f = &v->facts[i];

        if (f->required && f->state != FACT_AFFIRMED) {
            ok = fact_print(f, first, b, err);
            first = false;
        }
    }
    return ok && buf_str(b, "]}\n", err);
}

void problem_of_verdict(const struct verdict *v, struct service_reply *out)
{
    const struct fact *first = verdict_first_failure(v);
    enum reason r = first != NULL                    ? first->reason
                    : v->result == VERDICT_UNDECIDED ? REASON_VERDICT_UNDECIDED
                                                     : REASON_VERDICT_REFUSED;
    struct err err = {0};
    bool ok;

    out->status = v->result == VERDICT_UNDECIDED ? 503 : 403;
    err_set(&out->why, r, ERR_NOWHERE, "%s: %s", first != NULL ? first->name : verdict_result_name(v->result),
            first != NULL ? first->text : "");
    out->body.len = 0;
    ok = head_print(r, out->status, &out->body, &err) &&
         json_print_str(bytes_of_str(first != NULL ? first->text : reason_text(r)), &out->body, &err) &&
         buf_printf(&out->body, &err, ",\"result\":\"%s\"", verdict_result_name(v->result)) &&
         facts_print(v, &out->body, &err);
    finish(out, ok);
}

void problem_of_fact(const char *name, enum reason reason, const char *text, struct service_reply *out)
{
    struct verdict v = {.result = VERDICT_REFUSED, .count = 1};

    v.facts[0] = (struct fact){.name = name, .state = FACT_REFUTED, .required = true, .reason = reason};
    (void)snprintf(v.facts[0].text, sizeof v.facts[0].text, "%s", text);
    problem_of_verdict(&v, out);
}
