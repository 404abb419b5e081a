/* Whether the verdict that an archiver stored is the one that its bundle gives today. It is his word: it is never
 * required, and changes no result. */
#include "explain/claims.h"

#include <stdio.h>

/* Only who asked could check these. */
static bool is_of_the_day(const char *name, const struct fact *f)
{
    return strcmp(name, "nonce") == 0 || strcmp(name, "connection") == 0 ||
           (f == NULL && strcmp(name, "report_data") == 0);
}

/* NULL: every fact of the stored verdict is in the same state today, and the result is the same. */
static const char *difference_find(const struct verdict *v, const json_t *archived)
{
    const char *result = json_string_value(json_object_get(archived, "result"));
    const json_t *list = json_object_get(archived, "facts");

    if (result == NULL || json_array_size(list) == 0) {
        return "no verdict";
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *state = json_string_value(json_object_get(one, "state"));
        const struct fact *f = name == NULL ? NULL : verdict_find(v, name);

        if (name == NULL || is_of_the_day(name, f)) {
            continue;
        }
        if (f == NULL) {
            return "a fact that is not judged today";
        }
        if (state == NULL || strcmp(state, fact_state_name(f->state)) != 0) {
            return f->name;
        }
    }
    return strcmp(result, verdict_result_name(v->result)) == 0 ? NULL : "the result";
}

/* The fact `archived_verdict`, behind those of a verdict that was made. archived: its JSON; NULL: none. */
static void archived_judge(struct verdict *v, struct bytes archived)
{
    struct fact f = {.name = "archived_verdict", .state = FACT_IS_UNKNOWN, .reason = REASON_FACT_UNKNOWN};
    struct err why = {0};
    const char *difference = NULL;
    json_t *stored = NULL;

    if (archived.p == NULL) {
        (void)snprintf(f.text, sizeof f.text, "%s: no verdict is stored", reason_text(f.reason));
    } else if (!json_parse(archived, &stored, &why) && reason_kind(why.reason) == REASON_KIND_SYSTEM) {
        (void)snprintf(f.text, sizeof f.text, "%s", reason_text(f.reason));
    } else if ((difference = difference_find(v, stored)) != NULL) {
        f.state = FACT_REFUTED;
        f.reason = REASON_ARCHIVED_VERDICT;
        (void)snprintf(f.text, sizeof f.text, "%s: %s", reason_text(f.reason), difference);
    } else {
        f.state = FACT_AFFIRMED;
        f.reason = REASON_OK;
        (void)snprintf(f.text, sizeof f.text, "the stored verdict was reproduced");
    }
    json_decref(stored);
    v->facts[v->count++] = f;
}

bool session_bundle(struct session *s, struct bytes text, const struct verify_input *in, bool its_time, struct err *err)
{
    struct verify_input input = *in;
    struct err why = {0};
    struct bundle b;
    bool ok;

    if (!bundle_parse(text, &b, &why)) {
        session_undecodable(s, &why, in);
        return true;
    }
    input.time = its_time ? b.time : in->time;
    if (in->file_count > 0 || !document_is(b.evidence)) {
        input.own_files = b.files;
        input.own_file_count = b.file_count;
    } else {
        /* Before the document's own, as it was when the bundle was made. */
        input.files = b.files;
        input.file_count = b.file_count;
    }
    if (document_is(b.evidence)) {
        ok = session_document(s, b.evidence, &input, err);
    } else {
        input.logs = b.logs;
        input.log_count = b.log_count;
        input.archived = true;
        ok = session_quote(s, b.evidence, &input, err);
    }
    if (ok) {
        archived_judge(&s->v, b.verdict);
    }
    ok = ok && (!its_time || (claims_begin(&s->j, err) && claim_str(s->j.claims, "time_source", "bundle", err)));
    bundle_done(&b);
    return ok;
}
