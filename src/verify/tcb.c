#include "verify/tcb.h"

#include "base/civil.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const status_names[] = {
#define T(name, spelling) [TCB_##name] = spelling,
    TCB_STATUSES(T)
#undef T
};

const char *tcb_status_name(enum tcb_status s)
{
    return status_names[s];
}

bool tcb_status_find(const char *name, enum tcb_status *out)
{
    for (size_t i = 0; i < TCB_STATUS_COUNT; i++) {
        if (strcmp(status_names[i], name) == 0) {
            *out = (enum tcb_status)i;
            return true;
        }
    }
    return false;
}

static bool time_get(const json_t *v, const char *member, int64_t *out, struct err *err)
{
    const char *text;

    return json_get_str(v, member, &text, err) && civil_parse_iso8601(bytes_of_str(text), out, err);
}

static bool advisories_check(const json_t *list, struct err *err)
{
    if (!json_is_array(list) || json_array_size(list) > TCB_ADVISORIES_MAX) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "advisoryIDs is no list of at most %d",
                    TCB_ADVISORIES_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_string(v) || json_string_length(v) > 64) {
            return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "advisoryIDs holds something else than an id");
        }
    }
    return true;
}

/* tcbDate, tcbStatus and advisoryIDs of a level. Only a platform can be advised to relaunch, never a document say so.
 */
static bool verdict_read(const json_t *level, struct tcb_verdict *out, struct err *err)
{
    const json_t *list = json_object_get(level, "advisoryIDs");
    const char *status;

    if (!time_get(level, "tcbDate", &out->date, err) || !json_get_str(level, "tcbStatus", &status, err)) {
        return false;
    }
    if (!tcb_status_find(status, &out->status) || out->status > TCB_REVOKED) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "tcbStatus \"%.40s\"", status);
    }
    out->advisories = list;
    return list == NULL || advisories_check(list, err);
}

static bool components_read(const json_t *tcb, const char *member, uint8_t out[16], struct err *err)
{
    json_t *list;
    uint64_t svn;

    if (!json_get(tcb, member, JSON_ARRAY, &list, err)) {
        return false;
    }
    if (json_array_size(list) != 16) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%s has %zu components, not 16", member,
                    json_array_size(list));
    }
    for (size_t i = 0; i < 16; i++) {
        if (!json_get_u64(json_array_get(list, i), "svn", 255, &svn, err)) {
            return false;
        }
        out[i] = (uint8_t)svn;
    }
    return true;
}

/* Version 2 has a member for each: sgxtcbcomp01svn to sgxtcbcomp16svn. */
static bool components_read_v2(const json_t *tcb, uint8_t out[16], struct err *err)
{
    char member[24];
    uint64_t svn;

    for (unsigned i = 0; i < 16; i++) {
        (void)snprintf(member, sizeof member, "sgxtcbcomp%02usvn", i + 1);
        if (!json_get_u64(tcb, member, 255, &svn, err)) {
            return false;
        }
        out[i] = (uint8_t)svn;
    }
    return true;
}

static bool level_read(const json_t *v, const struct tcb_info *t, struct tcb_level *out, struct err *err)
{
    uint64_t pcesvn;
    json_t *tcb;

    if (!json_get(v, "tcb", JSON_OBJECT, &tcb, err) ||
        !(t->version == 2 ? components_read_v2(tcb, out->sgx, err)
                          : components_read(tcb, "sgxtcbcomponents", out->sgx, err)) ||
        !json_get_u64(tcb, "pcesvn", 65535, &pcesvn, err) ||
        (t->tdx && !components_read(tcb, "tdxtcbcomponents", out->tdx, err)) || !verdict_read(v, &out->verdict, err)) {
        return false;
    }
    out->pcesvn = (uint16_t)pcesvn;
    return true;
}

/* Descending by SGX components, PCESVN, TDX components. */
static int level_compare(const void *left, const void *right)
{
    const struct tcb_level *a = left, *b = right;
    int d = memcmp(b->sgx, a->sgx, sizeof a->sgx);

    if (d == 0 && a->pcesvn != b->pcesvn) {
        d = a->pcesvn < b->pcesvn ? 1 : -1;
    }
    return d != 0 ? d : memcmp(b->tdx, a->tdx, sizeof a->tdx);
}

