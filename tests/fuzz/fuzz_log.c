/* Contract, for logs of every form: a log that opens gives the same events twice, each numbered in turn and within the
 * input; what is covered in part is a part of its data; what replays prints, as JSON that holds the registers, and what
 * does not replay for want of SHA-384 alone prints `null`; replaying twice in a row is deterministic; the text has as
 * many events; an error has a reason and an offset within the input. */
#include "tdx/anylog.h"

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
    struct anylog_event e;
    struct anylog log;
    struct hash h;
    size_t count = 0;
    bool more = true;

    if (!anylog_open(in, &log, err)) {
        return SIZE_MAX;
    }
    hash_init(&h, HASH_SHA384);
    *replays = true;
    while (more) {
        if (!anylog_next(&log, &e, &more, err)) {
            anylog_done(&log);
            return SIZE_MAX;
        }
        if (!more) {
            break;
        }
        require(e.e.number == count && e.e.index <= EVENTLOG_REGISTERS && e.e.digest_count > 0);
        require(e.e.offset == ERR_NOWHERE || e.e.offset < in.len);
        require(e.coverage != ANYLOG_PART || (e.part.p >= e.e.data.p && e.part.len <= e.e.data.len &&
                                              (size_t)(e.part.p - e.e.data.p) <= e.e.data.len - e.part.len));
        hash_add(&h, e.e.data);
        hash_add(&h, bytes_of(e.e.sha384, SHA384_SIZE));
        hash_add(&h, bytes_of(&e.coverage, sizeof e.coverage));
        *replays = *replays && e.e.has_sha384;
        count++;
    }
    hash_end(&h, seen);
    require(anylog_next(&log, &e, &more, err) && !more); /* an end stays one */
    anylog_done(&log);
    return count;
}

static void json_check(struct bytes in, size_t count, bool replays, uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE])
{
    struct buf json = BUF(256 << 20);
    char hex[2 * SHA384_SIZE + 1];
    struct err err = {0};
    const json_t *r;
    json_t *v = NULL;

    require(anylog_print_json(in, &json, &err) && json_parse(buf_bytes(&json), &v, &err));
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
        require(!anylog_replay(in, registers, &count, &err) && !anylog_print_json(in, &text, &err) && text.len == 0);
        buf_done(&text);
        return 0;
    }
    require(events_walk(in, seen_again, &replays, &err) == n && memcmp(seen, seen_again, sizeof seen) == 0);
    require(anylog_replay(in, registers, &count, &err) == replays);
    if (replays) {
        require(count == n && anylog_replay(in, again, &count, &err) && memcmp(registers, again, sizeof again) == 0);
    } else {
        require(err.reason == REASON_LOG_ALGORITHM);
    }
    json_check(in, n, replays, registers);
    require(anylog_print_text(in, &text, &err));
    buf_done(&text);
    return 0;
}
