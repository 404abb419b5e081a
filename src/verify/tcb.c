#include "verify/tcb.h"

#include "base/civil.h"
#include "base/hex.h"
#include "codec/json_scan.h"

#include <stddef.h>
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

const struct tcb_svn_level *tcb_svn_level_find(const struct tcb_svn_levels *l, uint64_t svn)
{
    const struct tcb_svn_level *best = NULL;

    for (size_t i = 0; i < l->list.count; i++) {
        if (svn >= l->levels[i].isvsvn && (best == NULL || l->levels[i].isvsvn > best->isvsvn)) {
            best = &l->levels[i];
        }
    }
    return best;
}

/* ---- objects by tables, in one pass over the text ---- */

struct reader;
struct form;

struct field { /* a member that is read; others are looked at for their form and left */
    const char *name;
    size_t len; /* of it */
    bool (*read)(struct reader *r, const struct field *f, void *to, struct err *err);
    size_t at, size;         /* where it goes in what the object is read into; of an element */
    uint64_t max;            /* of a number; elements of a list */
    const struct form *form; /* of an object; of a list's elements */
    size_t list;             /* where a list's struct tcb_list goes */
};

struct form {
    const struct field *fields;
    size_t count;
    uint32_t may; /* a bit for each field that may be absent */
    bool only;    /* no other members */
    bool (*check)(void *out, uint32_t seen, struct err *err);
};

#define NAMES_MAX 128   /* of the object at hand and those around it */
#define ESCAPED_MAX 128 /* bytes of a name that is spelled with escapes */
#define TEXT_MAX 200    /* of a text that is read: the longest is a signature's 128 digits */

struct reader {
    struct json_scan scan;
    struct json_token t; /* the value at hand */
    struct name {
        struct bytes text;
        bool escaped;
    } names[NAMES_MAX];
    size_t count;
    struct component { /* of the level before this one, SGX and TDX: most are the same, and they are most of the text */
        struct bytes text;
        uint8_t svn;
    } components[2][16];
};

static struct bytes name_plain(const struct name *n, char out[ESCAPED_MAX])
{
    return n->escaped ? bytes_of(out, json_unescape(n->text, out)) : n->text;
}

static bool names_equal(const struct name *a, const struct name *b)
{
    char plain[2][ESCAPED_MAX];

    return bytes_equal(name_plain(a, plain[0]), name_plain(b, plain[1]));
}

/* The name at hand, among those of its object, which begin at `from`. */
static bool name_add(struct reader *r, size_t from, struct err *err)
{
    struct name *n = &r->names[r->count];

    if (r->count == NAMES_MAX || (r->t.escaped && r->t.text.len > ESCAPED_MAX)) {
        return FAIL(err, REASON_COLLATERAL_FORM, r->t.at, "more than %d members, or a long name", NAMES_MAX);
    }
    *n = (struct name){r->t.text, r->t.escaped};
    for (size_t i = from; i < r->count; i++) {
        const struct name *o = &r->names[i];

        if (n->escaped || o->escaped ? names_equal(n, o) : bytes_equal(n->text, o->text)) {
            return FAIL(err, REASON_JSON_FORM, r->t.at, "a member is there twice");
        }
    }
    r->count++;
    return true;
}

static const struct field *field_find(const struct form *form, const struct name *n)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct field *f = &form->fields[i];
        const struct name want = {bytes_of(f->name, f->len), false};

        if (n->escaped ? names_equal(n, &want) : bytes_equal(n->text, want.text)) {
            return f;
        }
    }
    return NULL;
}

static bool fields_check(const struct form *form, uint32_t seen, uint32_t may, struct err *err)
{
    for (size_t i = 0; i < form->count; i++) {
        if (((seen | may) >> i & 1) == 0) {
            return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", form->fields[i].name);
        }
    }
    return true;
}

static bool value_skip(struct reader *r, struct err *err);