static bool levels_read(const json_t *v, struct tcb_info *t, struct err *err)
{
    json_t *list;

    if (!json_get(v, "tcbLevels", JSON_ARRAY, &list, err)) {
        return false;
    }
    if (json_array_size(list) == 0 || json_array_size(list) > TCB_LEVELS_MAX) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%zu TCB levels", json_array_size(list));
    }
    for (; t->level_count < json_array_size(list); t->level_count++) {
        if (!level_read(json_array_get(list, t->level_count), t, &t->levels[t->level_count], err)) {
            return false;
        }
    }
    if (t->version == 3) {
        const json_t *tcb = json_object_get(json_array_get(list, 0), "tcb");

        t->sgx_described = json_object_get(tcb, "sgxtcbcomponents");
        t->tdx_described = t->tdx ? json_object_get(tcb, "tdxtcbcomponents") : NULL;
    }
    qsort(t->levels, t->level_count, sizeof *t->levels, level_compare);
    for (size_t i = 1; i < t->level_count; i++) {
        if (level_compare(&t->levels[i - 1], &t->levels[i]) == 0) {
            return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "a TCB level is there twice");
        }
    }
    return true;
}

static bool svn_levels_read(const json_t *v, struct tcb_svn_level *levels, size_t *count, struct err *err)
{
    json_t *list, *tcb;
    uint64_t svn;

    if (!json_get(v, "tcbLevels", JSON_ARRAY, &list, err)) {
        return false;
    }
    if (json_array_size(list) == 0 || json_array_size(list) > TCB_MODULE_LEVELS_MAX) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%zu TCB levels", json_array_size(list));
    }
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *level = json_array_get(list, n);

        if (!json_get(level, "tcb", JSON_OBJECT, &tcb, err) || !json_get_u64(tcb, "isvsvn", 65535, &svn, err) ||
            !verdict_read(level, &levels[n].verdict, err)) {
            return false;
        }
        levels[n].isvsvn = (uint16_t)svn;
        for (size_t i = 0; i < n; i++) {
            if (levels[i].isvsvn == svn) {
                return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "the level of isvsvn %llu is there twice",
                            (unsigned long long)svn);
            }
        }
    }
    *count = json_array_size(list);
    return true;
}

const struct tcb_svn_level *tcb_svn_level_find(const struct tcb_svn_level *levels, size_t count, uint64_t svn)
{
    const struct tcb_svn_level *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (svn >= levels[i].isvsvn && (best == NULL || levels[i].isvsvn > best->isvsvn)) {
            best = &levels[i];
        }
    }
    return best;
}

static bool module_read(const json_t *v, struct tcb_module *out, struct err *err)
{
    return json_get_hex(v, "mrsigner", out->mrsigner, sizeof out->mrsigner, err) &&
           json_get_hex(v, "attributes", out->attributes, sizeof out->attributes, err) &&
           json_get_hex(v, "attributesMask", out->mask, sizeof out->mask, err);
}

/* "TDX_" and two hexadecimal digits, which are the module's major version. */
static bool module_version(const char *id, uint8_t *out, struct err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high, *low;

    if (strlen(id) == 6 && strncmp(id, "TDX_", 4) == 0 && (high = strchr(digits, id[4])) != NULL &&
        (low = strchr(digits, id[5])) != NULL) {
        *out = (uint8_t)(16 * (high - digits) + (low - digits));
        return true;
    }
    return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TDX module identity \"%.40s\"", id);
}

static bool modules_read(const json_t *v, struct tcb_info *t, struct err *err)
{
    json_t *module, *list;
    const char *id;

    if (!json_get(v, "tdxModule", JSON_OBJECT, &module, err) || !module_read(module, &t->module, err)) {
        return false;
    }
    t->has_module = true;
    if (json_object_get(v, "tdxModuleIdentities") == NULL) {
        return true;
    }
    if (!json_get(v, "tdxModuleIdentities", JSON_ARRAY, &list, err)) {
        return false;
    }
    if (json_array_size(list) > TCB_MODULES_MAX) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%zu TDX module identities", json_array_size(list));
    }
    for (; t->module_count < json_array_size(list); t->module_count++) {
        struct tcb_module *m = &t->modules[t->module_count];
        const json_t *one = json_array_get(list, t->module_count);

        if (!json_get_str(one, "id", &id, err) || !module_version(id, &m->version, err) || !module_read(one, m, err) ||
            !svn_levels_read(one, m->levels, &m->level_count, err)) {
            return false;
        }
        for (size_t i = 0; i < t->module_count; i++) {
            if (t->modules[i].version == m->version) {
                return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%s is there twice", id);
            }
        }
    }
    return true;
}

