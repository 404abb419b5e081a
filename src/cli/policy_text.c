#include "cli/policy_text.h"

#include "base/civil.h"
#include "base/hex.h"
#include "base/wrap.h"
#include "codec/json.h"
#include "tdx/report.h"
#include "verify/policy_data.h"

#include <stdarg.h>
#include <stdio.h>

struct lines {
    struct policy_line *list;
    size_t count;
};

__attribute__((format(printf, 4, 5))) static void line_add(struct lines *l, const char *member, enum reason reason,
                                                           const char *fmt, ...)
{
    struct policy_line *line = &l->list[l->count];
    va_list args;

    if (l->count == POLICY_LINES_MAX) {
        return;
    }
    l->count++;
    line->member = member;
    line->reason = reason;
    va_start(args, fmt);
    (void)vsnprintf(line->text, sizeof line->text, fmt, args);
    va_end(args);
}

#define DEMAND(l, member, ...) line_add(l, member, REASON_OK, __VA_ARGS__)

/* ---- what is demanded ---- */

/* "MRTD is 0011..aabb", "MRTD is one of 3 values". */
static void list_demand(struct lines *l, const char *member, const char *what, const struct policy_list *list)
{
    char digits[2 * 48 + 1];

    if (list->count == 1) {
        hex_encode(bytes_of(list->values, list->size), digits);
        DEMAND(l, member, "%s %.16s..%s", what, digits, digits + 2 * list->size - 8);
    } else if (list->count > 1) {
        DEMAND(l, member, "%s one of %zu values", what, list->count);
    }
}

#define BITS_SIZE 17

/* As policies spell them: the bytes in the order of the quote. */
static const char *bits_spell(uint64_t v, char out[BITS_SIZE])
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    hex_encode(bytes_of(bytes, sizeof bytes), out);
    return out;
}

static void bits_demand(struct lines *l, const char *member, const char *what, const struct policy_bits *b)
{
    char mask[BITS_SIZE], value[BITS_SIZE];

    if (b->given) {
        DEMAND(l, member, "%s, under the mask %s, %s", what, bits_spell(b->mask, mask), bits_spell(b->value, value));
    }
}

static void root_demands(const struct policy *p, struct lines *l)
{
    if (p->intel) {
        DEMAND(l, "anchors.intel",
               "quotes under Intel's SGX root are accepted, and the result is verified; debug is refused "
               "whatever stands below");
    }
    list_demand(l, "anchors.simulated",
                "quotes under a simulator's root are accepted, and the result is simulated; the root's SHA-256 is",
                &p->simulated);
}

static void tcb_demands(const struct policy *p, struct lines *l)
{
    char names[200] = "", when[CIVIL_ISO8601_SIZE];

    for (size_t s = 0; s < TCB_STATUS_COUNT; s++) {
        if (p->accept[s]) {
            const size_t len = strlen(names);

            (void)snprintf(names + len, sizeof names - len, "%s%s", len == 0 ? "" : " or ",
                           tcb_status_name((enum tcb_status)s));
        }
    }
    if (names[0] == '\0') {
        DEMAND(l, "tcb.accept", "no TCB status is accepted: Revoked never is");
    } else {
        DEMAND(l, "tcb.accept", "the platform's TCB status is %s", names);
    }
    for (size_t s = 0; s < TCB_STATUS_COUNT; s++) {
        if (p->grace[s]) {
            civil_print_iso8601(p->grace_until[s], when);
            DEMAND(l, "tcb.grace", "until %s, %s is accepted too", when, tcb_status_name((enum tcb_status)s));
        }
    }
    if (p->has_min_evaluation) {
        DEMAND(l, "tcb.min_evaluation", "the TCB evaluation data number is at least %llu",
               (unsigned long long)p->min_evaluation);
    }
}