/* The object that begins at hand. */
static bool object_get(struct reader *r, const struct form *form, void *out, struct err *err)
{
    const size_t from = r->count;
    const struct field *f;
    uint32_t seen = 0;
    bool more;

    for (;;) {
        if (!json_scan_next(&r->scan, true, &more, err)) {
            return false;
        }
        if (!more) {
            break;
        }
        if (!json_scan_name(&r->scan, &r->t, err) || !name_add(r, from, err)) {
            return false;
        }
        f = field_find(form, &r->names[r->count - 1]);
        if (f == NULL && form->only) {
            return FAIL(err, REASON_JSON_UNKNOWN, r->t.at, "a member beside \"%s\"", form->fields[0].name);
        }
        /* What a signature is over is spelled as it is, or it is not found. */
        if (f != NULL && form->only && r->t.escaped) {
            return FAIL(err, REASON_JSON_MEMBER, r->t.at, "no member \"%s\"", f->name);
        }
        if (!json_scan_value(&r->scan, &r->t, err) ||
            !(f != NULL ? f->read(r, f, (uint8_t *)out + f->at, err) : value_skip(r, err))) {
            return false;
        }
        seen |= f != NULL ? UINT32_C(1) << (f - form->fields) : 0;
    }
    r->count = from;
    return fields_check(form, seen, form->may, err) && (form->check == NULL || form->check(out, seen, err));
}

/* The next element of the array that began at hand. */
static bool element_next(struct reader *r, bool *more, struct err *err)
{
    return json_scan_next(&r->scan, false, more, err) && (!*more || json_scan_value(&r->scan, &r->t, err));
}

static bool value_skip(struct reader *r, struct err *err)
{
    static const struct form any = {.count = 0};
    bool more = r->t.type == JSON_ARRAY, ok = true;

    if (r->t.type == JSON_OBJECT) {
        return object_get(r, &any, NULL, err);
    }
    while (ok && more) {
        ok = element_next(r, &more, err) && (!more || value_skip(r, err));
    }
    return ok;
}

static bool type_check(const struct reader *r, const struct field *f, json_type type, struct err *err)
{
    return r->t.type == type || FAIL(err, REASON_JSON_TYPE, r->t.at, "\"%s\" is of another type", f->name);
}

static bool object_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    return type_check(r, f, JSON_OBJECT, err) && object_get(r, f->form, to, err);
}

static struct bytes span_from(const struct reader *r, size_t at)
{
    return bytes_of(r->scan.text.p + at, r->scan.at - at);
}

static const struct form component_form;

static bool list_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    struct tcb_list *list = (void *)((uint8_t *)to - f->at + f->list);
    const size_t at = r->t.at;
    struct component *before = NULL;
    uint8_t *to_one = to;
    size_t at_one;
    bool more;

    if (!type_check(r, f, JSON_ARRAY, err)) {
        return false;
    }
    for (;; list->count++, to_one += f->size) {
        if (!element_next(r, &more, err)) {
            return false;
        }
        if (!more) {
            list->text = span_from(r, at);
            return true;
        }
        if (list->count == f->max) {
            return FAIL(err, REASON_COLLATERAL_FORM, r->t.at, "%s has more than %zu elements", f->name, list->count);
        }
        if (r->t.type != JSON_OBJECT) {
            return FAIL(err, REASON_JSON_MEMBER, r->t.at, "no member \"%s\": not an object", f->form->fields[0].name);
        }
        if (f->form == &component_form) {
            before = &r->components[f->at == offsetof(struct tcb_level, tdx)][list->count];
        }
        if (before != NULL && json_scan_again(&r->scan, &r->t, before->text)) {
            *to_one = before->svn;
            continue;
        }
        at_one = r->t.at;
        memset(to_one, 0, f->size);
        if (!object_get(r, f->form, to_one, err)) {
            return false;
        }
        if (before != NULL) {
            *before = (struct component){span_from(r, at_one), *to_one};
        }
    }
}