static bool info_read(const json_t *v, struct tcb_info *t, struct err *err)
{
    const char *id = "SGX"; /* all that version 2 knew, so that it does not say so */
    uint64_t version, type;

    if (!json_get_u64(v, "version", 1000, &version, err)) {
        return false;
    }
    if (version != 3 && version != 2) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TCB info of version %llu", (unsigned long long)version);
    }
    if ((version == 3 || json_object_get(v, "id") != NULL) && !json_get_str(v, "id", &id, err)) {
        return false;
    }
    t->tdx = strcmp(id, "TDX") == 0;
    if ((!t->tdx && strcmp(id, "SGX") != 0) || (t->tdx && version == 2)) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TCB info \"%.20s\" of version %llu", id,
                    (unsigned long long)version);
    }
    t->version = (unsigned)version;
    if (!time_get(v, "issueDate", &t->issued, err) || !time_get(v, "nextUpdate", &t->next_update, err) ||
        !json_get_hex(v, "fmspc", t->fmspc, sizeof t->fmspc, err) ||
        !json_get_hex(v, "pceId", t->pceid, sizeof t->pceid, err) || !json_get_u64(v, "tcbType", 255, &type, err) ||
        !json_get_u64(v, "tcbEvaluationDataNumber", UINT32_MAX, &t->evaluation, err)) {
        return false;
    }
    if (type != 0) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "tcbType %llu, not 0", (unsigned long long)type);
    }
    return (!t->tdx || modules_read(v, t, err)) && levels_read(v, t, err);
}

/* Both documents: an object of one signed member and its signature. */
static bool envelope_read(struct bytes text, const char *member, json_t **root, json_t **value,
                          struct bytes *signed_part, uint8_t signature[64], struct err *err)
{
    const char *const members[] = {member, "signature", NULL};

    return json_parse_span(text, member, root, signed_part, err) && json_only(*root, members, err) &&
           json_get(*root, member, JSON_OBJECT, value, err) && json_get_hex(*root, "signature", signature, 64, err) &&
           (signed_part->p != NULL || FAIL(err, REASON_JSON_MEMBER, 0, "no member \"%s\"", member));
}

bool tcb_info_parse(struct bytes text, struct tcb_info **out, struct err *err)
{
    struct tcb_info *t = calloc(1, sizeof *t);
    json_t *v;

    if (t == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "TCB info");
    }
    if (!envelope_read(text, "tcbInfo", &t->json, &v, &t->signed_part, t->signature, err) || !info_read(v, t, err)) {
        tcb_info_free(t);
        return false;
    }
    *out = t;
    return true;
}

void tcb_info_free(struct tcb_info *t)
{
    if (t != NULL) {
        json_decref(t->json);
        free(t);
    }
}

static bool identity_read(const json_t *v, struct qe_identity *q, struct err *err)
{
    uint64_t version, prodid;
    const char *id;

    if (!json_get_str(v, "id", &id, err) || !json_get_u64(v, "version", 1000, &version, err)) {
        return false;
    }
    if (version != 2) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "enclave identity of version %llu",
                    (unsigned long long)version);
    }
    q->id = strcmp(id, "TD_QE") == 0 ? QE_ID_TD_QE : strcmp(id, "QE") == 0 ? QE_ID_QE : QE_ID_OTHER;
    if (!time_get(v, "issueDate", &q->issued, err) || !time_get(v, "nextUpdate", &q->next_update, err) ||
        !json_get_u64(v, "tcbEvaluationDataNumber", UINT32_MAX, &q->evaluation, err) ||
        !json_get_hex(v, "miscselect", q->miscselect, sizeof q->miscselect, err) ||
        !json_get_hex(v, "miscselectMask", q->miscselect_mask, sizeof q->miscselect_mask, err) ||
        !json_get_hex(v, "attributes", q->attributes, sizeof q->attributes, err) ||
        !json_get_hex(v, "attributesMask", q->attributes_mask, sizeof q->attributes_mask, err) ||
        !json_get_hex(v, "mrsigner", q->mrsigner, sizeof q->mrsigner, err) ||
        !json_get_u64(v, "isvprodid", 65535, &prodid, err)) {
        return false;
    }
    q->isvprodid = (uint16_t)prodid;
    return svn_levels_read(v, q->levels, &q->level_count, err);
}

bool qe_identity_parse(struct bytes text, struct qe_identity **out, struct err *err)
{
    struct qe_identity *q = calloc(1, sizeof *q);
    json_t *v;

    if (q == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "QE identity");
    }
    if (!envelope_read(text, "enclaveIdentity", &q->json, &v, &q->signed_part, q->signature, err) ||
        !identity_read(v, q, err)) {
        qe_identity_free(q);
        return false;
    }
    *out = q;
    return true;
}

void qe_identity_free(struct qe_identity *q)
{
    if (q != NULL) {
        json_decref(q->json);
        free(q);
    }
}