static void td_demands(const struct policy *p, struct lines *l)
{
    list_demand(l, "td.mrseam", "the TDX module's MRSEAM is", &p->mrseam);
    list_demand(l, "td.mrtd", "the firmware (MRTD) is", &p->mrtd);
    list_demand(l, "td.rtmr0", "the firmware's settings (RTMR0) are", &p->rtmr[0]);
    list_demand(l, "td.rtmr1", "the kernel and its loader (RTMR1) are", &p->rtmr[1]);
    list_demand(l, "td.rtmr2", "the command line and initial disk (RTMR2) are", &p->rtmr[2]);
    bits_demand(l, "td.attributes", "the TD's attributes are", &p->attributes);
    if (!p->attributes.given) {
        DEMAND(l, "td.attributes",
               "a service's TD has no debug and no reserved attribute, SEPT_VE_DISABLE, and is not migratable");
    }
    bits_demand(l, "td.xfam", "XFAM is", &p->xfam);
    list_demand(l, "td.mrservicetd", "the service TDs' digest (MRSERVICETD) is", &p->mrservicetd);
    if (p->mrservicetd.count == 0) {
        DEMAND(l, "td.mrservicetd", "no service TD is bound to a service's TD");
    }
    DEMAND(l, "td.log_in", "the service's log is bound by %s",
           p->places == PLACE_RTMR3         ? "RTMR3"
           : p->places == PLACE_REPORT_DATA ? "the report data"
                                            : "RTMR3 or the report data");
}

static void platform_demands(const struct policy *p, struct lines *l)
{
    list_demand(l, "platform.ppid", "the machine's PPID is", &p->ppid);
    list_demand(l, "platform.instance", "the platform instance id is", &p->instance);
    if (!p->smt) {
        DEMAND(l, "platform.smt", "hyper-threading is off");
    }
    if (!p->cached_keys) {
        DEMAND(l, "platform.cached_keys", "platform keys are not cached by Intel's registration service");
    }
    if (!p->dynamic) {
        DEMAND(l, "platform.dynamic", "no processor package can be added to the platform");
    }
    DEMAND(l, "quote.trailing",
           p->trailing_any ? "anything may follow a quote" : "nothing but zero bytes follows a quote");
}

static void service_demands(const struct policy *p, struct lines *l)
{
    list_demand(l, "service.program", "each file of the program is", &p->program);
    if (p->program.count > 0) {
        DEMAND(l, "service.backing", "each is mapped from%s%s%s",
               (p->backing & BACKING_MEMFD) != 0 ? " sealed memory" : "",
               (p->backing & BACKING_VERITY) != 0 ? " or a verified disk" : "",
               (p->backing & BACKING_DISK) != 0 ? " or any disk" : "");
    }
    list_demand(l, "service.config", "the configuration is", &p->config);
    list_demand(l, "service.web", "the chat page is", &p->web);
    list_demand(l, "service.model", "the model is", &p->model);
    if (p->gpu) {
        DEMAND(l, "gpu", "devices have evidence of their own");
    }
    if (p->max_age > 0) {
        DEMAND(l, "max_age", "a client asks again after %llu seconds", (unsigned long long)p->max_age);
    }
}

/* ---- what is left open ---- */

static void root_advice(const struct policy *p, struct lines *l)
{
    if (!p->intel && p->simulated.count == 0) {
        line_add(l, "anchors", REASON_POLICY_NO_ANCHOR, "%s", "");
    }
    if (p->simulated.count > 0) {
        line_add(l, "anchors.simulated", REASON_POLICY_SIMULATED, "%s", "");
    }
    if (p->ignore_time) {
        line_add(l, "ignore_time", REASON_TIME_IGNORED, "the result is never verified");
    }
}

static void tcb_advice(const struct policy *p, int64_t time, struct lines *l)
{
    char when[CIVIL_ISO8601_SIZE];

    for (size_t s = 0; s < TCB_STATUS_COUNT; s++) {
        const char *name = tcb_status_name((enum tcb_status)s);

        if (p->accept[s] && s != TCB_UP_TO_DATE && s != TCB_SW_HARDENING_NEEDED) {
            line_add(l, "tcb.accept", REASON_POLICY_TCB, "%s", name);
        }
        if (p->grace[s] && time > p->grace_until[s]) {
            civil_print_iso8601(p->grace_until[s], when);
            line_add(l, "tcb.grace", REASON_POLICY_GRACE, "%s, to %s", name, when);
        }
    }
    if (p->names_revoked) {
        line_add(l, "tcb", REASON_POLICY_REVOKED, "%s", "");
    }
    if (!p->has_min_evaluation) {
        line_add(l, "tcb.min_evaluation", REASON_POLICY_EVALUATION, "%s", "");
    }
}

