/* Contract: what replays prints, prints the registers that it replays to, and reads the same with its end cut off; an
 * error's offset lies within the input. */
#include "tdx/eventlog.h"

#include "base/hex.h"
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the events end; false: the log is none of TCG's with SHA-384. */
static bool events_end(struct bytes in, size_t *end, struct err *err)
{
    struct eventlog_event e;
    struct eventlog log;
    bool more = true;

    if (!eventlog_open(in, &log, err)) {
        return false;
    }
    while (more) {
        if (!eventlog_next(&log, &e, &more, err)) {
            return false;
        }
    }
    *end = log.rest.offset;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}}, again[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct buf json = BUF(64 << 20);
    char hex[2 * SHA384_SIZE + 1];
    struct err err = {0};
    size_t count, count_again, end;
    json_t *v;

    if (!events_end(bytes_of(data, size), &end, &err)) {
        if (err.reason == REASON_OK || (err.offset != ERR_NOWHERE && err.offset > size)) {
            abort();
        }
        return 0;
    }
    if (!eventlog_replay(bytes_of(data, size), registers, &count, &err) ||
        !eventlog_replay(bytes_of(data, end), again, &count_again, &err) || count != count_again ||
        memcmp(registers, again, sizeof again) != 0) {
        abort();
    }
    if (!eventlog_print_json(bytes_of(data, size), &json, &err) || !json_parse(buf_bytes(&json), &v, &err)) {
        abort();
    }
    hex_encode(bytes_of(registers[3], SHA384_SIZE), hex);
    if (json_array_size(json_object_get(v, "events")) != count ||
        strcmp(json_string_value(json_object_get(json_object_get(v, "registers"), "rtmr_3")), hex) != 0) {
        abort();
    }
    json_decref(v);
    buf_done(&json);
    return 0;
}
