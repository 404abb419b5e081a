/* What people and programs see of a log. Texts of a log are printed as JSON strings: they can forge nothing. */
#include "base/hex.h"
#include "base/limits.h"
#include "tdx/eventlog.h"
#include "tdx/log_form.h"

/* TCG PC Client Platform Firmware Profile 1.06, section 10.4.1, and one of dstack's. */
static const struct {
    uint32_t type;
    const char *name;
} types[] = {
    {0x00000000, "EV_PREBOOT_CERT"},
    {0x00000001, "EV_POST_CODE"},
    {0x00000002, "EV_UNUSED"},
    {0x00000003, "EV_NO_ACTION"},
    {0x00000004, "EV_SEPARATOR"},
    {0x00000005, "EV_ACTION"},
    {0x00000006, "EV_EVENT_TAG"},
    {0x00000007, "EV_S_CRTM_CONTENTS"},
    {0x00000008, "EV_S_CRTM_VERSION"},
    {0x00000009, "EV_CPU_MICROCODE"},
    {0x0000000a, "EV_PLATFORM_CONFIG_FLAGS"},
    {0x0000000b, "EV_TABLE_OF_DEVICES"},
    {0x0000000c, "EV_COMPACT_HASH"},
    {0x0000000d, "EV_IPL"},
    {0x0000000e, "EV_IPL_PARTITION_DATA"},
    {0x0000000f, "EV_NONHOST_CODE"},
    {0x00000010, "EV_NONHOST_CONFIG"},
    {0x00000011, "EV_NONHOST_INFO"},
    {0x00000012, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x00000013, "EV_POST_CODE2"},
    {0x08000001, "DSTACK_RUNTIME_EVENT"},
    {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {0x80000006, "EV_EFI_GPT_EVENT"},
    {0x80000007, "EV_EFI_ACTION"},
    {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, "EV_EFI_HANDOFF_TABLES"},
    {0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
    {0x8000000c, "EV_EFI_VARIABLE_BOOT2"},
    {0x8000000d, "EV_EFI_GPT_EVENT2"},
    {0x80000010, "EV_EFI_HCRTM_EVENT"},
    {0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    {0x800000e3, "EV_EFI_SPDM_DEVICE_POLICY"},
    {0x800000e4, "EV_EFI_SPDM_DEVICE_AUTHORITY"},
};

#define TYPE_IPL 0x0000000D
#define TYPE_VARIABLE_BOOT 0x80000002

static const char *type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return "";
}

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

static void field_hash(struct hash *h, size_t len)
{
    const uint8_t le[] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};

    hash_add(h, bytes_of(le, sizeof le));
}

/* The digits' bytes. */
static void digits_hash(struct hash *h, struct bytes digits)
{
    uint8_t bytes[LIMIT_LOG_EVENT / 2];

    if (hex_decode(digits, bytes, digits.len / 2, &(struct err){0})) {
        hash_add(h, bytes_of(bytes, digits.len / 2));
    }
}

/* The hash of IMA's template computed again, of a line that its reader took (log_lines.c) and whose algorithm is
 * computed here. */
static enum eventlog_coverage template_coverage(const struct eventlog_event *e)
{
    struct cursor c = cursor_init(e->data.p, e->data.len);
    struct bytes name, algorithm, hash, path, signature;
    uint8_t digest[HASH_SIZE_MAX];
    struct hash h;
    size_t i = 0;

    while (c.left > 0 && *c.next == ' ') {
        (void)log_field_take(&c, ' ');
    }
    (void)log_field_take(&c, ' '); /* index, template hash */
    (void)log_field_take(&c, ' ');
    name = log_field_take(&c, ' ');
    log_file_hash_split(log_field_take(&c, ' '), &algorithm, &hash);
    while (log_algorithms[i].id != e->digests[0].alg) {
        i++;
    }
    hash_init(&h, log_algorithms[i].hash);
    field_hash(&h, algorithm.len + 1 + hash.len / 2);
    hash_add(&h, algorithm);
    hash_add(&h, bytes_of("", 1));
    digits_hash(&h, hash);
    if (bytes_equal(name, bytes_of_str("ima-sig")) || bytes_equal(name, bytes_of_str("ima-sigv2"))) {
        path = log_field_take(&c, ' ');
        signature = cursor_rest(&c);
    } else {
        path = cursor_rest(&c);
        signature = bytes_of(NULL, 0);
    }
    field_hash(&h, path.len + 1);
    hash_add(&h, path);
    hash_add(&h, bytes_of("", 1));
    if (signature.p != NULL) {
        field_hash(&h, signature.len / 2);
        digits_hash(&h, signature);
    }
    hash_end(&h, digest);
    return memcmp(digest, e->digests[0].value, e->digests[0].size) == 0 ? EVENTLOG_WHOLE : EVENTLOG_NOT;
}

enum eventlog_coverage eventlog_coverage(const struct eventlog_event *e, struct bytes *part)
{
    if (e->coverage == EVENTLOG_OF_TEMPLATE) {
        return template_coverage(e);
    }
    if (e->coverage != EVENTLOG_OF_DATA) {
        return e->coverage;
    }
    if (!e->has_sha384) {
        return EVENTLOG_UNKNOWN;
    }
    if (eventlog_covered(e)) {
        return EVENTLOG_WHOLE;
    }
    return (e->type == TYPE_IPL && ipl_part(e, part)) || (e->type == TYPE_VARIABLE_BOOT && variable_part(e, part))
               ? EVENTLOG_PART
               : EVENTLOG_NOT;
}

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

static bool describe(const struct eventlog_event *e, struct buf *out, struct err *err)
{
    static const struct {
        uint32_t type;
        bool (*describe)(struct bytes data, struct buf *out, struct err *err);
    } structures[] = {
        {EVENTLOG_EV_NO_ACTION, no_action_describe},
        {0x00000004, separator_describe},
        {EVENTLOG_EV_EVENT_TAG, tag_describe},
        {EVENTLOG_DSTACK_EVENT, payload_describe},
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
        if (structures[i].type == e->type) {
            return structures[i].describe(e->data, out, err);
        }
    }
    return !is_text(e->data, true) || text_add(e->data, out, err);
}

/* ---- JSON ---- */

static const char *const register_names[] = {"mr_td", "rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3"};

struct print {
    const struct eventlog_form *form;
    bool replays; /* every event so far has SHA-384 */
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE];
    /* Of the event: */
    struct buf text; /* a description */
    enum eventlog_coverage coverage;
    struct bytes part;
};