static bool number_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    const uint64_t n = (uint64_t)r->t.integer;

    if (!type_check(r, f, JSON_INTEGER, err)) {
        return false;
    }
    if (n > f->max) { /* as a negative one is */
        return FAIL(err, REASON_JSON_RANGE, r->t.at, "\"%s\" is %lld, not within 0..%llu", f->name,
                    (long long)r->t.integer, (unsigned long long)f->max);
    }
    if (f->size == 1) {
        *(uint8_t *)to = (uint8_t)n;
    } else if (f->size == 2) {
        *(uint16_t *)to = (uint16_t)n;
    } else {
        *(uint64_t *)to = n;
    }
    return true;
}

/* A string's characters; of one that is too long and spelled with escapes none, which nobody takes for something. */
static bool text_get(const struct reader *r, const struct field *f, char plain[TEXT_MAX], struct bytes *out,
                     struct err *err)
{
    if (!type_check(r, f, JSON_STRING, err)) {
        return false;
    }
    *out = r->t.text;
    if (r->t.escaped) {
        *out = bytes_of(plain, r->t.text.len <= TEXT_MAX ? json_unescape(r->t.text, plain) : 0);
    }
    return true;
}

/* Zero-terminated; "" where it does not fit. */
static bool text_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    char plain[TEXT_MAX];
    struct bytes text;

    if (!text_get(r, f, plain, &text, err)) {
        return false;
    }
    memset(to, 0, f->size);
    memcpy(to, text.p, text.len < f->size ? text.len : 0);
    return true;
}

static bool hex_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    char plain[TEXT_MAX];
    struct bytes digits;

    if (!text_get(r, f, plain, &digits, err)) {
        return false;
    }
    if (!hex_decode(digits, to, f->size, err)) {
        err->offset = r->t.at;
        err_prefix(err, f->name);
        return false;
    }
    return true;
}

static bool time_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    char plain[TEXT_MAX];
    struct bytes text;

    return text_get(r, f, plain, &text, err) && civil_parse_iso8601(text, to, err);
}

static bool advisories_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    const size_t at = r->t.at;
    size_t n = 0;
    bool more;

    if (r->t.type != JSON_ARRAY) {
        return FAIL(err, REASON_COLLATERAL_FORM, at, "%s is no list", f->name);
    }
    for (;; n++) {
        if (!element_next(r, &more, err)) {
            return false;
        }
        if (!more) {
            *(struct bytes *)to = span_from(r, at);
            return true;
        }
        if (r->t.type != JSON_STRING || r->t.text.len > 64 || n == TCB_ADVISORIES_MAX) {
            return FAIL(err, REASON_COLLATERAL_FORM, r->t.at, "%s is no list of at most %d ids", f->name,
                        TCB_ADVISORIES_MAX);
        }
    }
}

/* Only a platform can be advised to relaunch, never a document say so. */
static bool status_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    char status[48] = "";

    if (!text_read(r, &(struct field){.name = f->name, .size = sizeof status}, status, err)) {
        return false;
    }
    return (tcb_status_find(status, to) && *(enum tcb_status *)to <= TCB_REVOKED) ||
           FAIL(err, REASON_COLLATERAL_FORM, r->t.at, "tcbStatus \"%s\"", status);
}

/* ---- the documents' tables ---- */

/* clang-format off */
#define FORM(fields, ...) {fields, sizeof(fields) / sizeof *(fields), __VA_ARGS__}
#define NAME(name) name, sizeof(name) - 1
#define AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)
#define NUMBER(name, type, member, max) {NAME(name), number_read, AT(type, member), max, NULL, 0}
#define HEX(name, type, member) {NAME(name), hex_read, AT(type, member), 0, NULL, 0}
#define TEXT(name, type, member) {NAME(name), text_read, AT(type, member), 0, NULL, 0}
#define TIME(name, type, member) {NAME(name), time_read, AT(type, member), 0, NULL, 0}
#define OBJECT(name, at, form) {NAME(name), object_read, at, 0, 0, &(form), 0}
#define LIST(name, type, member, list, form) {NAME(name), list_read, offsetof(type, member), sizeof(((type *)0)->member[0]), \
    sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), &(form), offsetof(type, list)}
