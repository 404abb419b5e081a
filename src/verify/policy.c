#include "base/civil.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "verify/policy_data.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define POLICY_MEMORY MIB(8)

const char *const policy_backings[] = {"memfd", "verity", "disk", NULL};

bool policy_list_has(const struct policy_list *l, const void *value)
{
    for (size_t i = 0; i < l->count; i++) {
        if (memcmp(l->values + i * l->size, value, l->size) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- where an error is: "td.mrtd[3]" ---- */

__attribute__((format(printf, 2, 3))) static void path_enter(struct policy *p, const char *fmt, ...)
{
    const size_t len = strlen(p->path);
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(p->path + len, sizeof p->path - len, fmt, args);
    va_end(args);
}

/* ---- members: an absent one leaves its place as it is ---- */

struct place { /* where a value goes */
    struct policy *policy;
    void *to;
    size_t size;              /* of a list's values */
    const char *const *words; /* that a list may have, and NULL */
};

struct member {
    const char *path;
    bool (*read)(const struct place *at, const json_t *v, struct err *err);
    size_t offset; /* of the place, in struct policy */
    size_t size;
    const char *const *words;
};

static const struct member *member_find(const char *path);

/* The table has every member by its path. On failure p->path stays where it was. */
static bool object_read(const struct place *at, const json_t *v, struct err *err)
{
    struct policy *p = at->policy;
    const size_t len = strlen(p->path);
    const char *name;
    json_t *one;

    if (!json_is_object(v)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no object");
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, one)
    {
        const struct member *m;

        path_enter(p, "%s%.60s", len == 0 ? "" : ".", name);
        m = strchr(name, '.') == NULL ? member_find(p->path) : NULL;
        if (m == NULL) {
            return FAIL(err, REASON_JSON_UNKNOWN, ERR_NOWHERE, "there is no such member");
        }
        if (!m->read(&(struct place){p, (char *)p + m->offset, m->size, m->words}, one, err)) {
            return false;
        }
        p->path[len] = '\0';
    }
    return true;
}

static bool hex_read(const json_t *v, void *out, size_t size, struct err *err)
{
    return (json_is_string(v) &&
            hex_decode(bytes_of(json_string_value(v), json_string_length(v)), out, size, &(struct err){0})) ||
           FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "not %zu hexadecimal digits", 2 * size);
}

static bool list_read(const struct place *at, const json_t *v, struct err *err)
{
    const size_t count = json_array_size(v), size = at->size;
    struct policy_list *l = at->to;
    void *values;

    if (!json_is_array(v) || count > POLICY_LIST_MAX) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no list of at most %d values", POLICY_LIST_MAX);
    }
    if (!arena_alloc(&at->policy->arena, count, size, &values, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!hex_read(json_array_get(v, i), (uint8_t *)values + i * size, size, err)) {
            path_enter(at->policy, "[%zu]", i);
            return false;
        }
    }
    *l = (struct policy_list){.size = size, .count = count, .values = values};
    return true;
}

static bool flag_read(const struct place *at, const json_t *v, struct err *err)
{
    *(bool *)at->to = json_is_true(v);
    return json_is_boolean(v) || FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "neither true nor false");
}

static bool number_read(const struct place *at, const json_t *v, struct err *err)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no number of 0 to 2^32 - 1");
    }
    *(uint64_t *)at->to = (uint64_t)json_integer_value(v);
    return true;
}

static bool evaluation_read(const struct place *at, const json_t *v, struct err *err)
{
    at->policy->has_min_evaluation = true;
    return number_read(at, v, err);
}

/* The words of a list, as bits by their places in the table; an empty list is no value, like an absent one. */
static bool words_read(const struct place *at, const json_t *list, struct err *err)
{
    const char *const *names = at->words;
    unsigned seen = 0;

    if (!json_is_array(list)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no list");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *word = json_is_string(one) ? json_string_value(one) : "";
        unsigned bit = 0;

        while (names[bit] != NULL && strcmp(names[bit], word) != 0) {
            bit++;
        }
        if (names[bit] == NULL) {
            path_enter(at->policy, "[%zu]", i);
            return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "\"%.40s\" is not known here", word);
        }
        seen |= 1u << bit;
    }
    if (seen != 0) {
        *(unsigned *)at->to = seen;
    }
    return true;
}