static void boot_advice(const struct policy *p, struct lines *l)
{
    const struct {
        const char *name;
        const struct policy_list *list;
    } rows[] = {{"td.mrtd", &p->mrtd}, {"td.rtmr0", &p->rtmr[0]}, {"td.rtmr1", &p->rtmr[1]}, {"td.rtmr2", &p->rtmr[2]}};

    for (size_t i = 0; i < 4; i++) {
        if (rows[i].list->count == 0) {
            line_add(l, rows[i].name, REASON_POLICY_BOOT, "%s", "");
        }
    }
}

static void td_advice(const struct policy *p, struct lines *l)
{
    const uint64_t usual = 0xff | ~TD_ATTRIBUTES_KNOWN | TD_ATTRIBUTE_SEPT_VE_DISABLE | TD_ATTRIBUTE_MIGRATABLE;
    const struct policy_bits *b = &p->attributes;

    boot_advice(p, l);
    if (b->given && ((b->mask & usual) != usual || (b->value & usual) != TD_ATTRIBUTE_SEPT_VE_DISABLE)) {
        line_add(l, "td.attributes", REASON_POLICY_ATTRIBUTES, "%s",
                 (b->mask & b->value & 0xff) != 0 ? "even debug is allowed to a simulator's TD" : "");
    }
    if (p->mrseam.count == 0) {
        line_add(l, "td.mrseam", REASON_POLICY_OPEN, "any TDX module of the TCB info will do");
    }
    if (!p->xfam.given) {
        line_add(l, "td.xfam", REASON_POLICY_OPEN, "any set of processor features will do");
    }
}

static void platform_advice(const struct policy *p, struct lines *l)
{
    if (p->ppid.count == 0 && p->instance.count == 0) {
        line_add(l, "platform", REASON_POLICY_PLATFORM, "%s", "");
    }
    if (p->smt || p->cached_keys || p->dynamic) {
        line_add(l, "platform", REASON_POLICY_OPEN, "flags%s%s%s", p->smt ? " smt" : "",
                 p->cached_keys ? " cached_keys" : "", p->dynamic ? " dynamic" : "");
    }
    if (p->trailing_any) {
        line_add(l, "quote.trailing", REASON_POLICY_TRAILING, "%s", "");
    }
}

static void service_advice(const struct policy *p, struct lines *l)
{
    const struct {
        const char *name;
        const struct policy_list *list;
    } rows[] = {{"service.program", &p->program},
                {"service.config", &p->config},
                {"service.web", &p->web},
                {"service.model", &p->model}};

    for (size_t i = 0; i < 4; i++) {
        if (rows[i].list->count == 0) {
            line_add(l, rows[i].name, REASON_POLICY_SERVICE, "%s", "");
        }
    }
    if ((p->backing & BACKING_DISK) != 0) {
        line_add(l, "service.backing", REASON_POLICY_BACKING, "%s", "");
    }
    if (p->gpu) {
        line_add(l, "gpu", REASON_DEVICE_UNCHECKED, "the result is never verified");
    }
    if (p->max_age == 0) {
        line_add(l, "max_age", REASON_POLICY_AGE, "%s", "");
    }
}

size_t policy_text_lines(const struct policy *p, int64_t time, struct policy_line out[POLICY_LINES_MAX])
{
    struct lines l = {.list = out};

    root_demands(p, &l);
    tcb_demands(p, &l);
    td_demands(p, &l);
    platform_demands(p, &l);
    service_demands(p, &l);
    root_advice(p, &l);
    tcb_advice(p, time, &l);
    td_advice(p, &l);
    platform_advice(p, &l);
    service_advice(p, &l);
    return l.count;
}

/* ---- printing ---- */

/* "a simulator's root counts: ...": the reason's sentence, and what it is about. */
static void advice_spell(const struct policy_line *line, char out[400])
{
    (void)snprintf(out, 400, "%s%s%s", reason_text(line->reason), line->text[0] == '\0' ? "" : ": ", line->text);
}