/* The members of every level; advisoryIDs may be absent. */
#define LEVEL(type, tcb_form) OBJECT("tcb", 0, tcb_form), TIME("tcbDate", type, verdict.date), \
    {NAME("tcbStatus"), status_read, AT(type, verdict.status), 0, NULL, 0}, \
    {NAME("advisoryIDs"), advisories_read, AT(type, verdict.advisories), 0, NULL, 0}
#define LEVEL_MAY 0x8
#define COMPONENT_V2(number, place) NUMBER("sgxtcbcomp" number "svn", struct tcb_level, sgx[place], 255)

static const struct field component_fields[] = {{NAME("svn"), number_read, 0, 1, 255, NULL, 0}};
static const struct form component_form = FORM(component_fields, 0, false, NULL);

/* Version 2 has a member for each component. */
static const struct field tcb_fields[] = {
    NUMBER("pcesvn", struct tcb_level, pcesvn, 65535),
    LIST("sgxtcbcomponents", struct tcb_level, sgx, described[0], component_form),
    LIST("tdxtcbcomponents", struct tcb_level, tdx, described[1], component_form),
    COMPONENT_V2("01", 0), COMPONENT_V2("02", 1), COMPONENT_V2("03", 2), COMPONENT_V2("04", 3),
    COMPONENT_V2("05", 4), COMPONENT_V2("06", 5), COMPONENT_V2("07", 6), COMPONENT_V2("08", 7),
    COMPONENT_V2("09", 8), COMPONENT_V2("10", 9), COMPONENT_V2("11", 10), COMPONENT_V2("12", 11),
    COMPONENT_V2("13", 12), COMPONENT_V2("14", 13), COMPONENT_V2("15", 14), COMPONENT_V2("16", 15)};
#define SEEN_SGX UINT32_C(0x2)
#define SEEN_TDX UINT32_C(0x4)
#define SEEN_V2 UINT32_C(0x7fff8)

static bool tcb_check(void *out, uint32_t seen, struct err *err);
static const struct form tcb_form = FORM(tcb_fields, SEEN_SGX | SEEN_TDX | SEEN_V2, false, tcb_check);
static const struct field level_fields[] = {LEVEL(struct tcb_level, tcb_form)};
static const struct form level_form = FORM(level_fields, LEVEL_MAY, false, NULL);

static const struct field svn_tcb_fields[] = {NUMBER("isvsvn", struct tcb_svn_level, isvsvn, 65535)};
static const struct form svn_tcb_form = FORM(svn_tcb_fields, 0, false, NULL);
static const struct field svn_level_fields[] = {LEVEL(struct tcb_svn_level, svn_tcb_form)};
static const struct form svn_level_form = FORM(svn_level_fields, LEVEL_MAY, false, NULL);

static bool module_check(void *out, uint32_t seen, struct err *err);
static const struct field module_fields[] = {
    HEX("mrsigner", struct tcb_module, mrsigner),
    HEX("attributes", struct tcb_module, attributes),
    HEX("attributesMask", struct tcb_module, mask),
    TEXT("id", struct tcb_module, id),
    LIST("tcbLevels", struct tcb_module, svn.levels, svn.list, svn_level_form)};
static const struct form module_form = FORM(module_fields, 0, false, module_check); /* with levels of its own */
static const struct form plain_module_form = {module_fields, 3, 0, false, NULL};

static bool info_check(void *out, uint32_t seen, struct err *err);
static const struct field info_fields[] = {
    NUMBER("version", struct tcb_info, version, 1000),
    TEXT("id", struct tcb_info, id),
    OBJECT("tdxModule", offsetof(struct tcb_info, module), plain_module_form),
    LIST("tdxModuleIdentities", struct tcb_info, modules, module_list, module_form),
    TIME("issueDate", struct tcb_info, issued),
    TIME("nextUpdate", struct tcb_info, next_update),
    HEX("fmspc", struct tcb_info, fmspc),
    HEX("pceId", struct tcb_info, pceid),
    NUMBER("tcbType", struct tcb_info, type, 255),
    NUMBER("tcbEvaluationDataNumber", struct tcb_info, evaluation, UINT32_MAX),
    LIST("tcbLevels", struct tcb_info, levels, level_list, level_form)};