/* Revoked may be named, and is not accepted for that. */
static bool status_accept(struct policy *p, size_t s)
{
    p->names_revoked = p->names_revoked || s == TCB_REVOKED;
    return s != TCB_REVOKED;
}

static bool accept_read(const struct place *at, const json_t *v, struct err *err)
{
    unsigned bits = 0;
    struct place to = *at;

    to.to = &bits;
    if (!words_read(&to, v, err)) {
        return false;
    }
    for (size_t s = 0; bits != 0 && s < TCB_STATUS_COUNT; s++) {
        at->policy->accept[s] = (bits & 1u << s) != 0 && status_accept(at->policy, s);
    }
    return true;
}

/* "2026-12-31" counts to the end of that day; a full time to that second. */
static bool date_get(const json_t *v, int64_t *out, struct err *err)
{
    char text[CIVIL_ISO8601_SIZE];

    if (!json_is_string(v)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no date");
    }
    if (json_string_length(v) != 10) {
        return civil_parse_iso8601(bytes_of(json_string_value(v), json_string_length(v)), out, err);
    }
    memcpy(text, json_string_value(v), 10);
    memcpy(text + 10, "T23:59:59Z", 11);
    return civil_parse_iso8601(bytes_of_str(text), out, err);
}

static bool grace_read(const struct place *at, const json_t *v, struct err *err)
{
    struct policy *p = at->policy;
    const char *name;
    enum tcb_status s;
    json_t *date;

    if (!json_is_object(v)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no object of dates");
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, date)
    {
        if (!(tcb_status_find(name, &s) ||
              FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "\"%.40s\" is no TCB status", name)) ||
            !date_get(date, &p->grace_until[s], err)) {
            path_enter(p, ".%.60s", name);
            return false;
        }
        p->grace[s] = status_accept(p, s);
    }
    return true;
}

/* Eight bytes in the order in which quotes have them, as claims show them. */
static bool bytes8_read(const struct place *at, const json_t *v, struct err *err)
{
    uint64_t *out = at->to;
    uint8_t bytes[8];

    if (!hex_read(v, bytes, sizeof bytes, err)) {
        return false;
    }
    *out = 0;
    for (unsigned i = 0; i < 8; i++) {
        *out |= (uint64_t)bytes[i] << (8 * i);
    }
    return true;
}

static bool bits_read(const struct place *at, const json_t *v, struct err *err)
{
    static const char *const names[] = {"mask", "value"};
    struct policy_bits *bits = at->to;

    if (!object_read(at, v, err)) {
        return false;
    }
    bits->given = json_object_size(v) > 0;
    for (size_t i = 0; bits->given && i < 2; i++) {
        if (json_object_get(v, names[i]) == NULL) {
            return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", names[i]);
        }
    }
    return (bits->value & ~bits->mask) == 0 ||
           FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "value has bits that mask has not: nothing could satisfy it");
}

static bool trailing_read(const struct place *at, const json_t *v, struct err *err)
{
    const char *word = json_is_string(v) ? json_string_value(v) : "";

    *(bool *)at->to = strcmp(word, "any") == 0;
    return strcmp(word, "any") == 0 || strcmp(word, "zero") == 0 ||
           FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "neither \"zero\" nor \"any\"");
}

/* Whatever it demands cannot be checked yet. */
static bool gpu_read(const struct place *at, const json_t *v, struct err *err)
{
    *(bool *)at->to = json_object_size(v) > 0;
    return json_is_object(v) || FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no object");
}

static bool version_read(const struct place *at, const json_t *v, struct err *err)
{
    (void)at;
    return (json_is_integer(v) && json_integer_value(v) == 1) ||
           FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "not version 1");
}

#define PLACE(field) offsetof(struct policy, field)

#define T(name, spelling) spelling,
static const char *const statuses[] = {TCB_STATUSES(T) NULL};
#undef T
static const char *const log_places[] = {"rtmr3", "report-data", NULL};

