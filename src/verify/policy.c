#include "base/civil.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "verify/policy_data.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define POLICY_MEMORY MIB(8)

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

static void path_member(struct policy *p, const char *name)
{
    path_enter(p, "%s%.60s", p->path[0] == '\0' ? "" : ".", name);
}

/* ---- members: an absent one leaves its place as it is ---- */

typedef bool member_reader(struct policy *p, const json_t *v, void *place, struct err *err);

struct member {
    const char *name;
    member_reader *read;
    size_t place; /* offset in struct policy */
};

/* On failure p->path stays where it was. */
static bool object_read(struct policy *p, const json_t *v, const struct member *members, struct err *err)
{
    json_t *object = json_incref((json_t *)(uintptr_t)v), *one;
    const char *name;
    bool ok = json_is_object(v) || FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no object");

    json_object_foreach(object, name, one)
    {
        const struct member *m = members;
        const size_t len = strlen(p->path);

        if (!ok) {
            break;
        }
        while (m->name != NULL && strcmp(m->name, name) != 0) {
            m++;
        }
        path_member(p, name);
        ok = m->name != NULL ? m->read(p, one, (char *)p + m->place, err)
                             : FAIL(err, REASON_JSON_UNKNOWN, ERR_NOWHERE, "there is no such member");
        if (ok) {
            p->path[len] = '\0';
        }
    }
    json_decref(object);
    return ok;
}

static bool list_read(struct policy *p, const json_t *v, struct policy_list *l, size_t size, struct err *err)
{
    const size_t count = json_array_size(v);
    uint8_t *values;
    void *memory;

    if (!json_is_array(v) || count > POLICY_LIST_MAX) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no list of at most %d values", POLICY_LIST_MAX);
    }
    if (!arena_alloc(&p->arena, count, size, &memory, err)) {
        return false;
    }
    values = memory;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(v, i);

        if (!json_is_string(one) ||
            !hex_decode(bytes_of(json_string_value(one), json_string_length(one)), values + i * size, size, err)) {
            path_enter(p, "[%zu]", i);
            return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "not %zu hexadecimal digits", 2 * size);
        }
    }
    *l = (struct policy_list){.size = size, .count = count, .values = values};
    return true;
}

static bool list16_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    return list_read(p, v, place, 16, err);
}

static bool list32_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    return list_read(p, v, place, 32, err);
}

static bool list48_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    return list_read(p, v, place, 48, err);
}

static bool flag_get(const json_t *v, bool *out, struct err *err)
{
    if (!json_is_boolean(v)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "neither true nor false");
    }
    *out = json_is_true(v);
    return true;
}

static bool flag_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    (void)p;
    return flag_get(v, place, err);
}

/* false refuses; true demands nothing. */
static bool refusal_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    bool allowed, *refused = place;

    (void)p;
    if (!flag_get(v, &allowed, err)) {
        return false;
    }
    *refused = !allowed;
    return true;
}

static bool number_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    uint64_t *out = place;

    (void)p;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no number of 0 to 2^32 - 1");
    }
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool evaluation_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    p->has_min_evaluation = true;
    return number_read(p, v, place, err);
}

static bool status_get(const char *name, enum tcb_status *out, struct err *err)
{
    return tcb_status_find(name, out) || FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "\"%.40s\" is no TCB status", name);
}

/* An empty list is no value, like an absent one. Revoked may be named, and is not accepted for that. */
static bool accept_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    bool *accept = place;
    enum tcb_status s;

    if (!json_is_array(v)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no list of TCB statuses");
    }
    if (json_array_size(v) > 0) {
        memset(accept, 0, TCB_STATUS_COUNT);
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *name = json_string_value(json_array_get(v, i));

        if (!status_get(name == NULL ? "" : name, &s, err)) {
            path_enter(p, "[%zu]", i);
            return false;
        }
        accept[s] = s != TCB_REVOKED;
        p->names_revoked = p->names_revoked || s == TCB_REVOKED;
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

static bool grace_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    json_t *object = json_incref((json_t *)(uintptr_t)v), *date;
    const char *name;
    enum tcb_status s;
    bool ok = json_is_object(v) || FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no object of dates");

    (void)place;
    json_object_foreach(object, name, date)
    {
        if (ok && (!status_get(name, &s, err) || !date_get(date, &p->grace_until[s], err))) {
            path_member(p, name);
            ok = false;
        } else if (ok) {
            p->grace[s] = s != TCB_REVOKED;
            p->names_revoked = p->names_revoked || s == TCB_REVOKED;
        }
    }
    json_decref(object);
    return ok;
}

static bool word_read(struct policy *p, const json_t *list, const char *const *words, unsigned *bits, struct err *err)
{
    unsigned seen = 0;

    if (!json_is_array(list)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no list");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        unsigned bit = 0;

        while (word != NULL && words[bit] != NULL && strcmp(words[bit], word) != 0) {
            bit++;
        }
        if (word == NULL || words[bit] == NULL) {
            path_enter(p, "[%zu]", i);
            return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "\"%.40s\" is not known here", word == NULL ? "" : word);
        }
        seen |= 1u << bit;
    }
    if (seen != 0) {
        *bits = seen;
    }
    return true;
}

static bool places_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const char *const words[] = {"rtmr3", "report-data", NULL};

    return word_read(p, v, words, place, err);
}

static bool backing_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const char *const words[] = {"memfd", "verity", "disk", NULL};

    return word_read(p, v, words, place, err);
}

