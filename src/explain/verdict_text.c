#include "explain/verdict_print.h"

#include "base/civil.h"
#include "base/wrap.h"

#include <stdio.h>

#define INDENT 12 /* of what stands under a fact's line */
#define LABEL 10  /* "expected  " */

static const struct {
    const char *word, *sentence, *colour;
} results[] = {
    [VERDICT_VERIFIED] = {"VERIFIED", "every required fact holds, down to Intel's root.", "1;32"},
    [VERDICT_SIMULATED] = {"SIMULATED",
                           "every required fact holds, but the platform is a simulator. There is no hardware "
                           "protection.",
                           "1;35"},
    [VERDICT_REFUSED] = {"REFUSED", "at least one required fact is false. Do not trust it.", "1;31"},
    [VERDICT_UNDECIDED] = {"UNDECIDED",
                           "nothing was found to be false, but not all that is required could be checked. Do not trust "
                           "it.",
                           "1;33"},
};

static const char *const state_colours[] = {[FACT_AFFIRMED] = "32", [FACT_REFUTED] = "31", [FACT_IS_UNKNOWN] = "33"};

/* A word on a terminal, filled up with spaces to the width. */
static bool word_print(const char *word, int width, const char *colour, struct buf *out, struct err *err)
{
    return colour == NULL ? buf_printf(out, err, "%-*s", width, word)
                          : buf_printf(out, err, "\x1b[%sm%-*s\x1b[0m", colour, width, word);
}

static bool is_hex(const char *s)
{
    return s[strspn(s, "0123456789abcdef")] == '\0';
}

/* Digests: both ends of one are enough to see that it is another, or the place where two first differ. */
static void value_shorten(const char *value, size_t difference, char out[80])
{
    const size_t len = strlen(value);

    if (len <= 40 || !is_hex(value)) {
        (void)snprintf(out, 80, "%s", len < 80 ? value : "(see --json)");
    } else if (difference < 16 || difference + 16 >= len) {
        (void)snprintf(out, 80, "%.16s..%s (%zu bytes)", value, value + len - 16, len / 2);
    } else {
        (void)snprintf(out, 80, "%.12s..%.12s..%s (%zu bytes)", value, value + difference, value + len - 12, len / 2);
    }
}

static bool label_print(const char *label, const char *text, struct buf *out, struct err *err)
{
    return text[0] == '\0' || (buf_printf(out, err, "%*s%-*s", INDENT, "", LABEL, label) &&
                               wrap_print(text, INDENT + LABEL, INDENT + LABEL, out, err));
}

static bool values_print(const struct fact *f, struct buf *out, struct err *err)
{
    char expected[80], seen[80];
    size_t difference = 0;

    while (f->expected[difference] != '\0' && f->expected[difference] == f->seen[difference]) {
        difference++;
    }
    value_shorten(f->expected, difference, expected);
    value_shorten(f->seen, difference, seen);
    return label_print("expected", expected, out, err) && label_print("seen", seen, out, err);
}

static bool fact_print(const struct fact *f, bool colour, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, "  ", err) &&
              word_print(fact_state_name(f->state), 8, colour ? state_colours[f->state] : NULL, out, err) &&
              buf_printf(out, err, "  %-22s ", f->name);

    if (f->state == FACT_AFFIRMED) {
        return ok && wrap_print(f->text, 35, 35, out, err);
    }
    return ok &&
           buf_printf(out, err, "%s%s\n%*s", reason_name(f->reason), f->required ? "" : " (not required)", INDENT,
                      "") &&
           wrap_print(f->text, INDENT, INDENT, out, err) && values_print(f, out, err) &&
           label_print("to do", reason_todo(f->reason), out, err);
}

/* ---- what is behind an up-to-date TCB, from the claims ---- */

#define LINE_MAX_BYTES 8192 /* 64 advisories of 64 bytes, and the rest */

/* Text of a document, which may be anybody's: nothing in it can forge a line. */
static bool plain_print(const char *before, const json_t *text, const char *behind, struct buf *out, struct err *err)
{
    const char *s = json_string_value(text);
    bool ok = buf_str(out, before, err);

    for (size_t i = 0; ok && s[i] != '\0' && i < 64; i++) {
        const uint8_t c = (uint8_t)s[i];

        ok = buf_u8(out, c >= 0x20 && c < 0x7f ? c : '?', err);
    }
    return ok && buf_str(out, behind, err);
}

static bool shortfall_print(const json_t *one, struct buf *out, struct err *err)
{
    const json_t *type = json_object_get(one, "type"), *ids = json_object_get(one, "advisory_ids");
    struct buf line = BUF(LINE_MAX_BYTES);
    bool ok = plain_print("", json_object_get(one, "component"), "", &line, err) &&
              (type == NULL || plain_print(" (", type, ")", &line, err)) &&
              buf_printf(&line, err, " is %lld, needs %lld since %s",
                         (long long)json_integer_value(json_object_get(one, "seen")),
                         (long long)json_integer_value(json_object_get(one, "needed")),
                         json_string_value(json_object_get(one, "since")));

    for (size_t i = 0; ok && i < json_array_size(ids); i++) {
        ok = plain_print(i == 0 ? ": " : ", ", json_array_get(ids, i), "", &line, err);
    }
    ok =
        ok && buf_u8(&line, '\0', err) && buf_str(out, "    ", err) && wrap_print((const char *)line.p, 4, 8, out, err);
    buf_done(&line);
    return ok;
}

/* Nothing where nothing is behind. */
static bool distance_print(const json_t *claims, const char *where, struct buf *out, struct err *err)
{
    const json_t *distance = json_object_get(claims, "tcb_distance"), *behind = json_object_get(distance, "behind");
    bool ok =
        json_array_size(behind) == 0 ||
        buf_printf(out, err, "  what is behind %s of %s%s:\n", json_string_value(json_object_get(distance, "status")),
                   json_string_value(json_object_get(distance, "tcb_date")), where);

    for (size_t i = 0; ok && i < json_array_size(behind); i++) {
        ok = shortfall_print(json_array_get(behind, i), out, err);
    }
    return ok;
}

/* ---- the whole ---- */

/* Never looked at, because something else failed. */
static bool is_consequence(const struct fact *f)
{
    return f->state == FACT_IS_UNKNOWN && f->reason == REASON_FACT_UNKNOWN &&
           strcmp(f->text, reason_text(f->reason)) == 0;
}

bool verdict_print_text(const struct verdict *v, bool all, bool colour, struct buf *out, struct err *err)
{
    const char *word = results[v->result].word;
    char when[CIVIL_ISO8601_SIZE];
    size_t len = out->len, consequences = 0;
    bool ok;

    civil_print_iso8601(v->time, when);
    ok = word_print(word, 0, colour ? results[v->result].colour : NULL, out, err) && buf_str(out, ": ", err) &&
         wrap_print(results[v->result].sentence, strlen(word) + 2, 2, out, err) &&
         buf_printf(out, err, "  judged at %s\n", when);
    for (size_t i = 0; ok && i < v->count; i++) {
        if (!all && is_consequence(&v->facts[i])) {
            consequences++;
        } else if (all || v->facts[i].state != FACT_AFFIRMED) {
            ok = fact_print(&v->facts[i], colour, out, err);
        }
    }
    if (consequences > 0) {
        ok = ok &&
             buf_printf(out, err, "  %zu more could not be checked for want of that (-v lists them)\n", consequences);
    }
    ok = ok && distance_print(v->claims, "", out, err) &&
         distance_print(json_object_get(v->claims, "tcb_early"), " in the early data", out, err);
    if (!ok) {
        out->len = len;
    }
    return ok;
}
