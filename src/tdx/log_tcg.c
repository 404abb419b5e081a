/* A TCG crypto-agile event log as firmware leaves it in the CCEL area of a TD, and as the service writes its own (TCG
 * PC Client Platform Firmware Profile, section 10.4.5; Intel's Guest-Host Communication Interface for the indexes).
 *
 *     header: u32 index, u32 3, 20 bytes, u32 size, then the Spec ID event with the list of digest algorithms
 *     events: u32 index, u32 type, u32 count, count x (u16 algorithm, digest), u32 size, data
 *     end:    the end of the input, an index of 0xFFFFFFFF, eight bytes 0xFF, or zeros up to the end; what follows the
 *             first three is padding of one byte
 *
 * Index 0 is MRTD; 1..4 are RTMR0..3. */
#include "base/limits.h"
#include "tdx/log_form.h"

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
    for (size_t i = 0; i < LOG_ALGORITHMS; i++) {
        if (log_algorithms[i].id == id && log_algorithms[i].size != size) {
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

static bool tcg_is(struct bytes log)
{
    (void)log;
    return true;
}

static bool tcg_open(struct eventlog *log, struct err *err)
{
    struct cursor *c = &log->rest, event;
    uint32_t index, type, size;

    if (!cursor_u32le(c, &index, err) || !cursor_u32le(c, &type, err) || !cursor_skip(c, 20, err) ||
        !cursor_u32le(c, &size, err)) {
        return false;
    }
    if (index == 0x4C454343) { /* "CCEL" */
        return FAIL(err, REASON_LOG_FORM, 0,
                    "the ACPI table that points to a log: the log is its data (.../tables/data/CCEL)");
    }
    if (type != EVENTLOG_EV_NO_ACTION || index > 1) {
        return FAIL(err, REASON_LOG_FORM, 0, "the first record has index %u and type 0x%x", index, type);
    }
    return cursor_take(c, size, &event, err) && spec_id_read(&event, log, err);
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

/* Each is of an algorithm of the header, and no two are of one. */
static bool digests_read(const struct eventlog *log, struct cursor *c, struct eventlog_event *e, struct err *err)
{
    size_t at = c->offset;
    struct cursor value;
    uint32_t count;
    uint16_t alg;

    if (!cursor_u32le(c, &count, err)) {
        return false;
    }
    if (count == 0 || count > log->algorithm_count) {
        return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu has %u digests", e->number, count);
    }
    while (e->digest_count < count) {
        size_t i = 0;

        at = c->offset;
        if (!cursor_u16le(c, &alg, err)) {
            return false;
        }
        while (i < log->algorithm_count && log->algorithms[i].id != alg) {
            i++;
        }
        for (size_t n = 0; n < e->digest_count; n++) {
            i = e->digests[n].alg == alg ? log->algorithm_count : i;
        }
        if (i == log->algorithm_count) {
            return FAIL(err, REASON_LOG_ALGORITHM, at, "event %zu: algorithm 0x%04x is not in the header, or twice",
                        e->number, alg);
        }
        if (!cursor_take(c, log->algorithms[i].size, &value, err)) {
            return false;
        }
        log_digest_add(e, alg, log->algorithms[i].size, value.next);
    }
    return true;
}

static bool tcg_next(struct eventlog *log, struct eventlog_event *e, bool *more, struct err *err)
{
    struct cursor *c = &log->rest, data;
    uint32_t size;
    bool end;

    if (!end_find(log, &end, err)) {
        return false;
    }
    *more = !end;
    if (end) {
        return true;
    }
    if (!cursor_u32le(c, &e->index, err) || !cursor_u32le(c, &e->type, err)) {
        return false;
    }
    if (e->index > EVENTLOG_REGISTERS) {
        return FAIL(err, REASON_LOG_REGISTER, e->offset, "event %zu: index %u", e->number, e->index);
    }
    if (!digests_read(log, c, e, err) || !cursor_u32le(c, &size, err)) {
        return false;
    }
    if (size > LIMIT_LOG_EVENT) {
        return FAIL(err, REASON_LOG_LIMIT, c->offset - 4, "event %zu: %u bytes", e->number, size);
    }
    if (!cursor_take(c, size, &data, err)) {
        return false;
    }
    e->data = cursor_rest(&data);
    return true;
}

const struct eventlog_form log_tcg = {"tcg", true, tcg_is, tcg_open, tcg_next};