static bool algorithm_add(const struct eventlog_digest *d, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < LOG_ALGORITHMS; i++) {
        if (log_algorithms[i].id == d->alg) {
            return buf_str(out, log_algorithms[i].name, err);
        }
    }
    return buf_printf(out, err, "0x%04x", d->alg);
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

static bool coverage_json(const struct print *p, const struct eventlog_event *e, struct buf *out, struct err *err)
{
    static const char *const covered[] = {
        [EVENTLOG_UNKNOWN] = "null", [EVENTLOG_NOT] = "false", [EVENTLOG_PART] = "false", [EVENTLOG_WHOLE] = "true"};
    bool ok = buf_printf(out, err, ",\"covered\":%s,\"covers\":", covered[p->coverage]);

    return ok && (p->coverage == EVENTLOG_PART ? buf_printf(out, err, "{\"offset\":%zu,\"size\":%zu}",
                                                            (size_t)(p->part.p - e->data.p), p->part.len)
                                               : buf_str(out, "null", err));
}

static bool event_json(const struct print *p, const struct eventlog_event *e, struct buf *out, struct err *err)
{
    bool ok = buf_printf(out, err, "%s{\"number\":%zu,\"offset\":", e->number == 0 ? "" : ",", e->number) &&
              (e->offset != ERR_NOWHERE ? buf_printf(out, err, "%zu", e->offset) : buf_str(out, "null", err)) &&
              buf_printf(out, err, ",\"register\":\"%s\",\"type\":%u,\"name\":\"%s\"", register_names[e->index],
                         e->type, p->form->typed ? type_name(e->type) : p->form->name);

    ok = ok && digests_json(e, out, err) && coverage_json(p, e, out, err) && buf_str(out, ",\"event\":", err) &&
         (e->name.len > 0 ? json_print_str(e->name, out, err) : buf_str(out, "null", err));
    return ok && buf_str(out, ",\"text\":", err) && json_print_str(buf_bytes(&p->text), out, err) &&
           buf_printf(out, err, ",\"size\":%zu,\"data\":\"", e->data.len) && hex_add(out, e->data, err) &&
           buf_str(out, "\"}", err);
}

