#include "verify/verdict.h"

#include <stdio.h>

static const char *const result_names[] = {
    [VERDICT_VERIFIED] = "verified",
    [VERDICT_SIMULATED] = "simulated",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_UNDECIDED] = "undecided",
};

static const char *const state_names[] = {
    [FACT_AFFIRMED] = "affirmed",
    [FACT_REFUTED] = "refuted",
    [FACT_IS_UNKNOWN] = "unknown",
};

const char *verdict_result_name(enum verdict_result r)
{
    return result_names[r];
}

int verdict_exit_code(enum verdict_result r)
{
    static const int codes[] = {
        [VERDICT_VERIFIED] = 0, [VERDICT_SIMULATED] = 10, [VERDICT_REFUSED] = 11, [VERDICT_UNDECIDED] = 12};

    return codes[r];
}

const char *fact_state_name(enum fact_state s)
{
    return state_names[s];
}

const struct fact *verdict_find(const struct verdict *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->facts[i].name, name) == 0) {
            return &v->facts[i];
        }
    }
    return NULL;
}

const struct fact *verdict_first_failure(const struct verdict *v)
{
    const struct fact *unknown = NULL;

    for (size_t i = 0; i < v->count; i++) {
        const struct fact *f = &v->facts[i];

        if (f->required && f->state == FACT_REFUTED) {
            return f;
        }
        if (f->required && f->state == FACT_IS_UNKNOWN && unknown == NULL) {
            unknown = f;
        }
    }
    return unknown;
}

void verdict_done(struct verdict *v)
{
    json_decref(v->claims);
    memset(v, 0, sizeof *v);
}

/* ---- printing ---- */

/* null where there is none: every fact has the same members. */
static bool value_print_json(const char *member, const char *value, struct buf *out, struct err *err)
{
    return buf_printf(out, err, ",\"%s\":", member) &&
           (value[0] == '\0' ? buf_str(out, "null", err) : json_print_str(bytes_of_str(value), out, err));
}

/* What was found and, where it is not as it should be, what to do. */
static bool fact_print_json(const struct fact *f, struct buf *out, struct err *err)
{
    const char *todo = f->state == FACT_AFFIRMED ? "" : reason_todo(f->reason);
    char sentence[sizeof f->text + 200];

    (void)snprintf(sentence, sizeof sentence, "%s%s%s", f->text, todo[0] == '\0' ? "" : "; ", todo);
    return buf_printf(out, err, "{\"name\":\"%s\",\"state\":\"%s\",\"required\":%s,\"reason\":\"%s\"", f->name,
                      state_names[f->state], f->required ? "true" : "false", reason_name(f->reason)) &&
           value_print_json("expected", f->expected, out, err) && value_print_json("seen", f->seen, out, err) &&
           buf_str(out, ",\"text\":", err) && json_print_str(bytes_of_str(sentence), out, err) && buf_u8(out, '}', err);
}

bool verdict_print_json(const struct verdict *v, struct buf *out, struct err *err)
{
    size_t len = out->len;
    bool ok = buf_printf(out, err, "{\"v\":1,\"result\":\"%s\",\"time\":%lld,\"facts\":[", result_names[v->result],
                         (long long)v->time);

    for (size_t i = 0; ok && i < v->count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && fact_print_json(&v->facts[i], out, err);
    }
    ok = ok && buf_str(out, "],\"claims\":", err) && json_print(v->claims, out, err) && buf_u8(out, '}', err);
    if (!ok) {
        out->len = len;
    }
    return ok;
}