/* docs/formats.md, section 7. */
static const struct member members[] = {
    {"v", version_read, 0, 0, NULL},
    {"anchors", object_read, 0, 0, NULL},
    {"anchors.intel", flag_read, PLACE(intel), 0, NULL},
    {"anchors.simulated", list_read, PLACE(simulated), 32, NULL},
    {"tcb", object_read, 0, 0, NULL},
    {"tcb.accept", accept_read, 0, 0, statuses},
    {"tcb.grace", grace_read, 0, 0, NULL},
    {"tcb.min_evaluation", evaluation_read, PLACE(min_evaluation), 0, NULL},
    {"td", object_read, 0, 0, NULL},
    {"td.mrseam", list_read, PLACE(mrseam), 48, NULL},
    {"td.mrtd", list_read, PLACE(mrtd), 48, NULL},
    {"td.rtmr0", list_read, PLACE(rtmr[0]), 48, NULL},
    {"td.rtmr1", list_read, PLACE(rtmr[1]), 48, NULL},
    {"td.rtmr2", list_read, PLACE(rtmr[2]), 48, NULL},
    {"td.mrservicetd", list_read, PLACE(mrservicetd), 48, NULL},
    {"td.attributes", bits_read, PLACE(attributes), 0, NULL},
    {"td.attributes.mask", bytes8_read, PLACE(attributes.mask), 0, NULL},
    {"td.attributes.value", bytes8_read, PLACE(attributes.value), 0, NULL},
    {"td.xfam", bits_read, PLACE(xfam), 0, NULL},
    {"td.xfam.mask", bytes8_read, PLACE(xfam.mask), 0, NULL},
    {"td.xfam.value", bytes8_read, PLACE(xfam.value), 0, NULL},
    {"td.log_in", words_read, PLACE(places), 0, log_places},
    {"platform", object_read, 0, 0, NULL},
    {"platform.ppid", list_read, PLACE(ppid), 16, NULL},
    {"platform.instance", list_read, PLACE(instance), 16, NULL},
    {"platform.smt", flag_read, PLACE(smt), 0, NULL},
    {"platform.cached_keys", flag_read, PLACE(cached_keys), 0, NULL},
    {"platform.dynamic", flag_read, PLACE(dynamic), 0, NULL},
    {"quote", object_read, 0, 0, NULL},
    {"quote.trailing", trailing_read, PLACE(trailing_any), 0, NULL},
    {"ignore_time", flag_read, PLACE(ignore_time), 0, NULL},
    {"service", object_read, 0, 0, NULL},
    {"service.program", list_read, PLACE(program), 48, NULL},
    {"service.config", list_read, PLACE(config), 48, NULL},
    {"service.web", list_read, PLACE(web), 48, NULL},
    {"service.model", list_read, PLACE(model), 48, NULL},
    {"service.backing", words_read, PLACE(backing), 0, policy_backings},
    {"gpu", gpu_read, PLACE(gpu), 0, NULL},
    {"max_age", number_read, PLACE(max_age), 0, NULL},
};

static const struct member *member_find(const char *path)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (strcmp(members[i].path, path) == 0) {
            return &members[i];
        }
    }
    return NULL;
}

static bool policy_new(struct policy **out, struct err *err)
{
    struct policy *p = calloc(1, sizeof *p);

    if (p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a policy");
    }
    p->arena = ARENA(POLICY_MEMORY);
    p->accept[TCB_UP_TO_DATE] = p->accept[TCB_SW_HARDENING_NEEDED] = true;
    p->places = PLACE_RTMR3;
    p->backing = BACKING_MEMFD | BACKING_VERITY;
    p->smt = p->cached_keys = p->dynamic = true;
    *out = p;
    return true;
}

bool policy_parse(struct bytes text, struct policy **out, struct err *err)
{
    struct policy *p = NULL;
    json_t *root = NULL;

    if (text.len > LIMIT_POLICY) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "a policy of %zu bytes", text.len);
    }
    if (!policy_new(&p, err) || !json_parse(text, &root, err) ||
        !object_read(&(struct place){.policy = p}, root, err)) {
        goto out;
    }
    if (json_object_get(root, "v") == NULL) {
        err_set(err, REASON_POLICY_FORM, ERR_NOWHERE, "no member \"v\"");
        goto out;
    }
    hash_bytes(HASH_SHA384, text, p->sha384);
    json_decref(root);
    *out = p;
    return true;
out:
    if (p != NULL && p->path[0] != '\0') {
        err_prefix(err, p->path);
    }
    json_decref(root);
    policy_free(p);
    return false;
}

bool policy_builtin(struct policy **out, struct err *err)
{
    if (!policy_new(out, err)) {
        return false;
    }
    (*out)->builtin = true;
    (*out)->intel = true;
    return true;
}

void policy_free(struct policy *p)
{
    if (p != NULL) {
        arena_done(&p->arena);
        free(p);
    }
}