/* Eight bytes in the order in which quotes have them, as claims show them. */
static bool bytes8_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    uint64_t *out = place;
    uint8_t bytes[8];

    (void)p;
    if (!json_is_string(v) ||
        !hex_decode(bytes_of(json_string_value(v), json_string_length(v)), bytes, sizeof bytes, err)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "not 16 hexadecimal digits");
    }
    *out = 0;
    for (unsigned i = 0; i < 8; i++) {
        *out |= (uint64_t)bytes[i] << (8 * i);
    }
    return true;
}

static bool bits_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    struct policy_bits bits = {.given = true}, *out = place;
    const size_t at = (size_t)((char *)place - (char *)p);
    const struct member members[] = {{"mask", bytes8_read, at + offsetof(struct policy_bits, mask)},
                                     {"value", bytes8_read, at + offsetof(struct policy_bits, value)},
                                     {NULL, NULL, 0}};

    if (!object_read(p, v, members, err)) {
        return false;
    }
    if (json_object_size(v) == 0) {
        return true;
    }
    for (size_t i = 0; i < 2; i++) {
        if (json_object_get(v, members[i].name) == NULL) {
            return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", members[i].name);
        }
    }
    bits.mask = out->mask;
    bits.value = out->value;
    if ((bits.value & ~bits.mask) != 0) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "value has bits that mask has not: nothing could satisfy it");
    }
    *out = bits;
    return true;
}

static bool trailing_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    const char *word = json_string_value(v);
    bool *any = place;

    (void)p;
    if (word == NULL || (strcmp(word, "zero") != 0 && strcmp(word, "any") != 0)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "neither \"zero\" nor \"any\"");
    }
    *any = strcmp(word, "any") == 0;
    return true;
}

static bool gpu_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    bool *demanded = place;

    (void)p;
    if (!json_is_object(v)) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "no object");
    }
    *demanded = json_object_size(v) > 0;
    return true;
}

static bool version_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    (void)p;
    (void)place;
    return (json_is_integer(v) && json_integer_value(v) == 1) ||
           FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "not version 1");
}

#define PLACE(field) offsetof(struct policy, field)

static bool anchors_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const struct member members[] = {
        {"intel", flag_read, PLACE(intel)}, {"simulated", list32_read, PLACE(simulated)}, {NULL, NULL, 0}};

    (void)place;
    return object_read(p, v, members, err);
}

static bool tcb_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const struct member members[] = {{"accept", accept_read, PLACE(accept)},
                                            {"grace", grace_read, 0},
                                            {"min_evaluation", evaluation_read, PLACE(min_evaluation)},
                                            {NULL, NULL, 0}};

    (void)place;
    return object_read(p, v, members, err);
}

static bool td_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const struct member members[] = {
        {"mrseam", list48_read, PLACE(mrseam)}, {"mrtd", list48_read, PLACE(mrtd)},
        {"rtmr0", list48_read, PLACE(rtmr[0])}, {"rtmr1", list48_read, PLACE(rtmr[1])},
        {"rtmr2", list48_read, PLACE(rtmr[2])}, {"attributes", bits_read, PLACE(attributes)},
        {"xfam", bits_read, PLACE(xfam)},       {"mrservicetd", list48_read, PLACE(mrservicetd)},
        {"log_in", places_read, PLACE(places)}, {NULL, NULL, 0}};

    (void)place;
    return object_read(p, v, members, err);
}

static bool platform_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const struct member members[] = {
        {"ppid", list16_read, PLACE(ppid)},           {"instance", list16_read, PLACE(instance)},
        {"smt", refusal_read, PLACE(no_smt)},         {"cached_keys", refusal_read, PLACE(no_cached_keys)},
        {"dynamic", refusal_read, PLACE(no_dynamic)}, {NULL, NULL, 0}};

    (void)place;
    return object_read(p, v, members, err);
}

static bool quote_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const struct member members[] = {{"trailing", trailing_read, PLACE(trailing_any)}, {NULL, NULL, 0}};

    (void)place;
    return object_read(p, v, members, err);
}

static bool service_read(struct policy *p, const json_t *v, void *place, struct err *err)
{
    static const struct member members[] = {
        {"program", list48_read, PLACE(program)},  {"config", list48_read, PLACE(config)},
        {"web", list48_read, PLACE(web)},          {"model", list48_read, PLACE(model)},
        {"backing", backing_read, PLACE(backing)}, {NULL, NULL, 0}};

    (void)place;
    return object_read(p, v, members, err);
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
    *out = p;
    return true;
}

bool policy_parse(struct bytes text, struct policy **out, struct err *err)
{
    static const struct member members[] = {{"v", version_read, 0},
                                            {"anchors", anchors_read, 0},
                                            {"tcb", tcb_read, 0},
                                            {"td", td_read, 0},
                                            {"platform", platform_read, 0},
                                            {"quote", quote_read, 0},
                                            {"ignore_time", flag_read, PLACE(ignore_time)},
                                            {"service", service_read, 0},
                                            {"gpu", gpu_read, PLACE(gpu)},
                                            {"max_age", number_read, PLACE(max_age)},
                                            {NULL, NULL, 0}};
    struct policy *p = NULL;
    json_t *root = NULL;

    if (text.len > LIMIT_POLICY) {
        return FAIL(err, REASON_POLICY_FORM, ERR_NOWHERE, "a policy of %zu bytes", text.len);
    }
    if (!policy_new(&p, err) || !json_parse(text, &root, err) || !object_read(p, root, members, err)) {
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

bool policy_is_builtin(const struct policy *p)
{
    return p->builtin;
}

uint64_t policy_max_age(const struct policy *p)
{
    return p->max_age;
}

void policy_sha384(const struct policy *p, uint8_t out[48])
{
    memcpy(out, p->sha384, sizeof p->sha384);
}

bool policy_names_simulator(const struct policy *p)
{
    return p->simulated.count > 0;
}
