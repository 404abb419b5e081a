/* What people and programs see of a log. Texts of a log are printed as JSON strings: they can forge nothing. */
#include "base/hex.h"
#include "tdx/anylog.h"

/* ---- descriptions: each reads one structure and gives nothing where it is not there ---- */

#define TAG_INITRD 0x8F3B22ECu
#define TAG_LOAD_OPTIONS 0x8F3B22EDu
#define TAG_AAEL 0x4141454Cu
#define TAG_SOTTO 0x4F545453u
#define DESCRIBE_MAX 4096 /* bytes of a text that are shown */

static bool text_add(struct bytes b, struct buf *out, struct err *err)
{
    while (b.len > 0 && b.p[b.len - 1] == 0) {
        b.len--;
    }
    return buf_add(out, b.p, b.len < DESCRIBE_MAX ? b.len : DESCRIBE_MAX, err);
}

/* Printable but for zeros at the end; high: bytes of UTF-8 will do. */
static bool is_text(struct bytes b, bool high)
{
    while (b.len > 0 && b.p[b.len - 1] == 0) {
        b.len--;
    }
    for (size_t i = 0; i < b.len; i++) {
        if ((b.p[i] < ' ' && b.p[i] != '\n' && b.p[i] != '\t') || b.p[i] == 0x7F || (b.p[i] > 0x7F && !high)) {
            return false;
        }
    }
    return b.len > 0;
}

static bool ascii_describe(struct bytes data, struct buf *out, struct err *err)
{
    return !is_text(data, false) || text_add(data, out, err);
}

/* UTF-16, up to its zero: what is not ASCII becomes "?". */
static bool utf16_add(struct bytes b, struct buf *out, struct err *err)
{
    for (size_t i = 0; i + 1 < b.len && i < DESCRIBE_MAX && (b.p[i] != 0 || b.p[i + 1] != 0); i += 2) {
        const bool plain = b.p[i + 1] == 0 && b.p[i] >= ' ' && b.p[i] < 0x7F;

        if (!buf_u8(out, plain ? b.p[i] : '?', err)) {
            return false;
        }
    }
    return true;
}

/* UEFI_VARIABLE_DATA. */
static bool variable_describe(struct bytes data, struct buf *out, struct err *err)
{
    struct cursor c = cursor_init(data.p, data.len), name;
    struct err none = {0};
    uint64_t characters, size;

    if (!cursor_skip(&c, 16, &none) || !cursor_u64le(&c, &characters, &none) || !cursor_u64le(&c, &size, &none) ||
        characters > c.left / 2 || !cursor_take(&c, 2 * (size_t)characters, &name, &none)) {
        return true;
    }
    return buf_str(out, "variable ", err) && utf16_add(cursor_rest(&name), out, err);
}

/* UEFI_IMAGE_LOAD_EVENT: address, length, link time address, length of the device path, path. The file's name is in
 * nodes of type 4, subtype 4. */
static bool image_describe(struct bytes data, struct buf *out, struct err *err)
{
    struct cursor c = cursor_init(data.p, data.len), node;
    struct err none = {0};
    uint64_t length;
    uint8_t type, subtype;
    uint16_t size;

    if (!cursor_skip(&c, 24, &none) || !cursor_u64le(&c, &length, &none) || length != c.left) {
        return true;
    }
    while (cursor_u8(&c, &type, &none) && cursor_u8(&c, &subtype, &none) && cursor_u16le(&c, &size, &none) &&
           size >= 4 && cursor_take(&c, size - 4u, &node, &none) && type != 0x7F) {
        if (type == 4 && subtype == 4 && !utf16_add(cursor_rest(&node), out, err)) {
            return false;
        }
    }
    return true;
}

/* u8 length, text: the platform firmware's blobs and hand-off tables of the second kind. */
static bool blob_describe(struct bytes data, struct buf *out, struct err *err)
{
    struct cursor c = cursor_init(data.p, data.len), text;
    struct err none = {0};
    uint8_t len;

    return !cursor_u8(&c, &len, &none) || !cursor_take(&c, len, &text, &none) ||
           ascii_describe(cursor_rest(&text), out, err);
}

/* dstack's payloads: text, or a digest or an identifier. */
static bool payload_describe(struct bytes data, struct buf *out, struct err *err)
{
    return is_text(data, false) ? text_add(data, out, err) : data.len > HASH_SIZE_MAX || hex_add(out, data, err);
}

static bool separator_describe(struct bytes data, struct buf *out, struct err *err)
{
    return data.len > 8 || hex_add(out, data, err);
}

/* u32 tag, u32 length, data. */
static bool tag_describe(struct bytes data, struct buf *out, struct err *err)
{
    static const struct {
        uint32_t tag;
        const char *name;
    } tags[] = {{TAG_INITRD, "initrd"}, {TAG_LOAD_OPTIONS, "load options"}, {TAG_AAEL, "AAEL"}, {TAG_SOTTO, "sotto"}};
    struct cursor c = cursor_init(data.p, data.len), rest;
    struct err none = {0};
    const char *name = NULL;
    uint32_t tag, size;
    bool ok;

    if (!cursor_u32le(&c, &tag, &none) || !cursor_u32le(&c, &size, &none) || !cursor_take(&c, size, &rest, &none)) {
        return ascii_describe(data, out, err);
    }
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        name = tags[i].tag == tag ? tags[i].name : name;
    }
    ok = name != NULL ? buf_str(out, name, err) : buf_printf(out, err, "tag 0x%08x", tag);
    return ok &&
           (!is_text(cursor_rest(&rest), true) || (buf_str(out, ": ", err) && text_add(cursor_rest(&rest), out, err)));
}

