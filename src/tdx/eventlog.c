#include "tdx/eventlog.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"

/* The registry of algorithms (TCG Algorithm Registry), by the sizes that a log may state for them. */
static const struct {
    uint16_t id, size;
} algorithms[] = {{0x0004, 20}, {0x000B, 32}, {EVENTLOG_ALG_SHA384, 48}, {0x000D, 64}, {0x0012, 32}};

static const struct {
    uint32_t type;
    const char *name;
} types[] = {
    {0x00000001, "EV_POST_CODE"},
    {0x00000003, "EV_NO_ACTION"},
    {0x00000004, "EV_SEPARATOR"},
    {0x00000005, "EV_ACTION"},
    {0x00000006, "EV_EVENT_TAG"},
    {0x00000007, "EV_S_CRTM_CONTENTS"},
    {0x00000008, "EV_S_CRTM_VERSION"},
    {0x0000000a, "EV_PLATFORM_CONFIG_FLAGS"},
    {0x0000000d, "EV_IPL"},
    {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000006, "EV_EFI_GPT_EVENT"},
    {0x80000007, "EV_EFI_ACTION"},
    {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, "EV_EFI_HANDOFF_TABLES"},
    {0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
    {0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"},
};

const char *eventlog_type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return "";
}

/* A known algorithm has its own size; an unknown one is skipped by the size that the header states. */
static bool algorithm_read(struct cursor *c, struct eventlog *log, struct err *err)
{
    size_t at = c->offset;
    uint16_t id, size;

    if (!cursor_u16le(c, &id, err) || !cursor_u16le(c, &size, err)) {
        return false;
    }
    if (size == 0 || size > HASH_SIZE_MAX) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "algorithm 0x%04x with digests of %u bytes", id, size);
    }
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (algorithms[i].id == id && algorithms[i].size != size) {
            return FAIL(err, REASON_LOG_ALGORITHM, at, "algorithm 0x%04x with digests of %u bytes", id, size);
        }
    }
    for (size_t i = 0; i < log->algorithm_count; i++) {
        if (log->algorithms[i].id == id) {
            return FAIL(err, REASON_LOG_ALGORITHM, at, "algorithm 0x%04x twice", id);
        }
    }
    log->algorithms[log->algorithm_count].id = id;
    log->algorithms[log->algorithm_count].size = size;
    log->algorithm_count++;
    return true;
}

/* TCG_EfiSpecIDEvent. Some guest components write its signature as zeros. */
static bool spec_id_read(struct cursor *c, struct eventlog *log, struct err *err)
{
    static const char signature[16] = "Spec ID Event03";
    static const uint8_t none[16];
    size_t at = c->offset;
    uint8_t seen[16], vendor_len;
    uint32_t count;

    if (!cursor_copy(c, seen, sizeof seen, err)) {
        return false;
    }
    if (memcmp(seen, signature, sizeof seen) != 0 && memcmp(seen, none, sizeof seen) != 0) {
        return FAIL(err, REASON_LOG_FORM, at, "the first record is no Spec ID event of version 3");
    }
    if (!cursor_skip(c, 8, err) || !cursor_u32le(c, &count, err)) {
        return false;
    }
    if (count == 0 || count > sizeof log->algorithms / sizeof *log->algorithms) {
        return FAIL(err, REASON_LOG_ALGORITHM, at + 24, "%u algorithms", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!algorithm_read(c, log, err)) {
            return false;
        }
    }
    return cursor_u8(c, &vendor_len, err) && cursor_skip(c, vendor_len, err) && cursor_end(c, err);
}

bool eventlog_open(struct bytes bytes, struct eventlog *out, struct err *err)
{
    struct cursor c = cursor_init(bytes.p, bytes.len), event;
    struct eventlog log = {.algorithm_count = 0};
    uint32_t index, type, size;
    bool found = false;

    if (bytes.len > LIMIT_LOG) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "a log of %zu bytes", bytes.len);
    }
    if (!cursor_u32le(&c, &index, err) || !cursor_u32le(&c, &type, err) || !cursor_skip(&c, 20, err) ||
        !cursor_u32le(&c, &size, err)) {
        return false;
    }
    if (type != EVENTLOG_EV_NO_ACTION || index > 1) {
        return FAIL(err, REASON_LOG_FORM, 0, "the first record has index %u and type 0x%x", index, type);
    }
    if (!cursor_take(&c, size, &event, err) || !spec_id_read(&event, &log, err)) {
        return false;
    }
    for (size_t i = 0; i < log.algorithm_count; i++) {
        found = found || log.algorithms[i].id == EVENTLOG_ALG_SHA384;
    }
    if (!found) {
        return FAIL(err, REASON_LOG_ALGORITHM, 0, "the log has no SHA-384 digests");
    }
    log.rest = c;
    *out = log;
    return true;
}