#define SEEN_ID UINT32_C(0x2)
#define SEEN_MODULE UINT32_C(0x4)
#define SEEN_MODULES UINT32_C(0x8)
static const struct form info_form = FORM(info_fields, ~UINT32_C(1), false, info_check);

static bool identity_check(void *out, uint32_t seen, struct err *err);
static const struct field identity_fields[] = {
    TEXT("id", struct qe_identity, name),
    NUMBER("version", struct qe_identity, version, 1000),
    TIME("issueDate", struct qe_identity, issued),
    TIME("nextUpdate", struct qe_identity, next_update),
    NUMBER("tcbEvaluationDataNumber", struct qe_identity, evaluation, UINT32_MAX),
    HEX("miscselect", struct qe_identity, miscselect),
    HEX("miscselectMask", struct qe_identity, miscselect_mask),
    HEX("attributes", struct qe_identity, attributes),
    HEX("attributesMask", struct qe_identity, attributes_mask),
    HEX("mrsigner", struct qe_identity, mrsigner),
    NUMBER("isvprodid", struct qe_identity, isvprodid, 65535),
    LIST("tcbLevels", struct qe_identity, svn.levels, svn.list, svn_level_form)};
static const struct form identity_form = FORM(identity_fields, ~UINT32_C(3), false, identity_check);
/* clang-format on */

static bool tcb_check(void *out, uint32_t seen, struct err *err)
{
    struct tcb_level *l = out;

    l->seen = seen;
    for (size_t i = 0; i < 2; i++) {
        if (l->described[i].text.p != NULL && l->described[i].count != 16) {
            return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%zu components, not 16", l->described[i].count);
        }
    }
    /* Either would have written over the other. */
    return (seen & SEEN_SGX) == 0 || (seen & SEEN_V2) == 0 ||
           FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "components in the forms of two versions");
}

static bool svn_levels_check(const struct tcb_svn_levels *l, struct err *err)
{
    for (size_t i = 0; i < l->list.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (l->levels[i].isvsvn == l->levels[k].isvsvn) {
                return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "the level of isvsvn %u is there twice",
                            l->levels[i].isvsvn);
            }
        }
    }
    return l->list.count > 0 || FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "no TCB levels");
}

/* "TDX_" and two hexadecimal digits, which are the module's major version. */
static bool module_check(void *out, uint32_t seen, struct err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    struct tcb_module *m = out;
    const char *high = strchr(digits, m->id[4]), *low = strchr(digits, m->id[5]);

    (void)seen;
    if (strncmp(m->id, "TDX_", 4) != 0 || strlen(m->id) != 6 || high == NULL || low == NULL) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TDX module identity \"%s\"", m->id);
    }
    m->version = (uint8_t)(16 * (high - digits) + (low - digits));
    return svn_levels_check(&m->svn, err);
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

static bool levels_check(struct tcb_info *t, struct err *err)
{
    const uint32_t may = t->version == 2 ? SEEN_SGX | SEEN_TDX : t->tdx ? SEEN_V2 : SEEN_V2 | SEEN_TDX;

    if (t->level_list.count == 0) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "no TCB levels");
    }
    for (size_t i = 0; i < t->level_list.count; i++) {
        struct tcb_level *l = &t->levels[i];

        if (!fields_check(&tcb_form, l->seen, may, err)) {
            return false;
        }
        if (!t->tdx) {
            memset(l->tdx, 0, sizeof l->tdx); /* of an enclave's platform they say nothing */
        }
    }
    t->described[0] = t->levels[0].described[0].text;
    t->described[1] = t->tdx ? t->levels[0].described[1].text : bytes_of(NULL, 0);
    qsort(t->levels, t->level_list.count, sizeof *t->levels, level_compare);
    for (size_t i = 1; i < t->level_list.count; i++) {
        if (level_compare(&t->levels[i - 1], &t->levels[i]) == 0) {
            return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "a TCB level is there twice");
        }
    }
    return true;
}

