#include "explain/verdict_print.h"

#include <stdio.h>

int verdict_exit_code(enum verdict_result r)
{
    static const int codes[] = {
        [VERDICT_VERIFIED] = 0, [VERDICT_SIMULATED] = 10, [VERDICT_REFUSED] = 11, [VERDICT_UNDECIDED] = 12};

    return codes[r];
}

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
                      fact_state_name(f->state), f->required ? "true" : "false", reason_name(f->reason)) &&
           value_print_json("expected", f->expected, out, err) && value_print_json("seen", f->seen, out, err) &&
           buf_str(out, ",\"text\":", err) && json_print_str(bytes_of_str(sentence), out, err) && buf_u8(out, '}', err);
}

bool verdict_print_json(const struct verdict *v, struct buf *out, struct err *err)
{
    size_t len = out->len;
    bool ok = buf_printf(out, err, "{\"v\":1,\"result\":\"%s\",\"time\":%lld,\"facts\":[",
                         verdict_result_name(v->result), (long long)v->time);

    for (size_t i = 0; ok && i < v->count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && fact_print_json(&v->facts[i], out, err);
    }
    ok = ok && buf_str(out, "],\"claims\":", err) && json_print(v->claims, out, err) && buf_u8(out, '}', err);
    if (!ok) {
        out->len = len;
    }
    return ok;
}