static bool digest_print(const struct policy *p, struct buf *out, struct err *err)
{
    uint8_t sha384[SHA384_SIZE];

    policy_sha384(p, sha384);
    return hex_add(out, bytes_of(sha384, sizeof sha384), err);
}

bool policy_text_check(const struct policy *p, int64_t time, struct buf *out, struct err *err)
{
    struct policy_line lines[POLICY_LINES_MAX];
    const size_t count = policy_text_lines(p, time, lines);
    bool ok = buf_str(out, "demanded\n", err), open = false;
    char text[400];

    for (size_t i = 0; ok && i < count; i++) {
        const struct policy_line *line = &lines[i];

        if (line->reason == REASON_OK) {
            ok = buf_printf(out, err, "  %-18s  ", line->member) && wrap_print(line->text, 22, 22, out, err);
            continue;
        }
        advice_spell(line, text);
        ok = (open || buf_str(out, "\nleft open\n", err)) &&
             buf_printf(out, err, "  %-18s  %s\n%22s", line->member, reason_name(line->reason), "") &&
             wrap_print(text, 22, 22, out, err);
        if (ok && reason_todo(line->reason)[0] != '\0') {
            ok = buf_printf(out, err, "%22sto do  ", "") && wrap_print(reason_todo(line->reason), 29, 29, out, err);
        }
        open = true;
    }
    return ok;
}

static bool sentence_print(const char *text, struct buf *out, struct err *err)
{
    char sentence[420];

    (void)snprintf(sentence, sizeof sentence, "%s.", text);
    if (sentence[0] >= 'a' && sentence[0] <= 'z') {
        sentence[0] = (char)(sentence[0] - 'a' + 'A');
    }
    return buf_str(out, "- ", err) && wrap_print(sentence, 2, 2, out, err);
}

bool policy_text_explain(const struct policy *p, int64_t time, struct buf *out, struct err *err)
{
    struct policy_line lines[POLICY_LINES_MAX];
    const size_t count = policy_text_lines(p, time, lines);
    bool ok = buf_str(out, "What this policy demands:\n", err);
    char text[400], advice[400];
    bool open = false;

    for (size_t i = 0; ok && i < count; i++) {
        if (lines[i].reason == REASON_OK) {
            ok = sentence_print(lines[i].text, out, err);
        } else {
            ok = open || buf_str(out, "\nWhat it leaves open, and what follows:\n", err);
            open = true;
            advice_spell(&lines[i], advice);
            (void)snprintf(text, sizeof text, "%s: %s", lines[i].member, advice);
            ok = ok && buf_str(out, "- ", err) && wrap_print(text, 2, 2, out, err);
        }
    }
    return ok;
}

static bool member_print(const char *before, const char *value, struct buf *out, struct err *err)
{
    return buf_str(out, before, err) && json_print_str(bytes_of_str(value), out, err);
}

bool policy_text_json(const struct policy *p, int64_t time, struct buf *out, struct err *err)
{
    struct policy_line lines[POLICY_LINES_MAX];
    const size_t count = policy_text_lines(p, time, lines);
    char text[400];
    bool ok = buf_str(out, "{\"v\":1,\"sha384\":\"", err) && digest_print(p, out, err) &&
              buf_str(out, "\",\"demands\":[", err);
    size_t i = 0;

    for (; ok && i < count && lines[i].reason == REASON_OK; i++) {
        ok = member_print(i == 0 ? "{\"member\":" : ",{\"member\":", lines[i].member, out, err) &&
             member_print(",\"text\":", lines[i].text, out, err) && buf_u8(out, '}', err);
    }
    ok = ok && buf_str(out, "],\"open\":[", err);
    for (size_t first = i; ok && i < count; i++) {
        advice_spell(&lines[i], text);
        ok = member_print(i == first ? "{\"member\":" : ",{\"member\":", lines[i].member, out, err) &&
             member_print(",\"reason\":", reason_name(lines[i].reason), out, err) &&
             member_print(",\"text\":", text, out, err) &&
             member_print(",\"todo\":", reason_todo(lines[i].reason), out, err) && buf_u8(out, '}', err);
    }
    return ok && buf_str(out, "]}\n", err);
}