/* Behind the eight bytes of the end: padding of one byte up to the end of the area. */
static bool padding_check(struct cursor c, struct err *err)
{
    const struct bytes rest = cursor_rest(&c);

    for (size_t i = 9; i < rest.len; i++) {
        if (rest.p[i] != rest.p[8]) {
            return FAIL(err, REASON_LOG_FORM, c.offset + i, "bytes behind the end of the log");
        }
    }
    return true;
}

/* At one of the four ends. */
static bool end_find(const struct eventlog *log, bool *end, struct err *err)
{
    struct cursor c = log->rest;
    uint32_t index, type = 0;

    *end = true;
    if (c.left == 0) {
        return true;
    }
    if (!cursor_u32le(&c, &index, err)) {
        return false;
    }
    if (index == EVENTLOG_END) {
        return padding_check(log->rest, err);
    }
    if (index == 0 && (c.left == 0 || (c.left >= 4 && cursor_u32le(&c, &type, err) && type == 0))) {
        return padding_check(log->rest, err);
    }
    *end = false;
    return true;
}

static bool digests_read(struct eventlog *log, struct cursor *c, struct eventlog_event *e, struct err *err)
{
    size_t at = c->offset;
    uint32_t count;
    uint16_t id;
    unsigned seen = 0;

    if (!cursor_u32le(c, &count, err)) {
        return false;
    }
    if (count == 0 || count > log->algorithm_count) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu has %u digests", e->number, count);
    }
    for (uint32_t n = 0; n < count; n++) {
        size_t i = 0;

        at = c->offset;
        if (!cursor_u16le(c, &id, err)) {
            return false;
        }
        while (i < log->algorithm_count && log->algorithms[i].id != id) {
            i++;
        }
        if (i == log->algorithm_count || (seen & (1u << i)) != 0) {
            return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu: algorithm 0x%04x is not in the header, or twice",
                        e->number, id);
        }
        seen |= 1u << i;
        if (id == EVENTLOG_ALG_SHA384 ? !cursor_copy(c, e->sha384, SHA384_SIZE, err)
                                      : !cursor_skip(c, log->algorithms[i].size, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < log->algorithm_count; i++) {
        if (log->algorithms[i].id == EVENTLOG_ALG_SHA384 && (seen & (1u << i)) == 0) {
            return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu has no SHA-384 digest", e->number);
        }
    }
    return true;
}

bool eventlog_next(struct eventlog *log, struct eventlog_event *out, bool *more, struct err *err)
{
    struct cursor c = log->rest, data;
    struct eventlog_event e = {.number = log->next_number, .offset = c.offset};
    uint32_t size;
    bool end;

    if (!end_find(log, &end, err)) {
        return false;
    }
    if (end) {
        *more = false;
        return true;
    }
    if (e.number == LIMIT_LOG_EVENTS) {
        return FAIL(err, REASON_LOG_LIMIT, e.offset, "more than %d events", LIMIT_LOG_EVENTS);
    }
    if (!cursor_u32le(&c, &e.index, err) || !cursor_u32le(&c, &e.type, err)) {
        return false;
    }
    if (e.index > EVENTLOG_REGISTERS) {
        return FAIL(err, REASON_LOG_REGISTER, e.offset, "event %zu: index %u", e.number, e.index);
    }
    if (!digests_read(log, &c, &e, err) || !cursor_u32le(&c, &size, err)) {
        return false;
    }
    if (size > LIMIT_LOG_EVENT) {
        return FAIL(err, REASON_LOG_LIMIT, c.offset - 4, "event %zu: %u bytes", e.number, size);
    }
    if (!cursor_take(&c, size, &data, err)) {
        return false;
    }
    e.data = cursor_rest(&data);
    log->rest = c;
    log->next_number++;
    *out = e;
    *more = true;
    return true;
}

void eventlog_fold(uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], const struct eventlog_event *e)
{
    struct hash h;
    uint8_t *reg;

    if (e->index == 0 || e->type == EVENTLOG_EV_NO_ACTION) {
        return;
    }
    reg = registers[e->index - 1];
    hash_init(&h, HASH_SHA384);
    hash_add(&h, bytes_of(reg, SHA384_SIZE));
    hash_add(&h, bytes_of(e->sha384, SHA384_SIZE));
    hash_end(&h, reg);
}

