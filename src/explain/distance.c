/* How far the platform is from a TCB that is up to date: for each component that is behind, what is there, what is
 * needed, since when, and which advisories that settles. A claim; it decides nothing.
 *
 * The level aimed at is the one of the best status that the document has (UpToDate, where there is such a level), and
 * of several the one that the fewest components are short of. A component is behind since the earliest tcbDate of a
 * level that needs more of it than is there. Its advisories are those of the highest level that it reaches taken alone,
 * less those that the level aimed at has too. */
#include "explain/claims.h"

#include <stdio.h>
#include <stdlib.h>

#define COMPONENTS 33 /* 16 of SGX, PCESVN, 16 of TDX */
#define COMPONENT_PCESVN 16
#define COMPONENT_TDX 17

/* The numbers of one platform, or those that one level needs. */
struct numbers {
    unsigned n[COMPONENTS];
};

static struct numbers level_numbers(const struct tcb_level *l, bool tdx, bool has_module)
{
    struct numbers v = {.n = {0}};

    for (size_t i = 0; i < 16; i++) {
        v.n[i] = l->sgx[i];
        /* The module's own levels say what the first two have to be. */
        v.n[COMPONENT_TDX + i] = tdx && (i >= 2 || !has_module) ? l->tdx[i] : 0;
    }
    v.n[COMPONENT_PCESVN] = l->pcesvn;
    return v;
}

static struct numbers platform_numbers(const struct judge *j)
{
    struct numbers v = {.n = {0}};

    for (size_t i = 0; i < 16; i++) {
        v.n[i] = j->pck.svn[i];
        v.n[COMPONENT_TDX + i] = quote_is_tdx(&j->q) ? j->q.td.tee_tcb_svn[i] : 0;
    }
    v.n[COMPONENT_PCESVN] = j->pck.pcesvn;
    return v;
}

static bool has_module(const struct judge *j)
{
    return quote_is_tdx(&j->q) && j->q.td.tee_tcb_svn[1] > 0;
}

static size_t shortfalls(const struct numbers *have, const struct numbers *need)
{
    size_t n = 0;

    for (size_t i = 0; i < COMPONENTS; i++) {
        n += have->n[i] < need->n[i];
    }
    return n;
}

static const struct tcb_level *level_aimed_at(const struct judge *j, const struct numbers *have)
{
    const struct tcb_info *t = j->tcb_info;
    const struct tcb_level *best = &t->levels[0]; /* a document has at least one */
    size_t best_short = COMPONENTS;

    for (size_t i = 0; i < t->level_list.count; i++) {
        const struct tcb_level *l = &t->levels[i];
        const struct numbers need = level_numbers(l, t->tdx, has_module(j));
        const size_t n = shortfalls(have, &need);

        if (l->verdict.status < best->verdict.status ||
            (l->verdict.status == best->verdict.status && n <= best_short)) {
            best = l;
            best_short = n;
        }
    }
    return best;
}

static const struct tcb_svn_level *svn_level_aimed_at(const struct tcb_svn_levels *l)
{
    const struct tcb_svn_level *levels = l->levels;
    const struct tcb_svn_level *best = &levels[0];

    for (size_t i = 1; i < l->list.count; i++) {
        if (levels[i].verdict.status < best->verdict.status ||
            (levels[i].verdict.status == best->verdict.status && levels[i].isvsvn < best->isvsvn)) {
            best = &levels[i];
        }
    }
    return best;
}

/* One component that is behind. */
struct shortfall {
    char name[32];
    struct bytes described; /* the list that has category and type, where the document has one */
    size_t at_described;    /* in it */
    unsigned seen, needed;
    int64_t since;
    const struct tcb_verdict *at, *aim; /* whose advisories count; those that stay */
};

static bool advisory_stays(const json_t *aim, const char *id)
{
    for (size_t i = 0; i < json_array_size(aim); i++) {
        if (strcmp(json_string_value(json_array_get(aim, i)), id) == 0) {
            return true;
        }
    }
    return false;
}

static int advisory_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the document's text; nothing, where it has none. */
static bool list_parse(struct bytes text, json_t **out, struct err *err)
{
    return text.len == 0 || json_parse(text, out, err);
}

/* NULL: no memory. */
static json_t *advisories_new(const struct shortfall *s)
{
    const char *ids[TCB_ADVISORIES_MAX];
    json_t *list = json_array(), *at = NULL, *aim = NULL;
    struct err err = {0};
    size_t n = 0;
    bool ok = list != NULL && list_parse(s->at->advisories, &at, &err) && list_parse(s->aim->advisories, &aim, &err);

    for (size_t i = 0; ok && i < json_array_size(at); i++) {
        ids[n] = json_string_value(json_array_get(at, i));
        n += !advisory_stays(aim, ids[n]);
    }
    qsort(ids, n, sizeof *ids, advisory_compare);
    for (size_t i = 0; ok && i < n; i++) {
        ok = json_array_append_new(list, json_string(ids[i])) == 0;
    }
    json_decref(at);
    json_decref(aim);
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static bool shortfall_put(json_t *behind, const struct shortfall *s, const char *category, const char *type,
                          struct err *err)
{
    json_t *one = json_object(), *advisories = advisories_new(s);

    if (one == NULL || advisories == NULL) {
        json_decref(one);
        json_decref(advisories);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "tcb_distance");
    }
    if (!claim_new(one, "advisory_ids", advisories, err) || !claim_str(one, "component", s->name, err) ||
        (category != NULL && category[0] != '\0' && !claim_str(one, "category", category, err)) ||
        (type != NULL && type[0] != '\0' && !claim_str(one, "type", type, err)) ||
        !claim_new(one, "seen", json_integer(s->seen), err) ||
        !claim_new(one, "needed", json_integer(s->needed), err) || !claim_date(one, "since", s->since, err)) {
        json_decref(one);
        return false;
    }
    return json_array_append_new(behind, one) == 0 || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "tcb_distance");
}

