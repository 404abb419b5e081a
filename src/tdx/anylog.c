#include "tdx/anylog.h"

/* One row a form, in the order in which they are tried; the last one takes what is left and says what is wrong. */
struct anylog_form {
    const char *name;
    bool (*is)(struct bytes log);
    bool (*open)(struct bytes log, struct anylog *out, struct err *err);
    bool (*next)(struct anylog *log, struct anylog_event *out, bool *more, struct err *err);
};

/* ---- what the digest of a firmware's event is of ---- */

static bool is_sha384_of(struct bytes b, const struct eventlog_event *e)
{
    uint8_t digest[SHA384_SIZE];

    hash_bytes(HASH_SHA384, b, digest);
    return memcmp(digest, e->sha384, sizeof digest) == 0;
}

/* GRUB measures what follows its own word ("grub_cmd: "), without the zero byte behind it; one vendor's with it. */
static bool ipl_part(const struct eventlog_event *e, struct bytes *out)
{
    struct cursor c = cursor_init(e->data.p, e->data.len), text;
    const uint8_t *space = e->data.len > 0 ? memchr(e->data.p, ' ', e->data.len) : NULL;
    const uint8_t *zero;
    struct err err = {0};

    if (space == NULL || !cursor_skip(&c, (size_t)(space - e->data.p) + 1, &err)) {
        return false;
    }
    zero = c.left > 0 ? memchr(c.next, 0, c.left) : NULL;
    for (size_t with = 0; with < 2; with++) {
        struct cursor from = c;

        if (cursor_take(&from, zero != NULL ? (size_t)(zero - c.next) + with : c.left, &text, &err) &&
            is_sha384_of(cursor_rest(&text), e)) {
            *out = cursor_rest(&text);
            return true;
        }
    }
    return false;
}

/* UEFI_VARIABLE_DATA: GUID, u64 characters of the name, u64 size of the value, name in UTF-16, value. A boot variable's
 * digest is of its value. */
static bool variable_part(const struct eventlog_event *e, struct bytes *out)
{
    struct cursor c = cursor_init(e->data.p, e->data.len), value;
    uint64_t characters, size;
    struct err err = {0};

    if (!cursor_skip(&c, 16, &err) || !cursor_u64le(&c, &characters, &err) || !cursor_u64le(&c, &size, &err) ||
        characters > c.left / 2 || !cursor_skip(&c, 2 * (size_t)characters, &err) || size > c.left ||
        !cursor_take(&c, (size_t)size, &value, &err)) {
        return false;
    }
    *out = cursor_rest(&value);
    return is_sha384_of(*out, e);
}

static void data_coverage(struct anylog_event *ev)
{
    static const struct {
        uint32_t type;
        bool (*part)(const struct eventlog_event *e, struct bytes *out);
    } parts[] = {{0x0000000D, ipl_part}, {0x80000002, variable_part}};

    if (!ev->e.has_sha384) {
        ev->coverage = ANYLOG_UNKNOWN;
        return;
    }
    ev->coverage = eventlog_covered(&ev->e) ? ANYLOG_WHOLE : ANYLOG_NOT;
    for (size_t i = 0; ev->coverage == ANYLOG_NOT && i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].type == ev->e.type && parts[i].part(&ev->e, &ev->part)) {
            ev->coverage = ANYLOG_PART;
        }
    }
}

/* ---- the forms ---- */

static bool starts_with(struct bytes log, const char *text)
{
    return log.len >= strlen(text) && memcmp(log.p, text, strlen(text)) == 0;
}

static bool dstack_is(struct bytes log)
{
    size_t i = 0;

    while (i < log.len && (log.p[i] == ' ' || log.p[i] == '\n' || log.p[i] == '\r' || log.p[i] == '\t')) {
        i++;
    }
    return i < log.len && (log.p[i] == '[' || log.p[i] == '{');
}

static bool dstack_form_open(struct bytes log, struct anylog *out, struct err *err)
{
    return dstack_open(log, &out->dstack, err);
}

static bool dstack_form_next(struct anylog *log, struct anylog_event *out, bool *more, struct err *err)
{
    struct dstack_event ev;

    if (!dstack_next(&log->dstack, &ev, more, err)) {
        return false;
    }
    if (*more) {
        *out = (struct anylog_event){.e = ev.e, .name = ev.name};
        if (ev.e.type == DSTACK_EVENT) {
            out->coverage = ev.covered ? ANYLOG_WHOLE : ANYLOG_NOT;
        } else if (ev.e.data.len > 0) {
            data_coverage(out);
        } /* else the data were left out: unknown */
    }
    return true;
}