static bool modules_check(const struct tcb_info *t, struct err *err)
{
    for (size_t i = 0; i < t->module_list.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (t->modules[i].version == t->modules[k].version) {
                return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%s is there twice", t->modules[i].id);
            }
        }
    }
    return true;
}

static bool info_check(void *out, uint32_t seen, struct err *err)
{
    struct tcb_info *t = out;

    if (t->version == 2 && (seen & SEEN_ID) == 0) { /* SGX is all that version 2 knew, so that it does not say so */
        memcpy(t->id, "SGX", sizeof "SGX");
        seen |= SEEN_ID;
    }
    t->tdx = strcmp(t->id, "TDX") == 0;
    if (t->version != 3 && (t->version != 2 || t->tdx)) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TCB info \"%s\" of version %llu", t->id,
                    (unsigned long long)t->version);
    }
    if (!fields_check(&info_form, seen, SEEN_MODULES | (t->tdx ? 0 : SEEN_MODULE), err)) {
        return false;
    }
    if (!t->tdx && strcmp(t->id, "SGX") != 0) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TCB info \"%s\"", t->id);
    }
    if (t->type != 0) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "tcbType %llu, not 0", (unsigned long long)t->type);
    }
    return (!t->tdx || modules_check(t, err)) && levels_check(t, err);
}

static bool identity_check(void *out, uint32_t seen, struct err *err)
{
    struct qe_identity *q = out;

    if (q->version != 2) {
        return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "enclave identity of version %llu",
                    (unsigned long long)q->version);
    }
    q->id = strcmp(q->name, "TD_QE") == 0 ? QE_ID_TD_QE : strcmp(q->name, "QE") == 0 ? QE_ID_QE : QE_ID_OTHER;
    return fields_check(&identity_form, seen, 0, err) && svn_levels_check(&q->svn, err);
}

/* ---- both documents: an object of one signed member and its signature ---- */

static bool signed_read(struct reader *r, const struct field *f, void *to, struct err *err)
{
    const size_t at = r->t.at;
    const bool ok = object_read(r, f, to, err);

    ((struct tcb_signed *)to)->part = span_from(r, at);
    return ok;
}

static bool envelope_read(struct reader *r, const struct form *form, void *out, struct err *err)
{
    if (!json_scan_value(&r->scan, &r->t, err)) {
        return false;
    }
    if (r->t.type != JSON_OBJECT) {
        return FAIL(err, REASON_JSON_TYPE, r->t.at, "not an object");
    }
    return object_get(r, form, out, err) && json_scan_end(&r->scan, err);
}

static void reader_init(struct reader *r, struct bytes text)
{
    json_scan_init(&r->scan, text);
    r->count = 0;
    memset(r->components, 0, sizeof r->components);
}

static bool envelope_parse(struct bytes text, const char *member, const struct form *inner, void *out, struct err *err)
{
    const struct field fields[] = {{member, strlen(member), signed_read, 0, 0, 0, inner, 0},
                                   HEX("signature", struct tcb_signed, signature)};
    const struct form form = FORM(fields, 0, true, NULL);
    struct err form_err = {0};
    struct reader r;

    reader_init(&r, text);
    if (envelope_read(&r, &form, out, err)) {
        return true;
    }
    /* What is no JSON is refused as such, whatever else is wrong with it. */
    reader_init(&r, text);
    if (!json_scan_value(&r.scan, &r.t, &form_err) || !value_skip(&r, &form_err) ||
        !json_scan_end(&r.scan, &form_err)) {
        *err = form_err;
    }
    return false;
}

bool tcb_info_parse(struct bytes text, struct tcb_info *out, struct err *err)
{
    memset(out, 0, offsetof(struct tcb_info, modules));
    return envelope_parse(text, "tcbInfo", &info_form, out, err);
}

bool qe_identity_parse(struct bytes text, struct qe_identity *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    return envelope_parse(text, "enclaveIdentity", &identity_form, out, err);
}
