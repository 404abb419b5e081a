/* Contract, for logs of every form: a log that opens gives the same events twice, each numbered in turn and within the
 * input; what is covered in part is a part of its data; what replays prints, as JSON that holds the registers, and what
 * does not replay for want of SHA-384 alone prints `null`; replaying twice in a row is deterministic; the text has as
 * many events; an error has a reason and an offset within the input. */
#include "tdx/eventlog.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void error_check(const struct err *err, size_t size)
{
    require(err->reason != REASON_OK && (err->offset == ERR_NOWHERE || err->offset <= size));
}

/* The number of events, or SIZE_MAX where the log cannot be read; what each of them was goes into a hash. */
static size_t events_walk(struct bytes in, uint8_t seen[SHA384_SIZE], bool *replays, struct err *err)
{
    enum eventlog_coverage coverage;
    struct eventlog_event e;
    struct bytes part;
    struct eventlog log;
    struct hash h;
    size_t count = 0;
    bool more = true;

    if (!eventlog_open_any(in, &log, err)) {
        return SIZE_MAX;
    }
    hash_init(&h, HASH_SHA384);
    *replays = true;
    while (more) {
        if (!eventlog_next(&log, &e, &more, err)) {
            eventlog_done(&log);
            return SIZE_MAX;
        }
        if (!more) {
            break;
        }
        require(e.number == count && e.index <= EVENTLOG_REGISTERS && e.digest_count > 0);
        require(e.offset == ERR_NOWHERE || e.offset < in.len);
        coverage = eventlog_coverage(&e, &part);
        require(coverage != EVENTLOG_OF_DATA);
        require(coverage != EVENTLOG_PART ||
                (part.p >= e.data.p && part.len <= e.data.len && (size_t)(part.p - e.data.p) <= e.data.len - part.len));
        hash_add(&h, e.data);
        hash_add(&h, bytes_of(e.sha384, SHA384_SIZE));
        hash_add(&h, bytes_of(&coverage, sizeof coverage));
        *replays = *replays && e.has_sha384;
        count++;
    }
    hash_end(&h, seen);
    require(eventlog_next(&log, &e, &more, err) && !more); /* an end stays one */
    eventlog_done(&log);
    return count;
}

static void json_check(struct bytes in, size_t count, bool replays, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE])
{
    struct buf json = BUF(256 << 20);
    char hex[2 * SHA384_SIZE + 1];
    struct err err = {0};
    const json_t *r;
    json_t *v = NULL;

    require(eventlog_print_json(in, &json, &err) && json_parse(buf_bytes(&json), &v, &err));
    require(json_array_size(json_object_get(v, "events")) == count);
    r = json_object_get(v, "registers");
    require(replays == json_is_object(r));
    for (size_t i = 0; replays && i < EVENTLOG_REGISTERS; i++) {
        const char names[][8] = {"rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3"};

        hex_encode(bytes_of(registers[i], SHA384_SIZE), hex);
        require(strcmp(json_string_value(json_object_get(r, names[i])), hex) == 0);
    }
    json_decref(v);
    buf_done(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}}, again[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    uint8_t seen[SHA384_SIZE], seen_again[SHA384_SIZE];
    const struct bytes in = bytes_of(data, size);
    struct buf text = BUF(256 << 20);
    struct err err = {0};
    bool replays = false;
    size_t n, count;

    n = events_walk(in, seen, &replays, &err);
    if (n == SIZE_MAX) {
        error_check(&err, size);
        require(!eventlog_replay(in, registers, &count, &err) && !eventlog_print_json(in, &text, &err) &&
                text.len == 0);
        buf_done(&text);
        return 0;
    }
    require(events_walk(in, seen_again, &replays, &err) == n && memcmp(seen, seen_again, sizeof seen) == 0);
    require(eventlog_replay(in, registers, &count, &err) == replays);
    if (replays) {
        require(count == n && eventlog_replay(in, again, &count, &err) && memcmp(registers, again, sizeof again) == 0);
    } else {
        require(err.reason == REASON_LOG_ALGORITHM);
    }
    json_check(in, n, replays, registers);
    require(eventlog_print_text(in, &text, &err));
    buf_done(&text);
    return 0;
}