/* Spaces, one or two digits, a space, a hexadecimal digit. */
static bool ima_is(struct bytes log)
{
    size_t i = 0, digits = 0;

    while (i < log.len && log.p[i] == ' ') {
        i++;
    }
    while (i < log.len && log.p[i] >= '0' && log.p[i] <= '9') {
        i++;
        digits++;
    }
    return digits > 0 && i < log.len && log.p[i] == ' ';
}

static bool aael_is(struct bytes log)
{
    return starts_with(log, "INIT ");
}

static bool text_form_open(struct bytes log, struct anylog *out, struct err *err)
{
    return textlog_open(log, &out->text, err);
}

static void text_event(const struct textlog_event *ev, struct anylog_event *out)
{
    *out = (struct anylog_event){.e = ev->e,
                                 .coverage = !ev->known    ? ANYLOG_UNKNOWN
                                             : ev->covered ? ANYLOG_WHOLE
                                                           : ANYLOG_NOT};
}

static bool ima_form_next(struct anylog *log, struct anylog_event *out, bool *more, struct err *err)
{
    struct textlog_event ev;

    if (!textlog_ima_next(&log->text, &ev, more, err)) {
        return false;
    }
    if (*more) {
        text_event(&ev, out);
    }
    return true;
}

static bool aael_form_next(struct anylog *log, struct anylog_event *out, bool *more, struct err *err)
{
    struct textlog_event ev;

    if (!textlog_aael_next(&log->text, &ev, more, err)) {
        return false;
    }
    if (*more) {
        text_event(&ev, out);
    }
    return true;
}

static bool tcg_is(struct bytes log)
{
    (void)log;
    return true;
}

static bool tcg_form_open(struct bytes log, struct anylog *out, struct err *err)
{
    return eventlog_open_any(log, &out->tcg, err);
}

static bool tcg_form_next(struct anylog *log, struct anylog_event *out, bool *more, struct err *err)
{
    struct eventlog_event e;

    if (!eventlog_next(&log->tcg, &e, more, err)) {
        return false;
    }
    if (*more) {
        *out = (struct anylog_event){.e = e};
        data_coverage(out);
    }
    return true;
}

static const struct anylog_form forms[] = {
    {"dstack", dstack_is, dstack_form_open, dstack_form_next},
    {"aael", aael_is, text_form_open, aael_form_next},
    {"ima", ima_is, text_form_open, ima_form_next},
    {"tcg", tcg_is, tcg_form_open, tcg_form_next},
};

bool anylog_open(struct bytes log, struct anylog *out, struct err *err)
{
    struct anylog any = {.form = forms};

    while (!any.form->is(log)) {
        any.form++;
    }
    if (!any.form->open(log, &any, err)) {
        return false;
    }
    *out = any;
    return true;
}

bool anylog_next(struct anylog *log, struct anylog_event *out, bool *more, struct err *err)
{
    return log->form->next(log, out, more, err);
}

void anylog_done(struct anylog *log)
{
    if (log->dstack.root != NULL) {
        dstack_done(&log->dstack);
    }
}

const char *anylog_form_name(const struct anylog *log)
{
    return log->form->name;
}

bool anylog_replay(struct bytes bytes, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                   struct err *err)
{
    uint8_t folded[EVENTLOG_REGISTERS][SHA384_SIZE];
    struct anylog_event ev;
    struct anylog log;
    bool more = true, ok = true;
    size_t n = 0;

    if (!anylog_open(bytes, &log, err)) {
        return false;
    }
    memcpy(folded, registers, sizeof folded);
    while (ok && more) {
        ok = anylog_next(&log, &ev, &more, err);
        if (!ok || !more) {
            continue;
        }
        if (!ev.e.has_sha384) {
            ok = FAIL(err, REASON_LOG_ALGORITHM, ev.e.offset, "event %zu has no SHA-384 digest", ev.e.number);
            continue;
        }
        eventlog_fold(folded, &ev.e);
        n++;
    }
    anylog_done(&log);
    if (ok) {
        memcpy(registers, folded, sizeof folded);
        *count = n;
    }
    return ok;
}