/* The signature of 16 bytes that tells one kind of EV_NO_ACTION from another. */
static bool no_action_describe(struct bytes data, struct buf *out, struct err *err)
{
    return ascii_describe(bytes_of(data.p, data.len < 16 ? data.len : 16), out, err);
}

bool anylog_describe(const struct anylog_event *e, struct buf *out, struct err *err)
{
    static const struct {
        uint32_t type;
        bool (*describe)(struct bytes data, struct buf *out, struct err *err);
    } structures[] = {
        {EVENTLOG_EV_NO_ACTION, no_action_describe},
        {0x00000004, separator_describe},
        {EVENTLOG_EV_EVENT_TAG, tag_describe},
        {DSTACK_EVENT, payload_describe},
        {0x80000001, variable_describe},
        {0x80000002, variable_describe},
        {0x80000003, image_describe},
        {0x80000004, image_describe},
        {0x80000005, image_describe},
        {0x8000000a, blob_describe},
        {0x8000000b, blob_describe},
        {0x8000000c, variable_describe},
        {0x800000e0, variable_describe},
    };

    for (size_t i = 0; i < sizeof structures / sizeof *structures; i++) {
        if (structures[i].type == e->e.type) {
            return structures[i].describe(e->e.data, out, err);
        }
    }
    return !is_text(e->e.data, true) || text_add(e->e.data, out, err);
}

/* ---- JSON ---- */

static const char *const register_names[] = {"mr_td", "rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3"};

struct print {
    const char *form;
    bool typed;   /* events have types: else the form's name stands for them */
    bool replays; /* every event so far has SHA-384 */
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE];
    struct buf text; /* an event's description */
};

static bool algorithm_add(const struct eventlog_digest *d, struct buf *out, struct err *err)
{
    const char *name = eventlog_algorithm_name(d->alg);

    return name[0] != '\0' ? buf_str(out, name, err) : buf_printf(out, err, "0x%04x", d->alg);
}

static bool digests_json(const struct eventlog_event *e, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, ",\"digest\":", err);

    ok = ok && (e->has_sha384 ? buf_u8(out, '"', err) && hex_add(out, bytes_of(e->sha384, SHA384_SIZE), err) &&
                                    buf_u8(out, '"', err)
                              : buf_str(out, "null", err));
    ok = ok && buf_str(out, ",\"digests\":{", err);
    for (size_t i = 0; ok && i < e->digest_count; i++) {
        ok = buf_str(out, i == 0 ? "\"" : ",\"", err) && algorithm_add(&e->digests[i], out, err) &&
             buf_str(out, "\":\"", err) && hex_add(out, bytes_of(e->digests[i].value, e->digests[i].size), err) &&
             buf_u8(out, '"', err);
    }
    return ok && buf_u8(out, '}', err);
}

static bool coverage_json(const struct anylog_event *ev, struct buf *out, struct err *err)
{
    static const char *const covered[] = {
        [ANYLOG_UNKNOWN] = "null", [ANYLOG_NOT] = "false", [ANYLOG_PART] = "false", [ANYLOG_WHOLE] = "true"};
    bool ok = buf_printf(out, err, ",\"covered\":%s,\"covers\":", covered[ev->coverage]);

    return ok && (ev->coverage == ANYLOG_PART ? buf_printf(out, err, "{\"offset\":%zu,\"size\":%zu}",
                                                           (size_t)(ev->part.p - ev->e.data.p), ev->part.len)
                                              : buf_str(out, "null", err));
}

static bool event_json(const struct print *p, const struct anylog_event *ev, struct buf *out, struct err *err)
{
    const struct eventlog_event *e = &ev->e;
    bool ok = buf_printf(out, err, "%s{\"number\":%zu,\"offset\":", e->number == 0 ? "" : ",", e->number) &&
              (e->offset != ERR_NOWHERE ? buf_printf(out, err, "%zu", e->offset) : buf_str(out, "null", err)) &&
              buf_printf(out, err, ",\"register\":\"%s\",\"type\":%u,\"name\":\"%s\"", register_names[e->index],
                         e->type, p->typed ? eventlog_type_name(e->type) : p->form);

    ok = ok && digests_json(e, out, err) && coverage_json(ev, out, err) && buf_str(out, ",\"event\":", err) &&
         (ev->name.len > 0 ? json_print_str(ev->name, out, err) : buf_str(out, "null", err));
    return ok && buf_str(out, ",\"text\":", err) && json_print_str(buf_bytes(&p->text), out, err) &&
           buf_printf(out, err, ",\"size\":%zu,\"data\":\"", e->data.len) && hex_add(out, e->data, err) &&
           buf_str(out, "\"}", err);
}