/* ---- for people ---- */

static bool event_text(const struct print *p, const struct eventlog_event *e, struct buf *out, struct err *err)
{
    static const char *const words[] = {[EVENTLOG_UNKNOWN] = ", unknown whether covered",
                                        [EVENTLOG_NOT] = ", not covered",
                                        [EVENTLOG_PART] = ", covered in part",
                                        [EVENTLOG_WHOLE] = ""};
    const char *name = p->form->typed ? type_name(e->type) : p->form->name;
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
    ok = ok && buf_printf(out, err, "  %zu bytes%s\n", e->data.len, words[p->coverage]);
    if (ok && (e->name.len > 0 || p->text.len > 0)) {
        ok = buf_str(out, p->coverage == EVENTLOG_WHOLE ? "      " : "      label ", err) &&
             (e->name.len == 0 || (json_print_str(e->name, out, err) && buf_u8(out, ' ', err))) &&
             (p->text.len == 0 || json_print_str(buf_bytes(&p->text), out, err));
        if (ok && p->coverage == EVENTLOG_PART && is_text(p->part, false)) {
            ok = buf_str(out, ", covered ", err) && json_print_str(p->part, out, err);
        }
        ok = ok && buf_u8(out, '\n', err);
    }
    return ok;
}

/* ---- both ---- */

typedef bool event_printer(const struct print *p, const struct eventlog_event *e, struct buf *out, struct err *err);

static bool events_print(struct eventlog *log, struct print *p, event_printer *print, struct buf *out, struct err *err)
{
    struct eventlog_event e;
    bool more, ok;

    while ((ok = eventlog_next(log, &e, &more, err)) && more) {
        p->text.len = 0;
        p->coverage = eventlog_coverage(&e, &p->part);
        if (!describe(&e, &p->text, err) || !print(p, &e, out, err)) {
            return false;
        }
        p->replays = p->replays && e.has_sha384;
        if (e.has_sha384) {
            eventlog_fold(p->registers, &e);
        }
    }
    return ok;
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
    struct eventlog log;
    bool ok;

    if (!eventlog_open_any(bytes, &log, err)) {
        return false;
    }
    p.form = log.form;
    ok = json ? buf_printf(out, err, "{\"format\":\"%s\",\"events\":[", p.form->name) &&
                    events_print(&log, &p, event_json, out, err) && registers_json(&p, out, err)
              : buf_printf(out, err, "format: %s\n", p.form->name) && events_print(&log, &p, event_text, out, err) &&
                    registers_text(&p, out, err);
    eventlog_done(&log);
    buf_done(&p.text);
    if (!ok) {
        out->len = len;
    }
    return ok;
}

bool eventlog_print_json(struct bytes log, struct buf *out, struct err *err)
{
    return log_print(log, true, out, err);
}

bool eventlog_print_text(struct bytes log, struct buf *out, struct err *err)
{
    return log_print(log, false, out, err);
}
