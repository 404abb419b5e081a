#include "tdx/eventlog.h"

#include "base/limits.h"

/* The registry of algorithms (TCG Algorithm Registry), by the sizes that a log may state for them. */
static const struct {
    uint16_t id, size;
    const char *name;
} algorithms[] = {{EVENTLOG_ALG_SHA1, 20, "sha1"},
                  {EVENTLOG_ALG_SHA256, SHA256_SIZE, "sha256"},
                  {EVENTLOG_ALG_SHA384, SHA384_SIZE, "sha384"},
                  {EVENTLOG_ALG_SHA512, SHA512_SIZE, "sha512"},
                  {EVENTLOG_ALG_SM3, 32, "sm3"}};

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

const char *eventlog_type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return "";
}

const char *eventlog_algorithm_name(uint16_t alg)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (algorithms[i].id == alg) {
            return algorithms[i].name;
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

bool eventlog_open_any(struct bytes bytes, struct eventlog *out, struct err *err)
{
    struct cursor c = cursor_init(bytes.p, bytes.len), event;
    struct eventlog log = {.any = true};
    uint32_t index, type, size;

    if (bytes.len > LIMIT_LOG) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "a log of %zu bytes", bytes.len);
    }
    if (!cursor_u32le(&c, &index, err) || !cursor_u32le(&c, &type, err) || !cursor_skip(&c, 20, err) ||
        !cursor_u32le(&c, &size, err)) {
        return false;
    }
    if (index == 0x4C454343) { /* "CCEL" */
        return FAIL(err, REASON_LOG_FORM, 0,
                    "the ACPI table that points to a log: the log is its data (.../tables/data/CCEL)");
    }
    if (type != EVENTLOG_EV_NO_ACTION || index > 1) {
        return FAIL(err, REASON_LOG_FORM, 0, "the first record has index %u and type 0x%x", index, type);
    }
    if (!cursor_take(&c, size, &event, err) || !spec_id_read(&event, &log, err)) {
        return false;
    }
    log.rest = c;
    *out = log;
    return true;
}

bool eventlog_open(struct bytes bytes, struct eventlog *out, struct err *err)
{
    struct eventlog log;

    if (!eventlog_open_any(bytes, &log, err)) {
        return false;
    }
    for (size_t i = 0; i < log.algorithm_count; i++) {
        if (log.algorithms[i].id == EVENTLOG_ALG_SHA384) {
            log.any = false;
            *out = log;
            return true;
        }
    }
    return FAIL(err, REASON_LOG_ALGORITHM, 0, "the log has no SHA-384 digests");
}

static size_t run_length(struct bytes b, uint8_t byte)
{
    size_t n = 0;

    while (n < b.len && b.p[n] == byte) {
        n++;
    }
    return n;
}

/* At one of the four ends. Behind 0xFF, four or eight of them, the area may be filled with another byte; behind zeros
 * only more of them mean an end. A last piece that is too short for an index is an end if it is padding. */
static bool end_find(const struct eventlog *log, bool *end, struct err *err)
{
    const struct bytes rest = cursor_rest(&log->rest);
    const size_t ones = run_length(rest, 0xFF), zeros = run_length(rest, 0);
    size_t stop = rest.len;

    *end = rest.len == 0 || ones == rest.len || ones >= 4 || zeros == rest.len || zeros >= 8;
    if (!*end) {
        return true;
    }
    if (ones >= 4 && ones < rest.len) {
        stop =
            ones == 4 || ones == 8 ? ones + run_length(bytes_of(rest.p + ones, rest.len - ones), rest.p[ones]) : ones;
    } else if (zeros >= 8) {
        stop = zeros;
    }
    return stop == rest.len || FAIL(err, REASON_LOG_FORM, log->rest.offset + stop, "bytes behind the end of the log");
}

/* One digest: of an algorithm of the header, and of none twice. */
static bool digest_read(const struct eventlog *log, struct cursor *c, struct eventlog_event *e, struct err *err)
{
    struct eventlog_digest *d = &e->digests[e->digest_count];
    const size_t at = c->offset;
    size_t i = 0;

    if (!cursor_u16le(c, &d->alg, err)) {
        return false;
    }
    while (i < log->algorithm_count && log->algorithms[i].id != d->alg) {
        i++;
    }
    for (size_t n = 0; n < e->digest_count; n++) {
        i = e->digests[n].alg == d->alg ? log->algorithm_count : i;
    }
    if (i == log->algorithm_count) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu: algorithm 0x%04x is not in the header, or twice",
                    e->number, d->alg);
    }
    d->size = log->algorithms[i].size;
    if (!cursor_copy(c, d->value, d->size, err)) {
        return false;
    }
    e->digest_count++;
    if (d->alg == EVENTLOG_ALG_SHA384) {
        memcpy(e->sha384, d->value, SHA384_SIZE);
        e->has_sha384 = true;
    }
    return true;
}

static bool digests_read(const struct eventlog *log, struct cursor *c, struct eventlog_event *e, struct err *err)
{
    size_t at = c->offset;
    uint32_t count;

    if (!cursor_u32le(c, &count, err)) {
        return false;
    }
    if (count == 0 || count > log->algorithm_count) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu has %u digests", e->number, count);
    }
    for (uint32_t n = 0; n < count; n++) {
        at = c->offset;
        if (!digest_read(log, c, e, err)) {
            return false;
        }
    }
    return log->any || e->has_sha384 ||
           FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu has no SHA-384 digest", e->number);
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
    return e->has_sha384 && memcmp(digest, e->sha384, sizeof digest) == 0;
}