bool eventlog_replay(struct bytes bytes, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], size_t *count,
                     struct err *err)
{
    uint8_t folded[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct eventlog_event e;
    struct eventlog log;
    bool more = true;

    if (!eventlog_open(bytes, &log, err)) {
        return false;
    }
    while (more) {
        if (!eventlog_next(&log, &e, &more, err)) {
            return false;
        }
        if (more) {
            eventlog_fold(folded, &e);
        }
    }
    memcpy(registers, folded, sizeof folded);
    *count = log.next_number;
    return true;
}

bool eventlog_covered(const struct eventlog_event *e)
{
    uint8_t digest[SHA384_SIZE];

    hash_bytes(HASH_SHA384, e->data, digest);
    return memcmp(digest, e->sha384, sizeof digest) == 0;
}

static const char *const register_names[] = {"mr_td", "rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3"};

static bool event_print_json(const struct eventlog_event *e, struct buf *out, struct err *err)
{
    return buf_printf(out, err, "%s{\"number\":%zu,\"offset\":%zu,\"register\":\"%s\",\"type\":%u,\"name\":\"%s\",",
                      e->number == 0 ? "" : ",", e->number, e->offset, register_names[e->index], e->type,
                      eventlog_type_name(e->type)) &&
           buf_str(out, "\"digest\":\"", err) && hex_add(out, bytes_of(e->sha384, SHA384_SIZE), err) &&
           buf_printf(out, err, "\",\"covered\":%s,\"size\":%zu,\"data\":\"", eventlog_covered(e) ? "true" : "false",
                      e->data.len) &&
           hex_add(out, e->data, err) && buf_str(out, "\"}", err);
}

static bool event_print_text(const struct eventlog_event *e, struct buf *out, struct err *err)
{
    const char *name = eventlog_type_name(e->type);
    bool ok =
        buf_printf(out, err, "%4zu  %-6s  ", e->number, register_names[e->index]) &&
        (name[0] != '\0' ? buf_printf(out, err, "%-34s", name) : buf_printf(out, err, "0x%08x%24s", e->type, "")) &&
        buf_str(out, "  ", err) && hex_add(out, bytes_of(e->sha384, SHA384_SIZE), err) &&
        buf_printf(out, err, "  %zu bytes%s\n", e->data.len, eventlog_covered(e) ? "" : ", not covered");

    /* Tagged events that carry text: what the service and guest components write. */
    if (ok && e->type == EVENTLOG_EV_EVENT_TAG && e->data.len > 8 && eventlog_covered(e)) {
        const struct bytes text = bytes_of(e->data.p + 8, e->data.len - 8);

        ok = buf_str(out, "      ", err) && json_print_str(text, out, err) && buf_u8(out, '\n', err);
    }
    return ok;
}

typedef bool event_printer(const struct eventlog_event *e, struct buf *out, struct err *err);

static bool events_print(struct bytes bytes, event_printer *print, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE],
                         struct buf *out, struct err *err)
{
    struct eventlog_event e;
    struct eventlog log;
    bool more = true;

    if (!eventlog_open(bytes, &log, err)) {
        return false;
    }
    while (more) {
        if (!eventlog_next(&log, &e, &more, err) || (more && !print(&e, out, err))) {
            return false;
        }
        if (more) {
            eventlog_fold(registers, &e);
        }
    }
    return true;
}

bool eventlog_print_json(struct bytes log, struct buf *out, struct err *err)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    size_t len = out->len;
    bool ok = buf_str(out, "{\"events\":[", err) && events_print(log, event_print_json, registers, out, err) &&
              buf_str(out, "],\"registers\":{", err);

    for (size_t i = 0; ok && i < EVENTLOG_REGISTERS; i++) {
        ok = buf_printf(out, err, "%s\"%s\":\"", i == 0 ? "" : ",", register_names[i + 1]) &&
             hex_add(out, bytes_of(registers[i], SHA384_SIZE), err) && buf_u8(out, '"', err);
    }
    ok = ok && buf_str(out, "}}", err);
    if (!ok) {
        out->len = len;
    }
    return ok;
}

bool eventlog_print_text(struct bytes log, struct buf *out, struct err *err)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    size_t len = out->len;
    bool ok = events_print(log, event_print_text, registers, out, err);

    for (size_t i = 0; ok && i < EVENTLOG_REGISTERS; i++) {
        ok = buf_printf(out, err, "%s: ", register_names[i + 1]) &&
             hex_add(out, bytes_of(registers[i], SHA384_SIZE), err) && buf_u8(out, '\n', err);
    }
    if (!ok) {
        out->len = len;
    }
    return ok;
}