/* ---- for people ---- */

static bool event_text(const struct print *p, const struct anylog_event *ev, struct buf *out, struct err *err)
{
    static const char *const words[] = {[ANYLOG_UNKNOWN] = ", unknown whether covered",
                                        [ANYLOG_NOT] = ", not covered",
                                        [ANYLOG_PART] = ", covered in part",
                                        [ANYLOG_WHOLE] = ""};
    const struct eventlog_event *e = &ev->e;
    const char *name = p->typed ? eventlog_type_name(e->type) : p->form;
    const struct eventlog_digest *d = &e->digests[0];
    bool ok = buf_printf(out, err, "%4zu  %-6s  ", e->number, register_names[e->index]);

    ok =
        ok && (name[0] != '\0' ? buf_printf(out, err, "%-34s", name) : buf_printf(out, err, "0x%08x%24s", e->type, ""));
    if (ok && !e->has_sha384) {
        ok = buf_str(out, "  ", err) && algorithm_add(d, out, err) && buf_u8(out, ':', err) &&
             hex_add(out, bytes_of(d->value, d->size), err);
    } else if (ok) {
        ok = buf_str(out, "  ", err) && hex_add(out, bytes_of(e->sha384, SHA384_SIZE), err);
    }
    ok = ok && buf_printf(out, err, "  %zu bytes%s\n", e->data.len, words[ev->coverage]);
    if (ok && (ev->name.len > 0 || p->text.len > 0)) {
        ok = buf_str(out, ev->coverage == ANYLOG_WHOLE ? "      " : "      label ", err) &&
             (ev->name.len == 0 || (json_print_str(ev->name, out, err) && buf_u8(out, ' ', err))) &&
             (p->text.len == 0 || json_print_str(buf_bytes(&p->text), out, err));
        if (ok && ev->coverage == ANYLOG_PART && is_text(ev->part, false)) {
            ok = buf_str(out, ", covered ", err) && json_print_str(ev->part, out, err);
        }
        ok = ok && buf_u8(out, '\n', err);
    }
    return ok;
}

/* ---- both ---- */

typedef bool event_printer(const struct print *p, const struct anylog_event *ev, struct buf *out, struct err *err);

static bool events_print(struct anylog *log, struct print *p, event_printer *print, struct buf *out, struct err *err)
{
    struct anylog_event ev;
    bool more;

    for (;;) {
        if (!anylog_next(log, &ev, &more, err)) {
            return false;
        }
        if (!more) {
            return true;
        }
        p->text.len = 0;
        if (!anylog_describe(&ev, &p->text, err) || !print(p, &ev, out, err)) {
            return false;
        }
        p->replays = p->replays && ev.e.has_sha384;
        if (ev.e.has_sha384) {
            eventlog_fold(p->registers, &ev.e);
        }
    }
}

static bool registers_json(const struct print *p, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, p->replays ? "],\"registers\":{" : "],\"registers\":null", err);

    for (size_t i = 0; ok && p->replays && i < EVENTLOG_REGISTERS; i++) {
        ok = buf_printf(out, err, "%s\"%s\":\"", i == 0 ? "" : ",", register_names[i + 1]) &&
             hex_add(out, bytes_of(p->registers[i], SHA384_SIZE), err) && buf_u8(out, '"', err);
    }
    return ok && buf_str(out, p->replays ? "}}" : "}", err);
}

static bool registers_text(const struct print *p, struct buf *out, struct err *err)
{
    bool ok = p->replays || buf_str(out, "not replayed: the log has events without SHA-384 digests\n", err);

    for (size_t i = 0; ok && p->replays && i < EVENTLOG_REGISTERS; i++) {
        ok = buf_printf(out, err, "%s: ", register_names[i + 1]) &&
             hex_add(out, bytes_of(p->registers[i], SHA384_SIZE), err) && buf_u8(out, '\n', err);
    }
    return ok;
}

static bool log_print(struct bytes bytes, bool json, struct buf *out, struct err *err)
{
    struct print p = {.replays = true, .text = BUF(4 * DESCRIBE_MAX)};
    const size_t len = out->len;
    struct anylog log;
    bool ok;

    if (!anylog_open(bytes, &log, err)) {
        return false;
    }
    p.form = anylog_form_name(&log);
    p.typed = strcmp(p.form, "tcg") == 0 || strcmp(p.form, "dstack") == 0;
    ok = json ? buf_printf(out, err, "{\"format\":\"%s\",\"events\":[", p.form) &&
                    events_print(&log, &p, event_json, out, err) && registers_json(&p, out, err)
              : buf_printf(out, err, "format: %s\n", p.form) && events_print(&log, &p, event_text, out, err) &&
                    registers_text(&p, out, err);
    anylog_done(&log);
    buf_done(&p.text);
    if (!ok) {
        out->len = len;
    }
    return ok;
}

bool anylog_print_json(struct bytes log, struct buf *out, struct err *err)
{
    return log_print(log, true, out, err);
}

bool anylog_print_text(struct bytes log, struct buf *out, struct err *err)
{
    return log_print(log, false, out, err);
}