static bool shortfall_add(json_t *behind, const struct shortfall *s, struct err *err)
{
    json_t *list = NULL, *described;
    const char *category, *type;
    bool ok = list_parse(s->described, &list, err);

    described = json_array_get(list, s->at_described);
    category = json_string_value(json_object_get(described, "category"));
    type = json_string_value(json_object_get(described, "type"));
    ok = ok && shortfall_put(behind, s, category, type, err);
    json_decref(list);
    return ok;
}

static void component_name(const struct tcb_info *t, size_t i, struct shortfall *s)
{
    if (i == COMPONENT_PCESVN) {
        (void)snprintf(s->name, sizeof s->name, "pcesvn");
    } else {
        const bool tdx = i >= COMPONENT_TDX;
        const size_t at = tdx ? i - COMPONENT_TDX : i;

        (void)snprintf(s->name, sizeof s->name, "%stcbcomponents[%zu]", tdx ? "tdx" : "sgx", at);
        s->described = t->described[tdx];
        s->at_described = at;
    }
}

static bool components_add(const struct judge *j, const struct tcb_level *aim, const struct numbers *have,
                           json_t *behind, struct err *err)
{
    const struct tcb_info *t = j->tcb_info;
    const struct numbers want = level_numbers(aim, t->tdx, has_module(j));

    for (size_t i = 0; i < COMPONENTS; i++) {
        struct shortfall s = {.seen = have->n[i], .needed = want.n[i], .since = INT64_MAX, .aim = &aim->verdict};

        if (s.seen >= s.needed) {
            continue;
        }
        component_name(t, i, &s);
        for (size_t n = 0; n < t->level_list.count; n++) {
            const struct tcb_verdict *v = &t->levels[n].verdict;
            const struct numbers need = level_numbers(&t->levels[n], t->tdx, has_module(j));

            if (need.n[i] > s.seen) {
                s.since = v->date < s.since ? v->date : s.since;
            } else if (s.at == NULL) {
                s.at = v;
            }
        }
        s.at = s.at != NULL ? s.at : &t->levels[t->level_list.count - 1].verdict;
        if (!shortfall_add(behind, &s, err)) {
            return false;
        }
    }
    return true;
}

/* The TDX module, the quoting enclave: components of one number. */
static bool svn_add(const char *name, const struct tcb_svn_levels *l, unsigned seen, json_t *behind, struct err *err)
{
    const struct tcb_svn_level *levels = l->levels, *aim = svn_level_aimed_at(l), *at = tcb_svn_level_find(l, seen);
    struct shortfall s = {.seen = seen, .needed = aim->isvsvn, .since = INT64_MAX, .aim = &aim->verdict};

    if (seen >= aim->isvsvn) {
        return true;
    }
    (void)snprintf(s.name, sizeof s.name, "%s", name);
    for (size_t i = 0; i < l->list.count; i++) {
        if (levels[i].isvsvn > seen && levels[i].verdict.date < s.since) {
            s.since = levels[i].verdict.date;
        }
        if (at == NULL || (at->isvsvn > seen && levels[i].isvsvn < at->isvsvn)) {
            at = &levels[i]; /* none is reached: the lowest says what is open there at least */
        }
    }
    s.at = &at->verdict;
    return shortfall_add(behind, &s, err);
}

static bool behind_add(const struct judge *j, const struct tcb_level *aim, const struct numbers *have, json_t *behind,
                       struct err *err)
{
    const struct tcb_info *t = j->tcb_info;
    const struct qe_identity *qe = j->qe_identity;

    if (!components_add(j, aim, have, behind, err)) {
        return false;
    }
    for (size_t i = 0; has_module(j) && i < t->module_list.count; i++) {
        if (t->modules[i].version == j->q.td.tee_tcb_svn[1] &&
            !svn_add("tdx_module", &t->modules[i].svn, j->q.td.tee_tcb_svn[0], behind, err)) {
            return false;
        }
    }
    return svn_add("qe", &qe->svn, j->q.qe_report.isvsvn, behind, err);
}

bool distance_claim(const struct judge *j, json_t *claims, struct err *err)
{
    const struct numbers have = platform_numbers(j);
    const struct tcb_level *aim = level_aimed_at(j, &have);
    json_t *distance = json_object(), *behind = json_array();
    bool ok;

    ok = (distance != NULL && behind != NULL) || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "tcb_distance");
    ok = ok && claim_str(distance, "status", tcb_status_name(aim->verdict.status), err) &&
         claim_date(distance, "tcb_date", aim->verdict.date, err) && behind_add(j, aim, &have, behind, err);
    if (!ok) {
        json_decref(behind);
        json_decref(distance);
        return false;
    }
    if (!claim_new(distance, "behind", behind, err)) {
        json_decref(distance);
        return false;
    }
    return claim_new(claims, "tcb_distance", distance, err);
}
